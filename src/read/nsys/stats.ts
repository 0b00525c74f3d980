/**
 * Reads what `nsys stats --format csv` prints or writes, one report or several in one text:
 * https://docs.nvidia.com/nsight-systems/UserGuide/index.html#cli-stats-command-switch-options
 *    ** CUDA GPU MemOps Summary (by Size) (cuda_gpu_mem_size_sum):
 *   Total (MB),Count,Avg (MB),Med (MB),Min (MB),Max (MB),StdDev (MB),Operation
 *   4.194,2,2.097,2.097,0.000,4.194,2.966,[CUDA memcpy Host-to-Device]
 * Columns are known by their headers, whatever their order and version. Reports are tables: they count transfers
 * and times, from which memory in use cannot be told. Also read: a GPU trace that Pipit wrote as CSV.
 *
 * Not read: --format json, table and column. Of traces the first 100,000 rows are kept; sums are of all rows.
 */
import { formatInteger } from '../../base/units.ts';
import { TraceError } from '../../base/trace-error.ts';
import { splitCsv } from '../../file/csv.ts';
import type { TextLine } from '../../file/text-lines.ts';
import type { DataTable } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import { CountedWarnings } from '../lines/counted-warnings.ts';
import {
  cellOf,
  columnsOf,
  kindNamed,
  kindOfHeader,
  type ReportKind,
  type StatsColumn,
} from './stats-columns.ts';
import {
  addTraceRow,
  GpuTraceSums,
  isPipitHeader,
  PIPIT_COLUMNS,
  pipitRow,
  traceColumns,
  type TraceColumns,
} from './stats-trace.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from '../reader.ts';
import { headLines, looksLikeText, passOverLines } from '../lines/text-pass.ts';

const MOST_ROWS = 100_000;
const MOST_REPORTS = 200;
const CELL_LENGTH = 500;

/** `Processing [x.sqlite] with [/opt/.../reports/cuda_api_sum.py]...` and ` ** CUDA API Summary (cuda_api_sum):` */
const PROCESSING = /^Processing \[.*\] with \[(?:[^\]]*[/\\])?([\w:=-]+?)(?:\.py)?(?::[^\]]*)?\]/;
const TITLE = /^ ?\*\* .{1,120}\(([\w:=.-]{3,60})\):? *$/;
const SKIPPED = /^SKIPPED: .* does not contain (.{3,80}?)\.? *$/;

const PIPIT: ReportKind = {
  id: 'pipit_gpu_trace',
  title: 'Kernels, copies and fills in order, as Pipit wrote them',
  note: 'Not memory in use: what was copied and filled, not what was allocated. Begin and end of each operation are one row here.',
};

interface Report {
  readonly kind: ReportKind;
  readonly header: readonly string[];
  readonly columns: readonly StatsColumn[];
  readonly rows: (readonly (string | number | null)[])[];
  readonly sums: GpuTraceSums | null;
  readonly at: TraceColumns | null;
  readonly isPipit: boolean;
  /** Rows met, kept or not. */
  met: number;
}

class Stats {
  readonly warnings = new CountedWarnings();
  readonly reports: Report[] = [];
  readonly absent: string[] = [];
  rows = 0;
  skipped = 0;
  otherLines = 0;
  private report: Report | null = null;
  /** The report that the last title named. */
  private named: ReportKind | null = null;

  constructor(fileName: string) {
    // `nsys stats -o base` writes base_REPORT.csv; a hint, for reports whose columns do not tell.
    const match =
      /_((?:cuda|nvtx|osrt|um|opengl|vulkan|dx\d+|openmp|openacc|gpu)[a-z_]*|gpumem\w+|gputrace)\.csv/i.exec(
        fileName,
      );
    this.fileKind = match === null ? null : kindNamed(match[1]);
  }
  private readonly fileKind: ReportKind | null;

  readonly onLine = ({ text, offset, cut }: TextLine): void => {
    if (cut) this.warnings.add('A line of more than 1 MiB; its rest was left out.', offset);
    if (text.trim() === '') {
      this.report = null;
      return;
    }
    if (this.title(text)) return;
    const { cells, error } = splitCsv(text.replace(/^\ufeff/, ''));
    if (cells.length >= 3 && this.begin(cells, offset)) return;
    if (this.report === null) {
      this.otherLines++;
      return;
    }
    if (error !== null || cells.length !== this.report.header.length) {
      const why = error?.message ?? `${cells.length} cells where the header has ${this.report.header.length}`;
      this.skip(
        `A row of ${this.report.kind.id} that cannot be read was left out: ${why}.`,
        offset + (error?.at ?? 0),
      );
      return;
    }
    this.row(this.report, cells, offset);
  };

  tables(): DataTable[] {
    return this.reports.flatMap(({ kind, columns, rows, sums, met }) => {
      const table: DataTable = {
        id: kind.id,
        title: kind.title,
        note:
          rows.length < met
            ? `The first ${formatInteger(rows.length)} of ${formatInteger(met)} rows. ${kind.note}`
            : kind.note,
        columns: columns.map(({ name, unit }) => ({ name, unit })),
        rows,
      };
      const summed = sums?.table(kind.id, kind.note) ?? null;
      return summed === null ? [table] : [summed, table];
    });
  }

  private title(text: string): boolean {
    if (text.length > 4000) return false;
    const named = PROCESSING.exec(text) ?? TITLE.exec(text);
    if (named) {
      this.named = kindNamed(named[1]);
      this.report = null;
      return true;
    }
    const skipped = SKIPPED.exec(text);
    if (skipped && this.absent.length < MOST_REPORTS) this.absent.push(skipped[1]);
    return skipped !== null || text.startsWith('Generating SQLite file ');
  }

  /** Begins a report where the cells are a header. */
  private begin(cells: readonly string[], offset: number): boolean {
    // Every line of a file comes by here: most begin with a figure, and no header does.
    const code = cells[0].trimStart().charCodeAt(0);
    if (code >= 0x30 && code <= 0x39) return false;
    const isPipit = isPipitHeader(cells);
    const byColumns = isPipit ? PIPIT : kindOfHeader(cells);
    if (byColumns === null && !(this.named !== null && this.report === null && isHeader(cells))) return false;
    if (this.reports.length >= MOST_REPORTS) {
      this.warnings.add(`More than ${MOST_REPORTS} reports: further ones were left out.`, offset);
      this.report = null;
      return true;
    }
    const header = cells.map((cell) => cell.trim());
    const columns = isPipit ? PIPIT_COLUMNS : columnsOf(header);
    // A title knows best; without one the columns do, except that calls of CUDA and of the system look alike.
    const kind = isPipit ? PIPIT : (this.named ?? this.fileKind ?? byColumns ?? kindNamed('report'));
    const at = kind.id === 'cuda_gpu_trace' || isPipit ? traceColumns(columns) : null;
    this.report = {
      kind,
      header,
      columns,
      rows: [],
      sums: at === null ? null : new GpuTraceSums(),
      at,
      isPipit,
      met: 0,
    };
    this.reports.push(this.report);
    this.named = null;
    return true;
  }

  private row(report: Report, cells: readonly string[], offset: number): void {
    let row: readonly (string | number | null)[];
    if (report.isPipit) {
      const converted = pipitRow(report.header, cells);
      if (converted === 'end') return;
      if (converted === null) {
        this.skip('A row of a GPU trace without begin and end was left out.', offset);
        return;
      }
      row = converted;
    } else {
      // Of rows beyond those kept only what is summed is read.
      const { at } = report;
      const isKept = at === null || report.rows.length < MOST_ROWS;
      row = cells.map((cell, i) =>
        !isKept && i !== at.name && i !== at.start && i !== at.duration && i !== at.bytes
          ? null
          : cellOf(report.columns[i], cell.length > CELL_LENGTH ? cell.slice(0, CELL_LENGTH) : cell),
      );
    }
    if (report.sums !== null && report.at !== null && !addTraceRow(report.sums, report.at, row)) {
      this.skip('A row of a GPU trace without start and duration was left out.', offset);
      return;
    }
    this.rows++;
    report.met++;
    if (report.rows.length < MOST_ROWS) report.rows.push(row);
    else {
      this.warnings.add(
        `${report.kind.id} has more than ${formatInteger(MOST_ROWS)} rows: further ones are in the sums only.`,
        offset,
      );
    }
  }

  private skip(message: string, offset: number): void {
    this.skipped++;
    this.warnings.add(message, offset);
  }
}

/** Names and no figures. */
const isHeader = (cells: readonly string[]): boolean =>
  cells.every((cell) => /^[A-Za-z][\w %/()#.+-]{0,40}$/.test(cell.trim()));

const IN_USE =
  'Memory in use cannot be told from nsys stats. Record and export the events themselves: ' +
  'nsys profile --cuda-memory-usage=true -o report COMMAND, then nsys export --type=sqlite --output=report.sqlite report.nsys-rep.';

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  const stats = new Stats(input.name);
  const pass = await passOverLines(input, context, stats.onLine);
  const tables = stats.tables();
  let { error } = pass;
  if (tables.length === 0 && error === null) {
    error = new TraceError(
      'unrecognised',
      `No report of nsys stats is in the ${pass.lines} lines of this text.`,
      {
        file: input.name,
        format: 'nsys-stats',
        offset: 0,
        advice:
          'Write reports as CSV: nsys stats --format csv --report cuda_gpu_mem_size_sum,cuda_api_sum report.nsys-rep > stats.csv',
      },
    );
  } else if (stats.rows === 0 && error === null) {
    stats.warnings.add('The reports have no rows: the recording holds nothing of these kinds.', null);
  }
  const settings: [string, string][] = [['Reports', stats.reports.map(({ kind }) => kind.id).join(', ')]];
  if (stats.otherLines > 0) {
    settings.push(['Lines that are no part of a report', formatInteger(stats.otherLines)]);
  }
  const isPipit = stats.reports.length > 0 && stats.reports.every((report) => report.isPipit);
  const data = sourceData({
    producer: isPipit ? 'Pipit, from a trace of Nsight Systems' : 'Nsight Systems, nsys stats',
    rows: stats.rows,
    skipped: stats.skipped,
    warnings: stats.warnings.list(),
    notRecorded: [
      IN_USE,
      ...stats.absent.map((what) => `nsys stats says that the recording does not contain ${what}.`),
    ],
    settings,
    readings: { clock: 'none', tables },
  });
  return { data, error };
}

function sniff(head: Head): Sniff {
  if (!looksLikeText(head.bytes)) return { score: 0, reason: 'not text' };
  for (const line of headLines(head.bytes).slice(0, 500)) {
    if (line.length > 20_000 || !line.includes(',')) {
      const named = line.length > 4000 ? null : (PROCESSING.exec(line) ?? TITLE.exec(line));
      if (named) return { score: 0.8, reason: `the title of ${kindNamed(named[1]).id}` };
      continue;
    }
    const { cells } = splitCsv(line.replace(/^\ufeff|^\u00ef\u00bb\u00bf/, ''));
    if (isPipitHeader(cells)) return { score: 0.9, reason: 'the columns of a GPU trace that Pipit wrote' };
    const kind = kindOfHeader(cells);
    if (kind !== null) return { score: 0.95, reason: `the columns of ${kind.id}` };
  }
  return { score: 0, reason: 'no header of a report of nsys stats' };
}

export const nsysStatsReader: Reader = {
  format: 'nsys-stats',
  title: 'Nsight Systems statistics',
  sniff,
  read,
};
