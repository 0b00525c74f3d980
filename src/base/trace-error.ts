/** Errors as facts: a code from a closed union, and where in which file it was met. */
export type TraceErrorCode =
  | 'unrecognised' // no reader knows this content
  | 'refused' // known content that is not read here; `advice` says what to run
  | 'truncated' // the file ends in the middle of a value
  | 'corrupt' // a value that cannot be what it claims to be
  | 'unsafe-pickle' // an opcode that would import, call or build an object
  | 'unsupported' // a known format in a version or variant that is not read
  | 'io' // the file could not be read
  | 'cancelled' // the user stopped it
  | 'memory' // there was not enough memory for it
  | 'ended' // the engine (the page's worker) ended while it was asked
  | 'internal'; // a fault of ours

/** The plain form that crosses the worker border and is printed by the CLI. */
export interface TraceErrorData {
  readonly code: TraceErrorCode;
  readonly message: string;
  readonly file: string | null;
  /** Format that was tried, or null where none was recognised. */
  readonly format: string | null;
  /** Byte offset in the (decompressed) input where it was met, or null. */
  readonly offset: number | null;
  /** What to do about it, as a sentence or a command; null where nothing is known to help. */
  readonly advice: string | null;
  /** Content that no reader knows: what each of them missed. Absent elsewhere. */
  readonly tried?: string;
}

export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly code: TraceErrorCode;
  readonly file: string | null;
  readonly format: string | null;
  readonly offset: number | null;
  readonly advice: string | null;
  readonly tried: string | undefined;

  constructor(
    code: TraceErrorCode,
    message: string,
    where: Partial<Omit<TraceErrorData, 'code' | 'message'>> = {},
  ) {
    super(message);
    this.code = code;
    this.file = where.file ?? null;
    this.format = where.format ?? null;
    // Worked out of damaged fields, it may be no place at all.
    this.offset = Number.isFinite(where.offset) ? (where.offset ?? null) : null;
    this.advice = where.advice ?? null;
    this.tried = where.tried;
  }

  toData(file: string | null = this.file): TraceErrorData {
    const { code, message, format, offset, advice, tried } = this;
    return { code, message, file, format, offset, advice, ...(tried === undefined ? {} : { tried }) };
  }
}

/** Frames of a stack that name a fault of ours. */
const NAMED_FRAMES = 3;

/** What an engine throws where memory runs out: words differ, the class does not. */
const isMemory = (thrown: unknown): boolean =>
  thrown instanceof RangeError &&
  /allocation|out of memory|invalid (array|typed array|string) length|string longer than|too large/i.test(
    thrown.message,
  ) &&
  // A length below 0 was worked out wrongly.
  !/: -/.test(thrown.message);

/** A short number by which the same fault is known again: FNV-1a over its words. */
function numberOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/**
 * Names a fault of ours for a report: "insertFree < keepFree < lead (3f2a91c0)". The words of the JavaScript engine or
 * of a library stay out of it: they mean nothing to whoever has the file, and may quote its bytes.
 */
export function faultReference(thrown: unknown): string {
  const error = thrown instanceof Error ? thrown : null;
  const frames = [
    ...(error?.stack ?? '').matchAll(/^ *(?:at )?(?:async |new )?([\w$.]{1,60})(?: \[as \w+\])?[ @(]/gm),
  ]
    .map((match) => match[1].split('.').pop() ?? '')
    .filter((name) => name !== '' && !/^(Error|TypeError|RangeError|at|async|new)$/.test(name))
    .slice(0, NAMED_FRAMES);
  const number = numberOf(`${error?.name ?? typeof thrown} ${error?.message ?? String(thrown)}`);
  return frames.length === 0 ? number : `${frames.join(' < ')} (${number})`;
}

/**
 * Any thrown value as plain data: a TraceError as it is, a want of memory as `memory`, anything else as `internal` with
 * a reference and no words but ours.
 */
export function toErrorData(thrown: unknown, file: string | null): TraceErrorData {
  if (thrown instanceof TraceError) return thrown.toData(thrown.file ?? file);
  if (thrown instanceof DOMException && thrown.name === 'AbortError') {
    return new TraceError('cancelled', 'Reading was cancelled.').toData(file);
  }
  if (isMemory(thrown))
    return new TraceError('memory', 'There was not enough memory for it.', {
      advice:
        'Close other files or programs, or use the command line: it reads the same file in less memory.',
    }).toData(file);
  return new TraceError('internal', `A fault of vramscope: ${faultReference(thrown)}.`, {
    advice: 'Please report it with this line, and with the file if you may.',
  }).toData(file);
}
