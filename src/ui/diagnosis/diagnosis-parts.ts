/** What of a diagnosis stands on which page, and in which of its slots. */
import { html, nothing } from 'lit';
import { guard } from 'lit/directives/guard.js';
import type { ByteUnit } from '../../base/units.ts';
import type { DeviceDiagnosis, DeviceView, SourceView } from '../../engine/protocol.ts';
import { podWaterfalls, rankWaterfalls } from '../../view/serving/server-waterfalls.ts';
import { diagnosisPage } from '../../view/diagnosis/diagnosis.ts';
import { toldElsewhere } from '../../view/diagnosis/told-elsewhere.ts';
import { type Verdict, verdictOf } from '../../view/workspace/verdict.ts';
import type { DiagnosisState } from './diagnosis-run.ts';
import type { Session } from '../shell/session.ts';
import './vs-clocks.ts';
import './vs-diagnosis.ts';
import './vs-diagnosis-ledger.ts';
import './vs-pins.ts';
import '../serving/vs-serving.ts';
import type { ServerGivenChange } from '../serving/vs-serving-given.ts';
import '../serving/vs-serving-growth.ts';
import '../serving/vs-serving-requests.ts';
import './vs-told-elsewhere.ts';
import '../serving/vs-vllm-memory.ts';
import '../serving/vs-waterfall.ts';

export const diagnosisOf = ({ diagnosis }: DiagnosisState, device: string): DeviceDiagnosis | null =>
  diagnosis?.devices.find(({ deviceKey }) => deviceKey === device) ?? null;

/** The answer of a device's page in one line; null: not judged yet, or not at all. */
export function verdictFor(
  { diagnosis }: DiagnosisState,
  { key: deviceKey, hasStacks }: Pick<DeviceView, 'key' | 'hasStacks'>,
  unit: ByteUnit,
): Verdict | null {
  if (diagnosis === null) return null;
  return verdictOf(diagnosisPage(diagnosis, { deviceKey, hasStacks }, unit).answers);
}

/**
 * `device`: null on a page without one, where what is said of no device stands alone. `log`: source whose page it is,
 * which leads to what is said of a recording of its run; null: a recording's.
 */
export function renderDiagnosis(
  state: DiagnosisState,
  device: Pick<DeviceView, 'key' | 'hasStacks'> | null,
  unit: ByteUnit,
  log: number | null = null,
): unknown {
  const told = log === null || state.diagnosis === null ? [] : toldElsewhere(state.diagnosis, log, unit);
  return html`<vs-diagnosis
      slot="diagnosis"
      .state=${state}
      .deviceKey=${device?.key ?? null}
      .hasStacks=${device?.hasStacks ?? false}
      .elsewhere=${told.length > 0}
      .unit=${unit}
    ></vs-diagnosis>
    ${told.length === 0 ? nothing : html`<vs-told-elsewhere slot="diagnosis" .told=${told}></vs-told-elsewhere>`}
    <vs-clocks slot="diagnosis" .state=${state} .unit=${unit}></vs-clocks>`;
}

/** Where every byte is, and who keeps free ones from going back. `shown`: row of the event that the page shows. */
export function renderLedger(
  session: Session,
  device: string,
  unit: ByteUnit,
  shown: number | null,
): unknown {
  const { state } = session.diagnosis;
  const told = diagnosisOf(state, device);
  const ledgers = told?.ledgers ?? [];
  const pins = told?.pins ?? null;
  const moments = ledgers.map(({ when, ledger }) => ({ when, row: ledger.row }));
  return [
    ledgers.length === 0
      ? nothing
      : html`<vs-diagnosis-ledger
          slot="ledger"
          .ledgers=${ledgers}
          .unit=${unit}
          .shown=${shown}
          .ask=${(row: number) => session.ledger(device, row)}
        ></vs-diagnosis-ledger>`,
    pins === null
      ? nothing
      : html`<vs-pins
          slot="ledger"
          class="panel"
          .pins=${pins}
          .moments=${moments}
          .unit=${unit}
          .shown=${shown}
          .ask=${(row: number) => session.pins(device, row)}
        ></vs-pins>`,
  ];
}

/** The budgets of a server's log step by step: sums over its ranks, and each rank. */
export function renderWaterfalls({ diagnosis }: DiagnosisState, source: number, unit: ByteUnit): unknown {
  const servers = (diagnosis?.servers ?? []).filter(({ sourceId }) => sourceId === source);
  const waterfalls = servers.flatMap((server) => [...podWaterfalls(server), ...rankWaterfalls(server)]);
  if (waterfalls.length === 0) return nothing;
  return html`<vs-waterfall
    slot="diagnosis"
    class="panel below"
    .waterfalls=${waterfalls}
    .unit=${unit}
  ></vs-waterfall>`;
}

/** vLLM's own snapshots and profiling results: they are in the source itself. */
export function renderVllmMemory({ vllmMemory = [] }: SourceView, unit: ByteUnit): unknown {
  if (vllmMemory.length === 0) return nothing;
  return html`<vs-vllm-memory
    slot="diagnosis"
    class="panel below"
    .accounts=${vllmMemory}
    .unit=${unit}
  ></vs-vllm-memory>`;
}

/** KV cache, requests by size, growth of what was printed. `device`: of that one and of none; null: of all. */
export function renderServing(
  { diagnosis }: DiagnosisState,
  { id, readings }: Pick<SourceView, 'id' | 'readings'>,
  device: number | null,
  unit: ByteUnit,
): unknown {
  return guard([diagnosis, id, device, unit], () => {
    const own = ({ sourceId }: { readonly sourceId: number }): boolean => sourceId === id;
    const servers = (diagnosis?.servers ?? [])
      .filter(own)
      .filter(
        ({ kv, usage, pods }) => kv.length + usage.length > 0 || pods.some(({ rankCount }) => rankCount > 1),
      );
    const requests = diagnosis?.requests.filter(own) ?? [];
    const growths = (diagnosis?.gaugeGrowth ?? [])
      .filter(own)
      .filter((one) => device === null || one.device === null || one.device === device);
    return [
      servers.map(
        (server) =>
          html`<vs-serving
            slot="diagnosis"
            class="panel below"
            .server=${server}
            .clock=${readings?.clock ?? 'none'}
            .unit=${unit}
          ></vs-serving>`,
      ),
      requests.length === 0
        ? nothing
        : html`<vs-serving-requests
            slot="diagnosis"
            class="panel below"
            .requests=${requests}
            .unit=${unit}
          ></vs-serving-requests>`,
      growths.length === 0
        ? nothing
        : html`<vs-serving-growth
            slot="diagnosis"
            class="panel below"
            .growths=${growths}
            .unit=${unit}
          ></vs-serving-growth>`,
    ];
  });
}

/** Hands the engine what the reader of a log knows; the diagnosis follows. */
export async function tellServer(session: Session, { source, given }: ServerGivenChange): Promise<void> {
  try {
    await (await session.api()).setServer(source, given);
    session.diagnosis.ask();
  } catch (error) {
    session.say(`The engine did not take it: ${String(error)}`);
  }
}
