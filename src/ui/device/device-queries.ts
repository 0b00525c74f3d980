/** What one device view asks the engine. Errors come back as data; the newest question wins. */
import type { TraceErrorData } from '../../base/trace-error.ts';
import { toErrorData } from '../../base/trace-error.ts';
import type { Result } from '../../base/result.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { Axis, DeviceView, Evidence, HolderRow, MomentAnswer } from '../../engine/protocol.ts';
import { wholeOf } from '../../view/device/device-state.ts';
import { kernelDetail } from '../../view/device/kernel-track.ts';
import { stackFrames } from '../../view/parts/stack.ts';
import type { Span } from '../../view/parts/viewport.ts';
import { sameSpan } from '../../view/parts/viewport.ts';
import { Latest } from '../parts/latest.ts';
import type { Detail } from './vs-detail.ts';

/** Questions whose newest one alone is answered: methods of the engine, told to the handler of the same name. */
const NEWEST = ['timeline', 'range', 'kernels', 'ledgerColumns'] as const;
type Newest = (typeof NEWEST)[number];
type QueryOf<Name extends Newest> = Parameters<EngineApi[Name]>[0];
type AnswerOf<Name extends Newest> =
  Awaited<ReturnType<EngineApi[Name]>> extends Result<infer Answer, TraceErrorData> ? Answer : never;
export type DeviceAnswers = { readonly [Name in Newest]: (answer: AnswerOf<Name>) => void } & {
  detail(detail: Detail): void;
  failed(error: TraceErrorData): void;
};

/** One of them, whatever it is of: its name says what goes in and out. */
type Asked = Latest<unknown, Result<unknown, TraceErrorData>>;

export class DeviceQueries {
  private readonly newest: Readonly<Record<Newest, Asked>>;
  /** Only the newest click is answered. */
  private clicks = 0;
  private readonly api: () => Promise<EngineApi>;
  private readonly device: string;
  private readonly answers: DeviceAnswers;

  constructor(api: () => Promise<EngineApi>, device: string, answers: DeviceAnswers) {
    this.api = api;
    this.device = device;
    this.answers = answers;
    const question = (name: Newest): Asked =>
      new Latest<unknown, Result<unknown, TraceErrorData>>(
        async (query) => ((await api())[name] as (query: unknown) => ReturnType<EngineApi[Newest]>)(query),
        (result) =>
          result.ok
            ? (answers[name] as (answer: unknown) => void)(result.value)
            : answers.failed(result.error),
        (error) => answers.failed(toErrorData(error, null)),
      );
    this.newest = Object.fromEntries(NEWEST.map((name) => [name, question(name)])) as Record<Newest, Asked>;
  }

  /** Asked once a frame at most. */
  ask<Name extends Newest>(name: Name, query: Omit<QueryOf<Name>, 'device'>): void {
    this.newest[name].want({ ...query, device: this.device });
  }

  /** Answers under way belong to another axis. */
  forget(): void {
    for (const name of NEWEST) this.newest[name].reset();
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

  /** A stack by its node. */
  async stackOf(node: number): Promise<void> {
    const click = ++this.clicks;
    try {
      const result = await (await this.api()).frames(this.device, node);
      if (click !== this.clicks) return;
      if (!result.ok) return this.answers.failed(result.error);
      this.answers.detail({ kind: 'stack', words: '', frames: stackFrames(result.value), moment: null });
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
