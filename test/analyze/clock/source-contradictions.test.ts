/** Planted contradictions are found with their moment and size; what rounding and time explain is none. */
import { describe, expect, it } from 'vitest';
import { placeSequence } from '../../../src/analyze/clock/alignment-sequence.ts';
import {
  compareCurves,
  compareUsedWithReserved,
  SUDDEN_BYTES,
  type NamedCurve,
} from '../../../src/analyze/clock/source-contradictions.ts';
import { compareBudget, compareLines } from '../../../src/analyze/clock/source-contradictions-lines.ts';
import { shiftCurve, type StepCurve } from '../../../src/analyze/step-curve.ts';
import { withAmounts } from '../../../src/base/amounts.ts';
import { rankNamed } from '../../base/rank-for-test.ts';
import type { MemoryBudget } from '../../../src/trace/readings.ts';
import { eventCurve, madeUpRun, MIB, monitored, sampleCurve, SECOND } from '../step-curve-for-test.ts';

const run = madeUpRun(1, 40, 120);
const reserved: NamedCurve = { name: 'run.pickle', curve: run };
const smi = (curve: StepCurve): NamedCurve => ({ name: 'nvidia-smi.log', curve });
const kindsOf = (besides: (seconds: number) => number): string[] =>
  compareUsedWithReserved(smi(monitored(run, 1, besides)), reserved).contradictions.map(({ kind }) => kind);

describe('used against reserved', () => {
  it('a constant is no contradiction', () => {
    const { contradictions, compared, outside } = compareUsedWithReserved(
      smi(monitored(run, 1, () => 612.4)),
      reserved,
    );
    expect(contradictions).toEqual([]);
    expect([compared, outside]).toEqual([monitored(run, 1, () => 0).value.length, 0]);
  });

  it('samples outside of the recording are counted, not compared', () => {
    const late = shiftCurve(
      monitored(run, 1, () => 612),
      100 * SECOND,
    );
    const { compared, outside } = compareUsedWithReserved(smi(late), reserved);
    expect(compared).toBeGreaterThan(0);
    expect(outside).toBeGreaterThan(50);
  });

  it('a change at once has its moment and its size', () => {
    const besides = (at: number): number => (at > 45.5 ? 700 : 612);
    const { contradictions } = compareUsedWithReserved(smi(monitored(run, 1, besides)), reserved);
    expect(contradictions).toHaveLength(1);
    const [change] = contradictions;
    expect(change).toMatchObject({ kind: 'non_torch_change', device: 0, count: 1 });
    expect(change.fromNs! / SECOND).toBeLessThan(45.5);
    expect(change.toNs! / SECOND).toBeGreaterThan(45.5);
    expect((change.toNs! - change.fromNs!) / SECOND).toBeLessThan(3);
    // Never more than what is certain, and all but the granularity of it.
    expect(change.differenceBytes).toBeLessThanOrEqual(88 * MIB);
    expect(change.differenceBytes).toBeGreaterThanOrEqual(84 * MIB);
    expect(change.values.map(({ label }) => label)).toEqual([
      'besides reserved, before',
      'besides reserved, after',
    ]);
  });

  it('below the granularity nothing is told; above it a drift is, as one', () => {
    expect(kindsOf((at) => (at > 60 ? 612.9 : 612))).toEqual([]);
    expect(kindsOf((at) => 612 + Math.floor(at / 20) * 6)).toEqual(['non_torch_drift']);
    expect(kindsOf((at) => (at < 40 || at > 80 ? 612 : 620))).toEqual(['non_torch_drift', 'non_torch_drift']);
    expect(kindsOf((at) => (at > 60 ? 612 + SUDDEN_BYTES / MIB + 4 : 612))).toEqual(['non_torch_change']);
  });

  it('less used than reserved contradicts', () => {
    const { contradictions } = compareUsedWithReserved(smi(monitored(run, 1, () => -300)), reserved);
    expect(contradictions.map(({ kind }) => kind)).toEqual(['used_below_reserved']);
    expect(contradictions[0].differenceBytes).toBeLessThanOrEqual(-298 * MIB);
    expect(contradictions[0].count).toBeGreaterThan(60);
    expect(kindsOf(() => 1)).toEqual([]);
  });

  it('fails when one of the clocks is shifted', () => {
    const curve = monitored(run, 1, () => 612);
    const found = (shift: number): number =>
      compareUsedWithReserved(smi(shiftCurve(curve, shift * SECOND)), reserved).contradictions.length;
    expect(found(0)).toBe(0);
    for (const shift of [-30, -5, -2, 2, 5, 30]) expect(found(shift)).toBeGreaterThan(10);
  });

  it('an uncertain offset allows for it', () => {
    const curve = shiftCurve(
      monitored(run, 1, () => 612),
      0.4 * SECOND,
      0.5 * SECOND,
    );
    expect(compareUsedWithReserved(smi(curve), reserved).contradictions).toEqual([]);
  });
});

describe('two sources of one figure', () => {
  const monitor = monitored(run, 1, () => 612);
  const dcgm = (besides: (at: number) => number): NamedCurve => ({
    name: 'dcgm',
    curve: monitored(run, 0.7, besides),
  });

  it('agree within granularity and time', () => {
    expect(
      compareCurves(
        dcgm(() => 612.6),
        smi(monitor),
      ).contradictions,
    ).toEqual([]);
  });

  it('a constant difference is told as one', () => {
    const flat = sampleCurve([0, 1, 2, 3, 4].map((at) => [at, 1000]));
    const more = sampleCurve([0, 1, 2, 3, 4].map((at) => [at, 1479]));
    const { contradictions } = compareCurves({ name: 'dcgm', curve: more }, smi(flat));
    expect(contradictions).toMatchObject([
      { kind: 'constant_difference', differenceBytes: 477 * MIB, count: 5, allowedBytes: 2 * MIB },
    ]);
  });

  it('a stretch that differs is one row with its largest difference', () => {
    const { contradictions } = compareCurves(
      dcgm((at) => (at > 50 && at < 60 ? 612 + 20000 + at : 612)),
      smi(monitor),
    );
    expect(contradictions).toHaveLength(1);
    expect(contradictions[0]).toMatchObject({ kind: 'different', sources: ['dcgm', 'nvidia-smi.log'] });
    expect(contradictions[0].count).toBeGreaterThanOrEqual(13);
    expect(contradictions[0].fromNs! / SECOND).toBeGreaterThan(50);
    expect(contradictions[0].toNs! / SECOND).toBeLessThan(60);
    expect(contradictions[0].differenceBytes).toBeGreaterThan(10000 * MIB);
  });

  it('exact totals differ by a byte', () => {
    const again: NamedCurve = { name: 'kineto', curve: shiftCurve(run, 0) };
    expect(compareCurves(again, reserved)).toEqual({ contradictions: [], compared: 41, outside: 0 });
    const wrong = { ...run, value: run.value.map((value, i) => (i === 7 ? value + 1 : value)) };
    const { contradictions } = compareCurves({ name: 'kineto', curve: wrong }, reserved);
    expect(contradictions).toMatchObject([
      { kind: 'different', count: 1, differenceBytes: 1, allowedBytes: 0, fromNs: run.time_ns[7] },
    ]);
  });

  it('of a lower bound only less is a contradiction', () => {
    const floor: NamedCurve = { name: 'floor', curve: { ...run, bound: 'lower' } };
    const more = { ...run, value: run.value.map((value) => value + MIB) };
    const less = { ...run, value: run.value.map((value) => value - MIB) };
    expect(compareCurves({ name: 'more', curve: more }, floor).contradictions).toEqual([]);
    expect(compareCurves({ name: 'less', curve: less }, floor).contradictions).toMatchObject([
      { kind: 'different', differenceBytes: -MIB },
    ]);
  });
});

describe('lines without times', () => {
  const rows = {
    time_ns: BigInt64Array.of(1000n, 1100n, 1200n),
    figures: { reserved: Float64Array.of(10, 20, 30) },
  };
  const lines = [10, 25, 30, 99].map((value, i) => ({
    name: `line ${i}`,
    figures: { reserved: { least: value - 1, most: value + 1 } },
  }));

  it('one that fits nowhere is a row, one after the end is not', () => {
    const answer = compareLines(lines, placeSequence(lines, rows), ['a.log', 'run.pickle'], 0, 1000n);
    expect([answer.compared, answer.outside]).toEqual([3, 1]);
    expect(answer.contradictions).toMatchObject([
      { kind: 'never', fromNs: 0, toNs: 200, differenceBytes: 4, allowedBytes: 2 },
    ]);
    expect(withAmounts(answer.contradictions[0].sentence, 'binary')).toContain(
      'line 1: the recording comes no nearer to it than 4 bytes (reserved bytes)',
    );
  });
});

describe("a server's budget", () => {
  const budget = (weights: number, kv_cache: number): MemoryBudget => ({
    rank: rankNamed('TP0'),
    producer: 'vLLM',
    parts: [
      { id: 'weights', label: 'Weights', value: weights * MIB, granularity: 10 * MIB, offset: 0 },
      { id: 'kv_cache', label: 'KV cache', value: kv_cache * MIB, granularity: 10 * MIB, offset: 0 },
      { id: 'total', label: 'Total', value: 80000 * MIB, granularity: 0, offset: 0 },
    ],
  });
  const curve = eventCurve([
    [0, 100],
    [1, 1100],
    [2, 900],
  ]);

  it('fits what was reserved, or does not, at the border of what was printed', () => {
    const check = (kv: number) => compareBudget(budget(100, kv), 'vllm.log', { name: 'run', curve });
    expect(check(1000)).toEqual({ contradictions: [], compared: 2, outside: 0 });
    expect(check(1020).contradictions).toEqual([]);
    expect(check(1021).contradictions).toMatchObject([
      { kind: 'budget_above_reserved', differenceBytes: MIB, fromNs: SECOND },
    ]);
    const { sentence } = check(1021).contradictions[0];
    expect(withAmounts(sentence, 'binary')).toContain('vllm.log, TP0 names 1 MiB (1,048,576 bytes) more');
    expect(withAmounts(sentence, 'decimal')).toContain('vllm.log, TP0 names 1.05 MB (1,048,576 bytes) more');
  });

  it('says nothing where what was reserved is a lower bound', () => {
    const lower: StepCurve = { ...curve, bound: 'lower' };
    expect(
      compareBudget(budget(100, 9000), 'vllm.log', { name: 'run', curve: lower }).contradictions,
    ).toEqual([]);
  });
});
