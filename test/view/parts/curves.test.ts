import { describe, expect, it } from 'vitest';
import type { SeriesView, TimelineAnswer } from '../../../src/engine/protocol.ts';
import { boundSign, chartModel, columnAt, legend } from '../../../src/view/parts/curves.ts';

const series: readonly SeriesView[] = [
  { id: 'reserved', label: 'Reserved', unit: 'bytes', chart: 'usage', exact: true, bound: null, note: null },
  {
    id: 'active_floor',
    label: 'Active (at least)',
    unit: 'bytes',
    chart: 'usage',
    exact: false,
    bound: 'lower',
    note: 'A lower bound.',
  },
  { id: 'gaps', label: 'Gaps', unit: 'count', chart: 'usage', exact: true, bound: null, note: null },
];

/** Three columns of 100 ns; reserved has a lone peak inside the middle one. */
const answer: TimelineAnswer = {
  device: '0:0',
  range: { axis: 'time', from: 0, to: 300 },
  x: Float64Array.of(0, 100, 200),
  count: Uint32Array.of(1, 3, 0),
  series: [
    {
      id: 'reserved',
      first: Float64Array.of(1024, 1024, 2048),
      min: Float64Array.of(1024, 1024, 2048),
      max: Float64Array.of(1024, 9000, 2048),
      last: Float64Array.of(1024, 2048, 2048),
    },
    {
      id: 'active_floor',
      first: Float64Array.of(1, 1, 1),
      min: Float64Array.of(1, 1, 1),
      max: Float64Array.of(1, 1, 1),
      last: Float64Array.of(1, 1, 1),
    },
    {
      id: 'gaps',
      first: Float64Array.of(4, 5, 6),
      min: Float64Array.of(4, 5, 6),
      max: Float64Array.of(4, 5, 6),
      last: Float64Array.of(4, 5, 6),
    },
  ],
  ranOn: { where: 'cpu', reason: '', milliseconds: 1 },
};

const input = { answer, series, hidden: new Set<string>(), unit: 'binary' as const, width: 900, height: 200 };
const top = (ticks: readonly { at: number }[]): number => ticks[ticks.length - 1].at;

describe('a chart', () => {
  it('is as high as the highest peak in view, be it one event in a column', () => {
    const model = chartModel({ ...input, span: { from: 0, to: 300 } });
    expect(top(model.leftTicks)).toBeGreaterThanOrEqual(9000);
    const without = chartModel({ ...input, span: { from: 200, to: 300 } });
    expect(top(without.leftTicks)).toBe(2048);
  });

  it('draws bounds dashed, counts on their own scale, hidden curves not at all', () => {
    const model = chartModel({ ...input, hidden: new Set(['reserved']), span: { from: 0, to: 300 } });
    expect(model.curves.map(({ id, dashed, scale }) => `${id} ${dashed} ${scale}`)).toEqual([
      'active_floor true left',
      'gaps false right',
    ]);
    expect(top(model.rightTicks)).toBe(6);
  });
});

describe('the column under the pointer', () => {
  it.each([
    [0, 0],
    [99.9, 0],
    [100, 1],
    [299, 2],
    [300, -1],
    [-1, -1],
  ])('at %d is %d', (x, column) => {
    expect(columnAt(answer, x)).toBe(column);
  });
});

describe('the legend', () => {
  const at = (x: number | null): string[] =>
    legend(series, answer, new Set(), x, 'binary').map(({ label, value }) => `${label} ${value}`);

  it('shows all that a column holds', () => {
    expect(at(150)).toEqual(['Reserved 1 KiB – 8.79 KiB', 'Active (at least) ≥ 1 B', 'Gaps 5']);
  });

  it('shows the right edge without a pointer', () => {
    expect(at(null)).toEqual(['Reserved 2 KiB', 'Active (at least) ≥ 1 B', 'Gaps 6']);
  });

  it('has every digit in the title, and calls a bound a bound', () => {
    const [reserved, active] = legend(series, answer, new Set(), 150, 'binary');
    expect(reserved.title).toBe('Reserved: lowest 1,024 bytes, highest 9,000 bytes, last 2,048 bytes');
    expect(active.title).toBe('Active (at least): 1 bytes. A lower bound.');
  });

  it('never calls a bound more than it is', () => {
    expect(boundSign({ exact: true, bound: null })).toBe('');
    expect(boundSign({ exact: false, bound: 'lower' })).toBe('≥ ');
    expect(boundSign({ exact: false, bound: 'upper' })).toBe('≤ ');
    expect(boundSign({ exact: false, bound: null })).toBe('≈ ');
  });

  it('waits for an answer without inventing values', () => {
    expect(legend(series, null, new Set(), null, 'binary').map(({ value }) => value)).toEqual(['', '', '']);
  });
});
