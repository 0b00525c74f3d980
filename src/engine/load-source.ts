/** From files and folders to tables: opened, recognised, read. Failures are error values of a source; nothing is thrown. */
import { breathe } from '../base/breathe.ts';
import { naturalOrder } from '../base/natural-order.ts';
import { TraceError, type TraceErrorData, toErrorData } from '../base/trace-error.ts';
import type { ByteSource } from '../file/byte-source.ts';
import { openArchive } from '../file/archive.ts';
import type { Archive, ArchiveEntry } from '../file/archive-entry.ts';
import { openInput, type OpenInput } from '../file/open-input.ts';
import type { FolderReader, Format, ReaderContext, ReadOutcome } from '../read/reader.ts';
import { FOLDER_READERS, RANDOM_ACCESS, READERS } from '../read/readers.ts';
import { chooseFolderReader, chooseReader } from '../read/sniff.ts';
import { checkSource } from '../read/check/check-source.ts';
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
    // Stopped while the last bytes were read: the file is not wanted any more.
    this.check();
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
      data: checkSource(data),
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

/** One opened input's sources: recognised and read. */
async function readInput(input: OpenInput, reading: Reading): Promise<LoadedSource[]> {
  let format: Format | null = null;
  let title = 'unknown';
  try {
    if (input.headError !== null) throw input.headError;
    const { reader } = chooseReader(READERS, {
      bytes: input.head,
      name: input.name,
      size: input.storedBytes,
    });
    format = reader.format;
    title = reader.title;
    const source = RANDOM_ACCESS.has(format) ? await input.randomAccess() : input.source;
    const storedBytes = source === null ? input.storedBytes : source.size;
    const outcome = await reader.read(
      { name: input.name, storedBytes, chunks: () => input.chunks(), source },
      reading.context,
    );
    return reading.finish(reader, outcome);
  } catch (thrown) {
    return reading.fail(format, title, thrown);
  }
}

/** One file's sources: one for most, more for a log of several kinds of lines and for an archive. */
export async function loadFile(source: ByteSource, options: LoadOptions): Promise<LoadedSource[]> {
  const reading = new Reading(source.name, source.size, options);
  let archive: Archive | null;
  try {
    reading.report();
    const input = await openInput(source, (bytes) => reading.advance(bytes));
    archive = await openArchive(input);
    if (archive === null) return await readInput(input, reading);
  } catch (thrown) {
    return reading.fail(null, 'unknown', thrown);
  }
  return await loadArchive(source, archive, options);
}

/** Sources of an archive's entries; those of one folder are offered to the folder readers together first. */
async function loadArchive(
  source: ByteSource,
  archive: Archive,
  options: LoadOptions,
): Promise<LoadedSource[]> {
  const whole = new Reading(source.name, source.size, options);
  const title = `${archive.kind} archive`;
  const total = archive.entries.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  const all: LoadedSource[] = [];
  let before = 0;
  const partOf = (path: string, size: number): Reading => {
    const offset = before;
    before += size;
    return new Reading(`${source.name}/${path}`, size, {
      isCancelled: () => options.isCancelled(),
      onProgress: (stage, done) => options.onProgress(`${path}: ${stage}`, offset + done, total),
    });
  };
  for (const [folder, entries] of byFolder(archive.entries)) {
    if (options.isCancelled()) break;
    const reader = await folderReaderOf(entries);
    if (reader !== null) {
      const reading = partOf(
        folder,
        entries.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
      );
      try {
        const files: ByteSource[] = [];
        for (const entry of entries) {
          const input = await entry.open(() => reading.context.checkCancelled());
          files.push(renamed(await input.randomAccess(), nameIn(folder, entry.path)));
        }
        all.push(...reading.finish(reader, await reader.read(folder, files, reading.context)));
      } catch (thrown) {
        all.push(...reading.fail(reader.format, reader.title, thrown));
      }
      continue;
    }
    for (const entry of entries) {
      const reading = partOf(entry.path, entry.storedBytes);
      try {
        all.push(...(await readInput(await entry.open((done) => reading.advance(done)), reading)));
      } catch (thrown) {
        all.push(...reading.fail(null, 'unknown', thrown));
      }
    }
  }
  // A checkpoint is a zip with a pickle in it; one that torch.save wrote of a snapshot is read like any other.
  if (archive.advice !== null && all.every(({ error }) => error !== null && error.code !== 'cancelled')) {
    const message = `This is a checkpoint that torch.save wrote: it holds weights or other objects, and no recording of memory.`;
    const where = { file: source.name, format: archive.kind, offset: 0, advice: archive.advice };
    return whole.fail(null, title, new TraceError('refused', message, where));
  }
  // What was said of the archive itself is said at its first source, or is all there is to say.
  if (all.length === 0) {
    const why =
      archive.error ?? new TraceError('unrecognised', 'The archive holds no files.', { file: source.name });
    return whole.fail(null, title, why);
  }
  // Read in the order in which they lie in the archive, which is the fast one; told in the order of their names.
  all.sort((a, b) => naturalOrder(a.file, b.file));
  const [first, ...rest] = all;
  const noted = { ...first, data: { ...first.data, warnings: [...archive.notes, ...first.data.warnings] } };
  // A list that is not whole is an error of the archive itself: its entries were read as far as they are there.
  const broken = archive.error === null ? [] : whole.fail(null, title, archive.error);
  return [noted, ...rest, ...broken];
}

const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
const nameIn = (folder: string, path: string): string =>
  folder === '' ? path : path.slice(folder.length + 1);

function byFolder(entries: readonly ArchiveEntry[]): Map<string, ArchiveEntry[]> {
  const folders = new Map<string, ArchiveEntry[]>();
  for (const entry of entries) {
    const folder = folderOf(entry.path);
    const found = folders.get(folder);
    if (found === undefined) folders.set(folder, [entry]);
    else found.push(entry);
  }
  return folders;
}

/** Folder readers are asked only about files that could be one folder's tables: looking into entries costs. */
async function folderReaderOf(entries: readonly ArchiveEntry[]): Promise<FolderReader | null> {
  if (entries.length < 2 || !entries.every(({ path }) => /\.(arrows?|parquet)$/i.test(path))) return null;
  const heads: ByteSource[] = [];
  for (const entry of entries) {
    const bytes = heads.length < 4 ? (await entry.open(() => undefined)).head : new Uint8Array(0);
    heads.push({
      name: nameIn(folderOf(entry.path), entry.path),
      size: bytes.length,
      read: (start, length) => Promise.resolve(bytes.subarray(start, start + length)),
      readSync: (start, length) => bytes.subarray(start, start + length),
    });
  }
  return await chooseFolderReader(FOLDER_READERS, heads);
}

const renamed = (source: ByteSource, name: string): ByteSource => ({
  name,
  size: source.size,
  read: (start, length) => source.read(start, length),
  readSync: (start, length) => source.readSync(start, length),
});

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
    const sources = await loadFile(renamed(file, `${name}/${file.name}`), {
      isCancelled: () => options.isCancelled(),
      onProgress: (stage, done) => options.onProgress(`${file.name}: ${stage}`, offset + done, total),
    });
    all.push(...sources);
    before += file.size;
    if (sources.some(({ error }) => error?.code === 'cancelled')) break;
  }
  return all;
}
