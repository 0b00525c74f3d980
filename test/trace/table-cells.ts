/**
 * Tables as cells that can be compared: as they lie in memory, and as libraries other than the writers read them
 * back. An integer of 64 bits is a bigint in all of them.
 */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { tableFromIPC } from 'apache-arrow';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { isValid, type Table } from '../../src/trace/table/column.ts';
import { type Declaration, isText } from '../../src/trace/table/fields.ts';

export type Cell = bigint | number | string | boolean | null;
export type Cells = Record<string, Cell>;

/** Rows as they lie in memory. */
export function cellsOf(table: Table): Cells[] {
  const rows: Cells[] = [];
  for (const { length, columns } of table.batches())
    for (let row = 0; row < length; row++)
      rows.push(
        Object.fromEntries(
          Object.entries(table.declaration.fields).map(([name, { type }]): [string, Cell] => {
            const column = columns[name];
            if (!isValid(column, row)) return [name, null];
            const value = column.values[row];
            if (isText(type)) return [name, column.names![value as number]];
            return [name, type === 'bool' ? value !== 0 : value];
          }),
        ),
      );
  return rows;
}

/** First difference of two tables, in words; null where they are the same. */
export function firstDifference(read: readonly Cells[], expected: readonly Cells[]): string | null {
  if (read.length !== expected.length) return `${read.length} rows, not ${expected.length}`;
  for (const [row, cells] of expected.entries()) {
    const [own, names] = [Object.keys(read[row]).join(), Object.keys(cells).join()];
    if (own !== names) return `row ${row}: columns ${own}, not ${names}`;
    for (const [name, cell] of Object.entries(cells))
      if (!Object.is(read[row][name], cell))
        return `row ${row}, ${name}: ${typeof read[row][name]} ${String(read[row][name])}, not ${typeof cell} ${String(cell)}`;
  }
  return null;
}

export function readArrow(bytes: Uint8Array): {
  rows: Cells[];
  types: Record<string, string>;
  metadata: Map<string, string>;
} {
  const table = tableFromIPC(bytes);
  const { fields, metadata } = table.schema;
  const rows = Array.from({ length: table.numRows }, (_, row) =>
    Object.fromEntries(fields.map(({ name }, at) => [name, table.getChildAt(at)!.get(row) as Cell])),
  );
  return { rows, types: Object.fromEntries(fields.map(({ name, type }) => [name, String(type)])), metadata };
}

/** A copy: a Buffer of Node may lie in the middle of a larger one. */
const bufferOf = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

export async function readParquet(
  bytes: Uint8Array,
): Promise<{ rows: Cells[]; metadata: Map<string, string> }> {
  const file = bufferOf(bytes);
  const metadata = parquetMetadata(file);
  const rows = (await parquetReadObjects({ file })) as Cells[];
  return {
    rows: rows.map((row) => ({ ...row })),
    metadata: new Map(metadata.key_value_metadata?.map(({ key, value }) => [key, value ?? ''])),
  };
}

export const readJsonLines = ({ fields }: Declaration, bytes: Uint8Array): Cells[] =>
  new TextDecoder()
    .decode(bytes)
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const cells = JSON.parse(line) as Cells;
      for (const [name, cell] of Object.entries(cells)) {
        const { type } = fields[name];
        if ((type === 'int64' || type === 'uint64') && cell !== null) cells[name] = BigInt(cell);
      }
      return cells;
    });

/** DuckDB in memory, for as many questions as there are. */
export class Duck {
  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
  ) {}

  static async open(): Promise<Duck> {
    const instance = await DuckDBInstance.create(':memory:');
    return new Duck(instance, await instance.connect());
  }

  async query(sql: string): Promise<Cells[]> {
    return (await this.connection.runAndReadAll(sql)).getRowObjects() as Cells[];
  }

  /** A CSV file of the declared types; what was put before a formula is taken away again. */
  async csv({ fields }: Declaration, path: string): Promise<Cells[]> {
    const columns = Object.entries(fields).map(([name, { type }]) => `'${name}': '${duckType(type)}'`);
    const rows = await this.query(
      `select * from read_csv('${path}', header = true, allow_quoted_nulls = false, columns = {${columns.join(', ')}})`,
    );
    for (const row of rows)
      for (const [name, { type }] of Object.entries(fields))
        if (isText(type) && row[name] !== null) row[name] = String(row[name]).replace(/^'/, '');
    return rows;
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }
}

const DUCK_TYPES: Readonly<Record<string, string>> = {
  int64: 'BIGINT',
  uint64: 'UBIGINT',
  float64: 'DOUBLE',
  int32: 'INTEGER',
  uint32: 'UINTEGER',
  uint16: 'USMALLINT',
  bool: 'BOOLEAN',
};
export const duckType = (type: string): string => DUCK_TYPES[type] ?? 'VARCHAR';
