/**
 * Small JSON values made into JavaScript's: labels, a header, the arguments of one event. Tolerant where writers
 * are sloppy: NaN, Infinity, None/True/False, trailing commas, raw line ends in strings, unknown escapes.
 * Numbers become doubles; whoever needs more than 2^53 reads the digits (json-numbers.ts).
 */
import {
  BROKEN,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  INCOMPLETE,
  isSpace,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipScalar,
  skipSeparators,
  skipStringRest,
  skipValue,
} from './json-bytes.ts';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue | undefined };

/** Deeper nesting is not JSON of any format read here: it is null then. */
const MAX_DEPTH = 64;

const UTF8 = new TextDecoder();

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };

/** Text between two quotes (neither included). Bytes that are not UTF-8 become U+FFFD. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  const text = UTF8.decode(bytes.subarray(start, end));
  if (!text.includes('\\')) return text;
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, hex: string | undefined, letter: string) =>
    hex !== undefined ? String.fromCharCode(parseInt(hex, 16)) : (ESCAPES[letter] ?? letter),
  );
}

const WORDS: Readonly<Record<string, JsonValue>> = {
  true: true,
  false: false,
  null: null,
  True: true,
  False: false,
  None: null,
  NaN: NaN,
  nan: NaN,
  Infinity: Infinity,
  '-Infinity': -Infinity,
};

/** One value at `at` of `bytes`, which holds it whole; what is cut or broken in it ends it early. */
export function valueOf(bytes: Uint8Array, at: number, end: number): JsonValue {
  return new ValueParser(bytes, end).parse(at, 0);
}

class ValueParser {
  private next = 0;
  constructor(
    private readonly bytes: Uint8Array,
    private readonly end: number,
  ) {}

  parse(at: number, depth: number): JsonValue {
    const { bytes, end } = this;
    this.next = end;
    if (at >= end || depth > MAX_DEPTH) return null;
    const byte = bytes[at];
    if (byte === QUOTE) return this.string(at);
    if (byte === OPEN_ARRAY) return this.array(at + 1, depth + 1);
    if (byte === OPEN_OBJECT) return this.object(at + 1, depth + 1);
    const after = skipScalar(bytes, at, end, true);
    if (after === BROKEN || after === INCOMPLETE) return null;
    this.next = after;
    const word = UTF8.decode(bytes.subarray(at, after));
    if (Object.hasOwn(WORDS, word)) return WORDS[word];
    const number = Number(word);
    return Number.isNaN(number) ? null : number;
  }

  private string(at: number): string {
    const after = skipStringRest(this.bytes, at + 1, this.end);
    this.next = after === INCOMPLETE ? this.end : after;
    return textOf(this.bytes, at + 1, after === INCOMPLETE ? this.end : after - 1);
  }

  private array(at: number, depth: number): JsonValue[] {
    const values: JsonValue[] = [];
    for (;;) {
      at = skipSeparators(this.bytes, at, this.end);
      if (at >= this.end || this.bytes[at] === CLOSE_ARRAY || this.bytes[at] === CLOSE_OBJECT) break;
      values.push(this.parse(at, depth));
      at = this.next;
    }
    this.next = Math.min(at + 1, this.end);
    return values;
  }

  private object(at: number, depth: number): JsonObject {
    const { bytes, end } = this;
    // A map would accept "__proto__" too; entries do so without touching a prototype.
    const entries: [string, JsonValue][] = [];
    for (;;) {
      at = skipSeparators(bytes, at, end);
      if (at >= end || bytes[at] !== QUOTE) break;
      const key = this.string(at);
      at = this.next;
      while (at < end && (isSpace(bytes[at]) || bytes[at] === COLON)) at++;
      entries.push([key, this.parse(at, depth)]);
      at = this.next;
    }
    this.next = Math.min(at + 1, end);
    return Object.fromEntries(entries);
  }
}

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isList = (value: JsonValue | undefined): value is readonly JsonValue[] => Array.isArray(value);

/** Walks the members of the object whose `{` is at `at`, which lies whole in `bytes`. Nothing is made of the values. */
export function eachMember(
  bytes: Uint8Array,
  at: number,
  end: number,
  member: (keyStart: number, keyEnd: number, valueStart: number, valueEnd: number) => void,
): void {
  at++;
  for (;;) {
    at = skipSeparators(bytes, at, end);
    if (at >= end || bytes[at] !== QUOTE) return;
    const keyStart = at + 1;
    at = skipStringRest(bytes, keyStart, end);
    if (at < 0) return;
    const keyEnd = at - 1;
    while (at < end && (isSpace(bytes[at]) || bytes[at] === COLON)) at++;
    const valueStart = at;
    at = skipValue(bytes, at, end, true);
    if (at < 0) return;
    member(keyStart, keyEnd, valueStart, at);
  }
}
