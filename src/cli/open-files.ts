/**
 * Files of a folder, opened when their turn comes and at most a few at once: a folder may hold more files than a
 * process may open, and one that cannot be opened fails alone.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { TraceError } from '../base/trace-error.ts';
import type { ByteSource } from '../file/byte-source.ts';

export type CloseableSource = ByteSource & { close(): void };

/** Open at once; systems allow 256 and more. */
const MOST_OPEN = 32;

/** Node's words for what went wrong, without the path, which is told apart: "EACCES: permission denied, open". */
export const reasonOf = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).split(" '")[0];

export class OpenFiles {
  /** By source, the least recently read first. */
  private readonly open = new Map<NodeSource, number>();

  descriptorOf(source: NodeSource, path: string | Buffer): number {
    const known = this.open.get(source);
    if (known !== undefined) {
      this.open.delete(source);
      this.open.set(source, known);
      return known;
    }
    if (this.open.size >= MOST_OPEN) {
      const [oldest] = this.open.keys();
      this.close(oldest);
    }
    const descriptor = openSync(path, 'r');
    this.open.set(source, descriptor);
    return descriptor;
  }

  close(source: NodeSource): void {
    const descriptor = this.open.get(source);
    if (descriptor === undefined) return;
    this.open.delete(source);
    closeSync(descriptor);
  }
}

export class NodeSource implements CloseableSource {
  /**
   * @param path As the system has it: bytes where it is no UTF-8.
   * @param size Bytes when it was looked at; what was added since is not read.
   */
  constructor(
    private readonly path: string | Buffer,
    readonly name: string,
    readonly size: number,
    private readonly files: OpenFiles,
  ) {}

  read(start: number, length: number): Promise<Uint8Array> {
    return new Promise((resolve) => resolve(this.readSync(start, length)));
  }

  /** Throws TraceError 'io', with the file's own reason. */
  readSync(start: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - start)));
    let filled = 0;
    try {
      const descriptor = this.files.descriptorOf(this, this.path);
      while (filled < bytes.length) {
        const got = readSync(descriptor, bytes, filled, bytes.length - filled, start + filled);
        if (got === 0) break;
        filled += got;
      }
    } catch (thrown) {
      throw new TraceError('io', `cannot read ${this.name}: ${reasonOf(thrown)}`, {
        file: this.name,
        offset: start,
      });
    }
    return bytes.subarray(0, filled);
  }

  /** Opens it now. Throws what the system says. */
  probe(): void {
    fstatSync(this.files.descriptorOf(this, this.path));
  }

  close(): void {
    this.files.close(this);
  }
}
