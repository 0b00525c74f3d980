/** Growing typed columns. `data` is the backing array (longer than `length`); `finish()` gives the filled part. */

abstract class Column<T extends Uint8Array | Uint16Array | Uint32Array | Float64Array> {
  length = 0;
  constructor(public data: T) {}

  /** A larger array of the same kind. */
  protected abstract make(length: number): T;

  /** Room for `count` more numbers in `data`. Doubling: pages not yet touched cost no memory. */
  reserve(count: number): void {
    if (this.length + count <= this.data.length) return;
    const bigger = this.make(Math.max(this.data.length * 2, this.length + count));
    bigger.set(this.data);
    this.data = bigger;
  }

  push(value: number): void {
    if (this.length === this.data.length) this.reserve(1);
    this.data[this.length++] = value;
  }

  /** The filled part, no copy. */
  finish(): T {
    return this.data.subarray(0, this.length) as T;
  }
}

const START = 1024;

export class ByteColumn extends Column<Uint8Array> {
  constructor() {
    super(new Uint8Array(START));
  }
  protected override make(length: number): Uint8Array {
    return new Uint8Array(length);
  }
}

/** u32 numbers: indices, and the packed values of the pickle reader. */
export class IndexColumn extends Column<Uint32Array> {
  constructor() {
    super(new Uint32Array(START));
  }
  protected override make(length: number): Uint32Array {
    return new Uint32Array(length);
  }
}

export class NumberColumn extends Column<Float64Array> {
  constructor() {
    super(new Float64Array(START));
  }
  protected override make(length: number): Float64Array {
    return new Float64Array(length);
  }
}

const TWO_32 = 4294967296;

/** 64-bit integers as two u32 words an element (base/u64.ts). `length` counts words. */
export class WordColumn extends Column<Uint32Array> {
  constructor() {
    super(new Uint32Array(2 * START));
  }
  protected override make(length: number): Uint32Array {
    return new Uint32Array(length);
  }

  pushWords(low: number, high: number): void {
    if (this.length === this.data.length) this.reserve(2);
    this.data[this.length] = low;
    this.data[this.length + 1] = high;
    this.length += 2;
  }

  /** An integer, |value| <= 2^53; a negative one as two's complement. */
  pushInteger(value: number): void {
    const high = Math.floor(value / TWO_32);
    this.pushWords(value - high * TWO_32, high);
  }

  /** Any integer modulo 2^64. */
  pushBigInt(value: bigint): void {
    const bits = BigInt.asUintN(64, value);
    this.pushWords(Number(bits & 0xffffffffn), Number(bits >> 32n));
  }
}
