/**
 * A recording replayed under its own settings: every key of memory_stats, every block and every segment equal to
 * what PyTorch counted and dumped; and where a recording does not tell everything, that the replay says so.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../src/aggregate/baseline.ts';
import { selfReplay } from '../../src/replay/self-replay.ts';
import { ACTION } from '../../src/trace/schema.ts';
import { fixtureBytes, fixturePath, readSnapshot, snapshotOf } from '../read/snapshot/fixtures.ts';
import { BUNDLED } from '../bundled-recordings.ts';
import { sharedTraces } from '../shared-traces.ts';
import {
  differences,
  replayOf,
  settingsOf,
  snapshotAt,
  statsBeside,
  statsOfTruth,
  TRUTH_FOLDER,
  truthOf,
} from './recordings.ts';

/** A replay that follows the recording in everything. */
const faithful = { unplaced: 0, firstUnplaced: [], firstDifferent: [], unknownSizes: 0, causesCertain: true };

describe('the fixtures', () => {
  it.each(BUNDLED)('$name: every key, block and segment', async ({ path, whole, stats }) => {
    const data = await snapshotAt(path);
    const replay = replayOf(data, data.devices[0]);
    const wrong = differences(replay.stats, stats(), settingsOf(data));
    const { fidelity } = replay;
    expect(replay.fromEmpty).toBe(whole);
    // Of a ring that overflowed what is current is known, and nothing else is claimed.
    if (whole) {
      expect(wrong).toEqual([]);
      expect(fidelity).toMatchObject(faithful);
    } else expect(wrong.filter((key) => key.includes('.current'))).toEqual([]);
    expect(fidelity.unplaced).toBe(0);
    expect(fidelity.chosen).toBe(fidelity.requests);
    expect(fidelity.state!.blocks).toBeGreaterThan(0);
    expect(fidelity.state).toMatchObject({
      blocksEqual: fidelity.state!.blocks,
      segmentsEqual: fidelity.state!.segments,
      bytesDifferent: 0,
      examples: [],
    });
  });

  it.each(['wide21', 'layers22', 'events23'])('%s: every key', async (name) => {
    const truth = truthOf(name);
    const data = await snapshotAt(join(TRUTH_FOLDER, truth.base));
    const replay = replayOf(data, data.devices[0]);
    expect(differences(replay.stats, statsOfTruth(truth, 0), settingsOf(data))).toEqual([]);
    expect(replay.fidelity.chosen).toBe(replay.fidelity.requests);
  });

  it('a planted difference is found: a byte, a key left out, a key too many', async () => {
    const data = await snapshotOf(fixtureBytes('oom.pickle'));
    const { stats } = replayOf(data, data.devices[0]);
    const recorded = statsBeside(fixturePath('oom.pickle'), 0);
    const settings = settingsOf(data);
    const key = 'inactive_split_bytes.large_pool.freed';
    expect(differences({ ...stats, [key]: stats[key] + 1 }, recorded, settings)).toEqual([
      `${key}: ${stats[key] + 1}, not ${stats[key]}`,
    ]);
    const { [key]: gone, ...without } = stats;
    expect(differences(without, recorded, settings)).toEqual([`${key}: undefined, not ${gone}`]);
    expect(differences({ ...stats, planted: 1 }, recorded, settings)).toEqual(['planted']);
    expect(differences(stats, recorded, { ...settings, maxSplitSize: 2 ** 25 })).toEqual([
      'max_split_size: 33554432, not -1',
    ]);
  });
});

describe('what is not as recorded is said', () => {
  it('settings that were not those of the recording', async () => {
    const data = await snapshotAt(join(TRUTH_FOLDER, 'wide21_0.pickle.gz'));
    const wrong = { ...settingsOf(data), maxSplitSize: 32 * 2 ** 20 };
    const { fidelity } = selfReplay(data.devices[0], wrong, true);
    expect(fidelity.chosen).toBeLessThan(fidelity.requests);
    expect(fidelity.firstDifferent.length).toBeGreaterThan(0);
  });

  it('an event that was lost', async () => {
    const data = await snapshotOf(fixtureBytes('pending.pickle'));
    const [trace] = data.devices;
    const events = { ...trace.events, action: trace.events.action.slice() };
    const row = events.action.indexOf(ACTION.segment_alloc, 300);
    expect(row).toBeGreaterThan(300);
    // A segment that is never made: its requests fit nowhere.
    events.action[row] = ACTION.snapshot;
    const { fidelity } = selfReplay({ ...trace, events }, settingsOf(data), true);
    expect(fidelity.unplaced).toBeGreaterThan(0);
    expect(fidelity.firstUnplaced[0]).toBeGreaterThanOrEqual(row);
    expect(fidelity.state!.blocksEqual).toBeLessThan(fidelity.state!.blocks);
    expect(fidelity.state!.examples.length).toBeGreaterThan(0);
  });

  it('a final state with another size in one block', async () => {
    const data = await snapshotOf(fixtureBytes('oom.pickle'));
    const [trace] = data.devices;
    const blocks = { ...trace.blocks!, size: trace.blocks!.size.slice() };
    blocks.size[3] += 512;
    const { state } = selfReplay({ ...trace, blocks }, settingsOf(data), true).fidelity;
    expect(state!.blocksEqual).toBe(state!.blocks - 1);
    expect(state!.segmentsEqual).toBe(state!.segments - 1);
    expect(state!.bytesDifferent).toBe(blocks.size[3]);
    expect(state!.examples[0]).toContain(`${blocks.size[3]} B in the snapshot`);
  });

  it('a file that was cut: its rows are followed, and there is no state to compare with', async () => {
    const bytes = fixtureBytes('graphs.pickle');
    const { data } = await readSnapshot(bytes.subarray(0, Math.floor(bytes.length / 2)));
    const whole = await snapshotOf(bytes);
    const [trace] = data.devices;
    expect(trace.cut).toBe(true);
    const cut = replayOf(data, trace);
    expect(cut.fromEmpty).toBe(false);
    expect(cut.fidelity.state).toBeNull();
    expect(cut.fidelity.unplaced).toBe(0);
    const full = replayOf(whole, whole.devices[0]);
    const rows = trace.events.length;
    expect(rows).toBeGreaterThan(100);
    expect(cut.curves.inactiveSplit).toEqual(full.curves.inactiveSplit.subarray(0, rows));
  });
});

describe('a recording that begins in the middle', () => {
  /** The later rows of a recording, as an overflowing ring leaves them. */
  async function laterRows(name: string, from: number) {
    const data = await snapshotOf(fixtureBytes(`${name}.pickle`));
    const [trace] = data.devices;
    const { events } = trace;
    const length = events.length - from;
    const later = {
      ...trace,
      events: {
        length,
        action: events.action.slice(from),
        address: events.address.slice(2 * from),
        size: events.size.slice(2 * from),
        stream_index: events.stream_index.slice(from),
        stack_index: events.stack_index.slice(from),
        time_ns: events.time_ns.slice(2 * from),
        group: events.group.slice(from),
      },
    };
    expect(baselineOf(later).fromEmpty).toBe(false);
    return { data, whole: replayOf(data, trace), replay: selfReplay(later, settingsOf(data), false) };
  }

  it.each([
    ['pending', 1],
    ['pending', 400],
    ['pending', 900],
    ['graphs', 300],
    ['graphs', 1000],
    ['oom', 40],
  ])('%s from row %i: current figures are those of the whole, the final state too', async (name, from) => {
    const { whole, replay } = await laterRows(name, from);
    expect(replay.fromEmpty).toBe(false);
    expect(replay.fidelity.unplaced).toBe(0);
    const current = Object.keys(whole.stats).filter((key) => key.endsWith('.current'));
    expect(current.length).toBeGreaterThan(20);
    for (const key of current) expect([key, replay.stats[key]]).toEqual([key, whole.stats[key]]);
    expect(replay.fidelity.state!.blocksEqual).toBe(replay.fidelity.state!.blocks);
    expect(replay.fidelity.state!.segmentsEqual).toBe(replay.fidelity.state!.segments);
    for (const curve of ['allocated', 'active', 'inactiveSplit', 'largestFree'] as const)
      if (replay.fidelity.unknownSizes === 0)
        expect([curve, replay.curves[curve]]).toEqual([curve, whole.curves[curve].slice(from)]);
  });
});

const traces = sharedTraces();
const snapshots =
  traces === null
    ? []
    : readdirSync(traces, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.pickle'));

describe.skipIf(traces === null)('every snapshot in ../shared/traces', () => {
  it.each(snapshots)('%s', { timeout: 120_000 }, async (name) => {
    const path = join(traces!, name);
    const data = await snapshotAt(path);
    expect(data.devices.length).toBeGreaterThan(0);
    for (const trace of data.devices) {
      const { stats, fromEmpty, fidelity } = replayOf(data, trace);
      // The ring of `ring` overflowed: what came before it is not there.
      expect(fromEmpty).toBe(!name.startsWith('ring/'));
      const wrong = differences(stats, statsBeside(path, trace.device), settingsOf(data));
      if (fromEmpty) expect(wrong).toEqual([]);
      else expect(wrong.filter((key) => key.includes('.current'))).toEqual([]);
      expect(fidelity.unplaced).toBe(0);
      expect(fidelity.requests).toBeGreaterThan(0);
      expect(fidelity.chosen).toBe(fidelity.requests);
      expect(fidelity.state!.blocks).toBeGreaterThan(0);
      expect(fidelity.state).toMatchObject({
        blocksEqual: fidelity.state!.blocks,
        segmentsEqual: fidelity.state!.segments,
      });
    }
  });
});
