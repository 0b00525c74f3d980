/**
 * Reads SGLang server logs: memory as the server starts, rank by rank, the series of its prefill and decode
 * batches, retractions. sglang/srt/model_executor/model_runner.py, mem_cache/memory_pool.py; docs/formats.md
 *
 * "GB" is 2^30 there (GB = 1024 * 1024 * 1024). A draft model prints the same lines again: both are kept, and each
 * pair of "avail mem" is checked against the "mem usage" between.
 *
 * Not read: HTTP lines, speculative-decoding figures, the progress bars of graph capture.
 */
import { formatBytes } from '../../base/units.ts';
import type { Printed } from '../../base/measured.ts';
import { type Rank, rankText } from '../../base/rank.ts';
import type { SourceData, Warning } from '../../trace/capture.ts';
import type { BudgetPart, MemoryBudget } from '../../trace/readings.ts';
import { GaugeSet, type GaugeKind } from '../lines/gauge-set.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes } from '../lines/log-time.ts';
import { countOf, figureOf, GIB } from '../lines/printed-figure.ts';
import type { Sniff } from '../reader.ts';
import { type PendingEvent, serverLogData } from './log.ts';
import { SGLANG_EVENTS, toldEvent } from './refusals.ts';
import { ServerSettings } from './settings.ts';

/** A line that carries its time, to the second at least. */
const TIMED = /^\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d/;
/** So many lines apart two printings of one may lie. */
const KEPT_LINES = 64;

const QUICK =
  /mem[ =_]|#token|KV Cache|KVPool|Mamba Cache|max_total_num_tokens|ServerArgs|batch[.,]|#running-req|[Rr]etract|Memory pool|Not enough memory|layer_tokens|GPU memory|memory for KV cache|memory capacity is|cache is too small|graph failed|out of memory\. Try/;
/** The alternatives of QUICK. */
const NEEDLES = [
  'mem ',
  'mem=',
  'mem_',
  '#token',
  'KV Cache',
  'KVPool',
  'Mamba Cache',
  'max_total_num_tokens',
  'ServerArgs',
  'batch.',
  'batch,',
  '#running-req',
  'retract',
  'Memory pool',
  'Not enough memory',
  'layer_tokens',
  'memory capacity is',
  'cache is too small',
  'graph failed',
  'out of memory. Try',
  'GPU memory',
  'memory for KV cache',
];
const PREFIX = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d+)?(?: ((?:[A-Z]+\d+ ?)+))?\] /;
const VERSION = /\bsglang(?:[ =:]+v?| version:? v?)(\d+\.\d+\.\d+[\w.+]*)/i;
const PROGRESS = /\bavail_mem=[\d.]+ GB/;
const ARGUMENTS =
  /\b(model_path|mem_fraction_static|context_length|max_running_requests|max_total_tokens|chunked_prefill_size|tp_size|dp_size|pp_size|quantization|kv_cache_dtype|dtype|page_size|device|enable_dp_attention|nnodes|disable_radix_cache|swa_full_tokens_ratio)=('[^']{0,200}'|[^\s,)]{1,100})/g;
const TEXT_LENGTH = 1000;
const MOST_KINDS = 1000;
const ADMITTED = 'Tokens that the server admits';

/** "-0.00" is nothing: free memory rose by less than a digit. */
const gib = (text: string | undefined): Printed | null => {
  const figure = figureOf(text, GIB);
  return figure === null || figure.value > 0
    ? figure
    : { ...figure, value: figure.value === 0 ? 0 : figure.value };
};
const groups = (pattern: RegExp, text: string): Partial<Record<string, string>> | undefined =>
  pattern.exec(text)?.groups;

class RankParts {
  readonly parts: BudgetPart[] = [];
  /** Printed before the step that now ends: what was available. */
  before: Printed | null = null;

  constructor(readonly rank: Rank) {}

  add(id: BudgetPart['id'], label: string, figure: Printed | null, offset: number): void {
    if (figure !== null) this.parts.push({ id, label, ...figure, offset });
  }
}

/** A draft model loads its weights after the first KV cache, and then prints a cache of its own. */
const draftOf = ({ parts }: RankParts): string => {
  const cache = parts.findIndex(({ id }) => id === 'kv_cache');
  return cache >= 0 && parts.slice(cache).some(({ id }) => id === 'weights') ? ', draft' : '';
};

type Handler = (text: string, rank: RankParts, offset: number) => boolean;

class SglangScan implements LineScan {
  private readonly times: LogTimes;
  private readonly gauges: GaugeSet;
  private readonly ranks = new Map<string, RankParts>();
  private readonly warnings: Warning[] = [];
  private readonly settings = new ServerSettings(ARGUMENTS);
  private readonly events: PendingEvent[] = [];
  private version: string | null = null;
  /** Of the server's arguments, where it is no CUDA device. */
  private device: string | null = null;
  /** What figures of batch lines are, by rank, batch and name. */
  private readonly kinds = new Map<string, GaugeKind | null>();
  private starts = 0;
  private lines = 0;
  private readonly handlers: readonly Handler[];

  constructor(times: LogTimes) {
    this.times = times;
    this.gauges = new GaugeSet(times);
    this.handlers = [
      (text, rank, offset) => this.weights(text, rank, offset),
      (text, rank, offset) => this.cache(text, rank, offset),
      (text, rank, offset) => this.graphs(text, rank, offset),
      (text, rank, offset) => this.summary(text, rank, offset),
    ];
  }

  /** Lines with a time, the newest. */
  private readonly lately = new Set<string>();
  /** Where the first line was met again. */
  private doubled: number | null = null;

  take(line: LogLine): boolean {
    const { text, offset } = line;
    if (!QUICK.test(text)) return false;
    // A logger with two handlers prints every line twice; the same line of the same rank at the same time counts once.
    if (TIMED.test(text)) {
      if (this.lately.has(text)) {
        this.doubled ??= offset;
        return true;
      }
      this.lately.add(text);
      if (this.lately.size > KEPT_LINES) this.lately.delete(this.lately.values().next().value!);
    }
    // Bars that overwrite themselves: known, and told again in the line that ends them.
    if (PROGRESS.test(text)) return true;
    const prefix = PREFIX.exec(text);
    if (text.includes('ServerArgs(')) return this.arguments(text);
    if (this.batch(line, prefix?.[1]?.trim()) || this.event(line)) {
      this.lines++;
      return true;
    }
    if (prefix === null) return false;
    const who = { name: prefix[1]?.trim() ?? '', start: Math.max(1, this.starts), pod: '' };
    const name = rankText(who);
    const rank = this.ranks.get(name) ?? new RankParts(who);
    if (!this.handlers.some((handler) => handler(text, rank, offset))) return false;
    this.ranks.set(name, rank);
    this.lines++;
    return true;
  }

  end(): SourceData | null {
    if (this.lines === 0) return null;
    const producer = this.version === null ? 'SGLang' : `SGLang ${this.version}`;
    const budgets: MemoryBudget[] = [...this.ranks.values()].map(({ rank, parts }) => {
      // What the server admits is the figure that counts; that of each pool stands in the names of its parts.
      const admits = parts.some((part) => part.label === ADMITTED);
      return {
        rank,
        producer,
        parts: parts.filter(({ id, label }) => !admits || id !== 'kv_cache_tokens' || label === ADMITTED),
      };
    });
    return serverLogData({
      producer,
      times: this.times,
      gauges: this.gauges,
      budgets,
      events: this.events,
      settings: this.settings.build(),
      warnings: [
        ...this.warnings,
        ...(this.doubled === null
          ? []
          : [
              {
                message: 'Lines that are printed twice, with the same time, count once.',
                offset: this.doubled,
              },
            ]),
      ],
      skipped: 0,
      missing: () => [
        ...(budgets.length === 0
          ? [
              "The server's start is not in this log: what weights and KV cache take is printed there, so keep it.",
            ]
          : []),
        'SGLang prints what is available before and after each step, not what PyTorch holds: that is in a snapshot (torch.cuda.memory._record_memory_history).',
      ],
    });
  }

  private arguments(text: string): boolean {
    this.starts++;
    this.lines++;
    const device = /\bdevice='(npu|xpu|cpu|hpu)'/.exec(text)?.[1];
    if (device !== undefined) this.device = device.toUpperCase();
    this.version ??= VERSION.exec(text)?.[1] ?? null;
    this.settings.read(text, this.starts - 1, true);
    return true;
  }

  private weights(text: string, rank: RankParts, offset: number): boolean {
    const begin = /Load weight begin\. avail mem=([\d.]+) GB/.exec(text);
    if (begin !== null) {
      rank.before = gib(begin[1]);
      if (!rank.parts.some((part) => part.id === 'free_at_start')) {
        rank.add('free_at_start', 'Available before weights', rank.before, offset);
      }
      return true;
    }
    if (!text.includes('Load weight end.')) return false;
    const type = /type=([\w.]+)/.exec(text)?.[1];
    const use = gib(/mem usage=(-?[\d.]+) GB/.exec(text)?.[1]);
    const after = gib(/avail mem=([\d.]+) GB/.exec(text)?.[1]);
    rank.add('weights', type === undefined ? 'Weights' : `Weights of ${type}`, use, offset);
    rank.add('available', 'Available after weights', after, offset);
    this.check('Load weight', rank.before, use, after, offset);
    return true;
  }

  private cache(text: string, rank: RankParts, offset: number): boolean {
    if (/(?:KV|Mamba) Cache is allocated\./.test(text)) {
      const tokens = countOf(/#tokens: (\d+)/.exec(text)?.[1]);
      const dtype = /\bdtype: (?:torch\.)?(\w+)/.exec(text)?.[1];
      if (dtype !== undefined) this.settings.kvDtype(dtype, Math.max(0, this.starts - 1));
      const what = tokens === null ? '' : ` of ${tokens.value} tokens`;
      rank.add('kv_cache_tokens', 'KV cache tokens', tokens, offset);
      for (const [, name, printed] of text.matchAll(/\b(K|V|KV|conv_state|ssm_state) size: ([\d.]+) ?GB/g)) {
        rank.add('kv_cache', `${name}${what}${draftOf(rank)}`, gib(printed), offset);
      }
      return true;
    }
    const pool = groups(/\b(?<name>\w{0,60}KVPool) mem usage: (?<use>[\d.]+) GB/, text);
    if (pool !== undefined) {
      // The sum of the lines before it: not added a second time.
      rank.add('other', `${pool['name']}, sum of its caches`, gib(pool['use']), offset);
      return true;
    }
    const planned = /The available memory for KV cache is (-?[\d.]+) GB/.exec(text);
    if (planned !== null) {
      rank.add('other', `Planned for the KV cache${draftOf(rank)}`, gib(planned[1]), offset);
      return true;
    }
    const end = /Memory pool end\. avail mem=([\d.]+) GB/.exec(text);
    if (end !== null) rank.add('available', 'Available after the KV cache', gib(end[1]), offset);
    return end !== null || /sliding window memory pool/.test(text);
  }

  private graphs(text: string, rank: RankParts, offset: number): boolean {
    if (!/Capture .{0,80}?graph (?:begin|end)\./i.test(text)) return false;
    const after = gib(/avail mem=([\d.]+) GB/.exec(text)?.[1]);
    if (/graph begin\./i.test(text)) {
      rank.before = after;
      return true;
    }
    const kind = /Capture (.{0,60}?) ?\b(CUDA|HIP|NPU|XPU|CPU) graph end/i.exec(text);
    const name = kind?.[1] ?? '';
    // A draft model's say "cuda" on every device.
    const device = this.device ?? kind?.[2].toUpperCase() ?? 'CUDA';
    const graphs = `${device === 'HIP' ? 'CUDA' : device} graphs`;
    const use = gib(/mem usage=(-?[\d.]+) GB/.exec(text)?.[1]);
    rank.add('cuda_graphs', name === '' ? graphs : `${graphs}, ${name}`, use, offset);
    rank.add('available', `Available after ${graphs}`, after, offset);
    this.check(`Capture of ${graphs} ${name}`.trim(), rank.before, use, after, offset);
    return true;
  }

  private summary(text: string, rank: RankParts, offset: number): boolean {
    const torch = /Init torch distributed (?:begin|ends?)\..{0,400}?mem usage=(-?[\d.]+) GB/.exec(text);
    if (torch !== null) {
      rank.add('non_torch', 'Communication (torch.distributed)', gib(torch[1]), offset);
      return true;
    }
    const total = /total GPU memory per device \(MiB\): \[[^\]]{0,2000}\], using min: (\d+) MiB/.exec(text);
    if (total !== null) {
      rank.add('total', 'Total', figureOf(total[1], 1024 ** 2), offset);
      return true;
    }
    const tokens = /\bmax_total_num_tokens=(\d+)/.exec(text);
    if (tokens === null) return false;
    rank.add('kv_cache_tokens', ADMITTED, countOf(tokens[1]), offset);
    const context = /\bcontext_len=(\d+)/.exec(text)?.[1];
    rank.add('tokens_per_request', 'Tokens per request (context length)', countOf(context), offset);
    const requests = /\bmax_running_requests=(\d+)/.exec(text)?.[1];
    rank.add('requests_at_once', 'Requests at once', countOf(requests), offset);
    const left = /available_gpu_mem=([\d.]+) GB/.exec(text)?.[1];
    rank.add('available', 'Available when ready', gib(left), offset);
    return true;
  }

  /** Available before = used + available after, within the printed digits. */
  private check(
    step: string,
    before: Printed | null,
    use: Printed | null,
    after: Printed | null,
    at: number,
  ): void {
    if (before === null || use === null || after === null) return;
    const apart = Math.abs(before.value - use.value - after.value);
    if (apart <= (before.granularity + use.granularity + after.granularity) / 2 + 1) return;
    const message = `${step}: available before less what it used is not what was available after; ${formatBytes(apart, 'binary')} apart.`;
    this.warnings.push({ message, offset: at });
  }

  private batch(line: LogLine, rank: string | undefined): boolean {
    const { text } = line;
    const at = /\b(Prefill|Decode) batch(?: \[\d+\])?[.,] /.exec(text);
    if (at === null) return false;
    this.gauges.at(line);
    for (const segment of text.slice(at.index + at[0].length, at.index + TEXT_LENGTH).split(', ')) {
      const match = /^(#?[\w ().#/-]{1,50}): (-?[\d.]+)(%?)$/.exec(segment.trim().replace(/[,.]$/, ''));
      const kind = match === null ? null : this.kindOf(match[1], at[1], rank ?? '');
      if (match === null || kind === null || Number.isNaN(Number(match[2]))) continue;
      const scale = match[3] === '%' ? 100 : 1;
      const grain = kind.unit === 'count' || kind.unit === 'tokens' ? 0 : grainOf(match[2]) / scale;
      this.gauges.add(kind, Number(scale === 100 ? `${match[2]}e-2` : match[2]), grain);
    }
    return true;
  }

  private kindOf(name: string, batch: string, rank: string): GaugeKind | null {
    const key = `${rank} ${batch} ${name}`;
    let kind = this.kinds.get(key);
    if (kind === undefined) {
      kind = kindOf(name, batch, rank === '' ? {} : { rank });
      if (this.kinds.size < MOST_KINDS) this.kinds.set(key, kind);
    }
    return kind;
  }

  private event(line: LogLine): boolean {
    const { text } = line;
    const told = toldEvent(text, SGLANG_EVENTS);
    if (told === null) return false;
    this.events.push({
      kind: told.kind,
      stamp: this.times.of(line),
      device: null,
      text: text.replace(PREFIX, '').slice(0, TEXT_LENGTH).trim(),
      figures: told.figures,
      offset: line.offset,
    });
    return true;
  }
}

const grainOf = (text: string): number => 10 ** -(text.split('.')[1]?.length ?? 0);

/** What a figure of a batch line is; null: none of ours. */
function kindOf(name: string, batch: string, labels: Readonly<Record<string, string>>): GaugeKind | null {
  const kind = (unit: GaugeKind['unit'], label = name): GaugeKind => ({ id: name, label, unit, labels });
  if (/usage$/.test(name)) {
    return {
      ...kind('ratio'),
      note: 'share of the tokens that the KV cache holds; its memory is taken at the start',
    };
  }
  if (/throughput/.test(name)) return kind('tokens_per_second');
  if (/hit rate$/.test(name)) return kind('ratio');
  if (name === '#running-req') return kind('count', 'Running requests');
  if (name === '#queue-req') return kind('count', 'Waiting requests');
  if (/^#(?:new-seq|retracted)/.test(name)) return kind('count');
  if (/^#.*token/.test(name)) return kind('tokens', `${name.slice(1)}, ${batch.toLowerCase()} batch`);
  return null;
}

const SURE =
  /\b(?:Prefill|Decode) batch(?: \[\d+\])?[.,] .{0,800}#running-req|Load weight (?:begin|end)\. .{0,800}mem|KV Cache is allocated\. |server_args=ServerArgs\(/;

const REFUSED = /\bNot enough memory\. Please try (?:to increase|increasing) --mem-fraction-static\b/;

function sniff(lines: readonly string[]): Sniff {
  const line = lines.find((each) => SURE.test(each) && PREFIX.test(each));
  // The end of a traceback alone: words that no other program prints.
  if (line === undefined && lines.some((each) => REFUSED.test(each)))
    return { score: 0.85, reason: 'a refusal of SGLang' };
  if (line === undefined) return { score: 0, reason: 'no line of an SGLang log' };
  return { score: 0.95, reason: `an SGLang log: "${SURE.exec(line)?.[0].slice(0, 40)}"` };
}

export const sglangLogScanner: LineScanner = {
  format: 'sglang-log',
  title: 'SGLang log',
  needles: NEEDLES,
  sniff,
  start: (_fileName, times = new LogTimes()) => new SglangScan(times),
};
