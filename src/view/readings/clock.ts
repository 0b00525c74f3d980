/**
 * Times of logs and monitors: a wall clock, a wall clock without a zone (its digits are shown as printed), or no
 * clock at all, where samples are counted. `x` is relative to a base, in nanoseconds or samples.
 */
import { printedOf } from '../../base/partial-date.ts';
import { formatInteger } from '../../base/units.ts';
import type { Readings } from '../../engine/protocol.ts';
import type { Tick } from '../parts/ticks.ts';
import { rowTicks, timeStep } from '../parts/ticks.ts';
import type { Span } from '../parts/viewport.ts';

export type Clock = Readings['clock'];

const DAY = 86_400e9;
const MILLISECOND = 1_000_000n;
const two = (value: number): string => String(value).padStart(2, '0');

/** Nanoseconds that the shown time of day is ahead of UTC: the browser's zone for a wall clock, none otherwise. */
function zoneOf(clock: Clock, timeNs: bigint): bigint {
  if (clock !== 'wall') return 0n;
  const offset = new Date(Number(timeNs / MILLISECOND)).getTimezoneOffset();
  return Number.isNaN(offset) ? 0n : BigInt(-offset) * 60_000_000_000n;
}

interface Digits {
  /** As printed: "2026-11-21", "11-21" without a year, "day 2" or "" without a date. */
  readonly day: string;
  /** The same for an axis, where the year is left out. */
  readonly short: string;
  readonly time: string;
  readonly ns: number;
}

/** Digits of a shown moment; null where a Date cannot hold it. */
function digitsOf(clock: Clock, shownNs: bigint): Digits | null {
  // Rounded down, also before 1970.
  const ms = shownNs >= 0n ? shownNs / MILLISECOND : (shownNs - MILLISECOND + 1n) / MILLISECOND;
  const date = new Date(Number(ms));
  if (Number.isNaN(date.getTime())) return null;
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  const ns = date.getUTCMilliseconds() * 1e6 + Number(shownNs - ms * MILLISECOND);
  const short = `${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  const year = date.getUTCFullYear();
  const printed = clock === 'local' ? printedOf(year) : 'date';
  if (printed === 'date') return { day: `${year}-${short}`, short, time, ns };
  if (printed === 'day') return { day: short, short, time, ns };
  const days = Math.floor(Number(shownNs / BigInt(DAY)));
  const day = days <= 0 ? '' : `day ${days + 1}`;
  return { day, short: day, time, ns };
}

/** "2026-11-21 12:31:04.5", "11-21 12:31:04" where no year was printed, "sample 12". */
export function formatMoment(clock: Clock, timeNs: bigint): string {
  if (clock === 'none') return `sample ${formatInteger(timeNs + 1n)}`;
  const digits = digitsOf(clock, timeNs + zoneOf(clock, timeNs));
  if (digits === null) return `${formatInteger(timeNs)} ns`;
  const fraction = String(digits.ns)
    .padStart(9, '0')
    .slice(0, 6)
    .replace(/(?<!0)0+$/, '');
  return `${digits.day} ${digits.time}${fraction === '' ? '' : `.${fraction}`}`.trimStart();
}

/** What all moments from `first` to `last` begin with is left out: the day where it is one, else the year. */
export function formatMomentBetween(clock: Clock, timeNs: bigint, first: bigint, last: bigint): string {
  const text = formatMoment(clock, timeNs);
  const ends = [formatMoment(clock, first), formatMoment(clock, last)];
  const shared = [/^(?:\d{4}-)?\d\d-\d\d /, /^\d{4}-/]
    .map((pattern) => pattern.exec(text)?.[0] ?? '')
    .find((prefix) => prefix !== '' && ends.every((end) => end.startsWith(prefix)));
  return text.slice(shared?.length ?? 0);
}

/** Moment of a place on the axis, whole nanoseconds. */
export const momentOf = (base: bigint, x: number): bigint => base + BigInt(Math.floor(x));

/** Times of day at round values; the first one, and each after a midnight, carries its date. */
export function clockTicks(clock: Clock, base: bigint, span: Span, most: number): Tick[] {
  if (clock === 'none')
    return rowTicks(span.from, span.to, most)
      .filter(({ at }) => at < span.to)
      .map(({ at }) => ({ at, label: formatInteger(at + 1) }));
  const step = timeStep((span.to - span.from) / Math.max(1, most));
  const shownBase = base + zoneOf(clock, base);
  const dayNs = BigInt(DAY);
  const inDay = Number(((shownBase % dayNs) + dayNs) % dayNs);
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step / 1e9) - 1e-9)));
  const ticks: Tick[] = [];
  let before: number | null = null;
  for (let i = Math.ceil((inDay + span.from) / step); i * step <= inDay + span.to; i++) {
    const at = i * step - inDay;
    const told = digitsOf(clock, shownBase + BigInt(Math.round(at)));
    if (told === null) continue;
    const day = Math.floor((i * step) / DAY);
    const fraction = digits === 0 ? '' : `.${String(told.ns).padStart(9, '0').slice(0, digits)}`;
    const time = step >= 60e9 ? told.time.slice(0, 5) : `${told.time}${fraction}`;
    ticks.push({
      at,
      label: day === before ? time : step >= DAY ? told.short || time : `${told.short} ${time}`.trimStart(),
    });
    before = day;
  }
  return ticks;
}

/** What must be known of the times before they are compared with anything; "" where there is nothing to say. */
export function clockWords(clock: Clock): string {
  switch (clock) {
    case 'wall':
      return '';
    case 'local':
      return 'Times are as printed: the file names no time zone.';
    case 'none':
      return 'The file has no times: samples are counted in the order of the file.';
  }
}
