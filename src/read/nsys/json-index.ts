/**
 * Where the lines of each kind lie in a JSON export of Nsight Systems, found in one pass over its line ends and
 * the first bytes of its lines; nothing is parsed and no line is kept.
 *
 *   {"data":["QnxKernelTrace", ...]}                            the string table, with the captured environment
 *   {"Type":48,"TraceProcessEvent":{...}}                       an API call
 *   {"Type":117,"CudaMemoryUsageEvent":{...}}                   a memory event
 *   {"type":"String","id":"3","value":...}                      strings one by one (--separate-strings)
 */
import { joined } from '../../base/joined.ts';
import { TraceError } from '../../base/trace-error.ts';
import {
  EVENTS_TABLE,
  KERNELS_TABLE,
  NVTX_TABLE,
  POOLS_TABLE,
  RUNTIME_TABLE,
  STRINGS_TABLE,
} from './schema.ts';
import type { PositionedBytes } from './positioned-bytes.ts';

export const CHUNK = 1 << 20;
/** First bytes of a line that tell its kind. */
const HEAD_BYTES = 64;
/** Lines of a kind that lie closer together than this are read in one go. */
const GAP = 256 << 10;
const LF = 10;

/** NSYS_EVENT_TYPE -> table. */
const TABLE_OF_TYPE = new Map([
  [34, NVTX_TABLE],
  [48, RUNTIME_TABLE],
  [59, NVTX_TABLE],
  [60, NVTX_TABLE],
  [79, KERNELS_TABLE],
  [117, EVENTS_TABLE],
  [129, POOLS_TABLE],
]);

/** Table of a line; 'strings': the string table as one array; '': of no use here; null: no line of such a file. */
function kindOfLine(head: Uint8Array): string | null {
  const text = new TextDecoder('latin1').decode(head);
  const type = /^\s*\{\s*"Type"\s*:\s*(\d+)\s*,/.exec(text);
  if (type !== null) return TABLE_OF_TYPE.get(Number(type[1])) ?? '';
  // A number that is none: the line is one of an event, damaged.
  if (/^\s*\{\s*"Type"/.test(text)) return null;
  if (/^\s*\{\s*"data"\s*:\s*\[\s*"/.test(text)) return 'strings';
  if (/^\s*\{\s*"type"\s*:\s*"String"/.test(text)) return STRINGS_TABLE;
  return /^\s*(\{\s*"|$)/.test(text) ? '' : null;
}

/** `{"Type":117,` without a decoder or a regular expression: this runs for every line. -1: it begins otherwise. */
function typeOf(bytes: Uint8Array, from: number, to: number): number {
  // {"Type":
  if (
    to - from < 12 ||
    bytes[from] !== 0x7b ||
    bytes[from + 1] !== 0x22 ||
    bytes[from + 2] !== 0x54 ||
    bytes[from + 6] !== 0x22 ||
    bytes[from + 7] !== 0x3a
  )
    return -1;
  let type = 0;
  for (let i = from + 8; i < from + 12; i++) {
    const digit = bytes[i] - 0x30;
    if (digit < 0 || digit > 9) return bytes[i] === 0x2c && i > from + 8 ? type : -1;
    type = 10 * type + digit;
  }
  return -1;
}

export function tableOfLine(bytes: Uint8Array, from: number, to: number): string | null {
  const type = typeOf(bytes, from, to);
  if (type >= 0) return TABLE_OF_TYPE.get(type) ?? '';
  // Empty lines, of which a file may have millions.
  if (to - from < 2) return to === from || bytes[from] <= 0x20 ? '' : null;
  return kindOfLine(bytes.subarray(from, Math.min(to, from + HEAD_BYTES)));
}

export interface JsonIndex {
  /** By table: where its lines lie, start and end in turns, and how many they are. */
  readonly tables: ReadonlyMap<string, { readonly ranges: readonly number[]; readonly lines: number }>;
  /** The line with the string table; null: strings come one by one, or not at all. */
  readonly strings: { readonly from: number; readonly to: number } | null;
  /** Lines that are no JSON objects, and where the first one is. */
  readonly odd: number;
  readonly firstOdd: number;
  readonly bytes: number;
  /** The file ends inside a line, or could not be read to its end. */
  readonly error: TraceError | null;
}

export async function indexJson(
  bytes: PositionedBytes,
  onChunk: (doneBytes: number) => Promise<void>,
): Promise<JsonIndex> {
  const tables = new Map<string, { ranges: number[]; lines: number }>();
  let strings: { from: number; to: number } | null = null;
  let odd = 0;
  let firstOdd = 0;
  let error: TraceError | null = null;
  const line = (table: string | null, from: number, to: number): void => {
    if (table === null) {
      if (odd++ === 0) firstOdd = from;
    } else if (table === 'strings') {
      strings ??= { from, to };
    } else if (table !== '') {
      const known = tables.get(table);
      if (known === undefined) tables.set(table, { ranges: [from, to], lines: 1 });
      else {
        known.lines++;
        if (from - known.ranges[known.ranges.length - 1] < GAP) known.ranges[known.ranges.length - 1] = to;
        else known.ranges.push(from, to);
      }
    }
  };
  let at = 0;
  let lineStart = 0;
  /** First bytes of a line that began in an earlier chunk. */
  let head = new Uint8Array(0);
  let last = 0;
  for (;;) {
    let chunk: Uint8Array;
    try {
      chunk = await bytes.read(at, CHUNK);
    } catch (thrown) {
      if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
      error = thrown;
      break;
    }
    if (chunk.length === 0) break;
    await onChunk(at);
    let from = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      if (lineStart < at) {
        const whole = joined([head, chunk.subarray(0, Math.min(end, HEAD_BYTES))]);
        line(tableOfLine(whole, 0, whole.length), lineStart, at + end + 1);
      } else line(tableOfLine(chunk, from, end), at + from, at + end + 1);
      from = end + 1;
      lineStart = at + from;
    }
    if (lineStart >= at) head = chunk.slice(from, from + HEAD_BYTES);
    else if (head.length < HEAD_BYTES) head = joined([head, chunk.subarray(0, HEAD_BYTES)]);
    at += chunk.length;
    last = chunk[chunk.length - 1];
  }
  // A last line without its end may still be whole: whoever parses it finds out.
  if (lineStart < at) {
    line(tableOfLine(head, 0, head.length), lineStart, at);
    if (last !== 0x7d && last !== 0x20 && last !== 0x0d)
      error ??= new TraceError('truncated', 'The file ends inside a line.', { offset: at });
  }
  return { tables, strings, odd, firstOdd, bytes: at, error };
}
