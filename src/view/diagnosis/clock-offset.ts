/**
 * An offset between two clocks as a person writes it, to the nanosecond: "+2h", "-3:12:07.5", "1500 ms". Nothing is
 * rounded: what is finer than a nanosecond is refused.
 */
import { formatInteger } from '../../base/units.ts';
import { seconds } from '../../base/words.ts';

export type ParsedOffset =
  /** null: nothing was written, so the offset is to be found. */
  { readonly ok: true; readonly offsetNs: bigint | null } | { readonly ok: false; readonly error: string };

const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;
const DAY = 24n * HOUR;

const UNITS: readonly (readonly [names: readonly string[], ns: bigint])[] = [
  [['d', 'day', 'days'], DAY],
  [['h', 'hour', 'hours'], HOUR],
  [['min', 'mins', 'minute', 'minutes', 'm'], MINUTE],
  [['s', 'sec', 'second', 'seconds'], SECOND],
  [['ms'], 1_000_000n],
  [['us', 'µs', 'μs'], 1000n],
  [['ns'], 1n],
];

/** Times are 64-bit nanoseconds: an offset of more than this could leave them. */
const MOST = 100n * 365n * DAY;

const EXAMPLES = 'for example +2h, -3:12:07.5 or 1500 ms';
const PART = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-zµμ]*)/i;
const CLOCK = /^(\d+):(\d{1,2})(?::(\d{1,2}(?:\.\d+)?))?$/;

const failed = (error: string): ParsedOffset => ({ ok: false, error });

/** "7.5" of a unit in whole nanoseconds; null where it is finer. */
function times(digits: string, unit: bigint): bigint | null {
  const [whole, fraction = ''] = digits.split('.');
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole + fraction) * unit;
  return scaled % scale === 0n ? scaled / scale : null;
}

const TOO_FINE = 'An offset has no parts finer than a nanosecond.';

/** "3:12", "3:12:07.5": hours, minutes and seconds. */
function clockSize([, hours, minutes, seconds = '0']: RegExpExecArray): bigint | string {
  if (Number(minutes) > 59 || Number(seconds) >= 60)
    return 'Minutes and seconds after a colon go up to 59: hours:minutes:seconds.';
  const rest = times(seconds, SECOND);
  return rest === null ? TOO_FINE : BigInt(hours) * HOUR + BigInt(minutes) * MINUTE + rest;
}

/** "2h", "2 h 30 min", "1500 ms": each unit once, the larger ones first. */
function unitsSize(text: string): bigint | string {
  let size = 0n;
  let before = -1;
  let rest = text;
  while (rest.trim() !== '') {
    const part = PART.exec(rest);
    if (part === null) return `"${rest.trim()}" is no offset: write ${EXAMPLES}.`;
    const [whole, digits, name] = part;
    const at = UNITS.findIndex(([names]) => names.includes(name.toLowerCase()));
    if (name === '') {
      if (text.trim() === digits && Number(digits) === 0) return 0n;
      return `${digits} of what? Write the unit too: ${digits} s, ${digits} min or ${digits} h.`;
    }
    if (at < 0) return `"${name}" is no unit of time: write d, h, min, s, ms, us or ns.`;
    if (at <= before) return `Write each unit once and the larger ones first, ${EXAMPLES}.`;
    const value = times(digits, UNITS[at][1]);
    if (value === null) return TOO_FINE;
    size += value;
    before = at;
    rest = rest.slice(whole.length);
  }
  return size;
}

/** Without a sign it is added. Empty text is no error: the offset is to be found. */
export function parseOffset(text: string): ParsedOffset {
  const trimmed = text.trim();
  if (trimmed === '') return { ok: true, offsetNs: null };
  const sign = /^[+\-−]/.exec(trimmed)?.[0] ?? '';
  const body = trimmed.slice(sign.length).trim();
  if (body === '') return failed(`A sign alone is no offset: write ${EXAMPLES}.`);
  const clock = CLOCK.exec(body);
  if (clock === null && body.includes(':'))
    return failed('With colons an offset is hours:minutes:seconds, for example -3:12:07.5.');
  const size = clock === null ? unitsSize(body) : clockSize(clock);
  if (typeof size === 'string') return failed(size);
  if (size > MOST) return failed('An offset goes up to 100 years.');
  return { ok: true, offsetNs: sign === '' || sign === '+' ? size : -size };
}

/** "+2 h", "-3 h 12 min 7.5 s", every digit: `parseOffset` of it gives the same. */
export function writeOffset(offsetNs: bigint): string {
  const sign = offsetNs < 0n ? '-' : '+';
  const size = offsetNs < 0n ? -offsetNs : offsetNs;
  // From a session's start to a date: seconds since 1970 say more than hours since.
  if (size >= 400n * DAY) return `${sign}${seconds(size)}`;
  const [hours, minutes, rest] = [size / HOUR, (size % HOUR) / MINUTE, size % MINUTE];
  const parts = [
    ...(hours > 0n ? [`${hours} h`] : []),
    ...(minutes > 0n ? [`${minutes} min`] : []),
    ...(rest > 0n || size === 0n ? [seconds(rest)] : []),
  ];
  return sign + parts.join(' ');
}

/** "-7,200,000,000,000 ns", for titles. */
export const exactOffset = (offsetNs: bigint): string =>
  `${offsetNs > 0n ? '+' : ''}${formatInteger(offsetNs)} ns`;
