/** From files and folders to tables: opened, recognised, read. Failures are error values of a source; nothing is thrown. */
import { breathe } from '../base/breathe.ts';
import { TraceError, type TraceErrorData, toErrorData } from '../base/trace-error.ts';
import type { ByteSource } from '../file/byte-source.ts';
import { openInput } from '../file/open-input.ts';
import type { FolderReader, Format, ReaderContext, ReadOutcome } from '../read/reader.ts';
import { FOLDER_READERS, READERS } from '../read/readers.ts';
import { chooseFolderReader, chooseReader } from '../read/sniff.ts';
import type { SourceData } from '../trace/capture.ts';
import { sourceData } from '../trace/source-data.ts';

export interface LoadedSource {
  readonly file: string;
  readonly bytes: number;
  readonly format: Format | null;
  readonly formatTitle: string;
  readonly data: SourceData;
  readonly error: TraceErrorData | null;
  readonly milliseconds: number;
}

export interface LoadOptions {
  isCancelled(): boolean;
  onProgress(stage: string, doneBytes: number, totalBytes: number): void;
}

/** One job's stage, bytes and cancellation, as readers see them. */
class Reading {
  private readonly started = performance.now();
  private stage = 'opening';
  private done = 0;

  constructor(
    readonly file: string,
    private readonly total: number,
    private readonly options: LoadOptions,
  ) {}

  readonly context: ReaderContext = {
    checkCancelled: () => this.check(),
    breathe: async () => {
      await breathe();
      this.check();
    },
    progress: (stage, doneBytes) => {
      this.stage = stage;
      this.done = Math.max(this.done, doneBytes);
      this.report();
    },
  };

  /** Stored bytes read so far. Throws TraceError 'cancelled'. */
  advance(doneBytes: number): void {
    this.check();
    this.done = doneBytes;
    this.report();
  }

  report(): void {
    this.options.onProgress(this.stage, Math.min(this.done, this.total), this.total);
  }

  /** What a reader gave, as sources of this file. */
  finish(reader: { readonly format: Format; readonly title: string }, outcome: ReadOutcome): LoadedSource[] {
    const error = outcome.error === null ? null : outcome.error.toData(this.file);
    const { format, title } = outcome.as ?? reader;
    const more = (outcome.also ?? []).map((also) => this.source(also.format, also.title, also.data, null));
    return [this.source(format, title, outcome.data, error), ...more];
  }

  fail(format: Format | null, title: string, thrown: unknown): LoadedSource[] {
    return [this.source(format, title, sourceData({ producer: 'unknown' }), toErrorData(thrown, this.file))];
  }

  private source(
    format: Format | null,
    formatTitle: string,
    data: SourceData,
    error: TraceErrorData | null,
  ): LoadedSource {
    return {
      file: this.file,
      bytes: this.total,
      format,
      formatTitle,
      data,
      error: error === null ? null : { ...error, file: this.file, format: error.format ?? format },
      milliseconds: performance.now() - this.started,
    };
  }

  private check(): void {
    if (this.options.isCancelled()) {
      throw new TraceError('cancelled', 'Reading was cancelled.', { file: this.file });
    }
  }
}

/** One file's sources: one for most, more for a log of several kinds of lines. */
export async function loadFile(source: ByteSource, options: LoadOptions): Promise<LoadedSource[]> {
  const reading = new Reading(source.name, source.size, options);
  let format: Format | null = null;
  let title = 'unknown';
  try {
    reading.report();
    const input = await openInput(source, (bytes) => reading.advance(bytes));
    const { reader } = chooseReader(READERS, { bytes: input.head, name: source.name, size: source.size });
    format = reader.format;
    title = reader.title;
    const outcome = await reader.read(
      {
        name: input.name,
        storedBytes: input.storedBytes,
        chunks: () => input.chunks(),
        source: input.source,
      },
      reading.context,
    );
    return reading.finish(reader, outcome);
  } catch (thrown) {
    return reading.fail(format, title, thrown);
  }
}

/** A folder's sources: one where a folder reader knows it, else those of each file. */
export async function loadFolder(
  name: string,
  files: readonly ByteSource[],
  options: LoadOptions,
): Promise<LoadedSource[]> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const reading = new Reading(name, total, options);
  let chosen: FolderReader | null = null;
  try {
    chosen = await chooseFolderReader(FOLDER_READERS, files);
    if (chosen !== null) return reading.finish(chosen, await chosen.read(name, files, reading.context));
  } catch (thrown) {
    return reading.fail(chosen?.format ?? null, chosen?.title ?? 'unknown', thrown);
  }
  const all: LoadedSource[] = [];
  let before = 0;
  for (const file of files) {
    const offset = before;
    const sources = await loadFile(file, {
      isCancelled: () => options.isCancelled(),
      onProgress: (stage, done) => options.onProgress(`${file.name}: ${stage}`, offset + done, total),
    });
    all.push(...sources);
    before += file.size;
    if (sources.some(({ error }) => error?.code === 'cancelled')) break;
  }
  return all;
}
