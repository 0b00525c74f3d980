/**
 * The best of any range of rows without looking at each: the best of every 32 rows, of every 32 of those, and so on
 * is kept, 4 bytes for 32 rows.
 *
 *   new Pyramid(rows, (row) => row, (a, b) => bytes[a] > bytes[b]).best(from, to)    the first row with most bytes
 */
const SHIFT = 5;
/** Rows of a block of the finest level. */
export const BLOCK = 1 << SHIFT;

/**
 * Level of the largest whole block that begins at `from`, a multiple of BLOCK, and ends at or before `to`. There must be
 * one of level 0; `levels`: how many are kept.
 */
export function levelOfBlock(from: number, to: number, levels: number): number {
  let level = 0;
  while (level + 1 < levels && from % sizeOfBlock(level + 1) === 0 && to - from >= sizeOfBlock(level + 1))
    level++;
  return level;
}

/** Rows of a block of a level. */
export const sizeOfBlock = (level: number): number => 1 << (SHIFT * (level + 1));

export class Pyramid {
  /** By level, the finest first: best of each whole block. */
  private readonly levels: Int32Array[] = [];

  /**
   * `of(i)`: the row that stands for row i. `better(a, b)`: row a is better than row b, strictly, so that the first of
   * equals wins. Neither may change its answers. One pass over all rows.
   */
  constructor(
    length: number,
    private readonly of: (index: number) => number,
    private readonly better: (a: number, b: number) => boolean,
  ) {
    let below: Int32Array | null = null;
    for (let blocks = length >> SHIFT; blocks > 0; blocks >>= SHIFT) {
      const level = new Int32Array(blocks);
      for (let block = 0; block < blocks; block++) {
        const from = block << SHIFT;
        let best = below === null ? of(from) : below[from];
        for (let i = from + 1; i < from + BLOCK; i++) {
          const row = below === null ? of(i) : below[i];
          if (better(row, best)) best = row;
        }
        level[block] = best;
      }
      this.levels.push(level);
      below = level;
    }
  }

  /** The best row of [from, to), the first of equals. There must be one: from < to <= length. */
  best(from: number, to: number): number {
    const { levels, of, better } = this;
    let best = of(from);
    for (let i = from; i < to;) {
      if ((i & (BLOCK - 1)) !== 0 || to - i < BLOCK || levels.length === 0) {
        // Row by row to the next block, or to the end.
        const stop = Math.min(to, (i | (BLOCK - 1)) + 1);
        for (; i < stop; i++) {
          const row = of(i);
          if (better(row, best)) best = row;
        }
        continue;
      }
      const level = levelOfBlock(i, to, levels.length);
      const size = sizeOfBlock(level);
      const row = levels[level][i / size];
      if (better(row, best)) best = row;
      i += size;
    }
    return best;
  }
}
