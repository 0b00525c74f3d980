/**
 * Kernels of a device over time: for each column of the screen how many ran, for how much of it at least one did,
 * and which of them is the longest.
 *
 *   kernels   [gemm.......]  [add]           two streams: gemm and relu overlap
 *                 [relu]
 *   columns   |    |    |    |    |
 *   count      1    2    1    1
 *   busy       1    1    .6   .8
 *   longest    gemm gemm gemm add
 *
 * A kernel whose end is missing or not after its start has no length: it counts in the column of its start.
 */
import { upperBound } from '../base/binary-search.ts';
import { asBigInt64 } from '../base/u64.ts';
import type { KernelTable } from '../trace/capture.ts';
import { NONE } from '../trace/schema.ts';

export interface KernelColumns {
  /** Nanoseconds of each column in which a kernel ran. Exact where the column's edges are whole nanoseconds. */
  readonly busyNs: Float64Array;
  /** Kernels that ran at some time in each column. */
  readonly count: Uint32Array;
  /** Row of the longest of them, by its whole length, the earliest of equals; NONE where there is none. */
  readonly longest: Uint32Array;
}

/** Kernels of one name within a range. */
export interface KernelShare {
  /** Index into `names` of the table. */
  readonly name: number;
  readonly count: number;
  /** Sum of their times inside the range, overlaps counted each. */
  readonly ns: number;
}

export class KernelTrack {
  /** Nanoseconds from `base`, ascending. */
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** Latest end of the rows up to each: no row before the first that reaches x is running at x. */
  private readonly reach: Float64Array;

  constructor(
    readonly table: KernelTable,
    base: bigint,
  ) {
    const { length } = table;
    const starts = asBigInt64(table.start_ns);
    const ends = asBigInt64(table.end_ns);
    this.start = new Float64Array(length);
    this.end = new Float64Array(length);
    this.reach = new Float64Array(length);
    let reach = -Infinity;
    for (let row = 0; row < length; row++) {
      this.start[row] = Number(starts[row] - base);
      this.end[row] = Math.max(this.start[row], Number(ends[row] - base));
      if (this.end[row] > reach) reach = this.end[row];
      this.reach[row] = reach;
    }
  }

  /** Visits rows that run at some time in [from, to), in order of their starts. */
  visit(from: number, to: number, visit: (row: number) => void): void {
    const { start, end } = this;
    for (let row = this.firstAt(from); row < start.length && start[row] < to; row++)
      if (end[row] > from || (start[row] === end[row] && start[row] === from)) visit(row);
  }

  /** `edges[i]` to `edges[i + 1]` is column i: ascending, one more than there are columns, ns from base. */
  columns(edges: Float64Array): KernelColumns {
    const columns = edges.length - 1;
    const busyNs = new Float64Array(columns);
    const count = new Uint32Array(columns);
    const first = edges[0];
    const last = edges[columns];
    const longest = new LongestPerColumn(columns, (row) => this.end[row] - this.start[row]);
    // How many more run in a column than in the one before.
    const change = new Int32Array(columns + 1);
    let covered = first;
    let from = 0;
    let column = 0;
    this.visit(first, last, (row) => {
      const start = Math.max(this.start[row], first);
      const end = Math.min(this.end[row], last);
      // Starts ascend, and so does what is covered: their columns are walked once.
      while (from + 1 < columns && edges[from + 1] <= start) from++;
      for (let at = Math.max(covered, start); at < end;) {
        while (column + 1 < columns && edges[column + 1] <= at) column++;
        const until = Math.min(end, edges[column + 1]);
        busyNs[column] += until - at;
        at = until;
      }
      covered = Math.max(covered, end);
      const to = end <= edges[from + 1] ? from : Math.max(from, lastBefore(edges, end, columns));
      change[from]++;
      change[to + 1]--;
      longest.offer(row, from, to);
    });
    let running = 0;
    for (let i = 0; i < columns; i++) count[i] = running += change[i];
    return { busyNs, count, longest: longest.result() };
  }

  /** Kernels of [from, to) by name, the most time first. */
  shares(from: number, to: number): KernelShare[] {
    const { name_index, names } = this.table;
    const count = new Float64Array(names.length);
    const ns = new Float64Array(names.length);
    this.visit(from, to, (row) => {
      const name = name_index[row];
      count[name]++;
      ns[name] += Math.min(this.end[row], to) - Math.max(this.start[row], from);
    });
    return Array.from(names, (_, name) => ({ name, count: count[name], ns: ns[name] }))
      .filter((share) => share.count > 0)
      .sort((a, b) => b.ns - a.ns || b.count - a.count || a.name - b.name);
  }

  /** First row that may still run at `at`. */
  private firstAt(at: number): number {
    let row = upperBound(this.reach, at);
    // Rows without length at `at` itself end there, and count.
    while (row > 0 && this.start[row - 1] >= at) row--;
    return row;
  }
}

/** Column that holds the last moment before `end`. */
const lastBefore = (edges: Float64Array, end: number, columns: number): number => {
  const column = upperBound(edges, end, 0, columns) - 1;
  return edges[column] === end ? column - 1 : column;
};

/** The longest of what covers each column: a tree of ranges, so that a long kernel costs no more than a short one. */
class LongestPerColumn {
  private readonly best: Uint32Array;

  constructor(
    private readonly columns: number,
    private readonly lengthOf: (row: number) => number,
  ) {
    this.best = new Uint32Array(2 * columns).fill(NONE);
  }

  offer(row: number, from: number, to: number): void {
    if (from === to) return this.keep(from + this.columns, row);
    let low = from + this.columns;
    let high = to + 1 + this.columns;
    for (; low < high; low >>= 1, high >>= 1) {
      if (low & 1) this.keep(low++, row);
      if (high & 1) this.keep(--high, row);
    }
  }

  result(): Uint32Array {
    for (let node = 2; node < this.best.length; node++) {
      const above = this.best[node >> 1];
      if (above !== NONE) this.keep(node, above);
    }
    return this.best.slice(this.columns);
  }

  private keep(node: number, row: number): void {
    const known = this.best[node];
    if (known !== NONE) {
      const difference = this.lengthOf(row) - this.lengthOf(known);
      if (difference < 0 || (difference === 0 && row > known)) return;
    }
    this.best[node] = row;
  }
}
