/**
 * Reads GPU memory events out of SQLite exports of Nsight Systems (`nsys export --type=sqlite`), of every
 * schema met so far: without a version (2021.2) to 3.25 (2026.2), trimmed ones included.
 * https://docs.nvidia.com/nsight-systems/UserGuide/index.html#exporter-sqlite-schema
 *
 * Not read: transfers, kernels, NVTX ranges, unified-memory page faults, call chains. Never read: the
 * environment, users, hosts and processes' names, which these files hold too.
 */
import { TraceError } from '../base/trace-error.ts';
import type { SourceData, Warning } from '../trace/capture.ts';
import { StackTable } from '../trace/stack-table.ts';
import { buildDevices, type GpuFacts } from './nsys-devices.ts';
import { EventRows, NEEDED } from './nsys-events.ts';
import { readPoolEvents } from './nsys-pools.ts';
import { EVENTS_TABLE, NsysSchema } from './nsys-schema.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from './reader.ts';
import { openSqlite } from './sqlite-file.ts';
import { isWalMode, sizeByHeader, type SqliteFile } from './sqlite-host.ts';

const FORMAT = 'nsys-sqlite';
const MAGIC = 'SQLite format 3\0';
const TABLES_NAMED = 8;
const RECORD_AGAIN =
  'Record again with: nsys profile --cuda-memory-usage=true ..., then nsys export --type=sqlite REPORT.nsys-rep';

const emptyData = (producer: string): SourceData => ({
  producer,
  rows: 0,
  skipped: 0,
  warnings: [],
  notRecorded: [],
  devices: [],
  summaries: [],
  stacks: new StackTable(),
  settings: [],
});

const hasMagic = (bytes: Uint8Array): boolean =>
  bytes.length >= MAGIC.length && [...MAGIC].every((character, i) => bytes[i] === character.charCodeAt(0));

function sniff(head: Head): Sniff {
  return hasMagic(head.bytes)
    ? { score: 0.9, reason: 'SQLite database' }
    : { score: 0, reason: 'not an SQLite database' };
}

function notNsys(schema: NsysSchema, file: string): TraceError {
  const names = [...schema.tables];
  const rest = names.length - TABLES_NAMED;
  const list = names.slice(0, TABLES_NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  return new TraceError(
    'unsupported',
    `This SQLite database is no export of Nsight Systems: it has ${names.length === 0 ? 'no tables' : `the tables ${list}`}.`,
    { file, format: FORMAT, advice: 'Export a report with: nsys export --type=sqlite REPORT.nsys-rep' },
  );
}

/** Why there are no memory events, and how many calls made some. */
async function withoutEvents(schema: NsysSchema, context: ReaderContext): Promise<string[]> {
  const sentences = [
    `There are no GPU memory events: the report was recorded without --cuda-memory-usage=true, or they were cut out of this file. ${RECORD_AGAIN}`,
  ];
  const calls = await schema.countAllocationCalls(() => context.breathe());
  if (calls.size > 0) {
    const list = [...calls].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} (${count})`);
    sentences.push(
      `There are ${[...calls.values()].reduce((sum, count) => sum + count, 0)} calls that allocate or free memory, ` +
        `recorded without sizes or addresses: ${list.join(', ')}.`,
    );
  }
  return sentences;
}

/** What the export leaves out of what is shown. */
function notRecorded(schema: NsysSchema): string[] {
  const columns = schema.columns(EVENTS_TABLE);
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
  sentences.push(
    'What an allocator such as PyTorch does inside the memory it holds is not recorded by Nsight Systems: ' +
      'a cached block looks like one in use.',
  );
  return sentences;
}

async function readEvents(
  file: SqliteFile,
  input: ReaderInput,
  context: ReaderContext,
): Promise<ReadOutcome> {
  const schema = new NsysSchema(file);
  if (!schema.isNsys) {
    return { data: emptyData('SQLite database'), error: notNsys(schema, input.name) };
  }
  const warnings: Warning[] = [];
  if (isWalMode(file.header)) {
    warnings.push({
      message:
        `The database is in WAL mode: what still lies in ${input.name}-wal beside it cannot be seen. ` +
        `To be sure, run: sqlite3 ${input.name} 'PRAGMA wal_checkpoint(TRUNCATE)'`,
      offset: 18,
    });
  }
  const claimed = sizeByHeader(file.header);
  if (claimed > input.storedBytes) {
    warnings.push({
      message: `The file is cut: by its header it has ${claimed} bytes. What lies before the cut was read.`,
      offset: input.storedBytes,
    });
  }
  // A side table that cannot be read (the file is cut) must not cost the events.
  const attempt = <T>(what: string, ask: () => T, otherwise: T): T => {
    try {
      return ask();
    } catch (thrown) {
      if (!(thrown instanceof TraceError)) throw thrown;
      warnings.push({ message: `${what} could not be read: ${thrown.message}`, offset: thrown.offset });
      return otherwise;
    }
  };
  const start = attempt('The start of the session', () => schema.sessionStart(), null);
  const settings: [string, string][] = start === null ? [] : [['Session start, Unix ns', start]];
  const producer = attempt('The version', () => schema.producer(), 'Nsight Systems');
  const base = { ...emptyData(producer), warnings, settings };
  if (!schema.tables.has(EVENTS_TABLE)) {
    return { data: { ...base, notRecorded: await withoutEvents(schema, context) }, error: null };
  }
  const columns = schema.columns(EVENTS_TABLE);
  const lacks = NEEDED.filter((column) => !columns.has(column));
  if (lacks.length > 0) {
    const message = `The table ${EVENTS_TABLE} was trimmed: it has no ${lacks.join(' and no ')}, without which there are no figures.`;
    return {
      data: base,
      error: new TraceError('unsupported', message, { file: input.name, format: FORMAT }),
    };
  }

  const reading = new EventRows(schema, input.storedBytes);
  const { events } = reading;
  let error: TraceError | null = null;
  let pools: ReturnType<typeof readPoolEvents> = { events: [], imported: 0 };
  try {
    await reading.read(context, () => Math.min(file.blocks.bytesRead, input.storedBytes));
    pools = readPoolEvents(schema);
  } catch (thrown) {
    if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
    error = thrown;
    warnings.push({
      message: `Reading stopped after ${events.length} memory events: ${thrown.message}`,
      offset: thrown.offset,
    });
  }
  if (events.length === 0 && events.skipped === 0 && error === null) {
    return { data: { ...base, notRecorded: await withoutEvents(schema, context) }, error: null };
  }
  context.progress('putting events in order', input.storedBytes);
  await context.breathe();
  const facts: GpuFacts = {
    gpus: attempt('The table of GPUs', () => schema.gpus(), []),
    gpuOf: attempt('The table of devices', () => schema.gpuOfProcessDevice(), new Map<string, number>()),
  };
  const built = buildDevices(events, pools.events, facts, error !== null);
  for (const [what, count] of events.oddities) warnings.push({ message: `${count} ${what}.`, offset: null });
  warnings.push(...built.warnings);
  if (pools.imported > 0) {
    const message = `${pools.imported} events of pools imported from other processes have no figures and were left out.`;
    warnings.push({ message, offset: null });
  }
  const data: SourceData = {
    ...base,
    rows: events.length + pools.events.length,
    skipped: events.skipped + pools.imported,
    warnings,
    notRecorded: [...built.sentences, ...notRecorded(schema)],
    devices: built.devices,
  };
  return { data, error };
}

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  if (input.source === null) {
    const error = new TraceError(
      'unsupported',
      'An SQLite database is read by position, which a compressed file does not allow.',
      { file: input.name, format: FORMAT, advice: `Unpack it first: gunzip ${input.name}` },
    );
    return { data: emptyData('SQLite database'), error };
  }
  context.progress('opening', 0);
  let file: SqliteFile;
  try {
    file = await openSqlite(input.source);
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown;
    return { data: emptyData('SQLite database'), error: thrown };
  }
  try {
    return await readEvents(file, input, context);
  } catch (thrown) {
    if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
    return { data: emptyData('SQLite database'), error: thrown };
  } finally {
    file.close();
  }
}

export const nsysSqliteReader: Reader = {
  format: FORMAT,
  title: 'Nsight Systems SQLite export',
  sniff,
  read,
};
