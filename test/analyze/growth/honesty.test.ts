/**
 * What the verdict must not be sure of: made series of which it is known what makes them, many of each. A share of
 * them that is told wrong, other than with low confidence, is an error rate, and is held here.
 */
import { describe, expect, it } from 'vitest';
import { classifyGrowth } from '../../../src/analyze/growth/growth.ts';
import type { GrowthSeries, GrowthVerdict } from '../../../src/analyze/growth/verdict.ts';
import { paceOf } from '../../../src/analyze/growth/statistics.ts';
import { byShares, growsLonger } from '../../../src/analyze/growth/work.ts';
import { seeded } from '../../read/snapshot/fixtures.ts';

type Random = () => number;
const of = (values: readonly number[], more: Partial<GrowthSeries> = {}): GrowthVerdict =>
  classifyGrowth({ values: Float64Array.from(values), ...more });
const series = (n: number, value: (i: number) => number): number[] =>
  Array.from({ length: n }, (_, i) => value(i));

/** Keeps something with this probability in each iteration. */
const nowAndThen =
  (probability: number, n: number) =>
  (random: Random): number[] => {
    let kept = 70_000;
    return series(n, () => (kept += random() < probability ? 65 : 0));
  };

/** A cache of so many keys that come at random. */
const cache =
  (keys: number, n: number) =>
  (random: Random): number[] => {
    const seen = new Set<number>();
    return series(n, () => 70_000 + 1000 * seen.add(Math.floor(keys * random())).size);
  };

const line =
  (noise: number, n: number) =>
  (random: Random): number[] =>
    series(n, (i) => 70_000 + 65 * i + Math.floor(noise * random()));

describe('error rates over 300 seeds', () => {
  it.each([
    // name, series, right, at most told wrong, at least told right
    ['one iteration in three keeps something', nowAndThen(0.3, 80), ['linear_leak'], 0.06, 0.7],
    ['three in five do', nowAndThen(0.6, 40), ['linear_leak'], 0.06, 0.6],
    ['one in ten does', nowAndThen(0.1, 80), ['linear_leak'], 0.08, 0.2],
    ['a line with noise of many steps', line(1000, 40), ['linear_leak'], 0.02, 0.6],
    ['a line with noise', line(100, 20), ['linear_leak'], 0.01, 0.95],
    ['a cache of eight keys', cache(8, 40), ['warm_up_plateau', 'sub_linear'], 0.04, 0.6],
    ['a cache of sixteen keys', cache(16, 80), ['warm_up_plateau', 'sub_linear'], 0.04, 0.5],
    [
      'noise',
      (random: Random) => series(40, () => 70_000 + 1000 * random()),
      ['none', 'warm_up_plateau'],
      0.02,
      0.9,
    ],
  ] as const)('%s', (_, make, right, mostWrong, leastRight) => {
    const verdicts = series(300, (seed) => seed).map((seed) => of(make(seeded(seed + 1))));
    const told = verdicts.filter(({ kind }) => (right as readonly string[]).includes(kind));
    const wrong = verdicts.filter(
      (one) => !told.includes(one) && one.kind !== 'cannot_tell' && one.confidence !== 'low',
    );
    expect(wrong.length / 300).toBeLessThanOrEqual(mostWrong);
    expect(told.length / 300).toBeGreaterThanOrEqual(leastRight);
  });
});

describe('single rises', () => {
  const rising = (n: number, rises: readonly number[]): number[] =>
    series(n, (i) => 70_000 + 1000 * rises.filter((at) => at <= i).length);

  it('that come ever more rarely, and no more for long, are no line', () => {
    const verdict = of(rising(60, [1, 2, 3, 4, 8, 26, 39]));
    expect(verdict.kind).toBe('cannot_tell');
    expect(verdict.why.join(' ')).toContain('come ever more rarely');
  });

  it('that come evenly are one, without great confidence where they are few', () => {
    expect(of(rising(60, [8, 20, 31, 42, 55])).kind).toBe('linear_leak');
    expect(of(rising(60, [8, 20, 31, 42, 55])).confidence).toBe('low');
    expect(of(series(60, (i) => 70_000 + 1000 * Math.floor(i / 3)))).toMatchObject({
      kind: 'linear_leak',
      confidence: 'medium',
    });
  });

  it('of a thousandth, once: none, and how much would not show', () => {
    const verdict = of(series(40, (i) => 70_000 + (i < 6 ? 0 : 1)));
    expect(verdict).toMatchObject({ kind: 'none', confidence: 'low' });
    expect(verdict.why.join(' ')).toMatch(/Growth of up to [1-9]/);
  });

  it('a flat beginning, then more each time: judged from where it began', () => {
    const verdict = of(series(60, (i) => 70_000 + 65 * Math.max(0, i - 29)));
    expect(verdict).toMatchObject({ kind: 'linear_leak', confidence: 'medium', slopePerIteration: 65 });
    expect(verdict.window).toEqual([29, 59]);
  });
});

describe('the pace', () => {
  it('of equal steps is kept, of ever smaller ones is not', () => {
    expect(paceOf(Float64Array.from(series(20, (i) => 5 * i)))).toEqual({
      ratio: 1,
      slower: 0,
      halved: Infinity,
    });
    const slows = paceOf(Float64Array.from(series(40, (i) => 100 * Math.sqrt(i))));
    expect(slows.ratio).toBeLessThan(0.5);
    expect(slows.slower).toBeLessThan(-2);
  });
});

describe('iterations that get longer', () => {
  /** Misses of a cache: each keeps 100 bytes; `hits` requests lie between one and the next. */
  const misses = (hits: readonly number[]): Partial<GrowthSeries> => {
    let all = 0;
    const done = Float64Array.from(hits, (more) => (all += 1 + more));
    return { work: { done, total: all } };
  };
  const kept = series(27, (i) => 34_000 + 100 * i);

  it('are no measure of a leak where they are the misses of a cache', () => {
    const rarer = misses(series(27, (i) => Math.floor(1.15 ** i)));
    expect(of(kept).kind).toBe('linear_leak');
    expect(['sub_linear', 'cannot_tell']).toContain(of(kept, rarer).kind);
    expect(of(kept, rarer).why[0]).toContain('misses of a cache');
    const filled = misses(series(27, (i) => (i < 26 ? 0 : 60)));
    expect(of(kept, filled).kind).toBe('cannot_tell');
  });

  it('are one where lengths only vary', () => {
    const random = seeded(4);
    const varied = misses(series(27, () => Math.floor(30 * random())));
    expect(of(kept, varied)).toMatchObject({ kind: 'linear_leak', slopePerIteration: 100 });
  });

  it('by shares: the value last reached', () => {
    const work = { done: Float64Array.of(1, 2, 10, 12), total: 12 };
    expect([...byShares(Float64Array.of(5, 6, 7, 8), work)]).toEqual([6, 6, 6, 8]);
    expect(growsLonger(work)).toBe(false);
    expect(growsLonger({ done: Float64Array.of(1, 2, 3, 4), total: 30 })).toBe(true);
  });
});

describe('drivers', () => {
  const lengths = [3, 4, 2, 5, 3, 7, 6, 4, 9, 2, 3, 11, 5, 4, 3, 2, 6, 8, 1, 4];
  const scratch = lengths.map((_, i) => Math.max(...lengths.slice(0, i + 1)));

  it('a workspace of the first iteration drowns none', () => {
    const drowned = Float64Array.from(lengths, (length, i) => (i === 0 ? 1000 : length));
    const verdict = of(scratch, { drivers: [{ name: 'largest request', values: drowned }] });
    expect(verdict).toMatchObject({ kind: 'steps_with_largest_request', boundBy: { bytes: 11 } });
  });

  it('two large rises with a record say nothing of many small ones without', () => {
    const values = series(30, (i) => [0, 4000, 9000][Math.min(i, 2)] + 10 * Math.min(i, 15));
    const records = Float64Array.from(values, (_, i) => Math.min(i, 2));
    const verdict = of(values, { drivers: [{ name: 'largest request', values: records }] });
    expect(verdict.kind).not.toBe('steps_with_largest_request');
  });
});
