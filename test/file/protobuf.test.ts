/** The protobuf wire format: exact numbers, any chunks, damage that is named. */
import { describe, expect, it } from 'vitest';
import { TraceError } from '../../src/base/trace-error.ts';
import { type Field, fieldsOf, repeated, streamFields, WireReader } from '../../src/file/protobuf.ts';
import { inChunks, join, utf8 } from './pieces.ts';
import { bytesField, varint, varintField } from './make-protobuf.ts';

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (thrown) {
    return thrown instanceof TraceError ? thrown.code : String(thrown);
  }
  return 'none';
};

async function streamed(
  bytes: Uint8Array,
  size: number,
): Promise<{ fields: Field[]; offsets: number[]; error: string }> {
  const fields: Field[] = [];
  const offsets: number[] = [];
  try {
    for await (const { field, offset } of streamFields(inChunks(bytes, size), 1 << 20)) {
      fields.push(field);
      offsets.push(offset);
    }
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown;
    return { fields, offsets, error: thrown.code };
  }
  return { fields, offsets, error: 'none' };
}

describe('varints', () => {
  it.each([
    0n,
    1n,
    127n,
    128n,
    300n,
    2n ** 28n - 1n,
    2n ** 28n,
    2n ** 31n,
    2n ** 32n,
    2n ** 53n + 1n,
    2n ** 63n,
    2n ** 64n - 1n,
  ])('%d comes back exactly', (value) => {
    expect(new WireReader(varint(value)).varint()).toBe(value);
  });

  it('refuses more than 64 bits and waits for a missing end', () => {
    expect(codeOf(() => new WireReader(new Uint8Array(11).fill(0xff)).varint())).toBe('corrupt');
    expect(new WireReader(Uint8Array.of(0x80, 0x80)).varint()).toBeNull();
  });
});

describe('fields', () => {
  const message = join(
    varintField(1, 2n ** 64n - 1n),
    bytesField(2, utf8('words')),
    Uint8Array.of((3 << 3) | 1, 1, 0, 0, 0, 0, 0, 0, 0x80),
    Uint8Array.of((4 << 3) | 5, 1, 0, 0, 0x80),
  );

  it('gives every kind', () => {
    expect([...fieldsOf(message)]).toEqual([
      { number: 1, kind: 'varint', value: 2n ** 64n - 1n },
      { number: 2, kind: 'bytes', value: utf8('words') },
      { number: 3, kind: 'fixed', value: 2n ** 63n + 1n },
      { number: 4, kind: 'fixed', value: 2n ** 31n + 1n },
    ]);
  });

  it('gives the same from chunks of any size, with offsets', async () => {
    const long = join(message, bytesField(5, new Uint8Array(5000).fill(7)), message);
    const whole = await streamed(long, 1 << 20);
    expect(whole.offsets.slice(0, 4)).toEqual([0, 11, 18, 27]);
    for (const size of [1, 2, 3, 1000]) expect(await streamed(long, size)).toEqual(whole);
  });

  it('keeps the fields before a cut, and names the cut', async () => {
    const found = await streamed(message.subarray(0, 15), 4);
    expect(found.fields.map(({ number }) => number)).toEqual([1]);
    expect(found.error).toBe('truncated');
  });

  it('refuses groups, field 0, and fields of any length', async () => {
    expect(codeOf(() => [...fieldsOf(Uint8Array.of(0x0b))])).toBe('corrupt');
    expect(codeOf(() => [...fieldsOf(Uint8Array.of(0x00, 0))])).toBe('corrupt');
    expect(codeOf(() => [...fieldsOf(Uint8Array.of(0x0a, 5, 1))])).toBe('corrupt');
    expect((await streamed(join(Uint8Array.of(0x0a), varint(2n ** 30n)), 3)).error).toBe('corrupt');
  });

  it('reads numbers packed and one by one', () => {
    const [packed] = fieldsOf(bytesField(1, join(varint(3n), varint(270n), varint(86942n))));
    const [single] = fieldsOf(varintField(1, 5n));
    expect([...repeated(packed), ...repeated(single)]).toEqual([3n, 270n, 86942n, 5n]);
    const [cut] = fieldsOf(bytesField(1, Uint8Array.of(0x80)));
    expect(codeOf(() => [...repeated(cut)])).toBe('corrupt');
  });
});
