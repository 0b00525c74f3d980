/**
 * Growth that cannot be told, but is at most so little that it is not worth a word: none. 293 bytes per iteration at
 * most, 18 KiB over all 63 iterations of a program that holds 350 MiB, leave no question. Refuses few values.
 */
import { SLIGHT } from './drivers.ts';
import { keeps, maximum, mostBySingle } from './rises.ts';
import { amountOf, type GrowthSeries, type GrowthVerdict } from './verdict.ts';

/** From so many values on a bound on growth is worth as much as a verdict. */
const MANY_VALUES = 20;

/** `y`: the values judged, from the first. */
export function unlessBounded(verdict: GrowthVerdict, y: Float64Array, series: GrowthSeries): GrowthVerdict {
  const { kind, rises, statistics, window } = verdict;
  if (kind !== 'cannot_tell' || window === null || statistics.n < MANY_VALUES) return verdict;
  const top = maximum(y);
  const from = y.length - statistics.n;
  const index = window[0] - from;
  // Rises inside of the window that stay; a saw has none that do.
  const kept = keeps(y, series.granularity ?? 0) ? rises.filter(({ at }) => at - index > from) : [];
  const most = Math.max(0, statistics.slopeAtMost, mostBySingle(kept, statistics.n));
  if (most * statistics.n > SLIGHT * Math.abs(top)) return verdict;
  const word = series.unit ?? 'iteration';
  return {
    ...verdict,
    kind: 'none',
    confidence: 'low',
    bound: top,
    why: [
      ...verdict.why,
      `Growth is at most ${amountOf(Math.ceil(most), series)} per ${word} (95%), over all ${statistics.n} less than a thousandth of what is held: none to speak of.`,
    ],
  };
}
