/** What the page hands to the engine to be read: a file, or the files of a folder. */
import type { TraceErrorData } from '../../base/trace-error.ts';
import { HEAD_NEEDED, type MemoryNeed, memoryNeed, TAIL_NEEDED } from '../../base/memory-need.ts';
import { visible } from '../../base/visible.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { Progress, SourceView } from '../../engine/protocol.ts';
import type { Chosen } from './dropped-files.ts';

/** One thing to read: a file, or the files of a folder. */
export interface Input {
  readonly name: string;
  readonly bytes: number;
  /** Name of the folder that was opened; null: a file. */
  readonly folder: string | null;
  /** The file; of a folder all of them, by their paths inside. */
  readonly files: Chosen['folders'][number]['files'];
  /** Memory that reading will take, by its kind and size. */
  need(): Promise<MemoryNeed>;
  read(api: EngineApi, job: number, onProgress: (progress: Progress) => void): Promise<readonly SourceView[]>;
}

async function needOf(file: File): Promise<MemoryNeed> {
  const piece = async (from: number, to: number): Promise<Uint8Array> =>
    new Uint8Array(await file.slice(from, to).arrayBuffer());
  try {
    return memoryNeed(
      file.size,
      await piece(0, HEAD_NEEDED),
      await piece(Math.max(0, file.size - TAIL_NEEDED), file.size),
    );
  } catch {
    // It cannot be read: that is said by whoever reads it.
    return { bytes: 0, kind: 'a file' };
  }
}

export const fileInput = (file: File): Input => ({
  name: visible(file.name),
  bytes: file.size,
  folder: null,
  files: [{ path: file.name, file }],
  need: () => needOf(file),
  read: (api, job, onProgress) => api.open(job, file, onProgress),
});

export const folderInput = ({ name, files }: Chosen['folders'][number]): Input => ({
  name: visible(name),
  bytes: files.reduce((sum, { file }) => sum + file.size, 0),
  folder: name,
  files,
  need: async () => {
    const all = await Promise.all(files.map(({ file }) => needOf(file)));
    return { bytes: all.reduce((sum, one) => sum + one.bytes, 0), kind: 'the files of a folder' };
  },
  read: (api, job, onProgress) => api.openFolder(job, name, files, onProgress),
});

/** A source that the engine never saw: it could not even be asked. */
export function failedSource(id: number, { name, bytes }: Input, error: TraceErrorData): SourceView {
  return {
    id,
    file: name,
    format: null,
    formatTitle: '',
    producer: '',
    bytes,
    rows: 0,
    skipped: 0,
    warnings: [],
    notRecorded: [],
    settings: [],
    error,
    milliseconds: 0,
    devices: [],
    summaries: [],
  };
}
