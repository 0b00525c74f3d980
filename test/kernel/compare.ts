/**
 * Compares two answers of the kernels and names the first difference. Tests and the benchmark trust it to
 * prove that CPU and GPU give the same integers, so it is itself tested with planted differences.
 */
import type { OpenLives, PixelColumns, StreamHistogram } from '../../src/kernel/kernels.ts';

export interface Difference {
  readonly field: string;
  /** Element (not word) at which they differ first. */
  readonly index: number;
  readonly left: bigint;
  readonly right: bigint;
}

/** First difference of two columns of `wordsEach` u32 words an element; null where they are equal. */
function compareColumns(
  field: string,
  left: Uint32Array,
  right: Uint32Array,
  wordsEach: 1 | 2,
): Difference | null {
  if (left.length !== right.length) {
    const shorter = Math.min(left.length, right.length) / wordsEach;
    const [a, b] = [BigInt(left.length / wordsEach), BigInt(right.length / wordsEach)];
    return { field: `${field}.length`, index: shorter, left: a, right: b };
  }
  for (let word = 0; word < left.length; word++) {
    if (left[word] === right[word]) continue;
    const index = Math.floor(word / wordsEach);
    return {
      field,
      index,
      left: readElement(left, index, wordsEach),
      right: readElement(right, index, wordsEach),
    };
  }
  return null;
}

function readElement(words: Uint32Array, index: number, wordsEach: 1 | 2): bigint {
  if (wordsEach === 1) return BigInt(words[index]);
  return BigInt.asIntN(64, (BigInt(words[2 * index + 1]) << 32n) | BigInt(words[2 * index]));
}

/** Running totals, or any other column of 64-bit words. */
export const compareTotals = (left: Uint32Array, right: Uint32Array): Difference | null =>
  compareColumns('totals', left, right, 2);

export const comparePixelColumns = (left: PixelColumns, right: PixelColumns): Difference | null =>
  compareColumns('first', left.first, right.first, 2) ??
  compareColumns('min', left.min, right.min, 2) ??
  compareColumns('max', left.max, right.max, 2) ??
  compareColumns('last', left.last, right.last, 2) ??
  compareColumns('maxIndex', left.maxIndex, right.maxIndex, 1);

export function compareHistograms(left: StreamHistogram, right: StreamHistogram): Difference | null {
  if (left.streams !== right.streams) {
    return { field: 'streams', index: 0, left: BigInt(left.streams), right: BigInt(right.streams) };
  }
  return (
    compareColumns('count', left.count, right.count, 1) ?? compareColumns('bytes', left.bytes, right.bytes, 2)
  );
}

export const compareOpenLives = (left: OpenLives, right: OpenLives): Difference | null =>
  compareColumns('count', left.count, right.count, 1) ??
  compareColumns('bytes', left.bytes, right.bytes, 2) ??
  compareColumns('largest', left.largest, right.largest, 2);

/** "max[17]: 5 is not 7" */
export const describeDifference = (difference: Difference): string =>
  `${difference.field}[${difference.index}]: ${difference.left} is not ${difference.right}`;
