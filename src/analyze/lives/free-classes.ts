/** Free blocks by size class (powers of two) at a moment. Over time: engine/free-columns.ts. */
import { type AddressState, MAP_STATE } from './address-map.ts';

/** Class of the smallest block there is, 512 bytes; class i holds sizes from 2^i to below 2^(i + 1). */
export const FIRST_CLASS = 9;
export const FREE_CLASSES = 44;

export interface FreeClass {
  /** Bytes: sizes from here to below twice as many. */
  readonly from: number;
  readonly blocks: number;
  readonly bytes: number;
  /** Of the bytes: what empty_cache gives back; what idles in private pools; the rest is pinned. */
  readonly releasable: number;
  readonly idle: number;
}

export const classOf = (size: number): number =>
  Math.min(FREE_CLASSES - 1, Math.max(0, Math.floor(Math.log2(Math.max(size, 1))) - FIRST_CLASS));

/** Smallest size of a class, bytes. */
export const sizeOf = (index: number): number => 2 ** (index + FIRST_CLASS);

/** Those that occur, smallest first. */
export function freeClasses({ segments, blocks }: AddressState): FreeClass[] {
  const found = Array.from({ length: FREE_CLASSES }, (_, index) => ({
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
