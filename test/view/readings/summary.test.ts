import { describe, expect, it } from 'vitest';
import type { SourceView } from '../../../src/engine/protocol.ts';
import { stepsTable, summaryChart, summaryTable } from '../../../src/view/readings/summary.ts';

type MemorySummary = SourceView['summaries'][number];
const MIB = 2 ** 20;
const cells = (current: number, peak = current) => ({ current, peak, allocated: current, freed: 0 });

const summary = (step: number, reserved: number, segments: number | null): MemorySummary => ({
  label: step === 0 ? null : `step ${step}`,
  step,
  device: 0,
  ooms: 0,
  retries: 0,
  offset: 0,
  rows: {
    'GPU reserved memory': { all: cells(reserved), large_pool: cells(reserved - 2 * MIB) },
    ...(segments === null ? {} : { 'GPU reserved segments': { all: cells(segments) } }),
  },
  granularity: { 'GPU reserved memory': cells(MIB), 'GPU reserved segments': cells(1) },
});

const LOG = [summary(0, 3790 * MIB, 131), summary(1, 3804 * MIB, null), summary(2, 3800 * MIB, 130)];
const text = (before: MemorySummary | null, at: MemorySummary): string[] =>
  summaryTable(at, before, 'binary').rows.map((row) => row.cells.map((cell) => cell.text.trim()).join(' | '));

describe('one summary as a table', () => {
  it('says what changed since the one before, and in which direction', () => {
    expect(text(LOG[0], LOG[1])).toEqual([
      'GPU reserved memory | 3.71 GiB | +14 MiB | 3.71 GiB | +14 MiB | 3.71 GiB | 0 B',
      'from large pool | 3.71 GiB | +14 MiB | 3.71 GiB | +14 MiB | 3.71 GiB | 0 B',
    ]);
    expect(text(LOG[1], LOG[2])[0]).toContain('−4 MiB');
  });

  it('has no change where there is nothing to compare with', () => {
    expect(text(null, LOG[0])[0]).toBe('GPU reserved memory | 3.7 GiB | – | 3.7 GiB | – | 3.7 GiB | 0 B');
    // The metric is missing in the one before.
    expect(text(LOG[1], LOG[2])[2]).toBe('GPU reserved segments | 130 | – | 130 | – | 130 | 0');
  });

  it('tells between which bytes a figure lies, and how far off a change may be', () => {
    const [row] = summaryTable(LOG[1], LOG[0], 'binary').rows;
    expect(row.cells[1].title).toBe('printed rounded down: 3,988,783,104 to 3,989,831,679 bytes');
    expect(row.cells[2].title).toBe('+14,680,064 bytes, give or take 1 MiB');
  });
});

it('every summary on a line, with what changed', () => {
  const rows = stepsTable(LOG, 'binary').rows.map((row) => row.cells.map((cell) => cell.text).join(' | '));
  expect(rows).toEqual([
    'summary 1 | 3.7 GiB | – | 131 | – | 0 | 0',
    'step 1 | 3.71 GiB | +14 MiB | – | – | 0 | 0',
    'step 2 | 3.71 GiB | −4 MiB | 130 | – | 0 | 0',
  ]);
});

describe('a log as curves', () => {
  const { model, curves } = summaryChart(LOG, new Set(['GPU reserved segments/current']), 'binary', 800, 240);

  it('has those metrics that the log prints, and draws those that are not hidden', () => {
    expect(curves.map(({ label }) => label)).toEqual(['Reserved', 'Segments']);
    expect(model.curves.map(({ label }) => label)).toEqual(['Reserved']);
  });

  it('carries a value over a summary that lacks the metric', () => {
    expect([...curves[1].last]).toEqual([131, 131, 130]);
  });

  it('names steps by their marker, or by number', () => {
    expect(model.xTicks.map(({ label }) => label)).toEqual(['summary 1', 'step 1', 'step 2']);
  });
});
