/**
 * Reads `torch.cuda.memory_stats()` printed or saved as text (forms in memory-stats-parse.ts), alone, several in one
 * file, or inside a log. https://docs.pytorch.org/docs/stable/generated/torch.cuda.memory.memory_stats.html
 *
 * The figures are exact. They are told under the names that memory_summary() gives the same figures, each with
 * granularity 1, which for whole numbers says the same: f means [f, f + 1), that is f.
 *
 * Not read: the device, which memory_stats() does not name; a name beside it ("cuda:1", "rank 1") is its label.
 */
import { emptyTable, lookup } from '../../base/lookup.ts';
import { TraceError } from '../../base/trace-error.ts';
import { HOST_DEVICE } from '../../trace/capture.ts';
import type { MemorySummary, SourceData, SummaryCell, Warning } from '../../trace/capture.ts';
import { sourceData } from '../../trace/source-data.ts';
import { isPlain } from '../lines/byte-lines.ts';
import { readLines } from '../lines/log-pass.ts';
import type { LogLine, RawLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { hostMetrics } from './host-stats.ts';
import { STATS_KEY, STATS_NEEDLES, StatsLines, type StatsBlock } from './memory-stats-parse.ts';
import type { Reader, Sniff } from '../reader.ts';

/** Groups of keys by the metric that memory_summary() prints of them (torch/cuda/memory.py). */
const METRICS: Readonly<Record<string, string>> = lookup({
  allocated_bytes: 'Allocated memory',
  active_bytes: 'Active memory',
  requested_bytes: 'Requested memory',
  reserved_bytes: 'GPU reserved memory',
  inactive_split_bytes: 'Non-releasable memory',
  allocation: 'Allocations',
  active: 'Active allocs',
  segment: 'GPU reserved segments',
  inactive_split: 'Non-releasable allocs',
  oversize_allocations: 'Oversize allocations',
  oversize_segments: 'Oversize GPU segments',
  reserved_bytes_by_private_pools: 'GPU reserved memory of private pools',
});
const EXACT: SummaryCell = { current: 1, peak: 1, allocated: 1, freed: 1 };
const FIGURES = ['current', 'peak', 'allocated', 'freed'] as const;
type FigureName = (typeof FIGURES)[number];
const SAME_WARNING = 20;

const isFigure = (name: string): name is FigureName => (FIGURES as readonly string[]).includes(name);

interface Place {
  readonly metric: string;
  readonly row: string;
  readonly figure: FigureName;
}

/** "allocated_bytes.large_pool.current" -> its cell; null: a scalar, or a key of another shape. */
function placeOf(key: string, metrics: Readonly<Record<string, string>>): Place | null {
  const parts = key.split('.');
  const figure = parts.at(-1) ?? '';
  if (parts.length < 2 || !isFigure(figure)) return null;
  const group = parts[0];
  return { metric: metrics[group] ?? group, row: parts.slice(1, -1).join('.') || 'all', figure };
}

interface Summarised {
  readonly summary: MemorySummary;
  /** Whether the text says which device it is: in the words before the figures, or beside them. */
  readonly named: boolean;
  /** What has no place in a summary, as printed. */
  readonly others: readonly (readonly [string, string])[];
  readonly warnings: readonly Warning[];
  readonly cells: number;
}

function summarise(block: StatsBlock, step: number): Summarised {
  const rows = emptyTable<Record<string, Partial<Record<FigureName, number>>>>();
  const others: [string, string][] = [];
  const warnings: Warning[] = [];
  let cells = 0;
  const host = hostMetrics([...block.values.keys()]);
  for (const [key, digits] of block.values) {
    const place = placeOf(key, host ?? METRICS);
    const value = Number(digits);
    if (place === null || !Number.isSafeInteger(value)) {
      others.push([key, digits]);
      if (place !== null)
        warnings.push({ message: `${key} is ${digits}: no exact whole number.`, offset: block.offset });
      continue;
    }
    ((rows[place.metric] ??= emptyTable())[place.row] ??= {})[place.figure] = value;
    cells++;
  }
  for (const [key, first] of block.twice)
    warnings.push({
      message: `${key} stands twice in one object: ${first}, then ${block.values.get(key)}; the later one was taken.`,
      offset: block.offset,
    });
  const whole = emptyTable<Record<string, SummaryCell>>();
  for (const [metric, byRow] of Object.entries(rows)) {
    for (const [row, cell] of Object.entries(byRow)) {
      const { current, peak, allocated, freed } = cell;
      if (current !== undefined && peak !== undefined && allocated !== undefined && freed !== undefined) {
        (whole[metric] ??= emptyTable())[row] = { current, peak, allocated, freed };
        continue;
      }
      const missing = FIGURES.filter((figure) => cell[figure] === undefined).join(', ');
      const message = `${metric}, ${row}: ${missing} is missing, so the row was left out.`;
      warnings.push({ message, offset: block.offset });
    }
  }
  const device = /\b(?:cuda|hip|xpu):(\d+)|\b(?:device|GPU|dev)[ :=#]{0,2}(\d+)/i.exec(block.label ?? '');
  const scalar = (name: string): number => {
    const value = Number(block.values.get(name) ?? 0);
    return Number.isSafeInteger(value) ? value : 0;
  };
  const summary: MemorySummary = {
    label: block.label,
    step,
    device: host !== null ? HOST_DEVICE : device === null ? 0 : Number(device[1] ?? device[2]),
    ooms: scalar('num_ooms'),
    retries: scalar('num_alloc_retries'),
    offset: block.offset,
    rows: whole,
    granularity: Object.fromEntries(Object.keys(whole).map((metric) => [metric, EXACT])),
  };
  return { summary, named: host !== null || device !== null, others, warnings, cells };
}

function describe(lines: StatsLines): SourceData {
  const steps = new Map<number, number>();
  const read = lines.blocks.map((block) => summarise(block, 0));
  const summaries = read.map(({ summary }) => {
    const step = steps.get(summary.device) ?? 0;
    steps.set(summary.device, step + 1);
    return { ...summary, step };
  });
  const cut = lines.cut.map((offset) => ({
    message: 'A memory_stats() dictionary ends before its last bracket. What it says up to there was kept.',
    offset,
  }));
  const warnings = [...read.flatMap((each) => each.warnings), ...cut];
  const more = warnings.length - SAME_WARNING;
  const many = read.length > 1;
  return sourceData({
    producer: `${summaries.every((one) => one.device === HOST_DEVICE) ? 'PyTorch 2.6 or newer' : 'Requested memory' in (summaries.at(0)?.rows ?? {}) ? 'PyTorch 2.0 or newer' : 'PyTorch'}, ${summaries.every((one) => one.device === HOST_DEVICE) ? 'host_memory_stats' : 'memory_stats'}`,
    rows: read.reduce((sum, { cells }) => sum + cells, 0),
    warnings: [
      ...warnings.slice(0, SAME_WARNING),
      ...(more > 0 ? [{ message: `There are ${more} more warnings of these kinds.`, offset: null }] : []),
    ],
    notRecorded: [
      ...(read.some(({ named }) => !named)
        ? ['memory_stats() names no device; where nothing beside it does, it is taken for device 0.']
        : []),
      'These are totals, exact to the byte; which allocations make them up is in a snapshot: ' +
        "torch.cuda.memory._record_memory_history() before, torch.cuda.memory._dump_snapshot('snapshot.pickle') after.",
    ],
    ...(lines.blocks.some(({ twice }) => twice.size > 0)
      ? { contradictions: ['keys of one object stand twice in it, with unlike figures'] }
      : {}),
    summaries,
    settings: read.flatMap(({ others, summary }, at) =>
      others.map(([key, value]): readonly [string, string] => [
        many ? `${key} (${summary.label ?? `step ${at}`})` : key,
        value,
      ]),
    ),
  });
}

class MemoryStatsScan implements LineScan {
  private readonly lines = new StatsLines();

  wants(): boolean {
    return this.lines.isOpen;
  }

  take(line: LogLine): boolean {
    return this.lines.take(line);
  }

  pass(line: RawLine): void {
    if (isPlain(line.firstByte) || line.text.trim() !== '') this.lines.pass(line);
  }

  end(): SourceData | null {
    this.lines.end();
    return this.lines.blocks.length === 0 ? null : describe(this.lines);
  }
}

export const memoryStatsScanner: LineScanner = {
  format: 'memory-stats',
  title: 'PyTorch memory_stats',
  needles: STATS_NEEDLES,
  sniff(lines) {
    const key = lines.map((line) => STATS_KEY.exec(line)).find((match) => match !== null);
    if (key == null) return { score: 0, reason: 'no key of torch.cuda.memory_stats()' };
    return { score: 0.85, reason: `a key of torch.cuda.memory_stats(): ${key[0].slice(0, 60)}` };
  },
  start: () => new MemoryStatsScan(),
};

/** A file that is memory_stats and nothing else; within other lines the log reader finds it. */
export const memoryStatsReader: Reader = {
  format: 'memory-stats',
  title: 'PyTorch memory_stats',
  sniff(head): Sniff {
    const text = new TextDecoder('latin1').decode(head.bytes);
    const isAlone = /^(?:\ufeff|\xef\xbb\xbf)?\s*(?:OrderedDict\(|[{[])/.test(text);
    if (!isAlone || head.bytes.includes(0))
      return { score: 0, reason: 'no dictionary of torch.cuda.memory_stats()' };
    const { score, reason } = memoryStatsScanner.sniff(text.split('\n'));
    return { score: score === 0 ? 0 : 0.93, reason };
  },
  async read(input, context) {
    const { found, error, lines, warnings } = await readLines(input, context, [memoryStatsScanner]);
    if (found.length > 0) {
      const { data } = found[0];
      return { data: { ...data, warnings: [...data.warnings, ...warnings] }, error };
    }
    const message = `There is no readable torch.cuda.memory_stats() in the ${lines} lines of this text.`;
    return {
      data: sourceData({ producer: 'PyTorch, memory_stats', warnings }),
      error: error ?? new TraceError('unrecognised', message, { file: input.name, format: 'memory-stats' }),
    };
  },
};
