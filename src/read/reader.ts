/**
 * The one interface of all readers: bytes in, columns out. A reader knows nothing of Arrow, GPU or page.
 */
import type { TraceError } from '../base/trace-error.ts';
import type { ByteSource } from '../file/byte-source.ts';
import type { SourceData } from '../trace/capture.ts';

export type Format =
  /** Lines of several kinds, or of none that is known: see ReadOutcome.as. */
  | 'log'
  | 'torch-snapshot'
  | 'memory-summary'
  | 'memory-stats'
  | 'memory-lines'
  | 'tensor-listing'
  | 'oom-text'
  | 'request-log'
  | 'vllm-log'
  | 'sglang-log'
  | 'llama-log'
  | 'engine-log'
  | 'nsys-sqlite'
  | 'nsys-arrow'
  | 'nsys-arrowdir'
  | 'nsys-parquetdir'
  | 'nsys-json'
  | 'nsys-stats'
  | 'kineto-trace'
  | 'memory-timeline'
  | 'nvidia-smi'
  | 'device-tools'
  | 'prometheus-text'
  | 'prometheus-json'
  | 'jax-memory-profile';

/** Judgement on the first 64 KiB. `score`: 0 not mine, 1 certain; `reason` is shown to the user. */
export interface Sniff {
  readonly score: number;
  readonly reason: string;
}

/** The decompressed head of a file. `name` and `size` are hints, never proof. */
export interface Head {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly size: number;
}

/** A file as a reader meets it: decompressed, from the start, and by position where that is possible. */
export interface ReaderInput {
  readonly name: string;
  /** Bytes as stored (before decompression). */
  readonly storedBytes: number;
  /** Decompressed chunks in order. Progress in stored bytes and cancellation are taken care of. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Random access; null where the input is compressed and must be streamed. */
  readonly source: ByteSource | null;
}

export interface ReaderContext {
  /** Throws TraceError 'cancelled' once the user has stopped the job. Call at least every few megabytes. */
  checkCancelled(): void;
  /** Gives way to messages (cancel, queries), then checks for cancellation. */
  breathe(): Promise<void>;
  progress(stage: string, doneBytes: number): void;
}

/** What could be read is in `data` even where `error` says why the rest could not. */
export interface ReadOutcome {
  readonly data: SourceData;
  readonly error: TraceError | null;
  /** Format and title of `data` where they differ from the reader's own (a log of several kinds of lines). */
  readonly as?: { readonly format: Format; readonly title: string };
  /** Further sources of the same file: a log of many kinds of lines, a page with a snapshot inside. */
  readonly also?: readonly AlsoRead[];
}

export interface AlsoRead {
  readonly format: Format;
  readonly title: string;
  readonly data: SourceData;
}

/** A folder of files that are one source (Nsight's arrowdir, parquetdir). */
export interface FolderReader {
  readonly format: Format;
  readonly title: string;
  /** By the names inside and the heads of a few of them. */
  sniff(names: readonly string[], heads: ReadonlyMap<string, Uint8Array>): Sniff;
  read(name: string, entries: readonly ByteSource[], context: ReaderContext): Promise<ReadOutcome>;
}

export interface Reader {
  readonly format: Format;
  /** In words: "PyTorch allocator snapshot". */
  readonly title: string;
  sniff(head: Head): Sniff;
  read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome>;
}
