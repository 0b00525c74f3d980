/**
 * Tables as Parquet files: a row group a batch, compressed with Snappy. Alone imports hyparquet-writer.
 *
 * Texts are written by their codes' names; the library makes its own dictionaries of them.
 */
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { type Column, isValid } from './table/column.ts';
import type { FieldType } from './table/fields.ts';
import { isText } from './table/fields.ts';
import type { OpenWriter, WriteBytes } from './table/writer.ts';

const TEXT: Partial<SchemaElement> = { type: 'BYTE_ARRAY', converted_type: 'UTF8' };
const ELEMENTS: Readonly<Record<FieldType, Partial<SchemaElement>>> = {
  int64: { type: 'INT64' },
  uint64: { type: 'INT64', converted_type: 'UINT_64' },
  float64: { type: 'DOUBLE' },
  int32: { type: 'INT32' },
  uint32: { type: 'INT32', converted_type: 'UINT_32' },
  uint16: { type: 'INT32', converted_type: 'UINT_16' },
  bool: { type: 'BOOLEAN' },
  utf8: TEXT,
  dictionary8: TEXT,
  dictionary16: TEXT,
  dictionary32: TEXT,
};

/** What the library takes for a column: values by row, null where there is none. */
function cellsOf(type: FieldType, column: Column, length: number): unknown[] {
  const { values, names } = column;
  const cells = new Array<unknown>(length);
  for (let row = 0; row < length; row++) {
    const value = values[row];
    cells[row] = !isValid(column, row)
      ? null
      : isText(type)
        ? names![value as number]
        : type === 'bool'
          ? value !== 0
          : value;
  }
  return cells;
}

/** Hands each row group on and begins anew. */
class Passing extends ByteWriter {
  constructor(private readonly pass: WriteBytes) {
    super(1 << 20);
  }
  flush(): void {
    this.pass(this.getBytes());
    this.index = 0;
  }
  override finish(): void {
    this.flush();
  }
}

const writerWith =
  (statistics: boolean): OpenWriter =>
  ({ declaration }, metadata, write) => {
    const fields = Object.entries(declaration.fields);
    const writer = new ParquetWriter({
      writer: new Passing(write),
      schema: [
        { name: 'root', num_children: fields.length },
        ...fields.map(([name, { type, nullable }]): SchemaElement => ({
          ...ELEMENTS[type],
          name,
          repetition_type: nullable ? 'OPTIONAL' : 'REQUIRED',
        })),
      ],
      kvMetadata: Array.from(metadata, ([key, value]) => ({ key, value })),
      createdBy: 'vramscope',
      statistics,
    });
    return {
      batch({ length, columns }) {
        const columnData = fields.map(([name, { type }]) => ({
          name,
          data: cellsOf(type, columns[name], length),
        }));
        void writer.write({ columnData, rowGroupSize: length });
      },
      finish() {
        void writer.finish();
      },
    };
  };

export const parquetWriter = writerWith(true);

/** For files of a few rows, of which thousands are asked together: opening them is the work, and least and most say nothing. */
export const smallParquetWriter = writerWith(false);
