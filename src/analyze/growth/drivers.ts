/** Whether rises of a series follow another: what each iteration asked for. */
import type { GrowthDriver, GrowthRise } from './verdict.ts';

/** Of the rises, so many come with a record of what they follow, and hold so much of the growth. */
const MOST_RISES = 0.5;
const MOST_GROWTH = 0.95;
/** Changes up to this share of the value are slight: as a record they ask for nothing new. */
export const SLIGHT = 0.001;

export interface Explained {
  /** Iterations with a new largest value, the first not counted. */
  readonly records: number;
  /** Rises that came with one. */
  readonly matching: number;
  /** Of the growth, the share that came with records. */
  readonly share: number;
  readonly most: number;
  /** true: the rises follow the driver, as far as records come with them; whether by chance is another question. */
  readonly follows: boolean;
}

/** How far rises come with records of a driver. */
export function explainedBy({ values, from = 0 }: GrowthDriver, allRises: readonly GrowthRise[]): Explained {
  const rises = allRises.filter(({ at }) => at > from);
  const isRecord = new Uint8Array(values.length);
  let most = values[from];
  let records = 0;
  for (let i = from + 1; i < values.length; i++) {
    if (!(values[i] > most * (1 + SLIGHT))) continue;
    most = values[i];
    isRecord[i] = 1;
    records++;
  }
  const matching = rises.filter(({ at }) => isRecord[at] === 1);
  const sum = (some: readonly GrowthRise[]): number => some.reduce((total, { by }) => total + by, 0);
  const share = sum(matching) / sum(rises);
  // A workspace and a large first batch may be nearly all of the growth, and say nothing of the many rises after them.
  const follows = matching.length >= 2 && matching.length > MOST_RISES * rises.length && share >= MOST_GROWTH;
  return { records, most, matching: matching.length, share, follows };
}

/**
 * A driver whose largest value came first with the rise at `end`, and again after it, when nothing rose any more;
 * null where there is none. One that is at its largest most of the time proves nothing.
 */
export function cameAgain(drivers: readonly GrowthDriver[], end: number): GrowthDriver | null {
  const found = drivers.find(({ values }) => {
    const most = values.reduce((top, value) => Math.max(top, value), -Infinity);
    const largest = Array.from(values, (value) => value >= most * (1 - SLIGHT));
    const times = largest.filter(Boolean).length;
    return largest.indexOf(true) === end && largest.lastIndexOf(true) > end && 2 * times <= largest.length;
  });
  return found ?? null;
}

/**
 * The driver without what the first iteration alone asked for (a library's workspace): where nothing after it comes
 * near, no later value could be a record, whatever it raised.
 */
export function withoutWorkspace({ name, values }: GrowthDriver): GrowthDriver {
  const rest = values.subarray(1).reduce((most, value) => Math.max(most, value), -Infinity);
  if (values.length < 3 || values[0] <= rest * (1 + SLIGHT)) return { name, values };
  return { name, values: Float64Array.from(values, (value, i) => (i === 0 ? values[1] : value)), from: 1 };
}
