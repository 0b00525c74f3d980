/**
 * Decimal numbers as they are written, exact: times of 19 digits, fractions of a microsecond. A double holds
 * 2^53 (16 digits); 1795252321849025931 ns does not fit.
 */

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;
/** Powers beyond this are no time or size; they would make integers of kilobytes. */
const MAX_POWER = 40;

/** Digits from bytes: ASCII only, so that nothing is decoded. */
export function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]);
  return text;
}

/**
 * The number written in `text` times 10^power, rounded to the nearest integer (half away from zero); null where it
 * is none or absurdly large. "4395296046787.592" with power 3 (µs to ns) is 4395296046787592n.
 */
export function scaledInteger(text: string, power: number): bigint | null {
  if (text.length > 80) return null;
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const [, sign, whole, fraction = '', exponent = '0'] = match;
  const shift = power + Number(exponent) - fraction.length;
  if (Math.abs(shift) > MAX_POWER) return null;
  const digits = BigInt(whole + fraction);
  const magnitude =
    shift >= 0
      ? digits * 10n ** BigInt(shift)
      : (digits + 10n ** BigInt(-shift) / 2n) / 10n ** BigInt(-shift);
  return sign === '-' ? -magnitude : magnitude;
}

/** The integer at [start, end) as a double; NaN where it is none. Exact up to 2^53, rounded beyond. */
export function integerAt(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const isNegative = bytes[at] === 0x2d;
  if (isNegative) at++;
  if (at === end || end - at > 40) return NaN;
  if (end - at > 15) {
    const text = asciiText(bytes, start, end);
    return /^-?\d+$/.test(text) ? Number(text) : NaN;
  }
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}
