/**
 * zstd (RFC 8878), streamed; the only file that imports fzstd. Frames and blocks are walked here, so that every
 * frame is decompressed to its end whatever the chunks, a header cannot ask for any amount of memory, and
 * each frame's check sum is checked, which fzstd does not do. Not read: frames that need a dictionary, windows over
 * 128 MiB (zstd itself wants --long=31 for those), formats before zstd 0.8.
 */
import { joined } from '../base/joined.ts';
import { Decompress } from 'fzstd';
import { TraceError } from '../base/trace-error.ts';
import { Xxh64 } from './xxh64.ts';

export const isZstd = (head: Uint8Array): boolean =>
  head.length >= 4 && (isFrame(head, 0) || isSkippable(head, 0));

const MAX_WINDOW = 128 << 20;
const MAX_BLOCK = 128 << 10;

const isFrame = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0x28 && bytes[at + 1] === 0xb5 && bytes[at + 2] === 0x2f && bytes[at + 3] === 0xfd;
const isSkippable = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] >> 4 === 5 && bytes[at + 1] === 0x2a && bytes[at + 2] === 0x4d && bytes[at + 3] === 0x18;

interface FrameHeader {
  readonly length: number;
  readonly window: number;
  readonly checksum: boolean;
  readonly dictionary: boolean;
  /** Bytes the frame says it expands to; null where it does not. */
  readonly content: number | null;
}

/** Header at the start of `bytes`; null: more bytes are needed. */
function frameHeader(bytes: Uint8Array): FrameHeader | null {
  if (bytes.length < 5) return null;
  const flags = bytes[4];
  const single = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3];
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][flags >> 6];
  const length = 5 + (single ? 0 : 1) + dictionaryBytes + sizeBytes;
  if (bytes.length < length) return null;
  let content = sizeBytes === 2 ? 256 : 0;
  for (let i = 0; i < sizeBytes; i++) content += bytes[length - sizeBytes + i] * 2 ** (8 * i);
  const base = 2 ** (10 + (bytes[5] >> 3));
  return {
    length,
    window: single ? content : base + (base / 8) * (bytes[5] & 7),
    checksum: (flags & 4) !== 0,
    dictionary: bytes
      .subarray(length - sizeBytes - dictionaryBytes, length - sizeBytes)
      .some((byte) => byte !== 0),
    content: sizeBytes === 0 ? null : content,
  };
}

/** Walks frames and blocks: `push` gives decompressed parts, `end` says whether the last frame was whole. */
class Frames {
  passed = 0;
  private stored = 0;
  private seen = 0;
  private pending: Uint8Array = new Uint8Array(0);
  private header: FrameHeader | null = null;
  private toSkip = 0;
  private inFrame = 0;
  private hash = new Xxh64();
  private parts: Uint8Array[] = [];
  /** Met behind parts that are good and go first. */
  private failure: TraceError | null = null;
  private decoder = new Decompress();

  *push(chunk: Uint8Array): Generator<Uint8Array> {
    this.stored += chunk.length;
    this.pending = joined([this.pending, chunk]);
    while (this.pending.length > 0) {
      if (this.toSkip > 0) {
        const skipped = Math.min(this.toSkip, this.pending.length);
        this.take(skipped);
        this.toSkip -= skipped;
      } else if (this.header === null) {
        if (!this.begin()) return;
      } else {
        const done = this.block(this.header);
        yield* this.parts.splice(0);
        if (this.failure !== null) throw this.failure;
        if (!done) return;
      }
    }
  }

  end(): void {
    if (this.header === null && this.pending.length === 0 && this.toSkip === 0 && this.seen > 0) return;
    throw new TraceError('truncated', 'the zstd stream ends early', {
      offset: this.passed,
      advice: 'Copy the file again; what came before this byte was read.',
    });
  }

  /** A frame's header, or a skippable frame. false: more bytes are needed. */
  private begin(): boolean {
    const { pending } = this;
    if (pending.length < 4) return false;
    if (isSkippable(pending, 0)) {
      if (pending.length < 8) return false;
      this.toSkip = new DataView(pending.buffer, pending.byteOffset).getUint32(4, true);
      this.take(8);
      this.seen++;
      return true;
    }
    if (!isFrame(pending, 0))
      throw this.damaged(this.seen > 0 ? 'what follows its end is no zstd' : 'its header is not zstd’s');
    const header = frameHeader(pending);
    if (header === null) return false;
    if ((pending[4] & 8) !== 0) throw this.damaged('a reserved bit is set');
    if (header.dictionary)
      throw this.refused('needs a dictionary that is not in the file', 'zstd -d -D DICTIONARY FILE');
    if (header.window > MAX_WINDOW)
      throw this.refused(
        `asks for a window of ${Math.round(header.window / 2 ** 20)} MiB, more than ${MAX_WINDOW >> 20}`,
        'zstd -d --long=31 FILE',
      );
    this.header = header;
    this.seen++;
    this.inFrame = 0;
    this.hash = new Xxh64();
    this.decoder = new Decompress((part) => {
      if (part.length > 0) this.parts.push(part);
    });
    this.decode(this.take(header.length), false);
    return true;
  }

  /** The next block, with the check sum behind the last one. false: more bytes are needed. */
  private block(header: FrameHeader): boolean {
    const { pending } = this;
    if (pending.length < 3) return false;
    const word = pending[0] | (pending[1] << 8) | (pending[2] << 16);
    const last = (word & 1) !== 0;
    const type = (word >> 1) & 3;
    const size = word >> 3;
    if (type === 3) throw this.damaged('a block is of a kind that does not exist');
    if (size > Math.min(MAX_BLOCK, Math.max(header.window, type === 2 ? MAX_BLOCK : 0)))
      throw this.damaged('a block is larger than its window');
    const tail = last && header.checksum ? 4 : 0;
    const length = 3 + (type === 1 ? 1 : size) + tail;
    if (pending.length < length) return false;
    const bytes = this.take(length);
    this.decode(bytes, last);
    for (const part of this.parts) {
      this.passed += part.length;
      this.inFrame += part.length;
      if (header.checksum) this.hash.update(part);
    }
    if (last) {
      this.header = null;
      if (header.content !== null && header.content !== this.inFrame)
        this.failure = this.damaged(`a frame holds ${this.inFrame} bytes and announces ${header.content}`);
      if (tail > 0) {
        const told = new DataView(bytes.buffer, bytes.byteOffset + length - 4, 4).getUint32(0, true);
        if (told !== Number(this.hash.digest() & 0xffffffffn))
          this.failure = this.damaged('its check sum (XXH64) does not fit its content');
      }
    }
    return true;
  }

  private decode(bytes: Uint8Array, final: boolean): void {
    try {
      this.decoder.push(bytes, final);
    } catch {
      throw this.damaged('its data cannot be decompressed');
    }
  }

  private take(length: number): Uint8Array {
    const taken = this.pending.subarray(0, length);
    this.pending = this.pending.subarray(length);
    return taken;
  }

  private damaged(what: string): TraceError {
    const at = this.stored - this.pending.length;
    return new TraceError(
      'corrupt',
      `the zstd stream is damaged before byte ${at} of the file as it is stored: ${what}`,
      {
        offset: this.passed,
        advice: 'Copy the file again; what came before this byte was read.',
      },
    );
  }

  private refused(what: string, command: string): TraceError {
    return new TraceError('unsupported', `this zstd stream ${what}`, {
      offset: this.passed,
      advice: `Unpack it first: ${command}`,
    });
  }
}

/**
 * Decompressed chunks of all frames. Throws TraceError 'truncated', 'corrupt' or 'unsupported' after what could
 * be decompressed; `offset` counts decompressed bytes. Errors of `chunks` pass through.
 */
export async function* unzstd(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new Frames();
  for await (const chunk of chunks) yield* frames.push(chunk);
  frames.end();
}
