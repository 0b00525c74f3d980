/**
 * Reads `torch.cuda.memory_summary()` as it stands in logs: any number of summaries, full or abbreviated,
 * of any number of devices, between other lines, behind the prefixes of loggers and launchers, the tables of
 * several processes interleaved. https://docs.pytorch.org/docs/stable/generated/torch.cuda.memory.memory_summary.html
 *
 * Not read: `memory_stats()` as a dict or JSON (memory-stats.ts), and everything else in the log. The other lines are counted;
 * the last one before a summary is its label.
 */
import type { MemorySummary, SourceData, SummaryCell, Warning } from '../../trace/capture.ts';
import { StackTable } from '../../trace/stack-table.ts';
import { cleanLine, parseTableLine, type TableLine } from './memory-summary-table.ts';
import { isPlain } from '../lines/byte-lines.ts';
import type { LogLine, RawLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';

const TITLE = /PyTorch \w+ memory summary, device ID \d+/;
const LABEL_LENGTH = 200;
/** Lines remembered as labels to be, so that each of several interleaved processes finds its own. */
const REMEMBERED = 32;
/** Tables open at the same time; more than the GPUs of one host means that they were cut, not interleaved. */
const OPEN_TABLES = 64;
const SAME_WARNING = 20;

/** Whose lines they are, as launchers write it before them. */
const RANK = /\[(?:rank|default)[ _:=]?(\d{1,5})\]|\brank["']?\s{0,2}[=: ]\s{0,2}(\d{1,5})\b/i;
const PROCESS = /\((\w{1,60} pid=\d{1,9})(?:, ip=[\d.:a-f]{3,45})?\)/;

function labelsOf(prefix: string): Readonly<Record<string, string>> | null {
  const head = prefix.slice(0, LABEL_LENGTH);
  const rank = RANK.exec(head);
  if (rank !== null) return { rank: rank[1] ?? rank[2] };
  const process = PROCESS.exec(head);
  return process === null ? null : { process: process[1] };
}

interface OpenTable {
  readonly prefix: string;
  readonly offset: number;
  readonly label: string | null;
  readonly device: number;
  ooms: number;
  retries: number;
  metric: string | null;
  readonly rows: Record<string, Record<string, SummaryCell>>;
  readonly granularity: Record<string, SummaryCell>;
}

interface Border {
  readonly prefix: string;
  readonly offset: number;
}

/** A line between tables, which may be the label of the next one. */
type OtherLine = Pick<LogLine, 'text'>;

const labelOf = ({ text }: OtherLine): string => unquote(cleanLine(text)).slice(0, LABEL_LENGTH);

/** The larger unit of each figure: sub-rows reuse the units of their metric. */
const coarser = (a: SummaryCell, b: SummaryCell): SummaryCell => ({
  current: Math.max(a.current, b.current),
  peak: Math.max(a.peak, b.peak),
  allocated: Math.max(a.allocated, b.allocated),
  freed: Math.max(a.freed, b.freed),
});

/** Without white space, quotes and commas at both ends: a loop, since the pattern for it takes quadratic time. */
function unquote(text: string): string {
  const isEdge = (at: number): boolean => ' \t"\',\ufeff'.includes(text[at]);
  let from = 0;
  let to = text.length;
  while (from < to && isEdge(from)) from++;
  while (to > from && isEdge(to - 1)) to--;
  return text.slice(from, to);
}

/** Quotes and commas, which unquote() takes away. */
const isQuote = (byte: number): boolean => byte === 0x22 || byte === 0x27 || byte === 0x2c;

/** Everything that is known while the lines go by. */
class SummaryLog {
  readonly summaries: MemorySummary[] = [];
  readonly warnings: Warning[] = [];
  readonly backends = new Set<string>();
  otherLines = 0;
  tableRows = 0;
  brokenRows = 0;
  private warned = 0;
  private readonly open: OpenTable[] = [];
  /** The last ones, in a ring. */
  private readonly others: OtherLine[] = [];
  /** Devices whose summaries have taken the line as their label. */
  private readonly usedBy = new Map<OtherLine, Set<number>>();
  /** The border just before, which may be the first line of a table. */
  private border: Border | null = null;
  /** The table that ended with the border just before. */
  private ended: { readonly table: OpenTable; readonly border: Border } | null = null;
  private readonly stepOfDevice = new Map<number, number>();

  /** true: the line, or a part of it, belongs to a summary. */
  readonly onLine = (line: LogLine): boolean => {
    // Structured logs and notebooks hold a whole summary in one string, its line ends written as \n.
    if (!line.text.includes('\\n')) {
      return this.onText(line.text, line.offset);
    }
    let at = 0;
    let isTaken = false;
    for (const part of line.text.split('\\n')) {
      isTaken = this.onText(part, line.offset + at) || isTaken;
      at += part.length + 2;
    }
    return isTaken;
  };

  /** Tables that the end of the text leaves open. */
  end(offset: number): void {
    for (const table of this.open.splice(0)) this.close(table, `the text ends within it, at ${offset}`);
  }

  private onText(text: string, offset: number): boolean {
    const clean = cleanLine(text);
    const line = parseTableLine(clean);
    if (line !== null) this.onTable(line, offset);
    else if (unquote(clean) !== '') this.onOther({ text: clean });
    return line !== null && line.kind !== 'border';
  }

  /** A line without a bar and without \\n: no table begins or goes on in it. */
  pass(line: RawLine): void {
    const { firstByte } = line;
    const isSaid = isPlain(firstByte) && !isQuote(firstByte);
    if (isSaid || unquote(cleanLine(line.text)) !== '') this.onOther(line);
  }

  private onOther(line: OtherLine): void {
    this.border = null;
    this.ended = null;
    const at = this.otherLines++ % REMEMBERED;
    if (this.usedBy.size > 0) this.usedBy.delete(this.others[at]);
    this.others[at] = line;
  }

  private onTable(line: TableLine, offset: number): void {
    if (line.kind === 'title') {
      this.start(line.backend, line.device, line.prefix, offset);
      return;
    }
    const table = this.tableOf(line.prefix);
    this.border = null;
    this.ended = null;
    switch (line.kind) {
      case 'border': {
        const border = { prefix: line.prefix, offset };
        if (table === undefined || Object.keys(table.rows).length === 0) {
          this.border = border;
        } else if (line.double) {
          this.close(table, null);
          this.ended = { table, border };
        } else {
          // Between two metrics: rows that follow without one of their own belong to none.
          table.metric = null;
        }
        return;
      }
      case 'ooms':
        if (table === undefined) return;
        table.ooms = line.ooms;
        table.retries = line.retries;
        return;
      case 'row':
        this.addRow(table, line, offset);
        return;
      case 'broken':
        if (table === undefined) return;
        if (!line.isPool) table.metric = null;
        this.brokenRows++;
        this.warn('A row of a memory summary that cannot be read was left out.', offset);
        return;
      case 'header':
        return;
    }
  }

  private start(backend: string, device: number, prefix: string, offset: number): void {
    if (this.border === null && this.ended !== null) {
      // One border between two tables: it begins this one, so the one before has no end.
      this.warnCut(this.ended.table, 'another one begins within it');
      this.border = this.ended.border;
    }
    const before = this.open.findIndex((table) => table.prefix === prefix);
    if (before >= 0) this.close(this.open[before], 'another one begins within it');
    if (this.open.length === OPEN_TABLES) this.close(this.open[0], 'too many others begin within it');
    this.backends.add(backend);
    this.open.push({
      prefix,
      offset: this.border?.offset ?? offset,
      label: this.labelFor(device, prefix),
      device,
      ooms: 0,
      retries: 0,
      metric: null,
      rows: {},
      granularity: {},
    });
    this.border = null;
    this.ended = null;
  }

  /** The open table that lines of this prefix belong to: its own, else the latest (prefixes hold times). */
  private tableOf(prefix: string): OpenTable | undefined {
    return this.open.find((table) => table.prefix === prefix) ?? this.open.at(-1);
  }

  private addRow(table: OpenTable | undefined, line: TableLine & { kind: 'row' }, offset: number): void {
    const metric = line.isPool ? table?.metric : line.name;
    if (table === undefined || metric == null) {
      this.brokenRows++;
      this.warn('A row of a memory summary whose beginning is missing was left out.', offset);
      return;
    }
    this.tableRows++;
    if (!line.isPool) {
      table.metric = metric;
      table.rows[metric] = {};
      table.granularity[metric] = line.units;
    }
    table.rows[metric][line.isPool ? line.name : 'all'] = line.figures;
    table.granularity[metric] = coarser(table.granularity[metric], line.units);
  }

  private close(table: OpenTable, cutBecause: string | null): void {
    this.open.splice(this.open.indexOf(table), 1);
    if (cutBecause !== null) this.warnCut(table, cutBecause);
    if (Object.keys(table.rows).length === 0) return;
    const { label, device, ooms, retries, offset, rows, granularity, prefix } = table;
    const labels = labelsOf(prefix);
    const step = this.stepOfDevice.get(device) ?? 0;
    this.stepOfDevice.set(device, step + 1);
    this.summaries.push({
      label,
      step,
      device,
      ooms,
      retries,
      offset,
      rows,
      granularity,
      ...(labels === null ? {} : { labels }),
    });
  }

  /**
   * The last other line before the table; that of the same process where lines have a prefix. One line may
   * head the summaries of several devices, but not two of the same one. Failing that, what the line of the
   * first border holds beside it: print(f'step {i}', torch.cuda.memory_summary()).
   */
  private labelFor(device: number, prefix: string): string | null {
    const own = prefix.trim();
    const next = this.otherLines % REMEMBERED;
    const others = [...this.others.slice(next), ...this.others.slice(0, next)];
    const last =
      (own === '' ? undefined : others.findLast((line) => labelOf(line).startsWith(own))) ?? others.at(-1);
    const usedBy = last === undefined ? undefined : (this.usedBy.get(last) ?? new Set<number>());
    if (last !== undefined && usedBy?.has(device) === false) {
      this.usedBy.set(last, usedBy.add(device));
      const said = labelOf(last);
      const text = own !== '' && said.startsWith(own) ? said.slice(own.length).trim() : said;
      if (text !== '') return text;
    }
    const beside = this.border?.prefix.trim() ?? '';
    return beside === '' || beside === own || beside.includes('"') ? null : beside.slice(0, LABEL_LENGTH);
  }

  private warnCut(table: OpenTable, because: string): void {
    this.warn(`A memory summary is incomplete: ${because}. What it says up to there was kept.`, table.offset);
  }

  private warn(message: string, offset: number): void {
    if (++this.warned <= SAME_WARNING) this.warnings.push({ message, offset });
    else if (this.warned === SAME_WARNING + 1) {
      this.warnings.push({ message: 'There are more warnings of these kinds; they are not listed.', offset });
    }
  }
}

function describe(log: SummaryLog): SourceData {
  const { summaries } = log;
  const isFull = summaries.some((summary) =>
    Object.values(summary.rows).some((rows) => 'large_pool' in rows || 'small_pool' in rows),
  );
  const hasRequested = summaries.some((summary) => 'Requested memory' in summary.rows);
  const notRecorded = [
    'These are totals, rounded down to the unit printed beside them; which allocations make them up is not in this text. ' +
      "Record a snapshot to see that: torch.cuda.memory._record_memory_history() before, torch.cuda.memory._dump_snapshot('snapshot.pickle') after.",
  ];
  if (!isFull) {
    notRecorded.push(
      'The summaries are abbreviated: the split into large and small pool was not printed (memory_summary(abbreviated=False) prints it).',
    );
  }
  return {
    producer: `${hasRequested ? 'PyTorch 2.0 or newer' : 'PyTorch'}, memory_summary (${[...log.backends].join(', ')})`,
    rows: log.tableRows,
    skipped: log.brokenRows,
    warnings: log.warnings,
    notRecorded,
    devices: [],
    summaries,
    stacks: new StackTable(),
    settings: [['Other lines in the text', String(log.otherLines)]],
  };
}

/** Tables of summaries among the lines of a log. */
class SummaryScan implements LineScan {
  private readonly log = new SummaryLog();

  take(line: LogLine): boolean {
    return this.log.onLine(line);
  }

  pass(line: RawLine): void {
    this.log.pass(line);
  }

  end(offset: number): SourceData | null {
    this.log.end(offset);
    // Rows of some other table alone are no summary; broken ones are told.
    return this.log.summaries.length + this.log.warnings.length === 0 ? null : describe(this.log);
  }
}

export const memorySummaryScanner: LineScanner = {
  format: 'memory-summary',
  title: 'PyTorch memory summary',
  needles: ['|', '\\n'],
  sniff(lines) {
    const title = lines.map((line) => TITLE.exec(line)).find((match) => match !== null);
    return title == null
      ? { score: 0, reason: 'no "PyTorch CUDA memory summary"' }
      : { score: 0.95, reason: `text with "${title[0]}"` };
  },
  start: () => new SummaryScan(),
};
