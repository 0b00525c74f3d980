/** The same promises where they are kept for users: a browser's DecompressionStream refuses a second member. */
import { gzipSync } from 'fflate';
import { expect, it } from 'vitest';
import { TraceError } from '../../src/base/trace-error.ts';
import { BlobSource } from '../../src/file/blob-source.ts';
import { openInput } from '../../src/file/open-input.ts';

const LINES = Array.from({ length: 30_000 }, (_, i) => `line ${(i * i) % 9973}\n`);
const TEXT = new TextEncoder().encode(LINES.join(''));

const isBeginning = (bytes: Uint8Array): boolean => bytes.every((byte, i) => byte === TEXT[i]);

async function readAll(...parts: Uint8Array[]): Promise<{ bytes: Uint8Array; error: TraceError | null }> {
  const blob = new Blob(parts as Uint8Array<ArrayBuffer>[]);
  const input = await openInput(new BlobSource(blob, 'unknown'), () => undefined);
  const bytes = new Uint8Array(2 * TEXT.length);
  let filled = 0;
  try {
    for await (const chunk of input.chunks()) {
      bytes.set(chunk, filled);
      filled += chunk.length;
    }
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown;
    return { bytes: bytes.slice(0, filled), error: thrown };
  }
  return { bytes: bytes.slice(0, filled), error: null };
}

it('reads one member', async () => {
  const { bytes, error } = await readAll(gzipSync(TEXT));
  expect(error).toBeNull();
  expect(isBeginning(bytes)).toBe(true);
  expect(bytes.length).toBe(TEXT.length);
});

it('reads several members as one file', async () => {
  const { bytes, error } = await readAll(
    gzipSync(TEXT.subarray(0, 100_000)),
    gzipSync(TEXT.subarray(100_000)),
  );
  expect(error).toBeNull();
  expect(isBeginning(bytes)).toBe(true);
  expect(bytes.length).toBe(TEXT.length);
});

it('keeps what comes before the end of a cut file', async () => {
  const packed = gzipSync(TEXT);
  const { bytes, error } = await readAll(packed.subarray(0, packed.length - 100));
  expect(error?.code).toBe('truncated');
  expect(bytes.length).toBeGreaterThan(TEXT.length - 4096);
  expect(isBeginning(bytes)).toBe(true);
});

it('keeps what comes before garbage', async () => {
  const { bytes, error } = await readAll(gzipSync(TEXT), new TextEncoder().encode('garbage'));
  expect(error?.code).toBe('corrupt');
  expect(isBeginning(bytes)).toBe(true);
  expect(bytes.length).toBe(TEXT.length);
});
