/** Which free belongs to which alloc, and what is alive when: against the snapshot's own state at the end. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../src/aggregate/baseline.ts';
import { AddressMap, lifetimesOf } from '../../src/analyze/lifetimes.ts';
import {
  earlierAllocations,
  holdersOf,
  type SegmentState,
  segmentsAt,
  visitLive,
} from '../../src/analyze/live.ts';
import { asBigUint64 } from '../../src/base/u64.ts';
import type { DeviceTrace } from '../../src/trace/capture.ts';
import { ACTION, NONE, POOLS } from '../../src/trace/schema.ts';
import {
  fixtureBytes,
  recordingBytes,
  recordingPath,
  seeded,
  snapshotOf,
} from '../read/snapshot/fixtures.ts';
import { sharedTraces } from '../shared-traces.ts';
import { eventsOf, type EventSpec, traceOf } from '../trace/events-for-test.ts';

const livingOf = (trace: DeviceTrace) => {
  const lifetimes = lifetimesOf(trace.events);
  return { lifetimes, earlier: earlierAllocations(trace, lifetimes) };
};

function statesAt(trace: DeviceTrace, at: number): SegmentState[] {
  const { lifetimes, earlier } = livingOf(trace);
  return segmentsAt(trace, lifetimes, earlier, at);
}

/** What at the end differs from the snapshot's own state, in words. */
function faultsAtEnd(trace: DeviceTrace): string[] {
  const { lifetimes, earlier } = livingOf(trace);
  const { segments, blocks, events } = trace;
  const faults: string[] = [];
  const addresses = asBigUint64(segments!.address);
  const states = new Map(statesAt(trace, events.length).map((state) => [state.address, state]));
  if (states.size !== segments!.length) faults.push(`${states.size} segments, not ${segments!.length}`);
  let requested = 0;
  for (let i = 0; i < segments!.length; i++) {
    const state = states.get(addresses[i]);
    const name = `segment 0x${addresses[i].toString(16)}`;
    if (state === undefined) {
      faults.push(`${name} is not there`);
      continue;
    }
    let [bytes, count] = [0, 0];
    for (let b = segments!.block_start[i]; b < segments!.block_start[i + 1]; b++) {
      if (blocks!.state[b] === 2) continue;
      bytes += blocks!.requested_size[b];
      count++;
    }
    requested += bytes;
    const [got, wanted] = [
      [
        state.size,
        state.liveBytes,
        state.liveAllocations,
        state.pool,
        trace.streams[state.streamIndex],
        state.expandable,
      ],
      [
        segments!.total_size[i],
        bytes,
        count,
        POOLS[segments!.pool[i]],
        trace.streams[segments!.stream_index[i]],
        segments!.is_expandable[i] === 1,
      ],
    ];
    if (got.join() !== wanted.join()) faults.push(`${name}: ${got.join()} is not ${wanted.join()}`);
  }
  const held = holdersOf(trace, lifetimes, earlier, events.length);
  const bytes = held.reduce((sum, holder) => sum + holder.bytes, 0);
  if (bytes !== requested) faults.push(`held ${bytes}, requested ${requested}`);
  return faults;
}

describe('AddressMap', () => {
  it('is a map of 64-bit addresses, grown ones and colliding ones too', () => {
    const map = new AddressMap();
    const known = new Map<bigint, number>();
    const random = seeded(5);
    for (let i = 0; i < 20_000; i++) {
      const address = (BigInt(Math.floor(random() * 4)) << 40n) | (BigInt(Math.floor(random() * 4000)) << 9n);
      const value = random() < 0.3 ? NONE : i;
      const [low, high] = [Number(address & 0xffffffffn), Number(address >> 32n)];
      const before = map.swap(low, high, value);
      if (before !== (known.get(address) ?? NONE)) expect.fail(`${address}: ${before}`);
      known.set(address, value);
      if (map.get(low, high) !== value) expect.fail(`${address} is lost`);
    }
    expect(known.size).toBeGreaterThan(10_000);
    for (const [address, value] of known)
      if (map.get(Number(address & 0xffffffffn), Number(address >> 32n)) !== value) expect.fail(`${address}`);
  });
});

describe('lifetimesOf', () => {
  it('pairs by address and order', () => {
    const specs: EventSpec[] = [
      { action: 'alloc', address: 16 },
      { action: 'free_requested', address: 16 },
      { action: 'free_completed', address: 16 },
      { action: 'alloc', address: 16 },
      { action: 'free_completed', address: 99 },
      { action: 'alloc', address: 16 },
      { action: 'free_completed', address: 16 },
      { action: 'free_requested', address: 77 },
      { action: 'alloc', address: (1n << 60n) + 16n },
    ];
    const { partner, unmatchedFrees, doubleAllocs } = lifetimesOf(eventsOf(specs));
    expect([...partner]).toEqual([2, 0, 0, NONE, NONE, 6, 5, NONE, NONE]);
    expect(unmatchedFrees).toBe(1);
    expect(doubleAllocs).toBe(1);
  });

  it.each(['oom.pickle', 'graphs.pickle', 'pending.pickle'])(
    '%s: as a map of addresses says',
    async (name) => {
      const [{ events }] = (await snapshotOf(fixtureBytes(name))).devices;
      const { partner, unmatchedFrees, doubleAllocs } = lifetimesOf(events);
      const addresses = asBigUint64(events.address);
      const live = new Map<bigint, number>();
      for (let row = 0; row < events.length; row++) {
        const action = events.action[row];
        if (action === ACTION.alloc) live.set(addresses[row], row);
        else if (action === ACTION.free_requested) expect(partner[row]).toBe(live.get(addresses[row]));
        else if (action === ACTION.free_completed) {
          const alloc = live.get(addresses[row])!;
          expect([partner[row], partner[alloc]]).toEqual([alloc, row]);
          live.delete(addresses[row]);
        }
      }
      for (const row of live.values()) expect(partner[row]).toBe(NONE);
      expect([unmatchedFrees, doubleAllocs]).toEqual([0, 0]);
    },
  );
});

describe('what is alive', () => {
  it.each(['oom.pickle', 'oom.devices.pickle', 'graphs.pickle', 'pending.pickle'])(
    '%s: at the end, as the snapshot says',
    async (name) => {
      for (const trace of (await snapshotOf(fixtureBytes(name))).devices)
        expect(faultsAtEnd(trace)).toEqual([]);
    },
  );

  it('a planted difference is found', async () => {
    const [trace] = (await snapshotOf(fixtureBytes('graphs.pickle'))).devices;
    const requested_size = trace.blocks!.requested_size.slice();
    requested_size[trace.blocks!.state.indexOf(0)]++;
    expect(faultsAtEnd({ ...trace, blocks: { ...trace.blocks!, requested_size } })).toHaveLength(2);
    const total_size = trace.segments!.total_size.slice();
    total_size[3] += 512;
    expect(faultsAtEnd({ ...trace, segments: { ...trace.segments!, total_size } }).length).toBeGreaterThan(0);
  });

  it('is the same wherever the addresses lie', async () => {
    const [trace] = (await snapshotOf(fixtureBytes('graphs.pickle'))).devices;
    const up = 0xff00_0000_0000_0000n;
    const moved = (words: Uint32Array): Uint32Array => {
      const copy = words.slice();
      asBigUint64(copy).forEach((address, i, all) => (all[i] = address + up));
      return copy;
    };
    const high: DeviceTrace = {
      ...trace,
      events: { ...trace.events, address: moved(trace.events.address) },
      segments: { ...trace.segments!, address: moved(trace.segments!.address) },
      blocks: { ...trace.blocks!, address: moved(trace.blocks!.address) },
    };
    expect(faultsAtEnd(high)).toEqual([]);
    for (const at of [1, 500, 1000])
      expect(statesAt(high, at)).toEqual(
        statesAt(trace, at).map((state) => ({ ...state, address: state.address + up })),
      );
  });

  it('at any row holds what the running total says', async () => {
    const [trace] = (await snapshotOf(fixtureBytes('graphs.pickle'))).devices;
    const { lifetimes, earlier } = livingOf(trace);
    expect(earlier).toEqual([]);
    let [requested, reserved] = [0, 0];
    const sizes = asBigUint64(trace.events.size);
    for (let row = 0; row < trace.events.length; row++) {
      const size = Number(sizes[row]);
      if (trace.events.action[row] === ACTION.alloc) requested += size;
      if (trace.events.action[row] === ACTION.free_completed) requested -= size;
      if (trace.events.action[row] === ACTION.segment_alloc) reserved += size;
      if (trace.events.action[row] === ACTION.segment_free) reserved -= size;
      if (row % 50 !== 0) continue;
      let bytes = 0;
      visitLive(trace, lifetimes, earlier, row + 1, (_address, one) => (bytes += one));
      expect(bytes).toBe(requested);
      const states = segmentsAt(trace, lifetimes, earlier, row + 1);
      expect(states.reduce((sum, { size: one }) => sum + one, 0)).toBe(reserved);
      expect(states.reduce((sum, { liveBytes }) => sum + liveBytes, 0)).toBe(requested);
    }
  });

  it('holders are the stacks that hold most, with what was there before the recording as one', () => {
    const trace = traceOf([
      { action: 'free_completed', address: 1 << 20, size: 700 },
      { action: 'alloc', address: 512, size: 100, stack: 4 },
      { action: 'alloc', address: 1024, size: 300, stack: 5 },
      { action: 'alloc', address: 2048, size: 250, stack: 4 },
      { action: 'free_requested', address: 1024, size: 300 },
      { action: 'free_completed', address: 1024, size: 300 },
    ]);
    const { lifetimes, earlier } = livingOf(trace);
    expect(holdersOf(trace, lifetimes, earlier, 0)).toEqual([
      { stack: NONE, bytes: 700, allocations: 1, largest: 700 },
    ]);
    // A block whose free waits for another stream is still alive.
    expect(holdersOf(trace, lifetimes, earlier, 5)).toEqual([
      { stack: 4, bytes: 350, allocations: 2, largest: 250 },
      { stack: 5, bytes: 300, allocations: 1, largest: 300 },
    ]);
    expect(holdersOf(trace, lifetimes, earlier, 6)).toHaveLength(1);
  });

  it('pieces of an expandable segment that touch are one, and an unmapped middle parts them', () => {
    const piece = (action: 'segment_map' | 'segment_unmap', at: number): EventSpec => ({
      action,
      address: at << 20,
      size: 2 << 20,
    });
    const trace = traceOf([
      piece('segment_map', 2),
      piece('segment_map', 6),
      piece('segment_map', 4),
      piece('segment_unmap', 4),
    ]);
    const told = (at: number): string[] =>
      statesAt(trace, at).map(({ address, size }) => `${address >> 20n}+${size >> 20}`);
    expect(told(2)).toEqual(['2+2', '6+2']);
    expect(told(3)).toEqual(['2+6']);
    expect(told(4)).toEqual(['2+2', '6+2']);
  });
});

const traces = sharedTraces();
const snapshots = (traces === null ? [] : readdirSync(traces, { recursive: true, encoding: 'utf8' }))
  .filter((path) => path.endsWith('.pickle') && !path.startsWith('big/'))
  .sort();

describe.skipIf(traces === null)('recordings in ../shared/traces', () => {
  it.each(snapshots)('%s: at the end, as the snapshot says', { timeout: 120_000 }, async (path) => {
    for (const trace of (await snapshotOf(recordingBytes(path))).devices) {
      expect(trace.events.length).toBeGreaterThan(100);
      expect(faultsAtEnd(trace)).toEqual([]);
    }
  });

  it.skipIf(recordingPath('ring/ring.pickle') === null)(
    'ring: what was there before its first event',
    async () => {
      const [trace] = (await snapshotOf(recordingBytes('ring/ring.pickle'))).devices;
      const { lifetimes, earlier } = livingOf(trace);
      const { before } = baselineOf(trace);
      expect(earlier.reduce((sum, { size }) => sum + size, 0)).toBe(before.requested);
      expect(earlier.filter(({ until }) => until !== Infinity)).toHaveLength(lifetimes.unmatchedFrees);
      expect(earlier.some(({ stack }) => stack !== NONE)).toBe(true);
      expect(statesAt(trace, 0).reduce((sum, { size }) => sum + size, 0)).toBe(before.reserved);
      expect(statesAt(trace, 0).reduce((sum, { liveBytes }) => sum + liveBytes, 0)).toBe(before.requested);
    },
  );
});
