/** `vramscope query PATH... 'select ...'`: SQL over a data set of facts (DuckDB), or over the tables of traces (SQLite). */
import { TraceError } from '../../base/trace-error.ts';
import { formatInteger } from '../../base/units.ts';
import { takeOption } from '../take-option.ts';
import { json, lines, visible } from '../terminal.ts';
import { textTable } from '../text-table.ts';
import { type Answer, type Cell, damagedParts, DataSet, isDataSet } from './data-set.ts';
import { makeCompared, makeRankGroups } from './groups.ts';
import { QUERIES, QUERY_NAMES, type QueryName } from './queries.ts';
import { askTraces } from './query-traces.ts';

interface Output {
  write(text: string): unknown;
}

export const QUERY_USAGE = `usage: vramscope query DATASET|PATH... 'select ...' [--format text|json|csv|jsonl] [--limit N] [--timeout SECONDS]
       vramscope query DATASET --saved NAME [--run A --against B]

  query     ask with SQL, read-only: of a data set of facts its tables (docs/fleet.md), of traces those of export
            (docs/tables.md)
  --saved   ${QUERY_NAMES.join(', ')}
  --limit   print so many rows (1000; json, jsonl and csv: all)
  --timeout stop after so many seconds (60)`;

const EXIT_READ = 0;
const EXIT_USAGE = 2;
const EXIT_FAILED = 3;

const QUERY_FORMATS = ['text', 'json', 'csv', 'jsonl'] as const;
type QueryFormat = (typeof QUERY_FORMATS)[number];

export interface QueryArguments {
  readonly paths: readonly string[];
  readonly sql: string;
  /** The runs of a question that compares two; null: none. */
  readonly compared: readonly [string, string] | null;
  readonly format: QueryFormat;
  readonly rows: number;
  readonly seconds: number;
}

const numberOf = (name: string, text: string | null | undefined, otherwise: number): number | string =>
  text === undefined
    ? otherwise
    : text !== null && /^[1-9]\d{0,8}$/.test(text)
      ? Number(text)
      : `${name} needs a number, not "${text ?? ''}"`;

/** The arguments after "query", or why they cannot be used. */
export function queryArguments(argv: readonly string[]): QueryArguments | string {
  const end = argv.indexOf('--');
  const given = end < 0 ? [...argv] : argv.slice(0, end);
  const [format, limit, timeout, saved, run, against] = [
    '--format',
    '--limit',
    '--timeout',
    '--saved',
    '--run',
    '--against',
  ].map((name) => takeOption(given, name));
  const asked = given.includes('--json') ? 'json' : (format ?? 'text');
  const rest = given.filter((one) => one !== '--json');
  const unknown = rest.find((one) => one.startsWith('-') && one !== '-');
  if (unknown !== undefined) return `unknown option "${unknown}"`;
  if (format === null || !(QUERY_FORMATS as readonly string[]).includes(asked))
    return `--format needs one of ${QUERY_FORMATS.join(', ')}`;
  const all = [...rest, ...(end < 0 ? [] : argv.slice(end + 1))];
  if (saved === null || (saved !== undefined && !(QUERY_NAMES as readonly string[]).includes(saved)))
    return `--saved needs one of ${QUERY_NAMES.join(', ')}`;
  const paths = saved === undefined ? all.slice(0, -1) : all;
  if (paths.length === 0)
    return saved === undefined ? 'query needs a data set or files, and a question' : 'query needs a data set';
  const seconds = numberOf('--timeout', timeout, 60);
  const rows = numberOf('--limit', limit, asked === 'text' ? 1000 : Infinity);
  if (typeof seconds === 'string') return seconds;
  if (typeof rows === 'string') return rows;
  if ((run == null) !== (against == null)) return '--run and --against name the two runs of a comparison';
  const sql = saved === undefined ? all[all.length - 1] : QUERIES[saved as QueryName];
  if (run == null && /\bcompared\b/.test(sql) && saved !== undefined)
    return `--saved ${saved} needs two runs: --run A --against B`;
  return {
    paths,
    sql,
    compared: run == null ? null : [run, against!],
    format: asked as QueryFormat,
    rows,
    seconds,
  };
}

async function askDataSet({ paths, sql, compared, rows, seconds }: QueryArguments): Promise<Answer> {
  const [path] = paths;
  let set: DataSet | null = null;
  try {
    set = await DataSet.open(path);
    if (/\brank_groups\b/i.test(sql)) await makeRankGroups(set);
    if (compared !== null) await makeCompared(set, ...compared);
    return await set.ask(sql, { rows, seconds });
  } catch (thrown) {
    // A part that cannot be read is told by its name, not by what a question made of it.
    const damaged = isRefusal(thrown) ? [] : await damagedParts(path);
    if (damaged.length === 0) throw thrown;
    throw new TraceError(
      'corrupt',
      `${damaged.length === 1 ? 'a part' : `${formatInteger(damaged.length)} parts`} of the data set cannot be read: ${damaged
        .slice(0, 5)
        .map((part) => `${part.path}: ${part.why}`)
        .join('; ')}`,
      { advice: 'Remove it, or run vramscope facts again for its source.' },
    );
  } finally {
    set?.close();
  }
}

/** What no part of a data set is to blame for. */
const isRefusal = (thrown: unknown): boolean =>
  thrown instanceof TraceError &&
  (thrown.code === 'unsupported' || /^(?:only questions|stopped|one question)/.test(thrown.message));

const QUOTED = /[",\n\r]/;
/** What a spreadsheet would run as a formula. */
const FORMULA = /^[=+\-@\t]/;

function csvCell(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const safe = FORMULA.test(cell) && !/^-?\d+(?:\.\d+)?$/.test(cell) ? `'${cell}` : cell;
  return QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function written({ columns, rows, more }: Answer, format: QueryFormat): string {
  const record = (row: readonly Cell[]): Record<string, Cell> =>
    Object.fromEntries(columns.map((name, at) => [name, row[at]]));
  switch (format) {
    case 'json':
      return json(rows.map(record));
    case 'jsonl':
      return rows.map((row) => `${JSON.stringify(record(row))}\n`).join('');
    case 'csv':
      return [columns, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
    case 'text':
      return lines([
        ...textTable(
          columns,
          rows.map((row) =>
            row.map((cell) => (cell === null ? '' : visible(String(cell)).replaceAll('\n', ' | '))),
          ),
        ),
        `${formatInteger(rows.length)} ${rows.length === 1 ? 'row' : 'rows'}${more ? ', and there are more (--limit N, or --format csv)' : ''}`,
      ]);
  }
}

/** `rest`: the arguments behind "query". Returns the exit code: 3 where the question was not answered. */
export async function queryCommand(rest: readonly string[], out: Output, err: Output): Promise<number> {
  const asked = queryArguments(rest);
  if (typeof asked === 'string') {
    err.write(`${lines([`vramscope: ${asked}`])}${QUERY_USAGE}\n`);
    return EXIT_USAGE;
  }
  try {
    const ofSet = asked.paths.length === 1 && isDataSet(asked.paths[0]);
    const answer = ofSet ? await askDataSet(asked) : await askTraces(asked, err);
    out.write(written(answer, asked.format));
    return EXIT_READ;
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown;
    const { message, advice } = thrown.toData();
    err.write(lines([...`vramscope: ${message}`.split('\n'), ...(advice == null ? [] : [`  ${advice}`])]));
    return EXIT_FAILED;
  }
}
