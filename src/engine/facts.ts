/** The facts of one source of a data set (src/trace/table/facts.ts), from the same sessions that answer `analyze --json`. */
import { tablesOf } from '../trace/table/all.ts';
import { coded, type Row, type Table, tableOfRows } from '../trace/table/column.ts';
import {
  CURVES,
  FACT_BUDGETS,
  FACT_FINDINGS,
  FACT_GAUGES,
  FACT_REQUESTS,
  FACT_TABLES,
  type FactTable,
  FACTS_VERSION,
  ITERATIONS,
  RANKS,
  SITES,
} from '../trace/table/facts.ts';
import { type Declaration, type Fields, type FieldType, isText } from '../trace/table/fields.ts';
import type { WriteBytes } from '../trace/table/writer.ts';
import type { Analysis } from './document/analysis.ts';
import type { OpenSource } from './open-source.ts';
import { sourcesOf } from './tables.ts';
import type { AboutSource } from './document/fact-source.ts';
import { curveRows, iterationRows } from './document/fact-curves.ts';
import { deviceRow, failedRow, type RankRow, sourceRow } from './document/fact-ranks.ts';
import { siteRows } from './document/fact-sites.ts';

export type { AboutSource } from './document/fact-source.ts';

/** A table of one trace with the path of its source in place of its number. */
function ofMany(table: Table | undefined, declaration: Declaration, source: string): Table {
  if (table === undefined) return tableOfRows(declaration, []);
  return {
    declaration,
    rows: table.rows,
    *batches() {
      for (const { length, columns } of table.batches())
        yield {
          length,
          columns: { ...columns, source: coded(new Uint32Array(length), [source]) },
        };
    },
  };
}

/** All tables, `ranks` last: whoever writes them in this order writes what says that all is there last. */
export async function factsOf(
  open: readonly OpenSource[],
  analysis: Analysis,
  findings: Table,
  about: AboutSource,
): Promise<readonly Table[]> {
  const ranks: RankRow[] = [];
  const sites: Row<typeof SITES.fields>[] = [];
  const curves: Row<typeof CURVES.fields>[] = [];
  const iterations: Row<typeof ITERATIONS.fields>[] = [];
  for (const [index, one] of open.entries()) {
    const told = analysis.sources[index];
    const before = ranks.length;
    const at = { source: about.source, file: told.file };
    for (const session of one.sessions) {
      const { device } = session.trace;
      const isOf = (row: { readonly source: number | null; readonly device: number }): boolean =>
        row.source === index && row.device === device;
      const growth = analysis.growth.filter(isOf);
      const { lines, rows } = siteRows(session, one.loaded.data.producer, growth);
      ranks.push(
        deviceRow(
          about,
          told,
          { session, open: one, lines },
          { device: analysis.devices.find(isOf), ledgers: analysis.ledger.filter(isOf), growth },
        ),
      );
      sites.push(...rows.map((row) => ({ ...at, ...row })));
      curves.push(...(await curveRows(session)).map((row) => ({ ...at, ...row })));
      iterations.push(...iterationRows(session).map((row) => ({ ...at, ...row })));
    }
    if (ranks.length === before) {
      const isEmpty = told.rows === 0 && one.loaded.data.readings === undefined;
      ranks.push(sourceRow(about, told, told.error !== undefined && isEmpty));
    }
  }
  const tables = tablesOf(sourcesOf(open, { source: null, device: null }));
  const named = (name: string): Table | undefined =>
    tables.find(({ declaration }) => declaration.name === name);
  return [
    tableOfRows(SITES, sites),
    tableOfRows(CURVES, curves),
    tableOfRows(ITERATIONS, iterations),
    ofMany(findings, FACT_FINDINGS, about.source),
    ofMany(named('requests'), FACT_REQUESTS, about.source),
    ofMany(named('budgets'), FACT_BUDGETS, about.source),
    ofMany(named('gauges'), FACT_GAUGES, about.source),
    tableOfRows(RANKS, ranks),
  ];
}

/** The tables of a source that could not be read at all: one row that says why. */
export const failedTables = (about: AboutSource, why: string): readonly Table[] => [
  ...[SITES, CURVES, ITERATIONS, FACT_FINDINGS, FACT_REQUESTS, FACT_BUDGETS, FACT_GAUGES].map((declaration) =>
    tableOfRows(declaration as Declaration, []),
  ),
  tableOfRows(RANKS, [failedRow(about, why)]),
];

export type { FactTable };
export const FACT_NAMES: readonly FactTable[] = FACT_TABLES.map(({ name }) => name);

const SQL_TYPES: Partial<Record<FieldType, string>> = {
  int64: 'BIGINT',
  uint64: 'UBIGINT',
  float64: 'DOUBLE',
  int32: 'INTEGER',
  uint32: 'UINTEGER',
  uint16: 'USMALLINT',
  bool: 'BOOLEAN',
};

/** Columns of a table with their types in DuckDB, for a data set that has no file of it. */
export const factColumns = (table: FactTable): readonly (readonly [name: string, type: string])[] =>
  Object.entries(FACT_TABLES.find(({ name }) => name === table)!.fields as Fields).map(([name, { type }]) => [
    name,
    isText(type) ? 'VARCHAR' : SQL_TYPES[type]!,
  ]);

/** A file of one table that is whole at its end, or is not there. */
export interface Part {
  readonly write: WriteBytes;
  finish(): void;
  giveUp(): void;
}

const FINGERPRINT = 'vramscope.fingerprint';
const VERSION = 'vramscope.facts';

export interface PartsDone {
  readonly status: 'whole' | 'damaged' | 'failed';
  readonly why: string | null;
}

/** Writes each table that has rows into what `open` gives, in their order; `remove` takes away what an earlier reading left. */
export async function writeParts(
  tables: readonly Table[],
  fingerprint: string,
  { open, remove }: { readonly open: (table: string) => Part; readonly remove: (table: string) => void },
): Promise<PartsDone> {
  const { smallParquetWriter } = await import('../trace/parquet.ts');
  // First: between here and the end nothing says that all is there.
  remove(RANKS.name);
  for (const table of tables) {
    const { name } = table.declaration;
    if (table.rows === 0) {
      remove(name);
      continue;
    }
    const part = open(name);
    try {
      const metadata = new Map([
        [VERSION, String(FACTS_VERSION)],
        ['vramscope.table', name],
        [FINGERPRINT, fingerprint],
      ]);
      const writer = smallParquetWriter(table, metadata, part.write);
      for (const batch of table.batches()) writer.batch(batch);
      writer.finish();
      part.finish();
    } catch (thrown) {
      part.giveUp();
      throw thrown;
    }
  }
  const { columns } = [...tables[tables.length - 1].batches()][0];
  const text = (name: string): string | null => {
    const { values, names, valid } = columns[name];
    return valid !== null && (valid[0] & 1) === 0 ? null : names![Number(values[0])];
  };
  return { status: text('status') as PartsDone['status'], why: text('why') };
}

/** Whether a file of `ranks` was made by this version of a source with this fingerprint. Throws where it is no Parquet. */
export async function isPartOf(bytes: Uint8Array, fingerprint: string): Promise<boolean> {
  const { parquetMetadata } = await import('hyparquet');
  const { key_value_metadata: told } = parquetMetadata(bytes.slice().buffer);
  const value = (key: string): string | undefined => told?.find((one) => one.key === key)?.value;
  return value(FINGERPRINT) === fingerprint && value(VERSION) === String(FACTS_VERSION);
}
