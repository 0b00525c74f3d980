/** Times as they are shown: nothing that was not printed, and no year that nobody wrote. */
import { describe, expect, it } from 'vitest';
import { clockTicks, formatMoment, formatMomentBetween } from '../../../src/view/readings/clock.ts';

const at = (...parts: [number, number, number, number, number, number]): bigint =>
  BigInt(Date.UTC(...parts)) * 1_000_000n;
const DAY = 86_400_000_000_000;

describe('a moment', () => {
  it('has its date where one was printed', () => {
    expect(formatMoment('local', at(2026, 10, 21, 12, 31, 4) + 500_000_000n)).toBe('2026-11-21 12:31:04.5');
    expect(formatMoment('none', 11n)).toBe('sample 12');
  });

  it('has no year where none was printed, before and after the turn of the year', () => {
    const [before, after] = [at(1972, 11, 31, 23, 59, 50), at(1973, 0, 1, 0, 0, 10)];
    expect([before, after].map((one) => formatMoment('local', one))).toEqual([
      '12-31 23:59:50',
      '01-01 00:00:10',
    ]);
    expect(formatMoment('local', at(1971, 11, 31, 23, 59, 50))).toBe('12-31 23:59:50');
    expect(formatMomentBetween('local', before, before, after)).toBe('12-31 23:59:50');
    const [first, last] = [at(1972, 5, 10, 6, 16, 16), at(1972, 5, 10, 6, 17, 0)];
    expect(formatMomentBetween('local', last, first, last)).toBe('06:17:00');
  });

  it('has no day where none was printed', () => {
    expect(formatMoment('local', at(1970, 0, 1, 12, 0, 1))).toBe('12:00:01');
    expect(formatMoment('local', at(1970, 0, 2, 0, 0, 5))).toBe('day 2 00:00:05');
  });

  it('is never taken for one of those on a clock with a zone', () => {
    expect(formatMoment('wall', at(1972, 5, 10, 6, 16, 16))).toMatch(/^1972-06-\d\d /);
  });
});

describe('an axis', () => {
  it('names days as far as they were printed', () => {
    const labels = (base: bigint, to: number): string[] =>
      clockTicks('local', base, { from: 0, to }, 4).map(({ label }) => label);
    expect(labels(at(1972, 11, 31, 23, 0, 0), DAY / 12)[0]).toBe('12-31 23:00');
    expect(labels(at(1970, 0, 1, 12, 0, 0), DAY / 12)[0]).toBe('12:00');
    expect(labels(at(1970, 0, 1, 23, 0, 0), DAY / 12)).toContain('day 2 00:00');
  });
});
