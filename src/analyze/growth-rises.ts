/** Where a series reaches a new maximum. */
import type { GrowthRise } from './growth-verdict.ts';

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
