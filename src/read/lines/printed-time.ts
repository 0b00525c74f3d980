/**
 * Times as monitors and shells print them, in milliseconds since 1970. Those without a zone are a wall clock
 * somewhere, taken as UTC. A date that no calendar has is no time.
 *   2023/06/22 18:56:56.252      nvidia-smi CSV                 20261121 09:12:29   nvidia-smi dmon -o DT
 *   Tue Jul 14 09:00:26 2026     nvidia-smi, and `date`         === 2026-11-21 09:12:29 ===   echo "=== $(date ...) ==="
 *   2026-11-21T09:12:29.5Z       ISO 8601                       1795252349.5   date +%s
 */
export interface PrintedTime {
  readonly ms: number;
  /** 'wall': a zone was printed, or it is Unix time. */
  readonly clock: 'wall' | 'local';
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const SMI = /^(\d{4})[/-](\d\d)[/-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?$/;
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))? ?(?:(Z|UTC)|([+-])(\d\d):?(\d\d))$/;
const MONITOR = /^(\d{4})(\d\d)(\d\d) +(\d\d):(\d\d):(\d\d)$/;
const CTIME =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)(?: (UTC|GMT|[A-Z]{3,5}))? (\d{4})$/;
const EPOCH = /^(\d{10})(?:\.(\d{1,9}))?$/;

function at(
  year: string,
  month: number,
  day: string,
  hour: string,
  minute: string,
  second: string,
  fraction: string | undefined = '',
): number | null {
  const whole = moment(Number(year), month, Number(day), Number(hour), Number(minute), Number(second));
  return whole === null ? null : whole + (fraction === '' ? 0 : Number(`0.${fraction}`) * 1000);
}

/** A second in ms; null: no calendar or clock has it. */
function moment(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | null {
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  if (hour > 23 || minute > 59 || second > 60) return null;
  return (((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
const daysIn = (year: number, month: number): number =>
  month === 2
    ? isLeap(year)
      ? 29
      : 28
    : month === 4 || month === 6 || month === 9 || month === 11
      ? 30
      : 31;

/** Of the Gregorian calendar, years counted from March. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + ofYear - 719468;
}

/** Of a text of its length, the usual one: what SMI would find, without a string for each part. */
function milliseconds(text: string): number | null {
  for (let i = 0; i < 23; i++) {
    const code = text.charCodeAt(i);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (i === 4 || i === 7) {
      if (code !== 0x2f && code !== 0x2d) return null;
    } else if (i === 10) {
      if (code !== 0x20 && code !== 0x54) return null;
    } else if (i === 13 || i === 16) {
      if (code !== 0x3a) return null;
    } else if (i !== 19 && !isDigit) return null;
  }
  const digits = (from: number, to: number): number => {
    let value = 0;
    for (let i = from; i < to; i++) value = value * 10 + text.charCodeAt(i) - 0x30;
    return value;
  };
  const whole = moment(
    digits(0, 4),
    digits(5, 7),
    digits(8, 10),
    digits(11, 13),
    digits(14, 16),
    digits(17, 19),
  );
  return whole === null ? null : whole + Number(`0.${text.slice(20)}`) * 1000;
}

/** `2023/06/22 18:56:56.252`, of nvidia-smi's CSV. */
export function slashTime(text: string): number | null {
  // Most texts that are asked about are no times; a cheap look spares them the pattern.
  if (text.length < 19 || text.charCodeAt(13) !== 0x3a) return null;
  if (text.length === 23 && text.charCodeAt(19) === 0x2e) return milliseconds(text);
  const match = SMI.exec(text);
  return match && at(match[1], Number(match[2]), match[3], match[4], match[5], match[6], match[7]);
}

/** `20261121 09:12:29`, of dmon and pmon. */
export function monitorTime(text: string): number | null {
  const match = MONITOR.exec(text);
  return match && at(match[1], Number(match[2]), match[3], match[4], match[5], match[6]);
}

/** `Tue Jul 14 09:00:26 2026`, of nvidia-smi's table and of `date` (with a zone). */
export function weekdayTime(text: string): PrintedTime | null {
  const match = CTIME.exec(text);
  if (!match) return null;
  const ms = at(match[7], MONTHS.indexOf(match[1]) + 1, match[2], match[3], match[4], match[5]);
  if (ms === null) return null;
  return { ms, clock: match[6] === 'UTC' || match[6] === 'GMT' ? 'wall' : 'local' };
}

/** A second with nine decimals and a zone is shorter. */
export const LONGEST_TIME = 45;

/** A line that is a time and nothing else, framed with `=`, `-` or `#` or bare; null for every other line. */
export function separatorTime(line: string): PrintedTime | null {
  if (line.length > 80) return null;
  const text = line.replace(/^[\s=#-]+/, '').replace(/(?<![\s=#-])[\s=#-]+$/, '');
  if (text.length < 10 || text.length > LONGEST_TIME) return null;
  const local = slashTime(text);
  if (local !== null) return { ms: local, clock: 'local' };
  const iso = ISO.exec(text);
  if (iso) {
    const ms = at(iso[1], Number(iso[2]), iso[3], iso[4], iso[5], iso[6], iso[7]);
    if (ms === null) return null;
    const zone = iso[9] === undefined ? 0 : (Number(iso[10]) * 60 + Number(iso[11])) * 60_000;
    return { ms: iso[9] === '-' ? ms + zone : ms - zone, clock: 'wall' };
  }
  const epoch = EPOCH.exec(text);
  if (epoch) return { ms: Number(text) * 1000, clock: 'wall' };
  return weekdayTime(text);
}

/** Milliseconds, fractions down to the microsecond, as nanoseconds. */
export const nanoseconds = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n;
