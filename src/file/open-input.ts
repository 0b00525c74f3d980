/** From a ByteSource to what readers see: a decompressed head, decompressed chunks, random access where there is. */
import type { ByteSource } from './byte-source.ts';
import { gunzip, isGzip } from './gunzip.ts';

export const HEAD_BYTES = 64 * 1024;
const CHUNK = 1 << 20;

export interface OpenInput {
  readonly name: string;
  readonly storedBytes: number;
  readonly compressed: boolean;
  /** The first 64 KiB, decompressed; fewer where a compressed file is damaged early. */
  readonly head: Uint8Array;
  chunks(): AsyncIterable<Uint8Array>;
  readonly source: ByteSource | null;
}

/** Stored bytes in order, the next chunk requested while the last is worked on. `onBytes` gets the bytes so far. */
async function* storedChunks(
  source: ByteSource,
  onBytes: (done: number) => void,
): AsyncGenerator<Uint8Array> {
  let next = source.size > 0 ? source.read(0, CHUNK) : null;
  let position = 0;
  try {
    while (next !== null) {
      const chunk = await next;
      position += chunk.length;
      next = chunk.length > 0 && position < source.size ? source.read(position, CHUNK) : null;
      onBytes(position);
      yield chunk;
    }
  } finally {
    // A consumer that stops early leaves one read behind; its failure is nobody's business any more.
    next?.catch(() => undefined);
  }
}

/** `onBytes`: stored bytes read so far, called with every chunk; may throw to cancel. */
export async function openInput(source: ByteSource, onBytes: (done: number) => void): Promise<OpenInput> {
  const stored = await source.read(0, HEAD_BYTES);
  const compressed = isGzip(stored);
  let head = stored;
  if (compressed) {
    const parts = new Uint8Array(HEAD_BYTES);
    let filled = 0;
    try {
      for await (const chunk of gunzip(storedChunks(source, () => undefined))) {
        const part = chunk.subarray(0, HEAD_BYTES - filled);
        parts.set(part, filled);
        filled += part.length;
        if (filled === HEAD_BYTES) break;
      }
    } catch {
      // The reader meets the same damage and reports it with its offset.
    }
    head = parts.subarray(0, filled);
  }
  return {
    name: source.name,
    storedBytes: source.size,
    compressed,
    head,
    chunks: () => (compressed ? gunzip(storedChunks(source, onBytes)) : storedChunks(source, onBytes)),
    source: compressed ? null : source,
  };
}
