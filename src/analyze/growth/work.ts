/**
 * Iterations that were read off the allocations may be events of the program's own rhythm: the misses of a cache come
 * like rounds of a loop, ever more rarely, and each adds the same. Judged by iteration that is a leak; judged over
 * equal shares of what the loop does it slows down, or ends.
 *
 *   work       |m|m|mh|m|mhh|mhhhh|mhhhhhhhhhhhhhhhh|      m: a miss keeps something, h: a hit keeps nothing
 *   iteration   0 1 2  3 4   5     6                       1 2 3 4 5 6 7   a line
 *   share       0      1     2     3     4     5    6      3 5 6 6 7 7 7   it ends
 */
import { mannKendall } from './statistics.ts';

/** Where the iterations lie in the work of a loop, which is any count that grows with what is done. */
export interface SeriesWork {
  /** Work done at the end of each value's iteration, from the beginning of the first. */
  readonly done: Float64Array;
  /** All of it, with what comes after the last iteration. */
  readonly total: number;
}

/** The last stretch stands apart from so many times the longest other. */
const APART = 3;
/** A stretch of less than this share of the work says little. */
const STRETCH = 0.2;

/** true: iterations take ever more work, or a long stretch of work follows the last. */
export function growsLonger({ done, total }: SeriesWork): boolean {
  const lengths = done.map((value, i) => value - (i === 0 ? 0 : done[i - 1]));
  const n = lengths.length;
  if (n < 3) return false;
  const last = Math.max(lengths[n - 1], total - done[n - 1]);
  const longest = lengths.subarray(0, n - 1).reduce((most, value) => Math.max(most, value), 0);
  if (last >= STRETCH * total && last >= APART * longest) return true;
  const { tau, p } = mannKendall(lengths);
  return p < 0.01 && tau >= 0.3;
}

/** Iterations whose work varies by more than this, as a share of its mean, are events rather than rounds of a loop. */
const UNEVEN = 0.6;

/** true: what iterations do besides varies so much that they may be the misses of a cache among many hits. */
export function isUneven({ done }: SeriesWork): boolean {
  const lengths = done.subarray(1).map((value, i) => value - done[i]);
  if (lengths.length < 3) return false;
  const mean = lengths.reduce((sum, value) => sum + value, 0) / lengths.length;
  const squares = lengths.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (lengths.length - 1);
  return mean > 0 && Math.sqrt(squares) > UNEVEN * mean;
}

/** The series over as many equal shares of the work: at the end of each, the value last reached. */
export function byShares(y: Float64Array, { done, total }: SeriesWork): Float64Array {
  const n = y.length;
  let last = 0;
  return Float64Array.from(y, (_, k) => {
    while (last + 1 < n && done[last + 1] <= ((k + 1) * total) / n) last++;
    return y[last];
  });
}
