import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import { MAP_STATE } from '../../../src/analyze/lives/address-map.ts';
import type { AddressSpace } from '../../../src/analyze/lives/address-space.ts';
import { torchLedger } from '../../../src/analyze/ledger/ledger.ts';
import { isFaithful } from '../../../src/replay/replay-result.ts';
import { replayTo, selfReplay } from '../../../src/replay/self-replay.ts';
import type { DeviceTrace, SourceData } from '../../../src/trace/capture.ts';
import { ACTION } from '../../../src/trace/schema.ts';
import { settingsOf, snapshotAt } from '../../replay/recordings.ts';
import { chosenRows, led, linesOf, linesOfSnapshot, spaceOf, undone, unlike } from './address-for-test.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** Every snapshot in the repository that a reader takes. */
const PATHS = [
  'samples',
  ...['snapshot', 'growth-truth', 'allocator-truth', 'device-side', 'field'].map(
    (name) => `test/fixtures/${name}`,
  ),
]
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => /\.pickle(\.gz)?$/.test(name))
      .map((name) => `${folder}/${name}`),
  )
  .sort();

const devicesOf = async (path: string): Promise<readonly [SourceData, DeviceTrace[]]> => {
  const data = await snapshotAt(join(ROOT, path));
  return [data, data.devices.filter(({ producer }) => producer !== 'nsys')];
};

const stateAt = (space: AddressSpace, row: number, sized = true): string[] =>
  linesOf(space.at(row), space.lives.origin, sized);

/** What was recorded is what PyTorch's allocator does: of other files sizes between events are not known. */
const follows = (data: SourceData, trace: DeviceTrace): boolean =>
  trace.events.action.includes(ACTION.alloc) && isFaithful(selfReplay(trace, settingsOf(data), true));

describe.each(PATHS)('addresses of %s', (path) => {
  it('are those of its own state after the last row, and of naive replays at any other', async () => {
    const [data, traces] = await devicesOf(path);
    expect(traces.length).toBeGreaterThan(0);
    for (const trace of traces) {
      const space = spaceOf(data, trace);
      const rows = chosenRows(space.rows, 100);
      if (trace.segments !== null && !trace.cut)
        expect(unlike(stateAt(space, space.rows - 1), linesOfSnapshot(trace))).toEqual([]);
      if (trace.producer !== 'torch') continue;
      if (trace.segments !== null && !trace.cut) {
        const back = rows.toReversed();
        let at = 0;
        for (const lines of undone(trace, back))
          expect(unlike(stateAt(space, back[at++], false), lines), `row ${back[at - 1]}`).toEqual([]);
      }
      const settings = settingsOf(data);
      const isPlain = settings.roundupDivisions.every((divisions) => divisions <= 1);
      if (!baselineOf(trace).fromEmpty || !isPlain || !follows(data, trace)) continue;
      let at = 0;
      for (const lines of led(trace, rows, settings))
        expect(unlike(stateAt(space, rows[at++]), lines), `row ${rows[at - 1]}`).toEqual([]);
    }
  });
});

describe('the comparison', () => {
  it('notices a free that one side did not see, and a block of another size', async () => {
    const [data, [trace]] = await devicesOf('samples/leak.pickle.gz');
    const space = spaceOf(data, trace);
    const row = trace.events.length - 1;
    const action = Uint8Array.from(trace.events.action);
    const last = action.lastIndexOf(ACTION.free_completed);
    action[last] = ACTION.unknown;
    const planted = { ...trace, events: { ...trace.events, action } };
    const [lines] = [...led(planted, [row], settingsOf(data))];
    expect(unlike(stateAt(space, row), lines).length).toBeGreaterThan(0);
    space.at(row).blocks.size[3] += 512;
    expect(unlike(stateAt(space, row), linesOfSnapshot(trace)).length).toBeGreaterThan(0);
  });
});

/** Recordings with private pools, waiting frees, expandable segments unmapped midway, an error for want of memory. */
describe.each(['graphs', 'pending', 'unmap', 'oom', 'ring'])('sums and free blocks of %s', (name) => {
  const path = `test/fixtures/snapshot/${name}.pickle${name === 'oom' ? '' : '.gz'}`;

  it('are those of the ledger, and of the free blocks over time', async () => {
    const [data, traces] = await devicesOf(path);
    for (const trace of traces.filter(({ producer }) => producer === 'torch')) {
      const settings = settingsOf(data);
      const { fromEmpty } = baselineOf(trace);
      expect(isFaithful(selfReplay(trace, settings, fromEmpty))).toBe(true);
      const space = spaceOf(data, trace);
      const free = space.freeLives;
      for (const row of [...chosenRows(space.rows, 25), space.rows - 1]) {
        const state = space.at(row);
        const found: string[] = [];
        const kept: string[] = [];
        const sums = {
          requested: 0,
          rounding: 0,
          pending: 0,
          inactiveSplit: 0,
          releasable: 0,
          privateIdle: 0,
        };
        for (const segment of state.segments) {
          sums.requested += segment.requested;
          sums.rounding += segment.allocated - segment.requested;
          sums.pending += segment.pending;
          sums.inactiveSplit += segment.pinned;
          sums.releasable += segment.releasable;
          sums.privateIdle += segment.idle;
          for (let at = segment.blockFrom; at < segment.blockTo; at++)
            if (state.blocks.state[at] >= MAP_STATE.pinned)
              found.push(`${state.blocks.size[at]} ${state.blocks.whole[at]} ${segment.pool > 0 ? 1 : 0}`);
        }
        for (let one = 0; one < free.length; one++)
          if (free.rowFrom[one] <= row && row < free.rowTo[one])
            kept.push(`${free.size[one]} ${free.whole[one]} ${free.isPrivate[one]}`);
        expect(kept.sort()).toEqual(found.sort());
        // A run of releases is led as a whole: in its middle the replay is already behind it.
        const next = trace.events.action[row + 1];
        if (next === ACTION.segment_free || next === ACTION.segment_unmap) continue;
        const ledger = torchLedger(replayTo(trace, settings, fromEmpty, row + 1), row);
        if (state.atLeast === 0) expect(sums, `row ${row}`).toEqual(ledger.parts);
      }
    }
  });
});
