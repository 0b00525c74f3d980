/** gzip: the platform's decompression and our own framing behind it, held against node:zlib. */
import { crc32 as zlibCrc32 } from 'node:zlib';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { TraceError } from '../../src/base/trace-error.ts';
import { crc32 } from '../../src/file/crc32.ts';
import { gunzip, inflateRaw, isGzip } from '../../src/file/gunzip.ts';
import { gunzipMembers } from '../../src/file/gzip-members.ts';
import { seeded } from '../read/snapshot/fixtures.ts';
import { drain, inChunks, isPrefix, join, sampleText, told, utf8 } from './pieces.ts';

const TEXT = utf8(sampleText(20_000));
const SECOND = utf8(sampleText(50));
const gz = (bytes: Uint8Array, level = 6): Uint8Array => new Uint8Array(gzipSync(bytes, { level }));

/** A member whose header has every optional field. */
function withAllFields(bytes: Uint8Array): Uint8Array {
  const plain = gz(bytes);
  const header = plain.slice(0, 10);
  header[3] = 4 | 8 | 16 | 2;
  const extra = Uint8Array.of(5, 0, 1, 2, 0, 4, 5);
  const words = utf8('name.log\0a comment\0');
  return join(header, extra, words, Uint8Array.of(0xaa, 0xbb), plain.subarray(10));
}

const BOTH = [
  ['the platform first', (bytes: Uint8Array, size: number) => gunzip(() => inChunks(bytes, size))],
  ['our own framing', (bytes: Uint8Array, size: number) => gunzipMembers(inChunks(bytes, size))],
] as const;

describe('crc32', () => {
  it('is zlib’s, at every length and in parts', () => {
    for (let length = 0; length < 40; length++)
      expect(crc32(TEXT.subarray(3, 3 + length))).toBe(zlibCrc32(TEXT.subarray(3, 3 + length)));
    expect(crc32(TEXT.subarray(1001), crc32(TEXT.subarray(0, 1001)))).toBe(zlibCrc32(TEXT));
  });
});

describe.each(BOTH)('gunzip, %s', (_name, open) => {
  it.each([1 << 20, 777, 131])('gives every byte in chunks of %i', async (size) => {
    expect(told(await drain(open(gz(TEXT), size)), TEXT)).toBe('same');
  });

  it.each([0, 1, 9])('reads level %i', async (level) => {
    expect(told(await drain(open(gz(TEXT, level), 4096)), TEXT)).toBe('same');
  });

  it('reads members one after the other, whatever the chunks', async () => {
    const members = join(gz(SECOND), gz(SECOND.subarray(7)), gz(new Uint8Array(0)), gz(SECOND, 0));
    const whole = join(SECOND, SECOND.subarray(7), SECOND);
    for (const size of [1, 2, 3, 7, 64, 1 << 20])
      expect(told(await drain(open(members, size)), whole)).toBe('same');
  });

  it('reads optional header fields', async () => {
    const bytes = join(withAllFields(SECOND), withAllFields(SECOND));
    for (const size of [1, 5, 1 << 20])
      expect(told(await drain(open(bytes, size)), join(SECOND, SECOND))).toBe('same');
  });

  it('takes zeros behind the end as padding', async () => {
    const padded = join(gz(SECOND), new Uint8Array(512));
    expect(told(await drain(open(padded, 100)), SECOND)).toBe('same');
  });

  it('gives all that is there of a file cut anywhere, and says that it is cut', async () => {
    const packed = join(gz(SECOND), gz(TEXT.subarray(0, 3000)));
    const whole = join(SECOND, TEXT.subarray(0, 3000));
    for (let cut = 0; cut < packed.length; cut += 11) {
      const { bytes, error } = await drain(open(packed.subarray(0, cut), 64));
      expect(isPrefix(bytes, whole)).toBe(true);
      if (cut === gz(SECOND).length) expect(error).toBeNull();
      else expect(error).toMatchObject({ code: 'truncated', offset: bytes.length });
    }
  });

  it('says what follows that is no gzip, after everything before it', async () => {
    const { bytes, error } = await drain(open(join(gz(TEXT), utf8('and something else')), 4096));
    expect(Buffer.compare(bytes, TEXT)).toBe(0);
    expect(error).toMatchObject({ code: 'corrupt', offset: TEXT.length });
    expect(error?.message).toContain(`byte ${gz(TEXT).length}`);
  });

  it('notices a wrong check sum and a wrong length', async () => {
    for (const at of [8, 4]) {
      const packed = gz(TEXT);
      packed[packed.length - at] ^= 1;
      const { bytes, error } = await drain(open(packed, 4096));
      expect(Buffer.compare(bytes, TEXT)).toBe(0);
      expect(error?.code).toBe('corrupt');
    }
  });

  it('survives any flipped byte: a beginning of the truth, or an error', async () => {
    const random = seeded(3);
    const packed = gz(TEXT.subarray(0, 20_000));
    for (let round = 0; round < 150; round++) {
      const damaged = packed.slice();
      damaged[Math.floor(random() * damaged.length)] ^= 1 << Math.floor(random() * 8);
      const { bytes, error } = await drain(open(damaged, 512));
      if (error === null) expect(Buffer.compare(bytes, TEXT.subarray(0, 20_000))).toBe(0);
      else expect(['corrupt', 'truncated']).toContain(error.code);
    }
  });
});

describe('gunzip', () => {
  it('passes on the error of its chunks', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* inChunks(gz(TEXT).subarray(0, 2000), 500);
      throw new TraceError('io', 'the disk is gone');
    }
    const { bytes, error } = await drain(gunzip(failing));
    expect(isPrefix(bytes, TEXT)).toBe(true);
    expect(error).toMatchObject({ code: 'io', message: 'the disk is gone' });
  });

  it('ends when the consumer does', async () => {
    let closed = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* inChunks(gz(TEXT, 0), 1000);
      } finally {
        closed++;
      }
    }
    for await (const chunk of gunzip(source)) {
      expect(isPrefix(chunk, TEXT)).toBe(true);
      break;
    }
    expect(closed).toBe(1);
  });

  it('is sniffed by its first bytes', () => {
    expect([isGzip(gz(TEXT)), isGzip(TEXT), isGzip(new Uint8Array(0))]).toEqual([true, false, false]);
  });
});

describe('inflateRaw', () => {
  const raw = new Uint8Array(deflateRawSync(TEXT));

  it('leaves alone what follows the end', async () => {
    for (const size of [1 << 20, 1000, 1]) {
      const bytes = size === 1 ? new Uint8Array(deflateRawSync(SECOND)) : raw;
      const wanted = size === 1 ? SECOND : TEXT;
      expect(
        told(await drain(inflateRaw(() => inChunks(join(bytes, utf8('PK and so on')), size))), wanted),
      ).toBe('same');
    }
  });

  it('gives what is there of cut data', async () => {
    const { bytes, error } = await drain(inflateRaw(() => inChunks(raw.subarray(0, raw.length / 2), 100)));
    expect(bytes.length).toBeGreaterThan(TEXT.length / 4);
    expect(isPrefix(bytes, TEXT)).toBe(true);
    expect(error).toMatchObject({ code: 'truncated', offset: bytes.length });
  });
});
