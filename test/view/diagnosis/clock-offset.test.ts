/** An offset as a person writes it: every form, to the nanosecond, and what is wrong with the rest. */
import { describe, expect, it } from 'vitest';
import { exactOffset, parseOffset, writeOffset } from '../../../src/view/diagnosis/clock-offset.ts';

const SECOND = 1_000_000_000n;
const HOUR = 3600n * SECOND;

describe('what can be written', () => {
  it.each([
    ['+2h', 2n * HOUR],
    ['2 h', 2n * HOUR],
    ['-2h', -2n * HOUR],
    ['−2 h', -2n * HOUR],
    ['  + 2 hours ', 2n * HOUR],
    ['1500 ms', 1_500_000_000n],
    ['-1.5s', -1_500_000_000n],
    ['.5 s', 500_000_000n],
    ['5h 45min', 5n * HOUR + 2700n * SECOND],
    ['1 d 2 h 3 m 4 s 5 ms 6 µs 7 ns', 93_784_005_006_007n],
    ['6 us', 6000n],
    ['0', 0n],
    ['-0', 0n],
    ['0 s', 0n],
    ['-3:12:07.5', -(3n * HOUR + 727_500_000_000n)],
    ['+2:00', 2n * HOUR],
    ['100:00:00', 100n * HOUR],
    ['0:00:59.999999999', 59_999_999_999n],
    ['0.000000001 s', 1n],
    ['1795252313.536412001 s', 1_795_252_313_536_412_001n],
    ['876000 h', 876_000n * HOUR],
  ])('%s', (text, offsetNs) => {
    expect(parseOffset(text)).toEqual({ ok: true, offsetNs });
  });

  it('nothing: it is to be found', () => {
    expect(parseOffset('')).toEqual({ ok: true, offsetNs: null });
    expect(parseOffset('  ')).toEqual({ ok: true, offsetNs: null });
  });
});

it.each([
  ['7200', '7200 of what? Write the unit too: 7200 s, 7200 min or 7200 h.'],
  ['2 h 30', '30 of what? Write the unit too: 30 s, 30 min or 30 h.'],
  ['2 parsecs', '"parsecs" is no unit of time: write d, h, min, s, ms, us or ns.'],
  ['two hours', '"two hours" is no offset: write for example +2h, -3:12:07.5 or 1500 ms.'],
  ['+', 'A sign alone is no offset: write for example +2h, -3:12:07.5 or 1500 ms.'],
  ['--2h', '"-2h" is no offset: write for example +2h, -3:12:07.5 or 1500 ms.'],
  ['3 s 2 h', 'Write each unit once and the larger ones first, for example +2h, -3:12:07.5 or 1500 ms.'],
  ['2 h 2 h', 'Write each unit once and the larger ones first, for example +2h, -3:12:07.5 or 1500 ms.'],
  ['1:60', 'Minutes and seconds after a colon go up to 59: hours:minutes:seconds.'],
  ['1:00:60', 'Minutes and seconds after a colon go up to 59: hours:minutes:seconds.'],
  ['1:2:3:4', 'With colons an offset is hours:minutes:seconds, for example -3:12:07.5.'],
  ['1.5 ns', 'An offset has no parts finer than a nanosecond.'],
  ['0:00:00.0000000001', 'An offset has no parts finer than a nanosecond.'],
  ['876001 h', 'An offset goes up to 100 years.'],
  ['1e3 s', '"e" is no unit of time: write d, h, min, s, ms, us or ns.'],
])('%s is refused', (text, error) => {
  expect(parseOffset(text)).toEqual({ ok: false, error });
});

describe('an offset in words', () => {
  it.each([
    [0n, '+0 s'],
    [2n * HOUR, '+2 h'],
    [-(3n * HOUR + 727_500_000_000n), '-3 h 12 min 7.5 s'],
    [-1n, '-0.000000001 s'],
    [5_400n * SECOND, '+1 h 30 min'],
    [1_795_252_313_536_412_001n, '+1795252313.536412001 s'],
  ])('%s ns', (offsetNs, text) => {
    expect(writeOffset(offsetNs)).toBe(text);
    expect(parseOffset(text)).toEqual({ ok: true, offsetNs });
  });

  it('with every digit', () => {
    expect(exactOffset(-2n * HOUR)).toBe('-7,200,000,000,000 ns');
    expect(exactOffset(1500n)).toBe('+1,500 ns');
    expect(exactOffset(0n)).toBe('0 ns');
  });
});
