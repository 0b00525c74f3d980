/**
 * Lines as bytes, with what needles each holds (line-needles.ts): a string is made of a line only where someone asks
 * for it. Borders are those of file/text-lines.ts: \n, \r\n or a lone \r, and no line longer than MAX_LINE_BYTES.
 */
import { joined } from '../../base/joined.ts';
import { MAX_LINE_BYTES } from '../../file/text-lines.ts';
import type { LineNeedles } from './line-needles.ts';
import type { RawLine } from './log-line.ts';
import { stripColours } from './colours.ts';

const LF = 10;
const CR = 13;

/** A printed ASCII character: a line with such a byte is not blank, whatever else is in it. */
export const isPlain = (byte: number): boolean => byte > 32 && byte < 127;

/** One line; its text, without colours, is decoded when it is first asked for. */
export class ByteLine implements RawLine {
  private decoded: string | null = null;

  constructor(
    private readonly decoder: TextDecoder,
    readonly bytes: Uint8Array,
    /** First byte, and the one behind the last, in `bytes`. */
    readonly from: number,
    readonly to: number,
    readonly offset: number,
    readonly cut: boolean,
    /** Bits of the needles in it. */
    readonly mask: number,
    /** 1 for the first line of the text. */
    readonly number: number,
  ) {}

  get text(): string {
    this.decoded ??= stripColours(this.decoder.decode(this.bytes.subarray(this.from, this.to)));
    return this.decoded;
  }

  /** The first byte that is neither a space nor a tab; -1: there is none. */
  get firstByte(): number {
    for (let i = this.from; i < this.to; i++) {
      const byte = this.bytes[i];
      if (byte !== 32 && byte !== 9) return byte;
    }
    return -1;
  }
}

export class ByteLineSplitter {
  /** Lines met so far, cut ones included. */
  lines = 0;
  private readonly decoder = new TextDecoder();
  /** Of the line that the last chunk left open. */
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private pendingCut = false;
  private lineStart = 0;
  /** The last byte seen was \r: a \n that follows belongs to it. */
  private afterCr = false;
  private offset = 0;
  private state = 0;
  private mask = 0;

  constructor(
    private readonly needles: LineNeedles,
    private readonly emit: (line: ByteLine) => void,
    private readonly maxBytes = MAX_LINE_BYTES,
  ) {}

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    // Lines outlive the chunk, whose owner may use its memory again.
    const bytes = new Uint8Array(chunk);
    const { needles } = this;
    const { classes, table } = needles;
    const base = this.offset;
    let from = 0;
    let start = 0;
    if (this.afterCr) {
      this.afterCr = false;
      if (bytes[0] === LF) from = start = 1;
      this.lineStart = base + from;
    }
    let { state, mask } = this;
    for (let i = start; i < bytes.length; i++) {
      const next = table[state + classes[bytes[i]]];
      if (next >= 0) {
        state = next;
        continue;
      }
      state = ~next;
      mask |= needles.maskOf(state);
      const byte = bytes[i];
      if (byte !== LF && byte !== CR) continue;
      this.line(bytes, from, i, mask);
      mask = 0;
      if (byte === CR) {
        if (i + 1 === bytes.length) this.afterCr = true;
        else if (bytes[i + 1] === LF) i++;
      }
      from = i + 1;
      this.lineStart = base + from;
    }
    this.state = state;
    this.mask = mask;
    this.keep(bytes, from, bytes.length);
    this.offset = base + bytes.length;
  }

  /** Hands over the last line where the text does not end with a line end. */
  end(): void {
    if (this.offset > this.lineStart) this.line(new Uint8Array(0), 0, 0, this.mask);
  }

  private line(bytes: Uint8Array, from: number, to: number, mask: number): void {
    this.lines++;
    if (this.pendingBytes === 0 && !this.pendingCut && to - from <= this.maxBytes) {
      this.emit(new ByteLine(this.decoder, bytes, from, to, this.lineStart, false, mask, this.lines));
      return;
    }
    this.keep(bytes, from, to);
    const whole = joined(this.pending);
    const cut = this.pendingCut;
    this.pending = [];
    this.pendingBytes = 0;
    this.pendingCut = false;
    this.emit(new ByteLine(this.decoder, whole, 0, whole.length, this.lineStart, cut, mask, this.lines));
  }

  /** Adds [from, to) to the open line. */
  private keep(bytes: Uint8Array, from: number, to: number): void {
    const room = this.maxBytes - this.pendingBytes;
    if (to - from > room) {
      this.pendingCut = true;
      to = from + room;
    }
    if (to <= from) return;
    this.pending.push(bytes.subarray(from, to));
    this.pendingBytes += to - from;
  }
}
