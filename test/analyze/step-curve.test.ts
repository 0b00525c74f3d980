/** Curves as ranges of bytes: what a printed figure, a window of time and a thinned curve can mean. */
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../src/aggregate/baseline.ts';
import { torchSeries } from '../../src/aggregate/torch-series.ts';
import {
  boundsIn,
  curveOfCategories,
  curveOfGauge,
  curveOfSeries,
  printedBounds,
  shiftCurve,
  thinCurve,
  timeGranularity,
  windowOf,
} from '../../src/analyze/step-curve.ts';
import type { Gauge } from '../../src/trace/readings.ts';
import { asBigInt64 } from '../../src/base/u64.ts';
import { fixtureBytes, snapshotOf } from '../read/snapshot/fixtures.ts';
import { eventCurve, madeUpRun, MIB, sampleCurve, SECOND } from './step-curve-for-test.ts';

const gauge = (more: Partial<Gauge>): Gauge => ({
  id: 'memory.used',
  label: 'Memory used',
  unit: 'bytes',
  device: 0,
  labels: {},
  time_ns: BigInt64Array.from([10n, 12n, 13n], (second) => second * 1_000_000_000n),
  value: Float64Array.from([1, NaN, 3], (value) => value * MIB),
  granularity: MIB,
  note: null,
  ...more,
});

describe('printed figures', () => {
  it('as the range that rounding leaves', () => {
    expect(printedBounds(100, { granularity: 10, rounding: 'down' })).toEqual({ least: 100, most: 110 });
    expect(printedBounds(100, { granularity: 10, rounding: 'nearest' })).toEqual({ least: 95, most: 105 });
    expect(printedBounds(100, { granularity: 10, rounding: 'either' })).toEqual({ least: 90, most: 110 });
  });

  it('times: the width of the last digit that is used', () => {
    expect(timeGranularity(BigInt64Array.of(5_000_000_000n, 7_000_000_000n))).toBe(1e9);
    expect(timeGranularity(BigInt64Array.of(5_000_000_000n, 7_250_000_000n))).toBe(10e6);
    expect(timeGranularity(BigInt64Array.of(5_123_000_000n))).toBe(1e6);
    expect(timeGranularity(BigInt64Array.of(5_123_456_000n))).toBe(1e3);
    expect(timeGranularity(BigInt64Array.of(5_123_456_789n))).toBe(1);
  });
});

describe('boundsIn', () => {
  const steps = eventCurve([
    [0, 10],
    [1, 30],
    [2, 20],
  ]);
  it('an event curve holds its value until the next row', () => {
    expect(boundsIn(steps, 0.5 * SECOND, 0.9 * SECOND)).toEqual({ least: 10 * MIB, most: 10 * MIB });
    expect(boundsIn(steps, 0.5 * SECOND, 2 * SECOND)).toEqual({ least: 10 * MIB, most: 30 * MIB });
    expect(boundsIn(steps, SECOND, SECOND)).toEqual({ least: 30 * MIB, most: 30 * MIB });
  });
  it('tells nothing before its first row and after its end', () => {
    expect(boundsIn(steps, -2 * SECOND, -SECOND)).toBeNull();
    expect(boundsIn(steps, 2.1 * SECOND, 3 * SECOND)).toBeNull();
    expect(boundsIn(steps, -SECOND, 0)).toEqual({ least: 10 * MIB, most: 10 * MIB });
  });
  it('of samples those around the window count, with their rounding', () => {
    const samples = sampleCurve([
      [0, 10],
      [1, 30],
      [2, 20],
    ]);
    expect(boundsIn(samples, 0.4 * SECOND, 0.5 * SECOND)).toEqual({ least: 9 * MIB, most: 31 * MIB });
    expect(boundsIn(samples, 1.4 * SECOND, 1.5 * SECOND)).toEqual({ least: 19 * MIB, most: 31 * MIB });
  });
  it('a window of a sample has its slack, its last digit and its age', () => {
    const samples = sampleCurve([[5, 1]], { slackNs: 1, timeGranularityNs: 10, staleNs: 100 });
    expect(windowOf(samples, 0)).toEqual([5e9 - 101, 5e9 + 11]);
    expect(windowOf(shiftCurve(samples, -5e9, 2), 0)).toEqual([-103, 13]);
  });
});

describe('from sources', () => {
  it('a snapshot: reserved ends where its segments do, rows without change are left out', async () => {
    const [trace] = (await snapshotOf(fixtureBytes('oom.pickle'))).devices;
    const spec = torchSeries(trace, baselineOf(trace)).find(({ id }) => id === 'reserved')!;
    const base = asBigInt64(trace.events.time_ns)[0];
    const curve = curveOfSeries(trace, spec, 'reserved', base);
    const total = trace.segments!.total_size.reduce((sum, size) => sum + size, 0);
    expect(curve.value.at(-1)).toBe(total);
    expect(curve.value.length).toBeLessThan(trace.events.length / 2);
    expect(curve.bound).toBe('exact');
    expect(curve.endNs).toBe(Number(asBigInt64(trace.events.time_ns).at(-1)! - base));
  });

  it('a gauge: missing samples are left out; others than bytes of a GPU are none', () => {
    const curve = curveOfGauge(gauge({}), 10_000_000_000n)!;
    expect(Array.from(curve.time_ns)).toEqual([0, 3e9]);
    expect(curve).toMatchObject({
      measures: 'device_used',
      kind: 'sample',
      timeGranularityNs: 1e9,
      staleNs: 0,
    });
    expect(curveOfGauge(gauge({ id: 'DCGM_FI_DEV_FB_USED' }), 0n)?.staleNs).toBe(30e9);
    expect(curveOfGauge(gauge({ id: 'memory.total' }), 0n)).toBeNull();
    expect(curveOfGauge(gauge({ unit: 'ratio' }), 0n)).toBeNull();
    expect(curveOfGauge(gauge({ id: 'Total Allocated', labels: { device_type: 'CPU' } }), 0n)).toBeNull();
    expect(curveOfGauge(gauge({ value: Float64Array.of(NaN, NaN, NaN) }), 0n)).toBeNull();
  });

  it("Kineto's totals: every change, the last of one moment", () => {
    const time_ns = BigInt64Array.of(1n, 1n, 2n);
    const curve = curveOfGauge(
      gauge({ id: 'Total Reserved', time_ns, value: Float64Array.of(1, 2, 3), granularity: 0 }),
      0n,
    )!;
    expect(curve).toMatchObject({ kind: 'event', measures: 'reserved', slackNs: 0 });
    expect([Array.from(curve.time_ns), Array.from(curve.value)]).toEqual([
      [1, 2],
      [2, 3],
    ]);
  });

  it('the categories of a memory timeline are summed', () => {
    const part = (value: number[]): Gauge =>
      gauge({ id: 'x', labels: { category: 'x' }, value: Float64Array.from(value), granularity: 0 });
    expect(Array.from(curveOfCategories([part([1, 2, 3]), part([10, 20, 30])], 0n)!.value)).toEqual([
      11, 22, 33,
    ]);
    expect(curveOfCategories([gauge({})], 0n)).toBeNull();
  });
});

describe('thinCurve', () => {
  it('keeps to its error, and to the curve where it is short enough', () => {
    const run = madeUpRun(4, 3000, 100);
    expect(thinCurve(run, 4000)).toEqual({ curve: run, errorBytes: 0 });
    const { curve, errorBytes } = thinCurve(run, 500);
    expect(curve.value.length).toBeLessThanOrEqual(500);
    expect(errorBytes).toBeGreaterThan(0);
    for (const time of run.time_ns) {
      const apart = boundsIn(run, time, time)!.least - boundsIn(curve, time, time)!.least;
      expect(Math.abs(apart)).toBeLessThanOrEqual(errorBytes);
    }
  });
});
