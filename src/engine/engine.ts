/**
 * The engine: files in, answers out. It runs in the page's worker and, headless, under the command line. Holds
 * every open file's tables and, where there is one, the GPU device.
 */
import { breathe } from '../base/breathe.ts';
import { type TraceErrorData, TraceError, toErrorData } from '../base/trace-error.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { BlobSource } from '../file/blob-source.ts';
import type { ByteSource } from '../file/byte-source.ts';
import { NO_DEVICE_SIDE } from '../analyze/ledger/non-torch-near.ts';
import { createCpuKernels } from '../kernel/cpu-kernels.ts';
import type { Kernels } from '../kernel/kernels.ts';
import { openGpu } from '../kernel/device.ts';
import type { Frame } from '../trace/stack-table.ts';
import { vllmMemoryAccounts } from '../analyze/server/vllm-memory-words.ts';
import type { Analysis } from './analysis.ts';
import { analysisOf } from './analysis-object.ts';
import { momentAt, rangeOf, timeline } from './answers.ts';
import { diagnose } from './diagnose-sources.ts';
import type { Diagnosis, LedgerView, PinsView } from './diagnosis.ts';
import type { ClocksAnswer, ServerGiven } from './server-diagnosis.ts';
import { ledgerColumns } from './ledger-columns.ts';
import { ledgerView } from './ledger-view.ts';
import { DeviceSession } from './device-session.ts';
import { type DeviceSideAt, deviceSideOf } from './device-side.ts';
import { deviceView } from './device-view.ts';
import { chooseKernels } from './kernel-choice.ts';
import type { OneClock } from './clock-desk.ts';
import { clockOf } from './clock-units.ts';
import { kernelsIn } from './kernel-answers.ts';
import { type LoadedSource, loadFile, loadFolder, type LoadOptions } from './load-source.ts';
import type {
  Axis,
  DeviceView,
  EngineStatus,
  GpuMode,
  KernelsAnswer,
  KernelsQuery,
  LedgerColumns,
  LedgerColumnsQuery,
  MomentAnswer,
  Progress,
  RangeAnswer,
  RangeQuery,
  SourceView,
  TimelineAnswer,
  TimelineQuery,
} from './protocol.ts';
import type { OpenSource } from './open-source.ts';
import { pinsView } from './pins-view.ts';
import { ReplayDesk } from './replay-desk.ts';
import { ServerDesk } from './server-desk.ts';
import type { TableQuery, TablesQuery, TableView } from './table-query.ts';
import { gathered, tableViews, writeTable } from './tables.ts';

/** Files came or went while a diagnosis was under way. */
class Superseded extends Error {}

export class Engine {
  private readonly cpu = createCpuKernels();
  private gpu: Kernels | null = null;
  private state: EngineStatus = { gpu: 'absent', adapter: 'WebGPU was not asked for', mode: 'off' };
  private readonly sources = new Map<number, OpenSource>();
  private readonly cancelled = new Set<number>();
  private lastDiagnosis: Promise<Diagnosis> | null = null;
  private lastClock: OneClock | null = null;
  /** What is known of each device by its key: every ledger asked for rests on the same samples. */
  private readonly sides = new Map<string, DeviceSideAt>();
  /** Counts the times at which answers about all files became old. */
  private round = 0;
  private nextId = 1;
  private readonly servers = new ServerDesk();
  /** Questions about the allocator replayed. */
  readonly replays = new ReplayDesk({
    session: (device) => {
      for (const { loaded, sessions } of this.sources.values()) {
        const session = sessions.find(({ key }) => key === device);
        if (session !== undefined) return { session, file: loaded.file };
      }
      return null;
    },
    isCancelled: (job) => this.cancelled.has(job),
    forget: (job) => this.cancelled.delete(job),
  });

  async start({ gpu: mode }: { readonly gpu: GpuMode }): Promise<EngineStatus> {
    if (mode === 'off') {
      this.state = { gpu: 'off', adapter: 'switched off (?gpu=off)', mode };
      return this.state;
    }
    const opened = await openGpu();
    if ('reason' in opened) {
      this.state = { gpu: 'absent', adapter: opened.reason, mode };
      return this.state;
    }
    this.gpu = opened.kernels;
    this.state = { gpu: opened.software ? 'software' : 'ready', adapter: opened.adapter, mode };
    void opened.lost.then((why) => {
      this.gpu = null;
      this.state = { gpu: 'lost', adapter: `the GPU was lost: ${why}`, mode };
    });
    return this.state;
  }

  status(): Promise<EngineStatus> {
    return Promise.resolve(this.state);
  }

  /** Long work under this number ends at its next step. */
  cancel(job: number): Promise<void> {
    this.cancelled.add(job);
    return Promise.resolve();
  }

  /**
   * Reads one file. Most hold one source; a log of several kinds of lines or an archive holds more. A source comes
   * back even where reading failed: its `error` says why, the rest is what could be read.
   */
  open(
    job: number,
    file: File | ByteSource,
    onProgress: (progress: Progress) => void,
  ): Promise<readonly SourceView[]> {
    const source = file instanceof Blob ? new BlobSource(file, file.name) : file;
    return this.adopt(job, source.name, onProgress, (options) => loadFile(source, options));
  }

  /**
   * Reads the files of one folder: one source where they belong together (Nsight's arrowdir and parquetdir), else
   * each by itself. File names are paths inside the folder.
   */
  openFolder(
    job: number,
    name: string,
    files: readonly (ByteSource | { readonly path: string; readonly file: File })[],
    onProgress: (progress: Progress) => void,
  ): Promise<readonly SourceView[]> {
    const sources = files.map((one) => ('file' in one ? new BlobSource(one.file, one.path) : one));
    return this.adopt(job, name, onProgress, (options) => loadFolder(name, sources, options));
  }

  /** Loads under a job's cancellation and progress, and makes sources of what came. */
  private async adopt(
    job: number,
    file: string,
    onProgress: (progress: Progress) => void,
    load: (options: LoadOptions) => Promise<readonly LoadedSource[]>,
  ): Promise<readonly SourceView[]> {
    let total = 0;
    const all = await load({
      isCancelled: () => this.cancelled.has(job),
      onProgress: (stage, doneBytes, totalBytes) => {
        total = totalBytes;
        onProgress({ job, file, stage, doneBytes, totalBytes });
      },
    });
    this.cancelled.delete(job);
    onProgress({ job, file, stage: 'aggregating', doneBytes: total, totalBytes: total });
    const views: SourceView[] = [];
    for (const loaded of all) views.push(await this.view(loaded));
    return views;
  }

  private async view(loaded: LoadedSource): Promise<SourceView> {
    const id = this.nextId++;
    const { data } = loaded;
    const sessions = data.devices.map((trace) => this.session(id, data, trace));
    const open: OpenSource = { id, loaded, sessions };
    this.sources.set(id, open);
    this.forgetAnswers();
    const devices: DeviceView[] = [];
    for (const [index, session] of sessions.entries())
      devices.push(await this.withFallback(open, index, session, deviceView));
    return {
      id,
      file: loaded.file,
      format: loaded.format,
      formatTitle: loaded.formatTitle,
      producer: data.producer,
      bytes: loaded.bytes,
      rows: data.rows,
      skipped: data.skipped,
      warnings: data.warnings,
      notRecorded: data.notRecorded,
      settings: data.settings,
      error: loaded.error,
      milliseconds: loaded.milliseconds,
      devices,
      summaries: data.summaries,
      ...(data.readings === undefined ? {} : { readings: data.readings }),
      ...(data.readings?.vllm_memory === undefined
        ? {}
        : { vllmMemory: vllmMemoryAccounts(data.readings.vllm_memory, data.readings.budgets) }),
    };
  }

  private session(
    id: number,
    data: OpenSource['loaded']['data'],
    trace: DeviceSession['trace'],
  ): DeviceSession {
    return new DeviceSession(
      id,
      data,
      trace,
      chooseKernels({ cpu: this.cpu, gpu: this.gpu, status: this.state }, trace.events.length),
    );
  }

  /** Asks on the session's kernels; where the GPU fails, once more on the CPU twin with the reason kept. */
  private async withFallback<T>(
    open: OpenSource,
    index: number,
    session: DeviceSession,
    ask: (session: DeviceSession) => Promise<T>,
  ): Promise<T> {
    try {
      return await ask(session);
    } catch (thrown) {
      if (session.chosen.kernels.name === 'cpu' || this.state.mode === 'on') throw thrown;
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      const again = new DeviceSession(session.sourceId, session.source, session.trace, {
        kernels: this.cpu,
        reason: `the GPU failed: ${why}`,
      });
      (open.sessions as DeviceSession[])[index] = again;
      return await ask(again);
    }
  }

  private async ask<T>(
    device: string,
    question: (session: DeviceSession) => Promise<T>,
  ): Promise<Result<T, TraceErrorData>> {
    for (const open of this.sources.values()) {
      const index = open.sessions.findIndex((session) => session.key === device);
      if (index < 0) continue;
      try {
        return ok(await this.withFallback(open, index, open.sessions[index], question));
      } catch (thrown) {
        return fail(toErrorData(thrown, open.loaded.file));
      }
    }
    return fail(new TraceError('internal', `no open file has a device "${device}"`).toData());
  }

  async close(sourceId: number): Promise<void> {
    const open = this.sources.get(sourceId);
    this.sources.delete(sourceId);
    this.servers.forget(sourceId);
    this.forgetAnswers();
    for (const session of open?.sessions ?? []) await session.aggregate.close();
  }

  timeline(query: TimelineQuery): Promise<Result<TimelineAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => timeline(session, query));
  }

  range(query: RangeQuery): Promise<Result<RangeAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => rangeOf(session, query));
  }

  /** Fails for a device without kernels (`DeviceView.kernels` is null). */
  kernels(query: KernelsQuery): Promise<Result<KernelsAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => Promise.resolve(kernelsIn(session.kernelTrack, query)));
  }

  moment(device: string, axis: Axis, x: number): Promise<Result<MomentAnswer, TraceErrorData>> {
    return this.ask(device, async (session) => {
      const answer = await momentAt(session, axis, x);
      if (answer === null) throw new TraceError('internal', 'this device has no events');
      return answer;
    });
  }

  frames(device: string, stack: number): Promise<Result<readonly Frame[], TraceErrorData>> {
    return this.ask(device, (session) => Promise.resolve(session.source.stacks.stack(stack)));
  }

  /** Where every byte is just after a row; null: the allocator was not replayed. */
  ledger(device: string, row: number): Promise<Result<LedgerView | null, TraceErrorData>> {
    return this.ask(device, (session) => {
      const facts = session.facts();
      const inside = row >= 0 && row < session.rows;
      return Promise.resolve(inside ? ledgerView(facts, row, this.sideOf(session)) : null);
    });
  }

  /** What the open files tell of a recording's device; the same until a file comes or goes or an offset is set. */
  private sideOf(session: DeviceSession): DeviceSideAt {
    const known = this.sides.get(session.key);
    if (known !== undefined) return known;
    const side = deviceSideOf({ session, facts: session.facts() }, [...this.sources.values()], this.clock());
    this.sides.set(session.key, side);
    return side;
  }

  /** Who keeps free memory from going back just after a row; null: the allocator was not replayed. */
  pins(device: string, row: number): Promise<Result<PinsView | null, TraceErrorData>> {
    return this.ask(device, (session) => {
      const report = row >= 0 && row < session.rows ? session.facts().pinsAfter(row) : null;
      return Promise.resolve(report === null ? null : pinsView(report, row, session.source.stacks));
    });
  }

  /** The ledger over time, sized by pixels. */
  ledgerColumns(query: LedgerColumnsQuery): Promise<Result<LedgerColumns, TraceErrorData>> {
    return this.ask(query.device, (session) => {
      // One recording alone: nothing tells of its device, and no clocks have to be found.
      const alone = this.sources.size === 1 && session.source.readings === undefined;
      const sideAt = alone ? () => NO_DEVICE_SIDE : this.sideOf(session);
      return Promise.resolve(ledgerColumns(session, query, sideAt));
    });
  }

  /**
   * Who holds memory, how far it grows, how it is given back: over all open files. Long work, in steps that let other
   * questions through.
   */
  async diagnosis(): Promise<Result<Diagnosis, TraceErrorData>> {
    try {
      return ok(await this.diagnosed());
    } catch (thrown) {
      return fail(toErrorData(thrown, ''));
    }
  }

  /** What was said of all open files together no longer holds. */
  private forgetAnswers(): void {
    this.round++;
    this.lastDiagnosis = null;
    this.lastClock = null;
    this.sides.clear();
  }

  /**
   * The diagnosis of the files open now; the same answer until a file comes or goes. One that is under way then is
   * given up at its next step, and who waits for it is given the new one.
   */
  private diagnosed(): Promise<Diagnosis> {
    this.lastDiagnosis ??= this.diagnose();
    return this.lastDiagnosis;
  }

  private async diagnose(): Promise<Diagnosis> {
    const { round } = this;
    const step = async (): Promise<void> => {
      await breathe();
      if (round !== this.round) throw new Superseded();
    };
    try {
      return await diagnose(
        [...this.sources.values()],
        this.servers,
        this.clock(),
        (session) => this.sideOf(session),
        step,
      );
    } catch (thrown) {
      if (thrown instanceof Superseded) return this.diagnosed();
      throw thrown;
    }
  }

  /** All open files on one clock; the same answer until a file comes or goes or an offset is set. */
  private clock(): OneClock {
    this.lastClock ??= this.servers.clocks.align([...this.sources.values()]);
    return this.lastClock;
  }

  /**
   * Sets by hand what to add to a source's times for the common clock (ns); null: it is found again. Fails for a
   * source that carries no times. The next diagnosis rests on it.
   */
  setClockOffset(sourceId: number, offsetNs: bigint | null): Promise<Result<ClocksAnswer, TraceErrorData>> {
    return Promise.resolve(this.clocksWith(sourceId, offsetNs));
  }

  private clocksWith(sourceId: number, offsetNs: bigint | null): Result<ClocksAnswer, TraceErrorData> {
    const open = this.sources.get(sourceId);
    if (open === undefined) return fail(new TraceError('internal', 'no such source').toData());
    const { file } = open.loaded;
    if (clockOf(open) === 'none')
      return fail(new TraceError('unsupported', `${file} carries no times to move.`, { file }).toData());
    this.servers.clocks.set(sourceId, offsetNs);
    this.forgetAnswers();
    return ok(this.clock().answer);
  }

  /** Takes what the user knows of a server and its log does not say; the next diagnosis rests on it. */
  setServer(sourceId: number, given: ServerGiven): Promise<void> {
    this.servers.setServer(sourceId, given);
    this.forgetAnswers();
    return Promise.resolve();
  }

  async analysis(): Promise<Analysis> {
    return analysisOf([...this.sources.values()], await this.diagnosed());
  }

  /** Which tables can be saved, and their rows. */
  tables(query: TablesQuery): Promise<Result<readonly TableView[], TraceErrorData>> {
    return Promise.resolve(tableViews([...this.sources.values()], query));
  }

  /** One table as the bytes of a file, in pieces of their own memory; without rows it has its columns alone. */
  saveTable(query: TableQuery): Promise<Result<readonly Uint8Array<ArrayBuffer>[], TraceErrorData>> {
    return gathered((write) => this.writeTable(query, write));
  }

  /** One table handed to `write` piece by piece, each good until it returns; gives the number of rows. */
  writeTable(query: TableQuery, write: (bytes: Uint8Array) => void): Promise<Result<number, TraceErrorData>> {
    return writeTable([...this.sources.values()], query, () => this.diagnosed(), write);
  }
}
