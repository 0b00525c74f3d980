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
