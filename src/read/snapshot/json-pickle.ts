/**
 * JSON as the pickle that says the same, so that a snapshot saved as JSON goes through the decoder of pickles and into
 * the same columns. What CPython's pickler shares by identity JSON repeats: a frame, and a whole list of frames, is
 * written once and then named by its memo number, found by its text.
 *
 *   {"action": "alloc", "size": 512}  ->  }  \x94  (  h 0  h 1  h 2  M 512  u
 *
 * Numbers keep every digit. Not written: what is no JSON (the caller learns where), values nested deeper than 64.
 */
import {
  asciiBytes,
  BROKEN,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  isAt,
  isSpace,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipScalar,
  skipSeparators,
  skipStringRest,
  skipValue,
} from '../../file/json-bytes.ts';
import { asciiText, scaledInteger } from '../../file/json-numbers.ts';
import { textOf } from '../../file/json-value.ts';

const MARK = 0x28;
const MEMOIZE = 0x94;
const APPENDS = 0x65;
/** Items that stand on the decoder's stack before they go into their list, as CPython's pickler batches them. */
const BATCH = 1000;
const MAX_DEPTH = 64;
/** Texts that are remembered: of each kind at most so many characters, and none longer than this one. */
const REMEMBERED = 48 << 20;
const LONGEST_REMEMBERED = 1 << 20;

const FRAMES = asciiBytes('frames');
/** Texts that are known by their bytes, and their places. */
const SHORT = 32;
const SLOTS = 1024;

const LATIN1 = new TextDecoder('latin1');
const UTF8 = new TextEncoder();

/** Memo numbers by text, for as long as the texts fit. */
class Remembered {
  private readonly numbers = new Map<string, number>();
  private room = REMEMBERED;

  get(text: string): number | undefined {
    return this.numbers.get(text);
  }

  set(text: string, number: number): void {
    if (text.length > LONGEST_REMEMBERED || text.length > this.room) return;
    this.room -= text.length;
    this.numbers.set(text, number);
  }
}

interface Short {
  readonly bytes: Uint8Array;
  readonly memo: number;
}

/** An open list: how many of its items stand on the stack. */
export interface OpenList {
  batched: number;
}

export class JsonPickle {
  private out = new Uint8Array(1 << 16);
  private length = 0;
  private memos = 0;
  private readonly strings = new Remembered();
  private readonly shorts = Array.from<Short | undefined>({ length: SLOTS });
  private readonly frames = new Remembered();
  private readonly stacks = new Remembered();

  /** Bytes of the pickle that wait for `flush`. */
  get waiting(): number {
    return this.length;
  }

  /** Hands over what was written; the bytes are good until the next call of anything here. */
  flush(to: (bytes: Uint8Array) => void): void {
    const { length } = this;
    this.length = 0;
    if (length > 0) to(this.out.subarray(0, length));
  }

  start(): void {
    this.put(0x80);
    this.put(4);
  }

  stop(): void {
    this.put(0x2e);
  }

  none(): void {
    this.put(0x4e);
  }

  openDict(): void {
    this.put(0x7d);
    this.memoize();
  }

  /** Before a dict's first key. */
  items(): void {
    this.put(MARK);
  }

  /** Of a dict that has items. */
  closeItems(): void {
    this.put(0x75);
  }

  openList(): OpenList {
    this.put(0x5d);
    this.memoize();
    return { batched: 0 };
  }

  /** Before each item of a list. */
  item(list: OpenList): void {
    if (list.batched === BATCH) {
      this.put(APPENDS);
      list.batched = 0;
    }
    if (list.batched++ === 0) this.put(MARK);
  }

  closeList(list: OpenList): void {
    if (list.batched > 0) this.put(APPENDS);
  }

  /** A key or another short text. */
  text(text: string): void {
    const known = this.strings.get(text);
    if (known !== undefined) {
      this.named(known);
      return;
    }
    this.utf8(UTF8.encode(text));
    this.strings.set(text, this.memos);
    this.memoize();
  }

  /** The value that lies whole in bytes[at, end): the position after it, or BROKEN. `ofFrames`: of the key "frames". */
  value(bytes: Uint8Array, at: number, end: number, ofFrames = false, depth = 0): number {
    if (at >= end || depth > MAX_DEPTH) return BROKEN;
    switch (bytes[at]) {
      case QUOTE:
        return this.string(bytes, at, end);
      case OPEN_ARRAY:
        return ofFrames
          ? this.remembered(this.stacks, bytes, at, end, depth)
          : this.list(bytes, at, end, false, depth);
      case OPEN_OBJECT:
        // Of a list of frames that is not known yet most frames are.
        return ofFrames
          ? this.remembered(this.frames, bytes, at, end, depth)
          : this.dict(bytes, at, end, depth);
      default:
        return this.scalar(bytes, at, end);
    }
  }

  private remembered(texts: Remembered, bytes: Uint8Array, at: number, end: number, depth: number): number {
    const after = skipValue(bytes, at, end, true);
    if (after < 0) return BROKEN;
    const text = LATIN1.decode(bytes.subarray(at, after));
    const known = texts.get(text);
    if (known !== undefined) {
      this.named(known);
      return after;
    }
    const number = this.memos;
    const written =
      bytes[at] === OPEN_ARRAY ? this.list(bytes, at, end, true, depth) : this.dict(bytes, at, end, depth);
    if (written === after) texts.set(text, number);
    return written;
  }

  private list(bytes: Uint8Array, at: number, end: number, ofFrames: boolean, depth: number): number {
    const list = this.openList();
    at++;
    for (;;) {
      at = skipSeparators(bytes, at, end);
      if (at >= end) return BROKEN;
      if (bytes[at] === CLOSE_ARRAY) {
        this.closeList(list);
        return at + 1;
      }
      this.item(list);
      at = this.value(bytes, at, end, ofFrames, depth + 1);
      if (at < 0) return BROKEN;
    }
  }

  private dict(bytes: Uint8Array, at: number, end: number, depth: number): number {
    this.openDict();
    at++;
    for (let isFirst = true; ; isFirst = false) {
      at = skipSeparators(bytes, at, end);
      if (at >= end) return BROKEN;
      if (bytes[at] === CLOSE_OBJECT) {
        if (!isFirst) this.closeItems();
        return at + 1;
      }
      if (bytes[at] !== QUOTE) return BROKEN;
      if (isFirst) this.items();
      const start = at + 1;
      at = this.string(bytes, at, end);
      if (at < 0) return BROKEN;
      const ofFrames = at - 1 - start === FRAMES.length && isAt(bytes, start, FRAMES);
      while (at < end && isSpace(bytes[at])) at++;
      if (bytes[at] !== COLON) return BROKEN;
      at++;
      while (at < end && isSpace(bytes[at])) at++;
      at = this.value(bytes, at, end, ofFrames, depth + 1);
      if (at < 0) return BROKEN;
    }
  }

  /** A text in quotes. Short ones, which are most, are known by their bytes: no string is made of them. */
  private string(bytes: Uint8Array, at: number, end: number): number {
    const after = skipStringRest(bytes, at + 1, end);
    if (after < 0 || after > end) return BROKEN;
    const from = at + 1;
    const size = after - 1 - from;
    if (size === 0 || size > SHORT) {
      this.text(textOf(bytes, from, after - 1));
      return after;
    }
    const mixed = bytes[from] | (bytes[from + (size >> 1)] << 8) | (bytes[after - 2] << 16) | (size << 24);
    const slot = (Math.imul(mixed, 0x9e3779b1) >>> 22) & (SLOTS - 1);
    const known = this.shorts[slot];
    if (known?.bytes.length === size && isAt(bytes, from, known.bytes)) {
      this.named(known.memo);
      return after;
    }
    const text = textOf(bytes, from, after - 1);
    this.text(text);
    const memo = this.strings.get(text);
    if (memo !== undefined) this.shorts[slot] = { bytes: bytes.slice(from, after - 1), memo };
    return after;
  }

  private scalar(bytes: Uint8Array, at: number, end: number): number {
    const after = skipScalar(bytes, at, end, true);
    if (after < 0) return BROKEN;
    // Most are whole numbers that a double holds.
    let small = 0;
    let i = at;
    if (after - at <= 15)
      for (; i < after && bytes[i] >= 0x30 && bytes[i] <= 0x39; i++) small = small * 10 + bytes[i] - 0x30;
    if (i === after) {
      this.integer(small);
      return after;
    }
    return this.word(asciiText(bytes, at, after)) ? after : BROKEN;
  }

  /** A number or word of JSON, as it is written. */
  private word(text: string): boolean {
    switch (text) {
      case 'true':
        this.put(0x88);
        return true;
      case 'false':
        this.put(0x89);
        return true;
      case 'null':
        this.none();
        return true;
      case 'NaN':
      case 'Infinity':
      case '-Infinity':
        this.float(Number(text));
        return true;
    }
    if (!/^-?\d{1,400}(?:\.\d{1,400})?(?:[eE][-+]?\d{1,4})?$/.test(text)) return false;
    if (/^-?\d+$/.test(text)) {
      const number = Number(text);
      if (Number.isSafeInteger(number)) this.integer(number);
      else this.bigInteger(BigInt(text));
      return true;
    }
    // JSON has one kind of number: "512.0" and "1e9" are whole ones that something wrote as a float.
    const whole = Number.isInteger(Number(text)) ? scaledInteger(text, 0) : null;
    if (whole !== null && Number.isSafeInteger(Number(whole))) this.integer(Number(whole));
    else this.float(Number(text));
    return true;
  }

  private integer(value: number): void {
    if (value >= 0 && value < 256) {
      this.put(0x4b);
      this.put(value);
    } else if (value >= 0 && value < 65536) {
      this.put(0x4d);
      this.put(value & 255);
      this.put(value >> 8);
    } else if (value === (value | 0)) {
      this.put(0x4a);
      this.littleEndian(value, 4);
    } else {
      const low = value >>> 0;
      const high = Math.floor(value / 4294967296);
      // The fewest bytes of two's complement beyond four, as the decoder's short way knows them.
      const size = high >= -128 && high < 128 ? 5 : high >= -32768 && high < 32768 ? 6 : 7;
      this.put(0x8a);
      this.put(size);
      this.littleEndian(low, 4);
      this.littleEndian(high, size - 4);
    }
  }

  private bigInteger(value: bigint): void {
    const bytes: number[] = [];
    for (let rest = value; ; rest >>= 8n) {
      const byte = Number(rest & 255n);
      bytes.push(byte);
      // The sign stands in the highest bit.
      if ((rest >> 8n === 0n && byte < 128) || (rest >> 8n === -1n && byte >= 128)) break;
    }
    this.put(0x8a);
    this.put(bytes.length);
    for (const byte of bytes) this.put(byte);
  }

  private float(value: number): void {
    this.put(0x47);
    this.room(8);
    new DataView(this.out.buffer).setFloat64(this.length, value, false);
    this.length += 8;
  }

  private utf8(bytes: Uint8Array): void {
    if (bytes.length < 256) {
      this.put(0x8c);
      this.put(bytes.length);
    } else {
      this.put(0x58);
      this.littleEndian(bytes.length, 4);
    }
    this.room(bytes.length);
    this.out.set(bytes, this.length);
    this.length += bytes.length;
  }

  private named(memo: number): void {
    if (memo < 256) {
      this.put(0x68);
      this.put(memo);
    } else {
      this.put(0x6a);
      this.littleEndian(memo, 4);
    }
  }

  private memoize(): void {
    this.put(MEMOIZE);
    this.memos++;
  }

  private littleEndian(value: number, count: number): void {
    for (let i = 0; i < count; i++) this.put((value >> (8 * i)) & 255);
  }

  private put(byte: number): void {
    if (this.length === this.out.length) this.room(1);
    this.out[this.length++] = byte;
  }

  private room(count: number): void {
    if (this.length + count <= this.out.length) return;
    const bigger = new Uint8Array(Math.max(2 * this.out.length, this.length + count));
    bigger.set(this.out.subarray(0, this.length));
    this.out = bigger;
  }
}
