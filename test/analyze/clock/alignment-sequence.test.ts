/** Lines without times find their place by what they say, and one that was changed does not. */
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import {
  lineOfSummary,
  placeSequence,
  recordedRows,
  type RecordedRows,
  type SequenceLine,
} from '../../../src/analyze/clock/alignment-sequence.ts';
import { memoryStatsOf } from '../../../src/analyze/recording/memory-stats.ts';
import { fixtureBytes, snapshotOf } from '../../read/snapshot/fixtures.ts';
import { sourceData } from '../../../src/trace/source-data.ts';
import type { MemorySummary } from '../../../src/trace/capture.ts';

const recorded = (...reserved: number[]): RecordedRows => ({
  time_ns: BigInt64Array.from(reserved, (_, row) => BigInt(100 * row)),
  figures: { reserved: Float64Array.from(reserved) },
});
const line = (name: string, value: number): SequenceLine => ({
  name,
  figures: { reserved: { least: value - 1, most: value + 1 } },
});
const statuses = (values: number[], rows: RecordedRows): string[] =>
  placeSequence(
    values.map((value, i) => line(String(i), value)),
    rows,
  ).map(({ status, rows: at }) => (at === null ? status : `${at[0]}-${at[1]}`));

describe('placeSequence', () => {
  const rows = recorded(0, 10, 20, 20, 10, 30, 30);
  it('every line has the rows that it can be at, in order', () => {
    expect(statuses([10, 20, 30], rows)).toEqual(['1-1', '2-3', '5-6']);
    expect(statuses([10], rows)).toEqual(['1-4']);
    expect(statuses([20, 10, 30], rows)).toEqual(['2-3', '4-4', '5-6']);
    expect(statuses([11, 19], rows)).toEqual(['1-1', '2-3']);
  });
  it('the time of a place runs to the next event', () => {
    const [placed] = placeSequence([line('a', 20)], rows);
    expect([placed.fromNs, placed.toNs]).toEqual([200n, 400n]);
  });
  it('a figure that is never reached contradicts, between lines that are placed', () => {
    expect(statuses([10, 25, 30], rows)).toEqual(['1-4', 'never', '5-6']);
    const [, wrong] = placeSequence([line('a', 10), line('b', 25), line('c', 30)], rows);
    expect(wrong.nearest).toEqual({ figure: 'reserved', value: 20, apart: 4 });
  });
  it('a figure that was reached only before the line above is late', () => {
    expect(statuses([20, 0, 30], rows)).toEqual(['2-3', 'late', '5-6']);
  });
  it('first and last lines may be from outside of the recording', () => {
    expect(statuses([99, 10, 30, 5], rows)).toEqual(['outside', '1-4', '5-6', 'outside']);
    expect(statuses([99], recorded())).toEqual(['outside']);
    expect(placeSequence([{ name: 'a', figures: {} }], rows)[0].status).toBe('outside');
  });
  it('allocated may be more than its floor, and not less', () => {
    const floor: RecordedRows = {
      time_ns: BigInt64Array.of(0n, 1n),
      figures: { allocated_floor: Float64Array.of(100, 200) },
    };
    const place = (value: number): number[] | null =>
      placeSequence([{ name: 'a', figures: { allocated_floor: { least: value, most: value } } }], floor)[0]
        .rows as number[] | null;
    expect(place(250)).toEqual([0, 1]);
    expect(place(150)).toEqual([0, 0]);
    expect(place(50)).toBeNull();
  });
});

describe('a snapshot', () => {
  it.each(['oom', 'pending', 'graphs'])('%s: the last row has the figures of memory_stats', async (name) => {
    const [trace] = (await snapshotOf(fixtureBytes(`${name}.pickle`))).devices;
    const baseline = baselineOf(trace);
    const { figures } = recordedRows(trace, baseline);
    const stats = memoryStatsOf(trace, baseline.fromEmpty);
    expect(figures.reserved!.at(-1)).toBe(stats['reserved_bytes.all.current']);
    expect(figures.requested!.at(-1)).toBe(stats['requested_bytes.all.current']);
    expect(figures.allocations?.at(-1)).toBe(stats['allocation.all.allocated']);
    expect(figures.allocated_floor!.at(-1)).toBeLessThanOrEqual(stats['allocated_bytes.all.current']);
  });

  it('whose state before is not known has no figures to be compared', async () => {
    const [trace] = (await snapshotOf(fixtureBytes('oom.pickle'))).devices;
    const cut = { ...trace, cut: true };
    expect(recordedRows(cut, baselineOf(cut)).figures).toEqual({});
  });
});

it('a summary is read as the ranges of its units', () => {
  const cell = (current: number) => ({ current, peak: 0, allocated: 7, freed: 0 });
  const summary: MemorySummary = {
    label: 'step 3',
    step: 3,
    device: 0,
    ooms: 0,
    retries: 0,
    offset: 0,
    rows: {
      'GPU reserved memory': { all: cell(4096) },
      Allocations: { all: cell(3) },
    },
    granularity: { 'GPU reserved memory': cell(1024), Allocations: { ...cell(0), allocated: 0 } },
  };
  expect(lineOfSummary(summary)).toEqual({
    name: 'step 3',
    figures: { reserved: { least: 4096, most: 5119 }, allocations: { least: 7, most: 7 } },
  });
  expect(sourceData({ producer: 'none' }).summaries.map(lineOfSummary)).toEqual([]);
});
