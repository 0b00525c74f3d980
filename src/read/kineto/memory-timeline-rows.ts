/** Rows of numbers at the level of bytes: `[1795252321849025931, 2, 16777216, 0]`. */
import {
  BROKEN,
  CLOSE_ARRAY,
  INCOMPLETE,
  OPEN_ARRAY,
  skipNestedRest,
  skipScalar,
  skipSeparators,
  skipValue,
} from '../../file/json-bytes.ts';
import { asciiText, integerAt, scaledInteger } from '../../file/json-numbers.ts';

export interface NumberRow {
  /** Position after the row. */
  readonly after: number;
  /** The first number, exact (a fraction is rounded); null: not a number, or not a row of `width` numbers. */
  readonly first: bigint | null;
  /** The others. */
  readonly rest: readonly number[];
}

/** `width` 0: a bare number. Gives INCOMPLETE or BROKEN as a step does. A row of another width has `first` null. */
export function numbersAt(
  bytes: Uint8Array,
  at: number,
  end: number,
  isLast: boolean,
  width: number,
): NumberRow | number {
  if (width === 0) {
    const after = skipScalar(bytes, at, end, isLast);
    return after < 0 ? after : { after, first: exact(bytes, at, after), rest: [] };
  }
  if (bytes[at] !== OPEN_ARRAY) {
    const after = skipValue(bytes, at, end, isLast);
    return after < 0 ? after : { after, first: null, rest: [] };
  }
  const start = at + 1;
  const rest: number[] = [];
  let first: bigint | null = null;
  let count = 0;
  at = start;
  for (;;) {
    at = skipSeparators(bytes, at, end);
    if (at >= end) return INCOMPLETE;
    if (bytes[at] === CLOSE_ARRAY) break;
    const value = at;
    at = skipScalar(bytes, value, end, false);
    if (at === INCOMPLETE) return INCOMPLETE;
    if (at === BROKEN) {
      const after = skipNestedRest(bytes, start, end, 1);
      return after < 0 ? after : { after, first: null, rest: [] };
    }
    if (count === 0) first = exact(bytes, value, at);
    else rest.push(integerAt(bytes, value, at));
    // A row never grows without bound: what is too long is counted, not kept.
    if (++count > width) rest.length = 0;
  }
  return { after: at + 1, first: count === width ? first : null, rest };
}

const exact = (bytes: Uint8Array, start: number, end: number): bigint | null =>
  scaledInteger(asciiText(bytes, start, Math.min(end, start + 81)), 0);
