/** A dropped File (any Blob) as ByteSource. `readSync` works in workers only (FileReaderSync). */
import { TraceError } from '../base/trace-error.ts';
import type { ByteSource } from './byte-source.ts';

export class BlobSource implements ByteSource {
  readonly size: number;

  constructor(
    private readonly blob: Blob,
    readonly name: string,
  ) {
    this.size = blob.size;
  }

  async read(start: number, length: number): Promise<Uint8Array> {
    try {
      return new Uint8Array(await this.blob.slice(start, start + length).arrayBuffer());
    } catch (thrown) {
      throw this.failure(start, thrown);
    }
  }

  readSync(start: number, length: number): Uint8Array {
    try {
      return new Uint8Array(new FileReaderSync().readAsArrayBuffer(this.blob.slice(start, start + length)));
    } catch (thrown) {
      throw this.failure(start, thrown);
    }
  }

  private failure(offset: number, thrown: unknown): TraceError {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return new TraceError('io', `the browser could not read the file: ${why}`, {
      file: this.name,
      offset,
      advice: 'The file may have changed or been moved since it was chosen. Choose it again.',
    });
  }
}
