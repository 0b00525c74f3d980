/**
 * From which iteration on a line holds another amount in B than in A. Iterations of both sides are aligned by what they
 * ask for: they begin at the same site, and the sites in them are mostly the same.
 *
 *   iteration             1  2  3  4  5  6
 *   A, live at the end    4  4  4  4  4  4
 *   B                     4  4  5  6  7  8        since 3: one allocation more in each iteration
 *
 * Refuses where the loops differ, or where a recording begins inside of its loop: which iteration is which is not known.
 */
import { u64At } from '../../base/u64.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import type { CompareSide } from './side.ts';
import type { Site, Sites } from './sites.ts';

export interface AlignedLoops {
  /** Iterations that both have. */
  readonly count: number;
  readonly a: Uint32Array;
  readonly b: Uint32Array;
  /** Iterations that each side has in all. */
  readonly counts: readonly [a: number, b: number];
}

/** How the difference of a line goes over the iterations. */
export interface Onset {
  /** From this iteration on (from 1) the line differs in each one; 0: before the first iteration already. */
  readonly since: number;
  /** Allocations more that are live after each iteration than after the one before it, from `since` on; 0: they do not add up. */
  readonly allocationsPerIteration: number;
  readonly bytesPerIteration: number;
  /** Allocations more in the last iteration. */
  readonly allocations: number;
}

/** Sites that allocate in an iteration, with how often. */
function sitesIn(
  { trace: { events } }: CompareSide,
  sites: Sites,
  from: number,
  to: number,
): Map<Site, number> {
  const counts = new Map<Site, number>();
  for (let row = from; row < to; row++) {
    if (events.action[row] !== ACTION.alloc) continue;
    const site = sites.of(events.stack_index[row]);
    counts.set(site, (counts.get(site) ?? 0) + 1);
  }
  return counts;
}

/** Share of the allocations of two iterations that are of the same sites. */
function alike(
  a: ReadonlyMap<Site, number>,
  b: ReadonlyMap<Site, number>,
  other: ReadonlyMap<Site, Site>,
): number {
  let [both, all] = [0, 0];
  for (const [site, count] of a) {
    all += count;
    const match = other.get(site);
    both += Math.min(count, match === undefined ? 0 : (b.get(match) ?? 0));
  }
  for (const count of b.values()) all += count;
  return all === 0 ? 0 : (2 * both) / all;
}

const SAME_LOOP = 0.5;

/** `other`: sites of B by those of A. A string is why the loops cannot be aligned. */
export function alignLoops(
  a: CompareSide,
  b: CompareSide,
  sitesA: Sites,
  sitesB: Sites,
  other: ReadonlyMap<Site, Site>,
): AlignedLoops | string {
  const counts = [a.loop.count, b.loop.count] as const;
  const none = counts.flatMap((count, i) => (count === 0 ? ['AB'[i]] : []));
  if (none.length > 0) return `no iterations were found in ${none.join(' and ')}`;
  const inside = [a, b].flatMap(({ loop }, i) => (loop.startsInside ? ['AB'[i]] : []));
  if (inside.length > 0)
    return `${inside.length === 1 ? `the recording of ${inside[0]} begins inside of its loop` : 'both recordings begin inside of their loops'}, so that it is not known which iteration is which`;
  const middle = Math.floor(Math.min(...counts) / 2);
  const share = alike(
    sitesIn(a, sitesA, a.loop.rows[middle], a.loop.rows[middle + 1]),
    sitesIn(b, sitesB, b.loop.rows[middle], b.loop.rows[middle + 1]),
    other,
  );
  if (share < SAME_LOOP) return 'the iterations of A and B do different things';
  const count = Math.min(...counts);
  return { count, a: a.loop.rows.subarray(0, count + 1), b: b.loop.rows.subarray(0, count + 1), counts };
}

/** What some sites hold by iteration: live at its end, and the most at any time in it. First: before the first one. */
export interface Held {
  readonly endCount: Float64Array;
  readonly endBytes: Float64Array;
  readonly mostCount: Float64Array;
  readonly mostBytes: Float64Array;
}

/** `place`: index of the line of a stack, -1: of none that is asked for. Columns are `count + 1` long. */
export function heldByIteration(
  { trace, lifetimes, earlier }: CompareSide,
  rows: Uint32Array,
  lines: number,
  place: (stack: number) => number,
): Held[] {
  const { events } = trace;
  const { partner } = lifetimes;
  const length = rows.length;
  const held = Array.from({ length: lines }, (): Held => ({
    endCount: new Float64Array(length),
    endBytes: new Float64Array(length),
    mostCount: new Float64Array(length),
    mostBytes: new Float64Array(length),
  }));
  const bytes = new Float64Array(lines);
  const count = new Float64Array(lines);
  const gone = new Map<number, { line: number; size: number }>();
  for (const one of earlier) {
    const line = place(one.stack);
    if (line < 0) continue;
    bytes[line] += one.size;
    count[line]++;
    if (one.until !== Infinity) gone.set(one.until, { line, size: one.size });
  }
  let iteration = 0;
  const note = (line: number): void => {
    const { mostBytes, mostCount } = held[line];
    if (bytes[line] > mostBytes[iteration]) mostBytes[iteration] = bytes[line];
    if (count[line] > mostCount[iteration]) mostCount[iteration] = count[line];
  };
  const end = (): void => {
    for (let line = 0; line < lines; line++) {
      held[line].endBytes[iteration] = bytes[line];
      held[line].endCount[iteration] = count[line];
    }
    iteration++;
    if (iteration < length) for (let line = 0; line < lines; line++) note(line);
  };
  for (let line = 0; line < lines; line++) note(line);
  for (let row = 0; row < events.length; row++) {
    while (iteration < length && row >= rows[iteration]) end();
    if (iteration >= length) break;
    const action = events.action[row];
    if (action === ACTION.alloc) {
      const line = place(events.stack_index[row]);
      if (line < 0) continue;
      bytes[line] += u64At(events.size, row);
      count[line]++;
      note(line);
    } else if (action === ACTION.free_completed || action === ACTION.free) {
      const alloc = partner[row];
      const before = alloc === NONE ? gone.get(row) : undefined;
      const line = alloc === NONE ? (before?.line ?? -1) : place(events.stack_index[alloc]);
      if (line < 0) continue;
      bytes[line] -= before?.size ?? u64At(events.size, alloc);
      count[line]--;
    }
  }
  while (iteration < length) end();
  return held;
}

const differences = (a: Float64Array, b: Float64Array): Float64Array => b.map((value, i) => value - a[i]);

/** First place from which on no value is 0; null: the last one is. */
function since(values: Float64Array): number | null {
  let at = values.length;
  while (at > 0 && values[at - 1] !== 0) at--;
  return at === values.length ? null : at;
}

/** true: it adds up from `at` to the end, in the second half as in the first: what is made once does not. */
function goesOn(values: Float64Array, at: number): boolean {
  const last = values.length - 1;
  const middle = Math.floor((at + last) / 2);
  const [first, second] = [values[middle] - values[at], values[last] - values[middle]];
  return (
    second !== 0 && Math.sign(second) === Math.sign(values[last]) && Math.abs(2 * second) >= Math.abs(first)
  );
}

/** null: in the last iteration the line holds as much on both sides. */
export function onsetOf(a: Held, b: Held): Onset | null {
  const last = a.endCount.length - 1;
  const ends = differences(a.endBytes, b.endBytes);
  const kept = since(ends);
  const most = differences(a.mostBytes, b.mostBytes);
  const at = kept ?? since(most);
  if (at === null) return null;
  const counts = kept === null ? differences(a.mostCount, b.mostCount) : differences(a.endCount, b.endCount);
  const bytes = kept === null ? most : ends;
  const each = (values: Float64Array): number =>
    kept === null || !goesOn(values, at) ? 0 : (values[last] - values[at]) / (last - at);
  return {
    since: at,
    allocationsPerIteration: each(counts),
    bytesPerIteration: each(bytes),
    allocations: counts[last],
  };
}
