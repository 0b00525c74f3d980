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
    this.offset = where.offset ?? null;
    this.advice = where.advice ?? null;
    this.tried = where.tried;
  }

  toData(file: string | null = this.file): TraceErrorData {
    const { code, message, format, offset, advice, tried } = this;
    return { code, message, file, format, offset, advice, ...(tried === undefined ? {} : { tried }) };
  }
}

/** Any thrown value as plain data: a TraceError as it is, anything else as `internal`. */
export function toErrorData(thrown: unknown, file: string | null): TraceErrorData {
  if (thrown instanceof TraceError) return thrown.toData(thrown.file ?? file);
  if (thrown instanceof DOMException && thrown.name === 'AbortError') {
    return new TraceError('cancelled', 'Reading was cancelled.').toData(file);
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new TraceError('internal', message).toData(file);
}
