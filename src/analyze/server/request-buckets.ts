/**
 * Requests in classes of size, S to XL by tokens, against memory and queue depth.
 *
 *   memory   |--- 4199 -----|- 4487 -|- 4501 --|------ 4549 ------|- 5375
 *   requests        L             S       M             XL
 *   growth       +288           +14     +48          +826                 the sum is last - first, exactly
 *
 * Two ways to join. By clock: a step of the memory curve belongs to the requests between its two samples; where they
 * are of several classes the step is 'mixed' and is not divided. By tag: a program that prints its memory before and
 * after each request tells each one's step itself.
 *
 * Bytes and tokens. No unit of time is compared with another source's: the caller brings both onto one clock first.
 */
import { count as counted } from '../../base/words.ts';
import type { Gauge, Readings } from '../../trace/readings.ts';
import {
  timesOfRequests,
  type LoggedRequest,
  type TaggedStep,
  type TimedRequest,
} from './request-buckets-join.ts';

export interface BucketBounds {
  /** Upper bounds of S, M and L in tokens, inclusive, ascending; XL is above. */
  readonly upTo: readonly [small: number, medium: number, large: number];
  /** What is counted: a long prompt fills the KV cache as a long answer does. */
  readonly by: 'input' | 'output' | 'total';
}

/** There is no standard. These split a server of --max-model-len 8192, as many run, at its 16th, quarter and half. */
export const DEFAULT_BOUNDS: BucketBounds = { upTo: [512, 2048, 4096], by: 'total' };

export type BucketName = 'S' | 'M' | 'L' | 'XL';
const BUCKET_NAMES: readonly BucketName[] = ['S', 'M', 'L', 'XL'];

/** Least, mean and most over the requests of a class. */
export interface Spread {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
}

export interface RequestBucket {
  readonly name: BucketName;
  /** Tokens above this and up to `upTo`; null: no upper bound. */
  readonly above: number;
  readonly upTo: number | null;
  readonly count: number;
  /** Share of all requests, 0 to 1. */
  readonly share: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Tokens of a request, by what the bounds count; null: no request. */
  readonly tokens: Spread | null;
  /** Steps of memory that belong to this class alone. */
  readonly steps: number;
  /** Memory before and after those steps, in bytes; null: there are none. */
  readonly before: Spread | null;
  readonly after: Spread | null;
  /** Sum of those steps in bytes; steps down count as they are. */
  readonly growth: number;
  /** The largest one. */
  readonly largestStep: number | null;
  /** Requests waiting when a request of this class is logged; null: not recorded. */
  readonly waiting: Spread | null;
  readonly running: Spread | null;
}

export interface RequestBuckets {
  readonly bounds: BucketBounds;
  readonly buckets: readonly RequestBucket[];
  /** How the memory was joined; 'none': only counts and tokens are known. */
  readonly join: 'clock' | 'tag' | 'none';
  /** Growth of steps between whose samples requests of several classes lie, in bytes. */
  readonly mixed: { readonly steps: number; readonly requests: number; readonly growth: number };
  /** Growth of steps without a request, in bytes. */
  readonly idle: { readonly steps: number; readonly growth: number };
  /** Last less first sample: the sum of all growth above, exactly. Null without memory. */
  readonly growth: number | null;
  /** Width of the last printed digit of the memory series, in bytes: each step may be off by that much. */
  readonly granularity: number;
  /** Requests whose printed second holds a sample of the memory: they may belong to the step beside. */
  readonly uncertain: number;
  /** Requests that are in no class: a count of tokens is missing. */
  readonly unclassified: number;
  readonly notes: readonly string[];
}

const tokensOf = ({ input, output }: LoggedRequest, by: BucketBounds['by']): number | null => {
  if (by === 'input') return input;
  if (by === 'output') return output;
  return input === null || output === null ? null : input + output;
};

/** The class of so many tokens. */
export function bucketOf(tokens: number, { upTo }: BucketBounds): BucketName {
  const index = upTo.findIndex((bound) => tokens <= bound);
  return BUCKET_NAMES[index < 0 ? 3 : index];
}

export interface BucketSeries {
  /** Bytes: reserved memory, or the device's memory in use. */
  readonly memory: Gauge | null;
  readonly waiting?: Gauge | null;
  readonly running?: Gauge | null;
}

export interface BucketOptions {
  readonly bounds?: BucketBounds;
  /** Whether the log's line is printed when a request ends (as most are) or when it begins. */
  readonly stamped?: 'end' | 'begin';
}

class Tally {
  count = 0;
  input = 0;
  output = 0;
  readonly tokens: number[] = [];
  readonly before: number[] = [];
  readonly after: number[] = [];
  readonly growths: number[] = [];
  readonly waiting: number[] = [];
  readonly running: number[] = [];
}

function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  let min = values[0];
  let max = values[0];
  let sum = 0;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  return { min, mean: sum / values.length, max };
}

type Tallies = Readonly<Record<BucketName, Tally>>;

const newTallies = (): Tallies => ({ S: new Tally(), M: new Tally(), L: new Tally(), XL: new Tally() });

/** Counts a request; null: it is of no class. */
function count(tallies: Tallies, request: LoggedRequest, bounds: BucketBounds): BucketName | null {
  const tokens = tokensOf(request, bounds.by);
  if (tokens === null) return null;
  const name = bucketOf(tokens, bounds);
  const tally = tallies[name];
  tally.count++;
  tally.input += request.input ?? 0;
  tally.output += request.output ?? 0;
  tally.tokens.push(tokens);
  return name;
}

function addStep(tally: Tally, before: number, after: number): void {
  tally.before.push(before);
  tally.after.push(after);
  tally.growths.push(after - before);
}

function bucketsOf(tallies: Tallies, { upTo }: BucketBounds): RequestBucket[] {
  const all = BUCKET_NAMES.reduce((sum, name) => sum + tallies[name].count, 0);
  return BUCKET_NAMES.map((name, index) => {
    const tally = tallies[name];
    return {
      name,
      above: index === 0 ? 0 : upTo[index - 1],
      upTo: index < 3 ? upTo[index] : null,
      count: tally.count,
      share: all === 0 ? 0 : tally.count / all,
      inputTokens: tally.input,
      outputTokens: tally.output,
      tokens: spreadOf(tally.tokens),
      steps: tally.growths.length,
      before: spreadOf(tally.before),
      after: spreadOf(tally.after),
      growth: tally.growths.reduce((sum, growth) => sum + growth, 0),
      largestStep: spreadOf(tally.growths)?.max ?? null,
      waiting: spreadOf(tally.waiting),
      running: spreadOf(tally.running),
    };
  });
}

const latestAt = (gauge: Gauge, time_ns: bigint): number | null => {
  let low = 0;
  let high = gauge.time_ns.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (gauge.time_ns[middle] <= time_ns) low = middle + 1;
    else high = middle;
  }
  const value = low === 0 ? NaN : gauge.value[low - 1];
  return Number.isNaN(value) ? null : value;
};

/** Times at which all requests were printed in whole seconds: a request may be up to a second later. */
const printedWidth = (requests: readonly TimedRequest[]): bigint => {
  for (const width of [1_000_000_000n, 1_000_000n, 1000n]) {
    if (requests.length > 0 && requests.every(({ time_ns }) => time_ns % width === 0n)) return width;
  }
  return 1n;
};

interface Joined {
  readonly mixed: { steps: number; requests: number; growth: number };
  readonly idle: { steps: number; growth: number };
  growth: number;
  uncertain: number;
  outside: number;
}

/** Gives each step between two samples of memory to the requests between them. */
function joinSteps(
  tallies: Tallies,
  requests: readonly (TimedRequest & { readonly bucket: BucketName })[],
  memory: Gauge,
  stamped: 'end' | 'begin',
  width: bigint,
): Joined {
  const joined: Joined = {
    mixed: { steps: 0, requests: 0, growth: 0 },
    idle: { steps: 0, growth: 0 },
    growth: 0,
    uncertain: 0,
    outside: 0,
  };
  const samples = Array.from(memory.value.keys()).filter((i) => !Number.isNaN(memory.value[i]));
  let next = 0;
  // A request that ends at the very time of a sample is in it; one that begins then is not yet.
  const isBy = (time: bigint, sample: bigint): boolean =>
    stamped === 'end' ? time <= sample : time < sample;
  const first = samples.at(0);
  while (
    first !== undefined &&
    next < requests.length &&
    isBy(requests[next].time_ns, memory.time_ns[first])
  ) {
    next++;
    joined.outside++;
  }
  for (let k = 0; k + 1 < samples.length; k++) {
    const before = memory.value[samples[k]];
    const after = memory.value[samples[k + 1]];
    const until = memory.time_ns[samples[k + 1]];
    joined.growth += after - before;
    const names = new Set<BucketName>();
    const from = next;
    while (next < requests.length && isBy(requests[next].time_ns, until)) {
      names.add(requests[next].bucket);
      if (requests[next].time_ns + width > until && width > 1n) joined.uncertain++;
      next++;
    }
    const [only] = names;
    if (names.size === 1) addStep(tallies[only], before, after);
    else if (names.size === 0) {
      joined.idle.steps++;
      joined.idle.growth += after - before;
    } else {
      joined.mixed.steps++;
      joined.mixed.requests += next - from;
      joined.mixed.growth += after - before;
    }
  }
  joined.outside += requests.length - next;
  return joined;
}

/**
 * Buckets the requests of a request log against series on the same clock.
 *
 * @param log Readings of the request log: its two gauges, or its table.
 * @param series Memory and queue of another source, on the clock of `log`.
 */
export function requestBuckets(
  log: Readings,
  series: BucketSeries,
  options: BucketOptions = {},
): RequestBuckets {
  const bounds = options.bounds ?? DEFAULT_BOUNDS;
  const { requests, notes: told } = timesOfRequests(log);
  const notes = [...told];
  const tallies = newTallies();
  const placed: (TimedRequest & { readonly bucket: BucketName })[] = [];
  let unclassified = 0;
  for (const request of requests) {
    const bucket = count(tallies, request, bounds);
    if (bucket === null) {
      unclassified++;
      continue;
    }
    placed.push({ ...request, bucket });
    for (const role of ['waiting', 'running'] as const) {
      const gauge = series[role] ?? null;
      const value = gauge === null || log.clock === 'none' ? null : latestAt(gauge, request.time_ns);
      if (value !== null) tallies[bucket][role].push(value);
    }
  }
  const { memory } = series;
  const canJoin = memory !== null && log.clock !== 'none';
  if (memory !== null && !canJoin) {
    notes.push('The request log carries no times, so its requests cannot be set against memory by clock.');
  }
  const joined = canJoin
    ? joinSteps(tallies, placed, memory, options.stamped ?? 'end', printedWidth(placed))
    : null;
  if (joined !== null && joined.outside > 0) {
    notes.push(
      `${counted(joined.outside, 'request lies', 'requests lie')} before the first or after the last sample of the memory.`,
    );
  }
  if (joined !== null && options.stamped === undefined) {
    notes.push('Each line was taken as printed at the end of its request; the log does not say.');
  }
  return {
    bounds,
    buckets: bucketsOf(tallies, bounds),
    join: joined === null ? 'none' : 'clock',
    mixed: joined?.mixed ?? { steps: 0, requests: 0, growth: 0 },
    idle: joined?.idle ?? { steps: 0, growth: 0 },
    growth: joined?.growth ?? null,
    granularity: memory?.granularity ?? 0,
    uncertain: joined?.uncertain ?? 0,
    unclassified,
    notes,
  };
}

/**
 * The same by tags: each request has its own step, whatever the clocks.
 *
 * @param requests Requests by key.
 * @param steps Steps of one memory series, in the order of the log.
 */
export function requestBucketsByTag(
  requests: ReadonlyMap<string, LoggedRequest>,
  steps: readonly TaggedStep[],
  granularity: number,
  bounds: BucketBounds = DEFAULT_BOUNDS,
): RequestBuckets {
  const tallies = newTallies();
  const placed = new Map<string, BucketName>();
  let unclassified = 0;
  for (const [key, request] of requests) {
    const bucket = count(tallies, request, bounds);
    if (bucket === null) unclassified++;
    else placed.set(key, bucket);
  }
  const idle = { steps: 0, growth: 0 };
  const mixed = { steps: 0, requests: 0, growth: 0 };
  let last: number | null = null;
  for (const { key, before, after, overlaps } of steps) {
    if (last !== null && before !== last) {
      idle.steps++;
      idle.growth += before - last;
    }
    last = after;
    const bucket = placed.get(key);
    if (overlaps) {
      mixed.steps++;
      mixed.requests++;
      mixed.growth += after - before;
    } else if (bucket !== undefined) addStep(tallies[bucket], before, after);
    else {
      idle.steps++;
      idle.growth += after - before;
    }
  }
  const stepped = new Set(steps.map(({ key }) => key));
  const missing = [...placed.keys()].filter((key) => !stepped.has(key)).length;
  return {
    bounds,
    buckets: bucketsOf(tallies, bounds),
    join: steps.length > 0 ? 'tag' : 'none',
    mixed,
    idle,
    growth: last === null ? null : last - steps[0].before,
    granularity,
    uncertain: 0,
    unclassified,
    notes: missing > 0 ? [`${missing} requests have no memory printed before and after them.`] : [],
  };
}
