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
