import { describe, expect, it } from 'vitest';
import { Pyramid } from '../../src/base/pyramid.ts';
import { createRandom } from '../kernel/shapes.ts';

/** The first row with the most, looked for one by one. */
function firstMost(values: readonly number[], from: number, to: number): number {
  let best = from;
  for (let row = from; row < to; row++) if (values[row] > values[best]) best = row;
  return best;
}

describe('the best row of a range', () => {
  it.each([1, 63, 64, 65, 4095, 4096, 4097, 270_000])('is the first of the largest of %i', (length) => {
    const random = createRandom(length);
    // Few values, so that most ranges have several rows with the most.
    const values = Array.from({ length }, () => random() % 50);
    const pyramid = new Pyramid(
      length,
      (row) => row,
      (a, b) => values[a] > values[b],
    );
    for (let i = 0; i < 300; i++) {
      const from = random() % length;
      const to = from + 1 + (random() % (length - from));
      expect([from, to, pyramid.best(from, to)]).toEqual([from, to, firstMost(values, from, to)]);
    }
    expect(pyramid.best(0, length)).toBe(firstMost(values, 0, length));
  });

  it('is of the rows that stand for those of the range', () => {
    const values = [5, 1, 9, 2];
    const next = new Pyramid(
      3,
      (row) => row + 1,
      (a, b) => values[a] > values[b],
    );
    expect(next.best(0, 1)).toBe(1);
    expect(next.best(0, 3)).toBe(2);
    expect(next.best(2, 3)).toBe(3);
  });
});
