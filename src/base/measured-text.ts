/** Bytes that were printed with few digits, shown with no more digits than were printed. */
import { type ByteUnit, byteScale, formatBytes, formatInteger } from './units.ts';

/** Bytes, and the most that the true figure can be away; 0: exact. */
export interface BytesWithError {
  readonly value: number;
  readonly error: number;
}

/** Half a byte is what whole bytes leave open. */
const EXACT = 0.5;

/** "20.48 MiB" where every byte is known; "0.02 GiB" where it was printed to 0.01 GiB. "−" in front of what is negative. */
export function formatMeasured({ value, error }: BytesWithError, unit: ByteUnit): string {
  const size = Math.abs(Math.round(value));
  const sign = value < 0 && size > 0 ? '−' : '';
  if (error <= EXACT) return `${sign}${formatBytes(size, unit)}`;
  // The unit in which the last of two decimals is about as wide as what is not known.
  const { step, name } = byteScale(200 * error, unit);
  const text = (size / step).toFixed(2);
  return `${Number(text) === 0 ? '' : sign}${text} ${name}`;
}

/** "9,232,221,491 bytes", "21,474,836 ± 5,368,710 bytes (printed digits)". */
export function exactMeasured({ value, error }: BytesWithError): string {
  const size = formatInteger(Math.abs(Math.round(value)));
  const sign = Math.round(value) < 0 ? '−' : '';
  return `${sign}${size}${error <= EXACT ? '' : ` ± ${formatInteger(Math.ceil(error))}`} bytes${error <= EXACT ? '' : ' (printed digits)'}`;
}
