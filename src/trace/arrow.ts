/**
 * Tables as Arrow: record batches that lie over the very columns of a table, and the file of them. Alone imports
 * apache-arrow, and none of its builders: they make functions of strings, which the page's policy forbids.
 *
 * Copied are only texts that are no dictionary, and bools, which Arrow packs into bits.
 */
import {
  AsyncByteQueue,
  Bool,
  type Data,
  type DataType,
  Dictionary,
  Field as ArrowField,
  Float64,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
  Vector,
} from 'apache-arrow';
import { type Batch, type Column, emptyBatch, isValid } from './table/column.ts';
import type { Declaration, FieldType } from './table/fields.ts';
import type { OpenWriter, WriteBytes } from './table/writer.ts';

const TYPES: Readonly<Record<FieldType, () => DataType>> = {
  int64: () => new Int64(),
  uint64: () => new Uint64(),
  float64: () => new Float64(),
  int32: () => new Int32(),
  uint32: () => new Uint32(),
  uint16: () => new Uint16(),
  bool: () => new Bool(),
  utf8: () => new Utf8(),
  dictionary8: () => new Dictionary(new Utf8(), new Uint8()),
  dictionary16: () => new Dictionary(new Utf8(), new Uint16()),
  dictionary32: () => new Dictionary(new Utf8(), new Uint32()),
};

/** The schema of a declaration; what a field is stands in its metadata. */
export const schemaOf = ({ fields }: Declaration, metadata: ReadonlyMap<string, string>): Schema =>
  new Schema(
    Object.entries(fields).map(
      ([name, { type, nullable, doc }]) =>
        new ArrowField(name, TYPES[type](), nullable, new Map([['doc', doc]])),
    ),
    new Map(metadata),
  );

/** Texts end to end, and where each begins. */
function utf8(texts: readonly (string | null)[], nullBitmap: Uint8Array | null): Data<Utf8> {
  const encoder = new TextEncoder();
  const valueOffsets = new Int32Array(texts.length + 1);
  const parts = texts.map((text, index) => {
    const bytes = encoder.encode(text ?? '');
    valueOffsets[index + 1] = valueOffsets[index] + bytes.length;
    return bytes;
  });
  const data = new Uint8Array(valueOffsets[texts.length]);
  parts.forEach((bytes, index) => data.set(bytes, valueOffsets[index]));
  return makeData({ type: new Utf8(), length: texts.length, nullBitmap, valueOffsets, data });
}

function bits(values: Uint8Array): Uint8Array {
  const packed = new Uint8Array((values.length + 7) >> 3);
  for (let row = 0; row < values.length; row++) if (values[row] !== 0) packed[row >> 3] |= 1 << (row & 7);
  return packed;
}

/** Record batches of one table: all have the same schema and the same dictionaries. */
export class RecordBatches {
  private readonly dictionaries = new Map<string, Vector<Utf8>>();

  constructor(private readonly schema: Schema) {}

  of({ length, columns }: Batch): RecordBatch {
    const fields = this.schema.fields as ArrowField<DataType>[];
    const children = fields.map((field) => this.data(field, columns[field.name], length));
    const type = new Struct(fields);
    return new RecordBatch(this.schema, makeData({ type, length, nullCount: 0, children }));
  }

  private data({ name, type }: ArrowField<DataType>, column: Column, length: number): Data {
    const { values, names, valid: nullBitmap } = column;
    if (type instanceof Utf8) {
      const texts = Array.from(values as Uint32Array, (code, row) =>
        isValid(column, row) ? names![code] : null,
      );
      return utf8(texts, nullBitmap);
    }
    const data = type instanceof Bool ? bits(values as Uint8Array) : values;
    const dictionary = type instanceof Dictionary ? { dictionary: this.dictionary(name, names!) } : {};
    return makeData({ type, length, nullBitmap, data, ...dictionary } as never) as Data;
  }

  private dictionary(name: string, names: readonly string[]): Vector<Utf8> {
    let dictionary = this.dictionaries.get(name);
    if (dictionary === undefined) {
      dictionary = new Vector([utf8(names, null)]);
      this.dictionaries.set(name, dictionary);
    }
    return dictionary;
  }
}

/** Hands on at once what the library would keep until somebody reads it. */
class Passing extends AsyncByteQueue {
  constructor(private readonly pass: WriteBytes) {
    super();
  }
  override write(bytes: Uint8Array): void {
    this.pass(bytes);
  }
}

/** An Arrow IPC file ("Feather 2"), not compressed, so that readers can map it into memory. */
export const arrowWriter: OpenWriter = ({ declaration }, metadata, write) => {
  const schema = schemaOf(declaration, metadata);
  const batches = new RecordBatches(schema);
  const writer = new RecordBatchFileWriter();
  writer.reset(new Passing(write), schema);
  let isEmpty = true;
  return {
    batch(batch) {
      isEmpty = false;
      writer.write(batches.of(batch));
    },
    finish() {
      // Some readers take no field of a dictionary without the dictionary itself.
      if (isEmpty) writer.write(batches.of(emptyBatch(declaration)));
      writer.close();
    },
  };
};
