/**
 * The tables of what is open (trace/table/declarations.ts) in an SQLite of their own, for questions in SQL. It lives in
 * memory, holds the tables that a question names, and does nothing but answer: every right but to read is refused by
 * SQLite's own authorizer (https://sqlite.org/c3ref/set_authorizer.html), and time and memory have limits.
 */
import { TraceError } from '../base/trace-error.ts';
import { breathe } from '../base/breathe.ts';
import { formatInteger } from '../base/units.ts';
import {
  DONE,
  INTERRUPT,
  NO_FILES,
  NOMEM,
  OK,
  ROW,
  type SqliteExports,
  SqliteModule,
  TYPE_NULL,
} from '../file/sqlite/module.ts';
import { sqliteWasm } from '../file/sqlite/unpacked.ts';
import { type Column, isValid, type Table } from '../trace/table/column.ts';
import { type FieldType, isText } from '../trace/table/fields.ts';

export type SqlCell = string | number | null;

export interface SqlAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlCell[])[];
  /** There were more rows than asked for. */
  readonly more: boolean;
}

export interface SqlLimits {
  /** Milliseconds that answering may take, reading the rows included. */
  readonly milliseconds: number;
  readonly rows: number;
}

/** Authorizer's codes of sqlite3.h: what reading is made of. */
const READING: readonly number[] = [20 /* READ */, 21 /* SELECT */, 31 /* FUNCTION */, 33 /* RECURSIVE */];
const DENY = 1;
const OPEN_MEMORY = 0x2 | 0x4 | 0x80;
/** Steps of SQLite's machine between two looks at the clock. */
const STEPS_A_LOOK = 20_000;
/** Bytes that SQLite may take: the tables and what a question sorts. */
const MOST_MEMORY = 1_000_000_000;
/** Rows of one table that are copied: more is the work of an engine that reads columns. */
const MOST_ROWS = 5_000_000;
/** sqlite3_limit: SQLITE_LIMIT_LENGTH, SQLITE_LIMIT_SQL_LENGTH, SQLITE_LIMIT_EXPR_DEPTH. */
const LIMITS = [
  [0, 64 << 20],
  [1, 1 << 20],
  [3, 200],
] as const;

const typeOf = (type: FieldType): string => (isText(type) ? 'TEXT' : type === 'float64' ? 'REAL' : 'INTEGER');
const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Whether a question can mean a table: its name stands in it as a word. */
const names = (sql: string, table: string): boolean => new RegExp(`\\b${table}\\b`, 'i').test(sql);

const TYPE_INTEGER = 1;
const TYPE_FLOAT = 2;
const TYPE_BLOB = 4;

export class TraceDatabase {
  private readonly loaded = new Set<string>();
  private until = Infinity;
  private reading = false;

  private constructor(
    private readonly sqlite: SqliteModule,
    private readonly db: number,
    private readonly tables: readonly Table[],
  ) {
    const { exports } = sqlite;
    for (const [limit, value] of LIMITS) exports.sqlite3_limit(db, limit, value);
    const authorizer = sqlite.pointerTo(
      (_argument: number, action: number) => (!this.reading || READING.includes(action) ? OK : DENY),
      'i(pipppp)',
    );
    exports.sqlite3_set_authorizer(db, authorizer, 0);
    const look = sqlite.pointerTo(() => (performance.now() > this.until ? 1 : 0), 'i(p)');
    exports.sqlite3_progress_handler(db, STEPS_A_LOOK, look, 0);
  }

  /** `tables`: rows are copied when a question names their table. */
  static async open(tables: readonly Table[]): Promise<TraceDatabase> {
    const sqlite = await SqliteModule.load(await sqliteWasm(), MOST_MEMORY);
    sqlite.registerVfs('none', 64, () => NO_FILES);
    const name = sqlite.allocText(':memory:');
    const slot = sqlite.alloc(4);
    const code = sqlite.exports.sqlite3_open_v2(name, slot, OPEN_MEMORY, 0);
    const db = sqlite.view().getInt32(slot, true);
    if (code !== OK) throw new TraceError('internal', `SQLite cannot be opened (code ${code}).`);
    const database = new TraceDatabase(sqlite, db, tables);
    // Every table is there, so that a question about one without rows is answered with none.
    for (const { declaration } of tables) {
      const columns = Object.entries(declaration.fields).map(
        ([column, { type }]) => `${quote(column)} ${typeOf(type)}`,
      );
      database.run(`create table ${quote(declaration.name)} (${columns.join(', ')})`);
    }
    return database;
  }

  private prepare(sql: string): number {
    const { exports } = this.sqlite;
    const text = this.sqlite.allocText(sql);
    const [slot, tail] = [this.sqlite.alloc(4), this.sqlite.alloc(4)];
    const code = exports.sqlite3_prepare_v2(this.db, text, -1, slot, tail);
    const statement = this.sqlite.view().getInt32(slot, true);
    const rest = this.sqlite.stringAt(this.sqlite.view().getInt32(tail, true));
    for (const pointer of [text, slot, tail]) exports.sqlite3_free(pointer);
    if (code !== OK) throw this.errorOf(code);
    if (statement === 0) throw new TraceError('refused', 'there is no question in it');
    if (/[^\s;]/.test(rest.replace(/--[^\n]*|\/\*[^]*?\*\//g, ''))) {
      exports.sqlite3_finalize(statement);
      throw new TraceError('refused', 'one question at a time');
    }
    return statement;
  }

  private errorOf(code: number): TraceError {
    if (code === INTERRUPT)
      return new TraceError('refused', 'stopped: it took longer than it may', {
        advice: 'Ask for less, or give it more time.',
      });
    if (code === NOMEM)
      return new TraceError(
        'refused',
        `stopped: it takes more than ${formatInteger(MOST_MEMORY / 1_000_000)} MB of memory`,
        {
          advice: 'Ask for less, or vramscope export --format parquet and ask DuckDB.',
        },
      );
    const told = this.sqlite.stringAt(this.sqlite.exports.sqlite3_errmsg(this.db));
    return told === 'not authorized' || told === 'authorization denied' || /prohibited/.test(told)
      ? new TraceError('refused', 'only questions are answered: nothing is written, attached or set')
      : new TraceError('refused', told);
  }

  private run(sql: string): void {
    const { exports } = this.sqlite;
    const statement = this.prepare(sql);
    const code = exports.sqlite3_step(statement);
    exports.sqlite3_finalize(statement);
    if (code !== DONE && code !== ROW) throw this.errorOf(code);
  }

  /** Copies the rows of a table; other work goes on between batches. */
  private async load(table: Table): Promise<void> {
    const { declaration, rows } = table;
    if (rows > MOST_ROWS)
      throw new TraceError(
        'refused',
        `${declaration.name} has ${formatInteger(rows)} rows, more than the ${formatInteger(MOST_ROWS)} that are asked here`,
        { advice: `vramscope export --table ${declaration.name} --format parquet, and ask DuckDB.` },
      );
    const { exports } = this.sqlite;
    const fields = Object.entries(declaration.fields);
    this.run('begin');
    const insert = this.prepare(
      `insert into ${quote(declaration.name)} values (${fields.map(() => '?').join(', ')})`,
    );
    try {
      for (const { length, columns } of table.batches()) {
        const binders = fields.map(([name, { type }], at) =>
          binderOf(this.sqlite, insert, at + 1, type, columns[name]),
        );
        for (let row = 0; row < length; row++) {
          for (const bind of binders) bind.row(row);
          const code = exports.sqlite3_step(insert);
          exports.sqlite3_reset(insert);
          if (code !== DONE) throw this.errorOf(code);
        }
        for (const bind of binders) bind.close();
        await breathe();
      }
    } finally {
      exports.sqlite3_finalize(insert);
    }
    this.run('commit');
    this.loaded.add(declaration.name);
  }

  /** Throws TraceError 'refused' with SQLite's own words, or where a limit ends it. */
  async ask(sql: string, { milliseconds, rows }: SqlLimits): Promise<SqlAnswer> {
    this.until = performance.now() + milliseconds;
    for (const table of this.tables)
      if (!this.loaded.has(table.declaration.name) && names(sql, table.declaration.name))
        await this.load(table);
    this.reading = true;
    let statement = 0;
    try {
      statement = this.prepare(sql);
      return this.rowsOf(statement, rows);
    } finally {
      if (statement !== 0) this.sqlite.exports.sqlite3_finalize(statement);
      this.reading = false;
      this.until = Infinity;
    }
  }

  private rowsOf(statement: number, most: number): SqlAnswer {
    const { exports } = this.sqlite;
    const count = exports.sqlite3_column_count(statement);
    const columns = Array.from({ length: count }, (_, at) =>
      this.sqlite.stringAt(exports.sqlite3_column_name(statement, at)),
    );
    const rows: SqlCell[][] = [];
    for (;;) {
      const code = exports.sqlite3_step(statement);
      if (code === DONE) return { columns, rows, more: false };
      if (code !== ROW) throw this.errorOf(code);
      if (rows.length >= most) return { columns, rows, more: true };
      rows.push(columns.map((_, at) => cellOf(this.sqlite, exports, statement, at)));
    }
  }

  close(): void {
    this.sqlite.exports.sqlite3_close_v2(this.db);
  }
}

/** Whole numbers beyond 2^53 are texts, as in every JSON that this program prints. */
function cellOf(sqlite: SqliteModule, exports: SqliteExports, statement: number, at: number): SqlCell {
  const type = exports.sqlite3_column_type(statement, at);
  if (type === TYPE_NULL) return null;
  if (type === TYPE_INTEGER) {
    const value = exports.sqlite3_column_int64(statement, at);
    return value >= -0x1fffffffffffffn && value <= 0x1fffffffffffffn ? Number(value) : String(value);
  }
  if (type === TYPE_FLOAT) return exports.sqlite3_column_double(statement, at);
  if (type === TYPE_BLOB) return `${exports.sqlite3_column_bytes(statement, at)} bytes`;
  const pointer = exports.sqlite3_column_text(statement, at);
  return sqlite.textAt(pointer, exports.sqlite3_column_bytes(statement, at));
}

interface Binder {
  row(row: number): void;
  close(): void;
}

/** Binds one column of a batch; its texts are in SQLite's memory once, however many rows have them. */
function binderOf(
  sqlite: SqliteModule,
  statement: number,
  at: number,
  type: FieldType,
  column: Column,
): Binder {
  const { exports } = sqlite;
  const { values, names: texts } = column;
  const pointers = new Map<number, { readonly pointer: number; readonly bytes: number }>();
  const textAt = (code: number): { readonly pointer: number; readonly bytes: number } => {
    let known = pointers.get(code);
    if (known === undefined) {
      const bytes = new TextEncoder().encode(texts![code]);
      const pointer = sqlite.alloc(Math.max(1, bytes.length));
      new Uint8Array(sqlite.memory.buffer).set(bytes, pointer);
      known = { pointer, bytes: bytes.length };
      pointers.set(code, known);
    }
    return known;
  };
  const bind = (row: number): void => {
    if (isText(type)) {
      const { pointer, bytes } = textAt(Number(values[row]));
      exports.sqlite3_bind_text(statement, at, pointer, bytes, 0);
    } else if (type === 'float64') exports.sqlite3_bind_double(statement, at, Number(values[row]));
    // SQLite's integers are signed: 64 bits, as every address that a driver gives has.
    else exports.sqlite3_bind_int64(statement, at, BigInt.asIntN(64, BigInt(values[row])));
  };
  return {
    row: (row) => {
      if (isValid(column, row)) bind(row);
      else exports.sqlite3_bind_null(statement, at);
    },
    close: () => {
      for (const { pointer } of pointers.values()) exports.sqlite3_free(pointer);
    },
  };
}
