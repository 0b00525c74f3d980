/**
 * SQLite (file/sqlite/module.ts) over a ByteSource that is only read: it sees one file, through a VFS of its own.
 *
 * A file that is shorter than its header says is opened nevertheless: what lies before its end can be read,
 * and the first page beyond is an error 'truncated'. A write-ahead log beside the file is never seen.
 */
import { TraceError } from '../../base/trace-error.ts';
import type { ByteSource } from '../../file/byte-source.ts';
import { BlockReader } from './sqlite-blocks.ts';
import {
  DONE,
  INTERRUPT,
  NOMEM,
  OK,
  ROW,
  type SqliteExports,
  SqliteModule,
  TYPE_NULL,
} from '../../file/sqlite/module.ts';
import type { ThunkFunction } from '../../file/sqlite/thunks.ts';
import { sqliteWasm } from '../../file/sqlite/unpacked.ts';

// More result codes and flags of sqlite3.h.
const ERROR = 1;
const READONLY = 8;
const IOERR_READ = 266;
const IOERR_SHORT_READ = 522;
const NOTFOUND = 12;
const CANTOPEN = 14;
const TOOBIG = 18;
const NOTADB = 26;
const OPEN_READONLY = 0x1;
const OPEN_URI = 0x40;
const IOCAP_IMMUTABLE = 0x2000;

const VFS_NAME = 'source';
const HEADER_BYTES = 100;
/** Longest path SQLite may hand over; there is one, and it is short. */
const MAX_PATH = 512;
/** sqlite3_limit: SQLITE_LIMIT_LENGTH, and the longest text or blob taken; a name or a call chain has a few kB. */
const LIMIT_LENGTH = 0;
const LONGEST_VALUE = 64 << 20;
/** Steps of SQLite's machine between two looks at the clock of a statement, and looks without a row before it is ended. */
const STEPS_A_LOOK = 10_000;
const MOST_LOOKS = 10_000;

/** Size by the header, in bytes; 0 where the header does not tell (https://sqlite.org/fileformat.html). */
export function sizeByHeader(header: Uint8Array): number {
  if (header.length < HEADER_BYTES) return 0;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const pageSize = view.getUint16(16) === 1 ? 65536 : view.getUint16(16);
  // The count is valid only where the change counter equals "version-valid-for".
  return view.getUint32(24) === view.getUint32(92) ? pageSize * view.getUint32(28) : 0;
}

/** true: written in WAL mode, so that the latest changes may lie in a -wal file beside it. */
export const isWalMode = (header: Uint8Array): boolean => header[18] === 2 || header[19] === 2;

/** One result row at a time. Columns are counted from 0; values are converted as SQLite converts them. */
export class SqliteRows {
  /** Bound once: these run for every cell of millions of rows. */
  readonly int: (column: number) => number;
  private readonly file: SqliteFile;
  private readonly exports: SqliteExports;
  private statement: number;

  constructor(file: SqliteFile, exports: SqliteExports, statement: number) {
    this.file = file;
    this.exports = exports;
    this.statement = statement;
    this.int = (column) => exports.sqlite3_column_int(statement, column);
  }

  /** Goes to the next row; false at the end. */
  step(): boolean {
    this.file.looks = 0;
    const code = this.exports.sqlite3_step(this.statement);
    if (code === ROW) return true;
    if (code === DONE) return false;
    throw this.file.errorOf(code);
  }

  isNull(column: number): boolean {
    return this.exports.sqlite3_column_type(this.statement, column) === TYPE_NULL;
  }

  /** Every bit of it; 0n for NULL. */
  bigint(column: number): bigint {
    return this.exports.sqlite3_column_int64(this.statement, column);
  }

  /** Exact for integers up to 2^53; 0 for NULL. */
  number(column: number): number {
    return this.exports.sqlite3_column_double(this.statement, column);
  }

  /** '' for NULL. */
  text(column: number): string {
    const pointer = this.exports.sqlite3_column_text(this.statement, column);
    return pointer === 0
      ? ''
      : this.file.textAt(pointer, this.exports.sqlite3_column_bytes(this.statement, column));
  }

  close(): void {
    this.exports.sqlite3_finalize(this.statement);
    this.statement = 0;
  }
}

export class SqliteFile {
  readonly blocks: BlockReader;
  readonly header: Uint8Array;
  private readonly source: ByteSource;
  private readonly exports: SqliteExports;
  private db = 0;
  /** What a read inside SQLite threw: the reason behind its next error. */
  private thrown: Error | null = null;
  private isTruncated = false;
  /** Looks of the progress handler since the last row. */
  looks = 0;

  private constructor(
    source: ByteSource,
    private readonly module: SqliteModule,
  ) {
    this.source = source;
    this.exports = module.exports;
    this.blocks = new BlockReader(source);
    this.header = source.readSync(0, HEADER_BYTES);
  }

  static async open(source: ByteSource, wasm: Uint8Array<ArrayBuffer>): Promise<SqliteFile> {
    const file = new SqliteFile(source, await SqliteModule.load(wasm));
    file.module.registerVfs(VFS_NAME, MAX_PATH, (methods) => file.vfsFunctions(methods));
    file.connect();
    return file;
  }

  /** Runs one statement. Close the rows when done. */
  query(sql: string): SqliteRows {
    const text = this.module.allocText(sql);
    const slot = this.module.alloc(4);
    const code = this.exports.sqlite3_prepare_v2(this.db, text, -1, slot, 0);
    const statement = this.module.view().getInt32(slot, true);
    this.exports.sqlite3_free(text);
    this.exports.sqlite3_free(slot);
    if (code !== OK) throw this.errorOf(code);
    return new SqliteRows(this, this.exports, statement);
  }

  close(): void {
    this.exports.sqlite3_close_v2(this.db);
    this.db = 0;
  }

  textAt(pointer: number, length: number): string {
    return this.module.textAt(pointer, length);
  }

  /** The error that a result code stands for, with what is known of its cause. */
  errorOf(code: number): TraceError {
    const { thrown } = this;
    this.thrown = null;
    if (thrown instanceof TraceError) return thrown;
    const format = 'sqlite';
    const { name: file, size } = this.source;
    if (thrown !== null) return new TraceError('io', 'The file could not be read.', { file });
    if (this.isTruncated) {
      const claimed = sizeByHeader(this.header);
      return new TraceError(
        'truncated',
        `The database ends after ${size} bytes, and by its header it has ${claimed}.`,
        { file, format, offset: size, advice: 'Copy or export the file again.' },
      );
    }
    if (code === NOTADB)
      return new TraceError('corrupt', 'This is no SQLite database.', { file, format, offset: 0 });
    if (code === NOMEM)
      return new TraceError('memory', 'There was not enough memory to read the database.', { file, format });
    const advice = 'Export the report again, or copy the file again.';
    if (code === INTERRUPT)
      return new TraceError('corrupt', 'Reading the database does not come to an end, and was ended.', {
        file,
        format,
        advice,
      });
    if (code === TOOBIG)
      return new TraceError(
        'corrupt',
        `The database holds a value of more than ${LONGEST_VALUE >> 20} MiB.`,
        {
          file,
          format,
          advice,
        },
      );
    // What SQLite says quotes the file; its number is enough to look the reason up (https://sqlite.org/rescode.html).
    return new TraceError(
      code === ERROR ? 'unsupported' : 'corrupt',
      code === ERROR
        ? 'The schema of the database cannot be read.'
        : `The database is damaged (SQLite's code ${code}).`,
      { file, format, advice },
    );
  }

  private connect(): void {
    const name = this.module.allocText(`file:source?immutable=1`);
    const slot = this.module.alloc(4);
    const vfs = this.module.allocText(VFS_NAME);
    const code = this.exports.sqlite3_open_v2(name, slot, OPEN_READONLY | OPEN_URI, vfs);
    this.db = this.module.view().getInt32(slot, true);
    for (const pointer of [name, slot, vfs]) this.exports.sqlite3_free(pointer);
    if (code !== OK) throw this.errorOf(code);
    this.exports.sqlite3_limit(this.db, LIMIT_LENGTH, LONGEST_VALUE);
    // No statement runs on without giving rows: not 0 ends it (https://sqlite.org/c3ref/progress_handler.html).
    const handler = this.module.pointerTo(() => (++this.looks > MOST_LOOKS ? 1 : 0), 'i(p)');
    this.exports.sqlite3_progress_handler(this.db, STEPS_A_LOOK, handler, 0);
  }

  /** The functions of SQLite's VFS and of its one file, by the names in sqlite3.h. */
  private vfsFunctions(methods: () => number): Readonly<Record<string, ThunkFunction>> {
    const refuse = (): number => READONLY;
    const done = (): number => OK;
    return {
      xOpen: (_vfs: number, _name: number, handle: number, flags: number, outFlags: number) => {
        // Journals and temporary files: there are none (SQLite sorts in memory, see TEMP_STORE).
        if ((flags & OPEN_READONLY) === 0) return CANTOPEN;
        this.module.view().setInt32(handle, methods(), true);
        if (outFlags !== 0) this.module.view().setInt32(outFlags, flags, true);
        return OK;
      },
      xAccess: (_vfs: number, _name: number, _flags: number, out: number) => {
        this.module.view().setInt32(out, 0, true);
        return OK;
      },
      xFullPathname: (_vfs: number, name: number, length: number, out: number) => {
        const path = new TextEncoder().encode(`${this.module.stringAt(name)}\0`);
        if (path.length > length) return CANTOPEN;
        new Uint8Array(this.module.memory.buffer).set(path, out);
        return OK;
      },
      // Nothing here is written, so nothing depends on chance or time.
      xRandomness: (_vfs: number, length: number, out: number) => {
        new Uint8Array(this.module.memory.buffer, out, length).fill(7);
        return length;
      },
      xCurrentTime: (_vfs: number, out: number) => {
        this.module.view().setFloat64(out, 0, true);
        return OK;
      },
      xDelete: refuse,
      xSleep: done,
      xGetLastError: done,
      xClose: done,
      xRead: (_handle: number, out: number, length: number, offset: bigint) =>
        this.readInto(out, length, Number(offset)),
      xWrite: refuse,
      xTruncate: refuse,
      xSync: done,
      xFileSize: (_handle: number, out: number) => {
        this.module
          .view()
          .setBigInt64(out, BigInt(Math.max(this.source.size, sizeByHeader(this.header))), true);
        return OK;
      },
      xLock: done,
      xUnlock: done,
      xCheckReservedLock: (_handle: number, out: number) => {
        this.module.view().setInt32(out, 0, true);
        return OK;
      },
      xFileControl: () => NOTFOUND,
      xSectorSize: () => 4096,
      xDeviceCharacteristics: () => IOCAP_IMMUTABLE,
    };
  }

  private readInto(out: number, length: number, offset: number): number {
    const target = new Uint8Array(this.module.memory.buffer, out, length);
    let got: number;
    try {
      got = this.blocks.read(offset, target);
    } catch (thrown) {
      // An exception must not pass through SQLite: it is kept, and thrown again once SQLite has given up.
      this.thrown = thrown instanceof Error ? thrown : new Error('unknown reason');
      return IOERR_READ;
    }
    if (isWalMode(this.header)) {
      // A database in WAL mode wants its log, even where it is immutable. Its pages are the same without.
      for (const at of [18, 19]) if (at >= offset && at < offset + got) target[at - offset] = 1;
    }
    if (got === length) return OK;
    if (offset + length <= sizeByHeader(this.header)) {
      this.isTruncated = true;
      return IOERR_READ;
    }
    target.fill(0, got);
    return IOERR_SHORT_READ;
  }
}

/** The database in `source`, read-only. */
export const openSqlite = async (source: ByteSource): Promise<SqliteFile> =>
  SqliteFile.open(source, await sqliteWasm());
