/**
 * Samples of nvidia-smi, of whatever form they were printed in, as one series per figure and GPU.
 * Most forms print a time with each sample. One without is placed after the last time printed before it,
 * an interval apart; where the file has no times at all, samples have ordinals.
 */
import { formatInteger } from '../../base/units.ts';
import type { Gauge } from '../../trace/readings.ts';
import { CountedWarnings } from '../lines/counted-warnings.ts';
import { nanoseconds } from '../lines/printed-time.ts';
import { IMPOSSIBLE_BYTES, impossibleText, silentText } from './untold.ts';

export const MIB = 1048576;

/** Series beyond this are counted, not kept: short-lived processes of a week make one each. */
const MOST_SERIES = 4000;

/** Which GPU a row is about, as far as its own columns say. */
export interface Gpu {
  readonly index: number | null;
  readonly uuid: string | null;
  readonly bus: string | null;
}

export interface Quantity {
  readonly id: string;
  readonly label: string;
  readonly unit: Gauge['unit'];
  /** Printed figure times this is in `unit`. */
  readonly scale: number;
  readonly note: string | null;
}

export interface Series {
  readonly quantity: Quantity;
  readonly gpu: Gpu;
  readonly labels: Readonly<Record<string, string>>;
  readonly note: string | null;
  /** ms; NaN: before any time was printed. */
  readonly times: number[];
  readonly values: number[];
  granularity: number;
  /** Samples that carry no time of their own. */
  untimed: number;
  intervalMs: number;
  /** The printed time (its number) that untimed samples are counted from, and how many have been. */
  base: number;
  since: number;
  offset: number;
}

/** What is the same for all figures of one row. */
export interface RowPlace {
  readonly gpu: Gpu;
  /** ms, where the row or the block it stands in has a time. */
  readonly ms: number | null;
  /** What else tells its series from others: tool, pid, MIG instance. */
  readonly labels: Readonly<Record<string, string>>;
  readonly offset: number;
}

/** The last printed time at some line, for samples that are handed over later. */
export interface Moment {
  readonly lastMs: number | null;
  readonly timesSeen: number;
  readonly headsBlock: boolean;
}

export class SmiSamples {
  readonly warnings = new CountedWarnings();
  /** Texts that stand for a missing figure -> how often. */
  readonly missing = new Map<string, number>();
  readonly names = new Map<string, string>();
  /** Figures without a value in any sample -> samples. */
  readonly silent = new Map<string, number>();
  rows = 0;
  skipped = 0;
  firstMs: number | null = null;
  lastMs: number | null = null;
  /** true: every time so far was seconds since 1970 (`date +%s`), which have a zone. */
  private isUnix = true;
  private timesSeen = 0;
  private lastHeadsBlock = false;
  private moment: Moment | null = null;
  private readonly series = new Map<string, Series>();
  private readonly indexes = new Map<string, number | null>();

  /** A time was printed: what follows without one happened after it; at it, where the time heads a block. */
  saw(ms: number, { headsBlock = false, isUnix = false } = {}): void {
    this.firstMs ??= ms;
    if (!isUnix) this.isUnix = false;
    this.lastMs = ms;
    this.timesSeen++;
    this.lastHeadsBlock = headsBlock;
    this.moment = null;
  }

  now(): Moment {
    const { lastMs, timesSeen, lastHeadsBlock: headsBlock } = this;
    this.moment ??= { lastMs, timesSeen, headsBlock };
    return this.moment;
  }

  /** Samples added from here on belong to an earlier line. */
  goBackTo({ lastMs, timesSeen, headsBlock }: Moment): void {
    this.lastMs = lastMs;
    this.timesSeen = timesSeen;
    this.lastHeadsBlock = headsBlock;
    this.moment = null;
  }

  /** A GPU's index beside its UUID or bus id. Masked ids (all zeros) stand for several GPUs and name none. */
  identify(index: number, id: string): void {
    const key = id.toLowerCase();
    const known = this.indexes.get(key);
    if (known === undefined) this.indexes.set(key, index);
    else if (known !== index) this.indexes.set(key, null);
  }

  isMissing(text: string): void {
    this.missing.set(text, (this.missing.get(text) ?? 0) + 1);
  }

  /** A row that looks like one of nvidia-smi's and cannot be read. */
  skip(message: string, offset: number): void {
    this.skipped++;
    this.warnings.add(message, offset);
  }

  /** `printed` in the quantity's printed unit; `digit`: width of its last digit; `interval` in ms, where times are missing. */
  add(
    quantity: Quantity,
    place: RowPlace,
    printed: number,
    digit: number,
    interval = 1000,
    note: string | null = null,
  ): void {
    const series = this.seriesOf(quantity, place, interval, note);
    if (series !== null) this.addTo(series, place.ms, printed, digit);
  }

  /** The series of a figure, for callers that remember it; null: there are too many. */
  seriesOf(quantity: Quantity, place: RowPlace, interval = 1000, note: string | null = null): Series | null {
    const { gpu, labels } = place;
    let key = `${quantity.id}\t${gpu.index ?? gpu.uuid ?? gpu.bus ?? ''}`;
    for (const name in labels) key += `\t${name}=${labels[name]}`;
    let series = this.series.get(key);
    if (series === undefined) {
      if (this.series.size >= MOST_SERIES) {
        this.warnings.add(
          `More than ${formatInteger(MOST_SERIES)} series: figures of further ones were left out.`,
          place.offset,
        );
        return null;
      }
      series = {
        quantity,
        gpu,
        labels,
        note,
        times: [],
        values: [],
        granularity: 0,
        untimed: 0,
        intervalMs: interval,
        base: NaN,
        since: 0,
        offset: place.offset,
      };
      this.series.set(key, series);
    }
    return series;
  }

  addTo(series: Series, ms: number | null, printed: number, digit: number): void {
    const { quantity } = series;
    if (quantity.unit === 'bytes' && printed * quantity.scale >= IMPOSSIBLE_BYTES) {
      this.warnings.add(impossibleText(quantity.id, printed), series.offset);
      printed = NaN;
    }
    series.times.push(ms ?? this.placed(series));
    // A percentage is a hundredth: dividing rounds once, multiplying by 0.01 twice.
    series.values.push(quantity.scale === 0.01 ? printed / 100 : printed * quantity.scale);
    series.granularity = Math.max(series.granularity, digit * quantity.scale);
  }

  get clock(): 'wall' | 'local' | 'none' {
    return this.firstMs === null ? 'none' : this.isUnix ? 'wall' : 'local';
  }

  gauges(): Gauge[] {
    const gauges: Gauge[] = [];
    const { silent } = this;
    for (const series of this.series.values()) {
      if (series.values.every((value) => Number.isNaN(value))) {
        silent.set(series.quantity.id, (silent.get(series.quantity.id) ?? 0) + series.values.length);
      } else gauges.push(this.gauge(series));
    }
    for (const [id, count] of silent) {
      this.warnings.add(silentText(id, count, this.names.values()), null);
    }
    return gauges;
  }

  /** Time of a sample that was printed without one. */
  private placed(series: Series): number {
    if (series.base !== this.timesSeen) {
      series.base = this.timesSeen;
      series.since = 0;
    }
    if (series.since > 0 || !this.lastHeadsBlock) series.untimed++;
    return this.lastMs === null ? NaN : this.lastMs + series.intervalMs * series.since++;
  }

  private gauge(series: Series): Gauge {
    const { quantity, gpu } = series;
    const notes = [quantity.note, series.note];
    const count = series.times.length;
    let times = series.times;
    let values = series.values;
    if (this.firstMs !== null && series.untimed > 0) {
      notes.push(
        `${series.untimed === count ? 'These samples carry' : `${series.untimed} of these samples carry`} no time; ` +
          `they are placed ${series.intervalMs / 1000} s apart after the last time printed before them.`,
      );
      // Rows without a header are handed over last, so those from before any time need not be the first here.
      let before = times.filter((ms) => Number.isNaN(ms)).length;
      const first = this.firstMs;
      times = times.map((ms) => (Number.isNaN(ms) ? first - before-- * series.intervalMs : ms));
    }
    if (this.firstMs !== null && !isAscending(times)) {
      this.warnings.add(
        'Times run backwards (a clock set back, or files joined in another order): samples were sorted by time.',
        series.offset,
      );
      const order = Array.from(times.keys()).sort((a, b) => times[a] - times[b] || a - b);
      const unsorted = times;
      times = order.map((i) => unsorted[i]);
      values = order.map((i) => series.values[i]);
    }
    const time_ns = new BigInt64Array(count);
    for (let i = 0; i < count; i++) time_ns[i] = this.firstMs === null ? BigInt(i) : nanoseconds(times[i]);
    const labels: Record<string, string> = { ...series.labels };
    if (gpu.uuid !== null) labels['uuid'] = gpu.uuid;
    else if (gpu.bus !== null) labels['pci.bus_id'] = gpu.bus;
    const note = notes.filter((text) => text !== null).join(' ');
    return {
      id: quantity.id,
      label: quantity.label,
      unit: quantity.unit,
      device: gpu.index ?? this.indexOf(gpu.uuid) ?? this.indexOf(gpu.bus),
      labels,
      time_ns,
      value: Float64Array.from(values),
      granularity: series.granularity,
      note: note === '' ? null : note,
    };
  }

  /** Index of the GPU with this UUID or bus id, where the file says it anywhere. */
  indexOf(id: string | null): number | null {
    return id === null ? null : (this.indexes.get(id.toLowerCase()) ?? null);
  }
}

const isAscending = (times: readonly number[]): boolean => {
  for (let i = 1; i < times.length; i++) if (times[i] < times[i - 1]) return false;
  return true;
};
