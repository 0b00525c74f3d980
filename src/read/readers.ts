/** The only lists of readers: of files, and of folders whose files are one source. */
import { jaxMemoryProfileReader } from './jax/memory-profile.ts';
import { kinetoTraceReader } from './kineto/trace.ts';
import { logReader } from './log.ts';
import { memoryStatsReader } from './torch-text/memory-stats.ts';
import { memoryTimelineReader } from './kineto/memory-timeline.ts';
import { memoryVizHtmlReader } from './snapshot/memory-viz-html.ts';
import { nsysArrowDirReader, nsysArrowReader } from './nsys/arrow.ts';
import { nsysJsonReader } from './nsys/json.ts';
import { nsysParquetDirReader, nsysParquetReader } from './nsys/parquet.ts';
import { nsysSqliteReader } from './nsys/sqlite.ts';
import { nsysStatsReader } from './nsys/stats.ts';
import { prometheusJsonReader } from './metrics/prometheus-json.ts';
import { prometheusTextReader } from './metrics/prometheus-text.ts';
import type { FolderReader, Format, Reader } from './reader.ts';
import { torchSnapshotJsonReader } from './snapshot/torch-snapshot-json.ts';
import { torchSnapshotReader } from './snapshot/torch-snapshot.ts';

export const READERS: readonly Reader[] = [
  torchSnapshotReader,
  torchSnapshotJsonReader,
  memoryVizHtmlReader,
  nsysSqliteReader,
  nsysArrowReader,
  nsysParquetReader,
  nsysJsonReader,
  nsysStatsReader,
  kinetoTraceReader,
  memoryTimelineReader,
  memoryStatsReader,
  prometheusTextReader,
  prometheusJsonReader,
  jaxMemoryProfileReader,
  logReader,
];

export const FOLDER_READERS: readonly FolderReader[] = [nsysArrowDirReader, nsysParquetDirReader];

/** Formats whose readers jump about in the file: a compressed one is unpacked into memory for them. */
export const RANDOM_ACCESS: ReadonlySet<Format> = new Set<Format>(['nsys-sqlite', 'nsys-parquetdir']);
