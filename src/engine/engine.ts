/**
 * The engine: files in, answers out. It runs in the page's worker and, headless, under the command line. Holds
 * every open file's tables and, where there is one, the GPU device.
 *
 * Long because every question is a method here and listed nowhere else.
 */
import { deviceLabel } from '../base/words.ts';
import { type TraceErrorData, TraceError, toErrorData } from '../base/trace-error.ts';
import { settingText } from '../base/rank.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { BlobSource } from '../file/blob-source.ts';
import type { ByteSource } from '../file/byte-source.ts';
import { NO_DEVICE_SIDE } from '../analyze/ledger/non-torch-near.ts';
import { createCpuKernels } from '../kernel/cpu-kernels.ts';
import { type Crossovers, measureCrossovers, UNMEASURED } from '../kernel/crossover.ts';
import type { Kernels } from '../kernel/kernels.ts';
import { openGpu } from '../kernel/device.ts';
import type { Frame } from '../trace/stack-table.ts';
import { vllmMemoryAccounts } from '../analyze/server/vllm-memory-words.ts';
import type { Analysis, AnalysisLedger } from './document/analysis.ts';
import { ledgerObject } from './document/diagnosis.ts';
import { type AnalysisLines, linesOf } from './document/lines.ts';
import { analysisOf } from './document/object.ts';
import { allocationAt } from './answer/address.ts';
import { addressHole } from './answer/address-hole.ts';
import { addressMap, addressTimeOf, freeTimeOf } from './answer/address-map.ts';
import { compareDevices } from './answer/compare.ts';
import { rangeOf } from './answer/range.ts';
import { listAsCsv } from './answer/lives-csv.ts';
import { lifePlaceOn, rasterOn } from './answer/raster.ts';
import { eventsOn, lifeAt, lifeOn, livesOn } from './answer/lives.ts';
import { lineOn } from './answer/line.ts';
import { stackTree } from './answer/stack-tree.ts';
import { momentAt } from './answer/moment.ts';
import { overviewOf } from './answer/overview.ts';
import { timeline } from './answer/timeline.ts';
import type {
  AddressMapAnswer,
  AddressMapQuery,
  AddressTimeAnswer,
  AddressTimeQuery,
  FreeTimeAnswer,
  FreeTimeQuery,
  HoleAnswer,
  HoleQuery,
} from './address-protocol.ts';
import type { Diagnosis, LedgerView, PinsView } from './diagnosis.ts';
import type { ClocksAnswer } from '../analyze/clock/answer.ts';
import type { ServerGiven } from './server-diagnosis.ts';
import { ledgerColumns } from './answer/ledger-columns.ts';
import { ledgerView } from './answer/ledger.ts';
import { DeviceSession } from './device-session.ts';
import { deviceView } from './answer/device.ts';
import { previewOf } from './answer/preview.ts';
import { faultOf, notHeld } from './faults.ts';
import { withDisagreements } from './history-against-state.ts';
import { chooseAll, chosenAlike } from './kernel-choice.ts';
import { kernelsIn } from './answer/kernels.ts';
import type {
  EventsAnswer,
  EventsQuery,
  LifeAnswer,
  ListQuery,
  LivesAnswer,
  LivesQuery,
} from './lives-protocol.ts';
import type { LifePlace, LifePlaceQuery, RasterAnswer, RasterQuery } from './raster-protocol.ts';
import { type LoadedSource, loadFile, loadFolder, type LoadOptions } from './load-source.ts';
import type {
  Axis,
  CompareMoment,
  CompareQuery,
  CompareView,
  DeviceView,
  EngineStatus,
  GpuMode,
  KernelsAnswer,
  KernelsQuery,
  LedgerColumns,
  LedgerColumnsQuery,
  MomentAnswer,
  OverviewView,
  Preview,
  Progress,
  RangeAnswer,
  RangeQuery,
  SourceView,
  TimelineAnswer,
  TimelineQuery,
} from './protocol.ts';
import type { LineAnswer, LineQuery, StackTreeAnswer, StackTreeQuery } from './stacks-protocol.ts';
import { OpenFiles } from './open-files.ts';
import type { OpenSource } from './open-source.ts';
import { pinsView } from './answer/pins.ts';
import { ReplayDesk } from './replay/desk.ts';
import type { TableQuery, TablesQuery, TableView } from './table-query.ts';
import { findingsTable, gathered, tableViews, writeTable } from './tables.ts';
import type { AboutSource } from './document/fact-source.ts';
import { factsOf } from './facts.ts';
import { type RedactQuery, redactedSnapshot } from './redact.ts';
import { type SqlAnswer, SqlDesk, type SqlQuery } from './sql-desk.ts';
import type { Table } from '../trace/table/column.ts';

/** What is thrown, as data: the answer failed by what is in the file, or by a fault of ours. */
async function answerOf<T>(
  file: string | null,
  ask: () => T | Promise<T>,
): Promise<Result<T, TraceErrorData>> {
  try {
    return ok(await ask());
  } catch (thrown) {
    return fail(toErrorData(thrown, file));
  }
}

export interface EngineStart {
  readonly gpu: GpuMode;
  /** Number of the first source; absent: 1. */
  readonly firstId?: number | undefined;
}

export class Engine {
  private readonly cpu = createCpuKernels();
  private gpu: Kernels | null = null;
  private crossovers: Crossovers = UNMEASURED;
  private state: EngineStatus = { gpu: 'absent', adapter: 'WebGPU was not asked for', mode: 'off' };
  private readonly files = new OpenFiles();
  private readonly sql = new SqlDesk();
  /** Jobs that are given up at their next step. */
  private readonly cancelled = new Set<number>();
  /** Questions about the allocator replayed. */
  readonly replays = new ReplayDesk({
    session: (device) => {
      const found = this.files.find(device);
      return found && { session: found.open.sessions[found.index], file: found.open.loaded.file };
    },
    isCancelled: (job) => this.cancelled.has(job),
    forget: (job) => this.cancelled.delete(job),
  });

  async start({ gpu: mode, firstId }: EngineStart): Promise<EngineStatus> {
    if (firstId !== undefined) this.files.startIds(firstId);
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
    // Files that are opened before it is done are decided by what was the case on other machines: answers are the same.
    if (!opened.software && mode === 'auto')
      measureCrossovers(this.cpu, opened.kernels).then(
        (measured) => (this.crossovers = measured),
        () => undefined,
      );
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
    const read = { job, file, stage: 'aggregating', doneBytes: total, totalBytes: total };
    onProgress(read);
    const views: SourceView[] = [];
    for (const loaded of all)
      views.push(await this.view(job, loaded, (preview) => onProgress({ ...read, preview })));
    return views;
  }

  private async view(
    job: number,
    loaded: LoadedSource,
    onPreview: (preview: Preview) => void,
  ): Promise<SourceView> {
    const { file } = loaded;
    let { data } = loaded;
    const id = this.files.takeId();
    const sessions: DeviceSession[] = [];
    const faults: TraceErrorData[] = [];
    const devices: DeviceView[] = [];
    // What cannot be looked at once is looked at by nobody later: the device is left out, with the reason.
    for (const trace of data.devices) {
      const at = sessions.length;
      try {
        sessions.push(this.session(id, data, trace));
        const preview = await this.withFallback({ id, job, loaded, sessions }, at, previewOf);
        if (preview !== null) onPreview(preview);
        devices.push(await this.withFallback({ id, job, loaded, sessions }, at, deviceView));
      } catch (thrown) {
        sessions.length = at;
        faults.push(faultOf(thrown, { file, what: deviceLabel(trace.device) }));
      }
    }
    try {
      data = await withDisagreements(data, sessions);
    } catch (thrown) {
      faults.push(faultOf(thrown, { file, what: 'what the recording contradicts itself in' }));
    }
    let accounts: SourceView['vllmMemory'];
    try {
      if (data.readings?.vllm_memory !== undefined)
        accounts = vllmMemoryAccounts(data.readings.vllm_memory, data.readings.budgets);
    } catch (thrown) {
      faults.push(faultOf(thrown, { file, what: "vLLM's memory" }));
    }
    const error = loaded.error ?? faults[0] ?? null;
    this.files.add({ id, job, loaded: { ...loaded, data, error }, sessions });
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
      settings: data.settings.map(settingText),
      error,
      milliseconds: loaded.milliseconds,
      devices,
      summaries: data.summaries,
      ...(data.readings === undefined ? {} : { readings: data.readings }),
      ...(accounts === undefined ? {} : { vllmMemory: accounts }),
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
      chooseAll(
        { cpu: this.cpu, gpu: this.gpu, status: this.state, crossovers: this.crossovers },
        trace.events.length,
      ),
    );
  }

  /** Asks on the session's kernels; where the GPU fails, once more on the CPU twin with the reason kept. */
  private async withFallback<T>(
    open: OpenSource,
    index: number,
    ask: (session: DeviceSession) => T | Promise<T>,
  ): Promise<T> {
    const session = open.sessions[index];
    try {
      return await ask(session);
    } catch (thrown) {
      // A loss is told in a turn of its own.
      if (this.gpu !== null && session.usesGpu) await new Promise((resolve) => setTimeout(resolve));
      // Asked for by name it must be the GPU, as long as there is one.
      const isWanted = this.state.mode === 'on' && this.state.gpu !== 'lost';
      if (!session.usesGpu || isWanted) throw thrown;
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      const again = new DeviceSession(
        session.sourceId,
        session.source,
        session.trace,
        chosenAlike({ kernels: this.cpu, reason: `the GPU failed: ${why}` }),
      );
      open.sessions[index] = again;
      return await ask(again);
    }
  }

  private async ask<T>(
    device: string,
    question: (session: DeviceSession) => T | Promise<T>,
  ): Promise<Result<T, TraceErrorData>> {
    const found = this.files.find(device);
    if (found === null) return fail(notHeld(device).toData());
    return answerOf(found.open.loaded.file, () => this.withFallback(found.open, found.index, question));
  }

  async close(sourceId: number): Promise<void> {
    const open = this.files.remove(sourceId);
    for (const session of open?.sessions ?? []) await session.close();
  }

  timeline(query: TimelineQuery): Promise<Result<TimelineAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => timeline(session, query));
  }

  range(query: RangeQuery): Promise<Result<RangeAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => rangeOf(session, query));
  }

  /** Fails for a device without kernels (`DeviceView.kernels` is null). */
  kernels(query: KernelsQuery): Promise<Result<KernelsAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => kernelsIn(session.kernelTrack, query));
  }

  moment(device: string, axis: Axis, x: number): Promise<Result<MomentAnswer, TraceErrorData>> {
    return this.ask(device, async (session) => {
      const answer = await momentAt(session, axis, x);
      if (answer === null) throw new TraceError('internal', 'this device has no events');
      return answer;
    });
  }

  /** Row of the newest allocation up to a row that had an address ("0x7fe134000000"). Fails with `refused`. */
  allocationAt(device: string, address: string, last: number): Promise<Result<number, TraceErrorData>> {
    return this.ask(device, (session) => allocationAt(session, address, last));
  }

  /** Allocations one by one: those that a typed filter lets pass, sorted, a page of them. */
  lives(query: LivesQuery): Promise<Result<LivesAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => livesOn(session, query));
  }

  /** Everything of one allocation, by its number. */
  life(device: string, life: number): Promise<Result<LifeAnswer, TraceErrorData>> {
    return this.ask(device, (session) => lifeOn(session, life));
  }

  /** Number of the allocation that a row begins or ends; null: it does neither. */
  lifeAt(device: string, row: number): Promise<Result<number | null, TraceErrorData>> {
    return this.ask(device, (session) => lifeAt(session, row));
  }

  /** Events one by one: all of them, or those of allocations that a typed filter lets pass. */
  events(query: EventsQuery): Promise<Result<EventsAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => eventsOn(session, query));
  }

  /** Every segment and block just after a row, by address. */
  addressMap(query: AddressMapQuery): Promise<Result<AddressMapAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => addressMap(session, query));
  }

  /** Addresses and time as a picture: the share of what is reserved that is live. */
  addressTime(query: AddressTimeQuery): Promise<Result<AddressTimeAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => addressTimeOf(session, query));
  }

  /** What keeps a free block from going back, and what would free it; null: no free block is there. */
  addressHole(query: HoleQuery): Promise<Result<HoleAnswer | null, TraceErrorData>> {
    return this.ask(query.device, (session) => addressHole(session, query));
  }

  /** Free blocks by size class over time. */
  freeTime(query: FreeTimeQuery): Promise<Result<FreeTimeAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => freeTimeOf(session, query));
  }

  /** Allocations or events that a typed filter lets pass, as a CSV file in pieces. */
  saveList(query: ListQuery): Promise<Result<readonly Uint8Array<ArrayBuffer>[], TraceErrorData>> {
    return this.ask(query.device, (session) => listAsCsv(session, query));
  }

  /** All allocations over time: for each pixel of a picture the one that is there. */
  raster(query: RasterQuery): Promise<Result<RasterAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => rasterOn(session, query));
  }

  /** Where an allocation, or the one so many steps from it, is in that picture; null: it does not pass the filter. */
  lifePlace(query: LifePlaceQuery): Promise<Result<LifePlace | null, TraceErrorData>> {
    return this.ask(query.device, (session) => lifePlaceOn(session, query));
  }

  /** Stacks as a tree by one measure, as much of it as can be seen. */
  stackTree(query: StackTreeQuery): Promise<Result<StackTreeAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => stackTree(session, query));
  }

  /** What one line holds over time, its sizes, lifetimes and peak. */
  line(query: LineQuery): Promise<Result<LineAnswer, TraceErrorData>> {
    return this.ask(query.device, (session) => lineOn(session, query));
  }

  frames(device: string, stack: number): Promise<Result<readonly Frame[], TraceErrorData>> {
    return this.ask(device, (session) => session.source.stacks.stack(stack));
  }

  /** Where every byte is just after a row; null: the allocator was not replayed. */
  ledger(device: string, row: number): Promise<Result<LedgerView | null, TraceErrorData>> {
    return this.ask(device, (session) => {
      const facts = session.facts();
      const inside = row >= 0 && row < session.rows;
      return inside ? ledgerView(facts, row, this.files.sideOf(session)) : null;
    });
  }

  /** Who keeps free memory from going back just after a row; null: the allocator was not replayed. */
  pins(device: string, row: number): Promise<Result<PinsView | null, TraceErrorData>> {
    return this.ask(device, (session) => {
      const report = row >= 0 && row < session.rows ? session.facts().pinsAfter(row) : null;
      return report === null ? null : pinsView(report, row, session.source.stacks);
    });
  }

  /** Two devices, or two moments of one: what differs, and which line of the program does it. */
  compare({ a, b, at, atB = at, limit }: CompareQuery): Promise<Result<CompareView, TraceErrorData>> {
    return answerOf(null, () => {
      const [one, other] = [this.files.compared(a), this.files.compared(b)];
      return compareDevices(one, other, [at, atB], limit);
    });
  }

  /** Which lines hold what at a moment of a device, as `analyze --json` tells it of the peak. */
  holders(device: string, at: CompareMoment, most: number): Promise<Result<AnalysisLines, TraceErrorData>> {
    return this.ask(device, (session) => linesOf(this.files.placeOf(session), session, at, most));
  }

  /** The ledger just after a row as `analyze --json` tells it; null: the allocator was not replayed. */
  ledgerAt(device: string, row: number): Promise<Result<AnalysisLedger | null, TraceErrorData>> {
    return this.ask(device, (session) => {
      if (row < 0 || row >= session.rows)
        throw new TraceError('refused', `the recording has ${session.rows} events`);
      const view = ledgerView(session.facts(), row, this.files.sideOf(session));
      return view === null
        ? null
        : ledgerObject(this.files.placeOf(session), session.trace.device, `event ${row}`, view);
    });
  }

  /** One device in a few figures and its `limit` largest lines: for a list of many ranks. */
  overview(device: string, limit: number): Promise<Result<OverviewView, TraceErrorData>> {
    return this.ask(device, (session) => overviewOf(session, limit));
  }

  /** The ledger over time, sized by pixels. */
  ledgerColumns(query: LedgerColumnsQuery): Promise<Result<LedgerColumns, TraceErrorData>> {
    return this.ask(query.device, (session) => {
      // One recording alone: nothing tells of its device, and no clocks have to be found.
      const alone = this.files.all.length === 1 && session.source.readings === undefined;
      const sideAt = alone ? () => NO_DEVICE_SIDE : this.files.sideOf(session);
      return ledgerColumns(session, query, sideAt);
    });
  }

  /**
   * Who holds memory, how far it grows, how it is given back: over all open files. Long work, in steps that let other
   * questions through.
   */
  diagnosis(): Promise<Result<Diagnosis, TraceErrorData>> {
    return answerOf('', () => this.files.diagnosis());
  }

  /**
   * Sets by hand what to add to a source's times for the common clock (ns); null: it is found again. Fails for a
   * source that carries no times. The next diagnosis rests on it.
   */
  setClockOffset(sourceId: number, offsetNs: bigint | null): Promise<Result<ClocksAnswer, TraceErrorData>> {
    return answerOf(null, () => this.files.setClockOffset(sourceId, offsetNs));
  }

  /** Takes what the user knows of a server and its log does not say; the next diagnosis rests on it. */
  setServer(sourceId: number, given: ServerGiven): Promise<void> {
    this.files.setServer(sourceId, given);
    return Promise.resolve();
  }

  async analysis(): Promise<Analysis> {
    return analysisOf(this.files.all, await this.files.diagnosis(), (source, at, ask) =>
      this.withFallback(source, at, ask),
    );
  }

  /** A question in SQL about the tables of all open files (docs/tables.md). Fails with `refused`. */
  query(query: SqlQuery): Promise<Result<SqlAnswer, TraceErrorData>> {
    return answerOf(null, () => this.sql.ask(this.files.all, () => this.files.diagnosis(), query));
  }

  /** All open files as one source of a data set of many (docs/fleet.md). */
  async facts(about: AboutSource): Promise<readonly Table[]> {
    const diagnosis = await this.files.diagnosis();
    const findings = findingsTable(this.files.all, { source: null, device: null }, diagnosis);
    return factsOf(this.files.all, await this.analysis(), findings, about);
  }

  /** A snapshot without names, as the bytes of a pickle in pieces that are handed over. Fails with `refused`. */
  redacted(
    source: number,
    query: RedactQuery,
  ): Promise<Result<readonly Uint8Array<ArrayBuffer>[], TraceErrorData>> {
    return answerOf(null, () => {
      const open = this.files.all.find(({ id }) => id === source);
      if (open === undefined) throw notHeld(String(source));
      return [redactedSnapshot(open, query)];
    });
  }

  /** Which tables can be saved, and their rows. */
  tables(query: TablesQuery): Promise<Result<readonly TableView[], TraceErrorData>> {
    return Promise.resolve(tableViews(this.files.all, query));
  }

  /** One table as the bytes of a file, in pieces of their own memory; without rows it has its columns alone. */
  saveTable(query: TableQuery): Promise<Result<readonly Uint8Array<ArrayBuffer>[], TraceErrorData>> {
    return gathered((write) => this.writeTable(query, write));
  }

  /** One table handed to `write` piece by piece, each good until it returns; gives the number of rows. */
  writeTable(query: TableQuery, write: (bytes: Uint8Array) => void): Promise<Result<number, TraceErrorData>> {
    return writeTable(this.files.all, query, () => this.files.diagnosis(), write);
  }
}
