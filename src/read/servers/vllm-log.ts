/**
 * Reads vLLM server logs, V0 and V1, versions 0.4 to 0.25: the memory budget of each rank, the loggers' series,
 * preemptions, sleep, refused starts, and vLLM's own memory snapshots, which may be all of a text. https://docs.vllm.ai/en/latest/design/metrics.html, docs/formats.md
 *
 * Not read: lines of speculative decoding and KV transfer, request parameters, arguments that do not concern memory.
 */
import { lookup } from '../../base/lookup.ts';
import type { SourceData, Warning } from '../../trace/capture.ts';
import type { LogEvent } from '../../trace/readings.ts';
import { GaugeSet, type GaugeKind } from '../lines/gauge-set.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { messageOf, placeOf, withoutPrefix } from '../lines/log-prefix.ts';
import { LogTimes } from '../lines/log-time.ts';
import { figureOf } from '../lines/printed-figure.ts';
import type { Sniff } from '../reader.ts';
import { BudgetBook } from './budget.ts';
import { type PendingEvent, serverLogData } from './log.ts';
import { toldEvent, VLLM_EVENTS } from './refusals.ts';
import { ServerSettings, VLLM_ARGUMENTS } from './settings.ts';
import { addBudgetLine, addGraphsNotice, utilizationInNotice } from './vllm-lines.ts';
import { VLLM_MEMORY_NEEDLES, VllmMemoryLines } from './vllm-memory.ts';

/** What any line of interest holds; the rest of the patterns never see other lines. NEEDLES below are its alternatives. */
const QUICK =
  /LLM |\bversion \d|KV [Cc]ache|kv cache|GiB|GB\b|blocks|CUDA graph|Maximum concurrency|num_gpu_blocks|hit rate|throughput|preempt|gpu.memory[-_. ]utilization|vLLM|Memory profiling|max seq len|kv_cache_dtype=|max_num_batched_tokens=|args: [{N]|torch_peak|MemorySnapshot\(|MemoryProfilingResult\(|weights_memory|non_kv_cache_memory|memory profiling|out of memory occurred when warming up|cumem_allocator/;
const NEEDLES = [
  'LLM ',
  'version 0',
  'KV cache',
  'GiB',
  'GB',
  'blocks',
  'CUDA graph',
  'Maximum concurrency',
  'hit rate',
  'throughput',
  'preempt',
  'memory_utilization',
  'memory-utilization',
  'memory.utilization',
  'memory utilization',
  'vLLM',
  'Memory profiling',
  'max seq len',
  'kv_cache_dtype=',
  'max_num_batched_tokens=',
  'args: {',
  'args: Namespace',
  'memory profiling',
  'occurred when warming up',
  'cumem_allocator',
  ...VLLM_MEMORY_NEEDLES,
];
const VERSION = /(?:vLLM API server version|LLM engine \(v|\bversion) ?v?(\d+\.\d+(?:\.\d+)?[\w.+]*)/;
const STATS = 'Avg prompt throughput:';
const HIT_RATE = /(?:^|\] )(Prefix cache hit rate: GPU: [\d.]+%.*)$/;
const PREEMPTED = /is preempted by|[Pp]reempt(?:ed|ing) request/;
const PREEMPTIONS = /total_num_cumulative_preemption=(\d+)/;
const SAME_WARNING = 20;
const MOST_KINDS = 1000;
const STAT_KINDS: Readonly<Record<string, GaugeKind['unit']>> = lookup({
  'tokens/s': 'tokens_per_second',
  reqs: 'count',
  '%': 'ratio',
  '': 'count',
});
const STAT = /^(.{1,60}?): (-?[\d.]+) ?(tokens\/s|reqs|%)?$/;

/** Lines that tell of memory but hold no figure of a budget, known and passed over. */
const KNOWN =
  /CUDA graphs can take additional|Auto-prefetch is disabled|Profiling CUDA graph memory|init engine \(profile|Memory profiling takes [\d.]+ seconds|padding layers, may waste|Capturing CUDA graph|Using KV cache|KV cache layout|gc_collect|Capturing the model for CUDA graphs/;
const CHECKPOINT = /Checkpoint size: ([\d.]+) GiB/;

class VllmScan implements LineScan {
  private readonly times: LogTimes;
  private readonly gauges: GaugeSet;
  private readonly book = new BudgetBook();
  private readonly memory = new VllmMemoryLines();
  private readonly events: PendingEvent[] = [];
  private readonly warnings: Warning[] = [];
  private readonly settings = new ServerSettings(VLLM_ARGUMENTS);
  private readonly versions = new Set<string>();
  private readonly kinds = new Map<string, GaugeKind>();
  /** Lines that only a server prints. */
  private lines = 0;
  private unreadable = 0;
  private v0 = false;
  private v1 = false;

  constructor(times: LogTimes) {
    this.times = times;
    this.gauges = new GaugeSet(times);
  }

  wants(): boolean {
    return this.memory.isOpen;
  }

  pass(line: LogLine): void {
    this.memory.pass(line);
  }

  take(line: LogLine): boolean {
    const { text } = line;
    const isMemory = this.memory.take(line, (printed) => this.book.rankOf(placeOf(printed).rank));
    if (!QUICK.test(text)) return isMemory;
    // Every line counts for where the year turns, those without figures too.
    this.times.of(line);
    const taken = this.start(line) || this.stats(line) || this.event(line) || this.budget(line);
    if (taken && text.includes('memory profiling')) this.command(line);
    // A snapshot without its logger's prefix was printed by anyone, and proves no server's log.
    if (taken && (!isMemory || withoutPrefix(text) !== text)) this.lines++;
    if (taken || isMemory || this.command(line)) return true;
    return this.settings.resolved(text, this.book.start) || KNOWN.test(text);
  }

  end(): SourceData | null {
    this.memory.end();
    const { prints } = this.memory;
    if (this.lines + prints.length === 0) return null;
    const engine = this.v1 ? ', V1 engine' : this.v0 ? ', V0 engine' : '';
    const producer = `vLLM ${[...this.versions].join(', ') || '(no version printed)'}${engine}`;
    // Of snapshots alone no server's budget is made: what they say of one another is all there is.
    const isServer = this.lines > 0;
    const { budgets, warnings } = isServer ? this.book.build(producer) : { budgets: [], warnings: [] };
    return serverLogData({
      producer,
      times: this.times,
      gauges: this.gauges,
      budgets,
      events: this.events,
      memory: prints,
      settings: this.settings.build(),
      warnings: [...this.warnings, ...this.memory.warnings, ...warnings],
      skipped: this.unreadable,
      missing: (hasSeries) => this.missing(budgets.length > 0, hasSeries),
    });
  }

  title(): string | null {
    return this.lines === 0 && this.memory.prints.length > 0 ? 'vLLM memory snapshots' : null;
  }

  private missing(hasBudget: boolean, hasSeries: boolean): string[] {
    const missing: string[] = [];
    if (this.lines === 0) return missing;
    if (!hasBudget) {
      missing.push("The server's start is not in this log: its memory budget is printed there, so keep it.");
    }
    if (!hasSeries) {
      missing.push(
        'There are no lines of the periodic statistics (requests, KV cache usage); they are printed while requests run, unless --disable-log-stats.',
      );
    }
    missing.push(
      'The log tells what vLLM planned; what PyTorch holds is in a snapshot (torch.cuda.memory._record_memory_history).',
    );
    return missing;
  }

  /** Versions, engine kind and arguments. */
  private start(line: LogLine): boolean {
    const { text } = line;
    const isEngine = text.includes('LLM engine (v');
    const isServer = text.includes('vLLM API server version');
    const isArguments = /\b(?:non-default )?args: [{N]/.test(text);
    if (!isEngine && !isServer && !isArguments) {
      if (!/\bversion v?\d+\.\d+\.\d/.test(text) || !/vllm|▀|▄|█/i.test(text)) return false;
    }
    const version = VERSION.exec(text)?.[1];
    if (version !== undefined) this.versions.add(version);
    if (isEngine) {
      this.book.begin(placeOf(text).engine);
      if (text.includes('a V1 LLM engine')) this.v1 = true;
      else this.v0 = true;
    }
    if (isServer) this.book.begin('');
    if (isEngine || isArguments) this.readArguments(line, isEngine);
    return true;
  }

  /** The command that started it, as a shell or a script shows it: no proof of a log. */
  private command({ text, offset }: LogLine): boolean {
    const utilization = /--gpu[-_]memory[-_]utilization[= ](\d?\.\d+|1)\b/.exec(text)?.[1];
    if (utilization === undefined) return false;
    this.book
      .of('')
      .add('utilization', 'Utilization', { value: Number(utilization), granularity: 0 }, offset);
    return true;
  }

  private readArguments({ text, offset }: LogLine, isEngine: boolean): void {
    const utilization = this.settings.read(text, this.book.start, isEngine);
    const figure = utilization === null ? null : figureOf(utilization, 1);
    if (figure === null) return;
    this.book.of('').add('utilization', 'Utilization', { value: figure.value, granularity: 0 }, offset);
  }

  private budget(line: LogLine): boolean {
    const { text, offset } = line;
    const checkpoint = CHECKPOINT.exec(text)?.[1];
    if (checkpoint !== undefined) {
      this.settings.checkpoint(placeOf(text).rank, checkpoint, this.book.start);
      return true;
    }
    if (addGraphsNotice(text, this.book.of(placeOf(text).rank))) {
      const inForce = utilizationInNotice(text);
      const known =
        this.book.of('').last('utilization') ?? this.book.of(placeOf(text).rank).last('utilization');
      if (inForce !== null && known === undefined)
        this.book.of('').add('utilization', 'Utilization', { value: inForce, granularity: 0 }, offset);
      return true;
    }
    return addBudgetLine({
      text,
      offset,
      budget: this.book.of(placeOf(text).rank),
      unreadable: (what, printed) => {
        this.unreadable++;
        this.warn(`${what} is printed as "${printed.slice(0, 40)}", which is no number.`, offset);
      },
    });
  }

  private stats(line: LogLine): boolean {
    const at = line.text.indexOf(STATS);
    const hits = at < 0 ? HIT_RATE.exec(line.text)?.[1] : undefined;
    if (at < 0 && hits === undefined) return false;
    const engine = /Engine (\d+):? $/.exec(line.text.slice(Math.max(0, at - 20), Math.max(0, at)))?.[1];
    if (engine !== undefined) this.v1 = true;
    this.gauges.at(line);
    let before = '';
    for (const segment of (hits ?? line.text.slice(at)).trim().replace(/\.$/, '').split(', ')) {
      const match = STAT.exec(segment);
      const value = match === null ? NaN : Number(match[2]);
      if (match === null || Number.isNaN(value)) {
        this.unreadable++;
        this.warn(`"${segment.slice(0, 80)}" of a line of statistics was not understood.`, line.offset);
        continue;
      }
      // "Prefix cache hit rate: GPU: 0.00%, CPU: 0.00%"
      const name =
        match[1] === 'CPU' && before.startsWith('Prefix cache') ? 'Prefix cache hit rate: CPU' : match[1];
      before = name;
      const unit = STAT_KINDS[match[3] ?? ''];
      const grain = 10 ** -(match[2].split('.')[1]?.length ?? 0);
      const isPercent = match[3] === '%';
      this.gauges.add(
        this.kindOf(name, engine, unit),
        isPercent ? Number(`${match[2]}e-2`) : value,
        isPercent ? grain / 100 : unit === 'count' ? 0 : grain,
      );
      if (name === 'Swapped') this.v0 = true;
    }
    return true;
  }

  /** One object for each series, which makes its values cheap to add. */
  private kindOf(name: string, engine: string | undefined, unit: GaugeKind['unit']): GaugeKind {
    const key = `${engine ?? ''} ${name}`;
    let kind = this.kinds.get(key);
    if (kind === undefined) {
      const labels: Readonly<Record<string, string>> = engine === undefined ? {} : { engine };
      kind = { id: name, label: name, unit, labels, note: noteOf(name) };
      if (this.kinds.size < MOST_KINDS) this.kinds.set(key, kind);
    }
    return kind;
  }

  private event(line: LogLine): boolean {
    const { text } = line;
    if (PREEMPTED.test(text)) {
      const count = PREEMPTIONS.exec(text)?.[1];
      this.gauges.at(line);
      if (count !== undefined) {
        const id = 'total_num_cumulative_preemption';
        this.gauges.add({ id, label: 'Preemptions so far', unit: 'count' }, Number(count));
      }
      this.push('preemption', line, {});
      return true;
    }
    const told = toldEvent(text, VLLM_EVENTS);
    if (told === null) return false;
    this.push(told.kind, line, told.figures);
    return true;
  }

  private push(kind: LogEvent['kind'], line: LogLine, figures: Record<string, number>): void {
    const device = /\bcuda:(\d+)/.exec(line.text)?.[1];
    this.events.push({
      kind,
      stamp: this.times.of(line),
      device: device === undefined ? null : Number(device),
      text: messageOf(line.text),
      figures,
      offset: line.offset,
    });
  }

  private warn(message: string, offset: number): void {
    if (this.warnings.length < SAME_WARNING) this.warnings.push({ message, offset });
  }
}

function noteOf(name: string): string | null {
  if (/KV cache usage/.test(name))
    return 'share of the KV cache blocks in use; the GPU memory for all of them is taken at the start';
  if (/hit rate/.test(name)) return 'over the latest requests, as the server averages it';
  if (/throughput/.test(name)) return 'mean over the time since the line before';
  return null;
}

const SURE =
  /Avg prompt throughput: [\d.]+ tokens\/s|vLLM API server version|LLM engine \(v\d|GPU KV cache size: |\(EngineCore/;
const LIKELY =
  /\btorch_peak(?:_in_bytes)?['"]?\s?[=:]\s?-?\d[\d.]*|MemoryProfilingResult\(\w+=-?\d|Total non KV cache memory: ?[\d.]+ ?GiB|Memory profiling (?:results: |takes \d)|Model loading took [\d.]+ G|model weights take \S+GiB;|# \w+ blocks: \d+, # CPU|Available KV cache memory|Sleep mode freed|Free memory on device|To serve at least one request with|Error in memory profiling|out of memory occurred when warming up|exceeds available Mamba cache blocks/;

function sniff(lines: readonly string[]): Sniff {
  const sure = lines.find((line) => SURE.test(line));
  if (sure !== undefined) return { score: 0.95, reason: `a vLLM log: "${SURE.exec(sure)?.[0]}"` };
  const likely = lines.find((line) => LIKELY.test(line));
  if (likely !== undefined) return { score: 0.85, reason: `a line of vLLM: "${LIKELY.exec(likely)?.[0]}"` };
  return { score: 0, reason: 'no line of a vLLM log' };
}

export const vllmLogScanner: LineScanner = {
  format: 'vllm-log',
  title: 'vLLM log',
  needles: NEEDLES,
  sniff,
  start: (_fileName, times = new LogTimes()) => new VllmScan(times),
};
