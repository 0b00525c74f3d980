/** What is asked of a series and what is said of it: the words of the growth verdict (growth.ts). */
import { exactAmount } from '../../base/amounts.ts';
import type { SeriesWork } from './work.ts';

export type GrowthKind =
  'none' | 'warm_up_plateau' | 'steps_with_largest_request' | 'linear_leak' | 'sub_linear' | 'cannot_tell';

/** What may explain a rise: one value an iteration beside the series. */
export interface GrowthDriver {
  /** "largest request", "most bytes passing through". */
  readonly name: string;
  /** Bytes. */
  readonly values: Float64Array;
  /** Index of the first value that counts; 0 where absent. */
  readonly from?: number;
}

export interface GrowthSeries {
  /** One an iteration or sample. NaN: missing. */
  readonly values: Float64Array;
  /** Nanoseconds from any origin, ascending; absent where there is no clock. */
  readonly times?: Float64Array;
  /** Width of the last digit of the values: changes up to it are none. 0: exact. */
  readonly granularity?: number;
  readonly drivers?: readonly GrowthDriver[];
  /** Where the series can go no further, in its unit. */
  readonly limit?: number;
  /** The word in the sentences; 'iteration' where absent. */
  readonly unit?: 'iteration' | 'sample' | 'share';
  /** true: values are bytes, and amounts in the sentences are written as base/amounts.ts does. */
  readonly inBytes?: boolean;
  /** Where the values lie in what the loop does; absent where it is known what an iteration is. */
  readonly work?: SeriesWork;
  /** true: what came before the first value is lost, so the verdict is on the visible window alone. */
  readonly startsInside?: boolean;
}

/** A whole amount in a sentence about a series. */
export const amountOf = (value: number, { inBytes = false }: GrowthSeries): string =>
  inBytes ? exactAmount(value) : String(value);

export interface GrowthRise {
  /** Index of the value that is the new maximum. */
  readonly at: number;
  /** How far above the one before. */
  readonly by: number;
}

export interface GrowthStatistics {
  readonly n: number;
  /** Theil and Sen's slope over the window, per iteration. */
  readonly slope: number;
  /** Upper end of its 95% interval. */
  readonly slopeAtMost: number;
  readonly kendallTau: number;
  /** Mann and Kendall, two-sided. */
  readonly p: number;
  readonly rSquared: number;
}

export interface GrowthVerdict {
  readonly kind: GrowthKind;
  readonly confidence: 'high' | 'medium' | 'low';
  /** Values judged: [first, last] index, inclusive; null where there are none. */
  readonly window: readonly [number, number] | null;
  readonly statistics: GrowthStatistics;
  /** linear_leak, sub_linear: units of the series an iteration; null elsewhere. */
  readonly slopePerIteration: number | null;
  /** The same per second; null without times. */
  readonly slopePerSecond: number | null;
  /** none, warm_up_plateau and steps: the most it reached, beyond which it did not go; null elsewhere. */
  readonly bound: number | null;
  /** Plateaus and steps that rose with a driver: what bounds them, and its largest value so far. */
  readonly boundBy: { readonly name: string; readonly bytes: number } | null;
  /** linear_leak with a limit: iterations, and ns where there are times, until it is reached. */
  readonly untilLimit: { readonly iterations: number; readonly ns: number | null } | null;
  readonly rises: readonly GrowthRise[];
  readonly why: readonly string[];
  /** true: it rises now and then, as a cache does that fills with what it has not seen before. */
  readonly mayBeCache?: true;
  /** What the rest of the recording says of it, a sentence of `why`; absent: the values alone were judged. */
  readonly rest?: string;
}
