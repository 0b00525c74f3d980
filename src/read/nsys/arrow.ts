/**
 * Arrow exports of Nsight Systems: `nsys export --type=arrow` (one file, a stream for each table) and
 * `--type=arrowdir` (a folder, a file for each table). Both are IPC streams whose schema says `table_name`.
 * https://docs.nvidia.com/nsight-systems/UserGuide/index.html#cli-export-command-switch-options
 *
 * What is read out of the tables, and what never: nsys-source.ts. Tables that are not needed are skipped by
 * their length, among them those with the environment.
 */
import { TraceError } from '../../base/trace-error.ts';
import type { ByteSource } from '../../file/byte-source.ts';
import type { Warning } from '../../trace/capture.ts';
import { sourceData } from '../../trace/source-data.ts';
import { arrowHead, type ArrowStream, indexArrow } from './arrow-ipc.ts';
import { arrowRows } from './arrow-stream.ts';
import { EVENTS_TABLE, isNsys, isNsysTable, READ_TABLES } from './schema.ts';
import { readNsysTables } from './source.ts';
import type { NsysTables, Rows } from './tables.ts';
import { bytesOfInput, bytesOfSource, type PositionedBytes } from './positioned-bytes.ts';
import type {
  FolderReader,
  Head,
  Reader,
  ReaderContext,
  ReaderInput,
  ReadOutcome,
  Sniff,
} from '../reader.ts';

const HEAD_BYTES = 65536;
const PRODUCER = 'Nsight Systems';

/** Name of the table that a stream holds; null: no table of Nsight. */
function tableOf({ metadata, fields }: Pick<ArrowStream, 'metadata' | 'fields'>): string | null {
  const name = metadata.get('table_name');
  if (name !== undefined) return isNsysTable(name) ? name : null;
  const columns = new Set(fields.map((field) => field.name));
  return columns.has('memoryOperationType') && columns.has('memKind') ? EVENTS_TABLE : null;
}

interface Part {
  readonly bytes: PositionedBytes;
  readonly stream: ArrowStream;
  /** What ended the table early, where this is its last part. */
  readonly error: TraceError | null;
}

class ArrowTables implements NsysTables {
  private readonly parts = new Map<string, Part[]>();

  add(table: string, part: Part): void {
    const parts = this.parts.get(table);
    if (parts === undefined) this.parts.set(table, [part]);
    else parts.push(part);
  }

  get names(): ReadonlySet<string> {
    return new Set(this.parts.keys());
  }

  columns(table: string): ReadonlySet<string> {
    const fields = (this.parts.get(table) ?? []).flatMap(({ stream }) => stream.fields);
    return new Set(fields.filter(({ kind }) => kind !== 'unread').map(({ name }) => name));
  }

  async *rows(table: string, columns: readonly string[]): AsyncGenerator<Rows> {
    for (const { bytes, stream, error } of this.parts.get(table) ?? []) {
      // The batch that the file ends in may still be whole in the columns that are asked for.
      yield* arrowRows(bytes, stream, columns);
      if (error !== null) throw error;
    }
  }

  rowBound(table: string): number {
    let rows = 0;
    for (const { stream } of this.parts.get(table) ?? [])
      for (const { length } of stream.batches) rows += length;
    return rows;
  }

  bytesRead(): number {
    const all = new Set([...this.parts.values()].flatMap((parts) => parts.map(({ bytes }) => bytes)));
    return [...all].reduce((sum, bytes) => sum + bytes.bytesRead, 0);
  }
}

const nothing = (error: TraceError): ReadOutcome => ({ data: sourceData({ producer: PRODUCER }), error });

/** Columns that are there and that this reader cannot take, as warnings. */
function unreadColumns({ fields }: ArrowStream, table: string): Warning[] {
  const names = fields.filter(({ kind }) => kind === 'unread').map(({ name }) => name);
  if (names.length === 0 || !READ_TABLES.has(table)) return [];
  const message = `The table ${table} has columns of types that are not read: ${names.join(', ')}.`;
  return [{ message, offset: null }];
}

function sniff(head: Head): Sniff {
  const found = arrowHead(head.bytes);
  if (found === null) return { score: 0, reason: 'not an Arrow IPC stream' };
  const table = tableOf(found);
  return table === null
    ? { score: 0, reason: 'Arrow, but no table of Nsight Systems' }
    : { score: 0.95, reason: `Arrow, with the table ${table} of Nsight Systems` };
}

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  const { name, storedBytes } = input;
  const bytes = bytesOfInput(input);
  const met: string[] = [];
  context.progress('looking for tables', 0);
  const isWanted = (stream: ArrowStream): boolean => {
    const table = tableOf(stream);
    met.push(table ?? 'unknown');
    return table !== null && READ_TABLES.has(table);
  };
  const { streams, error } = await indexArrow(bytes, isWanted, () => context.breathe());
  const tables = new ArrowTables();
  const warnings: Warning[] = [];
  streams.forEach((stream, i) => {
    const table = tableOf(stream);
    if (table === null) return;
    warnings.push(...unreadColumns(stream, table));
    tables.add(table, { bytes, stream, error: i === streams.length - 1 ? error : null });
  });
  if (!isNsys(tables) && met.every((table) => !isNsysTable(table))) {
    const message = 'This Arrow file holds no table of Nsight Systems.';
    return nothing(error ?? new TraceError('unsupported', message, { file: name, format: 'nsys-arrow' }));
  }
  const isAlone = met.length === 1 && error === null;
  if (isAlone && met[0] !== EVENTS_TABLE)
    return nothing(partOfFolder(name, met[0], 'nsys-arrow', 'arrowdir'));
  const file = { name, format: 'nsys-arrow', storedBytes, warnings, isAlone } as const;
  const outcome = await readNsysTables(tables, file, context);
  return { ...outcome, error: outcome.error ?? error };
}

/** One file of a folder, alone. */
export const partOfFolder = (
  file: string,
  table: string,
  format: 'nsys-arrow' | 'nsys-parquetdir',
  type: 'arrowdir' | 'parquetdir',
): TraceError =>
  new TraceError(
    'refused',
    `This is the table ${table} of an Nsight Systems export alone: one file of a folder (nsys export --type=${type}).`,
    { file, format, advice: 'Drop the whole folder: its files together are the recording.' },
  );

/** "runs/report_arwdir/StringIds.arrow" -> "StringIds". */
export const stemOf = (path: string): string => path.replace(/^.*[/\\]/, '').replace(/\.[^.]*$/, '');

export const nsysArrowReader: Reader = {
  format: 'nsys-arrow',
  title: 'Nsight Systems Arrow export',
  sniff,
  read,
};

async function readFolder(
  name: string,
  entries: readonly ByteSource[],
  context: ReaderContext,
): Promise<ReadOutcome> {
  const tables = new ArrowTables();
  const warnings: Warning[] = [];
  let found = 0;
  for (const entry of entries) {
    context.progress('looking for tables', found);
    await context.breathe();
    found += entry.size;
    const head = arrowHead(await entry.read(0, HEAD_BYTES));
    const stem = stemOf(entry.name);
    if (head === null) {
      if (READ_TABLES.has(stem)) {
        const message = `${stem}: the file is no Arrow stream and was left out.`;
        warnings.push({ message, offset: null });
      }
      continue;
    }
    const table = tableOf(head) ?? (isNsysTable(stem) ? stem : null);
    if (table === null || !READ_TABLES.has(table)) continue;
    const bytes = bytesOfSource(entry);
    const { streams, error } = await indexArrow(
      bytes,
      () => true,
      () => context.breathe(),
    );
    streams.forEach((stream, i) => {
      warnings.push(...unreadColumns(stream, table));
      tables.add(table, { bytes, stream, error: i === streams.length - 1 ? error : null });
    });
  }
  if (!isNsys(tables)) {
    const message = 'This folder holds no table of Nsight Systems in Arrow form.';
    return nothing(new TraceError('unsupported', message, { file: name, format: 'nsys-arrowdir' }));
  }
  const storedBytes = entries.reduce((sum, entry) => sum + entry.size, 0);
  return readNsysTables(tables, { name, format: 'nsys-arrowdir', storedBytes, warnings }, context);
}

export const nsysArrowDirReader: FolderReader = {
  format: 'nsys-arrowdir',
  title: 'Nsight Systems Arrow folder',
  sniff(names, heads) {
    for (const head of heads.values()) {
      const found = arrowHead(head);
      const table = found === null ? null : tableOf(found);
      if (table !== null)
        return { score: 0.95, reason: `Arrow files, one with the table ${table} of Nsight Systems` };
    }
    const tables = names.filter((name) => /\.arrows?$/i.test(name) && isNsysTable(stemOf(name)));
    return tables.length > 0 && heads.size === 0
      ? { score: 0.7, reason: `Arrow files named like ${tables.length} tables of Nsight Systems` }
      : { score: 0, reason: 'no Arrow file with a table of Nsight Systems' };
  },
  read: readFolder,
};
