import { describe, expect, it } from 'vitest';
import {
  byteLabel,
  byteTicks,
  countTicks,
  rowTicks,
  timeLabel,
  timeTicks,
  uncutLabels,
} from '../../../src/view/parts/ticks.ts';

const labels = (ticks: readonly { label: string }[]): string => ticks.map(({ label }) => label).join(' | ');
const GIB = 2 ** 30;

describe('ticks of bytes', () => {
  it.each([
    [4.6 * GIB, 7, 'binary', '0 | 1 GiB | 2 GiB | 3 GiB | 4 GiB | 5 GiB'],
    [3.61 * GIB, 8, 'binary', '0 | 512 MiB | 1 GiB | 1.5 GiB | 2 GiB | 2.5 GiB | 3 GiB | 3.5 GiB | 4 GiB'],
    [1023, 4, 'binary', '0 | 256 B | 512 B | 768 B | 1 KiB'],
    [4.6e9, 7, 'decimal', '0 | 1 GB | 2 GB | 3 GB | 4 GB | 5 GB'],
    [0, 5, 'binary', '0 | 1 B'],
  ] as const)('up to %d in %d steps, %s', (max, most, unit, expected) => {
    expect(labels(byteTicks(max, most, unit))).toBe(expected);
  });

  it('reach the largest value and never need more than was allowed', () => {
    for (let max = 1; max < 2 ** 50; max = Math.ceil(max * 1.37)) {
      const ticks = byteTicks(max, 6, 'binary');
      expect(ticks[ticks.length - 1].at).toBeGreaterThanOrEqual(max);
      expect(ticks.length).toBeLessThanOrEqual(7);
    }
  });

  it('print no digit too many', () => {
    expect(byteLabel(1.5 * GIB, 'binary')).toBe('1.5 GiB');
    expect(byteLabel(1.125 * GIB, 'binary')).toBe('1.125 GiB');
    expect(byteLabel(0, 'decimal')).toBe('0');
  });
});

it('ticks of counts are whole numbers', () => {
  expect(labels(countTicks(130, 4))).toBe('0 | 50 | 100 | 150');
  expect(labels(countTicks(2, 8))).toBe('0 | 1 | 2');
  expect(labels(rowTicks(0, 20000, 5))).toBe('0 | 5,000 | 10,000 | 15,000 | 20,000');
});

describe('ticks of time', () => {
  it.each([
    [0, 4.4e9, 5, '0 s | 1 s | 2 s | 3 s | 4 s'],
    [1.3251e9, 1.3259e9, 4, '1.3252 s | 1.3254 s | 1.3256 s | 1.3258 s'],
    [0, 900e3, 4, '0 µs | 500 µs'],
    [0, 600e9, 5, '0 s | 2:00 min | 4:00 min | 6:00 min | 8:00 min | 10:00 min'],
  ])('from %d to %d', (from, to, most, expected) => {
    expect(labels(timeTicks(from, to, most))).toBe(expected);
  });

  it('neighbours never read the same, at any zoom', () => {
    for (let width = 100; width < 1e13; width *= 3) {
      const ticks = timeTicks(4.2e9, 4.2e9 + width, 8).map(({ label }) => label);
      expect(new Set(ticks).size).toBe(ticks.length);
    }
  });

  it('speaks of hours', () => {
    expect(timeLabel(3_725e9, 60e9, 7200e9)).toBe('1:02:05 h');
  });
});

it('a label that the edge of the chart would cut is left out, its line is not', () => {
  const ticks = [0, 500, 960, 1000].map((at) => ({ at, label: '00:00:40' }));
  expect(uncutLabels(ticks, 0, 1000, 800).map(({ at, label }) => [at, label])).toEqual([
    [0, '00:00:40'],
    [500, '00:00:40'],
    [960, '00:00:40'],
    [1000, ''],
  ]);
});
