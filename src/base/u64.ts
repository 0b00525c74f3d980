/**
 * 64-bit integers as two u32 words, low word first: element i of a column lies at words[2i] (low) and
 * words[2i+1] (high). That is the memory of a BigInt64Array, of an Arrow UInt64 column and of a WGSL
 * array<vec2<u32>>, so a column is never converted on its way from file to GPU.
 */

const TWO_32 = 4294967296;

/** Unsigned value of element `index`, exact up to 2^53. */
export const u64At = (words: Uint32Array, index: number): number =>
  words[2 * index + 1] * TWO_32 + words[2 * index];

/** Smallest high word of the elements that are not 0: where addresses that lie far up begin. */
export function leastHigh(words: Uint32Array): number {
  let least = 0xffffffff;
  for (let i = 0; i < words.length; i += 2)
    if (words[i + 1] < least && (words[i] | words[i + 1]) !== 0) least = words[i + 1];
  return least;
}

/** Element `index` less `high` * 2^32, exact where that is within 2^53: addresses of one device are, wherever they lie. */
export const u64Above = (words: Uint32Array, index: number, high: number): number =>
  (words[2 * index + 1] - high) * TWO_32 + words[2 * index];

/** Signed value of element `index`, exact for |value| <= 2^53. */
export const i64At = (words: Uint32Array, index: number): number =>
  (words[2 * index + 1] | 0) * TWO_32 + words[2 * index];

/** Writes an integer number (|value| <= 2^53; negative as two's complement) to element `index`. */
export function setI64(words: Uint32Array, index: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  words[2 * index] = value - high * TWO_32;
  words[2 * index + 1] = high;
}

/** The same column seen as BigUint64Array: no copy. */
export const asBigUint64 = (words: Uint32Array): BigUint64Array =>
  new BigUint64Array(words.buffer, words.byteOffset, words.length >>> 1);

/** The same column seen as BigInt64Array: no copy. */
export const asBigInt64 = (words: Uint32Array): BigInt64Array =>
  new BigInt64Array(words.buffer, words.byteOffset, words.length >>> 1);

/** JSON form of an exact integer: a number up to 2^53, a string beyond (docs/cli.md). */
export function toJsonInteger(value: bigint | number): number | string {
  if (typeof value === 'number') return value;
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= -BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value.toString();
}
