/**
 * One pass over the lines of a text: each line, without colours and carriage-return overwrites, goes to every
 * scanner. Lines that look as if they told of memory and that no scanner took are counted, the first ones listed.
 */
import { TraceError } from '../base/trace-error.ts';
import { LineSplitter, type TextLine } from '../file/text-lines.ts';
import type { SourceData, Warning } from '../trace/capture.ts';
import type { LineScan, LineScanner } from './log-scanner.ts';
import { LogTimes } from './log-time.ts';
import { stripColours } from './memory-summary-table.ts';
import type { ReaderContext, ReaderInput } from './reader.ts';

const BREATH_BYTES = 1 << 20;
const LISTED = 20;
const LISTED_LENGTH = 160;
/** What follows is not searched: a line of arguments may be of any length. */
const SEARCHED = 2000;

const SIZE = /\d ?(?:[KMGT]i?B|bytes)\b/;
const WORDS = /\b(?:memory|KV cache|VRAM)\b/i;
/** Source lines of tracebacks, download and loading progress. */
const NOT_MEMORY = /^\s*File "|^\s*at |\d+%\||[KMGT]i?B\/s/;

/** A number with a unit of memory, or a word for memory near a number. */
export function looksLikeMemory(text: string): boolean {
  const head = text.length > SEARCHED ? text.slice(0, SEARCHED) : text;
  if (SIZE.test(head)) return !NOT_MEMORY.test(head);
  const word = WORDS.exec(head);
  if (word === null) return false;
  return /\d/.test(head.slice(word.index, word.index + 80)) && !NOT_MEMORY.test(head);
}

export interface Found {
  readonly scanner: LineScanner;
  readonly data: SourceData;
  /** Characters of the lines that the scanner took. */
  readonly taken: number;
}

export interface LinesRead {
  readonly found: readonly Found[];
  readonly error: TraceError | null;
  readonly lines: number;
  readonly bytes: number;
  /** What was left out and what was not understood. */
  readonly warnings: readonly Warning[];
}

interface Running {
  readonly scanner: LineScanner;
  readonly scan: LineScan;
  taken: number;
}

class Pass {
  readonly warnings: Warning[] = [];
  private readonly unread: Warning[] = [];
  private unreadLines = 0;
  private readonly times = new LogTimes();
  private readonly running: readonly Running[];

  constructor(scanners: readonly LineScanner[], fileName: string) {
    this.running = scanners.map((scanner) => ({
      scanner,
      scan: scanner.start(fileName, this.times),
      taken: 0,
    }));
  }

  readonly onLine = ({ text, offset, cut }: TextLine): void => {
    if (cut) this.warnings.push({ message: 'A line of more than 1 MiB; its rest was left out.', offset });
    const plain = stripColours(text);
    this.times.see(plain);
    const line = { text: plain, offset, cut };
    let isTaken = false;
    for (const each of this.running) {
      if (!each.scan.take(line)) continue;
      isTaken = true;
      each.taken += plain.length + 1;
    }
    if (isTaken || !looksLikeMemory(plain)) return;
    if (++this.unreadLines <= LISTED) {
      this.unread.push({ message: `Not understood: ${plain.trim().slice(0, LISTED_LENGTH)}`, offset });
    }
  };

  end(offset: number, cut: boolean): Found[] {
    const found: Found[] = [];
    for (const { scanner, scan, taken } of this.running) {
      const data = scan.end(offset, cut);
      if (data !== null) found.push({ scanner, data, taken });
    }
    if (this.unreadLines > 0) {
      const listed = this.unreadLines > LISTED ? `; the first ${LISTED} are listed` : '';
      const many = this.unreadLines === 1 ? '1 line looks' : `${this.unreadLines} lines look`;
      this.warnings.push({
        message: `${many} like figures of memory and no reader understood them${listed}.`,
        offset: this.unread[0].offset,
      });
      this.warnings.push(...this.unread);
    }
    return found;
  }
}

export async function readLines(
  input: ReaderInput,
  context: ReaderContext,
  scanners: readonly LineScanner[],
): Promise<LinesRead> {
  const pass = new Pass(scanners, input.name);
  const splitter = new LineSplitter(pass.onLine);
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
  const found = pass.end(bytes, error !== null);
  return { found, error, lines: splitter.lines, bytes, warnings: pass.warnings };
}
