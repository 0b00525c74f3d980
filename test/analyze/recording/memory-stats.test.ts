/** Every key that is told of memory_stats equals what PyTorch recorded, to the byte; none is told that is not known. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memoryStatsOf } from '../../../src/analyze/recording/memory-stats.ts';
import { sharedTraces } from '../../shared-traces.ts';
import {
  fixtureBytes,
  fixturePath,
  readSnapshot,
  recordingBytes,
  recordingPath,
  snapshotOf,
} from '../../read/snapshot/fixtures.ts';
import { traceOf } from '../../trace/events-for-test.ts';
import { compareStats, toldOf } from './stats-oracle.ts';

type Stats = Record<string, number>;
const statsFrom = (path: string): Stats => JSON.parse(readFileSync(path, 'utf8')) as Stats;

describe('committed recordings', () => {
  it.each(['oom', 'graphs', 'pending', 'unmap'])('%s', async (name) => {
    const [trace] = (await snapshotOf(fixtureBytes(`${name}.pickle`))).devices;
    const told = toldOf(trace);
    expect(compareStats(told, statsFrom(fixturePath(`${name}.memory_stats.json`)))).toEqual([]);
    expect(Object.keys(told).filter((key) => key.startsWith('requested_bytes.'))).toHaveLength(12);
    // Block sizes are not in events: a peak of these would be an estimate.
    expect(
      Object.keys(told).filter((key) => /^(allocated|active)_bytes\..*\.(peak|allocated|freed)$/.test(key)),
    ).toEqual([]);
    expect(Object.keys(told).filter((key) => key.startsWith('inactive_split'))).toEqual([]);
  });

  it('ring: what is current alone, and it is right', async () => {
    const [trace] = (await snapshotOf(fixtureBytes('ring.pickle'))).devices;
    const told = toldOf(trace);
    expect(Object.keys(told).length).toBeGreaterThan(10);
    expect(Object.keys(told).filter((key) => !key.endsWith('.current'))).toEqual([]);
    const wrong = compareStats(told, statsFrom(fixturePath('ring.memory_stats.json')));
    expect(wrong.filter((fault) => !fault.endsWith('not told'))).toEqual([]);
  });

  it('a difference planted in any key is found', async () => {
    const [trace] = (await snapshotOf(fixtureBytes('oom.pickle'))).devices;
    const told = toldOf(trace);
    const recorded = statsFrom(fixturePath('oom.memory_stats.json'));
    expect(Object.keys(told).length).toBeGreaterThan(60);
    for (const key of Object.keys(told)) {
      expect(compareStats(told, { ...recorded, [key]: recorded[key] + 1 })).toHaveLength(1);
    }
    const fewer = Object.fromEntries(Object.entries(told).filter(([key]) => key !== 'segment.all.peak'));
    expect(compareStats(fewer, recorded)).toEqual(['segment.all.peak: not told']);
  });

  it('an event more changes what is told', async () => {
    const [trace] = (await snapshotOf(fixtureBytes('oom.pickle'))).devices;
    const recorded = statsFrom(fixturePath('oom.memory_stats.json'));
    const shorter = { ...trace, events: { ...trace.events, length: 138 } };
    expect(compareStats(memoryStatsOf(shorter, true), recorded)).not.toEqual([]);
  });

  it('a cut file tells nothing of the state at the end, and no peak', async () => {
    const [trace] = (await readSnapshot(fixtureBytes('oom.pickle').subarray(0, 9000))).data.devices;
    expect(toldOf(trace)).toEqual({});
  });

  it('sums beyond 2^53 are left out, not rounded', () => {
    const told = memoryStatsOf(
      traceOf([
        { action: 'alloc', size: (1n << 53n) - 1n, group: 0 },
        { action: 'alloc', size: 5n, group: 1 },
      ]),
      true,
    );
    expect(told['requested_bytes.all.current']).toBeUndefined();
    expect(told['requested_bytes.small_pool.current']).toBe(5);
    expect(told['requested_bytes.large_pool.current']).toBe(2 ** 53 - 1);
  });
});

const traces = sharedTraces();
const snapshots = (traces === null ? [] : readdirSync(traces, { recursive: true, encoding: 'utf8' }))
  .filter((path) => path.endsWith('.pickle'))
  .sort();

describe.skipIf(traces === null)('recordings in ../shared/traces', () => {
  it('are all there', () => {
    expect(snapshots.length).toBeGreaterThanOrEqual(22);
  });

  it.each(snapshots.filter((path) => !path.startsWith('ring/')))('%s', { timeout: 120_000 }, async (path) => {
    const { devices } = await snapshotOf(recordingBytes(path));
    expect(devices.length).toBe(path.startsWith('twogpu') ? 2 : 1);
    for (const trace of devices) {
      const which = trace.device === 0 || devices.length === 1 ? '' : `.dev${trace.device}`;
      const recorded = statsFrom(join(traces!, path.replace('.pickle', `${which}.memory_stats.json`)));
      expect(compareStats(toldOf(trace), recorded)).toEqual([]);
    }
  });

  it.skipIf(recordingPath('ring/ring.pickle') === null)(
    'ring: currents alone, and they are right',
    async () => {
      const [trace] = (await snapshotOf(recordingBytes('ring/ring.pickle'))).devices;
      const told = toldOf(trace);
      expect(Object.keys(told).length).toBeGreaterThan(10);
      expect(Object.keys(told).filter((key) => !key.endsWith('.current'))).toEqual([]);
      const wrong = compareStats(told, statsFrom(join(traces!, 'ring/ring.memory_stats.json')));
      expect(wrong.filter((fault) => !fault.endsWith('not told'))).toEqual([]);
    },
  );
});
