/** Pairs of programs with one planted change each: the planted line comes first, whatever the change is. */
import { describe, expect, it } from 'vitest';
import { type Comparison, compareSides } from '../../../src/analyze/compare/compare.ts';
import { placeOf, wordsOf } from '../../../src/analyze/compare/sentence.ts';
import type { Moment } from '../../../src/analyze/compare/side.ts';
import { withAmounts } from '../../../src/base/amounts.ts';
import { MIB } from '../../diagnose/recording.ts';
import { type Trainer, trained } from './trainer.ts';

const SEEDS = [1, 2, 3];

/** [what is planted, A, B less what A has, the line that it is at]. */
const CHANGES: readonly (readonly [string, Partial<Trainer>, Partial<Trainer>, string])[] = [
  ['a loss that is kept in each step', {}, { keepEvery: 1 }, 'head  run/model.py:71'],
  ['a loss that is kept in one step of ten', {}, { keepEvery: 10 }, 'head  run/model.py:71'],
  [
    'a new line that keeps copies, so that those below it move',
    {},
    { copies: true },
    'head  run/model.py:71',
  ],
  ['logits in another dtype', {}, { logits: 4 }, 'head  run/model.py:70'],
  ['a checkpoint more', {}, { checkpoints: 1 }, 'forward  run/model.py:60'],
  ['weights loaded twice', {}, { loadsTwice: true }, 'load  run/model.py:11'],
  ['larger gradients of the backward thread', {}, { gradients: 8 }, 'MmBackward0 in the backward pass'],
  [
    'memory without a stack',
    {},
    { stackless: 9 * MIB },
    'no stack recorded (or allocated before the recording)',
  ],
  ['a kept loss in a file whose lines moved', {}, { keepEvery: 2, movedBy: 17 }, 'head  run/model.py:88'],
  ['a kept loss in a renamed folder', {}, { keepEvery: 3, folder: '/data/try2' }, 'head  try2/model.py:71'],
  [
    'a kept loss, moved and renamed',
    { movedBy: 4 },
    { keepEvery: 4, folder: '/x/y', movedBy: 1 },
    'head  y/model.py:72',
  ],
  [
    'a kept loss where the beginning was overwritten',
    { without: 60 },
    { keepEvery: 1, without: 60 },
    'head  run/model.py:71',
  ],
];

const PAIRS = CHANGES.flatMap(([what, a, b, line]) => SEEDS.map((seed) => [what, seed, a, b, line] as const));

const compared = (a: Trainer, b: Trainer, at: Moment = 'peak'): Comparison =>
  compareSides(trained(a).side, trained(b).side, [at, at])!;

const sumOf = (comparison: Comparison): number =>
  comparison.lines.reduce((sum, { bytes }) => sum + bytes.difference, 0);

const words = (comparison: Comparison, at: Moment = 'peak'): string =>
  withAmounts(wordsOf(comparison, [at, at], [true, true]).sentence, 'binary');

/** Lines as one who gave the two the other way round sees them. */
const turned = ({ lines }: Comparison): unknown =>
  lines.map(({ a, b, bytes, allocations }) => [
    placeOf({ a: b, b: a }),
    0 - bytes.difference,
    0 - allocations.difference,
  ]);
const straight = ({ lines }: Comparison): unknown =>
  lines.map((line) => [placeOf(line), line.bytes.difference, line.allocations.difference]);

describe('pairs with one planted change', () => {
  it('are enough of them', () => {
    expect(PAIRS.length).toBeGreaterThanOrEqual(28);
  });

  it.each(PAIRS)('%s (seed %i)', (_, seed, a, b, line) => {
    const comparison = compared({ seed, ...a }, { seed, ...b });
    expect(placeOf(comparison.lines[0])).toBe(line);
    // Nothing but the planted line differs by as much.
    expect(Math.abs(comparison.lines[0].bytes.difference)).toBeGreaterThan(
      Math.abs(comparison.lines[1].bytes.difference),
    );
    expect(sumOf(comparison)).toBe(comparison.requested.at.difference);
    expect(words(comparison)).toContain(line.replace(/ {2}(.*)/, ' ($1)'));
    const back = compareSides(trained({ seed, ...b }).side, trained({ seed, ...a }).side, ['peak', 'peak'])!;
    expect(turned(back)).toEqual(straight(comparison));
  });

  it.each(SEEDS)('a larger batch: every line of a sample, in order of its size (seed %i)', (seed) => {
    const { lines } = compared({ seed }, { seed, batch: 2 });
    const differ = lines.filter(({ bytes }) => bytes.difference !== 0).map((line) => placeOf(line));
    expect([...differ].sort()).toEqual([
      ...[60, 61, 62, 63].map((line) => `forward  run/model.py:${line}`),
      ...(differ.includes('head  run/model.py:70') ? ['head  run/model.py:70'] : []),
      'mix  run/model.py:80',
      'next_batch  run/data.py:31',
    ]);
  });
});
