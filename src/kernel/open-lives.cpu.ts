/**
 * What is open at each of many moments, on the CPU: the reference of shaders/open-lives.wgsl and the fallback where there is
 * no GPU. Cost is lives and moments, never their product: a life is added where it opens and taken away where it ends, and
 * sums run over the moments; the largest is pushed down a tree over the moments.
 *
 *   lives    rows [0, 5) of 512 bytes, key 0;  [2, 9) of 700, key 1        moments  1  3  8
 *   count    key 0: 1 1 0;  key 1: 0 1 1        largest  512  700  700
 */
import { lowerBound } from '../base/binary-search.ts';
import type { OpenLives } from './kernels.ts';

/** Adds an amount to u64 words, or takes it away, modulo 2^64. */
function add(words: Uint32Array, index: number, low: number, high: number, sign: 1 | -1): void {
  const sum = words[2 * index] + sign * low;
  const carry = sum > 0xffffffff ? 1 : sum < 0 ? -1 : 0;
  words[2 * index] = sum;
  words[2 * index + 1] = words[2 * index + 1] + sign * high + carry;
}

/** Puts the larger of two u64 at a place of words. */
function raise(words: Uint32Array, index: number, low: number, high: number): void {
  const at = 2 * index;
  if (words[at + 1] > high || (words[at + 1] === high && words[at] >= low)) return;
  words[at] = low;
  words[at + 1] = high;
}

/**
 * `spans`: first row of a life and the row at which it ends, i32, two words a life. `sizes`: u64 words. `keys`: one word a
 * life; one that is not below `keyCount` leaves its life out. `moments`: rows, ascending; a life is open at a moment from its
 * first row to before its last.
 */
export function countOpenLives(
  spans: Uint32Array,
  sizes: Uint32Array,
  keys: Uint32Array,
  moments: Int32Array,
  keyCount: number,
): OpenLives {
  const columns = moments.length;
  const count = new Uint32Array(keyCount * columns);
  const bytes = new Uint32Array(2 * keyCount * columns);
  const tree = new Uint32Array(4 * columns);
  for (let life = 0; life < keys.length; life++) {
    const key = keys[life];
    if (key >= keyCount) continue;
    const first = lowerBound(moments, spans[2 * life] | 0);
    const last = lowerBound(moments, spans[2 * life + 1] | 0);
    if (first >= last) continue;
    const [low, high] = [sizes[2 * life], sizes[2 * life + 1]];
    const at = key * columns;
    count[at + first]++;
    add(bytes, at + first, low, high, 1);
    if (last < columns) {
      count[at + last]--;
      add(bytes, at + last, low, high, -1);
    }
    for (let [from, to] = [first + columns, last + columns]; from < to; from >>>= 1, to >>>= 1) {
      if ((from & 1) === 1) raise(tree, from++, low, high);
      if ((to & 1) === 1) raise(tree, --to, low, high);
    }
  }
  for (let key = 0; key < keyCount; key++)
    for (let at = key * columns + 1; at < (key + 1) * columns; at++) {
      count[at] += count[at - 1];
      add(bytes, at, bytes[2 * at - 2], bytes[2 * at - 1], 1);
    }
  const largest = new Uint32Array(2 * columns);
  for (let column = 0; column < columns; column++)
    for (let node = column + columns; node > 0; node >>>= 1)
      raise(largest, column, tree[2 * node], tree[2 * node + 1]);
  return { keys: keyCount, columns, count, bytes, largest };
}
