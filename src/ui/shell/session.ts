/**
 * What is open: sources, files being read, the engine. Plain state that changes by replacement; listeners
 * draw it. Holds no view state. Long because what is fetched, read, open and lost with an engine is one state.
 */
import { fitsInBrowser } from '../../base/memory-need.ts';
import type { Result } from '../../base/result.ts';
import { TraceError, type TraceErrorData, toErrorData } from '../../base/trace-error.ts';
import { list } from '../../base/words.ts';
import type { Analysis } from '../../engine/document/analysis.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type {
  EngineStatus,
  GpuMode,
  Preview,
  Progress,
  SourceView,
  LedgerView,
  PinsView,
} from '../../engine/protocol.ts';
import { DiagnosisRun } from '../diagnosis/diagnosis-run.ts';
import { Activity } from '../parts/activity.ts';
import type { Chosen } from './dropped-files.ts';
import { visibleAnswers } from './visible-answers.ts';
import { failedSource, fileInput, folderInput, type Input } from './input.ts';

export interface Job {
  readonly id: number;
  readonly file: string;
  readonly progress: Progress;
  readonly cancelling: boolean;
  /** false: it waits for its turn. */
  readonly reading: boolean;
  /** First pictures of its devices, as soon as they are there. */
  readonly previews: readonly Preview[];
}

export interface EngineHandle {
  readonly api: EngineApi;
  /** Resolves once the engine has ended by itself; absent for one that cannot. */
  readonly lost?: Promise<TraceError>;
  dispose(): void;
}

/** What an engine is started with: the number of its first source, and whom it tells that it is silent. */
export interface EngineStart {
  readonly firstId: number;
  readonly silent: (seconds: number) => void;
}

/** Read side by side; more wait their turn, so that the first of a hundred files is soon there. */
const MOST_AT_ONCE = 3;

/** Memory of the machine as far as the browser tells it, in GiB. */
const deviceGib = (): number | undefined =>
  typeof navigator === 'undefined'
    ? undefined
    : (navigator as { readonly deviceMemory?: number }).deviceMemory;

export class Session {
  sources: readonly SourceView[] = [];
  jobs: readonly Job[] = [];
  status: EngineStatus | null = null;
  /** A sentence about what just happened, for the status line; "" says nothing. */
  notice = '';
  /** What is open, diagnosed. */
  readonly diagnosis: DiagnosisRun;
  /** Everything under way, the engine's start included. */
  readonly activity = new Activity();

  private nextJob = 1;
  /** The job that read each source: jobs are numbered in the order in which files are given. */
  private readonly jobOf = new Map<number, number>();
  private nextFailed = -1;
  private settled!: (analysis: Promise<Analysis>) => void;
  private pending = true;
  private running = 0;
  private readonly waiting: { readonly job: number; go(): void }[] = [];
  /** What is being fetched, by job. */
  private readonly fetching = new Map<number, AbortController>();
  private analysisPromise!: Promise<Analysis>;
  private engine!: Promise<EngineHandle>;
  /** What ended the engine; the next file starts another. */
  private ended: TraceError | null = null;
  /** The same, kept when another engine has begun. */
  private lastEnd: TraceError | null = null;
  /** Names of the files that were being read when it ended. */
  private endedWhile: readonly string[] = [];
  /** Above every number of a source so far. */
  private firstId = 1;
  /** What was read for each source that is shown. */
  private readonly inputs = new Map<number, Input>();
  private readonly changed: () => void;
  private readonly ready: (analysis: Analysis) => void;

  constructor(
    private readonly start: (how: EngineStart) => Promise<EngineHandle>,
    private readonly gpu: GpuMode,
    changed: () => void,
    ready: (analysis: Analysis) => void,
  ) {
    this.changed = changed;
    this.ready = ready;
    this.diagnosis = new DiagnosisRun(() => this.api(), changed);
    this.renewAnalysis();
    this.begin();
  }

  private begin(): void {
    this.ended = null;
    this.endedWhile = [];
    const silent = (seconds: number): void =>
      this.say(
        `The engine has said nothing for ${seconds} s: it is at work on something long, or it has ended, which this browser does not tell here. If nothing changes, reload the page.`,
      );
    const started = this.start({ firstId: this.firstId, silent }).then((handle) => ({
      ...handle,
      api: this.activity.watch(visibleAnswers(handle.api)),
    }));
    this.engine = this.activity.during(started);
    this.engine.then(
      async ({ api, lost }) => {
        void lost?.then((error) => this.engineEnded(error));
        try {
          this.status = await api.status();
        } catch {
          // It ended: that is told by `lost`.
        }
        this.changed();
      },
      (error: unknown) => {
        const adapter = `The engine did not start: ${toErrorData(error, null).message}`;
        this.status = { gpu: 'absent', adapter, mode: this.gpu };
        this.changed();
      },
    );
  }

  /**
   * What is drawn stays, and says that nothing more can be asked of it. Who waits for an answer hears of the end before
   * `lost` does: the first to call names what was being read.
   */
  private engineEnded(error: TraceError): void {
    if (error === this.lastEnd) return;
    this.ended = this.lastEnd = error;
    this.endedWhile = this.jobs.filter(({ reading }) => reading).map(({ file }) => file);
    this.firstId = Math.max(this.firstId, ...this.sources.map(({ id }) => id + 1));
    const message = `${this.endWords()} What is shown of this file stays, and nothing more can be asked of it.`;
    this.sources = this.sources.map((source) =>
      source.id < 0 || source.error?.code === 'ended'
        ? source
        : { ...source, error: { ...error.toData(source.file), message, advice: 'Open the file again.' } },
    );
    this.say(this.endWords());
  }

  /** "The engine ... ended: WHY. It was reading a.pickle." */
  private endWords(): string {
    if (this.ended === null) return '';
    const { message } = this.ended;
    return this.endedWhile.length === 0 ? message : `${message} It was reading ${list(this.endedWhile)}.`;
  }

  /** The engine, or a new one where it has ended. */
  private async living(): Promise<EngineApi> {
    if (this.ended !== null) this.begin();
    return await this.api();
  }

  /** Files that hold something, and files being read. */
  get openFiles(): number {
    return (
      new Set(this.sources.filter(({ format }) => format !== null).map(({ file }) => file)).size +
      this.jobs.length
    );
  }

  /** Resolves when everything opened so far has been read; until a file is opened it waits. */
  get analysis(): Promise<Analysis> {
    return this.analysisPromise;
  }

  /** Where every byte of a device is just after a row; null where that is not known. */
  ledger(device: string, row: number): Promise<LedgerView | null> {
    return this.orNull((api) => api.ledger(device, row));
  }

  /** Who keeps free memory of a device from going back just after a row; null where that is not known. */
  pins(device: string, row: number): Promise<PinsView | null> {
    return this.orNull((api) => api.pins(device, row));
  }

  /** null also for an answer that failed, which is said. */
  private async orNull<T>(
    ask: (api: EngineApi) => Promise<Result<T | null, TraceErrorData>>,
  ): Promise<T | null> {
    try {
      const answer = await ask(await this.api());
      if (answer.ok) return answer.value;
      this.say(answer.error.message);
    } catch (thrown) {
      this.say(toErrorData(thrown, null).message);
    }
    return null;
  }

  async api(): Promise<EngineApi> {
    return (await this.engine).api;
  }

  /** Hands files to the engine; resolves with what became of each, the cancelled ones left out. */
  async open(files: readonly File[], folders: Chosen['folders'] = []): Promise<SourceView[]> {
    const inputs = [...files.map(fileInput), ...folders.map(folderInput)];
    if (inputs.length === 0) return [];
    return this.activity.during(this.openAll(inputs));
  }

  private async openAll(inputs: readonly Input[]): Promise<SourceView[]> {
    if (!this.pending) this.renewAnalysis();
    this.notice = '';
    const opened = await Promise.all(inputs.map((input) => this.read(input)));
    await this.settle();
    return opened.flat();
  }

  /**
   * Gets what has to be fetched before it can be opened: a job like any other, with its progress and a way to stop. `load` is
   * told by its signal that it was cancelled; resolves with null where it was. Rejects as `load` does.
   */
  async obtain(
    name: string,
    load: (onBytes: (done: number, total: number) => void, signal: AbortSignal) => Promise<File>,
  ): Promise<File | null> {
    const job = this.nextJob++;
    const stop = new AbortController();
    const at = (doneBytes: number, totalBytes: number): Progress => ({
      job,
      file: name,
      stage: 'fetching',
      doneBytes,
      totalBytes,
    });
    this.jobs = [
      ...this.jobs,
      { id: job, file: name, progress: at(0, 0), cancelling: false, reading: false, previews: [] },
    ];
    this.fetching.set(job, stop);
    this.changed();
    try {
      return await load(
        (done, total) => this.changeJob(job, () => ({ progress: at(done, total) })),
        stop.signal,
      );
    } catch (thrown) {
      if (!stop.signal.aborted) throw thrown;
      this.notice = `Fetching ${name} was cancelled.`;
      return null;
    } finally {
      this.fetching.delete(job);
      this.jobs = this.jobs.filter(({ id }) => id !== job);
      this.changed();
    }
  }

  /** What was read, in the order in which it was given, with the sources that came of it. */
  opened(): readonly { readonly input: Input; readonly sources: readonly SourceView[] }[] {
    return [...new Set(this.sources.map(({ id }) => this.inputs.get(id)))].flatMap((input) =>
      input === undefined
        ? []
        : [{ input, sources: this.sources.filter(({ id }) => this.inputs.get(id) === input) }],
    );
  }

  /** Number of work that is cancelled by it, other than reading. */
  newJob(): number {
    return this.nextJob++;
  }

  cancel(job: number): void {
    this.changeJob(job, () => ({ cancelling: true }));
    this.waiting.find((one) => one.job === job)?.go();
    const fetching = this.fetching.get(job);
    if (fetching !== undefined) fetching.abort();
    else void this.tell((api) => api.cancel(job));
  }

  /** Reads the file of a source once more, in its place: the engine that held it is gone. */
  async reopen(source: number): Promise<void> {
    const input = this.inputs.get(source);
    if (input === undefined) return;
    for (const { id } of this.sources) if (this.inputs.get(id) === input) this.close(id);
    await this.activity.during(this.openAll([input]));
  }

  /** Asks without an answer; an engine that has ended need not be told. */
  private async tell(ask: (api: EngineApi) => Promise<unknown>): Promise<void> {
    try {
      await ask(await this.api());
    } catch {
      // It is gone, and so is what it was to forget.
    }
  }

  close(source: number): void {
    this.sources = this.sources.filter(({ id }) => id !== source);
    this.jobOf.delete(source);
    this.changed();
    this.inputs.delete(source);
    if (source >= 0) void this.tell((api) => api.close(source));
    if (this.sources.length === 0) this.diagnosis.reset();
    else if (!this.pending) this.diagnosis.ask();
  }

  async refreshStatus(): Promise<void> {
    this.status = await (await this.api()).status();
    this.changed();
  }

  say(notice: string): void {
    this.notice = notice;
    this.changed();
  }

  async dispose(): Promise<void> {
    this.activity.end();
    (await this.engine).dispose();
  }

  private async read(input: Input): Promise<readonly SourceView[]> {
    const job = this.nextJob++;
    const { name, bytes } = input;
    const first: Progress = { job, file: name, stage: 'waiting', doneBytes: 0, totalBytes: bytes };
    this.jobs = [
      ...this.jobs,
      { id: job, file: name, progress: first, cancelling: false, reading: false, previews: [] },
    ];
    this.changed();
    await this.turn(job);
    const unread = this.jobs.some(({ id, cancelling }) => id === job && cancelling);
    const tight = unread ? null : fitsInBrowser(await input.need(), deviceGib());
    if (tight !== null) this.say(`${name}: ${tight}`);
    let opened: readonly SourceView[];
    try {
      const api = unread ? null : await this.living();
      this.changeJob(job, () => ({ reading: true }));
      opened =
        api === null
          ? []
          : await input.read(api, job, (progress) => {
              this.changeJob(job, ({ previews }) => ({
                progress,
                previews: [...previews, ...(progress.preview === undefined ? [] : [progress.preview])],
              }));
            });
    } catch (error) {
      opened = [failedSource(this.nextFailed--, input, this.readError(error, name))];
    }
    this.running--;
    // A cancelled one had its turn beside the others: nobody takes its place.
    if (this.running < MOST_AT_ONCE) this.waiting[0]?.go();
    this.jobs = this.jobs.filter(({ id }) => id !== job);
    if (unread || opened.some(({ error }) => error?.code === 'cancelled')) {
      this.notice = `Reading ${name} was cancelled.`;
      this.changed();
      for (const { id } of opened) if (id >= 0) void this.tell((api) => api.close(id));
      return [];
    }
    for (const { id } of opened) {
      this.jobOf.set(id, job);
      this.inputs.set(id, input);
    }
    this.sources = [...this.sources, ...opened].sort((a, b) => this.place(a) - this.place(b));
    this.changed();
    return opened;
  }

  private changeJob(job: number, change: (item: Job) => Partial<Job>): void {
    this.jobs = this.jobs.map((item) => (item.id === job ? { ...item, ...change(item) } : item));
    this.changed();
  }

  /** Files keep the order in which they were given, whichever of them was read first. */
  private place({ id }: SourceView): number {
    return this.jobOf.get(id) ?? 0;
  }

  /** Why a file could not even be asked for. */
  private readError(thrown: unknown, name: string): TraceErrorData {
    const error = toErrorData(thrown, name);
    if (error.code !== 'ended') return error;
    if (thrown instanceof TraceError) this.engineEnded(thrown);
    return { ...error, message: this.endWords() };
  }

  /** Resolves when it is this job's turn, or when there is nothing left to wait for because it was cancelled. */
  private async turn(job: number): Promise<void> {
    if (this.running >= MOST_AT_ONCE) {
      await new Promise<void>((resolve) => {
        const one = {
          job,
          go: (): void => {
            this.waiting.splice(this.waiting.indexOf(one), 1);
            this.running++;
            resolve();
          },
        };
        this.waiting.push(one);
      });
    } else this.running++;
  }

  private renewAnalysis(): void {
    this.pending = true;
    this.analysisPromise = new Promise((resolve) => (this.settled = resolve));
    // Nobody may be waiting for it: an engine that fails is told by the status line instead.
    this.analysisPromise.catch(() => undefined);
  }

  private async settle(): Promise<void> {
    if (this.jobs.length > 0 || !this.pending) return;
    this.pending = false;
    const analysis = this.api().then((api) => api.analysis());
    this.settled(analysis);
    if (this.sources.length > 0) this.diagnosis.ask();
    try {
      this.ready(await analysis);
      await this.refreshStatus();
    } catch (error) {
      if (this.ended === null) this.say(`The analysis failed: ${toErrorData(error, null).message}`);
    }
  }
}
