/** Who pins free memory, in sentences and tables. */
import { describe, expect, it } from 'vitest';
import type { PinsView } from '../../../src/engine/protocol.ts';
import { arrangeRows } from '../../../src/view/parts/table.ts';
import {
  bestPin,
  pinEvidence,
  pinsHeadline,
  pinsTable,
  pinsWords,
  togetherTable,
  togetherWords,
} from '../../../src/view/diagnosis/pins.ts';
import { MIB, pins } from './diagnosis-for-test.ts';

const NOTHING: PinsView = {
  ...pins(),
  pinnedBytes: 0,
  aloneBytes: 0,
  sharedBytes: 0,
  alone: [],
  aloneTotal: 0,
  together: [],
};

describe('the sentence on top', () => {
  it('is of the stack that sets most free for what it takes', () => {
    // The first one of the list takes more than it sets free.
    expect(bestPin(pins())?.label).toBe('forward model.py:97');
    expect(pinsHeadline(pins(), 'binary')).toBe(
      'One block of 3 MiB keeps 1.2 GiB of free memory from being released',
    );
  });

  it('is not there where no stack does, which is said', () => {
    const [weights] = pins().alone;
    const only = { ...pins(), alone: [weights] };
    expect(pinsHeadline(only, 'binary')).toBeNull();
    expect(pinsWords(only, 'binary')).toContain(
      'No stack alone sets free more than its blocks take themselves.',
    );
  });
});

describe('the words', () => {
  it('tell what one stack holds alone from what several hold together', () => {
    expect(pinsWords(pins(), 'binary')).toEqual([
      '3 GiB are free and cannot go back to the driver, even once all streams have caught up, because something lives in the same segment or page: 2.5 GiB held by one stack alone, 512 MiB by several together.',
    ]);
  });

  it('say that nothing is pinned, and what lies in private pools', () => {
    expect(pinsWords(NOTHING, 'binary')).toEqual([
      'No live block keeps free memory of the default pool from going back.',
    ]);
    expect(pinsWords({ ...NOTHING, privateBytes: 17 * MIB }, 'binary')[1]).toMatch(
      /^17 MiB more lie free beside live blocks of private pools/,
    );
  });

  it('say of the set that it was chosen step by step', () => {
    expect(togetherWords(pins())).toContain('a better choice may exist.');
    expect(togetherWords(pins())).not.toContain('Not every set');
    expect(togetherWords({ ...pins(), togetherCut: true })).toContain('Not every set of stacks was tried.');
  });

  it('name the stack and its blocks as evidence', () => {
    expect(pinEvidence(pins().alone[1], 'binary')).toBe(
      'forward model.py:97: 1 block of 3 MiB pins 1.2 GiB that is free.',
    );
  });
});

describe('the tables', () => {
  it('rank stacks by what they pin', () => {
    const model = pinsTable(pins(), 'binary');
    expect(
      arrangeRows(model, model.sort)
        .take(9)
        .map(({ key, cells }) => [key, ...cells.map(({ text }) => text)]),
    ).toEqual([
      ['0', '__init__ model.py:41', '28', '2 GiB', '3.3 GiB', '1.3 GiB'],
      ['1', 'forward model.py:97', '1', '3 MiB', '1.2 GiB', '1.2 GiB'],
    ]);
    expect(model.total).toBe(7);
  });

  it('tell in each row what it adds to those above', () => {
    const { rows } = togetherTable(pins(), 'binary');
    expect(rows.map(({ cells }) => cells.slice(0, 3).map(({ text }) => text))).toEqual([
      ['a x.py:1; b x.py:2', '2', '4'],
      ['allocations of 512 B without a stack', '3', '6'],
    ]);
  });
});
