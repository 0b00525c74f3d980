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
function nested(): Record<string, unknown> {
  const top: Record<string, unknown> = {};
  for (const [key, value] of entries) {
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
    expect(Object.fromEntries(data.settings)['max_split_size']).toBe('18446744073709551615');
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
