/**
 * Questions about one device's events, answered by whichever kernels it was given. Curves are made on first
 * use and stay resident (on the GPU: uploaded once, asked often).
 */
import { lowerBound } from '../base/binary-search.ts';
import { asBigInt64, i64At, u64At } from '../base/u64.ts';
import type { Kernels, PixelColumns, Resident, StreamHistogram } from '../kernel/kernels.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import type { SeriesSpec } from './series.ts';

export interface Extent {
  readonly first: number;
  readonly peak: number;
  /** Row of the first moment of the peak; null: it was reached before the first event. */
  readonly peakRow: number | null;
  readonly last: number;
  /** Least value, the one before the first event included. */
  readonly lowest: number;
}

/** Values of one curve per pixel column, columns without events carrying the value that was reached before. */
export interface CurveColumns {
  readonly first: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly last: Float64Array;
}

export class DeviceAggregate {
  private readonly curves = new Map<string, Promise<Resident>>();
  private sizes: Promise<Resident> | null = null;
  private keys: Promise<Resident> | null = null;
  private all: readonly SeriesSpec[] | null = null;
  /** Nanoseconds since `base`, one a row, never falling. */
  readonly times: Float64Array;
  /** Absolute ns of the first event; 0 where there is none. */
  readonly base: bigint;
  /** Rows whose own time lies before an earlier row's; `times` gives them the earlier row's. */
  readonly outOfOrder: number;
  /** The longest time between two events in a row, ns. */
  readonly longestIdleNs: number;

  /**
   * `early`: curves that follow from the rows alone. `complete`: of those, all that can be asked for; made on first use,
   * since it may lead the allocator along the recording. `histogramKeys()`: by row, the stream of one that counts as an
   * allocation, SKIP for every other.
   */
  constructor(
    readonly trace: DeviceTrace,
    readonly early: readonly SeriesSpec[],
    private readonly complete: (early: readonly SeriesSpec[]) => readonly SeriesSpec[],
    private readonly kernels: { readonly curves: Kernels; readonly histogram: Kernels },
    private readonly histogramKeys: () => Uint32Array,
  ) {
    const { events } = trace;
    const absolute = asBigInt64(events.time_ns);
    this.base = events.length > 0 ? absolute[0] : 0n;
    this.times = new Float64Array(events.length);
    const baseHigh = events.length > 0 ? events.time_ns[1] | 0 : 0;
    const baseLow = events.length > 0 ? events.time_ns[0] : 0;
    let last = 0;
    let outOfOrder = 0;
    let idle = 0;
    for (let row = 0; row < events.length; row++) {
      const time =
        ((events.time_ns[2 * row + 1] | 0) - baseHigh) * 4294967296 + (events.time_ns[2 * row] - baseLow);
      if (time - last > idle) idle = time - last;
      if (time < last) outOfOrder++;
      else last = time;
      this.times[row] = last;
    }
    this.outOfOrder = outOfOrder;
    this.longestIdleNs = idle;
  }

  get rows(): number {
    return this.trace.events.length;
  }

  get series(): readonly SeriesSpec[] {
    this.all ??= this.complete(this.early);
    return this.all;
  }

  spec(id: string): SeriesSpec | undefined {
    return this.series.find((spec) => spec.id === id);
  }

  private curve(spec: SeriesSpec): Promise<Resident> {
    let made = this.curves.get(spec.id);
    if (made === undefined) {
      made =
        spec.values !== undefined
          ? this.kernels.curves.upload(spec.values())
          : this.kernels.curves.runningTotals(spec.deltas!(), BigInt(spec.initial));
      this.curves.set(spec.id, made);
    }
    return made;
  }

  /** Row of the first event at or after `ns`. */
  rowAt(ns: number): number {
    return lowerBound(this.times, ns);
  }

  async extent(spec: SeriesSpec): Promise<Extent> {
    if (this.rows === 0)
      return {
        first: spec.initial,
        peak: spec.initial,
        peakRow: null,
        last: spec.initial,
        lowest: spec.initial,
      };
    const columns = await this.kernels.curves.pixelColumns(
      await this.curve(spec),
      new Uint32Array([0, this.rows]),
    );
    const peak = i64At(columns.max, 0);
    const before = spec.values === undefined && spec.initial >= peak;
    return {
      first: spec.initial,
      peak: before ? spec.initial : peak,
      peakRow: before ? null : columns.maxIndex[0],
      last: i64At(columns.last, 0),
      lowest:
        spec.values === undefined ? Math.min(spec.initial, i64At(columns.min, 0)) : i64At(columns.min, 0),
    };
  }

  /** Value after row `row` (before the first event for -1). */
  async valueAt(spec: SeriesSpec, row: number): Promise<number> {
    if (row < 0 || this.rows === 0) return spec.initial;
    const columns = await this.kernels.curves.pixelColumns(
      await this.curve(spec),
      new Uint32Array([row, row + 1]),
    );
    return i64At(columns.last, 0);
  }

  /** `offsets`: ascending row offsets, one more than there are columns. */
  async columns(spec: SeriesSpec, offsets: Uint32Array): Promise<CurveColumns> {
    const count = offsets.length - 1;
    const answer: CurveColumns = {
      first: new Float64Array(count),
      min: new Float64Array(count),
      max: new Float64Array(count),
      last: new Float64Array(count),
    };
    // One column more in front, of the row before: one question to the GPU brings what is carried in, too.
    const asked = new Uint32Array(offsets.length + 1);
    asked.set(offsets, 1);
    asked[0] = Math.max(offsets[0] - 1, 0);
    const columns: PixelColumns | null =
      this.rows === 0 ? null : await this.kernels.curves.pixelColumns(await this.curve(spec), asked);
    let carry = columns === null || offsets[0] === 0 ? spec.initial : i64At(columns.last, 0);
    for (let i = 0; i < count; i++) {
      if (columns === null || offsets[i] === offsets[i + 1]) {
        answer.first[i] = answer.min[i] = answer.max[i] = answer.last[i] = carry;
        continue;
      }
      answer.first[i] = i64At(columns.first, i + 1);
      answer.min[i] = i64At(columns.min, i + 1);
      answer.max[i] = i64At(columns.max, i + 1);
      carry = answer.last[i] = i64At(columns.last, i + 1);
    }
    return answer;
  }

  async histogram(from: number, to: number): Promise<StreamHistogram> {
    this.sizes ??= this.kernels.histogram.upload(this.trace.events.size);
    this.keys ??= this.kernels.histogram.upload(this.histogramKeys());
    return this.kernels.histogram.histogram(
      await this.sizes,
      await this.keys,
      from,
      to,
      this.trace.streams.length,
    );
  }

  sizeAt(row: number): number {
    return u64At(this.trace.events.size, row);
  }

  /** Releases what is resident. The kernels belong to the engine. */
  async close(): Promise<void> {
    const all = [...this.curves.values(), ...[this.sizes, this.keys].filter((resident) => resident !== null)];
    this.curves.clear();
    this.sizes = this.keys = null;
    for (const resident of all) (await resident.catch(() => null))?.release();
  }
}
