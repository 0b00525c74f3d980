/** Files on disk, and standard input, as ByteSource. */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { TraceError } from '../base/trace-error.ts';
import type { ByteSource } from '../file/byte-source.ts';

export class NodeSource implements ByteSource {
  readonly size: number;
  private readonly descriptor: number;

  /** Throws TraceError 'io' where the path is no readable file. */
  constructor(
    readonly path: string,
    readonly name = basename(path),
  ) {
    try {
      this.descriptor = openSync(path, 'r');
    } catch (thrown) {
      throw this.failure(0, thrown);
    }
    const stat = fstatSync(this.descriptor);
    if (!stat.isFile()) {
      closeSync(this.descriptor);
      throw new TraceError('io', `${path} is no file`, {
        file: this.name,
        advice: 'Give the files themselves, not a folder.',
      });
    }
    this.size = stat.size;
  }

  read(start: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.readSync(start, length));
  }

  readSync(start: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - start)));
    let filled = 0;
    try {
      while (filled < bytes.length) {
        const got = readSync(this.descriptor, bytes, filled, bytes.length - filled, start + filled);
        if (got === 0) break;
        filled += got;
      }
    } catch (thrown) {
      throw this.failure(start, thrown);
    }
    return bytes.subarray(0, filled);
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private failure(offset: number, thrown: unknown): TraceError {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return new TraceError('io', `cannot read ${this.path}: ${why}`, { file: this.name, offset });
  }
}

export type CloseableSource = ByteSource & { close(): void };

/** What is piped in, or typed until the end of input; held in memory, since readers may go back. Throws TraceError 'io'. */
export class StandardInput implements CloseableSource {
  readonly name = 'standard input';
  private readonly bytes: Uint8Array;

  constructor(descriptor = 0) {
    try {
      this.bytes = readFileSync(descriptor);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new TraceError('io', `cannot read standard input: ${why}`, { file: this.name, offset: 0 });
    }
  }

  get size(): number {
    return this.bytes.length;
  }

  read(start: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.readSync(start, length));
  }

  readSync(start: number, length: number): Uint8Array {
    return this.bytes.subarray(start, start + length);
  }

  close(): void {
    // Nothing was opened here.
  }
}

/** Stands for a path that cannot be opened: reading it fails with the reason. */
export class UnreadableSource implements CloseableSource {
  readonly size = 0;

  constructor(
    readonly name: string,
    private readonly error: TraceError,
  ) {}

  read(): Promise<Uint8Array> {
    return Promise.reject(this.error);
  }

  readSync(): Uint8Array {
    throw this.error;
  }

  close(): void {
    // Nothing was opened.
  }
}

/** Most files of a folder that are opened at once. */
const MOST_FILES = 1000;

/** One file, every file below a folder (named by its path inside), or standard input for "-". Throws TraceError 'io'. */
export function sourcesAt(path: string): {
  readonly sources: readonly CloseableSource[];
  readonly folder: boolean;
} {
  if (path === '-') return { sources: [new StandardInput()], folder: false };
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return { sources: [new NodeSource(path)], folder: false };
  }
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  if (files.length === 0 || files.length > MOST_FILES) {
    const why =
      files.length === 0 ? 'holds no files' : `holds ${files.length} files, more than ${MOST_FILES}`;
    throw new TraceError('io', `the folder ${why}`, {
      file: basename(path),
      advice: 'Name the files themselves.',
    });
  }
  return { sources: files.map((file) => new NodeSource(file, relative(path, file))), folder: true };
}
