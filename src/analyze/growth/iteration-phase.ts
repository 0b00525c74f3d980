/**
 * Where in the loop an iteration begins. An anchor may stand anywhere in it; the boundary is moved back, through
 * allocations that precede every anchor alike, to where the least memory is live: between two iterations.
 *
 *   x y a z . x y a z . x y a z       anchor a; live before x is least: boundaries at x
 */
import { u64At } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import type { Lifetimes } from '../lifetimes.ts';
import { type Period, QUIET, type Quietness } from './iteration-period.ts';
import type { SymbolSequence } from './iteration-symbols.ts';

/** Looking further back than this for a quieter place would cost more than it gives. */
const FARTHEST = 20_000;
const MOST = 0.9;
/** So many allocations more the first iteration may begin with. */
const MORE_AT_FIRST = 64;

/**
 * Requested bytes live just before each allocation, of those that the recording sees given up: what is kept for good
 * says nothing of where an iteration begins, nor does what waits for another stream (record_stream).
 */
export function passingBefore(
  { events }: DeviceTrace,
  { partner }: Lifetimes,
  rows: Uint32Array,
): Float64Array {
  const { action } = events;
  const passes = new Uint8Array(events.length);
  for (let row = 0; row < events.length; row++)
    if (partner[row] !== NONE && action[row] !== ACTION.alloc) passes[partner[row]] = 1;
  const live = new Float64Array(rows.length);
  let now = 0;
  let next = 0;
  for (let row = 0; row < events.length && next < rows.length; row++) {
    if (row === rows[next]) live[next++] = now;
    if (action[row] === ACTION.alloc) {
      if (passes[row] === 1) now += u64At(events.size, row);
      continue;
    }
    const alloc = partner[row];
    if (alloc === NONE || passes[alloc] === 0) continue;
    // The first word of a free counts: asked for, or done where none was asked for.
    passes[alloc] = 0;
    now -= u64At(events.size, alloc);
  }
  return live;
}

/** How far back from the anchor the iterations agree in (nearly) all symbols; less than the shortest iteration. */
function commonLength(symbols: Uint32Array, anchors: Uint32Array): number {
  let shortest = FARTHEST;
  for (let j = 1; j < anchors.length; j++) shortest = Math.min(shortest, anchors[j] - anchors[j - 1]);
  const model = anchors[anchors.length >> 1];
  const allowed = Math.floor((1 - MOST) * anchors.length);
  for (let back = 1; back < shortest; back++) {
    // The first anchor may have anything before it: the loop begins there.
    let wrong = 0;
    for (let j = 1; j < anchors.length && wrong <= allowed; j++)
      if (symbols[anchors[j] - back] !== symbols[model - back]) wrong++;
    if (wrong > allowed) return back - 1;
  }
  return shortest - 1;
}

/** Median bytes live so many allocations before the anchors, as far back as the iterations agree. */
function quietProfile({ symbols }: SymbolSequence, anchors: Uint32Array, live: Float64Array): Float64Array {
  const count = anchors.length;
  const length = commonLength(symbols, anchors);
  const sample = Math.max(1, Math.floor(count / 64));
  const quiet = new Float64Array(length + 1);
  const values = new Float64Array(Math.ceil(count / sample));
  for (let back = 0; back <= length; back++) {
    let used = 0;
    for (let j = 1; j < count; j += sample) values[used++] = live[anchors[j] - back];
    quiet[back] = values.subarray(0, used).sort()[used >> 1];
  }
  return quiet;
}

/** How quiet a loop's boundaries are: bytes live at the quietest place, and at the least quiet one. */
export function quietness(sequence: SymbolSequence, { anchors }: Period, live: Float64Array): Quietness {
  const quiet = quietProfile(sequence, anchors, live);
  return {
    least: quiet.reduce((low, value) => Math.min(low, value), Infinity),
    most: quiet.reduce((high, value) => Math.max(high, value), 0),
  };
}

/** Positions in the sequence at which iterations begin, one for each anchor. */
export function quietStarts(
  sequence: SymbolSequence,
  { anchors, role }: Period,
  live: Float64Array,
): Uint32Array {
  const { symbols } = sequence;
  const count = anchors.length;
  const quiet = quietProfile(sequence, anchors, live);
  const length = quiet.length - 1;
  const least = quiet.reduce((low, value) => Math.min(low, value), Infinity);
  const most = quiet.reduce((high, value) => Math.max(high, value), 0);
  let best = quiet.indexOf(least);

  // The first iteration may do more than the others (workspaces, caches): it begins where warm-up ends.
  let first = anchors[0];
  while (first > 0 && role[symbols[first - 1]] > 0) first--;
  const head = anchors[0] - first;
  if (first > 0 && head <= length + MORE_AT_FIRST) {
    // What the loop was seen to begin with, it begins with every time, if that place is as quiet.
    const model = anchors[count >> 1];
    const low = Math.max(0, head - MORE_AT_FIRST);
    for (let back = Math.min(head, length); back >= low; back--) {
      if (symbols[model - back] !== symbols[first] || quiet[back] > least + QUIET * (most - least)) continue;
      best = back;
      break;
    }
  }
  const starts = anchors.map((at) => at - best);
  const farther = head > 2 * best + MORE_AT_FIRST || first === 0;
  starts[0] = farther ? Math.max(first, anchors[0] - best) : first;
  return starts;
}

/** true: the last iteration lacks (nearly) nothing that the one before it holds of the loop. */
export function lastIsComplete({ symbols }: SymbolSequence, { role }: Period, starts: Uint32Array): boolean {
  const last = starts[starts.length - 1];
  const counts = new Int32Array(role.length);
  for (let i = starts[starts.length - 2]; i < last; i++) counts[symbols[i]]++;
  const held = counts.slice();
  for (let i = last; i < symbols.length; i++) counts[symbols[i]]--;
  let wanted = 0;
  let lacking = 0;
  for (let symbol = 0; symbol < role.length; symbol++) {
    if (role[symbol] === 0 || held[symbol] === 0) continue;
    wanted++;
    if (role[symbol] === 2 ? counts[symbol] > 0 : counts[symbol] === held[symbol]) lacking++;
  }
  return lacking <= 0.05 * wanted;
}

/** The row at which the allocation's own work begins: segments made for it come just before it. */
export function beginRow({ events }: DeviceTrace, row: number): number {
  let begin = row;
  while (begin > 0) {
    const action = events.action[begin - 1];
    if (action !== ACTION.segment_alloc && action !== ACTION.segment_map) break;
    begin--;
  }
  return begin;
}
