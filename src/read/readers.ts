/** The only lists of readers: of files, and of folders whose files are one source. */
import { memorySummaryReader } from './memory-summary.ts';
import { nsysSqliteReader } from './nsys-sqlite.ts';
import type { FolderReader, Reader } from './reader.ts';
import { torchSnapshotReader } from './torch-snapshot.ts';

export const READERS: readonly Reader[] = [torchSnapshotReader, memorySummaryReader, nsysSqliteReader];

export const FOLDER_READERS: readonly FolderReader[] = [];
