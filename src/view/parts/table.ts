/** Tables as data: what a cell shows, what it sorts by. */
export interface Cell {
  readonly text: string;
  readonly sort: number | string;
  /** Exact figure or longer text, shown on hover. */
  readonly title: string | null;
  /** 0..1: a bar behind the figure. */
  readonly share: number | null;
  readonly mono: boolean;
}

export interface Column {
  readonly id: string;
  readonly label: string;
  readonly numeric: boolean;
  /** Takes what room is left and cuts long text. */
  readonly wide?: boolean;
  /** Long text goes on in a second line instead of being cut. */
  readonly wraps?: boolean;
  /** Goes on in a second line, and may be narrow: names of a few words. */
  readonly breaks?: boolean;
}

export interface Sort {
  readonly column: string;
  readonly direction: 'ascending' | 'descending';
}

export interface Row {
  readonly key: string;
  readonly cells: readonly Cell[];
}

export interface LazyRows {
  readonly length: number;
  sortKey(row: number, column: number): number | string;
  row(index: number): Row;
}

export interface TableModel {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Instead of `rows` where there are many: cells are made for those that are shown. */
  readonly lazy?: LazyRows;
  /** How many rows there are where `rows` holds only some of them; null: all are here. */
  readonly total: number | null;
  /** Order at first sight; null: as given. */
  readonly sort: Sort | null;
}

export const cell = (
  text: string,
  sort: number | string = text,
  more: Partial<Pick<Cell, 'title' | 'share' | 'mono'>> = {},
): Cell => ({ text, sort, title: null, share: null, mono: false, ...more });

const WORDS = new Intl.Collator('en', { numeric: true });

function compare(a: number | string, b: number | string): number {
  // Not by difference: that of two infinities is no number.
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0;
  return WORDS.compare(String(a), String(b));
}

/** Rows by one column; rows that tie keep their order, in both directions. */
export function sortRows(model: TableModel, sort: Sort | null): readonly Row[] {
  const index = sort === null ? -1 : model.columns.findIndex((column) => column.id === sort.column);
  if (sort === null || index < 0) return model.rows;
  const sign = sort.direction === 'ascending' ? 1 : -1;
  return [...model.rows].sort((a, b) => sign * compare(a.cells[index].sort, b.cells[index].sort));
}

export interface ArrangedRows {
  readonly length: number;
  /** The first `most` in order. */
  take(most: number): readonly Row[];
}

/** All rows in the order of `sort`, ready to be shown from the top. */
export function arrangeRows(model: TableModel, sort: Sort | null): ArrangedRows {
  const { lazy } = model;
  if (lazy === undefined) {
    const rows = sortRows(model, sort);
    return { length: rows.length, take: (most) => rows.slice(0, most) };
  }
  const column = sort === null ? -1 : model.columns.findIndex(({ id }) => id === sort.column);
  const order = Uint32Array.from({ length: lazy.length }, (_, index) => index);
  if (sort !== null && column >= 0) {
    const keys = Array.from(order, (row) => lazy.sortKey(row, column));
    const sign = sort.direction === 'ascending' ? 1 : -1;
    order.sort((a, b) => sign * compare(keys[a], keys[b]) || a - b);
  }
  return { length: lazy.length, take: (most) => Array.from(order.subarray(0, most), (row) => lazy.row(row)) };
}

/** A click on a header: figures start with the largest, words with A; a second click turns it round. */
export function nextSort(current: Sort | null, column: Column): Sort {
  const opposite = { ascending: 'descending', descending: 'ascending' } as const;
  if (current?.column === column.id) return { column: column.id, direction: opposite[current.direction] };
  return { column: column.id, direction: column.numeric ? 'descending' : 'ascending' };
}
