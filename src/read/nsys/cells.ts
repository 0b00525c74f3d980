/** Values of one column in memory, converted as SQLite converts them: see nsys-tables.ts. */
import type { Cells } from './tables.ts';

export const bit = (bitmap: Uint8Array, row: number): boolean =>
  ((bitmap[row >>> 3] >>> (row & 7)) & 1) === 1;

/** 64-bit integers, as two words each. `valid`: a bit for each row, 0 for null; absent: none is null. */
export class WordCells implements Cells {
  private readonly words: Uint32Array;
  private readonly longs: BigInt64Array;

  constructor(
    bytes: ArrayBufferView,
    private readonly valid: Uint8Array | null = null,
  ) {
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
    this.longs = new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 3);
  }

  isNull(row: number): boolean {
    return this.valid !== null && !bit(this.valid, row);
  }

  int(row: number): number {
    return this.isNull(row) ? 0 : this.words[2 * row] | 0;
  }

  number(row: number): number {
    return this.isNull(row) ? 0 : (this.words[2 * row + 1] | 0) * 4294967296 + this.words[2 * row];
  }

  bigint(row: number): bigint {
    return this.isNull(row) ? 0n : this.longs[row];
  }

  text(row: number): string {
    return this.isNull(row) ? '' : this.longs[row].toString();
  }
}

/** Numbers of any width. */
export class NumberCells implements Cells {
  constructor(
    private readonly values: ArrayLike<number>,
    private readonly valid: Uint8Array | null = null,
  ) {}

  isNull(row: number): boolean {
    return this.valid !== null && !bit(this.valid, row);
  }

  int(row: number): number {
    return this.number(row) | 0;
  }

  number(row: number): number {
    return this.isNull(row) ? 0 : this.values[row];
  }

  bigint(row: number): bigint {
    const value = this.number(row);
    return Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n;
  }

  text(row: number): string {
    return this.isNull(row) ? '' : String(this.values[row]);
  }
}

/** A column that the table lacks. */
export const NO_CELLS: Cells = {
  isNull: () => true,
  int: () => 0,
  number: () => 0,
  bigint: () => 0n,
  text: () => '',
};

/** `value` as a 64-bit integer, null where it is none. */
function integerOf(value: unknown): bigint | null {
  switch (typeof value) {
    case 'bigint':
      return BigInt.asIntN(64, value);
    case 'number':
      return Number.isFinite(value) ? BigInt.asIntN(64, BigInt(Math.trunc(value))) : null;
    case 'boolean':
      return value ? 1n : 0n;
    case 'string':
      // Most numbers in texts are exact as numbers, which are made faster.
      if (value.length <= 15 && value !== '' && Number.isInteger(Number(value))) return BigInt(Number(value));
      return /^[+-]?\d{1,20}$/.test(value) ? BigInt.asIntN(64, BigInt(value)) : null;
    default:
      return null;
  }
}

/** Cells of any values: numbers, bigints, texts (numbers in texts too), undefined and null for nothing. */
export class ValueCells implements Cells {
  constructor(private readonly values: ArrayLike<unknown>) {}

  isNull(row: number): boolean {
    return this.values[row] === undefined || this.values[row] === null;
  }

  int(row: number): number {
    return this.number(row) | 0;
  }

  number(row: number): number {
    const value = this.values[row];
    if (typeof value === 'number') return value;
    if (typeof value === 'string' && value.length <= 15) return Number(value) || 0;
    const integer = integerOf(value);
    return integer === null ? 0 : Number(integer);
  }

  bigint(row: number): bigint {
    return integerOf(this.values[row]) ?? 0n;
  }

  text(row: number): string {
    const value = this.values[row];
    return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
  }
}
