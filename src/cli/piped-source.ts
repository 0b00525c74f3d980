/**
 * What is piped in: standard input, a named pipe, `<(zcat run.log.gz)`. Held in memory, once, since readers may go back.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { TraceError } from '../base/trace-error.ts';
import { type CloseableSource, reasonOf } from './open-files.ts';

const PIECE = 1 << 20;
/** A named pipe that nobody has opened for writing by then never will be. */
const WRITER_MS = 10_000;
const NAP_MS = 10;

function nap(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP_MS);
}

const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';

/**
 * Everything until the end of input, in pieces of `PIECE` bytes but the last. `patience`: ms to wait for the first byte
 * where an end may mean that nobody writes yet.
 */
function readAll(descriptor: number, patience: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const started = Date.now();
  let piece = new Uint8Array(PIECE);
  let filled = 0;
  for (;;) {
    let got: number;
    try {
      got = readSync(descriptor, piece, filled, PIECE - filled, null);
    } catch (thrown) {
      if (codeOf(thrown) === 'EOF') got = 0;
      else if (codeOf(thrown) === 'EAGAIN') {
        nap();
        continue;
      } else throw thrown;
    }
    if (got === 0) {
      if (pieces.length > 0 || filled > 0 || Date.now() - started >= patience) break;
      nap();
      continue;
    }
    filled += got;
    if (filled === PIECE) {
      pieces.push(piece);
      piece = new Uint8Array(PIECE);
      filled = 0;
    }
  }
  if (filled > 0) pieces.push(piece.slice(0, filled));
  return pieces;
}

export class PipedSource implements CloseableSource {
  readonly size: number;

  private constructor(
    readonly name: string,
    private readonly pieces: readonly Uint8Array[],
  ) {
    this.size = pieces.reduce((sum, { length }) => sum + length, 0);
  }

  /** Throws TraceError 'io'. */
  static standardInput(descriptor = 0): PipedSource {
    try {
      return new PipedSource('standard input', readAll(descriptor, 0));
    } catch (thrown) {
      throw new TraceError('io', `cannot read standard input: ${reasonOf(thrown)}`, {
        file: 'standard input',
        offset: 0,
      });
    }
  }

  /** A named pipe. Throws TraceError 'io' where it cannot be opened, or where nobody writes into it. */
  static pipe(path: string, name: string): PipedSource {
    let pieces: Uint8Array[];
    try {
      // Without O_NONBLOCK opening a pipe without a writer would wait for ever.
      const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        pieces = readAll(descriptor, WRITER_MS);
      } finally {
        closeSync(descriptor);
      }
    } catch (thrown) {
      throw new TraceError('io', `cannot read ${name}: ${reasonOf(thrown)}`, { file: name, offset: 0 });
    }
    if (pieces.length === 0)
      throw new TraceError('io', `${name} is a pipe, and nothing was written into it`, {
        file: name,
        offset: 0,
        advice: 'Start the program that writes into it first.',
      });
    return new PipedSource(name, pieces);
  }

  read(start: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.readSync(start, length));
  }

  readSync(start: number, length: number): Uint8Array {
    const from = Math.max(0, start);
    const end = Math.min(this.size, start + length);
    if (end <= from) return new Uint8Array(0);
    const first = Math.floor(from / PIECE);
    const within = from - first * PIECE;
    if (within + end - from <= this.pieces[first].length)
      return this.pieces[first].subarray(within, within + end - from);
    const bytes = new Uint8Array(end - from);
    for (let at = from; at < end;) {
      const piece = this.pieces[Math.floor(at / PIECE)];
      const offset = at % PIECE;
      const part = piece.subarray(offset, Math.min(piece.length, offset + end - at));
      bytes.set(part, at - from);
      at += part.length;
    }
    return bytes;
  }

  close(): void {
    // What was opened is closed.
  }
}
