/**
 * Readers of lines. A log may hold many kinds of line at once, so the log reader hands every line to every
 * scanner and each makes a source of its own of what it understood.
 */
import type { SourceData } from '../trace/capture.ts';
import type { LogTimes } from './log-time.ts';
import type { Format, Sniff } from './reader.ts';

/** One line without its end, colours and carriage-return overwrites. */
export interface LogLine {
  readonly text: string;
  /** Byte offset of its first byte in the (decompressed) file. */
  readonly offset: number;
  /** true: a line so long that its rest was left out. */
  readonly cut?: boolean;
}

/** One pass over one file. */
export interface LineScan {
  /** true: the line belongs to this scanner. A line may belong to several. Must be cheap for lines of others. */
  take(line: LogLine): boolean;
  /** After the last line; `cut`: the file ends in the middle of a line or was cut. null: nothing of this kind was met. */
  end(offset: number, cut: boolean): SourceData | null;
}

export interface LineScanner {
  readonly format: Format;
  readonly title: string;
  /** On the head's text (colours stripped), lines split. */
  sniff(lines: readonly string[]): Sniff;
  /** `times`: the times of all lines of this pass, so that every scanner dates them alike. */
  start(fileName: string, times?: LogTimes): LineScan;
}
