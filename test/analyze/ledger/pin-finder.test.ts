/** Who pins free memory: drawn states, and recordings in which the named blocks are freed and empty_cache is called. */
import { describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import { emptyCacheGain } from '../../../src/analyze/ledger/empty-cache.ts';
import { findPins, type PinRelease } from '../../../src/analyze/ledger/pin-finder.ts';
import type { AllocatorState } from '../../../src/replay/replay-result.ts';
import { replayTo } from '../../../src/replay/self-replay.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { ACTION } from '../../../src/trace/schema.ts';
import { fixtureBytes, recordingPath, snapshotOf } from '../../read/snapshot/fixtures.ts';
import { settingsOf, snapshotAt, TRUTH_FOLDER } from '../../replay/recordings.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { drawnState, MIB, stackOf } from '../drawn-state.ts';

/** Frees these blocks in a fresh model and calls its empty_cache; returns what that gave more than it gives now. */
function simulate(fresh: () => AllocatorState, { blocks }: PinRelease): number {
  const { allocator } = fresh();
  const now = emptyCacheGain({ allocator }).bytes;
  const before = allocator.reserved;
  for (const block of blocks) {
    allocator.freeRequested(block);
    allocator.freeCompleted(block);
  }
  allocator.emptyCache();
  return before - allocator.reserved - now;
}

const find = (lines: readonly string[]) => findPins(drawnState(lines));
const brief = ({ blockBytes, releasedBytes, unpinnedBytes, blocks }: PinRelease) => ({
  blocks: blocks.length,
  free: blockBytes / MIB,
  back: releasedBytes / MIB,
  unpinned: unpinnedBytes / MIB,
});

describe('a drawn state', () => {
  it('names what one stack holds alone, the most first', () => {
    const lines = ['seg s0 large | a:1 .19', 'seg s1 large | b:1 .59', 'seg s0 large | a:3 .5 a:2 .10'];
    const report = find(lines);
    expect(report.alone.map((pin) => [pin.holder.stack, brief(pin)])).toEqual([
      [stackOf('b'), { blocks: 1, free: 1, back: 60, unpinned: 59 }],
      [stackOf('a'), { blocks: 3, free: 6, back: 40, unpinned: 34 }],
    ]);
    expect(report).toMatchObject({ pinnedBytes: 93 * MIB, aloneBytes: 93 * MIB, sharedBytes: 0, greedy: [] });
    for (const pin of report.alone) expect(simulate(() => drawnState(lines), pin)).toBe(pin.releasedBytes);
  });

  it('does not name what pins nothing: full segments, free ones, waiting blocks, private pools', () => {
    const report = find([
      'seg s0 large | a:20',
      'seg s0 large | .20',
      'seg s0 large | ~a:3 .17',
      'seg s0 large (1,0) | a:3 .17',
    ]);
    expect(report.alone).toEqual([]);
    expect(report.greedy).toEqual([]);
    expect(report.pinnedBytes).toBe(0);
    expect(report.privateBytes).toBe(17 * MIB);
  });

  it('counts what waits for other streams as pinned where something lives beside it', () => {
    const lines = ['seg s0 large | ~a:3 b:1 .16'];
    const [pin] = find(lines).alone;
    expect([pin.holder.stack, brief(pin)]).toEqual([
      stackOf('b'),
      { blocks: 1, free: 1, back: 20, unpinned: 19 },
    ]);
    expect(simulate(() => drawnState(lines), pin)).toBe(20 * MIB);
  });

  it('leaves blocks of the same stack that pin nothing out', () => {
    const [pin] = find(['seg s0 large | a:1 .19', 'seg s0 large | a:20', 'seg s0 large | a:2 b:18']).alone;
    expect(brief(pin)).toEqual({ blocks: 1, free: 1, back: 20, unpinned: 19 });
  });

  it('takes pages of expandable segments one by one; a block on two pages holds both', () => {
    // Pages: a | a and b | b, free behind it.
    const lines = ['exp s0 large | a:30 b:11 .19'];
    const report = find(lines);
    expect(report.alone.map((pin) => [pin.holder.stack, brief(pin)])).toEqual([
      // Its part of the second page stays with a.
      [stackOf('b'), { blocks: 1, free: 11, back: 20, unpinned: 19 }],
    ]);
    expect(simulate(() => drawnState(lines), report.alone[0])).toBe(20 * MIB);
    // With the middle page to itself it gives back the full page that it also fills.
    const [pin] = find(['exp s0 large | b:21 .19']).alone;
    expect(brief(pin)).toEqual({ blocks: 1, free: 21, back: 40, unpinned: 19 });
  });

  it('chooses sets greedily where several hold together, each step with those before', () => {
    const lines = [
      'seg s0 large | a:1 b:1 .18',
      'seg s0 large | a:1 b:1 .38',
      'seg s0 large | a:1 c:1 d:1 .37',
      'seg s0 large | d:1 .9',
    ];
    const report = find(lines);
    expect(report.greedy.map((set) => [set.holders.map(({ stack }) => stack), brief(set)])).toEqual([
      [[stackOf('a'), stackOf('b')], { blocks: 4, free: 4, back: 60, unpinned: 56 }],
      [
        [stackOf('a'), stackOf('b'), stackOf('c'), stackOf('d')],
        { blocks: 8, free: 8, back: 110, unpinned: 102 },
      ],
    ]);
    expect(report.greedyCut).toBe(false);
    for (const set of report.greedy) expect(simulate(() => drawnState(lines), set)).toBe(set.releasedBytes);
  });

  it('tells allocations without a stack apart by size', () => {
    const report = find(['seg s0 large | -:1 .19', 'seg s0 large | -:1 -:2 .17', 'seg s0 large | -:2 .8']);
    expect(report.alone.map((pin) => [pin.holder.requested! / MIB, brief(pin).unpinned])).toEqual([
      [1, 19],
      [2, 8],
    ]);
    expect(report.sharedBytes).toBe(17 * MIB);
  });
});

function checkRecording(data: SourceData, at: readonly number[]): void {
  const [trace] = data.devices;
  const { fromEmpty } = baselineOf(trace);
  const expandable = trace.events.action.includes(ACTION.segment_map);
  for (const share of at) {
    const row = Math.floor(share * trace.events.length);
    const fresh = (): AllocatorState => replayTo(trace, settingsOf(data), fromEmpty, row);
    const report = findPins(fresh());
    expect(report.pinnedBytes).toBe(report.aloneBytes + report.sharedBytes);
    const sum = report.alone.reduce((total, pin) => total + pin.unpinnedBytes, 0);
    if (expandable) expect(sum).toBeGreaterThanOrEqual(report.aloneBytes);
    else expect(sum).toBe(report.aloneBytes);
    const tried: PinRelease[] = [...report.alone.slice(0, 4), ...report.greedy.slice(-2)];
    expect(tried.map((pin) => simulate(fresh, pin))).toEqual(tried.map((pin) => pin.releasedBytes));
  }
}

describe('recordings: freeing the blocks and empty_cache give exactly that', () => {
  it.each([
    ['oom', () => snapshotOf(fixtureBytes('oom.pickle'))],
    ['graphs', () => snapshotOf(fixtureBytes('graphs.pickle'))],
    ['pending', () => snapshotOf(fixtureBytes('pending.pickle'))],
    ['events23', () => snapshotAt(join(TRUTH_FOLDER, 'events23_0.pickle.gz'))],
  ])('%s', async (_name, open) => {
    checkRecording(await open(), [0.3, 0.7, 1]);
  });

  it('oom: one stack pins all that is free', async () => {
    const data = await snapshotOf(fixtureBytes('oom.pickle'));
    const [trace] = data.devices;
    const report = findPins(replayTo(trace, settingsOf(data), true, trace.events.length));
    expect(report.alone).toHaveLength(1);
    expect(report.alone[0]).toMatchObject({
      blockBytes: 718_274_560,
      releasedBytes: 807_403_520,
      unpinnedBytes: 89_128_960,
    });
    expect(report.alone[0].blocks).toHaveLength(20);
    expect(report.alone[0].firstRow).toBe(31);
  });

  it('blocks from before the recording have no row', async () => {
    const data = await snapshotOf(fixtureBytes('oom.pickle'));
    const [trace] = data.devices;
    const events = Object.fromEntries(
      Object.entries({ ...trace.events, length: 0 }).map(([name, column]) => [
        name,
        typeof column === 'number' ? column : column.slice(0, 0),
      ]),
    ) as unknown as typeof trace.events;
    const state = replayTo({ ...trace, events }, settingsOf(data), false, 0);
    expect(findPins(state).alone.map(({ firstRow }) => firstRow)).toEqual([null]);
  });
});

describe.skipIf(sharedTraces() === null)('the recordings in ../shared/traces', () => {
  it.each(['train', 'leak', 'unmap', 'train_expandable', 'ring'])('%s', async (name) => {
    checkRecording(await snapshotAt(recordingPath(`${name}/${name}.pickle`)!), [0.5, 1]);
  });
});
