/**
 * JSON at the level of bytes, inside one buffer: where a value ends, without making anything of it. These are
 * the loops that gigabytes go through. https://www.rfc-editor.org/rfc/rfc8259
 *
 * Every function takes a position and gives the position after what it read, or INCOMPLETE where the buffer
 * ends first, or BROKEN where the bytes cannot be that. Inside skipped values only strings, what follows them and
 * brackets are looked at: whether `[` is closed by `]` or by `}` is not checked.
 */

/** The buffer ends within the value. */
export const INCOMPLETE = -1;
/** Not what stands here. */
export const BROKEN = -2;

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COLON = 0x3a;
export const COMMA = 0x2c;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;

/** '[' | 0x20 is '{', ']' | 0x20 is '}': one comparison for both kinds of bracket. */
const CASE_BIT = 0x20;

const MAY_FOLLOW_STRING = new Uint8Array(256);
for (const byte of [0x20, 0x0a, 0x0d, 0x09, COLON, COMMA, CLOSE_ARRAY, CLOSE_OBJECT])
  MAY_FOLLOW_STRING[byte] = 1;

export const isSpace = (byte: number): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Position of the first byte that is neither white space nor a comma; `end` where there is none. */
export function skipSeparators(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== COMMA && byte !== 0x0d && byte !== 0x09) break;
    at++;
  }
  return at;
}

/** `at`: after the opening quote. Gives the position after the closing one. */
export function skipStringRest(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at++];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return INCOMPLETE;
}

/** `at`: inside an array or object of nesting `depth` (1: just behind its opening bracket). After its closing one. */
export function skipNestedRest(bytes: Uint8Array, at: number, end: number, depth: number): number {
  while (at < end) {
    const byte = bytes[at++];
    if (byte === QUOTE) {
      // Written out here: a call for every string costs a third of the speed.
      let closed = false;
      while (at < end) {
        const inside = bytes[at++];
        if (inside === QUOTE) {
          closed = true;
          break;
        }
        if (inside === BACKSLASH) at++;
      }
      if (!closed) return INCOMPLETE;
      // A letter behind a string: a quote was lost or made, and inside and outside have changed places.
      if (at < end && !MAY_FOLLOW_STRING[bytes[at]]) return BROKEN;
    } else if (byte > 0x5a) {
      const bracket = byte | CASE_BIT;
      if (bracket === OPEN_OBJECT) depth++;
      else if (bracket === CLOSE_OBJECT && --depth === 0) return at;
    }
  }
  return INCOMPLETE;
}

/** A number, a word (true, null, NaN, -Infinity): up to the next separator. `final`: the input ends at `end`. */
export function skipScalar(bytes: Uint8Array, at: number, end: number, final: boolean): number {
  const start = at;
  while (at < end) {
    const byte = bytes[at];
    const isPart =
      (byte >= 0x30 && byte <= 0x39) || // digits
      (byte >= 0x61 && byte <= 0x7a) || // e, true, null
      (byte >= 0x41 && byte <= 0x5a) || // E, NaN, Infinity, None
      byte === 0x2d ||
      byte === 0x2e ||
      byte === 0x2b;
    if (!isPart) return at === start ? BROKEN : at;
    at++;
  }
  return final && at > start ? at : INCOMPLETE;
}

/** Any value. */
export function skipValue(bytes: Uint8Array, at: number, end: number, final: boolean): number {
  if (at >= end) return INCOMPLETE;
  const byte = bytes[at];
  if (byte === QUOTE) return skipStringRest(bytes, at + 1, end);
  if ((byte | CASE_BIT) === OPEN_OBJECT) return skipNestedRest(bytes, at + 1, end, 1);
  return skipScalar(bytes, at, end, final);
}

/** true: the bytes [at, at + word.length) are `word`. */
export function isAt(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false;
  return true;
}

/** Bytes of an ASCII word, for `isAt`. */
export const asciiBytes = (word: string): Uint8Array =>
  Uint8Array.from(word, (character) => character.charCodeAt(0));
