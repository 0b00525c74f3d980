/** What the page hands to the engine to be read: a file, or the files of a folder. */
import type { TraceErrorData } from '../../base/trace-error.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { Progress, SourceView } from '../../engine/protocol.ts';
import type { Chosen } from './dropped-files.ts';

/** One thing to read: a file, or the files of a folder. */
export interface Input {
  readonly name: string;
  readonly bytes: number;
  read(api: EngineApi, job: number, onProgress: (progress: Progress) => void): Promise<readonly SourceView[]>;
}

export const fileInput = (file: File): Input => ({
  name: file.name,
  bytes: file.size,
  read: (api, job, onProgress) => api.open(job, file, onProgress),
});

export const folderInput = ({ name, files }: Chosen['folders'][number]): Input => ({
  name,
  bytes: files.reduce((sum, { file }) => sum + file.size, 0),
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
