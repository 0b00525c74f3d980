/**
 * The times that log lines carry: "2026-08-01 23:37:38,123", with or without a zone, and vLLM's
 * "INFO 08-01 23:20:02", which has no year. One object dates all lines of a pass.
 *
 * A year that is not written is not invented: the latest year that any line of the file writes is taken, and
 * `assumption()` says so; else times are counted in a year that is never shown (base/partial-date.ts). From December
 * to January the year goes on by one.
 *
 * Not read: times without a date, and other orders than year-month-day.
 */

import { YEARLESS } from '../../base/partial-date.ts';
import type { RawLine } from './log-line.ts';

/** A time as it was met: milliseconds since 1970, or, below zero, a packed one without a year. */
export type Stamp = number;

export type LogClock = 'wall' | 'local' | 'none';

/** Times stand at the beginning of a line. */
const SEARCHED = 160;
const FULL =
  /(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: ?(Z|[+-]\d\d:?\d\d)\b)?/;
const NO_YEAR =
  /\b(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) (\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))? /;
const YEAR = /\b(20\d\d)[-/]\d\d[-/]\d\d/;
const DAY_MS = 86_400_000;

const milliseconds = (hour: string, minute: string, second: string, fraction: string | undefined): number =>
  (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1000 +
  (fraction === undefined ? 0 : Number(`0.${fraction}`) * 1000);

const isDate = (month: number, day: number): boolean => month >= 1 && month <= 12 && day >= 1 && day <= 31;

function zoneMinutes(zone: string): number {
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return zone.startsWith('-') ? -minutes : minutes;
}

/** The year of a date at the very beginning of a line, or behind one bracket; null: it is not there. */
function yearAtStart({ bytes, from, to }: RawLine): number | null {
  let at = bytes[from] === 0x5b ? from + 1 : from;
  if (to - at < 10 || bytes[at++] !== 0x32 || bytes[at++] !== 0x30) return null;
  const digit = (i: number): number => bytes[i] - 0x30;
  const isDigit = (i: number): boolean => digit(i) >= 0 && digit(i) <= 9;
  const isDash = (i: number): boolean => bytes[i] === 0x2d || bytes[i] === 0x2f;
  if (!isDigit(at) || !isDigit(at + 1) || !isDash(at + 2)) return null;
  if (!isDigit(at + 3) || !isDigit(at + 4) || !isDash(at + 5)) return null;
  return isDigit(at + 6) && isDigit(at + 7) ? 2000 + 10 * digit(at) + digit(at + 1) : null;
}

export class LogTimes {
  private latestYear: number | null = null;
  private zoned = 0;
  private unzoned = 0;
  private yearless = false;
  /** Years that have passed since the first line without one. */
  private yearsOn = 0;
  private lastMonth: number | null = null;
  private memoOffset = -1;
  private memo: Stamp | null = null;

  /** Every line of the file that may hold a date: a year is looked for. */
  see(line: RawLine): void {
    const year = yearAtStart(line);
    if (year === null) this.seeText(line.text);
    else if (this.latestYear === null || year > this.latestYear) this.latestYear = year;
  }

  private seeText(text: string): void {
    const match = YEAR.exec(text.length > SEARCHED ? text.slice(0, SEARCHED) : text);
    if (match === null) return;
    const year = Number(match[1]);
    if (this.latestYear === null || year > this.latestYear) this.latestYear = year;
  }

  /** The time at the beginning of a line, or null. Call in the order of the lines. */
  of(line: { readonly text: string; readonly offset: number }): Stamp | null {
    if (line.offset === this.memoOffset) return this.memo;
    this.memoOffset = line.offset;
    this.memo = this.parse(line.text.length > SEARCHED ? line.text.slice(0, SEARCHED) : line.text);
    return this.memo;
  }

  /** The line's time is this one, which what carried it printed. Before of(). */
  prime({ offset }: { readonly offset: number }, time: string): void {
    const stamp = this.parse(time);
    if (stamp === null) return;
    this.memoOffset = offset;
    this.memo = stamp;
  }

  /** Unix time in ns; on a local clock as if it were UTC. Only after the last line: the year is known then. */
  resolve(stamp: Stamp): bigint {
    if (stamp >= 0) return BigInt(Math.round(stamp * 1000)) * 1000n;
    const packed = -stamp - 1;
    const inDay = packed % DAY_MS;
    const days = Math.floor(packed / DAY_MS);
    const day = (days % 31) + 1;
    const months = Math.floor(days / 31) - 12;
    const ms = Date.UTC(this.firstYear() + Math.floor(months / 12), ((months % 12) + 12) % 12, day) + inDay;
    return BigInt(Math.round(ms * 1000)) * 1000n;
  }

  get clock(): LogClock {
    if (this.zoned + this.unzoned === 0 && !this.yearless) return 'none';
    return this.unzoned === 0 && !this.yearless ? 'wall' : 'local';
  }

  /** What was assumed to make times of what the lines print; null: nothing. */
  assumption(): string | null {
    if (!this.yearless) {
      return this.clock === 'local' ? "The log's times name no time zone; they are shown as printed." : null;
    }
    return this.latestYear === null
      ? "The log's times have no year and no time zone; they are shown as printed."
      : `The log's times have no year and no time zone: ${this.latestYear}, the latest year that is written in this file, was taken.`;
  }

  private firstYear(): number {
    return this.latestYear === null ? YEARLESS : this.latestYear - this.yearsOn;
  }

  private parse(text: string): Stamp | null {
    const full = FULL.exec(text);
    if (full !== null) {
      const [, year, month, day, hour, minute, second, fraction, zone] = full;
      if (!isDate(Number(month), Number(day)) || Number(year) < 1970) return null;
      this.seeText(text);
      if (zone === undefined) this.unzoned++;
      else this.zoned++;
      const date = Date.UTC(Number(year), Number(month) - 1, Number(day));
      const shift = zone === undefined ? 0 : zoneMinutes(zone) * 60_000;
      return Math.max(0, date + milliseconds(hour, minute, second, fraction) - shift);
    }
    const short = NO_YEAR.exec(text);
    if (short === null) return null;
    const [, monthText, dayText, hour, minute, second, fraction] = short;
    const month = Number(monthText);
    const day = Number(dayText);
    if (!isDate(month, day)) return null;
    this.yearless = true;
    const year = this.yearOf(month);
    // Twelve months on, so that a line of the year before the first one is not negative.
    const days = (year * 12 + month - 1 + 12) * 31 + day - 1;
    return -1 - (days * DAY_MS + milliseconds(hour, minute, second, fraction));
  }

  private yearOf(month: number): number {
    const last = this.lastMonth;
    // A late line of another process, from before the turn of the year.
    if (last !== null && month > last + 6) return this.yearsOn - 1;
    if (last !== null && month < last - 6) this.yearsOn++;
    this.lastMonth = month;
    return this.yearsOn;
  }
}
