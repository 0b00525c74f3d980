/** The charts of a device's page: memory, fragmentation, kernels and the ledger, all on one x axis. */
import { html, nothing } from 'lit';
import type { ByteUnit } from '../../base/units.ts';
import type {
  DeviceView,
  IterationsView,
  KernelsAnswer,
  LedgerColumns,
  TimelineAnswer,
} from '../../engine/protocol.ts';
import type { DeviceState } from '../../view/device/device-state.ts';
import { isFull, seriesOf } from '../../view/device/device-state.ts';
import type { AnnotationLanes } from '../../view/parts/marks.ts';
import { annotationLanes, iterationMarks, oomMarks } from '../../view/parts/marks.ts';
import './vs-kernels.ts';
import './vs-ledger-chart.ts';
import './vs-timeline.ts';

export interface DeviceCharts {
  readonly device: DeviceView;
  readonly view: DeviceState;
  readonly timeline: TimelineAnswer | null;
  readonly kernels: KernelsAnswer | null;
  readonly ledgerColumns: LedgerColumns | null;
  /** Marked on the timeline; null: not. */
  readonly iterations: IterationsView | null;
  readonly unit: ByteUnit;
  readonly dark: boolean;
  readonly hoverX: number | null;
  /** x of the event that the panel shows. */
  readonly pinned: number | null;
  readonly selecting: boolean;
  /** Of the plots, CSS pixels; 0: not known yet. */
  readonly width: number;
  /** Buttons in the header of the first chart. */
  readonly tools: unknown;
}

/** Whether a ledger over time can be asked for. */
export const hasLedger = ({ producer, rows }: DeviceView): boolean => producer === 'torch' && rows > 0;

export function renderDeviceCharts(charts: DeviceCharts): unknown {
  const { device, view, width } = charts;
  const fragmentation = seriesOf(device, 'fragmentation');
  const lanes = view.axis === 'time' && width > 0 ? annotationLanes(device, view.span, width) : null;
  const marks = oomMarks(device, view.axis, charts.unit).map(({ x }) => x);
  const usage = seriesOf(device, 'usage');
  return html`
    ${chart(charts, 'Memory over time', usage, 280, marks, lanes, [charts.tools, kernelTrack(charts)])}
    ${
      fragmentation.length === 0
        ? nothing
        : chart(charts, 'Fragmentation: reserved but not used', fragmentation, 170, [], null, nothing)
    }
    ${hasLedger(device) ? ledger(charts, marks) : nothing}
  `;
}

const hasRightAxis = ({ series }: DeviceView): boolean => series.some(({ unit }) => unit === 'count');

function chart(
  { device, view, timeline, unit, dark, hoverX, pinned, selecting, iterations, width }: DeviceCharts,
  heading: string,
  series: DeviceView['series'],
  height: number,
  marks: readonly number[],
  lanes: AnnotationLanes | null,
  slotted: unknown,
): unknown {
  return html`<vs-timeline
    class="panel"
    heading=${heading}
    .answer=${timeline}
    .series=${series}
    .hiddenCurves=${view.hidden}
    .span=${view.span}
    .axis=${view.axis}
    .unit=${unit}
    .hoverX=${hoverX}
    .selection=${view.selection}
    .marks=${marks}
    .iterations=${iterationMarks(iterations, view.axis, view.span, width)}
    .pinned=${pinned}
    .height=${height}
    .annotations=${lanes}
    ?dark=${dark}
    ?full=${isFull(view, device)}
    ?selecting=${selecting}
    ?rightAxis=${hasRightAxis(device)}
    >${slotted}</vs-timeline
  >`;
}

function ledger(
  { device, view, ledgerColumns, unit, dark, hoverX, pinned, selecting }: DeviceCharts,
  marks: readonly number[],
): unknown {
  return html`<vs-ledger-chart
    class="panel"
    .answer=${ledgerColumns}
    .span=${view.span}
    .axis=${view.axis}
    .unit=${unit}
    .hoverX=${hoverX}
    .selection=${view.selection}
    .marks=${marks}
    .pinned=${pinned}
    ?dark=${dark}
    ?full=${isFull(view, device)}
    ?selecting=${selecting}
    ?rightAxis=${hasRightAxis(device)}
  ></vs-ledger-chart>`;
}

function kernelTrack({ device, view, kernels, hoverX, dark, selecting, width }: DeviceCharts): unknown {
  if (device.kernels === null || view.axis !== 'time') return nothing;
  return html`<vs-kernels
    slot="below"
    .answer=${kernels}
    .span=${view.span}
    .hoverX=${hoverX}
    .width=${width}
    .outside=${device.kernels.outside}
    ?dark=${dark}
    ?full=${isFull(view, device)}
    ?selecting=${selecting}
  ></vs-kernels>`;
}
