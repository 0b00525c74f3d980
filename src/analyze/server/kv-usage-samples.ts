/**
 * The series of a server's KV cache side by side, engine by engine: what vLLM's and SGLang's loggers print and what
 * their Prometheus metrics hold, under one name each.
 *   vllm/v1/metrics/loggers.py, sglang/srt/managers/scheduler_metrics_mixin.py
 *
 * At each time of the usage series stands the latest value of every other at or before it, if not older than
 * `STALE` times the usual distance of samples.
 */
import type { Gauge, LogEvent } from '../../trace/readings.ts';

export interface UsageSample {
  readonly time_ns: bigint;
  /** Share of the KV cache in use, 0 to 1. */
  readonly usage: number;
  readonly running: number | null;
  readonly waiting: number | null;
  /** Tokens per second. */
  readonly generation: number | null;
  readonly prompt: number | null;
  /** 0 to 1. */
  readonly hitRate: number | null;
  /** Tokens of a prefill that the producer logged at this very time (SGLang); null: none was. */
  readonly prefilled: number | null;
  /** Since the sample before. */
  readonly preemptions: number;
}

export interface EngineSamples {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly UsageSample[];
  readonly missing: readonly string[];
}

type Role =
  'usage' | 'otherUsage' | 'running' | 'waiting' | 'generation' | 'prompt' | 'hitRate' | 'prefilled';

interface Name {
  readonly role: Role | 'preemptions' | 'generated' | 'prompted';
  readonly pattern: RegExp;
}

/** Counters are turned into rates: 'generated' and 'prompted' tokens, preemptions. */
const NAMES: readonly Name[] = [
  {
    role: 'usage',
    pattern: /^(GPU KV cache usage|vllm:(gpu|kv)_cache_usage_perc|(full )?token usage|sglang:token_usage)$/,
  },
  { role: 'running', pattern: /^(Running|#running-req|vllm:num_requests_running|sglang:num_running_reqs)$/ },
  {
    role: 'waiting',
    pattern: /^(Waiting|Pending|#queue-req|vllm:num_requests_waiting|sglang:num_queue_reqs)$/,
  },
  {
    role: 'generation',
    pattern:
      /^(Avg generation throughput|gen throughput \(token\/s\)|vllm:avg_generation_throughput_toks_per_s|sglang:gen_throughput)$/,
  },
  {
    role: 'prompt',
    pattern: /^(Avg prompt throughput|input throughput \(token\/s\)|vllm:avg_prompt_throughput_toks_per_s)$/,
  },
  {
    role: 'hitRate',
    pattern:
      /^(Prefix cache hit rate|Prefix cache hit rate: GPU|vllm:gpu_prefix_cache_hit_rate|sglang:cache_hit_rate)$/,
  },
  // A model with sliding windows or states has pools of its own for them; the fullest one binds.
  { role: 'otherUsage', pattern: /^(swa token usage|mamba usage)$/ },
  { role: 'prefilled', pattern: /^#new-token$/ },
  { role: 'generated', pattern: /^vllm:generation_tokens(_total)?$/ },
  { role: 'prompted', pattern: /^vllm:prompt_tokens(_total)?$/ },
  { role: 'preemptions', pattern: /^(vllm:num_preemptions(_total)?|total_num_cumulative_preemption)$/ },
];

const STALE = 6;

interface Series {
  readonly time_ns: BigInt64Array;
  readonly value: Float64Array;
}

/** Labels that tell engines apart. */
function keyOf(gauge: Gauge): string {
  const labels = Object.entries(gauge.labels)
    .filter(([name]) => name !== '__name__' && name !== 'le' && name !== 'reason')
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([gauge.device, labels]);
}

/** Index of the last sample at or before `time_ns`; -1: none. */
function latestAt(series: Series, time_ns: bigint): number {
  let low = 0;
  let high = series.time_ns.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (series.time_ns[middle] <= time_ns) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Median distance of samples in ns; 0 for fewer than two. */
function spacingOf({ time_ns }: Series): bigint {
  const gaps: bigint[] = [];
  for (let i = 1; i < time_ns.length; i++) gaps.push(time_ns[i] - time_ns[i - 1]);
  gaps.sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
  return gaps[gaps.length >> 1] ?? 0n;
}

/** Growth of a counter between the last sample at or before each of two times; a restart counts from zero. */
function growth(counter: Series, fromNs: bigint | null, toNs: bigint): number {
  const end = latestAt(counter, toNs);
  if (end < 0) return 0;
  const start = fromNs === null ? -1 : latestAt(counter, fromNs);
  if (start < 0) return 0;
  let sum = 0;
  for (let i = start + 1; i <= end; i++) {
    const step = counter.value[i] - counter.value[i - 1];
    sum += step >= 0 ? step : counter.value[i];
  }
  return sum;
}

function samplesOf(
  engine: ReadonlyMap<Name['role'], Series>,
  usage: Series,
  preempted: readonly bigint[],
): UsageSample[] {
  const stale = spacingOf(usage) * BigInt(STALE);
  const at = (role: Role, time: bigint): number | null => {
    const series = engine.get(role);
    if (series === undefined) return null;
    const index = latestAt(series, time);
    if (index < 0 || (stale > 0n && time - series.time_ns[index] > stale)) return null;
    return Number.isNaN(series.value[index]) ? null : series.value[index];
  };
  const rate = (role: 'generated' | 'prompted', from: bigint | null, to: bigint): number | null => {
    const counter = engine.get(role);
    if (counter === undefined || from === null || to <= from) return null;
    if (latestAt(counter, from) < 0) return null;
    return (growth(counter, from, to) / Number(to - from)) * 1e9;
  };
  /** Only if it is of this very time. */
  const exactlyAt = (role: Role, time: bigint): number | null => {
    const series = engine.get(role);
    const index = series === undefined ? -1 : latestAt(series, time);
    return series === undefined || index < 0 || series.time_ns[index] !== time ? null : series.value[index];
  };
  const counter = engine.get('preemptions');
  const samples: UsageSample[] = [];
  let next = 0;
  let before: bigint | null = null;
  usage.time_ns.forEach((time_ns, i) => {
    let lines = 0;
    while (next < preempted.length && preempted[next] <= time_ns) {
      lines++;
      next++;
    }
    if (Number.isNaN(usage.value[i])) return;
    samples.push({
      time_ns,
      usage: Math.max(usage.value[i], exactlyAt('otherUsage', time_ns) ?? 0),
      running: at('running', time_ns),
      waiting: at('waiting', time_ns),
      generation: at('generation', time_ns) ?? rate('generated', before, time_ns),
      prompt: at('prompt', time_ns) ?? rate('prompted', before, time_ns),
      hitRate: at('hitRate', time_ns),
      prefilled: exactlyAt('prefilled', time_ns),
      // vLLM prints one line of fifty: its counter tells more than the lines do.
      preemptions: Math.max(lines, counter === undefined ? 0 : growth(counter, before, time_ns)),
    });
    before = time_ns;
  });
  return samples;
}

/** Lines without an engine's label belong to the only engine there is. */
const NO_LABELS = JSON.stringify([null, []]);

/** The samples of each engine that has a usage series. */
export function alignSamples(gauges: readonly Gauge[], events: readonly LogEvent[]): EngineSamples[] {
  const engines = new Map<string, { labels: Gauge['labels']; series: Map<Name['role'], Series> }>();
  for (const gauge of gauges) {
    const name = NAMES.find(({ pattern }) => pattern.test(gauge.id));
    if (name === undefined) continue;
    const key = keyOf(gauge);
    const engine = engines.get(key) ?? { labels: gauge.labels, series: new Map<Name['role'], Series>() };
    if (!engine.series.has(name.role)) engine.series.set(name.role, gauge);
    engines.set(key, engine);
  }
  const preempted = events
    .flatMap(({ kind, time_ns }) => (kind === 'preemption' && time_ns !== null ? [time_ns] : []))
    .sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
  const withUsage = [...engines].filter(([, { series }]) => series.has('usage'));
  const shared = engines.get(NO_LABELS)?.series;
  return withUsage.map(([key, { labels, series }]) => {
    const usage = series.get('usage') as Series;
    const own = new Map(series);
    if (withUsage.length === 1 && key !== NO_LABELS && shared !== undefined) {
      for (const [role, one] of shared) if (!own.has(role)) own.set(role, one);
    }
    // Which engine preempted is not in the line; with several, none is blamed.
    const samples = samplesOf(own, usage, withUsage.length === 1 ? preempted : []);
    const missing = (['running', 'waiting', 'generation'] as const).filter((role) =>
      samples.every((sample) => sample[role] === null),
    );
    return { labels, samples, missing };
  });
}
