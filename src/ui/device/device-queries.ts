/** What one device view asks the engine. Errors come back as data; the newest question wins. */
import type { TraceErrorData } from '../../base/trace-error.ts';
import { toErrorData } from '../../base/trace-error.ts';
import type { Result } from '../../base/result.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type {
  Axis,
  DeviceView,
  Evidence,
  HolderRow,
  KernelsAnswer,
  KernelsQuery,
  LedgerColumns,
  LedgerColumnsQuery,
  MomentAnswer,
  PinsView,
  RangeAnswer,
  RangeQuery,
  TimelineAnswer,
  TimelineQuery,
} from '../../engine/protocol.ts';
import { wholeOf } from '../../view/device/device-state.ts';
import { kernelDetail } from '../../view/device/kernel-track.ts';
import { stackFrames } from '../../view/parts/stack.ts';
import type { Span } from '../../view/parts/viewport.ts';
import { sameSpan } from '../../view/parts/viewport.ts';
import { Latest } from '../parts/latest.ts';
import type { Detail } from './vs-detail.ts';

export interface DeviceAnswers {
  timeline(answer: TimelineAnswer): void;
  range(answer: RangeAnswer): void;
  kernels(answer: KernelsAnswer): void;
  ledgerColumns(answer: LedgerColumns): void;
  detail(detail: Detail): void;
  failed(error: TraceErrorData): void;
}

type Asked<T> = Promise<Result<T, TraceErrorData>>;

export class DeviceQueries {
  private readonly timelines: Latest<TimelineQuery, Result<TimelineAnswer, TraceErrorData>>;
  private readonly ranges: Latest<RangeQuery, Result<RangeAnswer, TraceErrorData>>;
  private readonly kernelTracks: Latest<KernelsQuery, Result<KernelsAnswer, TraceErrorData>>;
  private readonly ledgers: Latest<LedgerColumnsQuery, Result<LedgerColumns, TraceErrorData>>;
  /** Only the newest click is answered. */
  private clicks = 0;
  private readonly api: () => Promise<EngineApi>;
  private readonly device: string;
  private readonly answers: DeviceAnswers;

  constructor(api: () => Promise<EngineApi>, device: string, answers: DeviceAnswers) {
    this.api = api;
    this.device = device;
    this.answers = answers;
    const failed = (error: unknown): void => this.answers.failed(toErrorData(error, null));
    this.timelines = new Latest(
      async (query): Asked<TimelineAnswer> => (await api()).timeline(query),
      (result) => (result.ok ? answers.timeline(result.value) : answers.failed(result.error)),
      failed,
    );
    this.ranges = new Latest(
      async (query): Asked<RangeAnswer> => (await api()).range(query),
      (result) => (result.ok ? answers.range(result.value) : answers.failed(result.error)),
      failed,
    );
    this.kernelTracks = new Latest(
      async (query): Asked<KernelsAnswer> => (await api()).kernels(query),
      (result) => (result.ok ? answers.kernels(result.value) : answers.failed(result.error)),
      failed,
    );
    this.ledgers = new Latest(
      async (query): Asked<LedgerColumns> => (await api()).ledgerColumns(query),
      (result) => (result.ok ? answers.ledgerColumns(result.value) : answers.failed(result.error)),
      failed,
    );
  }

  timeline(query: Omit<TimelineQuery, 'device'>): void {
    this.timelines.want({ ...query, device: this.device });
  }

  range(query: Omit<RangeQuery, 'device'>): void {
    this.ranges.want({ ...query, device: this.device });
  }

  kernels(query: Omit<KernelsQuery, 'device'>): void {
    this.kernelTracks.want({ ...query, device: this.device });
  }

  ledgerColumns(query: Omit<LedgerColumnsQuery, 'device'>): void {
    this.ledgers.want({ ...query, device: this.device });
  }

  /** Answers under way belong to another axis. */
  forget(): void {
    this.timelines.reset();
    this.ranges.reset();
    this.kernelTracks.reset();
    this.ledgers.reset();
  }

  async moment(axis: Axis, x: number): Promise<void> {
    const click = ++this.clicks;
    const moment = await this.askMoment(axis, x);
    if (moment !== null && click === this.clicks) this.answers.detail({ kind: 'moment', moment });
  }

  async holder(holder: HolderRow): Promise<void> {
    const click = ++this.clicks;
    if (holder.stack === null) return this.answers.detail({ kind: 'holder', holder, frames: [] });
    try {
      const result = await (await this.api()).frames(this.device, holder.stack);
      if (click !== this.clicks) return;
      if (!result.ok) return this.answers.failed(result.error);
      this.answers.detail({ kind: 'holder', holder, frames: stackFrames(result.value) });
    } catch (error) {
      this.answers.failed(toErrorData(error, null));
    }
  }

  /** The stack that a finding names, else its event; nothing where it has neither. */
  async evidence({ text, row, stack }: Evidence): Promise<void> {
    const click = ++this.clicks;
    const moment = row === null ? null : await this.askMoment('event', row);
    if (click !== this.clicks) return;
    if (stack === null) {
      if (moment !== null) this.answers.detail({ kind: 'moment', moment });
      return;
    }
    try {
      const result = await (await this.api()).frames(this.device, stack);
      if (click !== this.clicks) return;
      if (!result.ok) return this.answers.failed(result.error);
      this.answers.detail({ kind: 'stack', words: text, frames: stackFrames(result.value), moment });
    } catch (error) {
      this.answers.failed(toErrorData(error, null));
    }
  }

  /** First and last row as a stretch of an axis. */
  async window(rows: Evidence['rows'], device: DeviceView, axis: Axis): Promise<Span | null> {
    if (rows === null) return null;
    const span = { from: rows[0], to: rows[1] + 1 };
    if (axis === 'event') return span;
    return await this.convert(span, 'event', wholeOf(device, 'event'), axis, wholeOf(device, axis));
  }

  /** Who keeps free memory from going back just after a row; null: not known. */
  async pins(row: number): Promise<PinsView | null> {
    try {
      const result = await (await this.api()).pins(this.device, row);
      if (result.ok) return result.value;
      this.answers.failed(result.error);
    } catch (error) {
      this.answers.failed(toErrorData(error, null));
    }
    return null;
  }

  /** What ran in a stretch of time. */
  async kernelDetail({ from, to }: Span): Promise<void> {
    const click = ++this.clicks;
    try {
      const result = await (await this.api()).kernels({ device: this.device, from, to, columns: 1 });
      if (click !== this.clicks) return;
      if (!result.ok) return this.answers.failed(result.error);
      const detail = kernelDetail(result.value);
      if (detail !== null) this.answers.detail({ kind: 'facts', ...detail });
    } catch (error) {
      this.answers.failed(toErrorData(error, null));
    }
  }

  /** The same stretch on the other axis; ends that are the recording's own stay so. */
  async convert(span: Span, axis: Axis, whole: Span, target: Axis, targetWhole: Span): Promise<Span> {
    if (sameSpan(span, whole)) return targetWhole;
    const place = async (x: number): Promise<number> => {
      // A moment is the last event at or before x; a range begins with the first one that is not before it.
      const moment = await this.askMoment(axis, target === 'event' ? Math.ceil(x) - 1 : Math.floor(x));
      if (moment === null) return targetWhole.from;
      if (target === 'time') return moment.xNs;
      return moment.xNs < x ? moment.row + 1 : moment.row;
    };
    const from = span.from <= whole.from ? targetWhole.from : await place(span.from);
    const to = span.to >= whole.to ? targetWhole.to : await place(span.to);
    return { from, to: Math.max(from + 1, to) };
  }

  private async askMoment(axis: Axis, x: number): Promise<MomentAnswer | null> {
    try {
      const result = await (await this.api()).moment(this.device, axis, x);
      if (result.ok) return result.value;
      this.answers.failed(result.error);
    } catch (error) {
      this.answers.failed(toErrorData(error, null));
    }
    return null;
  }
}
