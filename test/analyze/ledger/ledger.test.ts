/**
 * The ledger: drawn states; requests that the model itself then serves or refuses; and recordings, where every part
 * sums to the byte, at single moments and after every row.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import {
  inactiveSplitFor,
  sumOf,
  torchLedger,
  type TorchParts,
  withDevice,
} from '../../../src/analyze/ledger/ledger.ts';
import { largestRequest, largestRequestIn, type Room } from '../../../src/analyze/ledger/largest.ts';
import { LEDGER_COLUMNS, ledgerOverTime } from '../../../src/analyze/ledger/over-time.ts';
import { type NonTorch, nonTorchAt } from '../../../src/analyze/ledger/non-torch.ts';
import { u64At } from '../../../src/base/u64.ts';
import type { Bounds } from '../../../src/base/measured.ts';
import { NO_BLOCK } from '../../../src/replay/block-table.ts';
import type { AllocatorState } from '../../../src/replay/replay-result.ts';
import { replayTo, selfReplay } from '../../../src/replay/self-replay.ts';
import { roundSize } from '../../../src/replay/rounding.ts';
import type { DeviceTrace, SourceData } from '../../../src/trace/capture.ts';
import { ACTION } from '../../../src/trace/schema.ts';
import { fixtureBytes, readSnapshot, recordingPath, snapshotOf } from '../../read/snapshot/fixtures.ts';
import { replayOf, settingsFrom, settingsOf, snapshotAt, TRUTH_FOLDER } from '../../replay/recordings.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { drawnState, MIB } from '../drawn-state.ts';

const ledgerAt = (state: AllocatorState, row: number, nonTorch: NonTorch | null) =>
  withDevice(torchLedger(state, row), nonTorch);
const inMib = <T extends object>(parts: T): Record<string, number> =>
  Object.fromEntries(Object.entries(parts).map(([name, bytes]) => [name, (bytes as number) / MIB]));
const exactly = (bytes: number): Bounds => ({ least: bytes, most: bytes });

describe('a drawn state', () => {
  const lines = [
    'seg s0 large | a:3/2.5 .7 ~b:4 .6',
    'seg s1 large | a:10 .30',
    'seg s0 small | .2',
    'seg s0 large (1,0) | a:5 .15',
    'seg s0 large (1,0) | .20',
    'exp s0 large | a:30 .50',
  ];

  it('has every byte in one part', () => {
    const ledger = ledgerAt(drawnState(lines), 0, null);
    expect(inMib(ledger.parts)).toEqual({
      requested: 47.5,
      rounding: 0.5,
      pending: 4,
      inactiveSplit: 7 + 6 + 30 + 15 + 10,
      releasable: 2 + 40,
      privateIdle: 20,
    });
    expect(inMib(ledger.inactiveSplitOf)).toEqual({ segments: 58, pages: 10 });
    expect(ledger.reserved).toBe(182 * MIB);
    expect(sumOf(ledger.parts)).toBe(ledger.reserved);
    expect(ledger.unknown).toHaveLength(2);
    expect(ledger.unknown[1]).toContain('private pools');
  });

  it('tells who could use what is free', () => {
    const ledger = ledgerAt(drawnState(lines), 0, null);
    expect(inactiveSplitFor(ledger, 0)).toEqual({
      streamIndex: 0,
      ownStream: 23 * MIB,
      otherStreams: 30 * MIB,
      privatePools: 15 * MIB,
    });
    expect(inactiveSplitFor(ledger, 1)).toMatchObject({ ownStream: 30 * MIB, otherStreams: 23 * MIB });
    expect(ledger.free[0]).toEqual({
      pool: '',
      streamIndex: 0,
      small: false,
      splitBytes: 13 * MIB,
      pageBytes: 10 * MIB,
      wholeBytes: 40 * MIB,
    });
  });

  it('without private pools asks nothing about graphs', () => {
    expect(ledgerAt(drawnState(['seg s0 large | a:3 .17']), 0, null).unknown).toHaveLength(1);
  });
});

describe('the device beside the allocator', () => {
  const state = drawnState(['seg s0 large | a:3 .17']);
  const told = (used: Bounds | null, processes: readonly (readonly [string, number])[] | null) =>
    nonTorchAt({
      momentNs: 0,
      device: 0,
      reserved: exactly(20 * MIB),
      deviceUsed: used,
      from: 'device_used',
      processes: processes?.map(([pid, mib]) => ({ pid, name: '', bytes: exactly(mib * MIB) })) ?? null,
      pid: '1',
    });

  it('sums to what the device uses where everything is known', () => {
    const processes = [
      ['1', 50],
      ['2', 40],
    ] as const;
    const { device, reserved } = ledgerAt(state, 0, told(exactly(100 * MIB), processes));
    expect(device).toEqual({
      used: exactly(100 * MIB),
      nonTorch: exactly(30 * MIB),
      otherProcesses: exactly(40 * MIB),
      unexplained: exactly(10 * MIB),
    });
    expect(reserved + 30 * MIB + 40 * MIB + 10 * MIB).toBe(100 * MIB);
  });

  it('leaves what nobody tells apart as one unexplained part, and says so', () => {
    const { device, unknown } = ledgerAt(state, 0, told(exactly(100 * MIB), null));
    expect(device).toMatchObject({ nonTorch: null, otherProcesses: null, unexplained: exactly(80 * MIB) });
    expect(unknown.join()).toContain('nvidia-smi');
    expect(ledgerAt(state, 0, told(null, null)).device.unexplained).toBeNull();
    expect(ledgerAt(state, 0, null).device.used).toBeNull();
  });

  it('keeps the width of coarse figures', () => {
    const used = { least: 100 * MIB, most: 101 * MIB };
    const { device } = ledgerAt(state, 0, told(used, [['1', 50]]));
    expect(device.unexplained!.least).toBeLessThanOrEqual(device.unexplained!.most);
    expect(device.unexplained!.most - device.unexplained!.least).toBeGreaterThanOrEqual(MIB);
  });
});

/** Whether the model serves a request with so much room; each on a fresh state. */
function serves(fresh: () => AllocatorState, request: number, stream: number, room: number): boolean {
  const { allocator } = fresh();
  let next = 2 ** 50;
  const options = {
    ...allocator.options,
    limit: allocator.reserved + room,
    capacity: allocator.reserved + room,
    space: { segment: () => (next += 2 ** 40), release: () => undefined, range: () => (next += 2 ** 44) },
  };
  Object.assign(allocator, { options });
  return allocator.malloc(request, stream, 0) !== NO_BLOCK;
}

const CONFS = [
  '',
  'max_split_size_mb:32',
  'roundup_power2_divisions:[1:4,64:8,256:2,>:1]',
  'max_split_size_mb:100,max_non_split_rounding_mb:64',
];

describe('the largest request that would succeed', () => {
  const check = (fresh: () => AllocatorState, stream: number, room: number): void => {
    const told = largestRequest(fresh(), stream, {
      limit: exactly(fresh().allocator.reserved + room),
      deviceFree: exactly(room),
    });
    // The model tries the cache, then a new segment, then gives everything back: the last figure is what it serves.
    const most = told.afterRelease!.most;
    expect(told.afterRelease).toEqual(exactly(most));
    if (most > 0) expect(serves(fresh, most, stream, room)).toBe(true);
    for (const more of [1, 513, MIB, 7 * MIB, 64 * MIB])
      expect([more, serves(fresh, most + more, stream, room)]).toEqual([more, false]);
    expect(told.withNewSegment!.most).toBeLessThanOrEqual(most);
    expect(told.fromCache).toBeLessThanOrEqual(told.withNewSegment!.most);
    if (told.fromCache > 0) {
      // Without any room and with a live neighbour everywhere, the cache alone has to serve it.
      const { allocator } = fresh();
      const size = roundSize(told.fromCache, allocator.options.settings);
      const small = size <= MIB ? 1 : 0;
      expect(allocator.bestFit(allocator.listOf(0, small, stream), size)).not.toBe(NO_BLOCK);
    }
  };

  const states = {
    'nothing reserved': [],
    'a split segment': ['seg s0 large | a:3 .17', 'seg s0 small | a:0.5 .1.5'],
    'segments that can go back': ['seg s0 large | .80', 'seg s0 large | .30', 'seg s0 large | ~a:40'],
    'another stream': ['seg s1 large | a:3 .57', 'seg s1 large | .40'],
  };
  it.each(
    Object.entries(states).flatMap(([name, lines]) =>
      CONFS.flatMap((conf) => [0, 1, 8, 15, 21, 100].map((room) => [name, conf, room, lines] as const)),
    ),
  )('%s, "%s", room for %i MiB', (_name, conf, room, lines) => {
    check(() => drawnState(lines, conf), 0, room * MIB);
  });

  const expandable = {
    'free pages at the end': ['exp s0 large | a:30 .50'],
    'full to the end': ['exp s0 large | a:25 .10 a:5'],
    'what waits at the end': ['exp s0 large | a:30 ~b:50'],
  };
  it.each(
    Object.entries(expandable).flatMap(([name, lines]) =>
      [0, 15, 21, 100].map((room) => [name, room, lines] as const),
    ),
  )('expandable: %s, room for %i MiB', (_name, room, lines) => {
    check(() => drawnState(lines, 'expandable_segments:True'), 0, room * MIB);
  });

  /** Moments, streams and room in a recording. */
  const checkMoments = (data: SourceData): void => {
    const [trace] = data.devices;
    const { fromEmpty } = baselineOf(trace);
    for (const share of [0.5, 1])
      for (const stream of trace.streams.keys())
        for (const room of [0, 19, 300]) {
          const row = Math.floor(share * trace.events.length);
          check(() => replayTo(trace, settingsOf(data), fromEmpty, row), stream, room * MIB);
        }
  };

  it('in a recording', async () => {
    checkMoments(await snapshotOf(fixtureBytes('graphs.pickle')));
    checkMoments(await snapshotOf(fixtureBytes('pending.pickle')));
  });

  it.skipIf(sharedTraces() === null)('in a recording of expandable segments with holes', async () => {
    checkMoments(await snapshotAt(recordingPath('unmap/unmap.pickle')!));
  });

  it('is what the allocator served and refused: 20 MiB', () => {
    const room: Room = { limit: exactly(40 * MIB), deviceFree: exactly(100 * MIB) };
    expect(largestRequest(drawnState(['seg s0 large | a:3 .17']), 0, room)).toEqual({
      streamIndex: 0,
      fromCache: 17 * MIB,
      withNewSegment: exactly(20 * MIB),
      afterRelease: exactly(20 * MIB),
      why: [],
    });
  });

  it('is a range where the limit or the free bytes are not known, and null without both', () => {
    const state = drawnState(['seg s0 large | a:3 .17', 'seg s0 large | .30']);
    const some = largestRequest(state, 0, { limit: null, deviceFree: exactly(100 * MIB) });
    expect(some.fromCache).toBe(30 * MIB);
    expect(some.withNewSegment).toEqual({ least: 30 * MIB, most: 100 * MIB });
    expect(some.afterRelease).toEqual({ least: 30 * MIB, most: 130 * MIB });
    expect(some.why).toHaveLength(1);
    const none = largestRequest(state, 0, { limit: null, deviceFree: null });
    expect([none.withNewSegment, none.afterRelease]).toEqual([null, null]);
    expect(none.why).toHaveLength(2);
  });

  it('inverts the rounding', () => {
    const settings = settingsFrom('roundup_power2_divisions:4');
    for (const bytes of [0, 512, 20 * MIB, 21 * MIB, 1000 * MIB]) {
      const request = largestRequestIn(bytes, settings);
      if (request > 0) expect(roundSize(request, settings)).toBeLessThanOrEqual(bytes);
      expect(roundSize(request + 1, settings)).toBeGreaterThan(bytes);
    }
  });

  it('oom: the request that failed is above it, what was served before is not', async () => {
    const data = await snapshotOf(fixtureBytes('oom.pickle'));
    const [trace] = data.devices;
    const replay = replayOf(data, trace);
    const [row, free] = trace.device_free[0];
    expect(trace.events.action[row]).toBe(ACTION.oom);
    const [least, below] = replay.limitBounds!;
    const told = largestRequest(
      replayTo(trace, settingsOf(data), true, row),
      trace.events.stream_index[row],
      {
        limit: { least, most: below - 1 },
        deviceFree: exactly(free),
      },
    );
    const asked = u64At(trace.events.size, row);
    expect(told.afterRelease!.most).toBeLessThan(asked);
    expect(told.fromCache).toBe(48_234_496);
    expect(told.afterRelease!.least).toBeGreaterThanOrEqual(told.fromCache);
  });
});

/** Both ledgers of a recording against each other, against the rows, and against the replay's curves. */
function checkRecording(data: SourceData, trace: DeviceTrace, shares: readonly number[]): void {
  const settings = settingsOf(data);
  const baseline = baselineOf(trace);
  const replay = selfReplay(trace, settings, baseline.fromEmpty);
  const over = ledgerOverTime(trace, settings, replay)!;
  const { events } = trace;
  const wrong: [number, string][] = [];
  let reserved = baseline.before.reserved;
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    if (action === ACTION.segment_alloc || action === ACTION.segment_map) reserved += u64At(events.size, row);
    if (action === ACTION.segment_free || action === ACTION.segment_unmap)
      reserved -= u64At(events.size, row);
    let sum = 0;
    for (const name of LEDGER_COLUMNS) {
      const value = over.columns[name][row];
      if (!(value >= 0)) wrong.push([row, name]);
      sum += value;
    }
    if (sum !== reserved || over.reserved[row] !== reserved) wrong.push([row, 'sum']);
    const { requested, rounding, inactiveSplit } = over.columns;
    if (requested[row] + rounding[row] !== replay.curves.allocated[row]) wrong.push([row, 'allocated']);
    if (inactiveSplit[row] !== replay.curves.inactiveSplit[row]) wrong.push([row, 'split']);
    if (wrong.length > 5) break;
  }
  expect(wrong).toEqual([]);
  for (const share of shares) {
    let row = Math.floor(share * events.length);
    const isRelease = (at: number): boolean =>
      [ACTION.segment_free, ACTION.segment_unmap].includes(events.action[at]);
    // A run of releases is taken whole.
    while (row > 0 && row < events.length && isRelease(row - 1)) row--;
    const state = replayTo(trace, settings, baseline.fromEmpty, row);
    const ledger = ledgerAt(state, row, null);
    const at = (name: keyof typeof over.columns): number =>
      row === 0 ? over.before[name] : over.columns[name][row - 1];
    const parts: TorchParts = {
      requested: at('requested'),
      rounding: at('rounding'),
      pending: at('pending'),
      inactiveSplit: at('inactiveSplit') + at('inactivePages'),
      releasable: at('releasable'),
      privateIdle: at('privateIdle'),
    };
    expect(ledger.parts).toEqual(parts);
    expect(sumOf(ledger.parts)).toBe(ledger.reserved);
    expect(ledger.reserved).toBe(state.allocator.reserved);
    for (const stream of trace.streams.keys()) {
      const seen = inactiveSplitFor(ledger, stream);
      expect(seen.ownStream + seen.otherStreams + seen.privatePools).toBe(ledger.parts.inactiveSplit);
    }
  }
}

const SHARES = [0, 0.21, 0.5, 0.83, 1];

describe('fixtures: every row sums exactly', () => {
  it.each([
    ['oom', () => snapshotOf(fixtureBytes('oom.pickle'))],
    ['graphs', () => snapshotOf(fixtureBytes('graphs.pickle'))],
    ['pending', () => snapshotOf(fixtureBytes('pending.pickle'))],
    ['events23', () => snapshotAt(join(TRUTH_FOLDER, 'events23_0.pickle.gz'))],
  ])('%s', async (_name, open) => {
    const data = await open();
    checkRecording(data, data.devices[0], SHARES);
  });

  it('pending: all but one segment waits for another stream', async () => {
    const data = await snapshotOf(fixtureBytes('pending.pickle'));
    const [trace] = data.devices;
    const { parts } = ledgerAt(replayTo(trace, settingsOf(data), true, trace.events.length), 0, null);
    expect(parts).toEqual({
      requested: 0,
      rounding: 0,
      pending: 3_053_453_312,
      inactiveSplit: 0,
      releasable: 16_777_216,
      privateIdle: 0,
    });
  });

  it('a cut file that began empty is followed as far as it goes', async () => {
    const bytes = fixtureBytes('graphs.pickle');
    const { data } = await readSnapshot(bytes.subarray(0, Math.floor(bytes.length / 2)));
    expect(data.devices[0].cut).toBe(true);
    checkRecording(data, data.devices[0], [0, 0.5, 1]);
  });

  it('refuses a recording that the replay did not follow', async () => {
    const data = await snapshotOf(fixtureBytes('pending.pickle'));
    const [trace] = data.devices;
    const events = { ...trace.events, action: trace.events.action.slice() };
    events.action[events.action.indexOf(ACTION.segment_alloc, 300)] = ACTION.snapshot;
    const settings = settingsOf(data);
    const broken = { ...trace, events };
    expect(ledgerOverTime(broken, settings, selfReplay(broken, settings, true))).toBeNull();
    expect(ledgerOverTime(trace, settings, selfReplay(trace, settings, true))).not.toBeNull();
  });
});

describe.skipIf(sharedTraces() === null)('the recordings in ../shared/traces', () => {
  it.each([
    'serve/serve',
    'train/train',
    'leak/leak',
    'train_expandable/train_expandable',
    'unmap/unmap',
    'ring/ring',
    'twogpu/train_twogpu',
    'ranks/rank1',
    'churn/churn_1',
    'churn/churn_4',
    'churn/capped_8',
    'big/big',
  ])(
    '%s',
    async (name) => {
      const data = await snapshotAt(recordingPath(`${name}.pickle`)!);
      for (const trace of data.devices)
        if (trace.events.length > 0) checkRecording(data, trace, name === 'big/big' ? [1] : SHARES);
    },
    120_000,
  );

  it('ring says how many sizes it cannot know', async () => {
    const data = await snapshotAt(recordingPath('ring/ring.pickle')!);
    const [trace] = data.devices;
    expect(ledgerOverTime(trace, settingsOf(data), replayOf(data, trace))!.unknownSizes).toBe(76);
  });
});
