/** One pass over a text file, a line at a time, for readers of line formats. */
import { TraceError } from '../../base/trace-error.ts';
import { LineSplitter, type TextLine } from '../../file/text-lines.ts';
import type { ReaderContext, ReaderInput } from '../reader.ts';

/** What is read between two breaths, in bytes. */
const BREATH_BYTES = 1 << 20;

/** What cuts bytes into lines and hands each on (file/text-lines.ts, byte-lines.ts). */
interface Splitter {
  push(piece: Uint8Array): void;
  end(): void;
  readonly lines: number;
}

export interface TextPass {
  /** What kept the file from being read to its end (a gzip cut short); lines up to there were handed over. */
  readonly error: TraceError | null;
  readonly bytes: number;
  readonly lines: number;
}

/** Everything that the input holds, through a splitter. Throws what is no TraceError, and where it was cancelled. */
export async function passThrough(
  input: ReaderInput,
  context: ReaderContext,
  splitter: Splitter,
): Promise<TextPass> {
  let error: TraceError | null = null;
  let bytes = 0;
  let breath = 0;
  try {
    for await (const chunk of input.chunks()) {
      // A chunk may be the whole file: what is read between two breaths is bounded here.
      for (let at = 0; at < chunk.length; at += BREATH_BYTES) {
        const piece = chunk.subarray(at, at + BREATH_BYTES);
        splitter.push(piece);
        bytes += piece.length;
        if (bytes - breath < BREATH_BYTES) continue;
        breath = bytes;
        await context.breathe();
      }
    }
  } catch (thrown) {
    // A file that cannot be read to its end (a gzip cut short) still tells what it holds up to there.
    if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
    error = thrown;
  }
  splitter.end();
  return { error, bytes, lines: splitter.lines };
}

export const passOverLines = (
  input: ReaderInput,
  context: ReaderContext,
  onLine: (line: TextLine) => void,
): Promise<TextPass> => passThrough(input, context, new LineSplitter(onLine));

/** false where the head holds what no text in ASCII or UTF-8 has: zeros, or many control characters. */
export function looksLikeText(bytes: Uint8Array): boolean {
  let odd = 0;
  for (const byte of bytes) {
    if (byte === 0) return false;
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13 && byte !== 27) odd++;
  }
  return bytes.length > 0 && odd * 100 < bytes.length;
}

/** Lines of a head, one byte a character (what is looked for is ASCII); the last one may be cut. */
export const headLines = (bytes: Uint8Array): string[] =>
  new TextDecoder('latin1').decode(bytes).split(/\r\n|\n|\r/);

/** A path without the name of whose home it lies in: "/home/ada/run.py" -> "~/run.py". */
export const withoutHome = (path: string): string =>
  path
    .replace(/(^|[\s"'=])\/(?:home|Users)\/[^/\s]+/g, '$1~')
    .replace(/[A-Za-z]:\\(?:Users|Documents and Settings)\\[^\\]+/g, '~');
