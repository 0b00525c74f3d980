import { describe, expect, it } from 'vitest';
import type { StreamRow } from '../../../src/engine/protocol.ts';
import { histogramPanels, histogramTable } from '../../../src/view/device/histogram.ts';

function stream(name: string, classes: readonly (readonly [number, number, number])[]): StreamRow {
  const histogram = classes.map(([from, count, bytes]) => ({
    from,
    to: from === 0 ? 2 : from * 2,
    count,
    bytes,
  }));
  const sum = (pick: (row: (typeof histogram)[number]) => number): number =>
    histogram.reduce((total, row) => total + pick(row), 0);
  const [allocations, bytes] = [sum((row) => row.count), sum((row) => row.bytes)];
  return { stream: name, allocations, bytes, frees: 0, liveAllocations: 0, liveBytes: 0, histogram };
}

/** Bars as text: one character a class, 0 to 9 by height, a dot for none. */
const draw = (bars: readonly { share: number }[]): string =>
  bars.map(({ share }) => (share === 0 ? '.' : String(Math.min(9, Math.floor(share * 9))))).join('');

const STREAMS = [
  stream('0', [
    [512, 8, 8 * 600],
    [2048, 4, 4 * 3000],
  ]),
  stream('7', [[4096, 1, 5000]]),
  stream('9', []),
];

describe('histograms', () => {
  it('share one run of classes, empty ones included', () => {
    const panels = histogramPanels(STREAMS, 'count', 'binary');
    expect(panels.map(({ bars }) => draw(bars))).toEqual(['9.4.', '...9']);
    expect(panels[0].bars.map(({ from }) => from)).toEqual([512, 1024, 2048, 4096]);
  });

  it('leave out a stream with nothing', () => {
    expect(histogramPanels(STREAMS, 'count', 'binary').map(({ stream: name }) => name)).toEqual(['0', '7']);
    expect(histogramPanels([STREAMS[2]], 'bytes', 'binary')).toEqual([]);
  });

  it('measure bytes when asked to', () => {
    const [panel] = histogramPanels(STREAMS, 'bytes', 'binary');
    expect(draw(panel.bars)).toBe('3.9.');
    expect(panel.tallest).toBe('11.7 KiB');
  });

  it('begin with the class of sizes 0 and 1 where there are any', () => {
    const [panel] = histogramPanels(
      [
        stream('0', [
          [0, 3, 0],
          [4, 1, 5],
        ]),
      ],
      'count',
      'binary',
    );
    expect(panel.bars.map(({ from, to }) => `${from}-${to}`)).toEqual(['0-2', '2-4', '4-8']);
  });

  it('say in one sentence what they show', () => {
    expect(histogramPanels(STREAMS, 'count', 'binary')[0].summary).toBe(
      'Stream 0 (default): 12 allocations, 16.4 KiB. Most by number: 512 B to 1 KiB (8 allocations) and 2 KiB to 4 KiB (4 allocations).',
    );
  });
});

it('the table holds every figure that the bars stand for', () => {
  const table = histogramTable(histogramPanels(STREAMS, 'count', 'binary'), 'binary');
  expect(table.rows.map(({ cells }) => cells.map(({ text }) => text).join(' | '))).toEqual([
    '0 | 512 B | 1 KiB | 8 | 4.69 KiB',
    '0 | 2 KiB | 4 KiB | 4 | 11.7 KiB',
    '7 | 4 KiB | 8 KiB | 1 | 4.88 KiB',
  ]);
  expect(table.rows[1].cells[4].title).toBe('12,000 bytes');
});
