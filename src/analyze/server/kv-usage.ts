/**
 * What a server's KV-cache usage means over time. Usage that climbs and stays high while requests make progress is
 * what the cache is for; the same curve with nothing generated is an engine that is stuck.
 *
 *   usage   12 % 39 % 95 % 99 %        99 %  99 %  99 %
 *   running  5    12   10    1           0     0     0
 *   tok/s   77   190  422  255         0.0   0.0   0.0
 *           --- filling: expected --   ---- stuck -----
 *
 * vLLM counts a block as used while a request refers to it: blocks kept for the prefix cache alone are free in this
 * count (vllm/v1/core/block_pool.py, get_usage), and evictable tokens are in SGLang's (num_used_tokens). So a prefix
 * cache does not explain usage without requests. The device's memory does not follow usage: all blocks are allocated
 * at the start.
 *
 * A log that falls silent cannot be told from an idle one: vLLM prints no statistics while it is idle.
 */
import { count, percent } from '../../base/words.ts';
import { alignSamples, type EngineSamples, type UsageSample } from './kv-usage-samples.ts';
import type { Gauge, LogEvent, Readings } from '../../trace/readings.ts';

/**
 * 'idle': nothing runs or waits, nothing is held. 'running': requests make progress, the cache is not full.
 * 'filling': usage climbs while requests make progress. 'full': nearly all is in use and requests make progress.
 * 'preempting': requests are thrown out for want of blocks, again and again. 'stuck': requests are there and no token
 * comes of it. 'held': blocks are in use although nothing runs or waits. 'unknown': a figure is missing.
 */
export type UsageState =
  'idle' | 'running' | 'filling' | 'full' | 'preempting' | 'stuck' | 'held' | 'unknown';

/** Least and most of a figure within a window; null where it was not recorded. */
export interface Extent {
  readonly first: number;
  readonly last: number;
  readonly min: number;
  readonly max: number;
}

export interface UsageWindow {
  readonly state: UsageState;
  /** First and last sample, absolute ns on the source's clock (ordinals where it has none). */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly samples: number;
  /** Share of the KV cache in use, 0 to 1. */
  readonly usage: Extent;
  readonly running: Extent | null;
  readonly waiting: Extent | null;
  /** Tokens per second. */
  readonly generation: Extent | null;
  readonly prompt: Extent | null;
  /** Share of prompt tokens found in the prefix cache, 0 to 1. */
  readonly hitRate: Extent | null;
  readonly preemptions: number;
}

export interface EngineUsage {
  /** Labels of its series: engine, rank, pod. */
  readonly labels: Readonly<Record<string, string>>;
  readonly windows: readonly UsageWindow[];
  /** The gravest state of all windows. */
  readonly verdict: UsageState;
  /** The state at the end of the recording. */
  readonly last: UsageState;
  readonly evidence: UsageWindow | null;
  readonly sentence: string;
  /** What the prefix cache shows in these curves; null: not recorded, or nothing to say. */
  readonly prefixCache: string | null;
  /** Series that were not recorded: 'running', 'waiting', 'generation'. */
  readonly missing: readonly string[];
}

export interface UsageOptions {
  /** Usage from here on is "nearly all". */
  readonly full?: number;
  /** So many samples in a row without a token, and ... */
  readonly stuckSamples?: number;
  /** ... so long (without a clock: 6 samples) make an engine stuck and not slow. */
  readonly stuckNs?: bigint;
  /** So many preemptions within `preemptingNs` (without a clock: 6 samples) are a storm. */
  readonly preemptions?: number;
  readonly preemptingNs?: bigint;
}

type Limits = Required<UsageOptions>;

const DEFAULTS: Limits = {
  full: 0.9,
  stuckSamples: 3,
  // A prefill of many tokens counts none of them until its first output: a minute is longer than that.
  stuckNs: 60_000_000_000n,
  preemptions: 10,
  preemptingNs: 60_000_000_000n,
};

/** Usage below this is nothing: a null block, and what 0.1 % rounds to. */
const NOTHING = 0.002;
/** Without a clock: a minute of vLLM's lines, one each 10 s. */
const MINUTE_SAMPLES = 6;
const GRAVITY: readonly UsageState[] = [
  'stuck',
  'preempting',
  'held',
  'full',
  'filling',
  'running',
  'idle',
  'unknown',
];

const isSilent = ({ generation, prompt, prefilled }: UsageSample): boolean =>
  generation === 0 && (prompt ?? 0) === 0 && (prefilled ?? 0) === 0;
const hasRequests = ({ running, waiting }: UsageSample): boolean => (running ?? 0) > 0 || (waiting ?? 0) > 0;

/** A sample by itself: what it would be if it lasted. */
function stateOf(sample: UsageSample, limits: Limits): UsageState {
  const { usage, running, generation } = sample;
  if (running === null && generation === null) return 'unknown';
  if (isSilent(sample) && hasRequests(sample)) return 'stuck';
  const busy = [running, generation, sample.prompt, sample.prefilled].some((figure) => (figure ?? 0) > 0);
  if (!busy && (sample.waiting ?? 0) === 0) {
    // Of one sample: the usage of the last step, before its blocks were given back.
    return usage <= NOTHING ? 'idle' : 'held';
  }
  if (!busy) return generation === null ? 'unknown' : 'stuck';
  return usage >= limits.full ? 'full' : 'running';
}

/** A step of usage that is none: what 0.1 % rounds to. */
const STEP = 0.001;

/** Usage that goes up through to the end and never down: somebody takes blocks. */
function isRising(samples: readonly UsageSample[]): boolean {
  const usages = samples.map(({ usage }) => usage);
  const half = usages[Math.floor((usages.length - 1) / 2)];
  return (
    usages.every((usage, i) => i === 0 || usage >= usages[i - 1]) &&
    half > usages[0] + STEP &&
    usages[usages.length - 1] > half + STEP
  );
}

/** Runs of a state that must last: shorter ones are what their neighbours are. */
function settle(
  samples: readonly UsageSample[],
  states: UsageState[],
  limits: Limits,
  hasClock: boolean,
): void {
  for (const state of ['stuck', 'held'] as const) {
    for (let from = 0; from < states.length; from++) {
      if (states[from] !== state) continue;
      let to = from;
      while (to + 1 < states.length && states[to + 1] === state) to++;
      const count = to - from + 1;
      const lasted = hasClock
        ? samples[to].time_ns - samples[from].time_ns >= limits.stuckNs
        : count >= MINUTE_SAMPLES;
      // A long prefill makes no token for minutes, and takes block after block meanwhile.
      const prefills = state === 'stuck' && isRising(samples.slice(from, to + 1));
      if (count < limits.stuckSamples || !lasted || prefills) {
        for (let i = from; i <= to; i++) states[i] = calm(samples[i], limits);
      }
      from = to;
    }
  }
}

/** What a sample is if its silence is a pause only. */
const calm = (sample: UsageSample, limits: Limits): UsageState => {
  if (sample.usage >= limits.full) return 'full';
  return hasRequests(sample) || sample.usage > NOTHING ? 'running' : 'idle';
};

/** Marks samples within a storm of preemptions; what makes no progress at all stays stuck. */
function markStorms(
  samples: readonly UsageSample[],
  states: UsageState[],
  limits: Limits,
  hasClock: boolean,
): void {
  let from = 0;
  let inWindow = 0;
  for (let to = 0; to < samples.length; to++) {
    inWindow += samples[to].preemptions;
    const isOut = (i: number): boolean =>
      hasClock ? samples[to].time_ns - samples[i].time_ns > limits.preemptingNs : to - i >= MINUTE_SAMPLES;
    while (isOut(from)) inWindow -= samples[from++].preemptions;
    if (inWindow < limits.preemptions) continue;
    for (let i = from; i <= to; i++) {
      if (states[i] !== 'stuck' && samples[i].preemptions > 0) states[i] = 'preempting';
    }
  }
}

function extentOf(
  samples: readonly UsageSample[],
  of: (sample: UsageSample) => number | null,
): Extent | null {
  let extent: Extent | null = null;
  for (const sample of samples) {
    const value = of(sample);
    if (value === null) continue;
    extent =
      extent === null
        ? { first: value, last: value, min: value, max: value }
        : {
            first: extent.first,
            last: value,
            min: Math.min(extent.min, value),
            max: Math.max(extent.max, value),
          };
  }
  return extent;
}

function windowOf(state: UsageState, samples: readonly UsageSample[]): UsageWindow {
  const usage = extentOf(samples, (sample) => sample.usage) ?? { first: 0, last: 0, min: 0, max: 0 };
  // Up by a tenth of the cache over the window: it fills.
  const climbs = usage.last - usage.first >= 0.1 && usage.last >= usage.max - 0.05;
  return {
    state: state === 'running' && climbs ? 'filling' : state,
    startNs: samples[0].time_ns,
    endNs: samples[samples.length - 1].time_ns,
    samples: samples.length,
    usage,
    running: extentOf(samples, (sample) => sample.running),
    waiting: extentOf(samples, (sample) => sample.waiting),
    generation: extentOf(samples, (sample) => sample.generation),
    prompt: extentOf(samples, (sample) => sample.prompt),
    hitRate: extentOf(samples, (sample) => sample.hitRate),
    preemptions: samples.reduce((sum, sample) => sum + sample.preemptions, 0),
  };
}

function windowsOf(samples: readonly UsageSample[], limits: Limits, hasClock: boolean): UsageWindow[] {
  const states = samples.map((sample) => stateOf(sample, limits));
  settle(samples, states, limits, hasClock);
  markStorms(samples, states, limits, hasClock);
  const windows: UsageWindow[] = [];
  for (let from = 0; from < samples.length;) {
    let to = from;
    while (to + 1 < samples.length && states[to + 1] === states[from]) to++;
    windows.push(windowOf(states[from], samples.slice(from, to + 1)));
    from = to + 1;
  }
  return windows;
}

const span = (extent: Extent | null, unit: string): string | null => {
  if (extent === null) return null;
  const text = extent.min === extent.max ? `${extent.min}` : `${extent.min} to ${extent.max}`;
  return `${text} ${unit}`;
};

function evidenceText(window: UsageWindow): string {
  const { usage } = window;
  const range =
    percent(usage.min) === percent(usage.max)
      ? percent(usage.min)
      : `${percent(usage.min)} to ${percent(usage.max)}`;
  return [
    `usage ${range} over ${count(window.samples, 'sample')}`,
    span(window.running, 'running'),
    span(window.waiting, 'waiting'),
    span(window.generation, 'tokens/s generated'),
    window.preemptions > 0 ? `${window.preemptions} preemptions` : null,
  ]
    .filter((text) => text !== null)
    .join(', ');
}

const MEANINGS: Readonly<Record<UsageState, string>> = {
  stuck:
    'Requests are there and no token comes of it: the engine is stuck, and the usage is not the cause but what it holds',
  preempting: 'Requests are preempted again and again for want of KV blocks, and computed anew',
  held: 'Blocks are in use although nothing runs or waits: requests that were not released, or whose KV cache awaits a transfer. A prefix cache does not count as in use',
  full: 'The KV cache is nearly full and requests make progress: expected, it fills up to what was allocated at the start. Further requests would wait or be preempted; the memory of the device does not grow',
  filling:
    'KV-cache usage climbs while requests make progress: expected. Its memory was allocated at the start and does not grow',
  running: 'Requests make progress and the KV cache is not full',
  idle: 'Nothing runs and nothing is held',
  unknown: 'Neither running requests nor throughput were recorded, so usage alone tells nothing',
};

/** What hit rates say: sharing keeps usage low, and a rate that falls as the cache fills is eviction. */
function prefixCacheOf(samples: readonly UsageSample[], limits: Limits): string | null {
  const told = samples.filter((sample) => sample.hitRate !== null);
  const hits = extentOf(told, (sample) => sample.hitRate);
  if (hits === null || hits.max === 0) return null;
  const usage = extentOf(told, (sample) => sample.usage);
  if (usage !== null && usage.max >= limits.full && hits.first - hits.min >= 0.05) {
    return `Prefix cache hits fell from ${percent(hits.first)} to ${percent(hits.min)} while usage rose to ${percent(usage.max)}: blocks in use displace cached ones.`;
  }
  if (hits.last >= 0.5) {
    return `${percent(hits.last)} of the latest prompt tokens came from the prefix cache: requests share blocks, so usage is lower than their tokens would make it.`;
  }
  return null;
}

function engineUsage(engine: EngineSamples, limits: Limits, hasClock: boolean): EngineUsage {
  const windows = windowsOf(engine.samples, limits, hasClock);
  const verdict = GRAVITY.find((state) => windows.some((window) => window.state === state)) ?? 'unknown';
  const found = windows.filter((window) => window.state === verdict);
  const evidence = found.reduce<UsageWindow | null>(
    (most, window) => (most === null || window.samples > most.samples ? window : most),
    null,
  );
  return {
    labels: engine.labels,
    windows,
    verdict,
    last: windows.at(-1)?.state ?? 'unknown',
    evidence,
    sentence: evidence === null ? MEANINGS.unknown : `${MEANINGS[verdict]} (${evidenceText(evidence)}).`,
    prefixCache: prefixCacheOf(engine.samples, limits),
    missing: engine.missing,
  };
}

/**
 * The state of each engine whose KV-cache usage was recorded, with window and evidence.
 *
 * @param gauges Series of one source or of several on one clock.
 * @param events Preemptions count; others are left alone.
 * @param clock 'none': times are ordinals, and durations are judged by the number of samples.
 */
export function kvUsage(
  gauges: readonly Gauge[],
  events: readonly LogEvent[],
  clock: Readings['clock'],
  options: UsageOptions = {},
): EngineUsage[] {
  const limits: Limits = { ...DEFAULTS, ...options };
  return alignSamples(gauges, events).map((engine) => engineUsage(engine, limits, clock !== 'none'));
}
