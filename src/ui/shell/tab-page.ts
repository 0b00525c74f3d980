/** What a tab shows: one page each, kept while the file is open. Hidden pages keep their zoom and their choices. */
import { html } from 'lit';
import type { ByteUnit } from '../../base/units.ts';
import { deviceLabel } from '../../base/words.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { Tab } from '../../view/shell/tabs.ts';
import '../device/vs-device.ts';
import {
  diagnosisOf,
  renderDiagnosis,
  renderLedger,
  renderServing,
  renderVllmMemory,
  renderWaterfalls,
  tellServer,
  verdictFor,
} from '../diagnosis/diagnosis-parts.ts';
import '../readings/vs-log.ts';
import '../readings/vs-summaries.ts';
import type { ServerGivenChange } from '../serving/vs-serving-given.ts';
import type { Session } from './session.ts';
import './vs-file-bar.ts';

export interface TabPage {
  readonly session: Session;
  readonly api: () => Promise<EngineApi>;
  readonly unit: ByteUnit;
  readonly dark: boolean;
  readonly hidden: boolean;
  /** Address of what a device's page shows; '' where there is none. */
  readonly link: string;
  /** Row of the event that a device's page shows. */
  readonly shownRow: number | null;
  showRow(row: number | null): void;
}

export function tabPage(tab: Tab, page: TabPage): unknown {
  const { session, api, unit, dark, hidden } = page;
  const { source } = tab;
  const told = session.diagnosis.state;
  switch (tab.kind) {
    case 'device':
      return html`<vs-device
        role="tabpanel"
        aria-label=${`${source.file}, ${deviceLabel(tab.device.device)}`}
        ?hidden=${hidden}
        .source=${source}
        .device=${tab.device}
        .api=${api}
        .newJob=${() => session.newJob()}
        .unit=${unit}
        .dark=${dark}
        .link=${page.link}
        .verdict=${verdictFor(told, tab.device, unit)}
        .sources=${session.sources}
        .iterations=${diagnosisOf(told, tab.id)?.iterations ?? null}
        @event-shown=${({ detail }: CustomEvent<{ row: number | null }>) => page.showRow(detail.row)}
        >${renderDiagnosis(told, tab.device, unit)}${renderLedger(session, tab.id, unit, page.shownRow)}</vs-device
      >`;
    case 'summaries':
      return html`<vs-summaries
        role="tabpanel"
        aria-label=${`${source.file}, ${deviceLabel(tab.device)}`}
        ?hidden=${hidden}
        .source=${source}
        .device=${tab.device}
        .api=${api}
        .unit=${unit}
        .dark=${dark}
        >${renderDiagnosis(told, null, unit, source.id)}${renderServing(told, source, tab.device, unit)}</vs-summaries
      >`;
    case 'readings':
      return html`<vs-log
        role="tabpanel"
        aria-label=${`${source.file}, ${source.formatTitle}`}
        ?hidden=${hidden}
        .source=${source}
        .api=${api}
        .unit=${unit}
        .dark=${dark}
        @server-given=${(event: CustomEvent<ServerGivenChange>) => void tellServer(session, event.detail)}
        >${renderDiagnosis(told, null, unit, source.id)}${renderWaterfalls(told, source.id, unit)}${renderVllmMemory(source, unit)}${renderServing(told, source, null, unit)}</vs-log
      >`;
    case 'empty':
      return html`<div class="failed" role="tabpanel" aria-label=${source.file} ?hidden=${hidden}>
        <vs-file-bar .source=${source} .unit=${unit}></vs-file-bar>
      </div>`;
  }
}
