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
}

export interface Sort {
  readonly column: string;
  readonly direction: 'ascending' | 'descending';
}

export interface Row {
  readonly key: string;
  readonly cells: readonly Cell[];
}

export interface TableModel {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
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

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}

/** Rows by one column; rows that tie keep their order, in both directions. */
export function sortRows(model: TableModel, sort: Sort | null): readonly Row[] {
  const index = sort === null ? -1 : model.columns.findIndex((column) => column.id === sort.column);
  if (sort === null || index < 0) return model.rows;
  const sign = sort.direction === 'ascending' ? 1 : -1;
  return [...model.rows].sort((a, b) => sign * compare(a.cells[index].sort, b.cells[index].sort));
}

/** A click on a header: figures start with the largest, words with A; a second click turns it round. */
export function nextSort(current: Sort | null, column: Column): Sort {
  const opposite = { ascending: 'descending', descending: 'ascending' } as const;
  if (current?.column === column.id) return { column: column.id, direction: opposite[current.direction] };
  return { column: column.id, direction: column.numeric ? 'descending' : 'ascending' };
}
