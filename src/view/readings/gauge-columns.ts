/**
 * Samples to pixel columns: first, lowest, highest and last of each column, so that no peak is missed at any zoom.
 * A value holds until the next sample; NaN (a missing sample) ends it, and its column is NaN.
 *
 *   x:        0   10   20   30       columns of [0, 40) at 4:   0..10  10..20  20..30  30..40
 *   value:    5    7  NaN    6                          max:      5      7      NaN      6
 */
import { lowerBound, upperBound } from '../../base/binary-search.ts';
import type { Span } from '../parts/viewport.ts';

export interface Samples {
  /** Ascending. */
  readonly x: Float64Array;
  readonly value: Float64Array;
  /** The last value holds until here. */
  readonly end: number;
}

export interface ValueColumns {
  readonly first: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly last: Float64Array;
}

/** Starts of `columns` equal columns; the last one ends at `span.to`. */
export const columnStarts = (span: Span, columns: number): Float64Array =>
  Float64Array.from({ length: columns }, (_, i) => span.from + ((span.to - span.from) * i) / columns);

export function sampleColumns({ x, value, end }: Samples, starts: Float64Array, to: number): ValueColumns {
  const columns = starts.length;
  const first = new Float64Array(columns).fill(NaN);
  const min = first.slice();
  const max = first.slice();
  const last = first.slice();
  let at = columns === 0 ? 0 : lowerBound(x, starts[0]);
  for (let column = 0; column < columns; column++) {
    const until = column + 1 < columns ? starts[column + 1] : to;
    const before = at;
    let [lowest, highest, opening, closing] = [Infinity, -Infinity, NaN, NaN];
    for (; at < x.length && x[at] < until; at++) {
      const one = value[at];
      if (Number.isNaN(one)) continue;
      if (Number.isNaN(opening)) opening = one;
      closing = one;
      if (one < lowest) lowest = one;
      if (one > highest) highest = one;
    }
    if (at === before) {
      // Nothing new here: the value before holds.
      const held = at > 0 && starts[column] < end ? value[at - 1] : NaN;
      [lowest, highest, opening, closing] = [held, held, held, held];
    } else if (Number.isNaN(opening)) {
      [lowest, highest] = [NaN, NaN];
    }
    first[column] = opening;
    min[column] = lowest;
    max[column] = highest;
    last[column] = closing;
  }
  return { first, min, max, last };
}

/** Index of the sample that holds at `at`, -1 where none does. */
export function sampleAt({ x, end }: Samples, at: number): number {
  return at >= end ? -1 : upperBound(x, at) - 1;
}

export interface Statistics {
  readonly count: number;
  readonly missing: number;
  /** NaN where every sample is missing. */
  readonly min: number;
  readonly max: number;
  readonly last: number;
  /** x of the first moment of the highest value. */
  readonly maxAt: number;
}

/** Of the samples inside the span. */
export function statisticsOf({ x, value }: Samples, span: Span): Statistics {
  const from = lowerBound(x, span.from);
  const to = lowerBound(x, span.to, from);
  let [min, max, last, maxAt, missing] = [Infinity, -Infinity, NaN, NaN, 0];
  for (let i = from; i < to; i++) {
    const one = value[i];
    if (Number.isNaN(one)) {
      missing++;
      continue;
    }
    last = one;
    if (one < min) min = one;
    if (one > max) {
      max = one;
      maxAt = x[i];
    }
  }
  if (Number.isNaN(last)) [min, max] = [NaN, NaN];
  return { count: to - from, missing, min, max, last, maxAt };
}

/** How long the last value holds: the usual time between samples. */
export function usualStep(x: Float64Array): number {
  const steps: number[] = [];
  for (let i = Math.max(1, x.length - 500); i < x.length; i++)
    if (x[i] > x[i - 1]) steps.push(x[i] - x[i - 1]);
  if (steps.length === 0) return 1;
  return steps.sort((a, b) => a - b)[steps.length >> 1];
}
