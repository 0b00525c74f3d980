/**
 * The language in which tables are declared: a field is a name, an Arrow type and a sentence. A declaration is all
 * that exports, their readers' schemas and docs/tables.md know of a table.
 *
 *   type              in memory                      Arrow                        Parquet
 *   int64, uint64     BigInt64Array, BigUint64Array  Int64, Uint64                INT64
 *   float64           Float64Array                   Float64                      DOUBLE
 *   int32, uint32     Int32Array, Uint32Array        Int32, Uint32                INT32
 *   uint16            Uint16Array                    Uint16                       INT32
 *   bool              Uint8Array of 0 and 1          Bool                         BOOLEAN
 *   utf8              Uint32Array of codes           Utf8                         BYTE_ARRAY
 *   dictionary8/16/32 Uint8/16/32Array of codes      Dictionary<Utf8, Uint8/..>   BYTE_ARRAY
 *
 * Texts are codes of a list of names in every case: what has few values keeps them as a dictionary, what has many
 * is written out.
 */

/** What stands in memory for each type, an element a row. */
export interface ValuesOf {
  readonly int64: BigInt64Array;
  readonly uint64: BigUint64Array;
  readonly float64: Float64Array;
  readonly int32: Int32Array;
  readonly uint32: Uint32Array;
  readonly uint16: Uint16Array;
  readonly bool: Uint8Array;
  readonly utf8: Uint32Array;
  readonly dictionary8: Uint8Array;
  readonly dictionary16: Uint16Array;
  readonly dictionary32: Uint32Array;
}
export type FieldType = keyof ValuesOf;

/** Types whose elements are codes of names. */
export type TextType = 'utf8' | 'dictionary8' | 'dictionary16' | 'dictionary32';

export const isText = (type: FieldType): type is TextType => type === 'utf8' || type.startsWith('dictionary');

export interface Field<T extends FieldType = FieldType, N extends boolean = boolean> {
  readonly type: T;
  /** Some rows may have no value. */
  readonly nullable: N;
  /** What it is, with its unit. */
  readonly doc: string;
}

export type Fields = Readonly<Record<string, Field>>;

export interface Declaration<F extends Fields = Fields, N extends string = string> {
  /** Plural: "events". Names the file of an export. */
  readonly name: N;
  /** What a row is, and where the table comes from. */
  readonly doc: string;
  /** In the order of the columns. */
  readonly fields: F;
}

export const declare = <F extends Fields, N extends string>(
  name: N,
  doc: string,
  fields: F,
): Declaration<F, N> => ({ name, doc, fields });

/** A field that has a value in every row. */
export const field = <T extends FieldType>(type: T, doc: string): Field<T, false> => ({
  type,
  nullable: false,
  doc,
});

/** A field that may be null. */
export const optional = <T extends FieldType>(type: T, doc: string): Field<T, true> => ({
  type,
  nullable: true,
  doc,
});
