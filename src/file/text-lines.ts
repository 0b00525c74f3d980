/**
 * Text from chunks of bytes, a line at a time, each with the byte offset it starts at. Lines end at \n, \r\n
 * or a lone \r (progress bars overwrite themselves with it); a last line without an end counts too.
 * A line never grows without bound: beyond MAX_LINE_BYTES its rest is left out and `cut` says so.
 * Bytes that are not UTF-8 become U+FFFD; nothing throws.
 */
import { joined } from '../base/joined.ts';

const LF = 10;
const CR = 13;

/** Longest line that is kept whole. */
export const MAX_LINE_BYTES = 1 << 20;

export interface TextLine {
  readonly text: string;
  /** Byte offset of its first character. */
  readonly offset: number;
  /** true: longer than MAX_LINE_BYTES, the rest is left out. */
  readonly cut: boolean;
}

export class LineSplitter {
  /** Lines met so far, cut ones included. */
  lines = 0;
  private readonly decoder = new TextDecoder();
  private readonly maxBytes: number;
  private readonly emit: (line: TextLine) => void;
  /** The line that the last chunk left open. */
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private pendingCut = false;
  private lineStart = 0;
  /** The last byte seen was \r: a \n that follows belongs to it. */
  private afterCr = false;
  private offset = 0;

  constructor(emit: (line: TextLine) => void, maxBytes = MAX_LINE_BYTES) {
    this.emit = emit;
    this.maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): void {
    const base = this.offset;
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (byte !== LF && byte !== CR) {
        this.afterCr = false;
        continue;
      }
      if (byte === LF && this.afterCr) {
        // Second half of \r\n: the line has ended already, the next one starts after this byte.
        this.afterCr = false;
        from = i + 1;
        this.lineStart = base + from;
        continue;
      }
      this.keep(chunk, from, i);
      this.finish();
      this.afterCr = byte === CR;
      from = i + 1;
      this.lineStart = base + from;
    }
    this.keep(chunk, from, chunk.length, true);
    this.offset = base + chunk.length;
  }

  /** Hands over the last line where the text does not end with a line end. */
  end(): void {
    if (this.offset > this.lineStart) this.finish();
  }

  /** Adds [from, to) to the open line; copied where it must outlive the chunk. */
  private keep(chunk: Uint8Array, from: number, to: number, copy = false): void {
    const room = this.maxBytes - this.pendingBytes;
    if (to - from > room) {
      this.pendingCut = true;
      to = from + room;
    }
    if (to <= from) return;
    this.pending.push(copy ? chunk.slice(from, to) : chunk.subarray(from, to));
    this.pendingBytes += to - from;
  }

  private finish(): void {
    const bytes = this.pending.length === 1 ? this.pending[0] : joined(this.pending);
    const cut = this.pendingCut;
    this.pending = [];
    this.pendingBytes = 0;
    this.pendingCut = false;
    this.lines++;
    this.emit({ text: this.decoder.decode(bytes), offset: this.lineStart, cut });
  }
}
