/**
 * `vramscope export FILE... --table NAMES --format FORMAT [-o PATH]`: tables of what was read, as files for other
 * programs. A file is written beside its place and put there when it is whole.
 */
import { count } from '../base/words.ts';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { TraceError } from '../base/trace-error.ts';
import { Engine } from '../engine/engine.ts';
import type { TableFormat, TableName } from '../engine/table-query.ts';
import type { ExportArguments } from './export-arguments.ts';
import { kindOf, NewFile, refuseInputs } from './new-file.ts';
import { reasonOf } from './open-files.ts';
import { openPaths } from './open-paths.ts';
import { errorLines } from './print.ts';
import { lines } from './terminal.ts';

export const EXPORT_USAGE = `usage: vramscope export PATH... --table TABLES --format arrow|parquet|csv|jsonl [-o PATH]

  export    write tables for other programs (docs/tables.md)
  --table   events, segments, blocks, stacks, annotations, kernels, pools, summaries, gauges, requests, budgets,
            log_events, findings; comma-separated, or "all": every table that has rows
  --format  output format; optional if one table goes to a path with that extension
  -o        output file, or folder for several tables; default: one table to standard output`;

interface Output {
  write(bytes: string | Uint8Array): unknown;
}

const EXIT_WRITTEN = 0;
const EXIT_FAILED = 3;

async function writeOne(
  engine: Engine,
  table: TableName,
  format: TableFormat,
  path: string,
  inputs: readonly string[],
): Promise<number> {
  refuseInputs(path, inputs);
  const file = new NewFile(path);
  const answer = await engine.writeTable({ table, format, source: null, device: null }, file.write);
  if (answer.ok) file.finish();
  else {
    file.giveUp();
    throw new TraceError(answer.error.code, answer.error.message);
  }
  return answer.value;
}

/** Exit code: 3 where a file could not be read, or not to its end, or a table not be written. */
export async function exportCommand(
  { paths, tables, format, output }: ExportArguments,
  out: Output,
  err: Output,
): Promise<number> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  let failed = false;
  await openPaths(engine, paths, (path, views) => {
    for (const { error } of views) {
      if (error === null) continue;
      failed = true;
      err.write(lines(errorLines(error).map((line, at) => (at === 0 ? `${path}: ${line}` : line))));
    }
  });
  try {
    if (output === null) {
      const [table] = tables as readonly TableName[];
      const answer = await engine.writeTable({ table, format, source: null, device: null }, (bytes) => {
        // A copy: a stream may keep it for later.
        out.write(bytes.slice());
      });
      if (!answer.ok) throw new TraceError(answer.error.code, answer.error.message);
    } else {
      const isFolder =
        tables === 'all' || tables.length > 1 || kindOf(output) === 'folder' || /[/\\]$/.test(output);
      if (isFolder) mkdirSync(output, { recursive: true });
      for (const table of await namesOf(engine, tables)) {
        const path = isFolder ? join(output, `${table}.${format}`) : output;
        const rows = await writeOne(engine, table, format, path, paths);
        err.write(lines([`${path}: ${count(rows, 'row')}`]));
      }
    }
  } catch (thrown) {
    err.write(lines([`vramscope: ${reasonOf(thrown)}`]));
    return EXIT_FAILED;
  }
  return failed ? EXIT_FAILED : EXIT_WRITTEN;
}

/** All: those with a row, and the findings, which can be none. */
async function namesOf(engine: Engine, tables: ExportArguments['tables']): Promise<readonly TableName[]> {
  if (tables !== 'all') return tables;
  const listed = await engine.tables({ source: null, device: null });
  return listed.ok ? listed.value.map(({ table }) => table) : [];
}
