/** A data set of facts, asked with DuckDB: read-only, inside of its own folder, with a limit of time and memory. */
import { closeSync, fstatSync, openSync, readdirSync, readSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance, Json } from '@duckdb/node-api';
import { TraceError } from '../../base/trace-error.ts';
import { FACT_NAMES, type FactTable, factColumns } from '../../engine/facts.ts';
import { reasonOf } from '../open-files.ts';

/** A folder that `vramscope facts` wrote: one of its tables is split by run. */
export const isDataSet = (path: string): boolean =>
  FACT_NAMES.some((name) => namesIn(join(path, name)).some((run) => run.startsWith('run=')));

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

async function load() {
  try {
    return await import('@duckdb/node-api');
  } catch (thrown) {
    throw new TraceError('unsupported', `DuckDB is not installed here (${reasonOf(thrown)}).`, {
      advice: 'npm install @duckdb/node-api, or ask the Parquet files with another engine (docs/fleet.md).',
    });
  }
}

export type Cell = string | number | boolean | null;

export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** There were more rows than asked for. */
  readonly more: boolean;
}

export interface Limits {
  readonly seconds: number;
  /** Rows that are given back. */
  readonly rows: number;
}

/** How a question begins. */
const QUESTION = /^[\s(]*(?:select|with|from|values|table|explain|describe|summarize|show)\b/i;

const onlyQuestions = (): TraceError =>
  new TraceError('refused', 'only questions are answered: a data set is read, never written', {
    advice: 'To write, use the DuckDB program on the Parquet files (docs/fleet.md).',
  });

const NO_LIMIT: Limits = { seconds: 600, rows: Infinity };
const MEMORY = '2GiB';

/** Types that the library hands over as texts, so that no digit is lost: BIGINT, HUGEINT, UBIGINT, DECIMAL(18,3), ... */
const NUMERIC = /^(?:U?(?:BIG|HUGE|SMALL|TINY)?INT(?:EGER)?|UINTEGER|DECIMAL)\b/;

/** Whole numbers beyond 2^53 are texts, as in every JSON that this program prints. */
function cellOf(value: Json, isNumeric: boolean): Cell {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value !== 'string') return JSON.stringify(value);
  if (!isNumeric) return value;
  const number = Number(value);
  return Number.isSafeInteger(number) || value.includes('.') ? number : value;
}

/** One part of a table that cannot be read. */
export interface DamagedPart {
  readonly path: string;
  readonly why: string;
}

/** Columns by table. */
export type Held = Partial<Readonly<Record<FactTable, readonly string[]>>>;

export class DataSet {
  private constructor(
    readonly path: string,
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly statementTypes: { readonly SELECT: number; readonly EXPLAIN: number },
  ) {}

  /**
   * `without`: parts that are left out. `held`: columns of tables that are read once, for many questions. Throws TraceError where it
   * is no data set, or there is no DuckDB.
   */
  static async open(path: string, without: readonly string[] = [], held: Held = {}): Promise<DataSet> {
    if (!isDataSet(path))
      throw new TraceError('unsupported', `${path} is no data set of facts.`, {
        advice: 'vramscope facts PATH... --out DATASET makes one.',
      });
    const { DuckDBInstance, StatementType } = await load();
    const root = realpathSync(path);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    for (const setting of [
      `memory_limit = '${MEMORY}'`,
      // Thousands of small files: rows are taken as they come, and questions say what order they want.
      'preserve_insertion_order = false',
      // Nothing is spilled: a sort that does not fit is refused.
      `temp_directory = ''`,
      'autoinstall_known_extensions = false',
      'autoload_known_extensions = false',
      `allowed_directories = [${text(root)}]`,
      'enable_external_access = false',
    ])
      await connection.run(`set ${setting}`);
    const set = new DataSet(path, instance, connection, StatementType);
    // Who holds some tables asks for no others.
    const asked = Object.keys(held).length === 0 ? FACT_NAMES : FACT_NAMES.filter((name) => name in held);
    for (const name of asked) await connection.run(set.definitionOf(root, name, without, held[name] ?? null));
    await connection.run('set lock_configuration = true');
    return set;
  }

  /** The columns of a table without a file are there, too. */
  private definitionOf(
    root: string,
    table: FactTable,
    without: readonly string[],
    held: readonly string[] | null,
  ): string {
    const parts = without.length === 0 ? null : partsOf(root, table);
    const left = parts?.filter((part) => !without.includes(part)) ?? null;
    if (left === null ? !hasParts(root, table) : left.length === 0) {
      const columns = factColumns(table).map(([name, type]) => `cast(null as ${type}) as ${name}`);
      return `create view ${table} as select ${columns.join(', ')}, '' as run, '' as rank where false`;
    }
    const files =
      left === null || left.length === parts!.length
        ? text(join(root, table, 'run=*', 'rank=*', '*.parquet'))
        : `[${left.map(text).join(', ')}]`;
    const what = held === null ? `view ${table} as select *` : `table ${table} as select ${held.join(', ')}`;
    return `create ${what} from read_parquet(${files}, hive_partitioning = true, hive_types = {'run': VARCHAR, 'rank': VARCHAR})`;
  }

  /** For this program's own statements, which make tables of what it worked out. */
  async run(sql: string): Promise<void> {
    await this.connection.run(sql);
  }

  /** Throws TraceError 'refused' for anything but one question, and where a limit ends it. */
  async ask(sql: string, { seconds, rows }: Limits = NO_LIMIT): Promise<Answer> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let late = false;
    try {
      const statements = await this.connection.extractStatements(sql);
      if (statements.count !== 1)
        throw new TraceError('refused', `one question at a time, not ${statements.count}`);
      // A PRAGMA, too, is a SELECT once it is prepared.
      if (!QUESTION.test(sql.replace(/--[^\n]*|\/\*[^]*?\*\//g, ' '))) throw onlyQuestions();
      const prepared = await statements.prepare(0);
      const { SELECT, EXPLAIN } = this.statementTypes;
      const type: number = prepared.statementType;
      if (type !== SELECT && type !== EXPLAIN) throw onlyQuestions();
      timer = setTimeout(() => {
        late = true;
        this.connection.interrupt();
      }, 1000 * seconds);
      const reader = await (Number.isFinite(rows)
        ? prepared.streamAndReadUntil(rows + 1)
        : prepared.streamAndReadAll());
      const all = reader.getRowsJson();
      const numeric = reader.columnTypes().map((one) => NUMERIC.test(one.toString()));
      return {
        columns: reader.columnNames(),
        rows: all.slice(0, rows).map((row) => row.map((cell, at) => cellOf(cell, numeric[at]))),
        more: all.length > rows,
      };
    } catch (thrown) {
      if (late)
        throw new TraceError('refused', `stopped after ${seconds} s`, {
          advice: 'Ask for less, or give --timeout more.',
        });
      if (thrown instanceof TraceError) throw thrown;
      const told = messageOf(thrown);
      if (told.startsWith('Out of Memory'))
        throw new TraceError('refused', `stopped: it takes more than ${MEMORY} of memory`, {
          advice: 'Ask for less: a sort or a join of fewer rows.',
        });
      throw new TraceError('refused', told);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes as long as what is held is large: a command that ends anyway leaves it to the system. */
  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }
}

const messageOf = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).trim();

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Files of a table in the order of their paths, found as they are asked for. */
function* walkParts(root: string, table: FactTable): Iterable<string> {
  const top = join(root, table);
  for (const run of namesIn(top).sort()) {
    if (!run.startsWith('run=')) continue;
    for (const rank of namesIn(join(top, run)).sort()) {
      if (!rank.startsWith('rank=')) continue;
      for (const name of namesIn(join(top, run, rank)).sort())
        if (name.endsWith('.parquet') && !name.startsWith('.')) yield join(top, run, rank, name);
    }
  }
}

const partsOf = (root: string, table: FactTable): readonly string[] => [...walkParts(root, table)];

const hasParts = (root: string, table: FactTable): boolean => {
  for (const _ of walkParts(root, table)) return true;
  return false;
};

const MAGIC = 'PAR1';

/** Why a file cannot be Parquet; null: its ends are. */
function wrongEnds(path: string): string | null {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const ends = Buffer.alloc(12);
    readSync(descriptor, ends, 0, 4, 0);
    readSync(descriptor, ends, 4, 8, Math.max(0, size - 8));
    if (size < 12 || ends.toString('latin1', 0, 4) !== MAGIC)
      return 'it does not begin as Parquet does (byte 0)';
    if (ends.toString('latin1', 8, 12) !== MAGIC) return `it does not end as Parquet does (byte ${size - 4})`;
    const footer = ends.readUInt32LE(4);
    return footer > size - 12
      ? `its footer of ${footer} bytes is longer than the file (byte ${size - 8})`
      : null;
  } finally {
    closeSync(descriptor);
  }
}

/** Files that are decoded together, where their ends are right. */
const MOST_TOGETHER = 256;

/** Parts that cannot be read: for when a question failed. Files are decoded many at once, and halved where that fails. */
export async function damagedParts(path: string): Promise<readonly DamagedPart[]> {
  const { DuckDBInstance } = await load();
  const root = realpathSync(path);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`set memory_limit = '${MEMORY}'`);
  const damaged: DamagedPart[] = [];
  const decode = async (parts: readonly string[]): Promise<void> => {
    if (parts.length === 0) return;
    try {
      // Every column is decoded; nothing of it is kept.
      await connection.run(`select count(columns(*)) from read_parquet([${parts.map(text).join(', ')}])`);
    } catch (thrown) {
      const half = parts.length >> 1;
      if (half === 0) damaged.push({ path: parts[0], why: messageOf(thrown).split('\n')[0] });
      else {
        await decode(parts.slice(0, half));
        await decode(parts.slice(half));
      }
    }
  };
  for (const name of FACT_NAMES) {
    const parts = partsOf(root, name);
    const ends = parts.map((part) => wrongEnds(part));
    parts.forEach((part, at) => ends[at] !== null && damaged.push({ path: part, why: ends[at] }));
    const left = parts.filter((_, at) => ends[at] === null);
    for (let from = 0; from < left.length; from += MOST_TOGETHER)
      await decode(left.slice(from, from + MOST_TOGETHER));
  }
  connection.closeSync();
  instance.closeSync();
  return damaged;
}
