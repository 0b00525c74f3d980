import { describe, expect, it } from 'vitest';
import { asBigUint64 } from '../../src/base/u64.ts';
import { CLASSES, type StreamHistogram } from '../../src/kernel/kernels.ts';
import { countStreamHistogram } from '../../src/kernel/stream-histogram.cpu.ts';
import { EDGE_SIZES, HISTOGRAM_SHAPES, makeColumn, makeHistogramInput } from './shapes.ts';

/** Classes by the length of the binary digits, sums in BigInt. */
function referenceHistogram(
  sizes: Uint32Array,
  keys: Uint32Array,
  from: number,
  to: number,
  streams: number,
): { count: number[]; bytes: bigint[] } {
  const all = asBigUint64(sizes);
  const count = new Array<number>(streams * CLASSES).fill(0);
  const bytes = new Array<bigint>(streams * CLASSES).fill(0n);
  for (let i = from; i < to; i++) {
    if (keys[i] >= streams) continue;
    const bin = keys[i] * CLASSES + all[i].toString(2).length - 1;
    count[bin]++;
    bytes[bin] = BigInt.asUintN(64, bytes[bin] + all[i]);
  }
  return { count, bytes };
}

const plain = (histogram: StreamHistogram): { count: number[]; bytes: bigint[] } => ({
  count: Array.from(histogram.count),
  bytes: Array.from(asBigUint64(histogram.bytes)),
});

describe('stream histogram on the CPU', () => {
  it.each(HISTOGRAM_SHAPES)('$name', (shape) => {
    const { sizes, keys, from, to } = makeHistogramInput(shape);
    const histogram = countStreamHistogram(sizes, keys, from, to, shape.streams);
    expect(plain(histogram)).toEqual(referenceHistogram(sizes, keys, from, to, shape.streams));
    expect(histogram.streams).toBe(shape.streams);
  });

  it.each(EDGE_SIZES.map((size) => [size]))('puts %i into its class', (size) => {
    const sizes = makeColumn(1, () => BigInt.asIntN(64, size));
    const { count, bytes } = countStreamHistogram(sizes, new Uint32Array(1), 0, 1, 1);
    const expected = size === 0n ? 0 : size.toString(2).length - 1;
    expect(count.indexOf(1)).toBe(expected);
    expect(asBigUint64(bytes)[expected]).toBe(size);
  });

  it('stays exact over more rows than are folded at once', () => {
    const length = 2 ** 21 + 3;
    const sizes = new Uint32Array(2 * length).fill(0xffffffff);
    const { count, bytes } = countStreamHistogram(sizes, new Uint32Array(length), 0, length, 1);
    expect(count[63]).toBe(length);
    expect(asBigUint64(bytes)[63]).toBe(BigInt.asUintN(64, BigInt(length) * (2n ** 64n - 1n)));
  });
});
