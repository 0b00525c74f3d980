/**
 * First, min, max, last and first index of the max of each pixel column on the CPU: the reference of
 * shaders/pixel-columns.wgsl and the fallback where there is no GPU. Values are compared as signed 64 bits.
 *
 *   values   3  9  9  1 | 4 |           offsets 0 4 5 5
 *   first 3 4 0   min 1 4 0   max 9 4 0   last 1 4 0   maxIndex 1 4 0
 */
import { BLOCK } from '../base/pyramid.ts';
import { type Extremes, isBelow } from './extremes.cpu.ts';
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

/**
 * Pixel column c holds elements [offsets[c], offsets[c + 1]) of i64 words `values`. `extremes` of the same values makes
 * wide columns cheap; the answer is the same without.
 */
export function reducePixelColumns(
  values: Uint32Array,
  offsets: Uint32Array,
  extremes: Extremes | null = null,
): PixelColumns {
  const columns = Math.max(0, offsets.length - 1);
  const result = createPixelColumns(columns);
  const found = new Uint32Array(2);
  for (let column = 0; column < columns; column++) {
    const from = offsets[column];
    const to = offsets[column + 1];
    if (from >= to) continue;
    let least = from;
    let most = from;
    for (let i = from; i < to;) {
      if (extremes !== null && (i & (BLOCK - 1)) === 0 && to - i >= BLOCK) {
        i = extremes.block(i, to, found);
        if (isBelow(values, found[0], least)) least = found[0];
        if (isBelow(values, most, found[1])) most = found[1];
        continue;
      }
      const stop = extremes === null ? to : Math.min(to, (i | (BLOCK - 1)) + 1);
      let minLow = values[2 * least];
      let minHigh = values[2 * least + 1] | 0;
      let maxLow = values[2 * most];
      let maxHigh = values[2 * most + 1] | 0;
      for (; i < stop; i++) {
        const low = values[2 * i];
        const high = values[2 * i + 1] | 0;
        if (high > maxHigh || (high === maxHigh && low > maxLow)) {
          maxLow = low;
          maxHigh = high;
          most = i;
        } else if (high < minHigh || (high === minHigh && low < minLow)) {
          minLow = low;
          minHigh = high;
          least = i;
        }
      }
    }
    const at = 2 * column;
    result.first[at] = values[2 * from];
    result.first[at + 1] = values[2 * from + 1];
    result.min[at] = values[2 * least];
    result.min[at + 1] = values[2 * least + 1];
    result.max[at] = values[2 * most];
    result.max[at + 1] = values[2 * most + 1];
    result.last[at] = values[2 * to - 2];
    result.last[at + 1] = values[2 * to - 1];
    result.maxIndex[column] = most;
  }
  return result;
}
