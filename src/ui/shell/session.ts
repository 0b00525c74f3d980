/**
 * What is open: sources, files being read, the engine. Plain state that changes by replacement; listeners
 * draw it. Holds no view state.
 */
import type { Result } from '../../base/result.ts';
import { type TraceErrorData, toErrorData } from '../../base/trace-error.ts';
import type { Analysis } from '../../engine/document/analysis.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type {
  EngineStatus,
  GpuMode,
  Progress,
  SourceView,
  LedgerView,
  PinsView,
} from '../../engine/protocol.ts';
import { DiagnosisRun } from '../diagnosis/diagnosis-run.ts';
import { Activity } from '../parts/activity.ts';
import type { Chosen } from './dropped-files.ts';

export interface Job {
  readonly id: number;
  readonly file: string;
  readonly progress: Progress;
  readonly cancelling: boolean;
}

export interface EngineHandle {
  readonly api: EngineApi;
  dispose(): void;
}

/** One thing to read: a file, or the files of a folder. */
interface Input {
  readonly name: string;
  readonly bytes: number;
  read(api: EngineApi, job: number, onProgress: (progress: Progress) => void): Promise<readonly SourceView[]>;
}

const fileInput = (file: File): Input => ({
  name: file.name,
  bytes: file.size,
  read: (api, job, onProgress) => api.open(job, file, onProgress),
});

const folderInput = ({ name, files }: Chosen['folders'][number]): Input => ({
  name,
  bytes: files.reduce((sum, { file }) => sum + file.size, 0),
  read: (api, job, onProgress) => api.openFolder(job, name, files, onProgress),
});

/** Read side by side; more wait their turn, so that the first of a hundred files is soon there. */
const MOST_AT_ONCE = 3;

/** A source that the engine never saw: it could not even be asked. */
function failedSource(id: number, { name, bytes }: Input, error: unknown): SourceView {
  return {
    id,
    file: name,
    format: null,
    formatTitle: '',
    producer: '',
    bytes,
    rows: 0,
    skipped: 0,
    warnings: [],
    notRecorded: [],
    settings: [],
    error: toErrorData(error, name),
    milliseconds: 0,
    devices: [],
    summaries: [],
  };
}

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
  private analysisPromise!: Promise<Analysis>;
  private readonly engine: Promise<EngineHandle>;
  private readonly changed: () => void;
  private readonly ready: (analysis: Analysis) => void;

  constructor(
    start: () => Promise<EngineHandle>,
    gpu: GpuMode,
    changed: () => void,
    ready: (analysis: Analysis) => void,
  ) {
    this.changed = changed;
    this.ready = ready;
    this.diagnosis = new DiagnosisRun(() => this.api(), changed);
    this.renewAnalysis();
    const started = start().then((handle) => ({ ...handle, api: this.activity.watch(handle.api) }));
    this.engine = this.activity.during(started);
    this.engine.then(
      async ({ api }) => {
        this.status = await api.status();
        this.changed();
      },
      (error: unknown) => {
        this.status = { gpu: 'absent', adapter: `The engine did not start: ${String(error)}`, mode: gpu };
        this.changed();
      },
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

  /** Number of work that is cancelled by it, other than reading. */
  newJob(): number {
    return this.nextJob++;
  }

  cancel(job: number): void {
    this.jobs = this.jobs.map((item) => (item.id === job ? { ...item, cancelling: true } : item));
    this.changed();
    this.waiting.find((one) => one.job === job)?.go();
    void this.api().then((api) => api.cancel(job));
  }

  close(source: number): void {
    this.sources = this.sources.filter(({ id }) => id !== source);
    this.jobOf.delete(source);
    this.changed();
    if (source >= 0) void this.api().then((api) => api.close(source));
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
    this.jobs = [...this.jobs, { id: job, file: name, progress: first, cancelling: false }];
    this.changed();
    await this.turn(job);
    const unread = this.jobs.some(({ id, cancelling }) => id === job && cancelling);
    let opened: readonly SourceView[];
    try {
      opened = unread
        ? []
        : await input.read(await this.api(), job, (progress) => {
            this.jobs = this.jobs.map((item) => (item.id === job ? { ...item, progress } : item));
            this.changed();
          });
    } catch (error) {
      opened = [failedSource(this.nextFailed--, input, error)];
    }
    this.running--;
    // A cancelled one had its turn beside the others: nobody takes its place.
    if (this.running < MOST_AT_ONCE) this.waiting[0]?.go();
    this.jobs = this.jobs.filter(({ id }) => id !== job);
    if (unread || opened.some(({ error }) => error?.code === 'cancelled')) {
      this.notice = `Reading ${name} was cancelled.`;
      this.changed();
      for (const { id } of opened) if (id >= 0) void this.api().then((api) => api.close(id));
      return [];
    }
    for (const { id } of opened) this.jobOf.set(id, job);
    this.sources = [...this.sources, ...opened].sort((a, b) => this.place(a) - this.place(b));
    this.changed();
    return opened;
  }

  /** Files keep the order in which they were given, whichever of them was read first. */
  private place({ id }: SourceView): number {
    return this.jobOf.get(id) ?? 0;
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
      this.say(`The analysis failed: ${String(error)}`);
    }
  }
}
