/**
 * One pass over the lines of a text: each line, without colours and carriage-return overwrites, goes to every
 * scanner that has a needle in it. Lines that look as if they told of memory and that no scanner took are counted,
 * the first ones listed. Lines without any needle, most of a log, are never made into strings.
 */
import { count } from '../../base/words.ts';
import type { TraceError } from '../../base/trace-error.ts';
import type { SourceData, Warning } from '../../trace/capture.ts';
import { type ByteLine, ByteLineSplitter } from './byte-lines.ts';
import { LineNeedles } from './line-needles.ts';
import type { LogLine, RawLine } from './log-line.ts';
import type { LineScan, LineScanner } from './log-scanner.ts';
import { LogTimes } from './log-time.ts';
import type { ReaderContext, ReaderInput } from '../reader.ts';
import { passThrough } from './text-pass.ts';
import { unwrap, withoutLauncher } from './unwrap.ts';

const LISTED = 20;
const LISTED_LENGTH = 160;
/** What follows is not searched: a line of arguments may be of any length. */
const SEARCHED = 2000;

const SIZE = /\d ?(?:[KMGT]i?B|bytes)\b/;
const WORDS = /\b(?:memory|KV cache|VRAM)\b|gpu_?mem|mem_(?:used|alloc)|memory\w{0,40}[aA]lloc/i;
/** Source lines of tracebacks, download and loading progress. */
const NOT_MEMORY = /^\s*File "|^\s*at |\d%\||[KMGT]i?B\/s/;

/** Bits of a line's mask; those of the scanners come before. */
const LOOKS = 1 << 28;
const YEAR = 1 << 29;
/** Of all of these it is looked whether something carried them. */
const FIRST_LINES = 200;
/** Of a line that is quoted. */
const MARK = 0x3e;
/** A progress bar. */
const BAR = 1 << 27;
/** Colours may stand within a needle: such a line is for everyone. */
const COLOURED = 1 << 30;

/** A line without any of these does not look like memory (SIZE, WORDS), has no year and no colours. */
const OWN_NEEDLES: readonly (readonly [string, number])[] = [
  ...['kb', 'mb', 'gb', 'tb', 'kib', 'mib', 'gib', 'tib', 'bytes'].flatMap((unit): [string, number][] => [
    [`0${unit}`, LOOKS],
    [`0 ${unit}`, LOOKS],
  ]),
  ...['memory', 'kv cache', 'vram', 'gpu_mem', 'gpumem', 'mem_used', 'mem_alloc'].map(
    (word): [string, number] => [word, LOOKS],
  ),
  ['2000-00-00', YEAR],
  ['0%|', BAR],
  ['0% completed', BAR],
  ...['\u001b', '[0;0m', '[1;36m'].map((colour): [string, number] => [colour, COLOURED]),
];

/** A number with a unit of memory, or a word for memory near a number. */
export function looksLikeMemory(text: string): boolean {
  const head = text.length > SEARCHED ? text.slice(0, SEARCHED) : text;
  if (SIZE.test(head)) return !NOT_MEMORY.test(head);
  const word = WORDS.exec(head);
  if (word === null) return false;
  return /\d/.test(head.slice(word.index, word.index + 80)) && !NOT_MEMORY.test(head);
}

/** Where a server's line begins: its process, its time in brackets, its level and time. */
const BEGINS =
  /\(\w{1,60} pid=\d{1,9}\)|\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\b(?:DEBUG|INFO|WARNING|ERROR) \d\d-\d\d \d\d:\d\d:/g;
const IS_BAR = /\d%\||\d% Completed/;

/**
 * What stands behind a progress bar without a line's end, where it begins as a server's lines do; else the line.
 *
 *   99% Completed | 87/88 [01:02<00:01,  1.3it/s][2026-03-30 05:59:04 DP0 TP1] Load weight end. ...
 */
export function behindBar(line: LogLine): LogLine {
  const text = line.text.length > SEARCHED ? line.text.slice(0, SEARCHED) : line.text;
  let last = -1;
  for (const match of text.matchAll(BEGINS)) {
    // A bar's own prefix (its process) stands before the bar.
    if (match.index > 0 && IS_BAR.test(text.slice(0, match.index))) {
      last = match.index;
      break;
    }
  }
  return last < 0 ? line : { ...plainLine(line), text: line.text.slice(last) };
}

const plainLine = ({ offset, number, cut }: LogLine): Omit<LogLine, 'text'> => ({
  offset,
  ...(number === undefined ? {} : { number }),
  ...(cut === undefined ? {} : { cut }),
});

export interface Found {
  readonly scanner: LineScanner;
  readonly data: SourceData;
  /** The scanner's, or what the scan calls it. */
  readonly title: string;
  /** Characters of the lines that the scanner took. */
  readonly taken: number;
}

/** Before a line that looks like memory and that nobody understood. */
export const UNREAD = 'Not understood: ';
/** Lines of the beginning that are kept, to say what a text looks like that nobody knows. */
const HEAD_LINES = 60;

export interface LinesRead {
  readonly found: readonly Found[];
  readonly error: TraceError | null;
  readonly lines: number;
  readonly bytes: number;
  /** The first lines. */
  readonly head: readonly string[];
  /** What was left out and what was not understood. */
  readonly warnings: readonly Warning[];
}

/** What a line carried, as a line of its own at the same place. */
class CarriedLine implements RawLine {
  readonly offset: number;
  readonly number: number;
  readonly cut: boolean;
  readonly from = 0;
  private encoded: Uint8Array | null = null;

  constructor(
    readonly text: string,
    { offset, number, cut }: ByteLine,
  ) {
    this.offset = offset;
    this.number = number;
    this.cut = cut;
  }

  get bytes(): Uint8Array {
    this.encoded ??= new TextEncoder().encode(this.text);
    return this.encoded;
  }

  get to(): number {
    return this.bytes.length;
  }

  get firstByte(): number {
    const at = this.text.search(/[^ \t]/);
    return at < 0 ? -1 : Math.min(this.text.charCodeAt(at), 255);
  }
}

interface Running {
  readonly scanner: LineScanner;
  readonly scan: LineScan;
  /** Its bit in a line's mask. */
  readonly bit: number;
  taken: number;
}

class Pass {
  readonly warnings: Warning[] = [];
  readonly head: string[] = [];
  private readonly unread: Warning[] = [];
  private unreadLines = 0;
  readonly needles: LineNeedles;
  /** A line that something carried was met: others may look like nothing before they are unwrapped. */
  private hasCarried = false;
  private readonly times = new LogTimes();
  private readonly running: readonly Running[];

  constructor(scanners: readonly LineScanner[], fileName: string) {
    this.running = scanners.map((scanner, at) => ({
      scanner,
      scan: scanner.start(fileName, this.times),
      bit: 1 << at,
      taken: 0,
    }));
    const theirs = this.running.flatMap(({ scanner, bit }) =>
      scanner.needles.map((needle): [string, number] => [needle, bit]),
    );
    this.needles = new LineNeedles([...OWN_NEEDLES, ...theirs]);
  }

  readonly onLine = (line: ByteLine): void => {
    const { offset, cut } = line;
    if (cut) this.warnings.push({ message: 'A line of more than 1 MiB; its rest was left out.', offset });
    const mask = cut || (line.mask & COLOURED) !== 0 ? -1 : line.mask;
    if ((mask & YEAR) !== 0) this.times.see(line);
    if (this.head.length < HEAD_LINES) this.head.push(line.text.slice(0, SEARCHED));
    const isTried = mask !== 0 || this.hasCarried || line.number <= FIRST_LINES || line.firstByte === MARK;
    const carried = isTried ? unwrap(line.text) : null;
    let text: LogLine = line;
    let isTaken = false;
    if (carried !== null) {
      this.hasCarried = true;
      const { lines, time } = carried;
      // The carrier's time is the line's: every scanner that asks gets it.
      if (time !== null) this.times.prime(line, time);
      const all = lines.length > 1 ? -1 : mask;
      for (const one of lines) {
        text = this.behindBar(new CarriedLine(one, line), mask);
        if (this.offer(text instanceof CarriedLine ? text : line, text, all)) isTaken = true;
      }
      // Figures may stand in fields beside the message.
      const isBeside = carried.isJson && (mask & LOOKS) !== 0 && !lines.some(looksLikeMemory);
      if (!isTaken && isBeside) isTaken = this.offer(line, line, mask);
    } else {
      text = this.behindBar(line, mask);
      isTaken = this.offer(line, text, mask);
    }
    if (!isTaken && (mask & LOOKS) !== 0) {
      const bare = withoutLauncher(text.text);
      if (bare !== null) isTaken = this.offer(line, { ...plainLine(line), text: bare }, mask);
    }
    if (isTaken || (mask & LOOKS) === 0 || !looksLikeMemory(text.text)) return;
    if (++this.unreadLines <= LISTED) {
      this.unread.push({ message: `${UNREAD}${text.text.trim().slice(0, LISTED_LENGTH)}`, offset });
    }
  };

  /** What a server prints behind a progress bar is a line of its own. */
  private behindBar(line: LogLine, mask: number): LogLine {
    return (mask & BAR) === 0 ? line : behindBar(line);
  }

  /** A line to every scanner that may know it. `text`: what is read of it. */
  private offer(line: RawLine, text: LogLine, mask: number): boolean {
    let isTaken = false;
    for (const each of this.running) {
      const { scan } = each;
      if ((mask & each.bit) === 0 && scan.wants?.(line) !== true) {
        scan.pass?.(line);
        continue;
      }
      if (!scan.take(text, isTaken)) continue;
      isTaken = true;
      each.taken += text.text.length + 1;
    }
    return isTaken;
  }

  end(offset: number, cut: boolean): Found[] {
    const found: Found[] = [];
    for (const { scanner, scan, taken } of this.running) {
      const data = scan.end(offset, cut);
      if (data === null) continue;
      found.push({ scanner, data, title: scan.title?.() ?? scanner.title, taken });
    }
    if (this.unreadLines > 0) {
      const listed = this.unreadLines > LISTED ? `; the first ${LISTED} are listed` : '';
      this.warnings.push({
        message: `${count(this.unreadLines, 'line looks', 'lines look')} like figures of memory and no reader understood them${listed}.`,
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
  const splitter = new ByteLineSplitter(pass.needles, pass.onLine);
  const { error, bytes, lines } = await passThrough(input, context, splitter);
  const found = pass.end(bytes, error !== null);
  return { found, error, lines, bytes, head: pass.head, warnings: pass.warnings };
}
