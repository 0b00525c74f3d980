/** Pixel columns cut into pieces and joined again, without a GPU: the twin stands in for the shader. */
import { describe, expect, it } from 'vitest';
import { comparePixelColumns } from './compare.ts';
import { cutPieces, joinPieces } from '../../src/kernel/pixel-columns.ts';
import { reducePixelColumns } from '../../src/kernel/pixel-columns.cpu.ts';
import pixelColumnsWgsl from '../../shaders/pixel-columns.wgsl?raw';
import { readStruct } from '../../src/kernel/wgsl.ts';
import { COLUMN_SHAPES, createRandom, makeOffsets } from './shapes.ts';

/** What the shader writes for these ranges. */
function reduceRanges(values: Uint32Array, ranges: Uint32Array): Uint32Array {
  const { words, at } = readStruct(pixelColumnsWgsl, 'Extremes');
  const extremes = new Uint32Array((words * ranges.length) / 2);
  for (let piece = 0; piece < ranges.length / 2; piece++) {
    const one = reducePixelColumns(values, ranges.subarray(2 * piece, 2 * piece + 2));
    for (const field of ['first', 'last', 'min', 'max'] as const) {
      extremes.set(one[field], piece * words + at[field]);
    }
    extremes[piece * words + at['max_index']] = one.maxIndex[0];
  }
  return extremes;
}

describe('pieces of pixel columns', () => {
  it('cuts columns, leaving empty ones out', () => {
    const { ranges, columnOf } = cutPieces(new Uint32Array([0, 3, 3, 11, 12]), 4);
    expect(Array.from(ranges)).toEqual([0, 3, 3, 7, 7, 11, 11, 12]);
    expect(Array.from(columnOf)).toEqual([0, 2, 2, 3]);
  });

  it.each(COLUMN_SHAPES)('joins them to what one piece gives: $name', ({ make }) => {
    const random = createRandom(4);
    const values = make(1000, random);
    for (const [name, offsets] of makeOffsets(1000, random)) {
      const { ranges, columnOf } = cutPieces(offsets, 7);
      const joined = joinPieces(reduceRanges(values, ranges), columnOf, Math.max(0, offsets.length - 1));
      expect(comparePixelColumns(joined, reducePixelColumns(values, offsets)), name).toBeNull();
    }
  });
});
