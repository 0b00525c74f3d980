/** The small words: what is there is never told as nothing, and what is not all never as all. */
import { describe, expect, it } from 'vitest';
import { count, list, percent, percentChange, percentOf, seconds } from '../../src/base/words.ts';

describe('words', () => {
  it('counts with thousands apart, one of a thing in the singular', () => {
    expect([
      count(0, 'event'),
      count(1, 'event'),
      count(52_103, 'event'),
      count(2, 'entry', 'entries'),
    ]).toEqual(['0 events', '1 event', '52,103 events', '2 entries']);
  });

  it('lists with "and" before the last', () => {
    expect([list([]), list(['a']), list(['a', 'b']), list(['a', 'b', 'c'])]).toEqual([
      '',
      'a',
      'a and b',
      'a, b and c',
    ]);
  });

  it.each([
    [0, '0 %'],
    [1e-12, '< 0.1 %'],
    [0.000499, '< 0.1 %'],
    [0.0005, '0.1 %'],
    [0.123, '12.3 %'],
    [0.9, '90.0 %'],
    [0.99949, '99.9 %'],
    [0.9995, '> 99.9 %'],
    [1 - 1e-12, '> 99.9 %'],
    [1, '100 %'],
    [1.204, '120.4 %'],
  ])('a share of %d is %s', (share, text) => {
    expect(percent(share)).toBe(text);
  });

  it('a figure in per cent keeps its digits', () => {
    expect([percentOf(97.4), percentOf(0.00123), percentOf(12.3456789, 6), percentOf(7)]).toEqual([
      '97.4 %',
      '0.0012 %',
      '12.345679 %',
      '7 %',
    ]);
  });

  it.each([
    [0, '0 %'],
    [0.012, '+1.2 %'],
    [-0.004, '−0.4 %'],
    [0.0001, '< +0.1 %'],
    [-0.0001, '> −0.1 %'],
    [-1, '−100.0 %'],
  ])('a change of %d is %s', (share, text) => {
    expect(percentChange(share)).toBe(text);
  });

  it('tells seconds to the digit asked for, exact beyond 2^53', () => {
    expect([seconds(7_500_000_000n), seconds(0n), seconds(1_800_000_000_000_000_001n)]).toEqual([
      '7.5 s',
      '0 s',
      '1800000000.000000001 s',
    ]);
    expect([seconds(1_499_999_999n, 0), seconds(1_500_000_000n, 0), seconds(59_999_999n, 1)]).toEqual([
      '1 s',
      '2 s',
      '0.1 s',
    ]);
  });
});
