/**
 * Sizes by stream and log2 class on the CPU: the reference of shaders/stream-histogram.wgsl and the fallback
 * where there is no GPU. Byte sums are exact modulo 2^64.
 *
 *   sizes  512  700  0  513      keys  0  1  SKIP  0      streams 2
 *   stream 0: class 9: 2 of 1025 bytes;  stream 1: class 9: 1 of 700 bytes
 */
import { CLASSES, type StreamHistogram } from './kernels.ts';

/** Low and high words are summed apart as doubles, exact below 2^53: fold them at least every 2^20 rows. */
const ROWS_PER_FOLD = 1 << 20;

/** Rows [from, to) of u64 words `sizes`; a key that is no stream below `streams` (SKIP) leaves its row out. */
export function countStreamHistogram(
  sizes: Uint32Array,
  keys: Uint32Array,
  from: number,
  to: number,
  streams: number,
): StreamHistogram {
  const bins = streams * CLASSES;
  const count = new Uint32Array(bins);
  const bytes = new Uint32Array(2 * bins);
  const lowSums = new Float64Array(bins);
  const highSums = new Float64Array(bins);
  for (let start = from; start < to; start += ROWS_PER_FOLD) {
    const stop = Math.min(to, start + ROWS_PER_FOLD);
    for (let i = start; i < stop; i++) {
      const key = keys[i];
      if (key >= streams) continue;
      const low = sizes[2 * i];
      const high = sizes[2 * i + 1];
      const bin = key * CLASSES + (high !== 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(low | 1));
      count[bin]++;
      lowSums[bin] += low;
      if (high !== 0) highSums[bin] += high;
    }
    foldSums(bytes, lowSums, highSums);
  }
  return { streams, count, bytes };
}

/** Adds the sums of words to the u64 bins and clears them. */
function foldSums(bytes: Uint32Array, lowSums: Float64Array, highSums: Float64Array): void {
  for (let bin = 0; bin < lowSums.length; bin++) {
    if (lowSums[bin] === 0 && highSums[bin] === 0) continue;
    const low = bytes[2 * bin] + lowSums[bin];
    const carry = Math.floor(low / 4294967296);
    bytes[2 * bin] = low - carry * 4294967296;
    bytes[2 * bin + 1] = bytes[2 * bin + 1] + carry + highSums[bin];
    lowSums[bin] = 0;
    highSums[bin] = 0;
  }
}
