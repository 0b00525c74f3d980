import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { logReader } from '../../../src/read/log.ts';
import { memoryStatsReader } from '../../../src/read/torch-text/memory-stats.ts';
import { compareWithStats } from './memory-summary-oracle.ts';
import { inputFromBytes, readBytes } from '../open-for-test.ts';

const json = readFileSync(
  new URL('../../fixtures/memory-summary/train.memory_stats.json', import.meta.url),
  'utf8',
);
const stats = JSON.parse(json) as Record<string, number>;
const entries = Object.entries(stats);

/** What memory_stats_as_nested_dict() returns. */
const nested = (): Record<string, unknown> => nestedOf(stats);

function nestedOf(flat: Readonly<Record<string, number>>): Record<string, unknown> {
  const top: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(flat)) {
    const path = key.split('.');
    let at = top;
    for (const part of path.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
    at[path.at(-1)!] = value;
  }
  return top;
}

const python = (value: unknown): string =>
  JSON.stringify(value).replaceAll('"', "'").replaceAll(':', ': ').replaceAll(',', ', ');
const FORMS: Readonly<Record<string, string>> = {
  'json.dump with indents': json,
  'json.dumps on one line': JSON.stringify(stats),
  'json of the nested form': JSON.stringify(nested(), null, 2),
  'json of the nested form on one line': JSON.stringify(nested()),
  'print of a dict': python(stats),
  'print of the nested form': python(nested()),
  'print of an OrderedDict': `OrderedDict([${entries.map(([key, value]) => `('${key}', ${value})`).join(', ')}])`,
  'print of a newer OrderedDict': `OrderedDict({${entries.map(([key, value]) => `'${key}': ${value}`).join(', ')}})`,
  'pprint of an OrderedDict': `OrderedDict([${entries.map(([key, value]) => `('${key}', ${value})`).join(',\n             ')}])`,
};

describe.each(Object.entries(FORMS))('%s', (_name, text) => {
  it('gives every figure, exact', async () => {
    const { data, error } = await readBytes(memoryStatsReader, 'stats', text);
    expect(error).toBeNull();
    expect(data.warnings).toEqual([]);
    expect(data.summaries).toHaveLength(1);
    const [summary] = data.summaries;
    expect(summary.rows['Allocated memory']['large_pool']).toEqual({
      current: stats['allocated_bytes.large_pool.current'],
      peak: stats['allocated_bytes.large_pool.peak'],
      allocated: stats['allocated_bytes.large_pool.allocated'],
      freed: stats['allocated_bytes.large_pool.freed'],
    });
    expect(summary.granularity['Allocated memory']).toEqual({ current: 1, peak: 1, allocated: 1, freed: 1 });
    const { agree, wrong } = compareWithStats(summary, stats);
    expect(wrong).toEqual([]);
    expect(agree).toBe((9 * 3 + 2) * 4);
    expect(data.rows).toBe(116);
    expect(Object.fromEntries(data.settings)).toMatchObject({ max_split_size: '-1', num_ooms: '0' });
  });

  it('says that no device is named only where none is', async () => {
    const unnamed = (data: { readonly notRecorded: readonly string[] }) =>
      data.notRecorded.filter((sentence) => sentence.includes('names no device'));
    const line = JSON.stringify({ time: 1.5, rank: '0', step: 3, device: 1, ...stats });
    const named = await readBytes(memoryStatsReader, 'x.jsonl', `${line}\n${line}\n`);
    expect(named.data.summaries.map(({ device }) => device)).toEqual([1, 1]);
    expect(unnamed(named.data)).toEqual([]);
    const one = await readBytes(memoryStatsReader, 'x.jsonl', `${line}\n${JSON.stringify(stats)}\n`);
    expect(unnamed(one.data)).toHaveLength(1);
  });

  it('is recognised by its content alone', () => {
    const { head } = inputFromBytes('unknown', text);
    expect(memoryStatsReader.sniff(head).score).toBeGreaterThan(0.9);
    expect(memoryStatsReader.sniff(head).score).toBeGreaterThan(logReader.sniff(head).score);
  });

  it('is found within a log, once before and once after other lines', async () => {
    const log = `step 1\nrank 1 cuda:1 stats: ${text}\nloss 3.1\nstep 2\n${text}\nend\n`;
    const { data, as } = await readBytes(logReader, 'log', log);
    expect(as?.format).toBe('memory-stats');
    expect(data.summaries.map(({ label, device, step }) => [label, device, step])).toEqual([
      ['rank 1 cuda:1 stats', 1, 0],
      ['step 2', 0, 0],
    ]);
    expect(data.summaries[1].rows).toEqual(data.summaries[0].rows);
  });
});

describe('several, and damaged ones', () => {
  it('in one object or list, with their names', async () => {
    const byRank = await readBytes(
      memoryStatsReader,
      'x',
      JSON.stringify({ rank0: stats, rank1: nested() }, null, 1),
    );
    expect(byRank.data.summaries.map(({ label }) => label)).toEqual(['rank0', 'rank1']);
    const list = await readBytes(memoryStatsReader, 'x', JSON.stringify([stats, stats]));
    expect(list.data.summaries.map(({ step }) => step)).toEqual([0, 1]);
    expect(list.data.summaries[1].rows).toEqual(byRank.data.summaries[1].rows);
  });

  it('2^64 - 1 is kept to its last digit', async () => {
    const { data } = await readBytes(
      memoryStatsReader,
      'x',
      json.replace('"max_split_size": -1', '"max_split_size": 18446744073709551615'),
    );
    expect(data.settings.find(([name]) => name === 'max_split_size')?.[1]).toBe('18446744073709551615');
  });

  it('a figure that no double holds is told, not rounded', async () => {
    const { data } = await readBytes(
      memoryStatsReader,
      'x',
      json.replace(/("allocated_bytes\.all\.freed": )\d+/, '$118446744073709551615'),
    );
    expect(data.warnings.map(({ message }) => message)).toEqual([
      'allocated_bytes.all.freed is 18446744073709551615: no exact whole number.',
      'Allocated memory, all: freed is missing, so the row was left out.',
    ]);
  });

  it('cut off, it tells what it holds', async () => {
    const { data } = await readBytes(memoryStatsReader, 'x', json.slice(0, json.indexOf('"allocation.')));
    expect(data.summaries[0].rows).toHaveProperty('Allocated memory');
    expect(data.warnings.at(-1)?.message).toContain('ends before its last bracket');
  });

  it('is no code that names a key', async () => {
    const { error } = await readBytes(
      logReader,
      'x',
      'stats = torch.cuda.memory_stats().get("allocated_bytes.all.peak", 0)',
    );
    expect(error?.code).toBe('unrecognised');
    const other = await readBytes(memoryStatsReader, 'x', '{"a": 1}');
    expect(other.error?.code).toBe('unrecognised');
  });
});

describe('host_memory_stats()', () => {
  const fixture = (name: string): string =>
    readFileSync(new URL(`../../fixtures/snapshot/${name}`, import.meta.url), 'utf8');
  const host = fixture('mempool.host_memory_stats.json');
  const figures = JSON.parse(host) as Record<string, number>;
  const cell = (group: string) => ({
    current: figures[`${group}.current`],
    peak: figures[`${group}.peak`],
    allocated: figures[`${group}.allocated`],
    freed: figures[`${group}.freed`],
  });

  it.each([
    ['as JSON', host],
    ['printed', `host: ${host.replaceAll('"', "'")}`],
    ['printed, nested', python(nestedOf(figures))],
  ])('%s: is pinned memory, never the figures of a GPU', async (_how, text) => {
    const { data, error } = await readBytes(memoryStatsReader, 'x', text);
    expect(error).toBeNull();
    expect(data.producer).toBe('PyTorch 2.6 or newer, host_memory_stats');
    expect(data.warnings).toEqual([]);
    const [summary] = data.summaries;
    expect(summary.device).toBe(-1);
    expect(summary.rows).toEqual({
      'Pinned host memory': { all: cell('allocated_bytes') },
      'Pinned host memory in use': { all: cell('active_bytes') },
      'Pinned blocks': { all: cell('allocations') },
      'Pinned blocks in use': { all: cell('active_requests') },
    });
    expect(summary.rows['Pinned host memory']['all'].current).toBe(17_305_604);
    expect(Object.fromEntries(data.settings)).toMatchObject({
      num_host_alloc: '4',
      'host_alloc_time.total': '55954',
    });
  });

  it('of older versions counts what is in use as allocated', async () => {
    const older = Object.fromEntries(
      Object.entries(figures).map(([key, value]) => [
        key
          .replace(/^allocated_bytes/, 'reserved_bytes')
          .replace(/^active_bytes/, 'allocated_bytes')
          .replace(/^allocations/, 'segment')
          .replace(/^active_requests/, 'allocation'),
        value,
      ]),
    );
    const { data } = await readBytes(memoryStatsReader, 'x', JSON.stringify(older));
    expect(data.summaries[0].rows['Pinned host memory']['all']).toEqual(cell('allocated_bytes'));
    expect(data.summaries[0].rows['Pinned host memory in use']['all']).toEqual(cell('active_bytes'));
  });

  it('beside memory_stats() in a log are two', async () => {
    const { data } = await readBytes(logReader, 'log', `${json}\n${host}\n`);
    expect(data.summaries.map(({ device }) => device)).toEqual([0, -1]);
    expect(data.summaries[0].rows).not.toHaveProperty('Pinned host memory');
  });
});

describe('keys of newer versions', () => {
  it('in bytes, by private pool, and what no version has yet: labelled figures', async () => {
    const cells = { current: 1, peak: 2, allocated: 3, freed: 2 };
    const of = (prefix: string) =>
      Object.fromEntries(Object.entries(cells).map(([figure, value]) => [`${prefix}.${figure}`, value]));
    const more = {
      ...of('aaa_bytes.all'),
      ...stats,
      ...of('reserved_bytes_by_private_pools.0_1.all'),
      ...of('compressed_bytes.all'),
      ...of('compressed_bytes.large_pool'),
    };
    for (const text of [JSON.stringify(more), JSON.stringify(more, null, 1)]) {
      const { data } = await readBytes(memoryStatsReader, 'x', text);
      expect(data.warnings).toEqual([]);
      const [{ rows }] = data.summaries;
      expect(rows['GPU reserved memory of private pools']).toEqual({ '0_1.all': cells });
      expect(rows['compressed_bytes']).toEqual({ all: cells, large_pool: cells });
      expect(rows['aaa_bytes']).toEqual({ all: cells });
    }
  });

  it('pools as tuples, as the nested form is printed', async () => {
    const pool = (at: number): string => `{'all': {'current': ${at}, 'peak': 9, 'allocated': 9, 'freed': 1}}`;
    const text = `{'num_ooms': 0, 'reserved_bytes_by_private_pools': {(0, 1): ${pool(7)}, (3, 0): ${pool(8)}}, 'num_alloc_retries': 0}`;
    const { data } = await readBytes(memoryStatsReader, 'x', text);
    expect(data.summaries).toHaveLength(1);
    const told = data.summaries[0].rows['GPU reserved memory of private pools'];
    expect(Object.entries(told).map(([row, { current }]) => [row, current])).toEqual([
      ['0_1.all', 7],
      ['3_0.all', 8],
    ]);
  });
});
