/**
 * The allocations of a device as a sequence of symbols, in which a loop shows as something that comes back:
 *
 *   alloc row | stack | size | stream | symbol 'stack' | symbol 'request'
 *   4         | 17    | 512  | 0      | 0              | 0
 *   5         | 17    | 2048 | 0      | 0              | 1
 *   9         | 21    | 512  | 0      | 1              | 2
 *
 * Stacks do not change with the length of a batch or prompt, sizes do: 'request' is for recordings without stacks. Where
 * all is done on one line, or without stacks, and no size comes back, 'depth' is left: how many short-lived allocations
 * are live when one is made.
 *
 *   y = x.softmax(-1).topk(5)     softmax 0, values 1, indices 2, whatever the size of x
 */
import { u64At } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, HOST_KINDS, NONE } from '../../trace/schema.ts';
import type { Lifetimes } from '../lifetimes.ts';

export interface SymbolSequence {
  /** Row of each allocation, ascending. */
  readonly rows: Uint32Array;
  /** Symbol of each allocation, in [0, kinds). */
  readonly symbols: Uint32Array;
  readonly kinds: number;
}

/**
 * Dense numbers for keys (whole numbers from 0 to 2^53) in order of their first sight. Open addressing over typed
 * arrays: millions of keys cost a Map seconds.
 */
class Numbering {
  private keys = new Float64Array(1 << 10).fill(-1);
  private numbers = new Uint32Array(1 << 10);
  size = 0;

  of(key: number): number {
    const { keys } = this;
    let at = placeOf(keys, key);
    if (keys[at] === key) return this.numbers[at];
    if (2 * this.size >= keys.length) {
      this.grow();
      at = placeOf(this.keys, key);
    }
    this.keys[at] = key;
    this.numbers[at] = this.size;
    return this.size++;
  }

  private grow(): void {
    const { keys, numbers } = this;
    this.keys = new Float64Array(2 * keys.length).fill(-1);
    this.numbers = new Uint32Array(2 * keys.length);
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] < 0) continue;
      const at = placeOf(this.keys, keys[i]);
      this.keys[at] = keys[i];
      this.numbers[at] = numbers[i];
    }
  }
}

/** Where `key` is, or where it belongs; a power of two of places, at least one of them empty (-1). */
function placeOf(keys: Float64Array, key: number): number {
  const mask = keys.length - 1;
  let hash = Math.imul(key | 0, 0x9e3779b1) ^ Math.imul((key / 0x100000000) | 0, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  let at = (hash ^ (hash >>> 13)) & mask;
  while (keys[at] >= 0 && keys[at] !== key) at = (at + 1) & mask;
  return at;
}

/** Rows that allocate memory of the device. */
export function allocationRows({ events, producer }: DeviceTrace): Uint32Array {
  const rows = new Uint32Array(events.length);
  let count = 0;
  for (let row = 0; row < events.length; row++) {
    if (events.action[row] !== ACTION.alloc) continue;
    if (producer === 'nsys' && HOST_KINDS.includes(events.group[row])) continue;
    rows[count++] = row;
  }
  return rows.subarray(0, count);
}

/** Symbols by stack alone. */
export function stackSymbols({ events }: DeviceTrace, rows: Uint32Array): SymbolSequence {
  // Nodes are dense: a table by node, its last place for NONE, and no hashing.
  let nodes = 0;
  for (const row of rows) {
    const node = events.stack_index[row];
    if (node !== NONE && node >= nodes) nodes = node + 1;
  }
  const known = new Uint32Array(nodes + 1);
  const symbols = new Uint32Array(rows.length);
  let kinds = 0;
  for (let i = 0; i < rows.length; i++) {
    const place = Math.min(events.stack_index[rows[i]], nodes);
    if (known[place] === 0) known[place] = ++kinds;
    symbols[i] = known[place] - 1;
  }
  return { rows, symbols, kinds };
}

/** Buckets for a first look at requests. */
const BUCKETS = 1 << 21;

/**
 * Share of the allocations whose stack, size and stream come together three times or more: an upper bound, found
 * without numbering them (a million requests that never come again are not worth it).
 */
function recurringShare({ events }: DeviceTrace, rows: Uint32Array): number {
  const counts = new Uint8Array(BUCKETS);
  const bucket = (row: number): number => {
    let hash = Math.imul(events.size[2 * row] ^ Math.imul(events.size[2 * row + 1], 0x85ebca6b), 0x9e3779b1);
    hash = Math.imul(hash ^ events.stream_index[row] ^ (hash >>> 15), 0xc2b2ae35);
    hash = Math.imul(hash ^ events.stack_index[row] ^ (hash >>> 16), 0x27d4eb2f);
    return (hash ^ (hash >>> 13)) & (BUCKETS - 1);
  };
  for (const row of rows) {
    const at = bucket(row);
    if (counts[at] < 3) counts[at]++;
  }
  let again = 0;
  for (const row of rows) if (counts[bucket(row)] === 3) again++;
  return rows.length === 0 ? 0 : again / rows.length;
}

/** Symbols by stack, exact size and stream; null where most of them never come back. */
export function requestSymbols(trace: DeviceTrace, rows: Uint32Array): SymbolSequence | null {
  const { events, streams } = trace;
  if (recurringShare(trace, rows) < 0.3) return null;
  // Numbered one after the other, so that every combined key is an exact number whatever the sizes are.
  const sizes = new Numbering();
  const stacks = new Numbering();
  const whole = new Numbering();
  const width = Math.max(streams.length, 1);
  const symbols = new Uint32Array(rows.length);
  const site = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++)
    site[i] = stacks.of(events.stack_index[rows[i]]) * width + events.stream_index[rows[i]];
  const sites = stacks.size * width;
  for (let i = 0; i < rows.length; i++)
    symbols[i] = whole.of(sizes.of(u64At(events.size, rows[i])) * sites + site[i]);
  return { rows, symbols, kinds: whole.size };
}

/** Allocations that outlive so many others are no passing ones. */
const PASSING = 64;

/** Symbols by stack and by how many passing allocations are live before it. */
export function depthSymbols(
  { events }: DeviceTrace,
  { partner }: Pick<Lifetimes, 'partner'>,
  rows: Uint32Array,
): SymbolSequence {
  const position = new Int32Array(events.length).fill(-1);
  rows.forEach((row, i) => (position[row] = i));
  // Rows at which passing allocations are given up, as positions: the free comes before the next allocation.
  const freedBefore = new Int32Array(rows.length + 1);
  let next = 0;
  const given = new Uint8Array(rows.length);
  const passes = new Uint8Array(rows.length);
  for (let row = 0; row < events.length; row++) {
    while (next < rows.length && rows[next] <= row) next++;
    const alloc = partner[row];
    if (events.action[row] === ACTION.alloc || alloc === NONE) continue;
    const at = position[alloc];
    if (at < 0 || given[at] === 1) continue;
    given[at] = 1;
    if (next - at > PASSING) continue;
    passes[at] = 1;
    freedBefore[next]++;
  }
  const numbering = new Numbering();
  const symbols = new Uint32Array(rows.length);
  let depth = 0;
  for (let i = 0; i < rows.length; i++) {
    depth -= freedBefore[i];
    symbols[i] = numbering.of(
      (events.stack_index[rows[i]] + 1) * (PASSING + 2) + Math.min(depth, PASSING + 1),
    );
    depth += passes[i];
  }
  return { rows, symbols, kinds: numbering.size };
}

/** Each symbol with the one before it: tells two uses of one symbol apart by where they come from. */
export function pairSymbols({ rows, symbols, kinds }: SymbolSequence): SymbolSequence {
  const numbering = new Numbering();
  const pairs = new Uint32Array(symbols.length);
  for (let i = 0; i < symbols.length; i++)
    pairs[i] = numbering.of((i === 0 ? kinds : symbols[i - 1]) * (kinds + 1) + symbols[i]);
  return { rows, symbols: pairs, kinds: numbering.size };
}
