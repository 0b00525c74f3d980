/** `vramscope query`: SQL over traces and over a data set; questions that would write, run on or look elsewhere. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Analysis } from '../../../src/engine/document/analysis.ts';
import { ask, filesOf, run } from './run.ts';

const SAMPLES = join(import.meta.dirname, '../../../samples');
const folder = mkdtempSync(join(tmpdir(), 'vramscope-query-'));
afterAll(() => rmSync(folder, { recursive: true }));
const trace = join(SAMPLES, 'train.pickle.gz');
const set = join(folder, "it's a set");

beforeAll(async () => {
  const job = join(folder, 'job');
  mkdirSync(job);
  for (const rank of [0, 1, 2])
    copyFileSync(join(SAMPLES, 'leak.pickle.gz'), join(job, `rank${rank}.pickle.gz`));
  expect((await run('facts', job, '--out', set)).code).toBe(0);
}, 60_000);

describe('of a trace', () => {
  it('answers what analyze --json says, to the byte', async () => {
    const analysis = JSON.parse((await run('analyze', trace, '--json')).out) as Analysis;
    const [device] = analysis.devices;
    const [row] = await ask(trace, "select count(*) n, sum(size) bytes from events where action = 'alloc'");
    expect(row).toEqual({
      n: device.events['alloc'],
      bytes: device.streams.reduce((sum, { bytes }) => sum + Number(bytes), 0),
    });
    const [segments] = await ask(trace, 'select sum(total_size) bytes from segments');
    expect(segments['bytes']).toBe(device.memory_stats['reserved_bytes.all.current']);
    const findings = await ask(trace, 'select finding from findings');
    expect(findings.map(({ finding }) => finding)).toEqual(analysis.findings.map(({ id }) => id));
  });

  it('holds tables without rows, nulls, and numbers beyond 2^53', async () => {
    expect(await ask(trace, 'select * from gauges')).toEqual([]);
    expect(await ask(trace, 'select memory_kind, typeof(address) t from events limit 1')).toEqual([
      { memory_kind: null, t: 'integer' },
    ]);
    expect(await ask(trace, 'select 9007199254740993 a, 9007199254740991 b, 0.5 c')).toEqual([
      { a: '9007199254740993', b: 9007199254740991, c: 0.5 },
    ]);
  });

  it.each([
    ["attach 'x.db' as x", /only questions/],
    ['pragma table_info(events)', /only questions/],
    ['delete from events', /only questions/],
    ['drop table events', /only questions/],
    ['create table t (x)', /only questions/],
    ["vacuum into 'x.db'", /only questions/],
    ['begin', /only questions/],
    ["select load_extension('x')", /no such function|only questions/],
    ["select readfile('/etc/passwd')", /no such function/],
    ["select writefile('x', 'y')", /no such function/],
    ['select 1; select 2', /one question/],
    ['', /no question/],
    ['selec', /syntax error/],
    ['select * from nowhere', /no such table/],
    ['select zeroblob(1000000000)', /too big/],
  ])('refuses %s', async (sql, why) => {
    const { code, out, err } = await run('query', trace, sql);
    expect(code).toBe(3);
    expect(out).toBe('');
    expect(err).toMatch(why);
    expect(existsSync('x.db')).toBe(false);
  });

  it('stops what does not end, and what takes all memory, and answers the next question', async () => {
    const endless = 'with recursive x(n) as (select 1 union all select n + 1 from x) select count(*) from x';
    expect((await run('query', trace, endless, '--timeout', '1')).err).toMatch(/stopped/);
    const huge =
      'with recursive x(n) as (select 1 union all select n + 1 from x limit 40) select n, hex(zeroblob(30000000)) h from x order by h desc';
    expect((await run('query', trace, huge, '--timeout', '60')).err).toMatch(/stopped: it takes more than/);
    expect(await ask(trace, 'select 1 one')).toEqual([{ one: 1 }]);
  }, 60_000);
});

describe('of a data set', () => {
  it('answers, and says when there is more', async () => {
    const { out } = await run(
      'query',
      set,
      'select source, device from ranks order by source',
      '--limit',
      '2',
    );
    expect(out).toMatch(/rank0\.pickle\.gz/);
    expect(out).toMatch(/2 rows, and there are more/);
    expect(await ask(set, 'select count(*) n from ranks')).toEqual([{ n: 3 }]);
  });

  it('writes CSV, JSON lines, and what a spreadsheet would not run', async () => {
    const sql = `select '=1+1' a, 'x,"y"' b, null c, -2 d`;
    expect((await run('query', set, sql, '--format', 'csv')).out).toBe(`a,b,c,d\r\n'=1+1,"x,""y""",,-2\r\n`);
    expect((await run('query', set, sql, '--format', 'jsonl')).out).toBe(
      `${JSON.stringify({ a: '=1+1', b: 'x,"y"', c: null, d: -2 })}\n`,
    );
  });

  it.each([
    [`attach '${join(folder, 'x.db')}' as x`, /only questions/],
    [`copy (select 1) to '${join(folder, 'x.csv')}'`, /only questions/],
    ['pragma database_list', /only questions/],
    ['/* select */ pragma database_list', /only questions/],
    ['call pragma_version()', /only questions/],
    ["set memory_limit = '99GB'", /only questions/],
    ['install httpfs', /only questions/],
    ['drop view ranks', /only questions/],
    ['create table t as select 1', /only questions/],
    ['insert into ranks select * from ranks', /only questions/],
    ["select * from read_csv('/etc/passwd')", /Permission Error/],
    ["select * from read_text('/etc/passwd')", /Permission Error/],
    ["select * from glob('/etc/*')", /Permission Error/],
    ["select * from 'x.parquet'", /Permission Error|does not exist/],
    ["select * from read_parquet('https://example.com/x.parquet')", /Permission Error|Extension|httpfs/],
    ['select 1; select 2', /one question/],
    ['selec', /syntax error/],
  ])('refuses %s', async (sql, why) => {
    const before = filesOf(set);
    const { code, out, err } = await run('query', set, sql);
    expect(code).toBe(3);
    expect(out).toBe('');
    expect(err).toMatch(why);
    expect(filesOf(set)).toEqual(before);
    expect(existsSync(join(folder, 'x.db')) || existsSync(join(folder, 'x.csv'))).toBe(false);
  });

  it('stops what does not end, and what takes all memory', async () => {
    const endless = 'with recursive x(n) as (select 1 union all select n + 1 from x) select count(*) from x';
    expect((await run('query', set, endless, '--timeout', '1')).err).toMatch(/stopped after 1 s/);
    const huge = 'select * from range(1000000000) t(i) order by hash(i) limit 5 offset 900000000';
    expect((await run('query', set, huge)).err).toMatch(/stopped: it takes more than 2GiB of memory/);
  }, 60_000);

  it('names the part that is damaged', async () => {
    const part = [...filesOf(set).keys()].find(
      (path) => path.startsWith('ranks/') && path.includes('rank=1'),
    )!;
    const path = join(set, part);
    const whole = readFileSync(path);
    const broken = [
      [whole.subarray(0, 900), /it does not end as Parquet does/],
      [Buffer.from('x'), /it does not begin as Parquet does/],
      [Buffer.concat([whole.subarray(0, 60), Buffer.alloc(300, 0xff), whole.subarray(360)]), /rank1/],
    ] as const;
    for (const [bytes, why] of broken) {
      writeFileSync(path, bytes);
      const { code, err } = await run('query', set, 'select * from ranks');
      expect(code).toBe(3);
      expect(err).toContain(part);
      expect(err).toMatch(why);
      const report = await run('fleet', 'report', set);
      expect(report.code).toBe(3);
      expect(report.out).toContain(part);
      expect(report.out).toMatch(/^2 ranks, none of them/);
    }
    writeFileSync(path, whole);
    expect((await run('fleet', 'report', set)).code).toBe(0);
  });

  it('says what is missing of its arguments', async () => {
    for (const [argv, why] of [
      [[set], /a data set or files, and a question/],
      [[set, '--saved', 'nothing'], /--saved needs one of summary/],
      [[set, '--saved', 'changes'], /needs two runs/],
      [[set, 'select 1', '--format', 'xml'], /--format needs one of/],
      [[set, 'select 1', '--timeout', 'x'], /--timeout needs a number/],
    ] as const) {
      const { code, err } = await run('query', ...argv);
      expect(code).toBe(2);
      expect(err).toMatch(why);
    }
  });
});
