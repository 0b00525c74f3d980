/** One file from bytes to tables: opened, recognised, read. Never throws but for cancellation's own error value. */
import { breathe } from '../base/breathe.ts';
import { TraceError, type TraceErrorData, toErrorData } from '../base/trace-error.ts';
import type { ByteSource } from '../file/byte-source.ts';
import { openInput } from '../file/open-input.ts';
import type { Format, ReaderContext } from '../read/reader.ts';
import { READERS } from '../read/readers.ts';
import { chooseReader } from '../read/sniff.ts';
import type { SourceData } from '../trace/capture.ts';
import { StackTable } from '../trace/stack-table.ts';

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

const NOTHING = (): SourceData => ({
  producer: 'unknown',
  rows: 0,
  skipped: 0,
  warnings: [],
  notRecorded: [],
  devices: [],
  summaries: [],
  stacks: new StackTable(),
  settings: [],
});

export async function loadSource(source: ByteSource, options: LoadOptions): Promise<LoadedSource> {
  const started = performance.now();
  let stage = 'opening';
  let done = 0;
  const report = (): void => options.onProgress(stage, done, source.size);
  const checkCancelled = (): void => {
    if (options.isCancelled())
      throw new TraceError('cancelled', 'Reading was cancelled.', { file: source.name });
  };
  const context: ReaderContext = {
    checkCancelled,
    async breathe() {
      await breathe();
      checkCancelled();
    },
    progress(name, doneBytes) {
      stage = name;
      done = Math.max(done, doneBytes);
      report();
    },
  };
  const finish = (
    format: Format | null,
    formatTitle: string,
    data: SourceData,
    error: TraceErrorData | null,
  ): LoadedSource => ({
    file: source.name,
    bytes: source.size,
    format,
    formatTitle,
    data,
    error: error === null ? null : { ...error, file: source.name, format: error.format ?? format },
    milliseconds: performance.now() - started,
  });
  let format: Format | null = null;
  let title = 'unknown';
  try {
    report();
    const input = await openInput(source, (bytes) => {
      checkCancelled();
      done = bytes;
      report();
    });
    const { reader } = chooseReader(READERS, { bytes: input.head, name: source.name, size: source.size });
    format = reader.format;
    title = reader.title;
    const { data, error } = await reader.read(
      {
        name: input.name,
        storedBytes: input.storedBytes,
        chunks: () => input.chunks(),
        source: input.source,
      },
      context,
    );
    return finish(format, title, data, error === null ? null : error.toData(source.name));
  } catch (thrown) {
    return finish(format, title, NOTHING(), toErrorData(thrown, source.name));
  }
}
