/** Where a series reaches a new maximum. */
import type { GrowthRise } from './verdict.ts';

export const maximum = (values: Float64Array): number =>
  values.reduce((most, value) => Math.max(most, value), -Infinity);

/** New maxima by more than `least`. */
export function risesOf(values: Float64Array, least: number): GrowthRise[] {
  const rises: GrowthRise[] = [];
  let top = values[0];
  for (let i = 1; i < values.length; i++) {
    if (values[i] - top <= least) continue;
    rises.push({ at: i, by: values[i] - top });
    top = values[i];
  }
  return rises;
}

/** The largest rises that together hold `share` of the growth, in order of time. */
export function fewest(rises: readonly GrowthRise[], share: number): GrowthRise[] {
  const total = rises.reduce((sum, { by }) => sum + by, 0);
  const chosen: GrowthRise[] = [];
  let held = 0;
  for (const rise of [...rises].sort((a, b) => b.by - a.by)) {
    if (held >= share * total) break;
    held += rise.by;
    chosen.push(rise);
  }
  return chosen.sort((a, b) => a.at - b.at);
}

/** true: it (nearly) never falls back from where it was. */
export function keeps(y: Float64Array, granularity: number): boolean {
  const slack = Math.max(granularity, 0.05 * (maximum(y) - y[0]));
  let top = y[0];
  let below = 0;
  for (const value of y) {
    if (value > top) top = value;
    if (value < top - slack) below++;
  }
  return below <= 0.1 * y.length;
}

/**
 * Where what is judged begins: behind the first value where it stands apart, behind a steep beginning that ends, and
 * where something begins to grow that long was flat. At least `enough` values are left.
 */
export function beginOf(
  y: Float64Array,
  rises: readonly GrowthRise[],
  granularity: number,
  enough: number,
): number {
  const n = y.length;
  const total = rises.reduce((sum, { by }) => sum + by, 0);
  let from = n > enough ? 1 : 0;
  if (!keeps(y, granularity)) return from;
  // One great step early on (optimizer state, a cache filled) and a slow slope behind it are two things.
  for (const { at, by } of rises) if (at <= 0.25 * n && by > 0.5 * total && n - at >= enough) from = at;
  // Flat for long, and then more with (nearly) every value.
  const later = rises.filter(({ at }) => at > from);
  if (later.length < 2 * enough) return from;
  const start = later[0].at - 1;
  return start - from >= 0.25 * n && 2 * later.length > n - start ? start : from;
}

/** What single rises that stay may add a step at most, over so many steps (95%, as events that come at random). */
export function mostBySingle(rises: readonly GrowthRise[], steps: number): number {
  const k = rises.length;
  const total = rises.reduce((sum, { by }) => sum + by, 0);
  return k === 0 ? 0 : (total * (k + 2 * Math.sqrt(k) + 2.6)) / (k * Math.max(1, steps));
}

/** Rises that come ever more rarely, or not any more, with this probability where they come as before. */
const UNLIKELY = 0.025;
const UNLIKELY_Z = 1.96;

/**
 * Rises that come now and then are a process of their own. Why this one cannot be taken to go on as it was, with the
 * number of steps since the last; null: nothing speaks against it, or it slows down and still goes on. The rate is
 * tested after Laplace (the mean of the rises' places), the pause at the end by what as many equally likely rises
 * leave.
 */
export function whyStopped(rises: readonly GrowthRise[], from: number, last: number): string | null {
  const k = rises.length;
  const steps = last - from;
  const middle = rises.reduce((sum, { at }) => sum + (at - from - 0.5), 0) / (k * steps);
  const rarer = (middle - 0.5) * Math.sqrt(12 * k) < -UNLIKELY_Z;
  const since = last - rises[k - 1].at;
  if (rarer && since < steps / 4) return null;
  if (!rarer && (1 - since / steps) ** k >= UNLIKELY) return null;
  return `its ${k} rises ${rarer ? 'come ever more rarely' : 'stopped'}, none in the last ${since}`;
}
