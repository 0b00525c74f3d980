/**
 * What some allocations hold over time, from their lives alone: a curve by pixel column, its peak, its value at rows.
 * Costs what the lives are, not what the recording is long.
 */
import { type Lives, NEVER } from './lives.ts';

export interface LineCurve {
  /** Rows at which bytes change, ascending, and what is held after each. Before the first: `before`. */
  readonly row: Int32Array;
  readonly bytes: Float64Array;
  readonly count: Float64Array;
  readonly before: { readonly bytes: number; readonly count: number };
}

/** `some`: in the order in which they were made. */
export function lineCurve({ rowFrom, rowTo, requested }: Lives, some: Uint32Array): LineCurve {
  const ends = some.filter((life) => rowTo[life] !== NEVER).sort((a, b) => rowTo[a] - rowTo[b]);
  const row = new Int32Array(some.length + ends.length);
  const bytes = new Float64Array(row.length);
  const count = new Float64Array(row.length);
  const before = { bytes: 0, count: 0 };
  let [made, ended, length] = [0, 0, 0];
  for (; made < some.length && rowFrom[some[made]] < 0; made++) {
    before.bytes += requested[some[made]];
    before.count++;
  }
  let { bytes: held, count: alive } = before;
  while (made < some.length || ended < ends.length) {
    const nextMade = made < some.length ? rowFrom[some[made]] : Infinity;
    const nextEnd = ended < ends.length ? rowTo[ends[ended]] : Infinity;
    const at = Math.min(nextMade, nextEnd);
    if (nextMade <= nextEnd) {
      held += requested[some[made++]];
      alive++;
    } else {
      held -= requested[ends[ended++]];
      alive--;
    }
    if (length === 0 || row[length - 1] !== at) length++;
    row[length - 1] = at;
    bytes[length - 1] = held;
    count[length - 1] = alive;
  }
  return {
    row: row.subarray(0, length),
    bytes: bytes.subarray(0, length),
    count: count.subarray(0, length),
    before,
  };
}

/** Bytes held just before each of these rows, in any order. */
export function heldBefore({ row, bytes, before }: LineCurve, rows: readonly number[]): Float64Array {
  return Float64Array.from(rows, (wanted) => {
    let [from, to] = [0, row.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (row[middle] < wanted) from = middle + 1;
      else to = middle;
    }
    return from === 0 ? before.bytes : bytes[from - 1];
  });
}

export interface CurveColumns {
  readonly first: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly last: Float64Array;
}

/**
 * By columns: column i holds rows [offsets[i], offsets[i + 1]). As the curves of the timeline are, `first` is after the
 * first row of the column; a column without a row holds what was carried into it.
 */
export function curveColumns({ row, bytes, before }: LineCurve, offsets: Uint32Array): CurveColumns {
  const length = offsets.length - 1;
  const [first, min, max, last] = [0, 1, 2, 3].map(() => new Float64Array(length));
  let at = 0;
  let held = before.bytes;
  for (; at < row.length && row[at] < offsets[0]; at++) held = bytes[at];
  for (let column = 0; column < length; column++) {
    const [from, to] = [offsets[column], offsets[column + 1]];
    if (at < row.length && row[at] === from && from < to) held = bytes[at++];
    first[column] = min[column] = max[column] = held;
    for (; at < row.length && row[at] < to; at++) {
      held = bytes[at];
      min[column] = Math.min(min[column], held);
      max[column] = Math.max(max[column], held);
    }
    last[column] = held;
  }
  return { first, min, max, last };
}

/** Where most is held: the first such row, -1 before the first of all. */
export function curvePeak({ row, bytes, count, before }: LineCurve): {
  readonly row: number;
  readonly bytes: number;
  readonly count: number;
} {
  let peak = { row: -1, ...before };
  for (let i = 0; i < row.length; i++)
    if (bytes[i] > peak.bytes) peak = { row: row[i], bytes: bytes[i], count: count[i] };
  return peak;
}
