/** What can be asked about tables (tables.ts): plain data, for page and command. */
import { DECLARATIONS, type TableName } from '../trace/table/declarations.ts';
import { TABLE_FORMATS, type TableFormat } from '../trace/table/writer.ts';

export type { TableFormat, TableName };
export const TABLE_NAMES: readonly TableName[] = DECLARATIONS.map(({ name }) => name);
export const FORMATS: readonly TableFormat[] = TABLE_FORMATS;

/** Which rows: of all open files, of one, or of one device of it. */
export interface TablesQuery {
  /** Id of a source; null: all. */
  readonly source: number | null;
  /** "<source id>:<device>"; null: all. */
  readonly device: string | null;
}

export interface TableQuery extends TablesQuery {
  readonly table: TableName;
  readonly format: TableFormat;
}

/** A table that can be asked for. */
export interface TableView {
  readonly table: TableName;
  /** null: findings, which are counted when they are made. */
  readonly rows: number | null;
}
