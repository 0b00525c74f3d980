/** The settings of a sweep of which none other is better both in memory and in cost. */

export interface Cost {
  /** Bytes. */
  readonly reservedPeak: number;
  /** Calls of the driver. */
  readonly calls: number;
}

/**
 * Indices of the rows on the front, from the least memory and most calls to the most memory and least calls:
 *
 *   calls |  2 .            of rows with equal figures the first counts;
 *         |      x          `x` is beaten by 1: more memory and more calls
 *         |    1
 *         |          0
 *         +------------ reserved peak
 *
 * Rows for which `counts` is false (a request failed) are left out.
 */
export function paretoFront<T extends Cost>(
  rows: readonly T[],
  counts: (row: T) => boolean = () => true,
): number[] {
  const order = [...rows.keys()]
    .filter((index) => counts(rows[index]))
    .sort((a, b) => rows[a].reservedPeak - rows[b].reservedPeak || rows[a].calls - rows[b].calls || a - b);
  const front: number[] = [];
  let least = Infinity;
  for (const index of order) {
    if (rows[index].calls >= least) continue;
    least = rows[index].calls;
    front.push(index);
  }
  return front;
}
