import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  requestsByKey,
  stepsByTag,
  timesOfRequests,
} from '../../../src/analyze/server/request-buckets-join.ts';
import {
  bucketOf,
  DEFAULT_BOUNDS,
  requestBuckets,
  requestBucketsByTag,
  type RequestBuckets,
} from '../../../src/analyze/server/request-buckets.ts';
import { logReader } from '../../../src/read/log.ts';
import type { Gauge, Readings } from '../../../src/trace/readings.ts';
import { readBytes } from '../../read/open-for-test.ts';

const MIB = 2 ** 20;
const MB = 1e6;
const SECOND = 1_000_000_000n;
const fixture = (name: string): string =>
  readFileSync(new URL(join('../../fixtures/log', name), import.meta.url), 'utf8');
const readings = async (text: string): Promise<Readings> =>
  (await readBytes(logReader, 'x.log', text)).data.readings!;

const gauge = (id: string, samples: readonly (readonly [seconds: number, value: number])[]): Gauge => ({
  id,
  label: id,
  unit: 'bytes',
  device: 0,
  labels: {},
  time_ns: BigInt64Array.from(samples, ([seconds]) => BigInt(Math.round(seconds * 1000)) * 1_000_000n),
  value: Float64Array.from(samples, ([, value]) => value),
  granularity: MIB,
  note: null,
});
/** Requests as a log of milliseconds has them. */
const log = (requests: readonly (readonly [seconds: number, input: number, output: number])[]): Readings => ({
  clock: 'wall',
  gauges: [
    {
      ...gauge(
        'input_tokens',
        requests.map(([time, input]) => [time, input]),
      ),
      unit: 'tokens',
    },
    {
      ...gauge(
        'output_tokens',
        requests.map(([time, , output]) => [time, output]),
      ),
      unit: 'tokens',
    },
  ],
  tables: [],
  budgets: [],
  events: [],
});
const of = (result: RequestBuckets, name: string) => result.buckets.find((bucket) => bucket.name === name)!;
/** Every byte of growth is somewhere, and nowhere twice. */
function expectWhole(result: RequestBuckets): void {
  const sum = result.buckets.reduce(
    (all, { growth }) => all + growth,
    result.mixed.growth + result.idle.growth,
  );
  expect(sum).toBe(result.growth);
}

describe('classes of requests', () => {
  it('have inclusive upper bounds', () => {
    const [small, medium, large] = DEFAULT_BOUNDS.upTo;
    expect(
      [small, small + 1, medium, medium + 1, large, large + 1].map((n) => bucketOf(n, DEFAULT_BOUNDS)),
    ).toEqual(['S', 'M', 'M', 'L', 'L', 'XL']);
    expect(bucketOf(0, DEFAULT_BOUNDS)).toBe('S');
    // A prompt of 7,420 tokens, as guides on capacity warn of.
    expect(bucketOf(7420, DEFAULT_BOUNDS)).toBe('XL');
  });

  it('count tokens by what the bounds say', () => {
    const requests = log([
      [1, 400, 200],
      [2, 7420, 12],
    ]);
    const total = requestBuckets(requests, { memory: null });
    expect(total.join).toBe('none');
    expect(of(total, 'M')).toMatchObject({ count: 1, share: 0.5, inputTokens: 400, outputTokens: 200 });
    expect(of(total, 'XL').tokens).toEqual({ min: 7432, mean: 7432, max: 7432 });
    const input = requestBuckets(
      requests,
      { memory: null },
      { bounds: { upTo: [512, 8000, 9000], by: 'input' } },
    );
    expect(input.buckets.map(({ count }) => count)).toEqual([1, 1, 0, 0]);
    expect(input.buckets[1]).toMatchObject({ above: 512, upTo: 8000 });
    expect(input.buckets[3]).toMatchObject({
      above: 9000,
      upTo: null,
      share: 0,
      tokens: null,
      largestStep: null,
    });
  });
});

describe('memory by clock', () => {
  const memory = gauge('memory.used', [
    [0, 100],
    [10, 130],
    [20, 135],
    [30, 135],
    [40, 180],
    [50, 170],
  ]);

  it('belongs to the requests between two samples; mixed and idle steps are told apart', () => {
    const result = requestBuckets(
      log([
        [5.001, 100, 1],
        [15.001, 1000, 1],
        [16.001, 1200, 1],
        [35.001, 100, 1],
        [36.001, 9000, 1],
        [50, 9000, 1],
      ]),
      { memory },
      { stamped: 'end' },
    );
    expect(result.join).toBe('clock');
    expect(of(result, 'S')).toMatchObject({ count: 2, steps: 1, growth: 30, largestStep: 30 });
    expect(of(result, 'S').before).toEqual({ min: 100, mean: 100, max: 100 });
    expect(of(result, 'S').after).toEqual({ min: 130, mean: 130, max: 130 });
    expect(of(result, 'M')).toMatchObject({ count: 2, steps: 1, growth: 5 });
    expect(of(result, 'XL')).toMatchObject({ count: 2, steps: 1, growth: -10 });
    expect(result.mixed).toEqual({ steps: 1, requests: 2, growth: 45 });
    expect(result.idle).toEqual({ steps: 1, growth: 0 });
    expect(result.growth).toBe(70);
    expect(result.granularity).toBe(MIB);
    expectWhole(result);
  });

  it('at the very time of a sample is before it for a request that ends, after it for one that begins', () => {
    const requests = log([
      [10.001, 100, 1],
      [20, 100, 1],
    ]);
    expect(of(requestBuckets(requests, { memory }, { stamped: 'end' }), 'S')).toMatchObject({
      steps: 1,
      growth: 5,
    });
    const begin = requestBuckets(requests, { memory }, { stamped: 'begin' });
    expect(of(begin, 'S')).toMatchObject({ steps: 2, growth: 5 });
    expect(begin.notes).toEqual([]);
    expect(requestBuckets(requests, { memory }).notes[0]).toContain('the log does not say');
  });

  it('tells which requests lie outside of it, and which may belong to the step beside', () => {
    const outside = requestBuckets(
      log([
        [-5, 100, 1],
        [5, 100, 1],
        [99, 100, 1],
      ]),
      { memory },
      { stamped: 'end' },
    );
    expect(outside.notes).toEqual([
      '2 requests lie before the first or after the last sample of the memory.',
    ]);
    expect(of(outside, 'S').count).toBe(3);
    // Whole seconds: a sample at 10.5 is within the second of 10, one at 11 is not.
    const half = gauge('memory.used', [
      [0, 1],
      [10.5, 2],
      [20, 3],
    ]);
    const seconds = log([
      [10, 100, 1],
      [12, 100, 1],
    ]);
    expect(requestBuckets(seconds, { memory: half }, { stamped: 'end' }).uncertain).toBe(1);
    const whole = gauge('memory.used', [
      [0, 1],
      [11, 2],
      [20, 3],
    ]);
    expect(requestBuckets(seconds, { memory: whole }, { stamped: 'end' }).uncertain).toBe(0);
  });

  it('sees the queue at each request, and missing samples as missing', () => {
    const waiting = gauge('Waiting', [
      [0, 0],
      [14, 7],
      [15, NaN],
    ]);
    const requests = log([
      [-1, 100, 1],
      [1, 100, 1],
      [14, 100, 1],
      [15, 100, 1],
    ]);
    const result = requestBuckets(requests, { memory: null, waiting });
    expect(of(result, 'S').waiting).toEqual({ min: 0, mean: 3.5, max: 7 });
    expect(of(result, 'S').running).toBeNull();
    const gap = gauge('memory.used', [
      [0, 100],
      [5, NaN],
      [10, 130],
    ]);
    expect(requestBuckets(log([[7, 100, 1]]), { memory: gap })).toMatchObject({ growth: 30 });
  });

  it('is not joined where requests carry no time', async () => {
    const untimed = await readings('input_tokens=10 output_tokens=2\ninput_tokens=900 output_tokens=2\n');
    const result = requestBuckets(untimed, { memory });
    expect(result).toMatchObject({ join: 'none', growth: null });
    expect(result.notes.join(' ')).toContain('carries no times');
    expect(of(result, 'M').count).toBe(1);
  });
});

describe('requests of a log', () => {
  it('whose counts are not both there come from the table, at their times', async () => {
    const read = await readings(
      [
        '2026-01-01 00:00:05 input_tokens=10 output_tokens=2',
        '2026-01-01 00:00:03 input_tokens=20',
        '2026-01-01 00:00:09 output_tokens=7 input_tokens=30',
      ].join('\n'),
    );
    const { requests } = timesOfRequests(read);
    const base = requests[0].time_ns;
    expect(requests.map(({ time_ns, input, output }) => [(time_ns - base) / SECOND, input, output])).toEqual([
      [0n, 20, null],
      [2n, 10, 2],
      [6n, 30, 7],
    ]);
    const result = requestBuckets(read, { memory: null });
    expect(result.unclassified).toBe(1);
    expect(of(result, 'S').count).toBe(2);
    const input = requestBuckets(read, { memory: null }, { bounds: { upTo: [10, 20, 30], by: 'input' } });
    expect(input.unclassified).toBe(0);
  });

  it('have a key only where no two have the same', async () => {
    const line = (id: string): string => `2026-01-01 00:00:05 id=${id} input_tokens=10 output_tokens=2`;
    expect([...requestsByKey(await readings(`${line('req-1')}\n${line('req-2')}`))!.keys()]).toEqual([
      '1',
      '2',
    ]);
    expect(requestsByKey(await readings(`${line('a-1')}\n${line('b-1')}`))).toBeNull();
    expect(requestsByKey(await readings('input_tokens=10 output_tokens=2'))).toBeNull();
  });
});

describe('the ten requests of serve', () => {
  it('by tag: reserved grows by 1,147.1 MB, 864 MB of it with the one request of 8 x 1,500 tokens', async () => {
    const requests = requestsByKey(await readings(fixture('serve.requests.log')))!;
    const lines = await readings(fixture('serve.report.log'));
    const steps = stepsByTag(lines, 'reserved');
    expect(steps).toHaveLength(10);
    expect(steps.every(({ overlaps }) => !overlaps)).toBe(true);
    const reserved = requestBucketsByTag(requests, steps, 0.1 * MB);
    expect(reserved.join).toBe('tag');
    expect(reserved.growth).toBeCloseTo(1147.1 * MB, 0);
    expect(reserved.buckets.map(({ name, count }) => [name, count])).toEqual([
      ['S', 1],
      ['M', 6],
      ['L', 2],
      ['XL', 1],
    ]);
    expect(of(reserved, 'M').largestStep).toBeCloseTo(864 * MB, 0);
    expect(of(reserved, 'L').growth).toBeCloseTo(220.2 * MB, 0);
    expect(of(reserved, 'S').growth).toBe(0);
    expect(of(reserved, 'XL').growth).toBe(0);
    expect(reserved.idle.growth).toBe(0);
    expectWhole(reserved);
    // What is allocated grows with the first request alone and stays: no leak.
    const allocated = requestBucketsByTag(requests, stepsByTag(lines, 'allocated'), 0.1 * MB);
    expect(allocated.buckets.filter(({ growth }) => growth !== 0).map(({ name }) => name)).toEqual(['L']);
    expect(allocated.growth).toBeCloseTo(34.7 * MB, 0);
  });

  it('by clock: the same requests against nvidia-smi, every MiB accounted for', async () => {
    const { gauges } = await readings(fixture('serve.nvidia-smi.log'));
    const memory = gauges.find(({ unit, label }) => unit === 'bytes' && !/total/i.test(label))!;
    const result = requestBuckets(
      await readings(fixture('serve.requests.log')),
      { memory },
      { stamped: 'end' },
    );
    expect(result.growth).toBe((4287 - 4199) * MIB);
    expectWhole(result);
    expect(of(result, 'L').steps).toBeGreaterThan(0);
    expect(of(result, 'L').growth).toBe((4487 - 4199) * MIB);
    expect(of(result, 'M').largestStep).toBe((5375 - 4549) * MIB);
    expect(result.uncertain).toBeGreaterThan(0);
  });

  it('overlapping requests share their steps', () => {
    const lines: Readings = {
      clock: 'none',
      gauges: [],
      tables: [
        {
          id: 'memory-lines',
          title: '',
          note: null,
          columns: ['line', 'tag', 'allocated', 'reserved'].map((name) => ({ name, unit: 'text' as const })),
          rows: [
            [0, 'before_request_1', 1, 10],
            [1, 'before_request_2', 1, 14],
            [2, 'after_request_1', 1, 20],
            [3, 'after_request_2', 1, 21],
            [4, 'before_request_3', 1, 22],
            [5, 'after_request_3', 1, 30],
            [6, 'after_empty_cache', 1, 9],
          ],
        },
      ],
      budgets: [],
      events: [],
    };
    const steps = stepsByTag(lines, 'reserved');
    expect(steps.map(({ key, overlaps }) => [key, overlaps])).toEqual([
      ['1', true],
      ['2', true],
      ['3', false],
    ]);
    const requests = new Map(['1', '2', '3', '4'].map((key) => [key, { input: 10, output: 1 }]));
    const result = requestBucketsByTag(requests, steps, 0);
    expect(result.mixed).toEqual({ steps: 2, requests: 2, growth: 17 });
    expect(of(result, 'S')).toMatchObject({ count: 4, steps: 1, growth: 8 });
    expect(result.growth).toBe(20);
    expectWhole(result);
    expect(result.notes).toEqual(['1 requests have no memory printed before and after them.']);
  });
});
