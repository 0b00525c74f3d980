/** What is said where no line differs, where a side is held against itself, and what is kept to the byte. */
import { describe, expect, it } from 'vitest';
import { compareSides, type Comparison } from '../../../src/analyze/compare/compare.ts';
import { matchSites } from '../../../src/analyze/compare/match-sites.ts';
import { placeOf, wordsOf } from '../../../src/analyze/compare/sentence.ts';
import type { Moment } from '../../../src/analyze/compare/side.ts';
import { sitesOf } from '../../../src/analyze/compare/sites.ts';
import { withAmounts } from '../../../src/base/amounts.ts';
import { MIB, Recording } from '../../diagnose/recording.ts';
import { type Trainer, trained } from './trainer.ts';
import { compareSideOf } from '../../../src/analyze/compare-side.ts';

const compared = (a: Partial<Trainer>, b: Partial<Trainer>, at: Moment = 'peak'): Comparison =>
  compareSides(trained({ seed: 5, ...a }).side, trained({ seed: 5, ...b }).side, [at, at])!;

const said = (comparison: Comparison, at: Moment = 'peak'): string => {
  const { sentence, notes } = wordsOf(comparison, [at, at], [true, true]);
  return withAmounts([sentence, ...notes].join('\n'), 'binary');
};

const differing = ({ lines }: Comparison): string[] =>
  lines
    .filter(({ bytes, allocations }) => bytes.difference !== 0 || allocations.difference !== 0)
    .map(placeOf);

const sumOf = (parts: readonly { readonly bytes: { readonly difference: number } }[]): number =>
  parts.reduce((sum, { bytes }) => sum + bytes.difference, 0);

describe('a recording against itself', () => {
  it.each(['peak', 'end', { row: 100 }, { iteration: 7 }] as const)('at %j: all zero', (at) => {
    const { recording, side } = trained({ seed: 5, keepEvery: 3 });
    expect(recording.rows).toBeGreaterThan(100);
    const comparison = compareSides(side, side, [at, at])!;
    expect(differing(comparison)).toEqual([]);
    for (const figure of [comparison.requested, comparison.allocated!, comparison.reserved!])
      expect([figure.peak.difference, figure.end.difference, figure.at.difference]).toEqual([0, 0, 0]);
    expect([comparison.settings, comparison.releases, comparison.order]).toEqual([[], [], null]);
    expect(said(comparison, at)).toMatch(/^A and B hold the same at .*, to the byte and in every line\.$/);
  });

  it('at its end and at the event that is its end: as much, said of two moments', () => {
    const { recording, side } = trained({ seed: 5, keepEvery: 3 });
    const moments = ['end', { row: recording.rows - 1 }] as const;
    const comparison = compareSides(side, side, moments)!;
    expect(differing(comparison)).toEqual([]);
    expect(wordsOf(comparison, moments, [true, true]).sentence).toBe(
      'B holds as much at the moment asked for as A at its end, to the byte and in every line.',
    );
  });

  it('at two of its moments: what is kept in between, to the byte', () => {
    const { side } = trained({ seed: 5, keepEvery: 1 });
    const comparison = compareSides(side, side, [{ iteration: 4 }, { iteration: 9 }])!;
    expect(differing(comparison)).toEqual(['head  run/model.py:71']);
    expect(comparison.lines[0].allocations.difference).toBe(5);
    expect(comparison.lines[0].bytes.difference).toBe(comparison.requested.at.difference);
  });

  it('at its peak and at its end: the sentence says which moment is whose', () => {
    const { side } = trained({ seed: 5, keepEvery: 1 });
    const moments = [{ iteration: 4 }, 'end'] as const;
    const comparison = compareSides(side, side, moments)!;
    const { sentence } = wordsOf(comparison, moments, [true, true]);
    expect(sentence).toMatch(/^B holds .* more at its end than A at the moment asked for: /);
  });

  it('has no moment beyond its end', () => {
    const { side } = trained({ seed: 5 });
    expect(compareSides(side, side, [{ row: side.trace.events.length }, 'end'])).toBeNull();
    expect(compareSides(side, side, [{ iteration: 25 }, 'end'])).toBeNull();
    expect(compareSides(side, side, [{ iteration: 24 }, 'end'])).not.toBeNull();
  });
});

describe('where no line differs', () => {
  it('a setting that rounds up is named', () => {
    const settings = { roundupDivisions: new Array<number>(16).fill(4) };
    const comparison = compared({}, { options: { conf: 'roundup_power2_divisions:4', settings } });
    expect(differing(comparison)).toEqual([]);
    expect(comparison.allocated!.peak.difference).toBeGreaterThan(0);
    expect(said(comparison)).toMatch(
      /^No line holds more or less at their peaks; allocated is .* more in B.*\. What differs is another setting: PYTORCH_CUDA_ALLOC_CONF \(not set in A, "roundup_power2_divisions:4" in B\)\.$/,
    );
  });

  it('a setting that splits less is named', () => {
    const comparison = compared(
      {},
      { options: { conf: 'max_split_size_mb:20', settings: { maxSplitSize: 20 * MIB } } },
    );
    expect(differing(comparison)).toEqual([]);
    expect(said(comparison)).toMatch(
      /reserved is .* more in B\. What differs is another setting: .*max_split_size_mb:20/,
    );
  });

  it('a call of empty_cache() less is named', () => {
    const comparison = compared({ empties: true }, {}, 'end');
    expect(differing(comparison)).toEqual([]);
    expect(said(comparison, 'end')).toMatch(
      /reserved is .* more in B\. What differs is memory given back by empty_cache\(\) 24 times in A and 0 times in B\./,
    );
  });

  it('another order is named, with its first event', () => {
    const comparison = compared({}, { swapped: true });
    expect(differing(comparison)).toEqual([]);
    expect(comparison.order).not.toBeNull();
    const { a, b } = comparison.order!;
    expect(said(comparison)).toContain(`in which order, from event ${a} of A and event ${b} of B on`);
  });

  it('lines that moved and folders that were renamed are said, and hold the same', () => {
    const comparison = compared({}, { movedBy: 17, folder: '/data/other' });
    expect(differing(comparison)).toEqual([]);
    const text = said(comparison);
    expect(text).toContain('lines moved; they are matched by function, file name and neighbours.');
    expect(text).toContain('/home/user/run/model.py of A is taken to be /data/other/model.py of B.');
  });
});

describe('sums', () => {
  it.each([
    [{ keepEvery: 2 }, 'peak'],
    [{ batch: 3 }, 'peak'],
    [{ stackless: 3 * MIB + 7 }, 'end'],
    [{ without: 200, gradients: 5 }, 'peak'],
    [{ batch: 3 }, { row: 150 }],
  ] as const)('lines, streams and size classes come to the difference: %j at %j', (change, at) => {
    const comparison = compared({}, change, at);
    const { difference } = comparison.requested.at;
    expect([sumOf(comparison.lines), sumOf(comparison.streams), sumOf(comparison.classes)]).toEqual([
      difference,
      difference,
      difference,
    ]);
    expect(difference).not.toBe(0);
  });

  it('the peak of what was asked for is the one that memory_stats counts', () => {
    const { recording, side } = trained({ seed: 8, keepEvery: 2 });
    const stats = recording.facts().replay!.stats;
    const { requested, allocated, reserved } = compareSides(side, side, ['peak', 'peak'])!;
    expect(requested.peak.a).toBe(stats['requested_bytes.all.peak']);
    expect(allocated!.peak.a).toBe(stats['allocated_bytes.all.peak']);
    expect(reserved!.peak.a).toBe(stats['reserved_bytes.all.peak']);
  });
});

describe('lines that moved', () => {
  const sitesAt = (lines: readonly (readonly [string, string, number])[], file = '/app/model.py') => {
    const recording = new Recording({ conf: '' });
    for (const [name, inner, line] of lines)
      recording.take(
        `main@/app/train.py:5 ${name}@${file}:${line} ${inner}@/x/site-packages/torch/nn/functional.py:1`,
        MIB,
      );
    return sitesOf(compareSideOf(recording.facts(), [], 'a test')).all;
  };
  const matches = (a: ReturnType<typeof sitesAt>, b: ReturnType<typeof sitesAt>): string[] =>
    matchSites(a, b)
      .pairs.map(({ a: one, b: other }) => `${one?.frame?.line ?? '-'} ${other?.frame?.line ?? '-'}`)
      .sort();

  it('a new line at the number of an old one is not taken for it', () => {
    const a = sitesAt([
      ['forward', 'linear', 10],
      ['forward', 'softmax', 11],
      ['forward', 'dropout', 12],
    ]);
    const b = sitesAt([
      ['forward', 'linear', 10],
      ['forward', 'clone', 11],
      ['forward', 'softmax', 12],
      ['forward', 'dropout', 13],
    ]);
    expect(matches(a, b)).toEqual(['- 11', '10 10', '11 12', '12 13']);
    expect(matches(b, a)).toEqual(['10 10', '11 -', '12 11', '13 12']);
  });

  it('a block of lines that all do the same is moved as a whole', () => {
    const three = (from: number) => [0, 1, 4].map((line) => ['forward', 'linear', from + line] as const);
    expect(matches(sitesAt(three(97)), sitesAt(three(98)))).toEqual(['101 102', '97 98', '98 99']);
  });

  it('functions of one name in one file keep their order', () => {
    const a = sitesAt([
      ['forward', 'conv2d', 20],
      ['forward', 'linear', 50],
    ]);
    const b = sitesAt([
      ['forward', 'conv2d', 26],
      ['forward', 'linear', 56],
    ]);
    expect(matches(a, b)).toEqual(['20 26', '50 56']);
  });

  it('a line elsewhere that does something else is another one', () => {
    expect(matches(sitesAt([['forward', 'linear', 10]]), sitesAt([['forward', 'clone', 40]]))).toEqual([
      '- 40',
      '10 -',
    ]);
  });

  it('a file of another name with one function alike is another file', () => {
    const a = sitesAt([['forward', 'linear', 10]], '/app/model.py');
    expect(matches(a, sitesAt([['forward', 'linear', 10]], '/app/other.py'))).toEqual(['- 10', '10 -']);
  });

  it('a file of another name with the same functions is the file renamed', () => {
    const lines = [
      ['forward', 'linear', 10],
      ['attend', 'softmax', 30],
    ] as const;
    const { pairs, renamed } = matchSites(sitesAt(lines), sitesAt(lines, '/app/new_model.py'));
    expect(pairs.every(({ a, b }) => a !== null && b !== null)).toBe(true);
    expect(renamed).toEqual([['/app/model.py', '/app/new_model.py']]);
  });
});
