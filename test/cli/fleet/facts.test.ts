/** `vramscope facts`: what a data set says is what `analyze --json` says of each file, to the byte. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Analysis } from '../../../src/engine/document/analysis.ts';
import { FACT_TABLES } from '../../../src/trace/table/facts.ts';
import { ask, filesOf, run } from './run.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures');
const SAMPLES = join(import.meta.dirname, '../../../samples');
const folder = mkdtempSync(join(tmpdir(), 'vramscope-facts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const job = join(folder, 'job');
const set = join(folder, 'set');
const sources = new Map([
  ['rank0.pickle.gz', join(SAMPLES, 'train.pickle.gz')],
  ['rank1.pickle.gz', join(SAMPLES, 'leak.pickle.gz')],
  ['pp2/rank0002.pickle.gz', join(FIXTURES, 'pairs/batch.a.pickle.gz')],
  ['serve.log.gz', join(SAMPLES, 'serve.summaries.log.gz')],
  ['nsys.sqlite', join(SAMPLES, 'nsys-small.sqlite')],
]);
const analyses = new Map<string, Analysis>();

beforeAll(async () => {
  mkdirSync(join(job, 'pp2'), { recursive: true });
  for (const [name, path] of sources) copyFileSync(path, join(job, name));
  writeFileSync(join(job, 'rank9.pickle'), Buffer.from([0x80, 4, 0x7d, 0x28, 0x8c]));
  const { code } = await run('facts', job, '--out', set, '--run', 'monday');
  expect(code).toBe(3);
  for (const name of sources.keys())
    analyses.set(name, JSON.parse((await run('analyze', join(job, name), '--json')).out) as Analysis);
}, 120_000);

const number = (value: unknown): number => Number(value ?? 0);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe('a data set', () => {
  it('is split by run and rank, one file a source, and nothing else lies in it', () => {
    const files = [...filesOf(set).keys()];
    expect(files.length).toBeGreaterThan(10);
    for (const file of files)
      expect(file).toMatch(
        /^[a-z]+\/run=monday\/rank=(?:0|1|2|9|serve\.log\.gz|nsys\.sqlite)\/[\w.-]+-[0-9a-f]{8}\.parquet$/,
      );
    expect(new Set(readdirSync(set))).toEqual(new Set(files.map((file) => file.slice(0, file.indexOf('/')))));
  });

  it('has a row for what could not be read, with the reason', async () => {
    const rows = await ask(
      set,
      "select rank, rank_number, source, status, why, device from ranks where status = 'failed'",
    );
    expect(rows).toEqual([
      {
        rank: '9',
        rank_number: 9,
        source: 'rank9.pickle',
        status: 'failed',
        why: expect.stringMatching(/\w/) as string,
        device: null,
      },
    ]);
  });

  it('finds rank and group in paths', async () => {
    expect(
      await ask(
        set,
        'select source, rank, rank_number, group_label from ranks where device = 0 order by source',
      ),
    ).toEqual([
      { source: 'nsys.sqlite', rank: 'nsys.sqlite', rank_number: null, group_label: '' },
      { source: 'pp2/rank0002.pickle.gz', rank: '2', rank_number: 2, group_label: 'pp2' },
      { source: 'rank0.pickle.gz', rank: '0', rank_number: 0, group_label: '' },
      { source: 'rank1.pickle.gz', rank: '1', rank_number: 1, group_label: '' },
    ]);
  });
});

describe.each([...sources.keys()])('%s in the data set and in analyze --json', (name) => {
  const asked = (sql: string) => ask(set, sql.replaceAll('$source', `'${name}'`));
  const of = (): Analysis => analyses.get(name)!;
  const devices = () => of().devices.filter(({ device }) => device >= 0);

  it('1: peaks and ends', async () => {
    const rows = await asked(
      'select device, reserved_peak_bytes r, allocated_peak_bytes a, reserved_end_bytes re, allocated_end_bytes ae, requested_peak_bytes q, requested_peak_row qr from ranks where source = $source and device is not null order by device',
    );
    const { lines } = of();
    expect(rows.map(({ device }) => device)).toEqual(
      of()
        .devices.map(({ device }) => device)
        .sort((a, b) => a - b),
    );
    for (const { device, memory_stats: stats } of devices()) {
      const row = rows.find((one) => one['device'] === device)!;
      if ('reserved_bytes.all.peak' in stats) expect(row['r']).toBe(stats['reserved_bytes.all.peak']);
      if ('allocated_bytes.all.peak' in stats) expect(row['a']).toBe(stats['allocated_bytes.all.peak']);
      if ('reserved_bytes.all.current' in stats) expect(row['re']).toBe(stats['reserved_bytes.all.current']);
      if ('allocated_bytes.all.current' in stats)
        expect(row['ae']).toBe(stats['allocated_bytes.all.current']);
      const told = lines.find((one) => one.device === device);
      if (told !== undefined) expect([row['q'], row['qr']]).toEqual([told.requested_bytes, told.row]);
    }
  });

  it('2: the ledger at the peak and at the end', async () => {
    const parts = ['requested', 'rounding', 'pending', 'inactive_split', 'releasable', 'private_idle'];
    for (const { device, when, parts: told, reserved_bytes: reserved } of of().ledger) {
      const [row] = await asked(
        `select ${parts.map((part) => `${when}_${part}_bytes as ${part}`).join(', ')} from ranks where source = $source and device = ${device}`,
      );
      for (const part of parts) expect(row[part]).toBe(told[part]);
      expect(sum(parts.map((part) => number(row[part])))).toBe(reserved);
    }
    expect(of().ledger.length).toBe(name.startsWith('rank') || name.startsWith('pp2') ? 2 : 0);
  });

  it('3: lines at the peak, and that they sum up', async () => {
    const rows = await asked(
      'select device, place, line, peak_requested_bytes bytes, peak_count n from sites where source = $source and peak_count > 0 order by device, bytes desc, place',
    );
    for (const { device, lines, others, requested_bytes: requested } of of().lines) {
      const own = rows.filter((row) => row['device'] === device);
      expect(own.length).toBe(lines.length + others.lines);
      expect(sum(own.map(({ bytes }) => number(bytes)))).toBe(requested);
      for (const { place, line, bytes, allocations } of lines)
        expect(own).toContainEqual({ device, place, line, bytes, n: allocations });
    }
    expect(rows.length > 0).toBe(of().lines.length > 0);
  });

  it('4: growth', async () => {
    const rows = await asked(
      'select device, growth, growth_confidence c, growth_bytes_per_iteration slope, reserved_growth, iterations from ranks where source = $source and device is not null',
    );
    for (const row of rows) {
      const told = (series: string) =>
        of().growth.find(
          (one) => one.device === row['device'] && one.by === 'device' && one.series === series,
        );
      expect(row['growth']).toBe(told('allocated')?.kind ?? null);
      expect(row['c']).toBe(told('allocated')?.confidence ?? null);
      expect(row['slope']).toBe(told('allocated')?.slope_bytes_per_iteration ?? null);
      expect(row['reserved_growth']).toBe(told('reserved')?.kind ?? null);
      expect(row['iterations']).toBe(told('allocated')?.iterations ?? 0);
    }
    expect(rows.length).toBe(of().devices.length);
  });

  it('5: growth by line', async () => {
    const rows = await asked(
      'select device, place, growth_bytes_per_iteration slope from sites where source = $source and growth_bytes_per_iteration is not null',
    );
    const told = of().growth.filter(
      ({ by, series, slope_bytes_per_iteration: slope }) =>
        by === 'line' && series === 'allocated' && slope !== null,
    );
    expect(rows).toHaveLength(told.length);
    for (const { device, name: place, slope_bytes_per_iteration: slope } of told)
      expect(rows).toContainEqual({ device, place, slope });
  });

  it('6: findings', async () => {
    const rows = await asked(
      'select finding, device, severity, confidence, verdict, gain_bytes gain from findings where source = $source',
    );
    const told = of().findings.map(({ id, device, severity, confidence, verdict, gain_bytes: gain }) => ({
      ...{ finding: id, device, severity, confidence, verdict, gain },
    }));
    expect(rows).toHaveLength(told.length);
    for (const finding of told) expect(rows).toContainEqual(finding);
  });

  it('7: curves: their highest is the peak, their last the end', async () => {
    const rows = await asked(
      'select device, count(*) n, sum(events) events, max(reserved_max) r, max(allocated_max) a, arg_max(reserved_last, "column") re, arg_max(allocated_last, "column") ae from curves where source = $source group by device',
    );
    for (const row of rows) {
      const [rank] = await asked(
        `select reserved_peak_bytes r, allocated_peak_bytes a, reserved_end_bytes re, allocated_end_bytes ae from ranks where source = $source and device = ${Number(row['device'])}`,
      );
      const told = of().devices.find(({ device }) => device === row['device'])!;
      expect([row['n'], row['events']]).toEqual([512, sum(Object.values(told.events))]);
      if (rank['r'] !== null) expect([row['r'], row['re']]).toEqual([rank['r'], rank['re']]);
      if (rank['a'] !== null) expect([row['a'], row['ae']]).toEqual([rank['a'], rank['ae']]);
    }
    expect(rows.length).toBe(of().devices.filter(({ events }) => sum(Object.values(events)) > 0).length);
  });

  it('8: iterations', async () => {
    const rows = await asked(
      'select device, count(*) n, max(allocated_max) a, max(reserved_max) r from iterations where source = $source group by device',
    );
    const ranks = await asked(
      'select device, iterations n, allocated_peak_bytes a, reserved_peak_bytes r from ranks where source = $source and iterations > 0',
    );
    expect(rows.length).toBe(ranks.length);
    for (const row of rows) {
      const rank = ranks.find((one) => one['device'] === row['device'])!;
      expect(row['n']).toBe(rank['n']);
      if (rank['a'] !== null) expect(number(row['a'])).toBeLessThanOrEqual(number(rank['a']));
      if (rank['r'] !== null) expect(number(row['r'])).toBeLessThanOrEqual(number(rank['r']));
    }
  });

  it('9: size, format and what was left out', async () => {
    const rows = await asked(
      'select distinct format, producer, bytes, events, skipped, status from ranks where source = $source',
    );
    const [told] = of().sources;
    expect(rows).toContainEqual({
      ...{ format: told.format, producer: told.producer, bytes: told.bytes, events: told.rows },
      ...{
        skipped: told.skipped,
        status: told.damage === undefined && told.error === undefined ? 'whole' : 'damaged',
      },
    });
  });

  it('10: failed requests and gauges', async () => {
    const [{ oom }] = await asked(
      'select coalesce(sum(out_of_memory), 0) oom from ranks where source = $source',
    );
    expect(number(oom)).toBe(sum(devices().map(({ events }) => events['oom'] ?? 0)));
    const gauges = await asked(
      'select gauge, count(*) n, max(value) most from gauges where source = $source group by gauge',
    );
    const told = new Map<string, (number | null)[]>();
    for (const { id, samples } of of().series)
      told.set(id, [...(told.get(id) ?? []), ...samples.map(([, value]) => value)]);
    expect(gauges).toHaveLength(told.size);
    for (const { gauge, n, most } of gauges) {
      const values = told.get(String(gauge))!;
      expect(n).toBe(values.length);
      expect(most).toBe(Math.max(...values.filter((value) => value !== null)));
    }
  });
});

describe('writing', () => {
  it('the same files again are the same bytes, whoever wrote which of them', async () => {
    const shares = join(folder, 'shares');
    for (const task of ['1/3', '0/3', '2/3']) {
      const { code } = await run('facts', job, '--out', shares, '--run', 'monday', '--task', task);
      expect([0, 3]).toContain(code);
    }
    expect(filesOf(shares)).toEqual(filesOf(set));
    // The comparison finds a difference.
    const part = [...filesOf(shares).keys()][0];
    writeFileSync(join(shares, part), 'x');
    expect(filesOf(shares)).not.toEqual(filesOf(set));
  });

  it('a source that changed replaces its own parts and no other, and leaves none behind', async () => {
    const copy = join(folder, 'changed');
    const out = join(folder, 'changed-set');
    mkdirSync(copy);
    copyFileSync(sources.get('rank0.pickle.gz')!, join(copy, 'rank0.pickle.gz'));
    copyFileSync(sources.get('rank1.pickle.gz')!, join(copy, 'rank1.pickle.gz'));
    await run('facts', copy, '--out', out);
    const before = filesOf(out);
    writeFileSync(join(copy, 'rank0.pickle.gz'), 'nothing that anybody reads\n');
    await run('facts', join(copy, 'rank0.pickle.gz'), '--out', out, '--run', 'changed');
    const after = filesOf(out);
    const other = ([path]: [string, string]): boolean => !path.includes('rank=0');
    expect([...after].filter(other)).toEqual([...before].filter(other));
    expect([...after.keys()].some((path) => path.startsWith('sites/run=changed/rank=0'))).toBe(false);
    expect(await ask(out, "select status, device from ranks where rank = '0'")).toEqual([
      { status: 'failed', device: null },
    ]);
  });

  it('--resume leaves what is there, of the same bytes, and reads the rest', async () => {
    const out = join(folder, 'resumed');
    await run('facts', join(job, 'rank0.pickle.gz'), '--out', out, '--run', 'monday');
    const { out: told } = await run('facts', job, '--out', out, '--run', 'monday', '--resume');
    expect(told).toMatch(/1 left as they were/);
    expect(filesOf(out)).toEqual(filesOf(set));
  });

  it('a data set inside of the folder is none of its sources', async () => {
    const inside = join(folder, 'inside');
    mkdirSync(inside);
    copyFileSync(sources.get('rank1.pickle.gz')!, join(inside, 'rank1.pickle.gz'));
    for (let round = 0; round < 2; round++) {
      const { code, out } = await run('facts', inside, '--out', join(inside, 'facts'), '--run', 'r');
      expect([code, out]).toEqual([0, expect.stringMatching(/^1 source of run r: 1 read whole/)]);
    }
    // A folder of traces with a folder of that name is no data set.
    mkdirSync(join(inside, 'ranks'));
    expect((await run('fleet', 'report', inside)).err).toMatch(/is no data set of facts/);
  });

  it('two runs stand beside each other', async () => {
    const out = join(folder, 'runs');
    for (const name of ['a', 'b'])
      await run('facts', join(job, 'rank1.pickle.gz'), '--out', out, '--run', name);
    expect(await ask(out, 'select run, count(*) n from ranks group by run order by run')).toEqual([
      { run: 'a', n: 1 },
      { run: 'b', n: 1 },
    ]);
  });

  it('refuses what would mix up sources, and arguments that make no sense', async () => {
    const twice = join(folder, 'twice/job');
    mkdirSync(twice, { recursive: true });
    writeFileSync(join(twice, 'rank0.pickle.gz'), '');
    const same = await run(
      'facts',
      join(job, 'rank0.pickle.gz'),
      join(twice, 'rank0.pickle.gz'),
      '--out',
      join(folder, 'no'),
    );
    expect(same.code).toBe(3);
    expect(same.err).toMatch(/would both be "rank0\.pickle\.gz"/);
    expect(existsSync(join(folder, 'no'))).toBe(false);
    for (const [argv, why] of [
      [[job], /--out DATASET/],
      [['--out', set], /needs a folder, or files/],
      [[job, '--out', set, '--run', '../x'], /--run needs a name/],
      [[job, '--out', set, '--task', '3/3'], /--task needs I\/N/],
      [[job, '--out', set, '--rank', '('], /no regular expression/],
      [[job, '--out', set, '--nonsense'], /unknown option/],
    ] as const) {
      const { code, err } = await run('facts', ...argv);
      expect(code).toBe(2);
      expect(err).toMatch(why);
    }
    expect((await run('facts', join(folder, 'nowhere'), '--out', set)).err).toMatch(/there is no /);
  });
});

describe('the declarations', () => {
  it('say what every column is', () => {
    expect(FACT_TABLES.map(({ name }) => name)).toEqual([
      ...['ranks', 'sites', 'curves', 'iterations', 'findings', 'requests', 'budgets', 'gauges'],
    ]);
    for (const { fields } of FACT_TABLES)
      for (const [name, { doc }] of Object.entries(fields)) {
        expect(name).toMatch(/^[a-z][a-z_]*$/);
        expect(doc).toMatch(/\w/);
      }
  });
});
