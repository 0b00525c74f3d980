/**
 * Where the least and the most of every 32 elements of a column lie, of every 32 of those, and so on: a pixel column
 * over a million elements is answered from a few hundred of them.
 *
 *   elements   0 ... 31 | 32 ... 63 | ... | 992 ... 1023 |        8 bytes for each block:
 *   blocks        0     |     1     | ... |      31      |        index of its least, index of its first most
 *   blocks of blocks    0                                  |
 *
 * Only whole blocks are kept: what lies before the first and behind the last is looked at element by element. The
 * same as base/pyramid.ts, for words compared in place and least and most at once.
 */
import { BLOCK, levelOfBlock, sizeOfBlock } from '../base/pyramid.ts';

/** true: element a of i64 words `values` is below element b. */
export function isBelow(values: Uint32Array, a: number, b: number): boolean {
  const high = values[2 * a + 1] | 0;
  const other = values[2 * b + 1] | 0;
  return high < other || (high === other && values[2 * a] < values[2 * b]);
}

export class Extremes {
  /** By level, the finest first: index of the least (2b) and of the first most element (2b + 1) of block b. */
  private readonly levels: Uint32Array[] = [];

  /** `values`: i64 words, which must not change. One pass over them. */
  constructor(values: Uint32Array) {
    let below: Uint32Array | null = null;
    let blocks = Math.floor(values.length / 2 / BLOCK);
    while (blocks > 0) {
      const level = new Uint32Array(2 * blocks);
      for (let block = 0; block < blocks; block++) {
        const from = block * BLOCK;
        let least = below === null ? from : below[2 * from];
        let most = below === null ? from : below[2 * from + 1];
        for (let i = from + 1; i < from + BLOCK; i++) {
          const low = below === null ? i : below[2 * i];
          const high = below === null ? i : below[2 * i + 1];
          if (isBelow(values, low, least)) least = low;
          if (isBelow(values, most, high)) most = high;
        }
        level[2 * block] = least;
        level[2 * block + 1] = most;
      }
      this.levels.push(level);
      below = level;
      blocks = Math.floor(blocks / BLOCK);
    }
  }

  /**
   * The largest block that begins at `from` (a multiple of BLOCK) and ends at or before `to`: writes the index of its
   * least and of its first most element into `found`; returns where it ends. There must be one: to - from >= BLOCK.
   */
  block(from: number, to: number, found: Uint32Array): number {
    const level = levelOfBlock(from, to, this.levels.length);
    const size = sizeOfBlock(level);
    const block = from / size;
    found[0] = this.levels[level][2 * block];
    found[1] = this.levels[level][2 * block + 1];
    return from + size;
  }
}
