/**
 * The kernels' one interface: typed arrays in, typed arrays out. `cpu` and `gpu` implement it and give the
 * same integers. Columns of 64-bit values are u64/i64 words (base/u64.ts): length 2n for n elements.
 */

/** Per pixel column c over elements [offsets[c], offsets[c+1]): words for values, u32 for the index. */
export interface PixelColumns {
  /** i64 words, 2 an element of `columns`. Undefined (zero) where count is 0. */
  readonly first: Uint32Array;
  readonly min: Uint32Array;
  readonly max: Uint32Array;
  readonly last: Uint32Array;
  /** Index of the first element that equals `max`; 0 where the column is empty. */
  readonly maxIndex: Uint32Array;
}

export interface StreamHistogram {
  readonly streams: number;
  /** [stream * 64 + class]: number of elements. Class of size s: floor(log2(s)), 0 for s = 0. */
  readonly count: Uint32Array;
  /** u64 words: sum of sizes, [2 * (stream * 64 + class)]. Modulo 2^64. */
  readonly bytes: Uint32Array;
}

/** Lives that are open at each of a picture's moments. */
export interface OpenLives {
  readonly keys: number;
  readonly columns: number;
  /** [key * columns + column]: number of lives. */
  readonly count: Uint32Array;
  /** u64 words, [2 * (key * columns + column)]: sum of their sizes. Modulo 2^64. */
  readonly bytes: Uint32Array;
  /** u64 words, by column: the largest size among all keys; 0 where nothing is open. */
  readonly largest: Uint32Array;
}

/** Element of `keys` that is left out of a histogram. */
export const SKIP = 0xffffffff;

/** log2 classes of a histogram. */
export const CLASSES = 64;

/** A column that stays where the kernels run (on the GPU: uploaded once, queried often). */
export interface Resident {
  /** u32 words of it: twice the elements of a 64-bit column. */
  readonly length: number;
  /** Frees the memory; the resident must not be used afterwards. */
  release(): void;
}

export interface Kernels {
  readonly name: 'cpu' | 'gpu';
  /** Most elements (of 64 bits) one resident column may have here. */
  readonly maxLength: number;
  /**
   * Inclusive running totals of i64 `deltas` (words), starting from `initial` (added to every total). Takes the
   * array over: the CPU writes the totals into it, so that a curve needs its memory once.
   */
  runningTotals(deltas: Uint32Array, initial: bigint): Promise<Resident>;
  /** Makes words (2n) or keys resident as they are. */
  upload(words: Uint32Array): Promise<Resident>;
  /** The words of a resident column, for tests and export. */
  download(column: Resident): Promise<Uint32Array>;
  /**
   * First, min, max, last and first index of max of each pixel column of i64 `values`.
   * `offsets`: ascending, length columns + 1, offsets[columns] <= elements of `values`.
   */
  pixelColumns(values: Resident, offsets: Uint32Array): Promise<PixelColumns>;
  /**
   * Sizes (u64 words) of rows [from, to) by stream and log2 class. `keys[i]` is the stream of row i, or SKIP.
   * A key that is SKIP, or not below `streams`, is left out.
   */
  histogram(
    sizes: Resident,
    keys: Resident,
    from: number,
    to: number,
    streams: number,
  ): Promise<StreamHistogram>;
  /**
   * Number and bytes of lives by key, and the largest of all, at each of `moments` (rows, ascending). `spans`: first row of a
   * life and the row at which it ends, i32 each, two words a life; it is open at moments from the first to before the last.
   * `sizes`: u64 words. `keys`: a word a life, and one that is not below `keyCount` (SKIP) leaves its life out.
   */
  openLives(
    spans: Resident,
    sizes: Resident,
    keys: Resident,
    moments: Int32Array,
    keyCount: number,
  ): Promise<OpenLives>;
  /** Releases the device and everything resident. */
  close(): void;
}
