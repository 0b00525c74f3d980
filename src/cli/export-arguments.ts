/** The arguments of `vramscope export`: which tables, in which format, to where. */
import { extname } from 'node:path';
import { FORMATS, TABLE_NAMES, type TableFormat, type TableName } from '../engine/table-query.ts';
import { takeOption } from './take-option.ts';

export interface ExportArguments {
  readonly paths: readonly string[];
  /** Several or all: into a folder, a file each. */
  readonly tables: readonly TableName[] | 'all';
  readonly format: TableFormat;
  /** null: standard output. */
  readonly output: string | null;
}

const EXTENSIONS: Readonly<Record<string, TableFormat>> = {
  '.arrow': 'arrow',
  '.feather': 'arrow',
  '.parquet': 'parquet',
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
};

/** A list without repeats, or what is wrong with it. */
function tablesOf(text: string): readonly TableName[] | 'all' | { readonly why: string } {
  if (text === 'all') return 'all';
  const names = [...new Set(text.split(','))];
  const unknown = names.find((name) => !(TABLE_NAMES as readonly string[]).includes(name));
  return unknown === undefined
    ? (names as TableName[])
    : { why: `there is no table "${unknown}"; there are all, ${TABLE_NAMES.join(', ')}` };
}

/** The arguments after "export", or why they cannot be used. */
export function exportArguments(argv: readonly string[]): ExportArguments | string {
  // What follows "--" is a path, whatever it begins with.
  const end = argv.indexOf('--');
  const given = end < 0 ? [...argv] : argv.slice(0, end);
  const [table, format, short, long] = ['--table', '--format', '-o', '--output'].map((name) =>
    takeOption(given, name),
  );
  if (short !== undefined && long !== undefined) return '-o and --output are the same';
  const output = short === undefined ? long : short;
  if (output === null || output === '') return '-o needs a path';
  if (table == null) return '--table needs a name, several with commas, or all';
  const unknown = given.find((argument) => argument.startsWith('-') && argument !== '-');
  if (unknown !== undefined) return `unknown option "${unknown}"`;
  const paths = [...given, ...(end < 0 ? [] : argv.slice(end + 1))];
  if (paths.length === 0) return 'export needs at least one file';
  const tables = tablesOf(table);
  if (typeof tables === 'object' && 'why' in tables) return tables.why;
  const isOne = tables !== 'all' && tables.length === 1;
  if (!isOne && output === undefined) return 'several tables need a folder to go to: -o FOLDER';
  const asked = format === undefined && isOne ? EXTENSIONS[extname(output ?? '').toLowerCase()] : format;
  if (asked == null || !(FORMATS as readonly string[]).includes(asked))
    return `--format needs one of ${FORMATS.join(', ')}${asked == null ? '' : `, not "${asked}"`}`;
  return {
    paths,
    tables,
    format: asked as TableFormat,
    output: output ?? null,
  };
}
