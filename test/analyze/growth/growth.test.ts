/** The growth verdict: for every kind a series where it must be said, and one close to it where it must not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { classifyGrowth } from '../../../src/analyze/growth/growth.ts';
import { combineGrowth } from '../../../src/analyze/growth/conclusion.ts';
import {
  growthOfIterations,
  growthOfSamples,
  iterationDrivers,
  iterationValues,
} from '../../../src/analyze/growth/series.ts';
import { workOf } from '../../work.ts';
import { mannKendall, rSquared, theilSen, thinned } from '../../../src/analyze/growth/statistics.ts';
import type { GrowthSeries, GrowthVerdict } from '../../../src/analyze/growth/verdict.ts';
import { findIterations } from '../../../src/analyze/growth/iterations.ts';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import { torchSeries } from '../../../src/aggregate/torch-series.ts';
import { i64At } from '../../../src/base/u64.ts';
import type { DeviceTrace } from '../../../src/trace/capture.ts';
import { recordingBytes, seeded, snapshotOf } from '../../read/snapshot/fixtures.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { livesOf, Program } from './program.ts';

const of = (values: readonly number[], more: Partial<GrowthSeries> = {}): GrowthVerdict =>
  classifyGrowth({ values: Float64Array.from(values), ...more });
const series = (n: number, value: (i: number) => number): number[] =>
  Array.from({ length: n }, (_, i) => value(i));
const driver = (values: readonly number[]) => [
  { name: 'largest request', values: Float64Array.from(values) },
];

describe('statistics', () => {
  const x = Float64Array.of(0, 1, 2, 3, 4, 5);

  it("Theil and Sen's slope is the median of all pairs", () => {
    expect(theilSen(x, Float64Array.of(0, 2, 4, 6, 8, 100)).slope).toBe(2);
    expect(theilSen(x, x).low).toBe(1);
    // By hand: pairs of (0,0) (1,3) (2,1): 3, 0.5, -2.
    expect(theilSen(x.subarray(0, 3), Float64Array.of(0, 3, 1)).slope).toBe(0.5);
  });

  it('Mann and Kendall: exact for few values, corrected for ties', () => {
    // 5 values that rise: 1 of 120 orders, and as many that fall.
    expect(mannKendall(x.subarray(0, 5))).toEqual({ s: 10, tau: 1, p: 2 / 120 });
    expect(mannKendall(Float64Array.of(3, 3, 3, 3))).toEqual({ s: 0, tau: 0, p: 1 });
    // Kendall's tau-b by hand: S = 5, 6 pairs, 1 tied.
    expect(mannKendall(Float64Array.of(1, 2, 2, 3)).tau).toBeCloseTo(5 / Math.sqrt(6 * 5), 12);
    const fall = mannKendall(Float64Array.from(series(30, (i) => -i)));
    expect(fall.tau).toBe(-1);
    expect(fall.p).toBeLessThan(1e-6);
  });

  it('R² is 1 on a line and low off it', () => {
    expect(rSquared(x, x)).toBeCloseTo(1, 12);
    expect(rSquared(x, Float64Array.of(1, 0, 1, 0, 1, 0))).toBeLessThan(0.1);
  });

  it('thins to medians of neighbours, and leaves short series alone', () => {
    const long = Float64Array.from(series(1000, (i) => i));
    const { x: tx, y: ty } = thinned({ x: long, y: long }, 100);
    expect([ty.length, ty[0], ty[99], tx[0]]).toEqual([100, 4.5, 994.5, 4.5]);
    expect(thinned({ x, y: x }, 6).y).toBe(x);
  });
});

describe('none', () => {
  it('is said of a flat series', () => {
    expect(of(series(12, () => 7))).toMatchObject({ kind: 'none', confidence: 'high', bound: 7 });
  });

  it('is said of one that varies, with the growth that would not show', () => {
    const random = seeded(5);
    const verdict = of(series(40, () => 1000 + 100 * random()));
    expect(verdict.kind).toBe('none');
    expect(verdict.why.join(' ')).toMatch(/Growth of up to \d+ per iteration would not show/);
  });

  it('is not said where the same noise rides on a slope', () => {
    const random = seeded(5);
    expect(of(series(40, (i) => 1000 + 100 * random() + 10 * i)).kind).toBe('linear_leak');
  });

  it('is said of wavering in the thousandth part, but not of a line as small', () => {
    const wavering = [39360, 72192, 47616, 64000, 88576, 121408, 105024, 96832, 96832, 96832, 113216, 129664];
    expect(of(wavering.map((value) => 477_800_000 + value)).kind).toBe('none');
    expect(of(wavering).kind).toBe('cannot_tell');
    expect(of(series(12, (i) => 477_800_000 + 8192 * i)).kind).toBe('linear_leak');
  });

  it('is said of one that falls, and of a sawtooth over iterations', () => {
    expect(of(series(10, (i) => 100 - i)).kind).toBe('none');
    expect(of(series(40, (i) => 100 + (i % 7))).kind).toBe('none');
  });

  it.each(series(12, (i) => i + 1))('is what noise gets: never a leak (seed %i)', (seed) => {
    const random = seeded(seed);
    expect(['none', 'cannot_tell']).toContain(of(series(25, () => random())).kind);
  });
});

describe('warm_up_plateau', () => {
  it('is said where growth ends, with the bound', () => {
    expect(of([3974, 3989, 4037, 4901, 4901, 4901, 4901, 4901, 4901, 4901])).toMatchObject({
      kind: 'warm_up_plateau',
      bound: 4901,
    });
  });

  it('is not said while the flat end is no longer than a pause before', () => {
    expect(of([1, 1, 1, 1, 5, 5, 5, 5, 9, 9, 9, 9, 9]).kind).not.toBe('warm_up_plateau');
  });

  it('is not said of one early rise and a flat rest: another may follow', () => {
    expect(of([1, 1, 1, 1, 5, ...series(16, () => 5)]).kind).toBe('cannot_tell');
    expect(of([1, 5, ...series(16, () => 5)]).kind).toBe('warm_up_plateau');
  });

  it('is said where the largest request comes again and raises nothing', () => {
    const values = [10, 12, 12, 12, 30, ...series(8, () => 30)];
    const repeated = driver([4, 3, 4, 2, 9, 3, 4, 9, 2, 3, 4, 2, 3]);
    expect(of(values, { drivers: repeated })).toMatchObject({
      kind: 'warm_up_plateau',
      boundBy: { name: 'largest request', bytes: 9 },
    });
    expect(of(values, { drivers: driver([4, 3, 4, 2, 9, 3, 4, 3, 2, 3, 4, 2, 3]) }).kind).toBe('cannot_tell');
    expect(of(values, { drivers: driver(values.map(() => 9)) }).kind).toBe('cannot_tell');
  });

  it('is not said where a slow leak follows the steep beginning', () => {
    const verdict = of(series(30, (i) => (i < 2 ? 100 * i : 100_000 + 50 * i)));
    expect(verdict.kind).toBe('linear_leak');
    expect(verdict.slopePerIteration).toBe(50);
    expect(verdict.window![0]).toBe(2);
  });

  it('allows ripples that are small against the growth', () => {
    expect(of([0, 500, 1000, 1001, 1000, 1002, 1000, 1001, 1000, 1001]).kind).toBe('warm_up_plateau');
  });

  it('says what its rises came with', () => {
    const values = [10, 20, 40, ...series(12, () => 40)];
    const verdict = of(values, { drivers: driver([5, 7, 9, ...series(12, (i) => 4 + (i % 3))]) });
    expect(verdict).toMatchObject({
      kind: 'warm_up_plateau',
      boundBy: { name: 'largest request', bytes: 9 },
    });
  });
});

describe('steps_with_largest_request', () => {
  const requests = [4, 2, 6, 3, 1, 5, 6, 9, 2, 8, 3, 9, 12, 7, 4, 11, 3, 15, 2];
  const reserved = requests.map((_, i) => 10 * Math.max(...requests.slice(0, i + 1)));

  it('is said where each rise has a new largest request, with that request', () => {
    expect(of(reserved, { drivers: driver(requests) })).toMatchObject({
      kind: 'steps_with_largest_request',
      bound: 150,
      boundBy: { name: 'largest request', bytes: 15 },
    });
  });

  it('is not said where it rises without one', () => {
    const others = requests.map((_, i) => requests[(i + 5) % requests.length]);
    expect(of(reserved, { drivers: driver(others) }).kind).not.toBe('steps_with_largest_request');
  });

  it('is not said of a value that falls back: it follows the request', () => {
    expect(of(requests, { drivers: driver(requests) }).kind).not.toBe('steps_with_largest_request');
  });

  it('cannot be told where every request is larger than the one before', () => {
    const rising = series(12, (i) => 5 + i);
    expect(of(rising, { drivers: driver(rising) }).kind).toBe('cannot_tell');
    expect(of(rising, { drivers: driver(series(12, () => 5)) }).kind).toBe('linear_leak');
  });
});

describe('linear_leak', () => {
  it('gives bytes per iteration, and iterations and time to the limit', () => {
    const verdict = of(
      series(20, (i) => 1000 + 35 * i),
      {
        limit: 2000,
        times: Float64Array.from(series(20, (i) => i * 2e9)),
      },
    );
    expect(verdict).toMatchObject({ kind: 'linear_leak', confidence: 'high', slopePerIteration: 35 });
    expect(verdict.slopePerSecond).toBe(17.5);
    // 335 bytes are left after the last: 9 iterations of 35.
    expect(verdict.untilLimit).toEqual({ iterations: 9, ns: 18e9 });
  });

  it('is said of one iteration in five that keeps something, by the mean', () => {
    const verdict = of(series(50, (i) => 1000 + 100 * Math.floor(i / 5)));
    expect(verdict.kind).toBe('linear_leak');
    expect(verdict.slopePerIteration).toBeCloseTo(20, 0);
  });

  it('is not said of two steps in twenty', () => {
    const verdict = of(series(20, (i) => 1000 + 100 * Math.floor(i / 8)));
    expect(verdict.kind).toBe('cannot_tell');
    expect(verdict.why.join(' ')).toContain('2 rises at iteration 9 and 17');
  });

  it('lowers its confidence where the recording begins in the middle, and says so', () => {
    const verdict = of(
      series(20, (i) => i),
      { startsInside: true },
    );
    expect(verdict).toMatchObject({ kind: 'linear_leak', confidence: 'medium' });
    expect(verdict.why[0]).toContain('only the visible window');
  });

  it('takes the digit of a printed figure for no rise', () => {
    const printed = series(12, (i) => 3123.0 + 0.1 * (i % 2));
    expect(of(printed, { granularity: 0.11 }).kind).toBe('none');
  });
});

describe('sub_linear', () => {
  it('is said of growth that slows down without an end', () => {
    expect(of(series(40, (i) => 100 * Math.log(1 + i))).kind).toBe('sub_linear');
    expect(of(series(40, (i) => 100 * Math.sqrt(i))).kind).toBe('sub_linear');
  });

  it('is not said of a line with noise', () => {
    const random = seeded(9);
    expect(of(series(40, (i) => 100 * i + 150 * random())).kind).toBe('linear_leak');
  });

  it('is not said of one that saturates', () => {
    expect(of(series(60, (i) => 1000 * (1 - Math.exp(-i / 8)))).kind).toBe('warm_up_plateau');
  });
});

describe('cannot_tell', () => {
  it('is said below five values, whatever they do', () => {
    expect(of([]).kind).toBe('cannot_tell');
    expect(of([1, 2, 4, 5]).kind).toBe('cannot_tell');
    expect(of([1, 2, 4, 5, 6, 8]).kind).toBe('linear_leak');
  });

  it('but not where four values leave no doubt', () => {
    expect(of([7, 7, 7])).toMatchObject({ kind: 'none', confidence: 'low' });
    expect(of([7, 9, 11, 13])).toMatchObject({
      kind: 'linear_leak',
      confidence: 'low',
      slopePerIteration: 2,
    });
    // Printed figures always leave some.
    expect(of([7, 9, 11, 13], { granularity: 0.1 }).kind).toBe('cannot_tell');
  });

  it('is said of a short trend that chance would explain', () => {
    expect(of([1, 4, 2, 5, 3, 6]).kind).toBe('cannot_tell');
  });

  it('leaves missing values out and keeps the indices', () => {
    const verdict = of([NaN, 1, NaN, NaN, NaN, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5]);
    expect(verdict.rises).toEqual([{ at: 5, by: 4 }]);
    expect(verdict.window).toEqual([1, 17]);
  });
});

describe('one value an iteration', () => {
  /** Saws inside every iteration, keeps `keep` bytes of each. */
  function saw(keep: number): DeviceTrace {
    const program = new Program();
    program.alloc('main:1', 1e6);
    for (let i = 0; i < 12; i++) {
      const a = program.alloc('main:3', 5e6);
      program.touch('main:4', 3e6 + 1e5 * i);
      if (keep > 0) program.alloc('main:5', keep);
      program.free(a);
    }
    return program.trace();
  }
  const requestedOf = (trace: DeviceTrace): Float64Array => {
    let now = 0;
    const deltas = torchSeries(trace, baselineOf(trace)).find(({ id }) => id === 'requested')!.deltas!();
    return Float64Array.from({ length: trace.events.length }, (_, row) => (now += i64At(deltas, row)));
  };

  it('is the state at its end, with the most and the least inside', () => {
    const trace = saw(100);
    const values = iterationValues(requestedOf(trace), findIterations(trace, livesOf(trace)));
    expect([...values.end]).toEqual(series(12, (i) => 1e6 + 100 * (i + 1)));
    expect(values.peak[3]).toBe(1e6 + 300 + 5e6 + 3.3e6);
    expect(values.low[3]).toBe(1e6 + 400);
    expect(values.before).toBe(1e6);
  });

  it('is not fooled by what comes and goes inside', () => {
    const verdictOf = (trace: DeviceTrace) =>
      growthOfIterations(requestedOf(trace), findIterations(trace, livesOf(trace)));
    expect(verdictOf(saw(0)).atEnd.kind).toBe('none');
    // What is needed inside grows, though nothing is kept.
    expect(verdictOf(saw(0)).atPeak.kind).toBe('linear_leak');
    expect(verdictOf(saw(512)).atEnd).toMatchObject({ kind: 'linear_leak', slopePerIteration: 512 });
  });

  it('drivers are the largest request and what passes through, however much is kept', () => {
    const trace = saw(512);
    const lives = livesOf(trace);
    const [largest, passing] = iterationDrivers(trace, findIterations(trace, lives), lives);
    expect([...largest.values]).toEqual(series(12, () => 5e6));
    expect([...passing.values]).toEqual(series(12, (i) => 8e6 + 1e5 * i));
  });
});

describe('allocated and reserved together', () => {
  const flat = of(series(12, () => 5));
  const plateau = of([1, 2, 4, ...series(12, () => 4)]);
  const leak = of(series(12, (i) => i));
  const unclear = of([1, 2]);
  const largest = [4, 2, 6, 3, 1, 5, 6, 9, 2, 8, 3, 9, 12, 7, 4, 11, 3, 15, 2];
  const steps = of(
    largest.map((_, i) => Math.max(...largest.slice(0, i + 1))),
    { drivers: driver(largest) },
  );

  it.each([
    ['leak', leak, leak, 'leak'],
    ['leak inside a large cache', leak, plateau, 'leak'],
    ['flat and a plateau', flat, plateau, 'caching_allocator'],
    ['flat and steps', flat, steps, 'caching_allocator'],
    ['flat and growth', flat, leak, 'fragmentation'],
    ['both flat', flat, flat, 'no_growth'],
    ['both plateaus', plateau, plateau, 'warm_up'],
    ['unclear', unclear, flat, 'cannot_tell'],
    ['reserved unclear', flat, unclear, 'cannot_tell'],
  ])('%s', (_, allocated, reserved, conclusion) => {
    expect(combineGrowth(allocated, reserved).conclusion).toBe(conclusion);
  });

  it('tells fragmentation from blocks that wait for a stream by what is active', () => {
    expect(combineGrowth(flat, leak, leak).conclusion).toBe('pending_free');
    expect(combineGrowth(flat, leak, flat)).toMatchObject({
      conclusion: 'fragmentation',
      confidence: 'high',
    });
    expect(combineGrowth(flat, leak).confidence).toBe('low');
  });
});

const printed = (path: string, what: RegExp): Float64Array =>
  Float64Array.from(
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => what.test(line) && !line.includes('empty_cache')),
    (line) => Math.round(Number(what.exec(line)![1]) * 1e6),
  );

describe('samples of a gauge', () => {
  it('a server that warms up: allocated and reserved of [tag] lines', () => {
    const log = join(import.meta.dirname, '../../fixtures/log/serve.report.log');
    const reserved = growthOfSamples(printed(log, /Reserved: ([\d.]+)/), { granularity: 1e5 });
    expect(reserved).toMatchObject({ kind: 'warm_up_plateau', bound: 4_901_000_000 });
    const allocated = growthOfSamples(printed(log, /Allocated: ([\d.]+)/), { granularity: 1e5 });
    expect(allocated).toMatchObject({ kind: 'warm_up_plateau', bound: 3_123_000_000 });
    expect(combineGrowth(allocated, reserved).conclusion).toBe('warm_up');
  });

  it('many samples: judged on medians of 256 runs', async () => {
    const random = seeded(1);
    const values = Float64Array.from({ length: 20_000 }, (_, i) => 1e9 + 1000 * i + 1e6 * random());
    const times_ns = BigInt64Array.from(values, (_, i) => BigInt(i) * 1_000_000_000n);
    const judged = (): GrowthVerdict => growthOfSamples(values, { times_ns, granularity: 2 ** 20 });
    // The slopes of all pairs of samples would be 10,000 for each.
    const work = await workOf(judged);
    expect(work).toBeGreaterThan(values.length);
    expect(work).toBeLessThan(20 * values.length);
    const verdict = judged();
    expect(verdict.kind).toBe('linear_leak');
    expect(verdict.slopePerSecond! / 1000).toBeCloseTo(1, 1);
  });
});

const traces = sharedTraces();
describe.skipIf(traces === null)('the recordings in ../shared/traces', () => {
  async function verdictsOf(name: string, device = 0) {
    const trace = (await snapshotOf(recordingBytes(name))).devices[device];
    const iterations = findIterations(trace, livesOf(trace));
    const drivers = iterationDrivers(trace, iterations, livesOf(trace));
    const specs = torchSeries(trace, baselineOf(trace));
    const verdictOf = (id: string): GrowthVerdict => {
      const spec = specs.find((one) => one.id === id)!;
      const deltas = spec.deltas!();
      let now = spec.initial;
      const curve = Float64Array.from(
        { length: trace.events.length },
        (_, row) => (now += i64At(deltas, row)),
      );
      return growthOfIterations(curve, iterations, { drivers, limit: 80e9 }).atEnd;
    };
    const [requested, reserved, allocated, active] = [
      'requested',
      'reserved',
      'allocated_floor',
      'active_floor',
    ].map(verdictOf);
    return { requested, reserved, combined: combineGrowth(allocated, reserved, active) };
  }

  it(
    'serve: allocated flat, reserved a plateau of 4,901 MB: the caching allocator',
    { timeout: 60_000 },
    async () => {
      const { requested, reserved, combined } = await verdictsOf('serve/serve.pickle');
      expect(requested.kind).toBe('none');
      expect(reserved).toMatchObject({ kind: 'warm_up_plateau', bound: 4_901_044_224 });
      expect(combined.conclusion).toBe('caching_allocator');
    },
  );

  it.each([
    ['train/train.pickle', 4_997_513_216],
    ['train_expandable/train_expandable.pickle', 4_179_623_936],
  ])(
    '%s: no leak, reserved a plateau that the largest batch bounds',
    { timeout: 60_000 },
    async (name, bound) => {
      const { requested, reserved, combined } = await verdictsOf(name);
      expect(requested.kind).toBe('none');
      expect(reserved).toMatchObject({
        kind: 'warm_up_plateau',
        bound,
        boundBy: { name: 'largest request' },
      });
      expect(combined.conclusion).toBe('caching_allocator');
    },
  );

  it('leak: requested grows by the same for each request; the log shows what its blocks took', async () => {
    const { requested, combined } = await verdictsOf('leak/leak.pickle');
    expect(requested).toMatchObject({
      kind: 'linear_leak',
      confidence: 'high',
      slopePerIteration: 35_025_412,
    });
    expect(combined.conclusion).toBe('leak');
    const log = printed(join(traces!, 'leak/leak.report.log'), /Allocated: ([\d.]+)/);
    const told = growthOfSamples(log, { granularity: 1e5 });
    expect(told).toMatchObject({ kind: 'linear_leak', confidence: 'high' });
    // From request 1 to 39 the log tells 1446.4 - 100.8 MB.
    expect(Math.abs(told.slopePerIteration! - 1345.6e6 / 38)).toBeLessThan(20_000);
  });

  it('pending: reserved grows with blocks that wait for a stream', async () => {
    const { combined } = await verdictsOf('pending/pending.pickle');
    expect(combined.conclusion).toBe('pending_free');
  });

  it.each(['ring/ring.pickle', 'oom/oom.pickle', 'churn/churn_0.pickle', 'graphs/graphs.pickle'])(
    '%s: cannot be told',
    { timeout: 60_000 },
    async (name) => {
      const { requested, combined } = await verdictsOf(name);
      expect(requested.kind).toBe('cannot_tell');
      expect(combined.conclusion).toBe('cannot_tell');
    },
  );
});
