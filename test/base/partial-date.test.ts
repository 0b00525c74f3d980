import { expect, it } from 'vitest';
import { printedOf, YEARLESS } from '../../src/base/partial-date.ts';

it('tells by the year what of a date was printed', () => {
  expect([1969, 1970].map(printedOf)).toEqual(['time', 'time']);
  // A late line of the year before, and lines after the turn of the year.
  expect([YEARLESS - 1, YEARLESS, YEARLESS + 1].map(printedOf)).toEqual(['day', 'day', 'day']);
  expect([2007, 2026].map(printedOf)).toEqual(['date', 'date']);
  expect(new Date(Date.UTC(YEARLESS, 1, 29)).getUTCDate()).toBe(29);
});
