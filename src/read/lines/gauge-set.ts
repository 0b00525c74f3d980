/** Gauges as log lines bring them: values with the time of their line, or in its absence the line's ordinal. */
import type { Gauge } from '../../trace/readings.ts';
import type { LogLine } from './log-line.ts';
import type { LogClock, LogTimes, Stamp } from './log-time.ts';

export type GaugeKind = Pick<Gauge, 'id' | 'label' | 'unit'> &
  Partial<Pick<Gauge, 'device' | 'labels' | 'granularity' | 'note'>>;

interface Series {
  readonly kind: GaugeKind;
  granularity: number;
  readonly moments: number[];
  readonly values: number[];
}

export interface GaugesRead {
  readonly gauges: readonly Gauge[];
  readonly clock: LogClock;
  readonly notRecorded: readonly string[];
}

/** Callers that make an object for each value would fill the memory. */
const MOST_KNOWN = 1000;

export class GaugeSet {
  /** Values kept. */
  samples = 0;
  private readonly times: LogTimes;
  /** Time of each moment (a line that brought values); null where it has none. */
  private readonly stamps: (Stamp | null)[] = [];
  private readonly series = new Map<string, Series>();
  /** The same by the object that names it: callers that keep theirs spare a key made of text for every value. */
  private readonly known = new Map<GaugeKind, Series>();

  constructor(times: LogTimes) {
    this.times = times;
  }

  /** The values that follow belong to this line. */
  at(line: LogLine): void {
    this.stamps.push(this.times.of(line));
  }

  add(kind: GaugeKind, value: number, granularity?: number): void {
    this.addAt(this.stamps.length - 1, kind, value, granularity);
  }

  /** A value of the so-manieth line that at() was told. */
  addAt(moment: number, kind: GaugeKind, value: number, granularity = kind.granularity ?? 0): void {
    const series = this.known.get(kind) ?? this.find(kind, granularity);
    series.granularity = Math.max(series.granularity, granularity);
    series.moments.push(moment);
    series.values.push(value);
    this.samples++;
  }

  private find(kind: GaugeKind, granularity: number): Series {
    const key = `${kind.id}\n${kind.device ?? ''}\n${JSON.stringify(kind.labels ?? {})}`;
    let series = this.series.get(key);
    if (series === undefined) {
      series = { kind, granularity, moments: [], values: [] };
      this.series.set(key, series);
    }
    if (this.known.size < MOST_KNOWN) this.known.set(kind, series);
    return series;
  }

  build(): GaugesRead {
    const known = this.stamps.filter((stamp) => stamp !== null);
    if (known.length === 0) return { gauges: this.gauges(null), clock: 'none', notRecorded: this.noTimes() };
    const missing = this.stamps.length - known.length;
    const notRecorded: string[] = [];
    if (missing > 0) {
      notRecorded.push(
        `${missing} of ${this.stamps.length} lines with figures carry no time; they are shown at that of the line before.`,
      );
    }
    const assumption = this.times.assumption();
    if (assumption !== null) notRecorded.push(assumption);
    let last = known[0];
    const at = this.stamps.map((stamp) => this.times.resolve((last = stamp ?? last)));
    return { gauges: this.gauges(at), clock: this.times.clock, notRecorded };
  }

  private noTimes(): string[] {
    return this.samples === 0 ? [] : ['The lines carry no time: the curves count them one by one.'];
  }

  private gauges(at: readonly bigint[] | null): Gauge[] {
    return [...this.series.values()].map(({ kind, granularity, moments, values }) => {
      const count = moments.length;
      const time_ns = new BigInt64Array(count);
      let isSorted = true;
      for (let i = 0; i < count; i++) {
        time_ns[i] = at === null ? BigInt(moments[i]) : at[moments[i]];
        if (i > 0 && isSorted && time_ns[i] < time_ns[i - 1]) isSorted = false;
      }
      const value = Float64Array.from(values);
      // Lines of several processes, and clocks set back, are out of order.
      const order = isSorted
        ? null
        : Array.from(values.keys()).sort((a, b) =>
            time_ns[a] < time_ns[b] ? -1 : time_ns[a] > time_ns[b] ? 1 : a - b,
          );
      return {
        id: kind.id,
        label: kind.label,
        unit: kind.unit,
        device: kind.device ?? null,
        labels: kind.labels ?? {},
        time_ns: order === null ? time_ns : BigInt64Array.from(order, (i) => time_ns[i]),
        value: order === null ? value : Float64Array.from(order, (i) => value[i]),
        granularity,
        note: kind.note ?? null,
      };
    });
  }
}
