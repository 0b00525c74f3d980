/**
 * Every table of every kind of input, written in all four formats and read back by apache-arrow, hyparquet and DuckDB:
 * the same rows, types and sums as in memory.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sourcesAt } from '../../src/cli/node-source.ts';
import { Engine } from '../../src/engine/engine.ts';
import { FORMATS, type TableFormat, type TableName } from '../../src/engine/table-query.ts';
import { DECLARATIONS } from '../../src/trace/table/declarations.ts';
import type { Fields, FieldType } from '../../src/trace/table/fields.ts';
import {
  Duck,
  duckType,
  firstDifference,
  readArrow,
  readJsonLines,
  readParquet,
} from '../trace/table-cells.ts';

const ROOT = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'vramscope-tables-'));
let duck: Duck;
beforeAll(async () => {
  duck = await Duck.open();
});
afterAll(() => {
  duck.close();
  rmSync(folder, { recursive: true });
});

/** [inputs opened together, tables they must have]. */
const INPUTS: readonly (readonly [readonly string[], readonly TableName[]])[] = [
  [['samples/train.pickle.gz'], ['events', 'segments', 'blocks', 'stacks', 'findings']],
  [
    ['test/fixtures/snapshot/graphs.pickle.gz', 'test/fixtures/snapshot/oom.devices.pickle'],
    ['events', 'segments', 'blocks', 'stacks'],
  ],
  [
    [
      'test/fixtures/nsys-forms/pools.arrowdir',
      'samples/nsys-small.sqlite',
      'test/fixtures/snapshot/oom.pickle',
    ],
    ['events', 'pools'],
  ],
  [
    ['test/fixtures/snapshot/torch214.pickle', 'test/fixtures/snapshot/torch214.unknown.pickle'],
    ['events', 'segments', 'blocks', 'stacks', 'annotations'],
  ],
  [['samples/serve.summaries.log.gz'], ['summaries']],
  [
    [
      'test/fixtures/log/vllm-v1-tp2.log',
      'test/fixtures/log/serve.requests.log',
      'test/fixtures/log/oom.txt',
    ],
    ['gauges', 'requests', 'budgets', 'log_events'],
  ],
  [
    ['test/fixtures/prometheus-text/dcgm-three-scrapes.prom', 'test/fixtures/nvidia-smi/query.csv'],
    ['gauges'],
  ],
];

const ARROW_TYPES: Readonly<Record<FieldType, string>> = {
  int64: 'Int64',
  uint64: 'Uint64',
  float64: 'Float64',
  int32: 'Int32',
  uint32: 'Uint32',
  uint16: 'Uint16',
  bool: 'Bool',
  utf8: 'Utf8',
  dictionary8: 'Dictionary<Uint8, Utf8>',
  dictionary16: 'Dictionary<Uint16, Utf8>',
  dictionary32: 'Dictionary<Uint32, Utf8>',
};

async function engineOf(paths: readonly string[]): Promise<Engine> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  for (const [job, path] of paths.entries()) {
    const { sources, folder: isFolder } = sourcesAt(join(ROOT, path));
    if (isFolder) await engine.openFolder(job, path, sources, () => undefined);
    else await engine.open(job, sources[0], () => undefined);
    for (const source of sources) source.close();
  }
  return engine;
}

async function saved(engine: Engine, table: TableName, format: TableFormat): Promise<Uint8Array> {
  const answer = await engine.saveTable({ table, format, source: null, device: null });
  if (!answer.ok) throw new Error(answer.error.message);
  return new Uint8Array(Buffer.concat(answer.value));
}

describe.each(INPUTS)('%j', (paths, must) => {
  it('all tables in all formats', async () => {
    const engine = await engineOf(paths);
    const listed = await engine.tables({ source: null, device: null });
    if (!listed.ok) throw new Error(listed.error.message);
    const files = (await engine.analysis()).sources.map(({ file }) => file);
    const names = listed.value.map(({ table }) => table);
    for (const name of must) expect(names).toContain(name);
    for (const declaration of DECLARATIONS) {
      const { name } = declaration;
      const fields: Fields = declaration.fields;
      const bytes = Object.fromEntries(
        await Promise.all(FORMATS.map(async (format) => [format, await saved(engine, name, format)])),
      ) as Record<TableFormat, Uint8Array>;
      const arrow = readArrow(bytes.arrow);
      const rows =
        listed.value.find(({ table }) => table === name)?.rows ??
        (name === 'findings' ? arrow.rows.length : 0);
      expect([name, arrow.rows.length]).toEqual([name, rows]);
      const parquet = await readParquet(bytes.parquet);
      expect(firstDifference(parquet.rows, arrow.rows)).toBeNull();
      expect(firstDifference(readJsonLines(declaration, bytes.jsonl), arrow.rows)).toBeNull();
      const csv = join(folder, `${name}.csv`);
      writeFileSync(csv, bytes.csv);
      expect(firstDifference(await duck.csv(declaration, csv), arrow.rows)).toBeNull();
      const path = join(folder, `${name}.parquet`);
      writeFileSync(path, bytes.parquet);
      expect(firstDifference(await duck.query(`select * from '${path}'`), arrow.rows)).toBeNull();
      const described = await duck.query(`describe select * from '${path}'`);
      expect(described.map(({ column_name, column_type }) => [column_name, column_type])).toEqual(
        Object.entries(fields).map(([field, { type }]) => [field, duckType(type)]),
      );
      expect(arrow.types).toEqual(
        Object.fromEntries(Object.entries(fields).map(([field, { type }]) => [field, ARROW_TYPES[type]])),
      );
      for (const metadata of [arrow.metadata, parquet.metadata]) {
        expect(metadata.get('vramscope.table')).toBe(name);
        expect(metadata.get('vramscope.schema')).toBe('1');
        const told = JSON.parse(metadata.get('vramscope.sources')!) as { file: string; producer: string }[];
        expect(told.map(({ file }) => file)).toEqual(files);
        for (const { producer } of told) expect(producer).not.toBe('');
      }
    }
  });
});
