/** `vramscope export`: what becomes of its arguments, and files that DuckDB reads as the command's own JSON tells them. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportArguments } from '../../src/cli/export-arguments.ts';
import { main } from '../../src/cli/main.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import { fixturePath } from '../read/snapshot/fixtures.ts';
import { Duck, readArrow } from '../trace/table-cells.ts';

const ROOT = join(import.meta.dirname, '../..');
const TRAIN = join(ROOT, 'samples/train.pickle.gz');
const oom = fixturePath('oom.pickle');
const folder = mkdtempSync(join(tmpdir(), 'vramscope-export-'));
let duck: Duck;
beforeAll(async () => {
  duck = await Duck.open();
});
afterAll(() => {
  duck.close();
  rmSync(folder, { recursive: true });
});

async function run(...argv: string[]): Promise<{ code: number; out: Buffer; err: string }> {
  const out: (string | Uint8Array)[] = [];
  let err = '';
  const code = await main(
    argv,
    { write: (bytes) => out.push(bytes) },
    { write: (text) => (err += String(text)) },
  );
  return { code, out: Buffer.concat(out.map((part) => Buffer.from(part))), err };
}

describe('arguments', () => {
  it.each([
    [['a'], /--table needs/],
    [['a', '--table', 'event', '--format', 'csv'], /no table "event"; there are all, events, /],
    [['a', '--table', 'events'], /--format needs one of arrow, parquet, csv, jsonl/],
    [['a', '--table', 'events', '--format', 'xlsx'], /not "xlsx"/],
    [['a', '--table', 'all', '--format', 'csv'], /-o FOLDER/],
    [['a', '--table', 'events,blocks', '--format', 'csv'], /-o FOLDER/],
    [['--table', 'events', '--format', 'csv'], /at least one file/],
    [['a', '--table', 'events', '--format', 'csv', '--fast'], /unknown option "--fast"/],
    [['a', '--table', 'events', '--format', 'csv', '-o'], /-o needs a path/],
    [['a', '--table', 'events', '-o', 'x.txt'], /--format needs/],
  ])('unusable: %j', async (argv, why) => {
    const { code, out, err } = await run('export', ...argv);
    expect([code, out.length]).toEqual([2, 0]);
    expect(err).toMatch(why);
  });

  it.each([
    [['a', 'b', '--table=events', '-o', 'x.parquet'], 'parquet', ['events'], ['a', 'b']],
    [['a', '--table', 'blocks', '-o', 'x.FEATHER'], 'arrow', ['blocks'], ['a']],
    [['--table', 'events', '--format', 'jsonl', '--', '-a'], 'jsonl', ['events'], ['-a']],
    [
      ['a', '--table', 'events,events,stacks', '--format=csv', '--output=d'],
      'csv',
      ['events', 'stacks'],
      ['a'],
    ],
  ])('usable: %j', (argv, format, tables, paths) => {
    expect(exportArguments(argv)).toMatchObject({ format, tables, paths });
  });

  it('help', async () => {
    const { code, out, err } = await run('export', '--help');
    expect([code, err]).toEqual([0, '']);
    expect(out.toString()).toContain('vramscope export PATH...');
  });
});

describe('all tables of the sample as Parquet', () => {
  const target = join(folder, 'train');
  let analysis: Analysis;
  beforeAll(async () => {
    const told = await run('analyze', TRAIN, '--json');
    analysis = JSON.parse(told.out.toString()) as Analysis;
    const { code, out } = await run('export', TRAIN, '--table', 'all', '--format', 'parquet', '-o', target);
    expect([code, out.length]).toEqual([0, 0]);
  }, 120_000);

  it('are there, whole, and nothing else', () => {
    expect(readdirSync(target).sort()).toEqual(
      ['annotations', 'blocks', 'events', 'findings', 'segments', 'stacks'].map((name) => `${name}.parquet`),
    );
  });

  it('sum to what analyze --json says', async () => {
    const events = `'${join(target, 'events.parquet')}'`;
    const [{ sum }] = await duck.query(`select sum(size) as sum from ${events} where action = 'alloc'`);
    const told = analysis.devices[0].streams.reduce((total, { bytes }) => total + BigInt(bytes), 0n);
    expect(sum).toBe(told);
    expect(told).toBeGreaterThan(1n << 30n);
    const counts = await duck.query(`select action, count(*) as n from ${events} group by action`);
    expect(Object.fromEntries(counts.map(({ action, n }) => [action, Number(n)]))).toEqual(
      analysis.devices[0].events,
    );
    const [{ reserved }] = await duck.query(
      `select sum(total_size) as reserved from '${join(target, 'segments.parquet')}'`,
    );
    expect(reserved).toBe(analysis.devices[0].memory_stats['reserved_bytes.all.current']);
    const [{ allocated }] = await duck.query(
      `select sum(size) as allocated from '${join(target, 'blocks.parquet')}' where state = 'active_allocated'`,
    );
    expect(allocated).toBe(analysis.devices[0].memory_stats['allocated_bytes.all.current']);
  });

  it('can be joined: blocks with their segments, events with their stacks', async () => {
    const [{ wrong }] = await duck.query(`select count(*) as wrong from
      (select segment, sum(size) as size from '${join(target, 'blocks.parquet')}' group by segment) as b
      full join '${join(target, 'segments.parquet')}' as s using (segment) where b.size is distinct from s.total_size`);
    expect(wrong).toBe(0n);
    const [{ other }] =
      await duck.query(`select count(*) as other from '${join(target, 'events.parquet')}' as e
      left join '${join(target, 'stacks.parquet')}' as s using (source, stack)
      where e.frame is distinct from (s.name || ' ' || s.filename || ':' || s.line)`);
    expect(other).toBe(0n);
  });

  it('the findings are those of the JSON', async () => {
    const rows = await duck.query(`select finding, verdict from '${join(target, 'findings.parquet')}'`);
    expect(rows).toEqual(analysis.findings.map(({ id, verdict }) => ({ finding: id, verdict })));
  });
});

describe('one table', () => {
  it('goes to standard output, every format to its own', async () => {
    const csv = await run('export', oom, '--table', 'events', '--format', 'csv');
    expect([csv.code, csv.err]).toEqual([0, '']);
    const [head, first, ...rest] = csv.out.toString().trimEnd().split('\n');
    expect(head).toBe(
      'source,file,device,row,time_ns,action,address,size,stream,pool,memory_kind,stack,frame,device_free,pool_id,compile_context,user_metadata,internal_metadata,action_name,forward_stack',
    );
    expect(first).toMatch(/^0,oom\.pickle,0,0,\d{19},segment_alloc,\d+,\d+,0,(large|small)_pool,,\d+,.*,$/);
    expect(rest).toHaveLength(139);
    const arrow = await run('export', oom, '--table', 'events', '--format', 'arrow');
    expect(readArrow(arrow.out).rows).toHaveLength(140);
  });

  it('goes to a file, or below a folder that is there', async () => {
    const file = join(folder, 'out.jsonl');
    expect((await run('export', oom, '--table', 'blocks', '-o', file)).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/^\{"source":0,"file":"oom\.pickle","device":0,"segment":0,/);
    mkdirSync(join(folder, 'there'));
    const below = await run(
      'export',
      oom,
      '--table',
      'blocks',
      '--format',
      'csv',
      '-o',
      join(folder, 'there'),
    );
    expect(below.err).toMatch(/blocks\.csv: \d+ rows\n$/);
    expect(existsSync(join(folder, 'there/blocks.csv'))).toBe(true);
  });

  it('without rows has its columns', async () => {
    const { out } = await run('export', oom, '--table', 'kernels', '--format', 'csv');
    expect(out.toString()).toBe('source,file,device,start_ns,end_ns,name,stream\n');
  });
});

describe('what goes wrong', () => {
  it('a file that is read is never written over', async () => {
    const copy = join(folder, 'copy.csv');
    copyFileSync(oom, copy);
    const { code, err } = await run('export', copy, '--table', 'events', '-o', copy);
    expect(code).toBe(3);
    expect(err).toContain('is one of the files to read');
    expect(readFileSync(copy).equals(readFileSync(oom))).toBe(true);
  });

  it('a place that cannot be written leaves nothing behind', async () => {
    const { code, err } = await run('export', oom, '--table', 'events', '-o', join(folder, 'no such/x.csv'));
    expect(code).toBe(3);
    expect(err).toContain('no such');
  });

  it('a file that cannot be read is told; the others are written', async () => {
    const odd = join(folder, 'odd.bin');
    writeFileSync(odd, 'nothing that is known');
    const { code, out, err } = await run('export', odd, oom, '--table', 'segments', '--format', 'csv');
    expect(code).toBe(3);
    expect(err).toContain(odd);
    // Numbers stay those of the command line.
    expect(out.toString().split('\n')[1]).toMatch(/^1,oom\.pickle,/);
  });
});
