/** The comparator must be able to fail: a bit flipped in any element of any field is found and named. */
import { describe, expect, it } from 'vitest';
import {
  compareHistograms,
  compareOpenLives,
  comparePixelColumns,
  compareTotals,
  describeDifference,
} from './compare.ts';
import type { PixelColumns, StreamHistogram } from '../../src/kernel/kernels.ts';
import { countOpenLives } from '../../src/kernel/open-lives.cpu.ts';
import { reducePixelColumns } from '../../src/kernel/pixel-columns.cpu.ts';
import { countStreamHistogram } from '../../src/kernel/stream-histogram.cpu.ts';
import {
  COLUMN_SHAPES,
  HISTOGRAM_SHAPES,
  LIVES_SHAPES,
  createRandom,
  makeHistogramInput,
  makeLivesInput,
} from './shapes.ts';

const values = COLUMN_SHAPES[0].make(40, createRandom(3));
const columns = reducePixelColumns(values, new Uint32Array([0, 9, 9, 40]));
const shape = HISTOGRAM_SHAPES.find(({ name }) => name === 'rows inside')!;
const input = makeHistogramInput(shape);
const histogram = countStreamHistogram(input.sizes, input.keys, input.from, input.to, shape.streams);

const livesInput = makeLivesInput(LIVES_SHAPES.find(({ name }) => name === 'every class')!);
const open = countOpenLives(livesInput.spans, livesInput.sizes, livesInput.keyOf, livesInput.moments, 3);

/** Copy of `words` with one bit of one word flipped. */
function plant(words: Uint32Array, word: number, bit: number): Uint32Array {
  const copy = words.slice();
  copy[word] ^= 1 << bit;
  return copy;
}

describe('comparator', () => {
  it('finds equal answers equal', () => {
    expect(compareTotals(values, values.slice())).toBeNull();
    expect(comparePixelColumns(columns, structuredClone(columns))).toBeNull();
    expect(compareHistograms(histogram, structuredClone(histogram))).toBeNull();
    expect(compareOpenLives(open, structuredClone(open))).toBeNull();
  });

  it.each([
    ['count', 1],
    ['bytes', 2],
    ['largest', 2],
  ] as const)('finds a bit planted in any word of the %s of open lives', (field, wordsEach) => {
    for (let word = 0; word < open[field].length; word++) {
      const planted = { ...open, [field]: plant(open[field], word, word % 32) };
      expect(compareOpenLives(open, planted)).toMatchObject({ field, index: Math.floor(word / wordsEach) });
    }
  });

  it('finds a bit planted in any word of the totals', () => {
    for (let word = 0; word < values.length; word++) {
      const difference = compareTotals(values, plant(values, word, word % 32));
      expect(difference).toMatchObject({ field: 'totals', index: word >> 1 });
      expect(difference?.left).not.toBe(difference?.right);
    }
  });

  it.each(['first', 'min', 'max', 'last', 'maxIndex'] as const)('finds a bit planted in %s', (field) => {
    for (let word = 0; word < columns[field].length; word++) {
      const planted: PixelColumns = { ...columns, [field]: plant(columns[field], word, 31) };
      const index = field === 'maxIndex' ? word : word >> 1;
      expect(comparePixelColumns(columns, planted)).toMatchObject({ field, index });
      expect(comparePixelColumns(planted, columns)).toMatchObject({ field, index });
    }
  });

  it.each(['count', 'bytes'] as const)('finds a bit planted in %s', (field) => {
    for (let word = 0; word < histogram[field].length; word += 7) {
      const planted: StreamHistogram = { ...histogram, [field]: plant(histogram[field], word, 0) };
      expect(compareHistograms(histogram, planted)).toMatchObject({
        field,
        index: field === 'count' ? word : word >> 1,
      });
    }
  });

  it('finds the first of two differences', () => {
    const planted = plant(plant(values, 50, 1), 11, 1);
    expect(compareTotals(values, planted)).toMatchObject({ index: 5 });
  });

  it('finds a missing tail and a missing stream', () => {
    expect(compareTotals(values, values.subarray(0, 60))).toEqual({
      field: 'totals.length',
      index: 30,
      left: 40n,
      right: 30n,
    });
    expect(compareHistograms(histogram, { ...histogram, streams: 4 })).toMatchObject({ field: 'streams' });
  });

  it('says what differs', () => {
    const difference = compareTotals(new Uint32Array([7, 0]), new Uint32Array([5, 0xffffffff]));
    expect(difference && describeDifference(difference)).toBe('totals[0]: 7 is not -4294967291');
  });
});
