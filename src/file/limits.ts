/**
 * How far compressed input may expand. Recordings compress 5 to 20 times and a snapshot of 2 GB is no rarity, so it
 * is not the size that tells a bomb: it is what a byte turns into, over a length no real file keeps up. Measured
 * with gzip -9 over 70 MB: one memory summary over and over 172, nvidia-smi's table 206, an idle GPU's CSV lines
 * without times 412; zeros, as bombs are made of, 1,029.
 */
import { formatBytes } from '../base/units.ts';
import { TraceError } from '../base/trace-error.ts';

export interface Limits {
  /** Largest expansion: bytes out over bytes read so far. */
  readonly ratio: number;
  /** The ratio is judged from here on: short files of zeros are honest. */
  readonly ratioFrom: number;
  /** Largest decompressed size of one file, streamed. */
  readonly streamedBytes: number;
  /** Largest decompressed size of one file where it must lie in memory for random access. */
  readonly heldBytes: number;
  /** Most files in an archive. */
  readonly entries: number;
  /** Largest list of files (zip's central directory, a tar's name record). */
  readonly listBytes: number;
}

export const LIMITS: Limits = {
  ratio: 500,
  ratioFrom: 64 * 2 ** 20,
  streamedBytes: 64 * 2 ** 30,
  heldBytes: 2 ** 30,
  entries: 10_000,
  listBytes: 64 * 2 ** 20,
};

/** Passes chunks on and stops a bomb. `bytesIn`: compressed bytes read so far for what has come out. */
export async function* guarded(
  chunks: AsyncIterable<Uint8Array>,
  bytesIn: () => number,
  name: string,
  limits: Limits,
): AsyncGenerator<Uint8Array> {
  let out = 0;
  for await (const chunk of chunks) {
    out += chunk.length;
    const ratio = out / Math.max(1, bytesIn());
    if (out > limits.ratioFrom && ratio > limits.ratio)
      throw new TraceError(
        'refused',
        `decompressing it gives ${Math.round(ratio)} bytes for every byte stored, which no recording does: it may be made to fill memory.`,
        {
          file: name,
          format: 'compressed',
          offset: out - chunk.length,
          advice: 'If you trust it, unpack it yourself and open what comes out.',
        },
      );
    if (out > limits.streamedBytes)
      throw new TraceError(
        'refused',
        `it decompresses to more than ${formatBytes(limits.streamedBytes, 'binary')}.`,
        {
          file: name,
          format: 'compressed',
          offset: out - chunk.length,
          advice: 'If you trust it, unpack it yourself and open what comes out.',
        },
      );
    yield chunk;
  }
}

/** What is said where a file must lie in memory as a whole and is too large for that. */
export const tooLargeToHold = (name: string, limit: number): TraceError =>
  new TraceError(
    'refused',
    `it must be read by position, and decompressed it is larger than the ${formatBytes(limit, 'binary')} that may lie in memory for that.`,
    {
      file: name,
      format: 'compressed',
      offset: limit,
      advice: 'Unpack it yourself and open what comes out: a file on disk is read by position.',
    },
  );
