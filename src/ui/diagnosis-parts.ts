/** What of a diagnosis stands on which page, and in which of its slots. */
import { html, nothing } from 'lit';
import type { ByteUnit } from '../base/units.ts';
import type { DeviceDiagnosis, DeviceView } from '../engine/protocol.ts';
import { podWaterfalls } from '../view/diagnosis-waterfall.ts';
import type { DiagnosisState } from './diagnosis-run.ts';
import './vs-clocks.ts';
import './vs-diagnosis.ts';
import type { VsDiagnosisLedger } from './vs-diagnosis-ledger.ts';
import './vs-diagnosis-ledger.ts';
import './vs-waterfall.ts';

export const diagnosisOf = ({ diagnosis }: DiagnosisState, device: string): DeviceDiagnosis | null =>
  diagnosis?.devices.find(({ deviceKey }) => deviceKey === device) ?? null;

/** `device`: null on a page without one, where what is said of no device stands alone. */
export const renderDiagnosis = (
  state: DiagnosisState,
  device: Pick<DeviceView, 'key' | 'hasStacks'> | null,
  unit: ByteUnit,
): unknown =>
  html`<vs-diagnosis
    slot="diagnosis"
    .state=${state}
    .deviceKey=${device?.key ?? null}
    .hasStacks=${device?.hasStacks ?? false}
    .unit=${unit}
  ></vs-diagnosis>
  <vs-clocks slot="diagnosis" .state=${state} .unit=${unit}></vs-clocks>`;

/** `ask`: the ledger just after a row of the device. */
export function renderLedger(
  state: DiagnosisState,
  device: string,
  unit: ByteUnit,
  ask: VsDiagnosisLedger['ask'],
): unknown {
  const ledgers = diagnosisOf(state, device)?.ledgers ?? [];
  if (ledgers.length === 0) return nothing;
  return html`<vs-diagnosis-ledger
    slot="ledger"
    .ledgers=${ledgers}
    .unit=${unit}
    .ask=${ask}
  ></vs-diagnosis-ledger>`;
}

/** Sums over the ranks of a server's log. */
export function renderWaterfalls({ diagnosis }: DiagnosisState, source: number, unit: ByteUnit): unknown {
  const servers = diagnosis?.servers ?? [];
  const sums = servers.filter(({ sourceId }) => sourceId === source).flatMap(podWaterfalls);
  if (sums.length === 0) return nothing;
  return html`<vs-waterfall
    slot="diagnosis"
    class="panel below"
    heading="Budget of all ranks"
    .waterfalls=${sums}
    .unit=${unit}
  ></vs-waterfall>`;
}
