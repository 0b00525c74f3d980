/** SQLite databases made and asked by SQL, with SQLite's own JavaScript: the source of truth beside the reader. */
import sqlite3InitModule, { type Database } from '@sqlite.org/sqlite-wasm';

const sqlite3 = await sqlite3InitModule();

export type Row = readonly (number | bigint | string | null)[];

/** Bytes of a database that these statements make. */
export function makeSqlite(statements: string, rows: readonly [string, readonly Row[]][] = []): Uint8Array {
  const db = new sqlite3.oo1.DB(':memory:');
  try {
    db.exec(statements);
    for (const [table, values] of rows) {
      for (const row of values) {
        db.exec({ sql: `INSERT INTO ${table} VALUES (${row.map(() => '?').join(', ')})`, bind: [...row] });
      }
    }
    return sqlite3.capi.sqlite3_js_db_export(db);
  } finally {
    db.close();
  }
}

/** Does something with a copy of a database in memory. */
function withCopy<T>(bytes: Uint8Array, work: (db: Database) => T): T {
  const db = new sqlite3.oo1.DB();
  try {
    const { capi, wasm } = sqlite3;
    const flags = capi.SQLITE_DESERIALIZE_FREEONCLOSE | capi.SQLITE_DESERIALIZE_RESIZEABLE;
    const pointer = wasm.allocFromTypedArray(bytes);
    const code = capi.sqlite3_deserialize(db.pointer!, 'main', pointer, bytes.length, bytes.length, flags);
    if (code !== 0) throw new Error(`The database could not be copied: ${code}.`);
    return work(db);
  } finally {
    db.close();
  }
}

/** All rows that a query gives on a database, integers as bigint. */
export const askSqlite = (bytes: Uint8Array, sql: string): (bigint | string | null)[][] =>
  withCopy(bytes, (db) =>
    db
      .exec({ sql, rowMode: 'array', returnValue: 'resultRows' })
      .map((row) =>
        row.map((value) => (typeof value === 'number' ? BigInt(value) : (value as string | null))),
      ),
  );

/** The same database after these statements. */
export const changeSqlite = (bytes: Uint8Array, statements: string): Uint8Array =>
  withCopy(bytes, (db) => {
    db.exec(statements);
    return sqlite3.capi.sqlite3_js_db_export(db);
  });

/** Figures by kind as SQL gives them: kind -> allocated, freed, current, peak. */
export function kindsBySql(
  bytes: Uint8Array,
): Map<number, Record<'allocated' | 'freed' | 'current' | 'peak', bigint>> {
  const change = 'CASE memoryOperationType WHEN 0 THEN bytes ELSE -bytes END';
  const rows = askSqlite(
    bytes,
    `SELECT memKind, sum(change * (change > 0)), -sum(change * (change < 0)), sum(change), max(0, max(total)) FROM (
       SELECT memKind, ${change} AS change, sum(${change}) OVER (PARTITION BY memKind ORDER BY start, rowid) AS total
       FROM CUDA_GPU_MEMORY_USAGE_EVENTS) GROUP BY memKind`,
  ) as bigint[][];
  return new Map(
    rows.map(([kind, allocated, freed, current, peak]) => [
      Number(kind),
      { allocated, freed, current, peak },
    ]),
  );
}
