/**
 * Columns and batches as they lie in memory: Arrow's layout, so that a record batch over them needs no copy.
 *
 *   values  1 2 0 9      one element a row; texts: codes of `names`
 *   valid   0b1011       a bit a row, lowest first; 0: null; no bitmap: all are there
 *
 * What a table has in common for all rows of a batch is one small column, made once and cut to length.
 */
import { TraceError } from '../../base/trace-error.ts';
import type { Declaration, Field, Fields, FieldType, TextType, ValuesOf } from './fields.ts';
import { isText } from './fields.ts';

/** Rows of a batch: a row group of Parquet, a record batch of Arrow. A multiple of 8, for the bitmaps. */
export const BATCH_ROWS = 131_072;

export interface Column<T extends FieldType = FieldType> {
  readonly values: ValuesOf[T];
  /** Texts: what the codes mean; every batch of a table has the same list. Else null. */
  readonly names: T extends TextType ? readonly string[] : readonly string[] | null;
  readonly valid: Uint8Array | null;
}

/** Columns of one declaration, by name. */
export type Columns<F extends Fields> = { readonly [K in keyof F]: Column<F[K]['type']> };

export interface Batch<F extends Fields = Fields> {
  readonly length: number;
  readonly columns: Columns<F>;
}

/** A table that can be walked: its rows are made or cut as they are asked for. */
export interface Table<F extends Fields = Fields> {
  readonly declaration: Declaration<F>;
  readonly rows: number;
  batches(): Iterable<Batch<F>>;
}

export const isValid = ({ valid }: Column, row: number): boolean =>
  valid === null || (valid[row >> 3] & (1 << (row & 7))) !== 0;

/** Bits of the rows that have a value; null where all have. */
export function validWhere(length: number, has: (row: number) => boolean): Uint8Array | null {
  let bits: Uint8Array | null = null;
  for (let row = 0; row < length; row++) {
    if (has(row)) continue;
    bits ??= new Uint8Array((length + 7) >> 3).fill(0xff);
    bits[row >> 3] &= ~(1 << (row & 7));
  }
  return bits;
}

/** Numbers as they lie; `valid` where some are null. */
export const numbers = <V extends ValuesOf[FieldType]>(
  values: V,
  valid: Uint8Array | null = null,
): { readonly values: V; readonly names: null; readonly valid: Uint8Array | null } => ({
  values,
  names: null,
  valid,
});

/** NaN is null. */
export const measured = (values: Float64Array): ReturnType<typeof numbers<Float64Array>> =>
  numbers(
    values,
    validWhere(values.length, (row) => !Number.isNaN(values[row])),
  );

/** `none` is null. */
export const indices = (values: Uint32Array, none: number): ReturnType<typeof numbers<Uint32Array>> =>
  numbers(
    values,
    validWhere(values.length, (row) => values[row] !== none),
  );

export const coded = <V extends Uint8Array | Uint16Array | Uint32Array>(
  values: V,
  names: readonly string[],
  valid: Uint8Array | null = null,
): { readonly values: V; readonly names: readonly string[]; readonly valid: Uint8Array | null } => ({
  values,
  names,
  valid,
});

/** No value in any row. */
export const noneOf = <V extends ValuesOf[FieldType]>(
  values: V,
): { readonly values: V; readonly names: readonly string[]; readonly valid: Uint8Array } => ({
  values,
  names: [],
  valid: new Uint8Array((values.length + 7) >> 3),
});

const ARRAYS = {
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  bool: Uint8Array,
  utf8: Uint32Array,
  dictionary8: Uint8Array,
  dictionary16: Uint16Array,
  dictionary32: Uint32Array,
} as const;

/** Room for `length` rows of a type, zeros. */
export const arrayOf = <T extends FieldType>(type: T, length: number): ValuesOf[T] =>
  new ARRAYS[type](length) as ValuesOf[T];

/** Whether values are in memory as the type says. */
export const isArrayOf = (type: FieldType, values: unknown): boolean => values instanceof ARRAYS[type];

/** How many names the codes of a type can tell apart. */
const mostNames = (type: TextType): number => 2 ** (8 * ARRAYS[type].BYTES_PER_ELEMENT);

/** Names met in several lists, each once: the dictionary that all batches of a column share. */
export class Names {
  readonly list: string[] = [];
  private readonly codes = new Map<string, number>();

  constructor(
    private readonly what: string,
    private readonly type: TextType,
  ) {}

  /** Throws TraceError 'unsupported' where there are more names than codes. */
  code(name: string): number {
    let code = this.codes.get(name);
    if (code !== undefined) return code;
    if (this.list.length === mostNames(this.type))
      throw new TraceError('unsupported', `There are more than ${this.list.length} different ${this.what}.`);
    code = this.list.push(name) - 1;
    this.codes.set(name, code);
    return code;
  }

  /** Code here of each name of a list; null where they are the same, so that columns can stay as they are. */
  add(names: readonly string[]): Uint32Array | null {
    const codes = Uint32Array.from(names, (name) => this.code(name));
    return codes.every((code, index) => code === index) ? null : codes;
  }
}

/** The codes themselves, or a copy of them in the words of another list. */
export function recoded<V extends Uint8Array | Uint16Array | Uint32Array>(
  values: V,
  codes: Uint32Array | null,
): V {
  if (codes === null) return values;
  const fresh = values.slice() as V;
  for (let row = 0; row < fresh.length; row++) fresh[row] = codes[fresh[row]];
  return fresh;
}

type Cell<T extends FieldType> = T extends 'int64' | 'uint64'
  ? bigint
  : T extends TextType
    ? string
    : T extends 'bool'
      ? boolean
      : number;

/** A row of a small table, by name. */
export type Row<F extends Fields> = {
  readonly [K in keyof F]: Cell<F[K]['type']> | (F[K]['nullable'] extends true ? null : never);
};

/** A small table from rows that lie in memory as objects. */
export function tableOfRows<F extends Fields>(
  declaration: Declaration<F>,
  rows: readonly Row<F>[],
): Table<F> {
  return {
    declaration,
    rows: rows.length,
    *batches() {
      if (rows.length > 0) yield* cut(batchOfRows(declaration, rows));
    },
  };
}

function batchOfRows<F extends Fields>(declaration: Declaration<F>, rows: readonly Row<F>[]): Batch<F> {
  const columns = Object.entries(declaration.fields).map(([name, { type, nullable }]: [string, Field]) => {
    const values = arrayOf(type, rows.length);
    const names = isText(type) ? new Names(name, type) : null;
    const cells = rows.map((row) => (row as Record<string, Cell<FieldType> | null>)[name]);
    const has = cells.map((cell, row) => {
      if (cell === null) return false;
      (values as unknown as Cell<FieldType>[])[row] = names === null ? cell : names.code(cell as string);
      // NaN, and a number that the type cannot hold: never another number in its place.
      if (typeof cell !== 'number' || values[row] === cell) return true;
      values[row] = 0;
      if (!nullable) throw new TraceError('unsupported', `${declaration.name}.${name} cannot be ${cell}.`);
      return false;
    });
    return [name, { values, names: names?.list ?? null, valid: validWhere(rows.length, (row) => has[row]) }];
  });
  return { length: rows.length, columns: Object.fromEntries(columns) as Columns<F> };
}

/** No rows, all columns. */
export const emptyBatch = <F extends Fields>({ fields }: Declaration<F>): Batch<F> => ({
  length: 0,
  columns: Object.fromEntries(
    Object.entries(fields).map(([name, { type }]: [string, Field]) => [
      name,
      { values: arrayOf(type, 0), names: isText(type) ? [] : null, valid: null },
    ]),
  ) as Columns<F>,
});

/** A batch in pieces of BATCH_ROWS, each over the same memory. */
export function* cut<F extends Fields>({ length, columns }: Batch<F>): Iterable<Batch<F>> {
  for (let from = 0; from < length; from += BATCH_ROWS) {
    const to = Math.min(length, from + BATCH_ROWS);
    const pieces = Object.entries(columns as Record<string, Column>).map(
      ([name, { values, names, valid }]) => [
        name,
        {
          values: values.subarray(from, to),
          names,
          valid: valid?.subarray(from >> 3, (to + 7) >> 3) ?? null,
        },
      ],
    );
    yield { length: to - from, columns: Object.fromEntries(pieces) as Columns<F> };
  }
}
