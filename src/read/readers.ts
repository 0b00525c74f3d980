/** The only list of readers. */
import { memorySummaryReader } from './memory-summary.ts';
import { nsysSqliteReader } from './nsys-sqlite.ts';
import type { Reader } from './reader.ts';
import { torchSnapshotReader } from './torch-snapshot.ts';

export const READERS: readonly Reader[] = [torchSnapshotReader, memorySummaryReader, nsysSqliteReader];
