/**
 * Readers under test meet their input through these: a file on disk or bytes in memory as a ReaderInput,
 * and a context that records progress and can cancel. `chunkBytes` may be as small as 1, so that every
 * border between chunks is met.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { TraceError } from '../../src/base/trace-error.ts';
import type { ByteSource } from '../../src/file/byte-source.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome } from '../../src/read/reader.ts';

const HEAD_BYTES = 65536;

export interface TestInput extends ReaderInput {
  readonly head: Head;
  close(): void;
}

export interface InputOptions {
  readonly chunkBytes?: number;
  /** false: as a compressed file is met, without random access. */
  readonly randomAccess?: boolean;
}

/** A ByteSource over bytes in memory; `reads` counts what was asked of it. */
export class BytesSource implements ByteSource {
  reads = 0;
  constructor(
    readonly name: string,
    private readonly bytes: Uint8Array,
  ) {}

  get size(): number {
    return this.bytes.length;
  }

  read(start: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.readSync(start, length));
  }

  readSync(start: number, length: number): Uint8Array {
    this.reads++;
    return this.bytes.subarray(start, start + length);
  }
}

/** A ByteSource over a file on disk. */
class DiskSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly descriptor: number;

  constructor(path: string) {
    this.name = basename(path);
    this.descriptor = openSync(path, 'r');
    this.size = fstatSync(this.descriptor).size;
  }

  read(start: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.readSync(start, length));
  }

  readSync(start: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - start)));
    let done = 0;
    while (done < bytes.length) {
      const got = readSync(this.descriptor, bytes, done, bytes.length - done, start + done);
      if (got === 0) break;
      done += got;
    }
    return bytes.subarray(0, done);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

function inputOver(source: ByteSource, close: () => void, options: InputOptions): TestInput {
  const chunkBytes = options.chunkBytes ?? 1 << 20;
  return {
    name: source.name,
    storedBytes: source.size,
    source: options.randomAccess === false ? null : source,
    head: { bytes: source.readSync(0, HEAD_BYTES), name: source.name, size: source.size },
    async *chunks() {
      for (let at = 0; at < source.size; at += chunkBytes) yield await source.read(at, chunkBytes);
    },
    close,
  };
}

export const inputFromPath = (path: string, options: InputOptions = {}): TestInput => {
  const source = new DiskSource(path);
  return inputOver(source, () => source.close(), options);
};

export const inputFromBytes = (
  name: string,
  bytes: Uint8Array | string,
  options: InputOptions = {},
): TestInput => {
  const encoded = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
  return inputOver(new BytesSource(name, encoded), () => undefined, options);
};

export interface TestContext extends ReaderContext {
  readonly stages: { readonly stage: string; readonly doneBytes: number }[];
  /** How often the reader gave way or asked whether to stop. */
  checks: number;
}

/** `cancelAfter`: the so-manieth check (or breath) throws 'cancelled'. */
export function testContext(cancelAfter = Infinity): TestContext {
  const context: TestContext = {
    stages: [],
    checks: 0,
    checkCancelled() {
      if (++context.checks > cancelAfter) throw new TraceError('cancelled', 'Reading was cancelled.');
    },
    async breathe() {
      await Promise.resolve();
      context.checkCancelled();
    },
    progress(stage, doneBytes) {
      context.stages.push({ stage, doneBytes });
    },
  };
  return context;
}

/** Reads a whole file on disk with one reader. */
export async function readPath(
  reader: Reader,
  path: string,
  options: InputOptions = {},
): Promise<ReadOutcome> {
  const input = inputFromPath(path, options);
  try {
    return await reader.read(input, testContext());
  } finally {
    input.close();
  }
}

/** Reads bytes (or text) in memory with one reader. */
export const readBytes = (
  reader: Reader,
  name: string,
  bytes: Uint8Array | string,
  options: InputOptions = {},
): Promise<ReadOutcome> => reader.read(inputFromBytes(name, bytes, options), testContext());
