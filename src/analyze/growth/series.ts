/**
 * Series for the growth verdict: one value an iteration of a curve over rows, what may drive it, and samples of a
 * gauge. Every pass is linear in the rows.
 */
import { u64At } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, HOST_KINDS, NONE } from '../../trace/schema.ts';
import { classifyGrowth } from './growth.ts';
import { paceOfEvents, unlessMisses } from './misses.ts';
import { keeps } from './rises.ts';
import type { GrowthDriver, GrowthVerdict } from './verdict.ts';
import type { SeriesWork } from './work.ts';
import type { Iterations } from './iterations.ts';
import type { Lifetimes } from '../lifetimes.ts';

export interface IterationValues {
  /** Value just before the first iteration: after the row ahead of it; NaN where there is no such row. */
  readonly before: number;
  /** Value after the last row of each iteration. */
  readonly end: Float64Array;
  /** Most and least inside each iteration. */
  readonly peak: Float64Array;
  readonly low: Float64Array;
  /** Time of each iteration's end, ns since the first iteration's beginning. */
  readonly times: Float64Array;
}

/** `curve`: value after each row of the device's events. */
export function iterationValues(curve: Float64Array, { rows, times_ns, count }: Iterations): IterationValues {
  const end = new Float64Array(count);
  const peak = new Float64Array(count).fill(-Infinity);
  const low = new Float64Array(count).fill(Infinity);
  const times = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    for (let row = rows[i]; row < rows[i + 1]; row++) {
      const value = curve[row];
      if (value > peak[i]) peak[i] = value;
      if (value < low[i]) low[i] = value;
    }
    end[i] = curve[rows[i + 1] - 1];
    times[i] = Number(times_ns[i + 1] - times_ns[0]);
  }
  return { before: count > 0 && rows[0] > 0 ? curve[rows[0] - 1] : NaN, end, peak, low, times };
}

/**
 * What each iteration asked for: its largest single allocation, and the most bytes that were live at once beyond what
 * was live when it began, of those that the recording sees freed. A leak raises neither, however long it runs.
 */
export function iterationDrivers(
  { events, producer }: DeviceTrace,
  { rows, count }: Iterations,
  { partner }: Pick<Lifetimes, 'partner'>,
): GrowthDriver[] {
  const largest = new Float64Array(count);
  const passing = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let live = 0;
    for (let row = rows[i]; row < rows[i + 1]; row++) {
      if (producer === 'nsys' && HOST_KINDS.includes(events.group[row])) continue;
      const action = events.action[row];
      if (action === ACTION.alloc) {
        const size = u64At(events.size, row);
        if (size > largest[i]) largest[i] = size;
        if (partner[row] !== NONE) live += size;
        if (live > passing[i]) passing[i] = live;
      } else if (action === ACTION.free_completed || action === ACTION.free) live -= u64At(events.size, row);
    }
  }
  return [
    { name: 'largest request', values: largest },
    { name: 'most bytes live at once inside', values: passing },
  ];
}

/** Work done at the end of each iteration, where iterations were read off it. */
export const seriesWork = ({ work }: Iterations): { readonly work?: SeriesWork } =>
  work === undefined ? {} : { work: { done: work.before.subarray(1), total: work.total } };

export interface IterationGrowth {
  readonly values: IterationValues;
  /** What stays: the state at the end of each iteration. */
  readonly atEnd: GrowthVerdict;
  /** What is needed: the most inside each iteration. */
  readonly atPeak: GrowthVerdict;
}

export interface IterationGrowthOptions {
  /** Bytes at which the curve can go no further (the card, a cap). */
  readonly limit?: number;
  readonly drivers?: readonly GrowthDriver[];
  /** false: the trace has no clock, its times are row numbers. */
  readonly hasClock?: boolean;
}

/** Growth of a curve over the rows (`curve[row]`: bytes after that row) by iteration. */
export function growthOfIterations(
  curve: Float64Array,
  iterations: Iterations,
  { limit, drivers, hasClock = true }: IterationGrowthOptions = {},
): IterationGrowth {
  const values = iterationValues(curve, iterations);
  const common = {
    unit: 'iteration' as const,
    inBytes: true,
    startsInside: iterations.startsInside,
    ...(hasClock ? { times: values.times } : {}),
    ...(limit === undefined ? {} : { limit }),
    ...(drivers === undefined ? {} : { drivers }),
    ...seriesWork(iterations),
  };
  return {
    values,
    atEnd: classifyGrowth({ values: values.end, ...common }),
    atPeak: classifyGrowth({ values: values.peak, ...common }),
  };
}

export interface SampleOptions {
  /** Absolute ns of each sample, ascending; absent where they are ordinals. */
  readonly times_ns?: BigInt64Array;
  /** Width of the last printed digit. */
  readonly granularity?: number;
  readonly limit?: number;
}

/** Growth of a gauge: nvidia-smi, `[tag] Allocated` lines, summaries, a server's logger. Each sample is one value. */
export function growthOfSamples(
  values: Float64Array,
  { times_ns, granularity, limit }: SampleOptions = {},
): GrowthVerdict {
  const verdict = classifyGrowth({
    values,
    unit: 'sample',
    ...(times_ns === undefined || times_ns.length === 0
      ? {}
      : { times: Float64Array.from(times_ns, (time) => Number(time - times_ns[0])) }),
    ...(granularity === undefined ? {} : { granularity }),
    ...(limit === undefined ? {} : { limit }),
  });
  return unlessRare(verdict, values, granularity ?? 0);
}

/** Of the samples, so many may not rise where it is said to rise at every one. */
const SINGLE = 0.02;

/** Single rises at irregular places may be the misses of a cache (misses.ts): what makes them a figure does not tell. */
function unlessRare(verdict: GrowthVerdict, values: Float64Array, granularity: number): GrowthVerdict {
  const { kind, rises, window } = verdict;
  if (kind !== 'linear_leak' || window === null || !keeps(values, granularity)) return verdict;
  // At every sample, but for single ones: there is nothing in between by which it could slow down.
  if (rises.length >= (1 - SINGLE) * (values.length - 1)) return verdict;
  // In most samples: a cache of many keys begins so, and the gaps between its misses hardly vary.
  const isDense = 2 * rises.length > values.length;
  const pace = paceOfEvents(
    rises.map(({ at }) => at + 0.5),
    values.length,
    isDense ? 0 : undefined,
  );
  if (pace === null) return verdict;
  const how = pace.goesOn ? 'steadily so far.' : 'too few to tell a leak from one that slows down.';
  return unlessMisses(verdict, {
    goesOn: pace.goesOn,
    why: `It rises in ${rises.length} of ${values.length} samples, at irregular places, as a cache does that fills with what it has not seen before: ${how}`,
  });
}
