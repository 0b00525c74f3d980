/** Bytes in memory as the file layer meets them: in chunks of any size, from sources that count or fail. */
import { TraceError } from '../../src/base/trace-error.ts';

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** `bytes` in chunks of `size`. */
export async function* inChunks(bytes: Uint8Array, size = 1 << 20): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

export interface Drained {
  readonly bytes: Uint8Array;
  readonly error: TraceError | null;
}

/** Everything that comes out, and the error behind it. */
export async function drain(chunks: AsyncIterable<Uint8Array>): Promise<Drained> {
  const parts: Uint8Array[] = [];
  try {
    for await (const chunk of chunks) parts.push(chunk.slice());
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown;
    return { bytes: join(...parts), error: thrown };
  }
  return { bytes: join(...parts), error: null };
}

/** Text that compresses well but is not one repetition; the same in every run. */
export const sampleText = (lines: number): string =>
  Array.from({ length: lines }, (_, i) => `GPU ${i % 8} segment ${(i * i * 7919) % 9973} MiB\n`).join('');

/** Is `part` a beginning of `whole`? */
export const isPrefix = (part: Uint8Array, whole: Uint8Array): boolean =>
  part.length <= whole.length && Buffer.compare(part, whole.subarray(0, part.length)) === 0;

/** What a comparison of long arrays says: element by element it would take seconds. */
export const told = ({ bytes, error }: Drained, wanted: Uint8Array): string =>
  error !== null
    ? `${error.code}: ${error.message}`
    : Buffer.compare(bytes, wanted) === 0
      ? 'same'
      : `${bytes.length} bytes that differ from the ${wanted.length} wanted`;
