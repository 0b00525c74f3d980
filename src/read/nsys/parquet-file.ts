/**
 * Parquet files (https://parquet.apache.org/docs/file-format/), read with hyparquet, which alone is imported
 * here: columns of a few row groups at a time, never the whole file. Flat columns, as Nsight writes them.
 */
import { type FileMetaData, parquetMetadataAsync, parquetRead } from 'hyparquet';
import { TraceError } from '../../base/trace-error.ts';
import type { ByteSource } from '../../file/byte-source.ts';
import { NO_CELLS, NumberCells, ValueCells, WordCells } from './cells.ts';
import { type Cells, ColumnRows, type Rows } from './tables.ts';

/** Row groups are fetched together up to this many bytes: Nsight's are small. */
const FETCH_BYTES = 4 << 20;
/** Wanted columns of one row group, packed, at most. */
const MOST_GROUP_BYTES = 512 << 20;
const MOST_FOOTER = 256 << 20;

type RowGroup = FileMetaData['row_groups'][number];

export const isParquet = (head: Uint8Array): boolean =>
  head.length >= 4 && head[0] === 0x50 && head[1] === 0x41 && head[2] === 0x52 && head[3] === 0x31;

/**
 * What hyparquet throws of damaged bytes is whatever its code stumbled over, in words that mean nothing to whoever has
 * the file: ours say what could not be read and where. A reader's own error stays what it is.
 */
function toTraceError(thrown: unknown, what: string, offset: number): TraceError {
  if (thrown instanceof TraceError) return thrown;
  // Also where it asks for more memory than there is: what is read at once is bounded, so its counts are damaged.
  return new TraceError('corrupt', `${what}: its bytes are damaged, or packed in a way that is not read.`, {
    format: 'parquet',
    offset,
    advice:
      'Copy or export the file again; as SQLite it is read in any case: nsys export --type=sqlite REPORT.nsys-rep',
  });
}

async function bytesAt(source: ByteSource, start: number, end: number): Promise<ArrayBuffer> {
  if (!(start >= 0 && end >= start))
    throw new TraceError('corrupt', 'A place in the Parquet file lies before its start.', {
      format: 'parquet',
      offset: Math.max(0, source.size - 8),
    });
  const bytes = await source.read(start, end - start);
  if (bytes.length < end - start)
    throw new TraceError('truncated', 'The Parquet file ends early.', { offset: start + bytes.length });
  const { buffer, byteOffset, byteLength } = bytes;
  return byteOffset === 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer
    ? buffer
    : bytes.slice().buffer;
}

/** From where to where the wanted columns of a row group lie; a text: why that is not known. */
function extentOf(group: RowGroup, columns: ReadonlySet<string>): readonly [number, number] | string {
  let from = Infinity;
  let to = 0;
  let found = 0;
  for (const { meta_data } of group.columns) {
    if (meta_data === undefined || !columns.has(meta_data.path_in_schema.join('.'))) continue;
    const start = Number(meta_data.dictionary_page_offset ?? meta_data.data_page_offset);
    const first = Math.min(start, Number(meta_data.data_page_offset));
    const end = first + Number(meta_data.total_compressed_size);
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(end))
      return 'A row group does not say where its columns lie.';
    found++;
    from = Math.min(from, first);
    to = Math.max(to, end);
  }
  if (found < columns.size) return 'A row group lacks columns that its file names.';
  // A table without any of the columns is its number of rows.
  return found === 0 ? [0, 0] : [from, to];
}

function cellsOf(chunks: readonly ArrayLike<unknown>[]): Cells {
  const values = chunks.length === 1 ? chunks[0] : chunks.flatMap((chunk) => Array.from(chunk));
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) return new WordCells(values);
  if (values instanceof Int32Array || values instanceof Float64Array) return new NumberCells(values);
  return new ValueCells(values);
}

export class ParquetFile {
  readonly columns: ReadonlySet<string>;
  bytesRead = 0;

  private constructor(
    private readonly source: ByteSource,
    private readonly metadata: FileMetaData,
    /** Bytes of the table of contents, which 8 bytes follow. */
    private readonly footer: number,
  ) {
    // The first element is the root; Nsight's tables have no columns within columns.
    this.columns = new Set(
      metadata.schema.slice(1).flatMap(({ name, num_children }) => (num_children ? [] : [name])),
    );
  }

  static async open(source: ByteSource): Promise<ParquetFile> {
    const tail = new Uint8Array(await bytesAt(source, Math.max(0, source.size - 8), source.size));
    const view = new DataView(tail.buffer);
    if (tail.length < 8 || !isParquet(tail.subarray(4))) {
      const message = 'The Parquet file is cut: its table of contents, which comes last, is missing.';
      throw new TraceError('truncated', message, { offset: source.size, format: 'parquet' });
    }
    const footer = view.getUint32(0, true);
    if (footer + 12 > source.size || footer > MOST_FOOTER)
      throw new TraceError('corrupt', `A Parquet footer of ${footer} bytes.`, { offset: source.size - 8 });
    const file = {
      byteLength: source.size,
      slice: (start: number, end = source.size) => bytesAt(source, start, end),
    };
    try {
      const metadata = await parquetMetadataAsync(file, { initialFetchSize: footer + 8 });
      const opened = new ParquetFile(source, metadata, footer);
      opened.bytesRead = footer + 8;
      return opened;
    } catch (thrown) {
      const at = source.size - footer - 8;
      throw toTraceError(thrown, 'The table of contents of the Parquet file cannot be read', at);
    }
  }

  get length(): number {
    return this.metadata.row_groups.reduce((sum, { num_rows }) => sum + Number(num_rows), 0);
  }

  /** Every row with exactly these columns; ones that the file lacks are null. */
  async *rows(columns: readonly string[]): AsyncGenerator<Rows> {
    try {
      yield* this.groups(columns);
    } catch (thrown) {
      throw toTraceError(thrown, 'The list of row groups cannot be read', this.source.size - 8);
    }
  }

  private async *groups(columns: readonly string[]): AsyncGenerator<Rows> {
    const present = new Set(columns.filter((column) => this.columns.has(column)));
    const groups = this.metadata.row_groups;
    const contents = this.source.size - 8 - this.footer;
    for (let first = 0; first < groups.length;) {
      const extent = extentOf(groups[first], present);
      if (typeof extent === 'string')
        throw new TraceError('corrupt', extent, { format: 'parquet', offset: contents });
      let [from, to] = extent;
      let end = first + 1;
      for (; end < groups.length; end++) {
        const next = extentOf(groups[end], present);
        // Told when its turn comes: the groups before it are read.
        if (typeof next === 'string') break;
        const [nextFrom, nextTo] = next;
        if (nextTo - from > FETCH_BYTES || nextFrom < from) break;
        to = Math.max(to, nextTo);
        from = Math.min(from, nextFrom);
      }
      if (to - from > MOST_GROUP_BYTES) {
        const message = `A row group of ${to - from} bytes takes too much memory at once.`;
        throw new TraceError('unsupported', message, {
          format: 'parquet',
          advice: 'Export the report as SQLite: nsys export --type=sqlite REPORT.nsys-rep',
        });
      }
      const bytes = from < to ? await bytesAt(this.source, from, to) : new ArrayBuffer(0);
      this.bytesRead += bytes.byteLength;
      for (const group of groups.slice(first, end))
        yield await this.group(group, columns, present, bytes, from);
      first = end;
    }
  }

  private async group(
    group: RowGroup,
    columns: readonly string[],
    present: ReadonlySet<string>,
    bytes: ArrayBuffer,
    from: number,
  ): Promise<Rows> {
    const length = Number(group.num_rows);
    const chunks = new Map<string, ArrayLike<unknown>[]>();
    if (present.size > 0) {
      try {
        await parquetRead({
          // Of the whole file only this piece is asked for.
          file: {
            byteLength: this.source.size,
            slice: (start, end) => bytes.slice(start - from, (end ?? this.source.size) - from),
          },
          // One group alone: the plan for many is made anew for each read.
          metadata: { ...this.metadata, row_groups: [group], num_rows: group.num_rows },
          columns: [...present],
          onChunk: ({ columnName, columnData }) => {
            const known = chunks.get(columnName);
            if (known === undefined) chunks.set(columnName, [columnData]);
            else known.push(columnData);
          },
        });
      } catch (thrown) {
        throw toTraceError(thrown, 'A row group cannot be read', from);
      }
    }
    for (const [column, parts] of chunks) {
      const count = parts.reduce((sum, part) => sum + part.length, 0);
      if (count < length)
        throw new TraceError('corrupt', `The column ${column} is shorter than its table.`, { offset: from });
    }
    if (present.size > 0 && chunks.size < present.size)
      throw new TraceError('corrupt', 'A row group lacks columns that its file names.', { offset: from });
    return new ColumnRows(
      present.size > 0 ? length : 0,
      columns.map((column) => {
        const parts = chunks.get(column);
        return parts === undefined ? NO_CELLS : cellsOf(parts);
      }),
    );
  }
}
