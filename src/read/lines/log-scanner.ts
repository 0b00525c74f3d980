/**
 * Readers of lines. A log may hold many kinds of line at once, so the log reader hands every line to every
 * scanner and each makes a source of its own of what it understood.
 */
import type { SourceData } from '../../trace/capture.ts';
import type { LogLine, RawLine } from './log-line.ts';
import type { LogTimes } from './log-time.ts';
import type { Format, Sniff } from '../reader.ts';

/** One pass over one file. */
export interface LineScan {
  /** true: the line belongs to this scanner. A line may belong to several; `isTaken`: to one before this already. */
  take(line: LogLine, isTaken?: boolean): boolean;
  /** Asked about lines without any of the scanner's needles. true: take() must see it all the same. Without it: never. */
  wants?(line: RawLine): boolean;
  /** Told of every line that take() is spared, for those to whom the lines between theirs matter. */
  pass?(line: RawLine): void;
  /** After the last line; `cut`: the file ends in the middle of a line or was cut. null: nothing of this kind was met. */
  end(offset: number, cut: boolean): SourceData | null;
  /** After end(): what was met in words, where the scanner's title would promise more. */
  title?(): string | null;
}

export interface LineScanner {
  readonly format: Format;
  readonly title: string;
  /**
   * Every line that take() does anything with holds at least one of these, except those that wants() asks for. ASCII;
   * case, digits, and "/" and "-", are not told apart.
   */
  readonly needles: readonly string[];
  /** On the head's text (colours stripped), lines split. */
  sniff(lines: readonly string[]): Sniff;
  /** `times`: the times of all lines of this pass, so that every scanner dates them alike. */
  start(fileName: string, times?: LogTimes): LineScan;
}
