/** A table written in one of four formats, batch by batch: at no time is more than a batch of it in memory twice. */
import type { Batch, Table } from './column.ts';

export const TABLE_FORMATS = ['arrow', 'parquet', 'csv', 'jsonl'] as const;
export type TableFormat = (typeof TABLE_FORMATS)[number];

/** Takes bytes; they are only good until it returns. */
export type WriteBytes = (bytes: Uint8Array) => void;

/** Writes the batches of one table in their order. */
export interface TableWriter {
  batch(batch: Batch): void;
  finish(): void;
}

export type OpenWriter = (
  table: Table,
  metadata: ReadonlyMap<string, string>,
  write: WriteBytes,
) => TableWriter;
