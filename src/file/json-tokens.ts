/**
 * A pull tokenizer over chunks of JSON: the caller walks into objects and arrays, takes small values and skips
 * the rest, and never holds more than one item and one chunk. Tolerant: trailing and doubled commas, NaN and
 * Infinity, a file that ends early (`isCut`). What is broken otherwise is a TraceError 'corrupt' with its offset.
 *
 *   const json = new JsonCursor(chunks, ...);
 *   if ((await json.peek()) === OPEN_OBJECT) {
 *     await json.enter();
 *     for (let key; (key = await json.nextKey()) !== null; )
 *       if (key === 'rows') await json.items(step); else await json.skip();
 *   }
 */
import { TraceError } from '../base/trace-error.ts';
import {
  BACKSLASH,
  BROKEN,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  INCOMPLETE,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipScalar,
  skipSeparators,
  skipStringRest,
  skipValue,
} from './json-bytes.ts';
import { asciiText } from './json-numbers.ts';
import { textOf, valueOf, type JsonValue } from './json-value.ts';

/** Longest value that is held at once; longer ones are skipped piece by piece. */
const MAX_VALUE = 4 << 20;
/** Longest key; a longer one means that the quotes have come out of step. */
const MAX_KEY = 64 << 10;
/** After broken items only this much is looked at for the end of an item, so that damage cannot cost quadratic time. */
const CAREFUL_VALUE = 16 << 10;
const BREATH_BYTES = 4 << 20;

/** Reads one item that starts at `at`: the position after it, INCOMPLETE (it is called again with more) or BROKEN. */
export type ItemStep = (bytes: Uint8Array, at: number, end: number, isLast: boolean) => number;

type Make<T> = (bytes: Uint8Array, start: number, end: number) => T;

export interface ItemRules {
  readonly step: ItemStep;
  /** Where an item may start at or after `from`: what follows a broken one. -1: not in this buffer. */
  readonly resume?: (bytes: Uint8Array, from: number, end: number) => number;
  readonly onBroken?: (offset: number) => void;
}

export interface JsonHooks {
  /** Called every few megabytes. */
  breathe(): Promise<void>;
}

export class JsonCursor {
  /** The input ended within a value, an array or an object. */
  isCut = false;
  /** Why the input ended early, where the bytes themselves could not be had (a damaged gzip stream). */
  inputError: TraceError | null = null;
  private readonly chunks: AsyncIterator<Uint8Array>;
  private readonly hooks: JsonHooks;
  private bytes: Uint8Array = new Uint8Array(0);
  private own: Uint8Array = new Uint8Array(0);
  private at = 0;
  private end = 0;
  /** Offset of bytes[0] in the input. */
  private base = 0;
  private isLast = false;
  private breath = 0;

  constructor(chunks: AsyncIterable<Uint8Array>, hooks: JsonHooks) {
    this.chunks = chunks[Symbol.asyncIterator]();
    this.hooks = hooks;
  }

  /** Offset of the next byte. */
  get offset(): number {
    return this.base + this.at;
  }

  /** Offset of position `at` of the buffer that a step is shown. */
  offsetIn(at: number): number {
    return this.base + at;
  }

  /** Lets the source of the bytes go; the cursor is at its end afterwards. */
  async close(): Promise<void> {
    this.isLast = true;
    this.at = this.end;
    await this.chunks.return?.();
  }

  /** The next byte that is no separator; -1 at the end of the input. */
  async peek(): Promise<number> {
    for (;;) {
      this.at = skipSeparators(this.bytes, this.at, this.end);
      if (this.at < this.end) return this.bytes[this.at];
      if (!(await this.fill())) return -1;
    }
  }

  /** Up to `count` bytes from the next value on, as ASCII, without passing them. */
  async ahead(count: number): Promise<string> {
    await this.peek();
    while (this.end - this.at < count && (await this.fill()));
    return asciiText(this.bytes, this.at, Math.min(this.end, this.at + count));
  }

  /** Skips a byte order mark; only at the start. */
  async skipMark(): Promise<void> {
    while (this.end - this.at < 3 && (await this.fill()));
    const { bytes, at } = this;
    if (bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) this.at += 3;
  }

  /** Goes into the array or object that `peek` has just shown. */
  async enter(): Promise<void> {
    const byte = await this.peek();
    if (byte !== OPEN_ARRAY && byte !== OPEN_OBJECT) throw this.broken('an array or an object');
    this.at++;
  }

  /** The next key of the object, its colon passed; null: the object (or the input) has ended. */
  async nextKey(): Promise<string | null> {
    const byte = await this.peek();
    if (byte === -1) {
      this.isCut = true;
      return null;
    }
    if (byte === CLOSE_OBJECT) {
      this.at++;
      return null;
    }
    if (byte !== QUOTE) throw this.broken('a key in quotes or "}"');
    let after: number;
    while ((after = skipStringRest(this.bytes, this.at + 1, this.end)) === INCOMPLETE) {
      if (this.end - this.at > MAX_KEY) throw this.broken('the end of a key');
      if (!(await this.fill())) {
        this.isCut = true;
        this.at = this.end;
        return null;
      }
    }
    const key = textOf(this.bytes, this.at + 1, after - 1);
    this.at = after;
    const colon = await this.peek();
    if (colon === -1) {
      this.isCut = true;
      return null;
    }
    if (colon !== COLON) throw this.broken('":" after a key');
    this.at++;
    return key;
  }

  /** true: another item of the array follows; false: the array (or the input) has ended. */
  async nextItem(): Promise<boolean> {
    const byte = await this.peek();
    if (byte === -1) this.isCut = true;
    if (byte === CLOSE_ARRAY) this.at++;
    else if (byte === COLON || byte === CLOSE_OBJECT) throw this.broken('a value or "]"');
    return byte !== -1 && byte !== CLOSE_ARRAY;
  }

  /** The next value; undefined (and skipped) where it is longer than `maxBytes`, cut off, or not a value. */
  take(maxBytes = MAX_VALUE): Promise<JsonValue | undefined> {
    return this.takeAs(valueOf, maxBytes);
  }

  /** The same, as it is written (ASCII): numbers of more digits than a double has. */
  takeText(maxBytes = MAX_KEY): Promise<string | undefined> {
    return this.takeAs(asciiText, maxBytes);
  }

  /** The same, made of its bytes [start, end). */
  async takeAs<T>(make: Make<T>, maxBytes = MAX_VALUE): Promise<T | undefined> {
    if ((await this.peek()) === -1) {
      this.isCut = true;
      return undefined;
    }
    for (;;) {
      const after = skipValue(this.bytes, this.at, this.end, this.isLast);
      if (after === BROKEN) throw this.broken('a value');
      if (after !== INCOMPLETE) {
        const value = make(this.bytes, this.at, after);
        this.at = after;
        return value;
      }
      if (this.end - this.at > maxBytes) {
        await this.skip();
        return undefined;
      }
      if (!(await this.grow())) {
        this.isCut = true;
        this.at = this.end;
        return undefined;
      }
    }
  }

  /** Passes the next value, however long, without holding it. */
  async skip(): Promise<void> {
    const first = await this.peek();
    if (first === -1) {
      this.isCut = true;
      return;
    }
    if (first !== QUOTE && first !== OPEN_ARRAY && first !== OPEN_OBJECT) {
      let after: number;
      while ((after = skipScalar(this.bytes, this.at, this.end, this.isLast)) === INCOMPLETE) {
        if (this.end - this.at > MAX_KEY) throw this.broken('the end of a number');
        if (!(await this.fill())) break;
      }
      if (after === BROKEN) throw this.broken('a value');
      if (after === INCOMPLETE) this.isCut = true;
      this.at = after === INCOMPLETE ? this.end : after;
      return;
    }
    let depth = 0;
    let inString = false;
    let isEscaped = false;
    do {
      const { bytes, end } = this;
      let { at } = this;
      while (at < end) {
        const byte = bytes[at++];
        if (isEscaped) {
          isEscaped = false;
          continue;
        }
        if (inString) {
          if (byte === BACKSLASH) isEscaped = true;
          else if (byte === QUOTE) inString = false;
        } else if (byte === QUOTE) inString = true;
        else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
        else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
        if (depth === 0 && !inString) {
          this.at = at;
          return;
        }
      }
      this.at = at;
    } while (await this.fill());
    this.isCut = true;
  }

  /** All items of the array that is next, each given to `step` whole. Gives the number of items read. */
  async items(rules: ItemRules): Promise<number> {
    await this.enter();
    return this.restOfItems(rules);
  }

  /** The same, inside the array. */
  async restOfItems({ step, resume, onBroken }: ItemRules): Promise<number> {
    let count = 0;
    let limit = MAX_VALUE;
    for (;;) {
      const { bytes, end } = this;
      let at = this.at;
      let after = INCOMPLETE;
      // The hot loop: whole items in the buffer, no promise between them.
      for (;;) {
        at = skipSeparators(bytes, at, end);
        if (at >= end) break;
        if (bytes[at] === CLOSE_ARRAY) {
          this.at = at + 1;
          return count;
        }
        // After damage the end of an item is looked for nearby only.
        const stop = Math.min(end, at + limit);
        after = step(bytes, at, stop, this.isLast && stop === end);
        if (after < 0) break;
        // Bytes that were read well pay for looking further again: the whole stays linear.
        if (limit < MAX_VALUE) limit = Math.min(MAX_VALUE, limit + after - at);
        at = after;
        count++;
      }
      this.at = at;
      if (at >= end) {
        if (await this.fill()) continue;
        this.isCut = true;
        return count;
      }
      if (after === INCOMPLETE && end - at < limit && (await this.grow())) continue;
      const isAtEnd = after === INCOMPLETE && end - at < limit;
      if (resume === undefined) {
        if (after === BROKEN) throw this.broken('an item of the list');
        if (isAtEnd) {
          this.isCut = true;
          this.at = this.end;
          return count;
        }
        onBroken?.(this.offset);
        await this.skip();
        continue;
      }
      // Broken, or so long that its end was missed: a quote that is lost swallows what follows.
      const offset = this.offset;
      limit = CAREFUL_VALUE;
      this.at++;
      const goesOn = await this.seek(resume);
      // The last item of a file that ends early is cut, not broken.
      if (goesOn || !isAtEnd) onBroken?.(offset);
      if (!goesOn) {
        this.isCut = true;
        return count;
      }
    }
  }

  /** Goes to where `find` says; false: nowhere up to the end. Two buffers overlap by what a beginning may take. */
  private async seek(find: NonNullable<ItemRules['resume']>): Promise<boolean> {
    for (;;) {
      const found = find(this.bytes, this.at, this.end);
      if (found >= 0) {
        this.at = found;
        return true;
      }
      this.at = Math.max(this.at, this.end - 64);
      if (!(await this.fill())) {
        this.at = this.end;
        return false;
      }
    }
  }

  private broken(expected: string): TraceError {
    const byte = this.bytes[this.at];
    const seen =
      byte > 0x20 && byte < 0x7f
        ? `"${String.fromCharCode(byte)}"`
        : `byte 0x${byte.toString(16).padStart(2, '0')}`;
    return new TraceError(
      'corrupt',
      `This JSON is damaged: ${expected} was expected, ${seen} stands there.`,
      {
        offset: this.offset,
        advice: 'What came before this byte was read. Record or copy the file again.',
      },
    );
  }

  /** More bytes, twice as many as there are: values read again and again as they grow cost linear time. */
  private async grow(): Promise<boolean> {
    const wanted = 2 * (this.end - this.at);
    let hasMore = false;
    do {
      if (!(await this.fill())) return hasMore;
      hasMore = true;
    } while (this.end - this.at < wanted);
    return true;
  }

  /** Adds the next chunk behind what is left; false at the end of the input. */
  private async fill(): Promise<boolean> {
    if (this.isLast) return false;
    const next = await this.nextChunk();
    if (next === null) {
      this.isLast = true;
      return false;
    }
    const left = this.end - this.at;
    this.base += this.at;
    if (left === 0) {
      this.bytes = next;
    } else {
      const size = left + next.length;
      const rest = this.bytes.subarray(this.at, this.end);
      // One buffer of ours, used again and again; a chunk itself is not ours to write to.
      if (this.own.length < size) this.own = new Uint8Array(Math.max(size, 2 * this.own.length));
      this.own.set(rest);
      this.own.set(next, left);
      this.bytes = this.own;
    }
    this.at = 0;
    this.end = left + next.length;
    if (this.base + this.end - this.breath >= BREATH_BYTES) {
      this.breath = this.base + this.end;
      await this.hooks.breathe();
    }
    return true;
  }

  private async nextChunk(): Promise<Uint8Array | null> {
    try {
      for (;;) {
        const next = await this.chunks.next();
        if (next.done === true) return null;
        if (next.value.length > 0) return next.value;
      }
    } catch (thrown) {
      // A file that cannot be read to its end still tells what it holds up to there.
      if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
      this.inputError = thrown;
      return null;
    }
  }
}
