/**
 * First, min, max, last and first index of the max of each pixel column on the CPU: the reference of
 * shaders/pixel-columns.wgsl and the fallback where there is no GPU. Values are compared as signed 64 bits.
 *
 *   values   3  9  9  1 | 4 |           offsets 0 4 5 5
 *   first 3 4 0   min 1 4 0   max 9 4 0   last 1 4 0   maxIndex 1 4 0
 */
import type { PixelColumns } from './kernels.ts';

/** An empty answer for `columns` pixel columns: zeros, which is also what an empty column holds. */
export function createPixelColumns(columns: number): PixelColumns {
  return {
    first: new Uint32Array(2 * columns),
    min: new Uint32Array(2 * columns),
    max: new Uint32Array(2 * columns),
    last: new Uint32Array(2 * columns),
    maxIndex: new Uint32Array(columns),
  };
}

/** Pixel column c holds elements [offsets[c], offsets[c + 1]) of i64 words `values`. */
export function reducePixelColumns(values: Uint32Array, offsets: Uint32Array): PixelColumns {
  const columns = Math.max(0, offsets.length - 1);
  const result = createPixelColumns(columns);
  for (let column = 0; column < columns; column++) {
    const from = offsets[column];
    const to = offsets[column + 1];
    if (from >= to) continue;
    const firstLow = values[2 * from];
    const firstHigh = values[2 * from + 1] | 0;
    let minLow = firstLow;
    let minHigh = firstHigh;
    let maxLow = firstLow;
    let maxHigh = firstHigh;
    let maxIndex = from;
    for (let i = from + 1; i < to; i++) {
      const low = values[2 * i];
      const high = values[2 * i + 1] | 0;
      if (high > maxHigh || (high === maxHigh && low > maxLow)) {
        maxLow = low;
        maxHigh = high;
        maxIndex = i;
      } else if (high < minHigh || (high === minHigh && low < minLow)) {
        minLow = low;
        minHigh = high;
      }
    }
    const at = 2 * column;
    result.first[at] = firstLow;
    result.first[at + 1] = firstHigh;
    result.min[at] = minLow;
    result.min[at + 1] = minHigh;
    result.max[at] = maxLow;
    result.max[at + 1] = maxHigh;
    result.last[at] = values[2 * to - 2];
    result.last[at + 1] = values[2 * to - 1];
    result.maxIndex[column] = maxIndex;
  }
  return result;
}
