/**
 * Amounts of bytes inside sentences. Whoever writes a sentence does not know the unit of its reader, so an amount stays
 * a number in it until it is shown:
 *
 *   "Reserved grew to {bytes:4901044224}."     binary   "Reserved grew to 4.56 GiB."
 *                                              decimal  "Reserved grew to 4.90 GB."
 *   "Asked for: {exact:314572800}."            binary   "Asked for: 300 MiB (314,572,800 bytes)."
 */
import { type ByteUnit, formatBytes, formatInteger, formatTerm } from './units.ts';

/** What no figure can be is no figure: beyond 2^53 its digits would be made up. */
const NOT_KNOWN = 'not known';

const written = (kind: 'bytes' | 'exact' | 'term', bytes: number): string =>
  Number.isSafeInteger(Math.round(bytes)) ? `{${kind}:${Math.round(bytes)}}` : NOT_KNOWN;

/** Shown as "4.56 GiB"; "not known" of what is no number or none of bytes. */
export const amount = (bytes: number): string => written('bytes', bytes);

/** Shown as "4.56 GiB (4,901,044,224 bytes)"; below one unit of either kind as "466 bytes". */
export const exactAmount = (bytes: number): string => written('exact', bytes);

/** Shown as "14.20 GiB": a term of a sum that is written out, with the digits that make it hold. */
export const termAmount = (bytes: number): string => written('term', bytes);

const AMOUNT = /\{(bytes|exact|term):(-?\d+)\}/g;

function shown(kind: string, bytes: number, unit: ByteUnit): string {
  if (kind === 'bytes') return formatBytes(bytes, unit);
  if (kind === 'term') return formatTerm(bytes, unit);
  const every = `${formatInteger(bytes)} ${Math.abs(bytes) === 1 ? 'byte' : 'bytes'}`;
  return Math.abs(bytes) < 1000 ? every : `${formatBytes(bytes, unit)} (${every})`;
}

/** A sentence with its amounts in a unit. */
export const withAmounts = (text: string, unit: ByteUnit): string =>
  text.replace(AMOUNT, (_, kind: string, bytes: string) => shown(kind, Number(bytes), unit));

/** A sentence without the bytes behind its amounts, for where a title or a table has them. */
export const brief = (text: string): string =>
  text.replace(/(\d (?:[KMGTP]i?B|kB)) \(-?[\d,]+ bytes?\)/g, '$1');

/** Plain data with the amounts of all its texts in a unit. What is no list, no plain object and no text stays itself. */
export function amountsIn<T>(data: T, unit: ByteUnit): T {
  if (typeof data === 'string') return withAmounts(data, unit) as T;
  if (Array.isArray(data)) return data.map((one: unknown) => amountsIn(one, unit)) as T;
  if (typeof data !== 'object' || data === null || Object.getPrototypeOf(data) !== Object.prototype)
    return data;
  return Object.fromEntries(Object.entries(data).map(([name, one]) => [name, amountsIn(one, unit)])) as T;
}
