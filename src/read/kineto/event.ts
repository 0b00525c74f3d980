/**
 * One event of a Chrome trace at the level of bytes. Of a million events some thousand tell of memory; the
 * others are told apart by their first two keys and passed without anything being made of them.
 * Trace event format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
import { isTorchCategory, isTorchName } from './foreign-trace.ts';
import {
  asciiBytes,
  BROKEN,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  INCOMPLETE,
  isAt,
  isSpace,
  OPEN_OBJECT,
  QUOTE,
  skipNestedRest,
  skipSeparators,
  skipStringRest,
  skipValue,
} from '../../file/json-bytes.ts';

const MEMORY = asciiBytes('[memory]"');
const OUT_OF_MEMORY = asciiBytes('[OutOfMemory]"');
/** Copies and sets on the device: "gpu_memcpy", "gpu_memset"; "Memcpy", "Memset" in PyTorch 1.9. */
const TRANSFERS = ['gpu_memcpy"', 'gpu_memset"', 'Memcpy"', 'Memset"'].map(asciiBytes);
/** What the program named itself; older versions give steps the category of operators. The GPU's copies begin "gpu_". */
const STEP = asciiBytes('ProfilerStep#');
const USER_ANNOTATION = asciiBytes('user_annotation"');
const GPU_ANNOTATION = asciiBytes('gpu_user_annotation"');
const NAME = asciiBytes('name');
const CATEGORY = asciiBytes('cat');
const DURATION = asciiBytes('dur');
const ARGUMENTS = asciiBytes('args');
const TIME = asciiBytes('ts');

/** Keys with which writers begin an event: how the next one is found behind a damaged one. */
const FIRST_KEYS = ['"ph"', '"name"', '"cat"'].map(asciiBytes);

export type EventKind = 'memory' | 'out-of-memory' | 'transfer' | 'mark';

/** Where the parts of the event at hand lie in the buffer; 0: it has none. */
export interface EventParts {
  readonly kind: EventKind;
  readonly bytes: Uint8Array;
  readonly start: number;
  /** Between the quotes. */
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly timeStart: number;
  readonly timeEnd: number;
  readonly durationStart: number;
  readonly durationEnd: number;
  readonly argsStart: number;
  readonly argsEnd: number;
}

/** Passes one event after the other, and shows those that tell of memory, and the program's own marks. */
export class EventScanner {
  events = 0;
  /** An event was met that PyTorch's profiler alone writes. */
  isTorch = false;
  private readonly show: (event: EventParts) => void;
  private readonly at = {
    kind: 'memory' as EventKind,
    bytes: new Uint8Array(0) as Uint8Array,
    start: 0,
    nameStart: 0,
    nameEnd: 0,
    timeStart: 0,
    timeEnd: 0,
    durationStart: 0,
    durationEnd: 0,
    argsStart: 0,
    argsEnd: 0,
  };

  constructor(show: (event: EventParts) => void) {
    this.show = show;
  }

  readonly step = (bytes: Uint8Array, start: number, end: number, isLast: boolean): number => {
    if (bytes[start] !== OPEN_OBJECT) return BROKEN;
    let at = start + 1;
    let kind: EventKind | null = null;
    let hasCategory = false;
    let hasName = false;
    let isCopy = false;
    const parts = this.at;
    parts.nameStart = parts.timeStart = parts.durationStart = parts.argsStart = 0;
    for (;;) {
      at = skipSeparators(bytes, at, end);
      if (at >= end) return INCOMPLETE;
      if (bytes[at] === CLOSE_OBJECT) break;
      if (bytes[at] !== QUOTE) return BROKEN;
      const key = at + 1;
      at = skipStringRest(bytes, key, end);
      if (at < 0) return INCOMPLETE;
      const length = at - 1 - key;
      while (at < end && isSpace(bytes[at])) at++;
      if (at >= end) return INCOMPLETE;
      if (bytes[at] !== COLON) return BROKEN;
      at++;
      while (at < end && isSpace(bytes[at])) at++;
      const value = at;
      at = skipValue(bytes, value, end, isLast);
      if (at < 0) return at;
      const valueEnd = at;
      // Anything else behind a value: a piece of the file is missing, or another one's begins.
      while (at < end && isSpace(bytes[at])) at++;
      if (at >= end) return INCOMPLETE;
      if (bytes[at] !== COMMA && bytes[at] !== CLOSE_OBJECT) return BROKEN;
      if (length === 4) {
        if (isAt(bytes, key, NAME)) {
          hasName = true;
          parts.nameStart = value + 1;
          parts.nameEnd = valueEnd - 1;
          this.isTorch ||= isTorchName(bytes, value + 1);
          if (isAt(bytes, value + 1, MEMORY)) kind = 'memory';
          else if (isAt(bytes, value + 1, OUT_OF_MEMORY)) kind = 'out-of-memory';
          else if (!isCopy && isAt(bytes, value + 1, STEP)) kind = 'mark';
        } else if (isAt(bytes, key, ARGUMENTS)) {
          parts.argsStart = value;
          parts.argsEnd = valueEnd;
        }
      } else if (length === 3) {
        if (isAt(bytes, key, CATEGORY)) {
          hasCategory = true;
          this.isTorch ||= isTorchCategory(bytes, value + 1);
          if (TRANSFERS.some((word) => isAt(bytes, value + 1, word))) kind = 'transfer';
          else if (isAt(bytes, value + 1, USER_ANNOTATION)) kind = 'mark';
          else if (isAt(bytes, value + 1, GPU_ANNOTATION)) {
            isCopy = true;
            kind = null;
          }
        } else if (isAt(bytes, key, DURATION)) {
          parts.durationStart = value;
          parts.durationEnd = valueEnd;
        }
      } else if (length === 2 && isAt(bytes, key, TIME)) {
        parts.timeStart = value;
        parts.timeEnd = valueEnd;
      }
      if (hasName && hasCategory && kind === null) {
        // Nothing about memory: only its end matters.
        at = skipNestedRest(bytes, at, end, 1);
        if (at < 0) return at;
        this.events++;
        return at;
      }
    }
    at++;
    this.events++;
    if (kind !== null) {
      parts.kind = kind;
      parts.bytes = bytes;
      parts.start = start;
      this.show(parts);
    }
    return at;
  };
}

/** Where an event seems to begin, at or after `from`; -1: not in this buffer. */
export function findEvent(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    if (bytes[at] !== OPEN_OBJECT) continue;
    let key = at + 1;
    while (key < end && key < at + 32 && (isSpace(bytes[key]) || bytes[key] === COMMA)) key++;
    if (key + 8 <= end && FIRST_KEYS.some((word) => isAt(bytes, key, word))) return at;
  }
  return -1;
}
