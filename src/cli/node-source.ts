/** A file on disk as ByteSource. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { TraceError } from '../base/trace-error.ts';
import type { ByteSource } from '../file/byte-source.ts';

export class NodeSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly descriptor: number;

  /** Throws TraceError 'io' where the path is no readable file. */
  constructor(readonly path: string) {
    this.name = basename(path);
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
