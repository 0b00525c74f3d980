/** A snapshot that ends too early gives every event that was whole before the cut, and says where it ended. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memoryStatsOf } from '../../../src/analyze/recording/memory-stats.ts';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { differenceOf } from '../../trace/compare-sources.ts';
import {
  fixtureBytes,
  fixturePath,
  readSnapshot,
  recordingBytes,
  recordingPath,
  snapshotOf,
} from './fixtures.ts';

/** Offsets after which the n-th event is whole, by Python's pickletools (make-snapshots.py). */
const ENDS = JSON.parse(readFileSync(fixturePath('event-ends.json'), 'utf8')) as Record<string, number[]>;

/** What the whole file has, cut down to so many events in file order: devices one after the other. */
function prefixOf(data: SourceData, rows: number): SourceData {
  let left = rows;
  const devices = data.devices.flatMap((device) => {
    const length = Math.min(left, device.events.length);
    left -= length;
    return length > 0 ? [{ ...device, events: { ...device.events, length } }] : [];
  });
  return { ...data, rows, devices };
}

/** Reads bytes[0, length) and returns what is wrong with the outcome, or null. */
async function wrongAt(
  bytes: Uint8Array,
  length: number,
  whole: SourceData,
  rows: number,
): Promise<string | null> {
  const { data, error } = await readSnapshot(bytes.subarray(0, length));
  if (error === null) return 'no error';
  if (error.code !== 'truncated') return `error ${error.code}: ${error.message}`;
  if (error.offset === null || error.offset > length || error.offset < length - 300)
    return `offset ${error.offset}`;
  if (data.rows !== rows) return `${data.rows} rows, not ${rows}`;
  if (data.skipped !== 0) return `${data.skipped} skipped`;
  const warned = data.warnings.some(
    ({ message, offset }) => offset === error.offset && message.includes(`byte ${error.offset}`),
  );
  if (warned !== rows > 0) return `warnings: ${JSON.stringify(data.warnings)}`;
  const kept = { ...data, devices: data.devices.filter(({ events }) => events.length > 0) };
  const expected = prefixOf(whole, rows);
  if (kept.devices.length !== expected.devices.length) return `${kept.devices.length} devices`;
  for (const [i, device] of kept.devices.entries()) {
    const one = { ...expected, devices: [expected.devices[i]] };
    const difference = differenceOf(
      one,
      { ...kept, devices: [device] },
      { eventsOnly: true, rows: expected.devices[i].events.length },
    );
    if (difference !== null) return difference;
    if (device.events.length !== expected.devices[i].events.length) return `${device.events.length} events`;
  }
  return null;
}

describe('a snapshot cut at any byte', () => {
  it.each(Object.keys(ENDS))('%s', { timeout: 60_000 }, async (name) => {
    const bytes = fixtureBytes(name);
    const whole = await snapshotOf(bytes);
    const ends = ENDS[name];
    expect(ends).toHaveLength(whole.rows);
    // A sample of all; every byte around the ends of some events; the rest behind the last, and its last bytes all.
    const cuts = new Set<number>();
    for (let length = 1; length < bytes.length; length += 41) cuts.add(length);
    for (let i = 0; i < ends.length; i += 20)
      for (let near = -80; near <= 3; near += near < -8 ? 7 : 1) cuts.add(ends[i] + near);
    const last = ends.at(-1)!;
    for (let length = last - 8; length < bytes.length; length += length > bytes.length - 60 ? 1 : 3)
      cuts.add(length);
    const wrong: string[] = [];
    for (const length of cuts) {
      const rows = ends.filter((end) => end <= length).length;
      const fault = await wrongAt(bytes, length, whole, rows);
      if (fault !== null) wrong.push(`${length}: ${fault}`);
    }
    expect(wrong.slice(0, 5)).toEqual([]);
  });

  it('finds a fault where one event too many is expected', async () => {
    const bytes = fixtureBytes('oom.pickle');
    expect(await wrongAt(bytes, 9000, await snapshotOf(bytes), 1000)).toMatch(/rows, not 1000/);
  });
});

describe('which device a cut is in', () => {
  const bytes = fixtureBytes('oom.devices.pickle');
  const ends = ENDS['oom.devices.pickle'];

  it('the first: its own events and all later ones are cut, and nothing is told that would need them', async () => {
    const { data } = await readSnapshot(bytes.subarray(0, ends[70]));
    expect(data.devices.map(({ device, cut, events }) => [device, cut, events.length])).toEqual([
      [0, true, 71],
      [2, true, 0],
    ]);
    for (const trace of data.devices) {
      const { fromEmpty } = baselineOf(trace);
      expect(fromEmpty).toBe(false);
      expect(memoryStatsOf(trace, fromEmpty)).not.toHaveProperty(['requested_bytes.all.peak']);
    }
  });

  it('the last: the first is whole, with its state', async () => {
    const { data } = await readSnapshot(bytes.subarray(0, ends[200]));
    expect(data.devices.map(({ device, cut, events }) => [device, cut, events.length])).toEqual([
      [0, false, 140],
      [2, true, 61],
    ]);
    const [whole] = (await snapshotOf(bytes)).devices;
    expect(baselineOf(data.devices[0])).toEqual(baselineOf(whole));
    expect(memoryStatsOf(data.devices[0], true)).toEqual(memoryStatsOf(whole, true));
  });

  it('none: a cut behind the events leaves them whole', async () => {
    const { data } = await readSnapshot(bytes.subarray(0, bytes.length - 1));
    expect(data.devices.map(({ device, cut, events }) => [device, cut, events.length])).toEqual([
      [0, false, 140],
      [2, false, 140],
    ]);
  });
});

describe('a cut inside the segments', () => {
  it('leaves no half state', async () => {
    const bytes = fixtureBytes('oom.pickle');
    for (const length of [500, 1500, 2000]) {
      const { data, error } = await readSnapshot(bytes.subarray(0, length));
      expect(error?.code).toBe('truncated');
      expect(data.devices).toEqual([]);
    }
  });
});

const LARGE = ['train/train.pickle', 'unmap/unmap.pickle', 'twogpu/train_twogpu.pickle'];

describe.skipIf(recordingPath(LARGE[0]) === null)('recordings in ../shared/traces', () => {
  it.each(LARGE)(
    '%s keeps more the later it is cut, never another event',
    { timeout: 60_000 },
    async (name) => {
      const bytes = recordingBytes(name);
      const whole = await snapshotOf(bytes);
      let before = 0;
      for (let step = 1; step <= 12; step++) {
        const length = bytes.length - 1 - Math.floor(((12 - step) * bytes.length) / 12.5);
        const rows = (await readSnapshot(bytes.subarray(0, length))).data.rows;
        expect(rows).toBeGreaterThanOrEqual(before);
        expect(await wrongAt(bytes, length, whole, rows)).toBeNull();
        before = rows;
      }
      expect(before).toBe(whole.rows);
    },
  );
});
