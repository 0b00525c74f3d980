/**
 * Does a series grow, and does the growth have an end? One value an iteration in, one verdict out, with the window
 * and the statistics it rests on.
 *
 *   value                      kind
 *   5 5 5 5 5 5 5              none
 *   1 4 7 7 7 7 7 7            warm_up_plateau               bound 7
 *   1 1 4 4 4 4 6 6 6 9        steps_with_largest_request    where each rise has a new largest request
 *   1 2 3 4 5 6 7              linear_leak                   slope 1 an iteration
 *   1 2 2.7 3.2 3.6 3.9        sub_linear
 *
 * How (growth-judge.ts): a rise is a new maximum by more than a digit of the series. (1) Nothing rises: none. (2) Rises
 * end, and what follows is flat for longer than any pause between them, and for longer than chance explains: plateau.
 * (3) Rises come with records of a driver (largest request): steps. (4) Mann and Kendall's trend over the window, growth
 * in each quarter (below 8 values: a line that has not ended): linear; sub-linear where the last quarter adds less than
 * 60% of what the first did, or the second half than the first, and chance does not explain it. All else: cannot tell.
 * A leak by iterations that were read off the allocations has to be one over equal shares of the loop's work, too
 * (growth-work.ts).
 */
import { Judge } from './judge.ts';
import type { GrowthSeries, GrowthVerdict } from './verdict.ts';
import { byShares, growsLonger, isUneven } from './work.ts';

/** A leak by iteration has to be one over equal shares of the loop's work, too, where iterations get longer or are uneven. */
function heldAgainstWork(verdict: GrowthVerdict, y: Float64Array, series: GrowthSeries): GrowthVerdict {
  const { work } = series;
  if (work === undefined) return verdict;
  const uneven = isUneven(work);
  if (verdict.kind === 'sub_linear' && uneven)
    return {
      ...verdict,
      kind: 'cannot_tell',
      confidence: 'low',
      slopePerIteration: null,
      slopePerSecond: null,
      untilLimit: null,
      why: [
        'The iterations were read off the allocations and are very uneven: they may be the misses of a cache, which growth by miss says little of.',
        ...verdict.why,
      ],
    };
  if (verdict.kind !== 'linear_leak' || !(uneven || growsLonger(work))) return verdict;
  const shares = byShares(y, work);
  const other = new Judge(shares, Uint32Array.from(shares.keys()), { values: shares, unit: 'share' }).judge();
  if (other.kind === 'linear_leak') return verdict;
  const slows = other.kind === 'sub_linear';
  const why = `The iterations were read off the allocations and ${uneven ? 'are very uneven' : 'get ever longer'}: each adds the same, but over ${y.length} equal shares of what the loop does growth ${slows ? 'slows down' : 'is not steady'}. They may be the misses of a cache that fills.`;
  return {
    ...verdict,
    kind: slows ? 'sub_linear' : 'cannot_tell',
    confidence: 'low',
    slopePerIteration: slows ? other.slopePerIteration : null,
    slopePerSecond: null,
    untilLimit: null,
    why: [why, ...(slows ? other.why : verdict.why)],
  };
}

/** The verdict on one series. Missing values (NaN) are left out; `window` and `rises` keep the caller's indices. */
export function classifyGrowth(series: GrowthSeries): GrowthVerdict {
  const index: number[] = [];
  series.values.forEach((value, i) => {
    if (!Number.isNaN(value)) index.push(i);
  });
  const kept = Uint32Array.from(index);
  const y = Float64Array.from(kept, (i) => series.values[i]);
  return heldAgainstWork(new Judge(y, kept, series).judge(), y, series);
}
