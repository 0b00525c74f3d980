/**
 * Parquet exports of Nsight Systems (`nsys export --type=parquetdir`): a folder with a file for each table, named
 * after it. One file alone is read where it is the table of memory events; any other one says what to drop.
 * https://docs.nvidia.com/nsight-systems/UserGuide/index.html#cli-export-command-switch-options
 *
 * What is read out of the tables, and what never: nsys-source.ts. Files of tables that are not needed are not
 * opened, among them those with the environment.
 */
import { TraceError } from '../../base/trace-error.ts';
import type { ByteSource } from '../../file/byte-source.ts';
import type { Warning } from '../../trace/capture.ts';
import { sourceData } from '../../trace/source-data.ts';
import { partOfFolder, stemOf } from './arrow.ts';
import { EVENTS_TABLE, isNsys, isNsysTable, READ_TABLES } from './schema.ts';
import { readNsysTables } from './source.ts';
import type { NsysTables, Rows } from './tables.ts';
import { isParquet, ParquetFile } from './parquet-file.ts';
import type {
  FolderReader,
  Head,
  Reader,
  ReaderContext,
  ReaderInput,
  ReadOutcome,
  Sniff,
} from '../reader.ts';

const FORMAT = 'nsys-parquetdir';
const PRODUCER = 'Nsight Systems';

class ParquetTables implements NsysTables {
  constructor(private readonly files: ReadonlyMap<string, ParquetFile>) {}

  get names(): ReadonlySet<string> {
    return new Set(this.files.keys());
  }

  columns(table: string): ReadonlySet<string> {
    return this.files.get(table)?.columns ?? new Set();
  }

  async *rows(table: string, columns: readonly string[]): AsyncGenerator<Rows> {
    const file = this.files.get(table);
    if (file !== undefined) yield* file.rows(columns);
  }

  rowBound(table: string, otherwise: number): number {
    const length = this.files.get(table)?.length ?? 0;
    return Number.isSafeInteger(length) && length >= 0 ? length : otherwise;
  }

  bytesRead(): number {
    return [...this.files.values()].reduce((sum, file) => sum + file.bytesRead, 0);
  }
}

const nothing = (error: TraceError): ReadOutcome => ({ data: sourceData({ producer: PRODUCER }), error });

async function readFolder(
  name: string,
  entries: readonly ByteSource[],
  context: ReaderContext,
): Promise<ReadOutcome> {
  const files = new Map<string, ParquetFile>();
  const warnings: Warning[] = [];
  let events: TraceError | null = null;
  for (const entry of entries) {
    const table = stemOf(entry.name);
    if (!READ_TABLES.has(table) || files.has(table)) continue;
    await context.breathe();
    if (!isParquet(await entry.read(0, 4))) {
      warnings.push({ message: `${table}: the file is no Parquet file and was left out.`, offset: null });
      continue;
    }
    try {
      files.set(table, await ParquetFile.open(entry));
    } catch (thrown) {
      if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
      if (table === EVENTS_TABLE) events = thrown;
      warnings.push({ message: `${table} could not be read: ${thrown.message}`, offset: thrown.offset });
    }
  }
  const tables = new ParquetTables(files);
  if (!isNsys(tables)) {
    const message = 'This folder holds no table of Nsight Systems in Parquet form.';
    return nothing(events ?? new TraceError('unsupported', message, { file: name, format: FORMAT }));
  }
  const storedBytes = entries.reduce((sum, entry) => sum + entry.size, 0);
  const outcome = await readNsysTables(tables, { name, format: FORMAT, storedBytes, warnings }, context);
  return { ...outcome, error: outcome.error ?? events };
}

export const nsysParquetDirReader: FolderReader = {
  format: FORMAT,
  title: 'Nsight Systems Parquet folder',
  sniff(names, heads) {
    const tables = names.filter((name) => isNsysTable(stemOf(name)));
    const areParquet =
      [...heads.values()].some(isParquet) || (heads.size === 0 && /\.parquet$/i.test(names[0] ?? ''));
    return tables.length > 0 && areParquet
      ? { score: 0.9, reason: `Parquet files named like ${tables.length} tables of Nsight Systems` }
      : { score: 0, reason: 'no Parquet file named like a table of Nsight Systems' };
  },
  read: readFolder,
};

/** The columns are in the footer, at the end of the file: a head says Parquet and no more. */
function sniff(head: Head): Sniff {
  if (!isParquet(head.bytes)) return { score: 0, reason: 'not a Parquet file' };
  return isNsysTable(stemOf(head.name))
    ? { score: 0.8, reason: 'Parquet, named like a table of Nsight Systems' }
    : { score: 0.6, reason: 'Parquet' };
}

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  const { name, source, storedBytes } = input;
  const at = { file: name, format: FORMAT };
  if (source === null) {
    const message = 'A Parquet file is read by position, which a compressed file does not allow.';
    return nothing(
      new TraceError('unsupported', message, { ...at, advice: `Unpack it first: gunzip ${name}` }),
    );
  }
  let file: ParquetFile;
  try {
    file = await ParquetFile.open(source);
  } catch (thrown) {
    if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
    return nothing(thrown);
  }
  const isEvents = ['bytes', 'memKind', 'memoryOperationType'].every((column) => file.columns.has(column));
  if (!isEvents) {
    const stem = stemOf(name);
    const message = 'This Parquet file holds no memory events of Nsight Systems.';
    const advice =
      'If it is one file of an Nsight Systems export (nsys export --type=parquetdir), drop the whole folder: its files together are the recording.';
    return nothing(
      isNsysTable(stem)
        ? partOfFolder(name, stem, FORMAT, 'parquetdir')
        : new TraceError('refused', message, { ...at, advice }),
    );
  }
  const tables = new ParquetTables(new Map([[EVENTS_TABLE, file]]));
  return readNsysTables(tables, { name, format: FORMAT, storedBytes, warnings: [], isAlone: true }, context);
}

/** One Parquet file alone. */
export const nsysParquetReader: Reader = {
  format: FORMAT,
  title: 'Nsight Systems Parquet table',
  sniff,
  read,
};
