/**
 * Raw DEFLATE (RFC 1951) that knows where its stream ends; the only file that imports fflate.
 *
 * The platform's DecompressionStream is faster and is asked first (gunzip.ts), but it tells nobody how many
 * bytes it used, so it cannot go on to the next member of a gzip file, and it drops what it had decompressed
 * when an error comes.
 */
import { Inflate } from 'fflate';

/**
 * Input is handed over in pieces this small: DEFLATE expands up to 1,032 times and fflate returns all that a
 * piece expands to as one array.
 */
const PIECE = 16 * 1024;

/** What fflate's own Gunzip reads of an Inflate to find the end of a member. */
interface Inner {
  /** f: the last block has begun; l: inside a block; p: bit position in `p` below. */
  readonly s: { readonly f?: number; readonly l?: unknown; readonly p?: number };
  /** Input that is not used yet. */
  readonly p: Uint8Array;
}

export class RawInflate {
  /** What followed the end of the stream in the last chunk; null while the stream goes on. */
  rest: Uint8Array | null = null;
  private readonly parts: Uint8Array[] = [];
  private readonly inner = new Inflate((part) => {
    if (part.length > 0) this.parts.push(part);
  });

  /** Decompresses `chunk` piece by piece until the stream ends. Throws Error on damaged input, after all that was good. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < chunk.length; at += PIECE) {
      // A copy: fflate keeps what it has not used, and the caller may use its chunk again.
      this.inner.push(chunk.slice(at, at + PIECE), false);
      yield* this.parts.splice(0);
      const { s, p } = this.inner as unknown as Inner;
      if (s.f === 1 && !s.l) {
        const used = ((s.p ?? 0) + 7) >> 3;
        const unused = p.length - used;
        const next = Math.min(at + PIECE, chunk.length);
        // The unused input ends where the piece ends; it never began before the piece by more than a block header.
        this.rest = chunk.subarray(Math.max(0, next - unused));
        return;
      }
    }
  }
}
