/**
 * Nsight's tables, whatever file they came from: SQLite, Arrow, Parquet and JSON exports of one run all offer
 * these and are read by the same code behind it. Values are converted as SQLite converts them.
 */

/** One row at a time. Columns are counted from 0, in the order in which they were asked for. */
export interface Rows {
  /** Goes to the next row; false at the end. */
  step(): boolean;
  isNull(column: number): boolean;
  /** The low 32 bits, signed; 0 for null. */
  int(column: number): number;
  /** Exact for integers up to 2^53; 0 for null. */
  number(column: number): number;
  /** 64 bits, signed: an unsigned number beyond 2^63 is negative. 0n for null. */
  bigint(column: number): bigint;
  /** '' for null. */
  text(column: number): string;
}

export interface NsysTables {
  readonly names: ReadonlySet<string>;
  /** Empty for a table that is not there. */
  columns(table: string): ReadonlySet<string>;
  /**
   * Every row of `table` with exactly these columns, in pieces of one or many rows; a column that the table
   * lacks is null in every row. Throws TraceError where the table ends early.
   */
  rows(table: string, columns: readonly string[]): AsyncIterable<Rows>;
  /** Roughly how many rows the table has; `otherwise` where that cannot be told without reading it. */
  rowBound(table: string, otherwise: number): number;
  /** Bytes of the file read so far, for progress. */
  bytesRead(): number;
}

/** Values of one column of one piece, by row of the piece. */
export interface Cells {
  isNull(row: number): boolean;
  int(row: number): number;
  number(row: number): number;
  bigint(row: number): bigint;
  text(row: number): string;
}

/** A column that the table lacks. */
export const NO_CELLS: Cells = {
  isNull: () => true,
  int: () => 0,
  number: () => 0,
  bigint: () => 0n,
  text: () => '',
};

/** `value` as a 64-bit integer, null where it is none. */
function integerOf(value: unknown): bigint | null {
  switch (typeof value) {
    case 'bigint':
      return BigInt.asIntN(64, value);
    case 'number':
      return Number.isFinite(value) ? BigInt.asIntN(64, BigInt(Math.trunc(value))) : null;
    case 'boolean':
      return value ? 1n : 0n;
    case 'string':
      return /^[+-]?\d{1,20}$/.test(value) ? BigInt.asIntN(64, BigInt(value)) : null;
    default:
      return null;
  }
}

/** Cells of any values: numbers, bigints, texts (numbers in texts too), undefined and null for nothing. */
export class ValueCells implements Cells {
  constructor(private readonly values: ArrayLike<unknown>) {}

  isNull(row: number): boolean {
    return this.values[row] === undefined || this.values[row] === null;
  }

  int(row: number): number {
    return this.number(row) | 0;
  }

  number(row: number): number {
    const value = this.values[row];
    if (typeof value === 'number') return value;
    const integer = integerOf(value);
    return integer === null ? 0 : Number(integer);
  }

  bigint(row: number): bigint {
    return integerOf(this.values[row]) ?? 0n;
  }

  text(row: number): string {
    const value = this.values[row];
    return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
  }
}

/** Rows over columns that lie in memory. */
export class ColumnRows implements Rows {
  private row = -1;

  constructor(
    private readonly length: number,
    private readonly cells: readonly Cells[],
  ) {}

  step(): boolean {
    return ++this.row < this.length;
  }

  isNull(column: number): boolean {
    return this.cells[column].isNull(this.row);
  }

  int(column: number): number {
    return this.cells[column].int(this.row);
  }

  number(column: number): number {
    return this.cells[column].number(this.row);
  }

  bigint(column: number): bigint {
    return this.cells[column].bigint(this.row);
  }

  text(column: number): string {
    return this.cells[column].text(this.row);
  }
}
