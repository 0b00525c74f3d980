/** zstd: streams written by zstd itself (test/fixtures/zstd), and frames put together here. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Xxh64 } from '../../src/file/xxh64.ts';
import { isZstd, unzstd } from '../../src/file/zstd.ts';
import { seeded } from '../read/snapshot/fixtures.ts';
import { drain, inChunks, isPrefix, join, sampleText, told, utf8 } from './pieces.ts';

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/zstd/${name}`, import.meta.url)));
const TEXT = utf8(sampleText(12_000));
const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const unpack = (bytes: Uint8Array, size = 1 << 20): ReturnType<typeof drain> =>
  drain(unzstd(inChunks(bytes, size)));

/** A block header: last, type (0 raw, 1 run, 2 compressed), size. */
const blockHeader = (last: boolean, type: number, size: number): Uint8Array => {
  const word = (size << 3) | (type << 1) | (last ? 1 : 0);
  return Uint8Array.of(word, word >> 8, word >> 16);
};

describe('xxh64', () => {
  const hash = (text: string, step = 1000): string => {
    const state = new Xxh64();
    const bytes = utf8(text);
    for (let at = 0; at < bytes.length; at += step) state.update(bytes.subarray(at, at + step));
    return state.digest().toString(16).padStart(16, '0');
  };

  // Known answers: xxhash's own tests and its widely published examples.
  it.each([
    ['', 'ef46db3751d8e999'],
    ['a', 'd24ec4f1a98c6e5b'],
    ['abc', '44bc2cf5ad770999'],
    ['Nobody inspects the spammish repetition', 'fbcea83c8a378bf1'],
  ])('hashes "%s"', (text, wanted) => {
    expect(hash(text)).toBe(wanted);
  });

  it('does not depend on the chunks', () => {
    const text = sampleText(20);
    for (const step of [1, 3, 31, 32, 33, 64]) expect(hash(text, step)).toBe(hash(text));
  });
});

describe('unzstd', () => {
  it.each(['text-level3.zst', 'text-level19-unchecked.zst'])('gives every byte of %s', async (name) => {
    for (const size of [1 << 20, 1000, 7]) expect(told(await unpack(fixture(name), size), TEXT)).toBe('same');
  });

  it('reads frame after frame and passes over what is to be skipped', async () => {
    for (const size of [1, 2, 5, 1 << 20])
      expect(told(await unpack(fixture('two-frames.zst'), size), utf8('hello world\n'))).toBe('same');
  });

  it('reads raw and run blocks and an empty frame', async () => {
    const frame = join(
      Uint8Array.of(...MAGIC, 0, 0x58),
      blockHeader(false, 0, 3),
      utf8('abc'),
      blockHeader(true, 1, 100_000),
      utf8('z'),
    );
    const empty = join(Uint8Array.of(...MAGIC, 0x20, 0), blockHeader(true, 0, 0));
    const { bytes, error } = await unpack(join(empty, frame, empty), 5);
    expect(error).toBeNull();
    expect(new TextDecoder().decode(bytes)).toBe(`abc${'z'.repeat(100_000)}`);
  });

  it('gives what is there of a stream cut anywhere', async () => {
    const packed = fixture('text-level3.zst');
    for (let cut = 0; cut < packed.length; cut += 997) {
      const { bytes, error } = await unpack(packed.subarray(0, cut), 512);
      expect(error).toMatchObject({ code: 'truncated', offset: bytes.length });
      expect(isPrefix(bytes, TEXT)).toBe(true);
    }
  });

  it('notices any flipped bit', async () => {
    const random = seeded(11);
    const packed = fixture('text-level3.zst');
    for (let round = 0; round < 60; round++) {
      const damaged = packed.slice();
      const at = Math.floor(random() * damaged.length);
      damaged[at] ^= 1 << Math.floor(random() * 8);
      const { bytes, error } = await unpack(damaged, 4096);
      if (error === null) expect(Buffer.compare(bytes, TEXT)).toBe(0);
      else expect(['corrupt', 'truncated', 'unsupported']).toContain(error.code);
    }
  });

  it('says what follows that is no zstd', async () => {
    const { bytes, error } = await unpack(join(fixture('two-frames.zst'), utf8('garbage')), 9);
    expect(bytes).toEqual(utf8('hello world\n'));
    expect(error).toMatchObject({ code: 'corrupt', offset: 12 });
  });

  it('notices a frame that holds less than it announces', async () => {
    const frame = join(Uint8Array.of(...MAGIC, 0x20, 9), blockHeader(true, 0, 3), utf8('abc'));
    const { bytes, error } = await unpack(frame);
    expect(bytes).toEqual(utf8('abc'));
    expect(error?.message).toContain('holds 3 bytes and announces 9');
  });

  it('refuses a window that would take gigabytes, with the command', async () => {
    const { error } = await unpack(fixture('long31-head.zst'));
    expect(error).toMatchObject({ code: 'unsupported', advice: 'Unpack it first: zstd -d --long=31 FILE' });
  });

  it('refuses a dictionary', async () => {
    const { error } = await unpack(Uint8Array.of(...MAGIC, 1, 0x58, 7, 0, 0, 0, 0, 0));
    expect(error).toMatchObject({ code: 'unsupported' });
  });

  it('refuses a block that is larger than its window and one of no kind', async () => {
    const header = Uint8Array.of(...MAGIC, 0, 0);
    for (const block of [
      blockHeader(true, 1, 2 ** 21 - 1),
      blockHeader(true, 3, 1),
      blockHeader(true, 0, 2000),
    ])
      expect((await unpack(join(header, block, new Uint8Array(2000)))).error?.code).toBe('corrupt');
  });

  it('is sniffed by its first bytes', () => {
    expect([isZstd(fixture('text-level3.zst')), isZstd(TEXT), isZstd(new Uint8Array(0))]).toEqual([
      true,
      false,
      false,
    ]);
    expect(isZstd(Uint8Array.of(0x50, 0x2a, 0x4d, 0x18))).toBe(true);
  });
});
