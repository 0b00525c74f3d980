/**
 * Bytes by position, from a file that can be read anywhere or from a compressed one that can only be read from
 * its start: there, going back means unpacking it again, so read in ascending order where you can.
 */
import type { ByteSource } from '../../file/byte-source.ts';
import type { ReaderInput } from '../reader.ts';

export interface PositionedBytes {
  /** true: any position costs the same. */
  readonly isRandom: boolean;
  /** null: not known before the end. */
  readonly size: number | null;
  readonly bytesRead: number;
  /** Fewer bytes than asked for at the end of the file. */
  read(start: number, length: number): Promise<Uint8Array>;
}

class SourceBytes implements PositionedBytes {
  readonly isRandom = true;
  bytesRead = 0;

  constructor(private readonly source: ByteSource) {}

  get size(): number {
    return this.source.size;
  }

  async read(start: number, length: number): Promise<Uint8Array> {
    const bytes = await this.source.read(start, Math.max(0, Math.min(length, this.size - start)));
    this.bytesRead += bytes.length;
    return bytes;
  }
}

class UnpackedBytes implements PositionedBytes {
  readonly isRandom = false;
  size: number | null = null;
  bytesRead = 0;
  private chunks: AsyncIterator<Uint8Array> | null = null;
  private chunk = new Uint8Array(0);
  /** Position of `chunk`. */
  private at = 0;

  constructor(private readonly input: ReaderInput) {}

  async read(start: number, length: number): Promise<Uint8Array> {
    if (this.chunks === null || start < this.at) {
      await this.chunks?.return?.();
      this.chunks = this.input.chunks()[Symbol.asyncIterator]();
      this.chunk = new Uint8Array(0);
      this.at = 0;
    }
    const parts: Uint8Array[] = [];
    let got = 0;
    while (got < length) {
      const from = start + got - this.at;
      if (from < this.chunk.length) {
        const part = this.chunk.subarray(from, from + length - got);
        parts.push(part);
        got += part.length;
        continue;
      }
      const next = await this.chunks.next();
      if (next.done === true) {
        this.size = this.at + this.chunk.length;
        break;
      }
      this.at += this.chunk.length;
      this.chunk = next.value as Uint8Array<ArrayBuffer>;
    }
    this.bytesRead += got;
    if (parts.length === 1) return parts[0];
    const bytes = new Uint8Array(got);
    let to = 0;
    for (const part of parts) {
      bytes.set(part, to);
      to += part.length;
    }
    return bytes;
  }
}

export const bytesOfSource = (source: ByteSource): PositionedBytes => new SourceBytes(source);

export const bytesOfInput = (input: ReaderInput): PositionedBytes =>
  input.source === null ? new UnpackedBytes(input) : new SourceBytes(input.source);

const LF = 10;
const CR = 13;
/** So far a line end must come: the line of strings, which comes first, may be long. */
const LOOKED_AT = 16 << 20;

/** CR as the end of lines, as an old or a wrong tool writes them, told as LF. */
class CarriageReturns implements PositionedBytes {
  constructor(private readonly from: PositionedBytes) {}

  get isRandom(): boolean {
    return this.from.isRandom;
  }

  get size(): number | null {
    return this.from.size;
  }

  get bytesRead(): number {
    return this.from.bytesRead;
  }

  async read(start: number, length: number): Promise<Uint8Array> {
    const bytes = (await this.from.read(start, length)).slice();
    for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) bytes[at] = LF;
    return bytes;
  }
}

/** The same bytes with LF at the ends of lines, whatever stands there. */
export async function withLineEnds(bytes: PositionedBytes): Promise<PositionedBytes> {
  for (let at = 0; at < LOOKED_AT;) {
    const piece = await bytes.read(at, 1 << 20);
    if (piece.length === 0) break;
    const cr = piece.indexOf(CR);
    const lf = piece.indexOf(LF);
    // CR and LF together end in LF, and need nothing.
    if (lf >= 0 || (cr >= 0 && cr === piece.length - 1)) return bytes;
    if (cr >= 0) return new CarriageReturns(bytes);
    at += piece.length;
  }
  return bytes;
}
