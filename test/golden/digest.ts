/** A golden is the analysis of one input, with long lists told by their length, ends and a checksum. */
import { createHash } from 'node:crypto';

/** Lists up to this length are kept whole. */
const WHOLE = 6;

function digestList(list: readonly unknown[]): unknown {
  const each = list.map(digest);
  if (list.length <= WHOLE) return each;
  const sha256 = createHash('sha256').update(JSON.stringify(list)).digest('hex').slice(0, 16);
  return { length: list.length, first: each[0], last: each.at(-1), sha256 };
}

/** The same value with every list of more than six told by length, first, last and checksum. */
export function digest(value: unknown): unknown {
  if (Array.isArray(value)) return digestList(value);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, digest(one)]));
}

const isEmpty = (value: unknown): boolean =>
  value !== null && typeof value === 'object' && Object.keys(value).length === 0;

/**
 * An analysis as a golden keeps it: digested, and without the sections that are empty, so that a new section changes only
 * the goldens of the inputs it is about. Nothing is lost by it: a section that fills is a key too many.
 */
export const goldenForm = (analysis: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(analysis)
      .filter(([, section]) => !isEmpty(section))
      .map(([name, section]) => [name, digest(section)]),
  );

/** Texts anywhere in a value that still hold an amount written for the page ("{bytes:42}") in place of a figure with a unit. */
export function rawAmounts(value: unknown): string[] {
  if (typeof value === 'string') return /\{(bytes|exact):/.test(value) ? [value] : [];
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap(rawAmounts);
}
