/**
 * SQLite exports of Nsight Systems (`nsys export --type=sqlite`), of every schema met so far: without a version
 * (2021.2) to 3.25 (2026.2), trimmed ones included. What is read out of them, and what never: nsys-source.ts.
 * https://docs.nvidia.com/nsight-systems/UserGuide/index.html#exporter-sqlite-schema
 */
import { count } from '../../base/words.ts';
import { TraceError } from '../../base/trace-error.ts';
import type { Warning } from '../../trace/capture.ts';
import { sourceData } from '../../trace/source-data.ts';
import { EVENTS_TABLE, isNsys } from './schema.ts';
import { readNsysTables } from './source.ts';
import type { NsysTables, Rows } from './tables.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from '../reader.ts';
import { isWalMode, openSqlite, sizeByHeader, type SqliteFile } from './sqlite-host.ts';

const FORMAT = 'nsys-sqlite';
const MAGIC = 'SQLite format 3\0';
const TABLES_NAMED = 8;

const nothing = (error: TraceError): ReadOutcome => ({
  data: sourceData({ producer: 'SQLite database' }),
  error,
});

const hasMagic = (bytes: Uint8Array): boolean =>
  bytes.length >= MAGIC.length && [...MAGIC].every((character, i) => bytes[i] === character.charCodeAt(0));

function sniff(head: Head): Sniff {
  return hasMagic(head.bytes)
    ? { score: 0.9, reason: 'SQLite database' }
    : { score: 0, reason: 'not an SQLite database' };
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Tables by name, as they are found. */
class SqliteTables implements NsysTables {
  readonly names: ReadonlySet<string>;
  /** Views and virtual tables: their SQL is the file's, and is never run. */
  readonly views: ReadonlySet<string>;
  private readonly known = new Map<string, ReadonlySet<string>>();

  constructor(
    private readonly file: SqliteFile,
    private readonly storedBytes: number,
  ) {
    const names: string[] = [];
    const views: string[] = [];
    const rows = file.query(
      "SELECT name, type = 'table' AND sql NOT LIKE 'create virtual%' FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY rowid",
    );
    while (rows.step()) (rows.int(1) === 1 ? names : views).push(rows.text(0));
    rows.close();
    this.names = new Set(names);
    this.views = new Set(views);
  }

  columns(table: string): ReadonlySet<string> {
    let names = this.known.get(table);
    if (names !== undefined) return names;
    const found = new Set<string>();
    if (this.views.has(table)) return found;
    // Columns that are computed (hidden: 2 and 3) are SQL of the file as views are.
    const rows = this.file.query(`PRAGMA table_xinfo(${quote(table)})`);
    while (rows.step()) if (rows.int(6) === 0) found.add(rows.text(1));
    rows.close();
    this.known.set(table, (names = found));
    return names;
  }

  async *rows(table: string, columns: readonly string[]): AsyncGenerator<Rows> {
    const known = this.columns(table);
    const list = columns.map((column) => (known.has(column) ? quote(column) : 'NULL'));
    const rows = this.file.query(`SELECT ${list.join(', ')} FROM ${quote(table)}`);
    try {
      yield await Promise.resolve(rows);
    } finally {
      rows.close();
    }
  }

  /** An upper bound, quickly: the largest rowid. A table without one has none. */
  rowBound(table: string, otherwise: number): number {
    try {
      const rows = this.file.query(`SELECT max(rowid) FROM ${quote(table)}`);
      const bound = rows.step() && !rows.isNull(0) ? rows.number(0) : otherwise;
      rows.close();
      return bound >= 0 && Number.isSafeInteger(bound) ? bound : otherwise;
    } catch {
      return otherwise;
    }
  }

  bytesRead(): number {
    return Math.min(this.file.blocks.bytesRead, this.storedBytes);
  }
}

function notNsys(tables: NsysTables, file: string): TraceError {
  const names = [...tables.names];
  const rest = names.length - TABLES_NAMED;
  const list = names.slice(0, TABLES_NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  return new TraceError(
    'unsupported',
    `This SQLite database is no export of Nsight Systems: it has ${names.length === 0 ? 'no tables' : `the tables ${list}`}.`,
    { file, format: FORMAT, advice: 'Export a report with: nsys export --type=sqlite REPORT.nsys-rep' },
  );
}

async function readTables(
  file: SqliteFile,
  { name, storedBytes }: ReaderInput,
  context: ReaderContext,
): Promise<ReadOutcome> {
  const tables = new SqliteTables(file, storedBytes);
  const views = [...tables.views];
  if (tables.views.has(EVENTS_TABLE)) {
    const message = `${EVENTS_TABLE} is a view where a table belongs: to read it, SQL of the file would have to be run, and that is never done.`;
    return nothing(
      new TraceError('corrupt', message, { file: name, format: FORMAT, advice: 'Export the report again.' }),
    );
  }
  if (!isNsys(tables)) return nothing(notNsys(tables, name));
  const warnings: Warning[] = [];
  if (views.length > 0)
    warnings.push({
      message: `${count(views.length, 'view was', 'views were')} not read (${views.slice(0, TABLES_NAMED).join(', ')}): SQL of a file is never run.`,
      offset: null,
    });
  if (isWalMode(file.header)) {
    warnings.push({
      message:
        `The database is in WAL mode: what still lies in ${name}-wal beside it cannot be seen. ` +
        `To be sure, run: sqlite3 ${name} 'PRAGMA wal_checkpoint(TRUNCATE)'`,
      offset: 18,
    });
  }
  const claimed = sizeByHeader(file.header);
  if (claimed > storedBytes) {
    warnings.push({
      message: `The file is cut: by its header it has ${claimed} bytes. What lies before the cut was read.`,
      offset: storedBytes,
    });
  }
  return readNsysTables(tables, { name, format: FORMAT, storedBytes, warnings }, context);
}

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  if (input.source === null) {
    const error = new TraceError(
      'unsupported',
      'An SQLite database is read by position, which a compressed file does not allow.',
      { file: input.name, format: FORMAT, advice: `Unpack it first: gunzip ${input.name}` },
    );
    return nothing(error);
  }
  context.progress('opening', 0);
  let file: SqliteFile;
  try {
    file = await openSqlite(input.source);
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown;
    return nothing(thrown);
  }
  try {
    return await readTables(file, input, context);
  } catch (thrown) {
    if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
    return nothing(thrown);
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
