/**
 * From Nsight's tables to a source, the same for every form of export: memory events, pools, the API calls and
 * call chains behind them, NVTX ranges and kernels. What a side table costs where it cannot be read is a
 * warning; what the memory events cost is the error.
 * https://docs.nvidia.com/nsight-systems/UserGuide/index.html#exporter-sqlite-schema
 *
 * Not read: transfers, unified-memory page faults, CPU samples. Never read: the environment, users, hosts and
 * processes' names, which these files hold too.
 */
import { count } from '../../base/words.ts';
import { TraceError } from '../../base/trace-error.ts';
import type { DeviceTrace, SourceData, Warning } from '../../trace/capture.ts';
import { sourceData } from '../../trace/source-data.ts';
import { StackTable } from '../../trace/stack-table.ts';
import { type Calls, type ChainFrames, readCalls, readChains } from './calls.ts';
import { buildDevices, type GpuFacts } from './devices.ts';
import { EventRows, NEEDED, type RawEvents } from './events.ts';
import { type FailedCall, failedEvents, RefusedCalls } from './failed-calls.ts';
import { type RawKernels, readKernels, stringsOfKernels } from './kernels.ts';
import { readPoolEvents } from './pools.ts';
import { type RawRanges, readRanges, stringsOfRanges } from './ranges.ts';
import * as schema from './schema.ts';
import { buildStacks, readStrings, stringsOfStacks } from './stacks.ts';
import type { NsysTables } from './tables.ts';
import type { Format, ReaderContext, ReadOutcome } from '../reader.ts';

const { CHAINS_TABLE, EVENTS_TABLE, KERNELS_TABLE, RUNTIME_TABLE } = schema;
const RECORD_AGAIN =
  'Record again with: nsys profile --trace=cuda,nvtx --cuda-memory-usage=true ..., then nsys export --type=sqlite REPORT.nsys-rep';

const ALONE =
  'Only the table of memory events was opened: drop the whole folder of the export for the API calls behind them, NVTX ranges, kernels and the names of GPUs.';

/** What the file is called, and what is known of it before its tables are read. */
export interface NsysFile {
  readonly name: string;
  readonly format: Format;
  readonly storedBytes: number;
  readonly warnings: readonly Warning[];
  /** true: one file of a folder, the table of memory events. */
  readonly isAlone?: boolean;
  /** Sentences about what this form of export lacks. */
  readonly notRecorded?: readonly string[];
}

/** Runs `ask`; where it throws a TraceError (but for a cancellation), that is a warning and `otherwise` counts. */
type Attempt = <T>(what: string, ask: () => Promise<T>, otherwise: T) => Promise<T>;

function attemptInto(warnings: Warning[]): Attempt {
  return async (what, ask, otherwise) => {
    try {
      return await ask();
    } catch (thrown) {
      if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
      warnings.push({ message: `${what} could not be read: ${thrown.message}`, offset: thrown.offset });
      return otherwise;
    }
  };
}

/** Why there are no memory events: tables without rows are left out of an export, so options are asked for. */
function whyNoEvents(options: schema.CaptureOptions, calls: schema.AllocationCalls): string {
  const said = options.diagnostic === null ? '' : ` Nsight Systems says: "${options.diagnostic}"`;
  if (options.cuda === false)
    return `There are no GPU memory events: CUDA was not traced (--trace=cuda was missing), so --cuda-memory-usage=true alone would not have helped.${said} ${RECORD_AGAIN}`;
  if (options.gpuMemory === null)
    return `There are no GPU memory events: the report was recorded without --cuda-memory-usage=true, or they were cut out of this file.${said} ${RECORD_AGAIN}`;
  if (!options.gpuMemory)
    return `There are no GPU memory events: the report was recorded without --cuda-memory-usage=true.${said} ${RECORD_AGAIN}`;
  if (calls.byName.size > 0)
    return 'There are no GPU memory events, although the option was on (--cuda-memory-usage=true) and calls that allocate or free were recorded: every one of them failed, or the events were cut out of this file.';
  const made = calls.all === 0 ? '' : ` (it made ${count(calls.all, 'CUDA call')})`;
  return `There are no GPU memory events: the option was on (--cuda-memory-usage=true), and the program allocated nothing${made}.${said}`;
}

/** What is told of an export without memory events: why, how many calls made some, and which were refused. */
async function withoutEvents(
  tables: NsysTables,
  refused: RefusedCalls,
  attempt: Attempt,
  context: ReaderContext,
): Promise<{ readonly sentences: string[]; readonly failed: readonly FailedCall[] }> {
  const ask = () => schema.countAllocationCalls(tables, refused, () => context.breathe());
  const none: schema.AllocationCalls = { all: 0, byName: new Map() };
  const calls = await attempt('The API calls', ask, none);
  const unknown: schema.CaptureOptions = { gpuMemory: null, cuda: null, diagnostic: null };
  const options = await attempt(
    'The options of the recording',
    () => schema.readCaptureOptions(tables),
    unknown,
  );
  const sentences = [whyNoEvents(options, calls)];
  if (calls.byName.size > 0) {
    const list = [...calls.byName].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} (${count})`);
    sentences.push(
      `There are ${[...calls.byName.values()].reduce((sum, count) => sum + count, 0)} calls that allocate or free memory, ` +
        `recorded without sizes or addresses: ${list.join(', ')}.`,
    );
  }
  const wanted = new Set<number>();
  refused.strings(wanted);
  const names = await attempt('The names', () => readStrings(tables, wanted), new Map<number, string>());
  return { sentences, failed: refused.allocations(names) };
}

/** Refused calls as readings of the source; nothing where there are none. */
const readingsOf = (
  failed: readonly FailedCall[],
  devices: readonly DeviceTrace[],
): Pick<SourceData, 'readings'> =>
  failed.length === 0
    ? {}
    : {
        readings: {
          clock: 'local',
          gauges: [],
          tables: [],
          budgets: [],
          events: failedEvents(failed, devices),
        },
      };

/** What the export leaves out of what is shown. */
function notRecorded(tables: NsysTables, calls: Calls): string[] {
  const columns = tables.columns(EVENTS_TABLE);
  const sentences: string[] = [];
  const miss = (column: string, consequence: string): void => {
    if (!columns.has(column)) sentences.push(consequence);
  };
  miss(
    'streamId',
    'Streams were not recorded with memory events (exports of Nsight Systems 2024.6 and newer have them).',
  );
  miss('start', 'The table of memory events has no times: its row numbers stand in for them.');
  miss('memKind', 'The table of memory events has no memory kinds: everything is of kind "unknown".');
  miss('deviceId', 'The table of memory events has no device numbers: everything is shown as device 0.');
  miss(
    'address',
    'The table of memory events has no addresses: frees cannot be paired with their allocations.',
  );
  if (calls.count > 0 && calls.nameId.every(Number.isNaN)) {
    sentences.push(
      'The API calls behind the memory events were not recorded or not exported: who allocated is not known.',
    );
  } else if (calls.count > 0 && calls.chainId.every(Number.isNaN)) {
    sentences.push(
      'Call chains were not recorded: allocations are told apart by their API call alone. ' +
        'Record with: nsys profile --cudabacktrace=memory (and CPU sampling on).',
    );
  }
  sentences.push(
    'What an allocator such as PyTorch does inside the memory it holds is not recorded by Nsight Systems: ' +
      'a cached block looks like one in use.',
  );
  return sentences;
}

interface SideTables {
  readonly stacks: Uint32Array;
  readonly calls: Calls;
  readonly ranges: RawRanges;
  readonly kernels: RawKernels;
  readonly strings: ReadonlyMap<number, string>;
  readonly failed: readonly FailedCall[];
}

/** Everything that stands around the memory events; strings last, and only those that are named. */
async function readSideTables(
  tables: NsysTables,
  raw: RawEvents,
  stacks: StackTable,
  refused: RefusedCalls,
  attempt: Attempt,
  context: ReaderContext,
): Promise<SideTables> {
  const bare = await readCalls(withoutTable(tables, RUNTIME_TABLE), raw, refused, context);
  const calls = await attempt('The API calls', () => readCalls(tables, raw, refused, context), bare);
  const noFrames = await readChains(withoutTable(tables, CHAINS_TABLE), calls, context);
  const frames: ChainFrames = await attempt(
    'The call chains',
    () => readChains(tables, calls, context),
    noFrames,
  );
  const noRanges: RawRanges = { ranges: [], warnings: [] };
  const ranges = await attempt('The NVTX ranges', () => readRanges(tables, context), noRanges);
  const noKernels = await readKernels(withoutTable(tables, KERNELS_TABLE), context);
  const kernels = await attempt('The kernels', () => readKernels(tables, context), noKernels);
  const wanted = new Set<number>();
  stringsOfStacks(calls, frames, wanted);
  stringsOfRanges(ranges, wanted);
  stringsOfKernels(kernels, wanted);
  refused.strings(wanted);
  const noStrings = new Map<number, string>();
  const strings = await attempt('The names', () => readStrings(tables, wanted), noStrings);
  const failed = refused.allocations(strings);
  return {
    stacks: buildStacks(raw, calls, frames, strings, stacks),
    calls,
    ranges,
    kernels,
    strings,
    failed,
  };
}

const withoutTable = (tables: NsysTables, table: string): NsysTables => ({
  names: new Set([...tables.names].filter((name) => name !== table)),
  columns: (name) => tables.columns(name),
  rows: (name, columns) => tables.rows(name, columns),
  rowBound: () => 0,
  bytesRead: () => tables.bytesRead(),
});

/** What can be read out of the tables. */
export async function readNsysTables(
  tables: NsysTables,
  file: NsysFile,
  context: ReaderContext,
): Promise<ReadOutcome> {
  const warnings: Warning[] = [...file.warnings];
  const attempt = attemptInto(warnings);
  const refused = new RefusedCalls();
  const start = await attempt('The start of the session', () => schema.readSessionStart(tables), null);
  const settings: [string, string][] = start === null ? [] : [['Session start, Unix ns', start]];
  const producer = await attempt('The version', () => schema.readProducer(tables), 'Nsight Systems');
  const base = sourceData({ producer, warnings, settings });
  const lacking = [...(file.isAlone === true ? [ALONE] : []), ...(file.notRecorded ?? [])];
  if (!tables.names.has(EVENTS_TABLE)) {
    const { sentences, failed } = await withoutEvents(tables, refused, attempt, context);
    warnings.push(...refused.warnings);
    const notRecorded = [...sentences, ...lacking];
    return { data: { ...base, notRecorded, ...readingsOf(failed, []) }, error: null };
  }
  const columns = tables.columns(EVENTS_TABLE);
  const lacks = NEEDED.filter((column) => !columns.has(column));
  if (lacks.length > 0) {
    const message = `The table ${EVENTS_TABLE} was trimmed: it has no ${lacks.join(' and no ')}, without which there are no figures.`;
    return {
      data: base,
      error: new TraceError('unsupported', message, { file: file.name, format: file.format }),
    };
  }
  const kinds = await attempt('The names of kinds', () => schema.readMemKinds(tables), schema.knownKinds());
  const reading = new EventRows(tables, kinds, file.storedBytes);
  const { events } = reading;
  let error: TraceError | null = null;
  let pools: Awaited<ReturnType<typeof readPoolEvents>> = { events: [], imported: 0, impossible: 0 };
  try {
    await reading.read(context);
    pools = await readPoolEvents(tables);
  } catch (thrown) {
    if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
    error = thrown;
    warnings.push({
      message: `Reading stopped after ${events.length} memory events: ${thrown.message}`,
      offset: thrown.offset,
    });
  }
  if (events.length === 0 && events.skipped === 0 && error === null) {
    const { sentences, failed } = await withoutEvents(tables, refused, attempt, context);
    warnings.push(...refused.warnings);
    const notRecorded = [...sentences, ...lacking];
    return { data: { ...base, notRecorded, ...readingsOf(failed, []) }, error: null };
  }
  const facts: GpuFacts = {
    gpus: await attempt('The table of GPUs', () => schema.readGpus(tables), []),
    gpuOf: await attempt('The table of devices', () => schema.readGpuOfProcessDevice(tables), new Map()),
  };
  const stacks = new StackTable();
  const side = await readSideTables(tables, events, stacks, refused, attempt, context);
  warnings.push(...refused.warnings);
  context.progress('putting events in order', file.storedBytes);
  await context.breathe();
  const built = buildDevices(events, { ...side, pools: pools.events }, facts, error !== null);
  for (const [what, count] of events.oddities) warnings.push({ message: `${count} ${what}.`, offset: null });
  warnings.push(...built.warnings, ...side.ranges.warnings, ...side.kernels.warnings);
  if (pools.impossible > 0) {
    const message = `${pools.impossible} events of pools have figures that cannot be and were left out.`;
    warnings.push({ message, offset: null });
  }
  if (pools.imported > 0) {
    const message = `${pools.imported} events of pools imported from other processes have no figures and were left out.`;
    warnings.push({ message, offset: null });
  }
  const data: SourceData = {
    ...base,
    rows: events.length + pools.events.length,
    skipped: events.skipped + pools.imported + pools.impossible,
    warnings,
    notRecorded: [...built.sentences, ...notRecorded(tables, side.calls), ...lacking],
    devices: built.devices,
    stacks,
    ...readingsOf(side.failed, built.devices),
  };
  return { data, error };
}
