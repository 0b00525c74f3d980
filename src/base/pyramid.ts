/**
 * The best of any range of rows without looking at each: the best of every 32 rows, of every 32 of those, and so on
 * is kept, 4 bytes for 32 rows.
 *
 *   new Pyramid(rows, (row) => row, (a, b) => bytes[a] > bytes[b]).best(from, to)    the first row with most bytes
 */
const SHIFT = 5;
const BLOCK = 1 << SHIFT;

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
      // The largest whole block that begins here and ends in the range.
      let level = 0;
      let block = i >> SHIFT;
      let size = BLOCK;
      while (level + 1 < levels.length && (block & (BLOCK - 1)) === 0 && to - i >= size * BLOCK) {
        level++;
        block >>= SHIFT;
        size *= BLOCK;
      }
      const row = levels[level][block];
      if (better(row, best)) best = row;
      i += size;
    }
    return best;
  }
}
