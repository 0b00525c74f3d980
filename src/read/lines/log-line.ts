/** A line of a log, as scanners see it. */

/** One line without its end, colours and carriage-return overwrites. */
export interface LogLine {
  readonly text: string;
  /** Byte offset of its first byte in the (decompressed) file. */
  readonly offset: number;
  /** 1 for the first line of the text. */
  readonly number?: number;
  /** true: a line so long that its rest was left out. */
  readonly cut?: boolean;
}

/** A line before anything is made of its bytes; `text` is decoded when it is first asked for. */
export interface RawLine extends LogLine {
  readonly bytes: Uint8Array;
  /** First byte, and the one behind the last, in `bytes`. */
  readonly from: number;
  readonly to: number;
  /** The first byte that is neither a space nor a tab; -1: there is none. */
  readonly firstByte: number;
}
