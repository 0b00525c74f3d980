/** Every summary in ../shared/traces against the memory_stats of the same moment; skipped where that is absent. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { logReaderOf } from '../../../src/read/log.ts';
import { memorySummaryScanner } from '../../../src/read/torch-text/memory-summary.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { compareWithStats } from './memory-summary-oracle.ts';
import { readPath } from '../open-for-test.ts';

const traces = sharedTraces();

describe.skipIf(traces === null)('summaries in ../shared/traces', () => {
  const summaries = (traces === null ? [] : readdirSync(traces, { recursive: true, encoding: 'utf8' }))
    .filter((path) => /\.memory_summary(_abbreviated)?\.txt$/.test(path))
    .sort();
  const statsOf = (path: string): string =>
    join(traces!, path.replace(/\.memory_summary(_abbreviated)?\.txt$/, '.memory_stats.json'));
  const withStats = summaries.filter((path) => existsSync(statsOf(path)));

  it('are all there', () => {
    expect(withStats.length).toBeGreaterThanOrEqual(40);
  });

  it.each(withStats)('%s agrees with memory_stats in every cell', async (path) => {
    const { data, error } = await readPath(logReaderOf([memorySummaryScanner]), join(traces!, path));
    const stats = JSON.parse(readFileSync(statsOf(path), 'utf8')) as Record<string, number>;
    expect(error).toBeNull();
    expect(data.warnings).toEqual([]);
    expect(data.summaries).toHaveLength(1);
    const { agree, wrong } = compareWithStats(data.summaries[0], stats);
    expect(wrong).toEqual([]);
    expect(agree).toBe(path.includes('_abbreviated') ? 44 : 116);
  });

  it('serve.summaries.log has ten steps that grow', async () => {
    const { data, error } = await readPath(
      logReaderOf([memorySummaryScanner]),
      join(traces!, 'serve/serve.summaries.log'),
    );
    expect(error).toBeNull();
    expect(data.warnings).toEqual([]);
    expect(data.summaries.map((summary) => summary.label)).toEqual(
      Array.from({ length: 10 }, (_unused, step) => `step ${step}`),
    );
    const reserved = data.summaries.map((summary) => summary.rows['GPU reserved memory']['all'].current);
    expect(reserved).toEqual(reserved.toSorted((a, b) => a - b));
    const totals = data.summaries.map((summary) => summary.rows['Allocations']['all'].allocated);
    expect(new Set(totals).size).toBe(10);
  });
});
