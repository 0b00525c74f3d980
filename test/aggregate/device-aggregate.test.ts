/** Curves of a device, column by column, against totals summed one event at a time in BigInt. */
import { describe, expect, it } from 'vitest';
import { allocationKeys, seriesOf } from '../../src/aggregate/device-columns.ts';
import { baselineOf, floorSize } from '../../src/aggregate/baseline.ts';
import { DeviceAggregate } from '../../src/aggregate/device-aggregate.ts';
import { asBigUint64 } from '../../src/base/u64.ts';
import { createCpuKernels } from '../../src/kernel/cpu-kernels.ts';
import type { DeviceTrace } from '../../src/trace/capture.ts';
import { ACTIONS } from '../../src/trace/schema.ts';
import {
  fixtureBytes,
  recordingBytes,
  recordingPath,
  seeded,
  snapshotOf,
} from '../read/snapshot/fixtures.ts';
import { traceOf } from '../trace/events-for-test.ts';

const kernels = createCpuKernels();

const aggregateOf = (trace: DeviceTrace): DeviceAggregate =>
  new DeviceAggregate(
    trace,
    seriesOf(trace, baselineOf(trace)),
    (early) => early,
    { curves: kernels, histogram: kernels },
    () => allocationKeys(trace),
  );

/** Value after every event, by the meaning of the events and nothing else. */
function totalsOf(trace: DeviceTrace, id: string, initial: number): bigint[] {
  const sizes = asBigUint64(trace.events.size);
  let total = BigInt(initial);
  return Array.from(trace.events.action, (action, row) => {
    const name = ACTIONS[action];
    const size = sizes[row];
    const floor = BigInt(floorSize(Number(size)));
    const change: Record<string, Partial<Record<string, bigint>>> = {
      requested: { alloc: size, free_completed: -size },
      reserved: { segment_alloc: size, segment_map: size, segment_free: -size, segment_unmap: -size },
      active_floor: { alloc: floor, free_completed: -floor },
      allocated_floor: { alloc: floor, free_requested: -floor },
      segments: { segment_alloc: 1n, segment_free: -1n },
      unused: {
        segment_alloc: size,
        segment_map: size,
        segment_free: -size,
        segment_unmap: -size,
        alloc: -size,
        free_completed: size,
      },
    };
    total += change[id][name] ?? 0n;
    return total;
  });
}

const EXACT = ['requested', 'reserved', 'active_floor', 'allocated_floor', 'segments', 'unused'];

/** First difference between the aggregate's columns and the same by brute force. */
async function differenceOf(trace: DeviceTrace, offsets: Uint32Array, plant = 0n): Promise<string | null> {
  const aggregate = aggregateOf(trace);
  for (const id of EXACT) {
    const spec = aggregate.spec(id);
    if (spec === undefined) continue;
    const totals = totalsOf(trace, id, spec.initial);
    if (totals.length > 0) totals[totals.length - 1] += plant;
    const columns = await aggregate.columns(spec, offsets);
    for (let i = 0; i + 1 < offsets.length; i++) {
      const [from, to] = [offsets[i], offsets[i + 1]];
      const carried = from === 0 ? BigInt(spec.initial) : totals[from - 1];
      const part = from === to ? [carried] : totals.slice(from, to);
      const expected = [
        part[0],
        part.reduce((a, b) => (b < a ? b : a)),
        part.reduce((a, b) => (b > a ? b : a)),
        part.at(-1)!,
      ];
      const got = [columns.first[i], columns.min[i], columns.max[i], columns.last[i]];
      if (got.some((value, k) => BigInt(value) !== expected[k]))
        return `${id}, column ${i} [${from}, ${to}): ${got.join()} is not ${expected.join()}`;
    }
    const extent = await aggregate.extent(spec);
    const all = [BigInt(spec.initial), ...totals];
    const peak = all.reduce((a, b) => (b > a ? b : a));
    const at = all.indexOf(peak) - 1;
    if (BigInt(extent.peak) !== peak || (extent.peakRow ?? -1) !== at)
      return `${id}: peak ${extent.peak} at ${extent.peakRow}`;
    if (BigInt(extent.last) !== all.at(-1)) return `${id}: last ${extent.last}`;
    if (BigInt(extent.lowest) !== all.reduce((a, b) => (b < a ? b : a)))
      return `${id}: lowest ${extent.lowest}`;
  }
  return null;
}

/** Ascending offsets, many of them equal; sometimes not from the first row, nor to the last. */
function randomOffsets(random: () => number, rows: number): Uint32Array {
  const offsets = Uint32Array.from({ length: 2 + Math.floor(random() * 40) }, () =>
    Math.floor(random() * (rows + 1)),
  );
  for (let i = 1; i < offsets.length; i++) if (random() < 0.3) offsets[i] = offsets[i - 1];
  if (random() < 0.5) offsets[0] = 0;
  if (random() < 0.5) offsets[offsets.length - 1] = rows;
  return offsets.sort();
}

const FIXTURES = ['oom.pickle', 'oom.torch20.pickle', 'oom.high.pickle', 'graphs.pickle', 'pending.pickle'];

describe('columns of a fixture', () => {
  it.each(FIXTURES)('%s', async (name) => {
    const [trace] = (await snapshotOf(fixtureBytes(name))).devices;
    for (let seed = 1; seed <= 12; seed++) {
      const offsets = randomOffsets(seeded(seed), trace.events.length);
      expect(await differenceOf(trace, offsets), `seed ${seed}`).toBeNull();
    }
  });

  it('a planted difference is found', async () => {
    const [trace] = (await snapshotOf(fixtureBytes('oom.pickle'))).devices;
    expect(await differenceOf(trace, new Uint32Array([0, 140]), 1n)).toMatch(/column 0|last/);
  });

  it('empty columns carry what was there before them, the first one what was there before the recording', async () => {
    const trace = traceOf([
      { action: 'free_completed', address: 512, size: 100 },
      { action: 'alloc', address: 512, size: 300 },
      { action: 'alloc', address: 1024, size: 1 },
    ]);
    const aggregate = aggregateOf(trace);
    const spec = aggregate.spec('requested')!;
    expect(spec.initial).toBe(100);
    const columns = await aggregate.columns(spec, new Uint32Array([0, 0, 1, 1, 3, 3]));
    expect([...columns.first]).toEqual([100, 0, 0, 300, 301]);
    expect([...columns.min]).toEqual([100, 0, 0, 300, 301]);
    expect([...columns.max]).toEqual([100, 0, 0, 301, 301]);
    expect([...columns.last]).toEqual([100, 0, 0, 301, 301]);
    expect([...(await aggregate.columns(spec, new Uint32Array([2, 2, 3]))).last]).toEqual([300, 301]);
  });

  it('a device without events has its initial value everywhere', async () => {
    const aggregate = aggregateOf(traceOf([]));
    const columns = await aggregate.columns(aggregate.spec('reserved')!, new Uint32Array([0, 0, 0]));
    expect([...columns.max]).toEqual([0, 0]);
    expect(await aggregate.extent(aggregate.spec('reserved')!)).toMatchObject({ peak: 0, peakRow: null });
  });
});

describe('times', () => {
  it('never fall: a late event is drawn at the time of the one before, and counted', () => {
    const aggregate = aggregateOf(
      traceOf([
        { action: 'alloc', time: 1795252341996097000n },
        { action: 'alloc', time: 1795252341996099000n },
        { action: 'alloc', time: 1795252341996098000n },
        { action: 'alloc', time: 1795252350000000000n },
      ]),
    );
    expect([...aggregate.times]).toEqual([0, 2000, 2000, 8003903000]);
    expect(aggregate.base).toBe(1795252341996097000n);
    expect(aggregate.outOfOrder).toBe(1);
    expect([0, 1, 2000, 2001, 1e12].map((ns) => aggregate.rowAt(ns))).toEqual([0, 1, 1, 3, 4]);
  });
});

const RECORDINGS = [
  'train/train.pickle',
  'unmap/unmap.pickle',
  'ring/ring.pickle',
  'twogpu/train_twogpu.pickle',
  'churn/capped_9.pickle',
];

describe.skipIf(recordingPath(RECORDINGS[0]) === null)('recordings in ../shared/traces', () => {
  it.each(RECORDINGS)('%s', { timeout: 60_000 }, async (name) => {
    for (const trace of (await snapshotOf(recordingBytes(name))).devices) {
      expect(trace.events.length).toBeGreaterThan(1000);
      for (let seed = 1; seed <= 3; seed++)
        expect(await differenceOf(trace, randomOffsets(seeded(seed), trace.events.length))).toBeNull();
    }
  });
});
