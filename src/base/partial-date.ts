/**
 * Times that a file prints without a year, or without a date. They need a place on a clock all the same, and get one
 * in years of which no recording of a GPU can be; whoever shows them leaves out what was not printed.
 *
 *   "INFO 12-31 23:59:50"      counted as in 1972 (it has a 29th of February), shown "12-31 23:59:50"
 *   "INFO 01-01 00:00:10"      the line after it: in 1973, shown "01-01 00:00:10"
 *   "23:59:50" (dmon -o T)     counted from 1970-01-01, shown "23:59:50", after midnight "day 2 00:00:10"
 */

/** Year that times without one are counted in; a line of the year before or the years after counts from here. */
export const YEARLESS = 1972;
/** Logs that run over the turn of the year, more than once. */
const LAST_YEARLESS = 1979;

/** What of a moment on a local clock was printed, by its year. */
export function printedOf(year: number): 'date' | 'day' | 'time' {
  if (year > LAST_YEARLESS) return 'date';
  return year >= YEARLESS - 1 ? 'day' : 'time';
}
