/** Free blocks by size class (powers of two): at a moment, and over time for each column of a picture. */
import { upperBound } from '../../base/binary-search.ts';
import { type AddressState, MAP_STATE } from './address-map.ts';
import type { FreeLives } from './free-lives.ts';

/** Class of the smallest block there is, 512 bytes; class i holds sizes from 2^i to below 2^(i + 1). */
export const FIRST_CLASS = 9;
const CLASSES = 44;

export interface FreeClass {
  /** Bytes: sizes from here to below twice as many. */
  readonly from: number;
  readonly blocks: number;
  readonly bytes: number;
  /** Of the bytes: what empty_cache gives back; what idles in private pools; the rest is pinned. */
  readonly releasable: number;
  readonly idle: number;
}

const classOf = (size: number): number =>
  Math.min(CLASSES - 1, Math.max(0, Math.floor(Math.log2(Math.max(size, 1))) - FIRST_CLASS));

const sizeOf = (index: number): number => 2 ** (index + FIRST_CLASS);

/** Those that occur, smallest first. */
export function freeClasses({ segments, blocks }: AddressState): FreeClass[] {
  const found = Array.from({ length: CLASSES }, (_, index) => ({
    from: sizeOf(index),
    blocks: 0,
    bytes: 0,
    releasable: 0,
    idle: 0,
  }));
  for (const segment of segments)
    for (let at = segment.blockFrom; at < segment.blockTo; at++) {
      if (blocks.state[at] < MAP_STATE.pinned) continue;
      const one = found[classOf(blocks.size[at])];
      one.blocks++;
      one.bytes += blocks.size[at];
      if (segment.pool > 0) one.idle += blocks.whole[at];
      else one.releasable += blocks.whole[at];
    }
  return found.filter(({ blocks: some }) => some > 0);
}

export interface FreeOverTime {
  /** Smallest size of each class, ascending; from the first that occurs to the last. */
  readonly classes: readonly number[];
  /** [class * columns + column]. */
  readonly bytes: Float64Array;
  readonly blocks: Uint32Array;
  /** Of the bytes: in whole segments and pages, private pools among them. */
  readonly whole: Float64Array;
}

/** `moments`: the row just after which each column is, ascending. */
export function freeOverTime(free: FreeLives, moments: Int32Array): FreeOverTime {
  const columns = moments.length;
  const width = columns + 1;
  const make = (): Float64Array => new Float64Array(width * CLASSES);
  const [bytes, blocks, whole] = [make(), make(), make()];
  const columnOf = (row: number): number => upperBound(moments, row - 1);
  let [least, most] = [CLASSES, -1];
  for (let i = 0; i < free.length; i++) {
    const [first, last] = [columnOf(free.rowFrom[i]), columnOf(free.rowTo[i])];
    if (first >= last) continue;
    const index = classOf(free.size[i]);
    least = Math.min(least, index);
    most = Math.max(most, index);
    for (const [into, value] of [
      [bytes, free.size[i]],
      [blocks, 1],
      [whole, free.whole[i]],
    ] as const) {
      into[index * width + first] += value;
      into[index * width + last] -= value;
    }
  }
  const classes: number[] = [];
  for (let index = least; index <= most; index++) classes.push(sizeOf(index));
  const summed = (from: Float64Array): Float64Array<ArrayBuffer> => {
    const sums = new Float64Array(classes.length * columns);
    for (let row = 0; row < classes.length; row++) {
      let sum = 0;
      for (let column = 0; column < columns; column++)
        sums[row * columns + column] = sum += from[(least + row) * width + column];
    }
    return sums;
  };
  return { classes, bytes: summed(bytes), blocks: Uint32Array.from(summed(blocks)), whole: summed(whole) };
}
