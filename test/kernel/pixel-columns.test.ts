import { describe, expect, it } from 'vitest';
import { asBigInt64 } from '../../src/base/u64.ts';
import type { PixelColumns } from '../../src/kernel/kernels.ts';
import { Extremes } from '../../src/kernel/extremes.cpu.ts';
import { reducePixelColumns } from '../../src/kernel/pixel-columns.cpu.ts';
import { COLUMN_SHAPES, LENGTHS, createRandom, makeColumn, makeOffsets } from './shapes.ts';

interface Row {
  readonly first: bigint;
  readonly min: bigint;
  readonly max: bigint;
  readonly last: bigint;
  readonly maxIndex: number;
}

/** One sorted copy and one search a column: nothing in common with the loop under test. */
function referenceColumns(values: Uint32Array, offsets: Uint32Array): Row[] {
  const all = asBigInt64(values);
  return Array.from(offsets.subarray(1), (to, column) => {
    const part = all.slice(offsets[column], to);
    if (part.length === 0) return { first: 0n, min: 0n, max: 0n, last: 0n, maxIndex: 0 };
    const sorted = part.slice().sort();
    const max = sorted[sorted.length - 1];
    const maxIndex = offsets[column] + part.indexOf(max);
    return { first: part[0], min: sorted[0], max, last: part[part.length - 1], maxIndex };
  });
}

function toRows(columns: PixelColumns): Row[] {
  const [first, min, max, last] = [columns.first, columns.min, columns.max, columns.last].map(asBigInt64);
  return Array.from(columns.maxIndex, (maxIndex, c) => ({
    first: first[c],
    min: min[c],
    max: max[c],
    last: last[c],
    maxIndex,
  }));
}

describe('pixel columns on the CPU', () => {
  for (const shape of COLUMN_SHAPES) {
    it.each(LENGTHS)(`${shape.name}: %i values`, (length) => {
      const random = createRandom(length + 1);
      const values = shape.make(length, random);
      for (const [name, offsets] of makeOffsets(length, random)) {
        const expected = referenceColumns(values, offsets);
        expect(toRows(reducePixelColumns(values, offsets)), name).toEqual(expected);
        const extremes = new Extremes(values);
        expect(toRows(reducePixelColumns(values, offsets, extremes)), `${name}, extremes`).toEqual(expected);
      }
    });
  }

  it('finds in a column of several levels what a look at each element finds', () => {
    const random = createRandom(5);
    // Few values, so that the first of equals is asked for; 64^3 elements and some, begun and ended inside of blocks.
    const values = makeColumn(300_000, () => BigInt(random() % 1000) - 500n);
    const offsets = new Uint32Array([0, 1, 64, 130, 4096, 8192, 8193, 262_144, 299_999, 300_000]);
    for (const asked of [offsets, new Uint32Array([0, 300_000]), new Uint32Array([3, 270_001])])
      expect(toRows(reducePixelColumns(values, asked, new Extremes(values)))).toEqual(
        toRows(reducePixelColumns(values, asked)),
      );
  });

  it('names the first of several maxima', () => {
    const values = makeColumn(6, (i) => [1n, -5n, 8n, 8n, -5n, 8n][i]);
    expect(toRows(reducePixelColumns(values, new Uint32Array([0, 6])))).toEqual([
      { first: 1n, min: -5n, max: 8n, last: 8n, maxIndex: 2 },
    ]);
  });
});
