/** Random access to what has none by itself: a part of another source, and decompressed chunks kept in memory. */
import type { ByteSource } from './byte-source.ts';
import { lowerBound } from '../base/binary-search.ts';
import { tooLargeToHold } from './limits.ts';

/** The bytes [start, start + size) of another source. */
export class SliceSource implements ByteSource {
  constructor(
    private readonly whole: ByteSource,
    readonly name: string,
    private readonly start: number,
    readonly size: number,
  ) {}

  read(start: number, length: number): Promise<Uint8Array> {
    return this.whole.read(this.start + start, this.clip(start, length));
  }

  readSync(start: number, length: number): Uint8Array {
    return this.whole.readSync(this.start + start, this.clip(start, length));
  }

  private clip(start: number, length: number): number {
    return Math.max(0, Math.min(length, this.size - start));
  }
}

/** Chunks kept as they came: no allocation of the whole size, which a browser may refuse. */
export class HeldSource implements ByteSource {
  readonly size: number;
  /** Where each chunk ends. */
  private readonly ends: number[] = [];

  constructor(
    readonly name: string,
    private readonly chunks: readonly Uint8Array[],
  ) {
    let end = 0;
    for (const chunk of chunks) this.ends.push((end += chunk.length));
    this.size = end;
  }

  read(start: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.readSync(start, length));
  }

  /** A copy, always: what is kept must not change under a reader's hands. */
  readSync(start: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - start)));
    let index = lowerBound(this.ends, start + 1);
    for (let filled = 0; filled < bytes.length; index++) {
      const chunk = this.chunks[index];
      const from = start + filled - (this.ends[index] - chunk.length);
      const part = chunk.subarray(from, from + bytes.length - filled);
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes;
  }
}

/** All of `chunks` in memory. Throws TraceError 'refused' beyond `limit` bytes; errors of the chunks pass through. */
export async function hold(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<HeldSource> {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > limit) throw tooLargeToHold(name, limit);
    kept.push(chunk);
  }
  return new HeldSource(name, kept);
}

/**
 * Bytes read front to back, passing over what is not wanted: by position where there is a source, else through
 * chunks, of which the first `keepBytes` stay in memory so that a small stream need not be decompressed again.
 */
export class ForwardBytes {
  private readonly source: ByteSource | null;
  private readonly iterator: AsyncIterator<Uint8Array> | null;
  private readonly keepBytes: number;
  private keeping: Uint8Array[] | null = [];
  private keptBytes = 0;
  private chunk: Uint8Array = new Uint8Array(0);
  /** Where `chunk` begins. */
  private position = 0;
  private ended = false;

  constructor(from: ByteSource | AsyncIterable<Uint8Array>, keepBytes = 0) {
    this.source = 'size' in from ? from : null;
    this.iterator = 'size' in from ? null : from[Symbol.asyncIterator]();
    this.keepBytes = keepBytes;
  }

  /** [start, start + length), fewer at the end; `start` never before an earlier one. */
  async read(start: number, length: number): Promise<Uint8Array> {
    if (this.source !== null) return this.source.read(start, length);
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const from = start + filled - this.position;
      if (from < this.chunk.length) {
        const part = this.chunk.subarray(from, from + length - filled);
        bytes.set(part, filled);
        filled += part.length;
      } else if (!(await this.advance())) break;
    }
    return bytes.subarray(0, filled);
  }

  private async advance(): Promise<boolean> {
    if (this.ended || this.iterator === null) return false;
    const next = await this.iterator.next();
    if (next.done === true) {
      this.ended = true;
      return false;
    }
    this.position += this.chunk.length;
    this.chunk = next.value;
    this.keptBytes += next.value.length;
    if (this.keptBytes > this.keepBytes) this.keeping = null;
    this.keeping?.push(next.value);
    return true;
  }

  /** All chunks, where they fitted and the end was reached; null otherwise. */
  kept(): readonly Uint8Array[] | null {
    return this.ended ? this.keeping : null;
  }

  /** Ends the chunks; what follows the part that was asked for is read where it is little (a tar's padding). */
  async close(): Promise<void> {
    for (let more = 64; more > 0 && this.iterator !== null && !this.ended; more--) {
      if (this.keeping === null || !(await this.advance())) break;
    }
    if (!this.ended) await this.iterator?.return?.();
  }
}
