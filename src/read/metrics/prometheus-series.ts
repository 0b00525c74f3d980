/** Series of Prometheus as they are met, and the gauges they make: known units, blanks out, in order of time. */
import { asBigInt64 } from '../../base/u64.ts';
import { formatInteger } from '../../base/units.ts';
import { CLOSE_ARRAY, OPEN_ARRAY, QUOTE, skipSeparators, skipValue } from '../../file/json-bytes.ts';
import { asciiText, scaledInteger } from '../../file/json-numbers.ts';
import type { Warning } from '../../trace/capture.ts';
import { NumberColumn, WordColumn } from '../../trace/column-builder.ts';
import type { Gauge } from '../../trace/readings.ts';
import { deviceOf, isBlank, metricOf, type Metric } from './metric-names.ts';
import { timeOrder } from '../lines/time-order.ts';

const LISTED_WARNINGS = 10;
const LISTED_NAMES = 8;
/** Series beyond this are counted: labels with ids in them (requests, sessions) make millions. */
const MAX_SERIES = 20_000;
const MAX_NUMBER = 80;

/** The metric's name went with the arithmetic of the query (sum, division), and its unit with it. */
const NAMELESS: Metric = {
  label: 'Without a name',
  unit: 'count',
  scale: 1,
  granularity: 0,
  note: 'Arithmetic in the query removes the name of the metric, and with it the unit: the values are as recorded.',
};

export interface OpenSeries {
  readonly offset: number;
  readonly time: WordColumn;
  /** As printed; NaN where there is none. */
  readonly value: NumberColumn;
}

interface Merged {
  readonly name: string | null;
  readonly metric: Metric;
  readonly labels: Readonly<Record<string, string>>;
  readonly parts: OpenSeries[];
}

export class SeriesSet {
  /** Series of metrics that are about neither a GPU nor its memory. */
  others = 0;
  private readonly otherNames = new Set<string>();
  private readonly merged = new Map<string, Merged>();
  private readonly warnings: Warning[] = [];
  private readonly settings: (readonly [string, string])[] = [];
  private skipped = 0;
  private tooMany = 0;
  private infinite = 0;
  private readonly nameless: { readonly name: string; readonly metric: Metric } | null;

  /** `file`: where the query's arithmetic dropped the name, the file may be named for the metric. */
  constructor(file = '') {
    const name = /(?:^|[^A-Za-z])(DCGM_FI_[A-Z0-9_]+|nvidia_smi_\w+?|vllm_\w+?)(?=\.\w+$|\W|$)/.exec(
      file,
    )?.[1];
    const metric = name === undefined ? null : metricOf(name);
    this.nameless =
      name === undefined || metric === null
        ? null
        : {
            name,
            metric: { ...metric, note: `${name}, by the name of the file: the answer itself has no name.` },
          };
  }

  open(offset: number): OpenSeries {
    return { offset, time: new WordColumn(), value: new NumberColumn() };
  }

  /** Time in seconds and value as written: "NaN", "+Inf", "1.5e+10" among them. */
  add(series: OpenSeries, time: string, value: string): void {
    const time_ns = scaledInteger(time, 9);
    const number = numberOf(value);
    if (time_ns === null || number === null) {
      this.skip(series.offset);
      return;
    }
    if (Math.abs(number) === Infinity) this.infinite++;
    series.time.pushBigInt(time_ns);
    series.value.push(Number.isFinite(number) ? number : NaN);
  }

  skip(offset: number): void {
    if (++this.skipped <= LISTED_WARNINGS)
      this.warnings.push({ message: 'A sample without a readable time or value was left out.', offset });
  }

  close(series: OpenSeries, { __name__: printed, ...labels }: Readonly<Record<string, string>>): void {
    if (series.value.length === 0) return;
    const name = printed ?? this.nameless?.name;
    // vllm:cache_config_info{num_gpu_blocks="1234", ...} 1: its labels are what it says.
    if (name?.endsWith('_config_info') === true) {
      this.settings.push([
        name,
        Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(', '),
      ]);
      return;
    }
    const metric = printed === undefined ? (this.nameless?.metric ?? NAMELESS) : metricOf(printed);
    if (metric === null) {
      this.others++;
      if (this.otherNames.size < LISTED_NAMES && name !== undefined) this.otherNames.add(name.slice(0, 100));
      return;
    }
    const key = JSON.stringify([
      name ?? null,
      ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)),
    ]);
    const before = this.merged.get(key);
    if (before !== undefined) before.parts.push(series);
    else if (this.merged.size >= MAX_SERIES) this.tooMany++;
    else this.merged.set(key, { name: name ?? null, metric, labels, parts: [series] });
  }

  finish(): {
    gauges: Gauge[];
    warnings: Warning[];
    settings: (readonly [string, string])[];
    samples: number;
    skipped: number;
    /** Of them: what should have been readable. */
    damaged: number;
  } {
    const { warnings, settings } = this;
    let samples = 0;
    let blanks = 0;
    let repeated = 0;
    const gauges: Gauge[] = [];
    for (const series of this.merged.values()) {
      const joined = joinedInOrder(series);
      blanks += joined.blanks;
      repeated += joined.repeated;
      samples += joined.gauge.value.length;
      gauges.push(joined.gauge);
    }
    const say = (count: number, message: string): void => {
      if (count > 0) warnings.push({ message: `${formatInteger(count)} ${message}`, offset: null });
    };
    if (this.skipped > LISTED_WARNINGS) say(this.skipped, 'samples were left out in all.');
    say(
      this.others,
      `series are about neither a GPU nor its memory and were left out (${[...this.otherNames].join(', ')}).`,
    );
    say(blanks, 'values say "no value" (DCGM writes numbers near 2^63 or 2^31 for that): they are gaps.');
    say(this.infinite, 'infinite values are gaps.');
    say(repeated, 'samples repeat a time of their series; the later one counts.');
    say(this.tooMany, `series beyond the first ${formatInteger(MAX_SERIES)} were left out.`);
    const skipped = this.skipped + this.others + this.tooMany;
    return { gauges, warnings, settings, samples, skipped, damaged: this.skipped };
  }
}

function joinedInOrder({ name, metric, labels, parts }: Merged): {
  gauge: Gauge;
  blanks: number;
  repeated: number;
} {
  const length = parts.reduce((sum, part) => sum + part.value.length, 0);
  const times = new BigInt64Array(length);
  const printed = new Float64Array(length);
  let at = 0;
  for (const part of parts) {
    times.set(asBigInt64(part.time.finish()), at);
    printed.set(part.value.finish(), at);
    at += part.value.length;
  }
  const order = timeOrder(times);
  const time_ns = new BigInt64Array(length);
  const value = new Float64Array(length);
  let blanks = 0;
  let kept = 0;
  for (let i = 0; i < length; i++) {
    const row = order[i];
    if (kept > 0 && time_ns[kept - 1] === times[row]) kept--;
    const isGap = isBlank(name ?? '', printed[row]);
    if (isGap) blanks++;
    time_ns[kept] = times[row];
    value[kept] = isGap ? NaN : printed[row] * metric.scale;
    kept++;
  }
  return {
    gauge: {
      id: name ?? 'nameless',
      label: metric.label,
      unit: metric.unit,
      device: deviceOf(labels),
      labels,
      time_ns: time_ns.subarray(0, kept),
      value: value.subarray(0, kept),
      granularity: metric.granularity,
      note: metric.note,
    },
    blanks,
    repeated: length - kept,
  };
}

/** Go's forms of a float: "NaN", "+Inf", "-Inf", "1.9818e+04". null: none. */
export function numberOf(text: string): number | null {
  if (text === 'NaN' || text === 'nan') return NaN;
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  if (text === '' || text.trim() !== text) return null;
  const number = Number(text);
  return Number.isNaN(number) ? null : number;
}

/** `[1722500000.123, "19818"]` at `at`; time null: something else stands there. Codes as a step gives them. */
export function sampleAt(
  bytes: Uint8Array,
  at: number,
  end: number,
  isLast: boolean,
): { readonly after: number; readonly time: string | null; readonly value: string } | number {
  const after = skipValue(bytes, at, end, isLast);
  if (after < 0) return after;
  const nothing = { after, time: null, value: '' };
  if (bytes[at] !== OPEN_ARRAY) return nothing;
  const timeStart = skipSeparators(bytes, at + 1, after);
  const timeEnd = skipValue(bytes, timeStart, after, false);
  if (timeEnd < 0) return nothing;
  const valueStart = skipSeparators(bytes, timeEnd, after);
  const valueEnd = skipValue(bytes, valueStart, after, false);
  if (valueEnd < 0 || bytes[skipSeparators(bytes, valueEnd, after)] !== CLOSE_ARRAY) return nothing;
  const quote = bytes[valueStart] === QUOTE ? 1 : 0;
  if (timeEnd - timeStart > MAX_NUMBER || valueEnd - valueStart > MAX_NUMBER) return nothing;
  return {
    after,
    time: asciiText(bytes, timeStart, timeEnd),
    value: asciiText(bytes, valueStart + quote, valueEnd - quote),
  };
}
