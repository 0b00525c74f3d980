/**
 * Bytes over time as steps, from any source: what the clocks of sources are aligned by and what sources are
 * compared in.
 *
 *   time_ns (after the source's base) | value      kind 'event': holds until the next row
 *   0                                 | 467664896  kind 'sample': known at that moment alone; in between it may
 *   2374000                           | 488636416                 have been anything
 *
 * Every figure is read as the range of bytes that it can mean: printed digits are finite.
 */
import { lowerBound, upperBound } from '../base/binary-search.ts';
import { asBigInt64 } from '../base/u64.ts';
import type { Bounds } from '../base/measured.ts';
import type { SeriesSpec } from '../aggregate/series.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import type { Gauge } from '../trace/readings.ts';

/**
 * What a curve counts. reserved, allocated: PyTorch's caching allocator. driver_allocated: cudaMalloc and its like as
 * Nsight sees them. device_used: the whole card (nvidia-smi, DCGM). process_used: one process on it (compute-apps).
 * allocated_peak, reserved_peak: the most since some moment. printed: a program's own figure, of what it does not say.
 */
export type Measure =
  | 'reserved'
  | 'allocated'
  | 'driver_allocated'
  | 'device_used'
  | 'process_used'
  | 'allocated_peak'
  | 'reserved_peak'
  | 'printed';

export interface StepCurve {
  readonly label: string;
  readonly measures: Measure;
  /** GPU index; null: the source names none. */
  readonly device: number | null;
  readonly kind: 'event' | 'sample';
  /** Nanoseconds after the base of its source, ascending. */
  readonly time_ns: Float64Array;
  /** Bytes, as printed. */
  readonly value: Float64Array;
  /** Moment of the last thing the source tells of, on the same clock; at or after the last row. */
  readonly endNs: number;
  /** Width of the last printed digit, bytes; 0: exact. */
  readonly granularity: number;
  /** Which side of the printed figure the true one may lie on. */
  readonly rounding: 'nearest' | 'down' | 'either';
  /** Width of the last digit of its times. A time t means [t, t + this]. */
  readonly timeGranularityNs: number;
  /** How far from its time a sample may have been taken, both ways. */
  readonly slackNs: number;
  /** How much older than its time a sample may be, besides (exporters that collect less often than they are asked). */
  readonly staleNs: number;
  /** 'lower': the true curve may lie above by a constant (allocated before the recording began). */
  readonly bound: 'exact' | 'lower';
}

/** How far from its printed time a monitor's sample may have been taken. */
const SAMPLE_SLACK_NS = 50e6;

/** dcgm-exporter asks the driver every 30 s (`--collect-interval`) and answers scrapes in between with the same. */
const DCGM_STALE_NS = 30e9;

/** Range of bytes that a printed value stands for. */
export function printedBounds(
  value: number,
  { granularity, rounding }: Pick<StepCurve, 'granularity' | 'rounding'>,
): Bounds {
  if (rounding === 'down') return { least: value, most: value + granularity };
  const apart = rounding === 'nearest' ? granularity / 2 : granularity;
  return { least: value - apart, most: value + apart };
}

/**
 * Range of the curve's values anywhere in [from, to]; null: the source tells nothing of that time. Event curves
 * tell from their first row to `endNs`; of a sample curve the samples around the window count, too.
 */
export function boundsIn(curve: StepCurve, from: number, to: number): Bounds | null {
  const { time_ns, value, kind } = curve;
  if (time_ns.length === 0 || to < time_ns[0] || from > curve.endNs) return null;
  const first = Math.max(0, upperBound(time_ns, from) - 1);
  const last = kind === 'event' ? upperBound(time_ns, to) - 1 : lowerBound(time_ns, to);
  let least = Infinity;
  let most = -Infinity;
  for (let i = first; i <= Math.min(last, value.length - 1); i++) {
    if (value[i] < least) least = value[i];
    if (value[i] > most) most = value[i];
  }
  return { least: printedBounds(least, curve).least, most: printedBounds(most, curve).most };
}

/** Window in which the value of a row was true somewhere. `slackNs`: in place of the curve's own. */
export const windowOf = (
  curve: StepCurve,
  row: number,
  slackNs = curve.slackNs,
): readonly [from: number, to: number] => [
  curve.time_ns[row] - slackNs - curve.staleNs,
  curve.time_ns[row] + curve.timeGranularityNs + slackNs,
];

const TIME_DIGITS = [1e9, 100e6, 10e6, 1e6, 1e3];

/** Width of the last digit that any of these times has: 1 s where all are whole seconds, ..., else 1 ns. */
export function timeGranularity(times: BigInt64Array): number {
  let digit = 0;
  for (const time of times) {
    while (digit < TIME_DIGITS.length && time % BigInt(TIME_DIGITS[digit]) !== 0n) digit++;
    if (digit === TIME_DIGITS.length) return 1;
  }
  return times.length === 0 ? 1 : TIME_DIGITS[digit];
}

/**
 * A byte curve of an allocator trace (aggregate/torch-series.ts, nsys-series.ts), its rows without change left out.
 * `baseNs`: what times count from. Rows of one moment become one.
 */
export function curveOfSeries(
  trace: DeviceTrace,
  spec: SeriesSpec,
  measures: Measure,
  baseNs: bigint,
): StepCurve {
  const { events } = trace;
  const absolute = asBigInt64(events.time_ns);
  const deltas = asBigInt64(spec.deltas?.() ?? new Uint32Array(2 * events.length));
  const times: number[] = [];
  const values: number[] = [];
  let value = spec.initial;
  let latest = -Infinity;
  for (let row = 0; row < events.length; row++) {
    // The state before the first event is told, too.
    if (deltas[row] === 0n && row > 0) continue;
    value += Number(deltas[row]);
    latest = Math.max(latest, Number(absolute[row] - baseNs));
    if (times.length > 0 && times[times.length - 1] === latest) values[values.length - 1] = value;
    else {
      times.push(latest);
      values.push(value);
    }
  }
  const end = events.length === 0 ? 0 : Number(absolute[events.length - 1] - baseNs);
  return {
    label: spec.label,
    measures,
    device: trace.device,
    kind: 'event',
    time_ns: Float64Array.from(times),
    value: Float64Array.from(values),
    endNs: Math.max(end, latest),
    granularity: 0,
    rounding: 'nearest',
    timeGranularityNs: 0,
    slackNs: 0,
    staleNs: 0,
    bound: spec.bound === 'lower' && spec.id !== 'allocated_floor' ? 'lower' : 'exact',
  };
}

const MEASURES: Readonly<Record<string, Measure>> = {
  'memory.used': 'device_used',
  DCGM_FI_DEV_FB_USED: 'device_used',
  nvidia_smi_memory_used_bytes: 'device_used',
  nvidia_smi_fb_memory_usage_used_bytes: 'device_used',
  gpu_used_vram: 'device_used',
  'process.memory.used': 'process_used',
  nvidia_smi_compute_app_used_memory_bytes: 'process_used',
  memory_allocated: 'allocated',
  memory_reserved: 'reserved',
  memory_active: 'printed',
  max_memory_allocated: 'allocated_peak',
  max_memory_active: 'printed',
  max_memory_reserved: 'reserved_peak',
  'printed.device_used': 'printed',
  'printed.memory_used': 'printed',
  'printed.max_memory_used': 'printed',
  'Total Allocated': 'allocated',
  'Total Reserved': 'reserved',
};

/** What a gauge counts, where it counts bytes of a GPU; null: it does not, or not in a way that is known. */
export function measureOf(gauge: Gauge): Measure | null {
  if (gauge.unit !== 'bytes' || gauge.labels['device_type'] === 'CPU') return null;
  return Object.hasOwn(MEASURES, gauge.id) ? MEASURES[gauge.id] : null;
}

/** `gauge` as a curve; null: it is none of GPU bytes. Kineto's totals are written at every change, all others sampled. */
export function curveOfGauge(gauge: Gauge, baseNs: bigint): StepCurve | null {
  const measures = measureOf(gauge);
  // A peak is of some moment before, and nobody knows what a figure counts that is only printed.
  if (measures === null || measures.endsWith('_peak') || measures === 'printed') return null;
  const rows = Array.from(gauge.value.keys()).filter((row) => !Number.isNaN(gauge.value[row]));
  if (rows.length === 0) return null;
  const isEvent = gauge.id.startsWith('Total ');
  const kept = isEvent ? lastOfEachMoment(rows, gauge.time_ns) : rows;
  const isPrinted = gauge.id === 'memory_allocated' || gauge.id === 'memory_reserved';
  const time_ns = Float64Array.from(kept, (row) => Number(gauge.time_ns[row] - baseNs));
  return {
    label: gauge.label,
    measures,
    device: gauge.device,
    kind: isEvent ? 'event' : 'sample',
    time_ns,
    value: Float64Array.from(kept, (row) => gauge.value[row]),
    endNs: time_ns[time_ns.length - 1],
    granularity: gauge.granularity,
    rounding: isPrinted ? 'nearest' : 'either',
    timeGranularityNs: isEvent ? 0 : timeGranularity(gauge.time_ns),
    slackNs: isEvent ? 0 : SAMPLE_SLACK_NS,
    staleNs: gauge.id.startsWith('DCGM_') ? DCGM_STALE_NS : 0,
    bound: 'exact',
  };
}

/**
 * The categories of one PyTorch memory timeline, summed: bytes allocated, where the profiler saw them allocated.
 * null: these gauges are none.
 */
export function curveOfCategories(gauges: readonly Gauge[], baseNs: bigint): StepCurve | null {
  const parts = gauges.filter(({ unit, labels }) => unit === 'bytes' && 'category' in labels);
  if (parts.length === 0) return null;
  const { time_ns } = parts[0];
  if (parts.some((part) => part.time_ns.length !== time_ns.length)) return null;
  const total: Gauge = {
    ...parts[0],
    id: 'Total Allocated',
    label: 'Allocated, all categories',
    labels: {},
    value: Float64Array.from(time_ns, (_, i) => parts.reduce((sum, { value }) => sum + value[i], 0)),
  };
  return curveOfGauge(total, baseNs);
}

const lastOfEachMoment = (rows: readonly number[], times: BigInt64Array): number[] =>
  rows.filter((row, i) => i + 1 === rows.length || times[rows[i + 1]] !== times[row]);

/** The curve on another clock: `shiftNs` later, its times less certain by `uncertaintyNs` both ways. */
export function shiftCurve(curve: StepCurve, shiftNs: number, uncertaintyNs = 0): StepCurve {
  return {
    ...curve,
    time_ns: curve.time_ns.map((time) => time + shiftNs),
    endNs: curve.endNs + shiftNs,
    slackNs: curve.slackNs + uncertaintyNs,
  };
}

/**
 * A curve of at most `mostRows` rows that nowhere (of samples: at no sample) differs from this one by more than
 * `errorBytes`; 0 where nothing had to be left out.
 */
export function thinCurve(curve: StepCurve, mostRows: number): { curve: StepCurve; errorBytes: number } {
  let errorBytes = 0;
  let rows: number[] = Array.from(curve.value.keys());
  for (let error = 65536; rows.length > mostRows; error *= 2) {
    errorBytes = error;
    let level = Infinity;
    rows = [];
    curve.value.forEach((value, row) => {
      if (Math.abs(value - level) <= error) return;
      level = value;
      rows.push(row);
    });
  }
  if (errorBytes === 0) return { curve, errorBytes };
  return {
    curve: {
      ...curve,
      time_ns: Float64Array.from(rows, (row) => curve.time_ns[row]),
      value: Float64Array.from(rows, (row) => curve.value[row]),
    },
    errorBytes,
  };
}
