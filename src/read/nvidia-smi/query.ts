/**
 * Rows of `nvidia-smi --query-gpu|compute-apps|... --format=csv` under a header, which says what they are.
 * nvidia-smi quotes nothing: a process name may hold commas, so cells are counted from both ends.
 */
import { formatInteger } from '../../base/units.ts';
import { lookup } from '../../base/lookup.ts';
import type { DataTable, TableColumn } from '../../trace/readings.ts';
import {
  cellFigure,
  headerColumns,
  isOfSmi,
  isMissingText,
  type CellFigure,
  type Column,
} from './columns.ts';
import type { SmiProcesses } from './processes.ts';
import type { Gpu, RowPlace, Series, SmiSamples } from './samples.ts';
import { separatorTime, slashTime } from '../lines/printed-time.ts';
import { withoutHome } from '../lines/text-pass.ts';

const MOST_TABLE_ROWS = 10_000;
/** More rows than this under one `=== date ===` are samples, not GPUs. */
const MOST_GPUS = 16;
const MISSING_FIGURE = 'A row of nvidia-smi that cannot be read was left out.';

interface OtherTable {
  readonly columns: readonly Column[];
  readonly rows: (string | number | null)[][];
}

export const NO_LABELS: Readonly<Record<string, string>> = {};

/** Labels of the nth row of a block whose rows name no GPU. */
export const rowLabels = (row: number): Readonly<Record<string, string>> =>
  row > 0 && row < MOST_GPUS ? { row: String(row + 1) } : NO_LABELS;

const SECONDS = /^\d{10}(?:\.\d{1,9})?$/;

/** A time of nvidia-smi, ISO's, or seconds since 1970 of `date +%s`. */
function cellTime(cell: string): number | null {
  const slash = slashTime(cell);
  if (slash !== null) return slash;
  // hl-smi -Q prints what `date` does.
  if (!/^\d{10}(?:\.\d{1,9})?$|^[\dT:.+ Z-]{19,35}$|^[A-Z][a-z]{2} [A-Z][a-z]{2} /.test(cell)) return null;
  return separatorTime(cell)?.ms ?? null;
}

export class SmiQueryRows {
  /** Columns that rows have and that make no series. */
  readonly unshown = new Set<string>();
  driver: string | null = null;
  /** A header was met that is not nvidia-smi's. */
  isOwn = false;
  /** Rows that name no GPU. */
  anonymous = 0;
  private columns: readonly Column[] | null = null;
  private absorbing = -1;
  private timeAt = -1;
  private kind: 'gpu' | 'process' | 'other' = 'gpu';
  /** Whether cells carry units; null: no row has been seen. */
  private hasUnits: boolean | null = null;
  /** Time and figures of the row that isRow has just judged, by column. */
  private ms: number | null = null;
  private isUnix = false;
  private read: CellFigure[] = [];
  /** Series by column, of each GPU under the header in force. */
  private readonly series = new Map<string, (Series | null)[]>();
  private readonly others = new Map<string, OtherTable>();
  private other: OtherTable | null = null;

  constructor(
    private readonly samples: SmiSamples,
    private readonly processes: SmiProcesses,
  ) {}

  /** A header has said what rows are. */
  get isOpen(): boolean {
    return this.columns !== null;
  }

  header(text: string): boolean {
    const columns = headerColumns(text);
    if (columns === null) return false;
    if (!isOfSmi(text)) this.isOwn = true;
    this.columns = columns;
    this.hasUnits = null;
    this.read = [];
    this.series.clear();
    this.timeAt = columns.findIndex(({ role }) => role === 'time');
    const has = (role: Column['role']): boolean => columns.some((column) => column.role === role);
    this.kind = has('process-memory')
      ? 'process'
      : columns.some(({ quantity }) => quantity !== null)
        ? 'gpu'
        : 'other';
    this.absorbing = columns.findIndex(({ role }) => role === 'process');
    if (this.absorbing < 0) this.absorbing = columns.findIndex(({ role }) => role === 'name');
    if (this.kind === 'other') {
      const key = columns.map(({ name }) => name).join();
      this.other = this.others.get(key) ?? { columns, rows: [] };
      this.others.set(key, this.other);
    } else {
      for (const { name, role, quantity } of columns) {
        if (role === null && quantity === null && name !== 'driver_version') this.unshown.add(name);
      }
    }
    return true;
  }

  /** `loose`: other lines came between, so only a row that is certainly one is taken. `row`: ordinal in its block. */
  row(text: string, offset: number, loose: boolean, row: number): boolean {
    const { columns } = this;
    if (columns === null) return false;
    const startsWithTime = this.timeAt === 0 && text[4] === '/' && text[13] === ':';
    if (loose && !startsWithTime && !text.includes(' MiB')) return false;
    if (columns.length > 1 && !text.includes(',')) return false;
    const cells = this.cells(text, columns);
    if (cells === null || !this.isRow(cells, columns)) {
      // Loggers begin lines with such a time too, but not with a comma after it.
      if (!startsWithTime || slashTime(text.slice(0, text.indexOf(','))) === null) return false;
      this.samples.skip(MISSING_FIGURE, offset);
      return true;
    }
    this.keep(cells, columns, offset, row);
    return true;
  }

  tables(): DataTable[] {
    return [...this.others.values()].filter(({ rows }) => rows.length > 0).map(tableOf);
  }

  private cells(text: string, columns: readonly Column[]): string[] | null {
    const parts = text.split(',');
    const extra = parts.length - columns.length;
    if (extra < 0 || (extra > 0 && this.absorbing < 0)) return null;
    if (extra > 0)
      parts.splice(this.absorbing, extra + 1, parts.slice(this.absorbing, this.absorbing + extra + 1).join());
    return parts.map((part) => part.trim());
  }

  private isRow(cells: readonly string[], columns: readonly Column[]): boolean {
    let units: boolean | null = this.hasUnits;
    this.ms = null;
    for (let i = 0; i < columns.length; i++) {
      const { role, quantity, unit } = columns[i];
      const cell = cells[i];
      if (role === 'time') {
        const ms = cellTime(cell);
        // A time of day has no date: the samples are numbered.
        if (ms === null && !/^\d\d:\d\d:\d\d(?:\.\d{1,9})?$/.test(cell)) return false;
        this.ms = ms;
        this.isUnix = SECONDS.test(cell);
      } else if (role === 'index' || role === 'pid') {
        if (!/^\d{1,10}$/.test(cell) && !isMissingText(cell)) return false;
      } else if (quantity !== null || role === 'process-memory') {
        const figure = cellFigure(cell);
        if (figure === null) return false;
        this.read[i] = figure;
        // A number without the unit that the others carry has lost its end.
        if (unit === null || Number.isNaN(figure.value)) continue;
        if (units !== null && units !== (figure.unit !== null)) return false;
        units = figure.unit !== null;
      }
    }
    this.hasUnits = units;
    return true;
  }

  private keep(cells: readonly string[], columns: readonly Column[], offset: number, row: number): void {
    this.samples.rows++;
    if (this.kind === 'other') {
      if (this.ms !== null) this.samples.saw(this.ms, { isUnix: this.isUnix });
      this.keepOther(cells, columns, offset);
      return;
    }
    let index: number | null = null;
    let uuid: string | null = null;
    let bus: string | null = null;
    const { ms } = this;
    let name: string | null = null;
    let pid = '';
    let process = '';
    for (let i = 0; i < columns.length; i++) {
      const cell = cells[i];
      const { role } = columns[i];
      if (role === null || isMissingText(cell)) {
        if (columns[i].name === 'driver_version') this.driver ??= cell.slice(0, 40);
        continue;
      }
      if (role === 'index') index = Number(cell);
      else if (role === 'uuid') uuid = cell.slice(0, 80);
      else if (role === 'bus') bus = cell.slice(0, 40);
      else if (role === 'name') name = cell.slice(0, 80);
      else if (role === 'pid') pid = cell;
      else if (role === 'process') process = cell;
    }
    if (ms !== null) this.samples.saw(ms, { isUnix: this.isUnix });
    const gpu: Gpu = {
      index,
      uuid: index === null ? uuid : null,
      bus: index === null && uuid === null ? bus : null,
    };
    if (index !== null) {
      if (uuid !== null) this.samples.identify(index, uuid);
      if (bus !== null) this.samples.identify(index, bus);
    }
    const isNamed = index !== null || uuid !== null || bus !== null;
    if (!isNamed) this.anonymous++;
    if (name !== null) this.samples.names.set(index === null ? (uuid ?? bus ?? '') : String(index), name);
    const labels = isNamed || this.kind === 'process' ? NO_LABELS : rowLabels(row);
    const place = { gpu, ms, labels, offset };
    if (this.kind === 'process') this.processRow(cells, columns, place, pid, process);
    else this.gpuRow(cells, columns, place);
  }

  private gpuRow(cells: readonly string[], columns: readonly Column[], place: RowPlace): void {
    const { gpu, labels, ms } = place;
    const key = `${gpu.index ?? gpu.uuid ?? gpu.bus ?? ''}\t${labels['row'] ?? ''}`;
    let series = this.series.get(key);
    if (series === undefined) {
      series = columns.map(({ quantity }) =>
        quantity === null ? null : this.samples.seriesOf(quantity, place),
      );
      this.series.set(key, series);
    }
    for (let i = 0; i < columns.length; i++) {
      const of = series[i];
      if (of === null) continue;
      const { value, digit } = this.read[i];
      if (Number.isNaN(value)) this.samples.isMissing(cells[i]);
      this.samples.addTo(of, ms, value, digit);
    }
  }

  private processRow(
    cells: readonly string[],
    columns: readonly Column[],
    place: RowPlace,
    pid: string,
    process: string,
  ): void {
    const at = columns.findIndex(({ role }) => role === 'process-memory');
    const { value } = this.read[at];
    if (Number.isNaN(value)) this.samples.isMissing(cells[at]);
    this.processes.add(place, pid, process, null, value);
  }

  private keepOther(cells: readonly string[], columns: readonly Column[], offset: number): void {
    const rows = this.other?.rows;
    if (rows === undefined) return;
    if (rows.length >= MOST_TABLE_ROWS) {
      this.samples.skip(`A table of nvidia-smi was cut at ${formatInteger(MOST_TABLE_ROWS)} rows.`, offset);
      return;
    }
    const kept: (string | number | null)[] = [];
    columns.forEach((column, i) => {
      if (column.role !== 'private') kept.push(otherCell(column, cells[i]));
    });
    rows.push(kept);
  }
}

const UNITS: Readonly<Record<string, readonly [TableColumn['unit'], number]>> = lookup({
  MiB: ['bytes', 1048576],
  '%': ['percent', 1],
  ms: ['nanoseconds', 1e6],
  us: ['nanoseconds', 1e3],
});
const TEXT: readonly [TableColumn['unit'], number] = ['text', 1];
const unitOf = ({ unit }: Column): readonly [TableColumn['unit'], number] =>
  unit !== null && Object.hasOwn(UNITS, unit) ? UNITS[unit] : TEXT;

function otherCell(column: Column, cell: string): string | number | null {
  if (isMissingText(cell)) return null;
  const [unit, scale] = unitOf(column);
  const figure = unit === 'text' ? null : cellFigure(cell);
  return figure === null ? withoutHome(cell).slice(0, 200) : figure.value * scale;
}

function tableOf({ columns, rows }: OtherTable): DataTable {
  const isAccounting = columns.some(({ name }) => name === 'max_memory_usage');
  const isPages = columns.some(({ name }) => name.startsWith('retired_pages.'));
  return {
    id: isAccounting
      ? 'nvidia-smi.accounted-apps'
      : isPages
        ? 'nvidia-smi.retired-pages'
        : 'nvidia-smi.query',
    title: isAccounting
      ? 'Processes that the driver kept account of'
      : isPages
        ? 'Retired pages'
        : 'Rows of nvidia-smi',
    note: isAccounting
      ? 'max_memory_usage is the most that the process ever held, running or ended.'
      : isPages
        ? 'Pages of device memory taken out of use after errors.'
        : null,
    columns: columns
      .filter(({ role }) => role !== 'private')
      .map((column) => ({ name: column.name, unit: unitOf(column)[0] })),
    rows,
  };
}
