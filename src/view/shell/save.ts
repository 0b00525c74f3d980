/** What the menu "Save" offers: the tables that have rows, the formats, and the name of the file. */
import { count } from '../../base/words.ts';
import type { TableFormat, TableView } from '../../engine/protocol.ts';

export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
}

/** Arrow first: it is the fastest, and loses nothing. */
export const FORMAT_CHOICES: readonly (Choice<TableFormat> & { readonly type: string })[] = [
  { value: 'arrow', label: 'Arrow', type: 'application/vnd.apache.arrow.file' },
  { value: 'parquet', label: 'Parquet', type: 'application/vnd.apache.parquet' },
  { value: 'csv', label: 'CSV', type: 'text/csv' },
  { value: 'jsonl', label: 'JSON lines', type: 'application/x-ndjson' },
];

export const tableChoices = (tables: readonly TableView[]): readonly Choice<TableView['table']>[] =>
  tables.map(({ table, rows }) => ({
    value: table,
    label: `${table.replace('_', ' ')}${rows === null ? '' : ` (${count(rows, 'row')})`}`,
  }));

/** "train.pickle.gpu0.events.parquet". A name of an archive's entry is its last part. */
export const savedName = (
  file: string,
  device: number | null,
  table: TableView['table'],
  format: TableFormat,
): string =>
  [file.split('/').at(-1) || 'file', ...(device === null ? [] : [`gpu${device}`]), table, format].join('.');
