/** What is said of a recording before anything is concluded: the real ones, and each with one thing taken away. */
import { describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import { dataQuality, leastConfident } from '../../../src/analyze/recording/data-quality.ts';
import { lifetimesOf } from '../../../src/analyze/lifetimes.ts';
import { earlierAllocations } from '../../../src/analyze/live.ts';
import { setI64 } from '../../../src/base/u64.ts';
import type { DeviceTrace, SourceData } from '../../../src/trace/capture.ts';
import { ACTION, type EventTable, NONE } from '../../../src/trace/schema.ts';
import { fixtureBytes, readSnapshot, recordingPath, snapshotOf } from '../../read/snapshot/fixtures.ts';
import { replayOf, snapshotAt, TRUTH_FOLDER } from '../../replay/recordings.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { drawnTrace } from '../drawn-state.ts';

function qualityOf(data: SourceData, trace: DeviceTrace = data.devices[0]) {
  const lifetimes = lifetimesOf(trace.events, trace.partner);
  return dataQuality({
    source: data,
    trace,
    baseline: baselineOf(trace),
    lifetimes,
    earlier: earlierAllocations(trace, lifetimes),
    replay: trace.events.action.includes(ACTION.alloc) ? replayOf(data, trace) : null,
  });
}

/** Rows [from, ...) of a table. */
const laterRows = (events: EventTable, from: number): EventTable => ({
  length: events.length - from,
  action: events.action.slice(from),
  address: events.address.slice(2 * from),
  size: events.size.slice(2 * from),
  stream_index: events.stream_index.slice(from),
  stack_index: events.stack_index.slice(from),
  time_ns: events.time_ns.slice(2 * from),
  group: events.group.slice(from),
});

describe('a whole recording', () => {
  it('oom: everything certain, the limit between two figures', async () => {
    const quality = qualityOf(await snapshotOf(fixtureBytes('oom.pickle')));
    expect(quality).toMatchObject({
      began: 'empty',
      requestedBefore: 0,
      beforeKnown: true,
      freesWithoutAlloc: 0,
      cut: false,
      clock: 'wall',
      timesBackwards: 0,
      limitBounds: [4_242_538_496, 4_557_111_296],
      deviceBytes: null,
      confidence: 'certain',
    });
    expect(quality.replay).toMatchObject({ faithful: true, requests: 64, chosen: 64, unplaced: 0 });
    expect(quality.settings!.notRecorded).toEqual(['perProcessMemoryFraction']);
    for (const topic of Object.values(quality.topics))
      expect(topic).toMatchObject({ confidence: 'certain', why: [] });
  });

  it('without stacks: numbers are certain, holders are not', async () => {
    const quality = qualityOf(await snapshotAt(join(TRUTH_FOLDER, 'events23_0.pickle.gz')));
    const { recorded } = quality.frames;
    expect(recorded.allocations).toBeGreaterThan(1000);
    expect(recorded).toMatchObject({
      allocationsWithout: recorded.allocations,
      bytesWithout: recorded.bytes,
    });
    expect(quality.confidence).toBe('certain');
    expect(quality.topics.holders.confidence).toBe('low');
    expect(quality.topics.holders.why[0]).toContain('100 %');
  });
});

describe('what is missing is said', () => {
  it('the oldest rows gone, blocks with stacks left: overwritten', async () => {
    const data = await snapshotOf(fixtureBytes('oom.pickle'));
    const [trace] = data.devices;
    const events = laterRows(trace.events, 70);
    const quality = qualityOf(data, { ...trace, events });
    expect(quality.began).toBe('overwritten');
    expect(quality.freesWithoutAlloc).toBeGreaterThan(0);
    expect(quality.requestedBefore).toBeGreaterThan(0);
    expect(quality.topics.history.confidence).toBe('medium');
    expect(quality.topics.history.why[0]).toContain('max_entries');
    // The same without stacks could have begun late.
    const blocks = { ...trace.blocks!, stack_index: trace.blocks!.stack_index.map(() => NONE) };
    const late = qualityOf(data, { ...trace, events, blocks });
    expect(late.began).toBe('late');
    expect(late.topics.history.confidence).toBe('medium');
  });

  it('a file that was cut', async () => {
    const bytes = fixtureBytes('graphs.pickle');
    const { data } = await readSnapshot(bytes.subarray(0, Math.floor(bytes.length / 2)));
    const quality = qualityOf(data);
    expect(quality).toMatchObject({ cut: true, began: 'unknown', beforeKnown: false, confidence: 'medium' });
    expect(quality.topics.amounts.why.join()).toContain('cut');
    expect(quality.replay!.state).toBeNull();
  });

  it('a lost free', async () => {
    const data = await snapshotAt(join(TRUTH_FOLDER, 'events23_0.pickle.gz'));
    const [trace] = data.devices;
    const action = trace.events.action.slice();
    action[action.indexOf(ACTION.free_completed, 500)] = ACTION.snapshot;
    const quality = qualityOf(data, { ...trace, events: { ...trace.events, action } });
    expect(quality.beforeKnown).toBe(false);
    expect(quality.allocsOverLive).toBe(1);
    expect(quality.replay!.faithful).toBe(false);
    expect(quality.replay!.unplaced).toBeGreaterThan(0);
    expect(['low', 'medium']).toContain(quality.topics.amounts.confidence);
    expect(quality.topics.amounts.why.join()).toContain('frees were lost');
    expect(quality.topics.settings.confidence).toBe('low');
  });

  it('settings that were not those of the recording', async () => {
    const data = await snapshotAt(join(TRUTH_FOLDER, 'wide21_0.pickle.gz'));
    expect(qualityOf(data).topics.settings.confidence).toBe('certain');
    const settings = data.settings.map(([name, text]): readonly [string, string] => [
      name,
      name === 'max_split_size' ? String(32 * 2 ** 20) : text,
    ]);
    const quality = qualityOf({ ...data, settings });
    expect(quality.replay!.chosen).toBeLessThan(quality.replay!.requests);
    expect(quality.topics.settings.confidence).not.toBe('certain');
    expect(quality.settings!.changed).toEqual(['maxSplitSize']);
    // Nothing recorded at all: the defaults agree with every request, which is not certain.
    const silent = qualityOf({ ...data, settings: [] });
    expect(silent.topics.settings.confidence).toBe('high');
    expect(silent.topics.settings.why[0]).toContain('maxSplitSize');
  });

  it('a clock that goes back', async () => {
    const data = await snapshotOf(fixtureBytes('oom.pickle'));
    const [trace] = data.devices;
    const time_ns = trace.events.time_ns.slice();
    setI64(time_ns, 50, 0);
    const quality = qualityOf(data, { ...trace, events: { ...trace.events, time_ns } });
    expect(quality.timesBackwards).toBe(1);
    expect(quality.topics.history.confidence).toBe('high');
  });

  it('stacks of one large block', async () => {
    const data = await snapshotOf(fixtureBytes('oom.pickle'));
    const [trace] = data.devices;
    const stack_index = trace.events.stack_index.slice();
    stack_index[trace.events.action.lastIndexOf(ACTION.alloc)] = NONE;
    const quality = qualityOf(data, { ...trace, events: { ...trace.events, stack_index } });
    expect(quality.frames.recorded.allocationsWithout).toBe(1);
    expect(quality.topics.holders.confidence).not.toBe('certain');
    expect(quality.topics.amounts.confidence).toBe('certain');
  });

  it('a state without events', async () => {
    const data = await snapshotOf(fixtureBytes('oom.pickle'));
    const quality = qualityOf({ ...data, settings: [] }, drawnTrace(['seg s0 large | a:3 -:1 .16']));
    expect(quality.began).toBe('no_events');
    expect(quality.topics.amounts.confidence).toBe('certain');
    expect(quality.topics.history.confidence).toBe('low');
    expect(quality.frames.liveAtEnd).toMatchObject({ allocations: 2, allocationsWithout: 1 });
    expect(quality.topics.holders.confidence).toBe('low');
  });
});

describe('the least sure', () => {
  it.each([
    [['certain', 'high'], 'high'],
    [['medium', 'low', 'certain'], 'low'],
    [[], 'certain'],
  ] as const)('%j: %s', (all, least) => {
    expect(leastConfident(all)).toBe(least);
  });
});

describe.skipIf(sharedTraces() === null)('the recordings in ../shared/traces', () => {
  it('ring: that it overflowed, and what it cannot know', async () => {
    const quality = qualityOf(await snapshotAt(recordingPath('ring/ring.pickle')!));
    expect(quality).toMatchObject({
      began: 'overwritten',
      freesWithoutAlloc: 125,
      requestedBefore: 2_768_728_264,
      reservedBefore: 4_997_513_216,
      confidence: 'medium',
    });
    expect(quality.replay!.unknownSizes).toBe(76);
    expect(quality.topics.amounts.confidence).toBe('high');
  });

  it.each(['train', 'leak', 'serve'])('%s: numbers are certain', async (name) => {
    const quality = qualityOf(await snapshotAt(recordingPath(`${name}/${name}.pickle`)!));
    expect(quality).toMatchObject({ began: 'empty', confidence: 'certain' });
  });
});
