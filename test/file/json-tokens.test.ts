/** The streaming JSON tokenizer: against JSON.parse at every border between chunks, and on what is cut or broken. */
import { describe, expect, test } from 'vitest';
import { TraceError } from '../../src/base/trace-error.ts';
import { BROKEN, INCOMPLETE, OPEN_ARRAY, OPEN_OBJECT, skipValue } from '../../src/file/json-bytes.ts';
import { integerAt, scaledInteger } from '../../src/file/json-numbers.ts';
import { JsonCursor } from '../../src/file/json-tokens.ts';
import { valueOf, type JsonValue } from '../../src/file/json-value.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const quiet = { breathe: () => Promise.resolve() };

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.slice(at, at + size));
}

const cursorOver = (text: string, size = 7): JsonCursor =>
  new JsonCursor(inChunks(encode(text), size), quiet);

/** A whole document by the cursor's own steps; scalars by `take`. */
async function walk(json: JsonCursor): Promise<JsonValue | undefined> {
  const byte = await json.peek();
  if (byte === OPEN_OBJECT) {
    const entries: [string, JsonValue][] = [];
    await json.enter();
    for (let key; (key = await json.nextKey()) !== null;) entries.push([key, (await walk(json)) ?? null]);
    return Object.fromEntries(entries);
  }
  if (byte === OPEN_ARRAY) {
    const items: JsonValue[] = [];
    await json.enter();
    while (await json.nextItem()) items.push((await walk(json)) ?? null);
    return items;
  }
  return json.take();
}

const DOCUMENT =
  '{"a": [1, -2.5e3, true, null, "x\\"]}\\\\", []], "\\u00e9é": {"b": {"c": "日本\\n"}}, "n": 12345678901234567890, "e": {}}';

describe('JsonCursor', () => {
  test.each([1, 2, 3, 5, 16, 1000])(
    'walks a document as JSON.parse reads it, in chunks of %i',
    async (size) => {
      expect(await walk(cursorOver(DOCUMENT, size))).toEqual(JSON.parse(DOCUMENT));
    },
  );

  test('skips values of any length and finds what follows', async () => {
    const long = JSON.stringify({ deep: [['}"]\\', { x: '[' }]], text: 'y'.repeat(100_000) });
    for (const size of [1, 64, 4096]) {
      const json = cursorOver(`{"skip": ${long}, "number": -1.5e3, "keep": 7}`, size);
      await json.enter();
      expect(await json.nextKey()).toBe('skip');
      await json.skip();
      expect(await json.nextKey()).toBe('number');
      await json.skip();
      expect(await json.nextKey()).toBe('keep');
      expect(await json.take()).toBe(7);
      expect(await json.nextKey()).toBeNull();
      expect(json.isCut).toBe(false);
    }
  });

  test('does not hold a value longer than asked for', async () => {
    const json = cursorOver(`{"long": "${'z'.repeat(5000)}", "next": [1]}`, 100);
    await json.enter();
    await json.nextKey();
    expect(await json.take(1000)).toBeUndefined();
    expect(await json.nextKey()).toBe('next');
    expect(await json.take()).toEqual([1]);
  });

  test('gives numbers as they are written', async () => {
    const json = cursorOver('[1795252321849025931]', 3);
    await json.enter();
    expect(await json.nextItem()).toBe(true);
    expect(await json.takeText()).toBe('1795252321849025931');
  });

  test('reads NaN, Infinity and trailing commas', async () => {
    expect(await walk(cursorOver('[NaN, -Infinity, Infinity, 1,, {"a": NaN,},]'))).toEqual([
      NaN,
      -Infinity,
      Infinity,
      1,
      { a: NaN },
    ]);
  });

  test('says that a document is cut, wherever it is', async () => {
    for (let length = 1; length < DOCUMENT.length; length++) {
      const bytes = encode(DOCUMENT).slice(0, length);
      const json = new JsonCursor(inChunks(bytes, 5), quiet);
      await walk(json);
      expect(json.isCut, `after ${length} bytes`).toBe(true);
    }
  });

  test('names the offset of what is broken', async () => {
    const text = `{"a": 1, b: 2}`;
    const error = await walk(cursorOver(text, 4)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TraceError);
    expect(error).toMatchObject({ code: 'corrupt', offset: text.indexOf('b:') });
  });

  test.each([0, 8])(
    'looks at each byte a bounded number of times where every item behind %i is unclosed',
    async (good) => {
      const group = `${'{"i":1},'.repeat(good)}{"i":"},\n`;
      /** Bytes that the steps went through, of a text of so many. */
      const lookedAt = async (length: number): Promise<number> => {
        let bytesSeen = 0;
        const json = cursorOver(`[${group.repeat(Math.ceil(length / group.length))}`, 1 << 16);
        await json.items({
          step: (bytes, at, end, isLast) => {
            const after = skipValue(bytes, at, end, isLast);
            bytesSeen += (after < 0 ? end : after) - at;
            return after;
          },
          resume: (bytes, from, end) => bytes.subarray(0, end).indexOf(OPEN_OBJECT, from),
        });
        return bytesSeen;
      };
      const short = await lookedAt(1_000_000);
      expect(short).toBeGreaterThan(1_000_000);
      expect(await lookedAt(4_000_000)).toBeLessThan(5 * short);
    },
  );

  test('goes on behind a broken item where the rules say how', async () => {
    const found: string[] = [];
    const broken: number[] = [];
    const text = '[{"i":1},{"i":2,oops},{"i":3},{"i":"4]}"}]';
    const json = cursorOver(text, 6);
    const count = await json.items({
      step: (bytes, at, end, isLast) => {
        const after = skipValue(bytes, at, end, isLast);
        const item = after < 0 ? '' : new TextDecoder().decode(bytes.subarray(at, after));
        if (item.includes('oops')) return BROKEN;
        if (after >= 0) found.push(item);
        return after;
      },
      resume: (bytes, from, end) => {
        const at = bytes.subarray(0, end).indexOf(OPEN_OBJECT, from);
        return at;
      },
      onBroken: (offset) => broken.push(offset),
    });
    expect(found).toEqual(['{"i":1}', '{"i":3}', '{"i":"4]}"}']);
    expect(count).toBe(3);
    expect(broken).toEqual([text.indexOf('{"i":2')]);
  });

  test('keeps what came before the input failed', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(encode('[1, 2, '));
      throw new TraceError('truncated', 'the gzip stream ends early', { offset: 7 });
    }
    const json = new JsonCursor(failing(), quiet);
    expect(await walk(json)).toEqual([1, 2]);
    expect(json.isCut).toBe(true);
    expect(json.inputError?.code).toBe('truncated');
  });

  test('lets a cancelled job through', async () => {
    const cancelled = { breathe: () => Promise.reject(new TraceError('cancelled', 'stop')) };
    const json = new JsonCursor(inChunks(new Uint8Array(9 << 20).fill(0x20), 1 << 20), cancelled);
    await expect(json.peek()).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('reads the same value cut at every byte as incomplete', () => {
    const bytes = encode('{"a":["\\"",{"b":1}]}');
    for (let end = 1; end < bytes.length; end++) expect(skipValue(bytes, 0, end, false)).toBe(INCOMPLETE);
    expect(skipValue(bytes, 0, bytes.length, false)).toBe(bytes.length);
  });
});

describe('numbers', () => {
  test.each([
    ['4395296046787.592', 3, 4395296046787592n],
    ['1623143093496534', 3, 1623143093496534000n],
    ['1722500000.123', 9, 1722500000123000000n],
    ['-1', 0, -1n],
    ['1.7225e9', 9, 1722500000000000000n],
    ['0.0005', 3, 1n],
    ['-0.0005', 3, -1n],
    ['9007199254740993', 0, 9007199254740993n],
  ])('%s times 10^%i', (text, power, value) => {
    expect(scaledInteger(text, power)).toBe(value);
  });

  test.each(['', 'NaN', '1e999', '1.2.3', '0x10', '9'.repeat(200)])('%j is none', (text) => {
    expect(scaledInteger(text, 0)).toBeNull();
  });

  test('integers from bytes', () => {
    const read = (text: string): number => integerAt(encode(text), 0, text.length);
    expect(read('139911736578048')).toBe(139911736578048);
    expect(read('-32768')).toBe(-32768);
    expect(read('9007199254740991')).toBe(9007199254740991);
    expect([read(''), read('-'), read('1.5'), read('null')]).toEqual([NaN, NaN, NaN, NaN]);
  });
});

test('a key called __proto__ changes nothing', () => {
  const text = '{"__proto__": {"polluted": 1}, "a": 2}';
  const value = valueOf(encode(text), 0, text.length);
  expect(value).toEqual(JSON.parse(text));
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});
