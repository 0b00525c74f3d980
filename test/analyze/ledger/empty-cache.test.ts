/**
 * What empty_cache would give back: drawn states, and real calls of it in recordings, where what the model says just
 * before must be what the following rows show, to the byte.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import { emptyCacheGain } from '../../../src/analyze/ledger/empty-cache.ts';
import { releaseUnits } from '../../../src/analyze/ledger/empty-cache-units.ts';
import { u64At } from '../../../src/base/u64.ts';
import { OP } from '../../../src/replay/requests.ts';
import { replayTo } from '../../../src/replay/self-replay.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { ACTION } from '../../../src/trace/schema.ts';
import { fixtureBytes, recordingPath, snapshotOf } from '../../read/snapshot/fixtures.ts';
import { replayOf, settingsOf, snapshotAt, TRUTH_FOLDER } from '../../replay/recordings.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { drawnState, MIB } from '../drawn-state.ts';

const gainMib = (lines: readonly string[]) => {
  const state = drawnState(lines);
  const gain = emptyCacheGain(state);
  // The pure figure is what the model's own empty_cache does.
  const before = state.allocator.reserved;
  state.allocator.emptyCache();
  expect(before - state.allocator.reserved).toBe(gain.bytes);
  return Object.fromEntries(
    Object.entries(gain).map(([name, value]) => [
      name,
      name === 'segments' || name === 'pages' ? value : value / MIB,
    ]),
  );
};

describe('a drawn state', () => {
  it('gives whole free segments back, and none in which something lives', () => {
    expect(gainMib(['seg s0 large | .20', 'seg s0 large | a:1 .19', 'seg s1 small | .2'])).toEqual({
      bytes: 22,
      bytesAfterWaiting: 0,
      segments: 2,
      segmentBytes: 22,
      pages: 0,
      pageBytes: 0,
      privateBytes: 0,
    });
  });

  it('gives whole free pages of an expandable segment back', () => {
    // Pages of 20 MiB: [0, 20) and [40, 60) hold something, [20, 40) and [60, 80) nothing.
    expect(gainMib(['exp s0 large | a:20 .21 b:2 .37'])).toMatchObject({ bytes: 40, pages: 2 });
    // One byte range further and the second page is held.
    expect(gainMib(['exp s0 large | a:21 .20 b:2 .37'])).toMatchObject({ bytes: 20, pages: 1 });
    // Pages of the small pool are 2 MiB.
    expect(gainMib(['exp s0 small | a:1 .7'])).toMatchObject({ bytes: 6, pages: 3 });
  });

  it('waits for other streams first, and says how much comes of that', () => {
    expect(gainMib(['seg s0 large | ~a:3 .17', 'seg s0 large | .20'])).toMatchObject({
      bytes: 40,
      bytesAfterWaiting: 20,
    });
    expect(gainMib(['seg s0 large | ~a:3 b:1 .16'])).toMatchObject({ bytes: 0, bytesAfterWaiting: 0 });
  });

  it('leaves private pools alone', () => {
    expect(gainMib(['seg s0 large (1,0) | .20', 'seg s0 large | .20'])).toMatchObject({
      bytes: 20,
      privateBytes: 20,
    });
  });

  it('counts every reserved byte in one unit', () => {
    const { allocator } = drawnState(['exp s0 large | a:30 ~b:5 .25', 'seg s0 small | .2']);
    const units = releaseUnits(allocator);
    expect(
      units.map(({ bytes, freeBytes, allocated, pending }) => [
        bytes / MIB,
        freeBytes / MIB,
        allocated.length,
        pending.length,
      ]),
    ).toEqual([
      [20, 0, 1, 0],
      [20, 5, 1, 1],
      [20, 20, 0, 0],
      [2, 2, 0, 0],
    ]);
  });
});

/** For each real call: what the model says just before, and the bytes that the rows after it give back. */
function realCalls(data: SourceData): { readonly told: number; readonly released: number }[] {
  const [trace] = data.devices;
  const { events } = trace;
  const { op, row, length } = replayOf(data, trace).requests;
  const calls = [];
  for (let step = 0; step < length; step++) {
    if (op[step] !== OP.empty_cache) continue;
    let released = 0;
    for (let at = row[step]; at < events.length; at++) {
      const action = events.action[at];
      if (action === ACTION.segment_free || action === ACTION.segment_unmap)
        released += u64At(events.size, at);
      else if (action !== ACTION.free_completed) break;
    }
    const state = replayTo(trace, settingsOf(data), baselineOf(trace).fromEmpty, row[step]);
    calls.push({ told: emptyCacheGain(state).bytes, released });
  }
  return calls;
}

describe('calls in recordings', () => {
  it.each([
    ['a mix of requests that calls it', 4, () => snapshotAt(join(TRUTH_FOLDER, 'events23_0.pickle.gz'))],
    ['CUDA graphs, which call it', 3, () => snapshotOf(fixtureBytes('graphs.pickle'))],
  ])('%s', async (_name, count, open) => {
    const calls = realCalls(await open());
    expect(calls.length).toBe(count);
    expect(calls.map(({ told }) => told)).toEqual(calls.map(({ released }) => released));
    expect(calls.some(({ released }) => released > 0)).toBe(true);
  });

  it('a planted difference is found', async () => {
    const data = await snapshotAt(join(TRUTH_FOLDER, 'events23_0.pickle.gz'));
    const [trace] = data.devices;
    const size = trace.events.size.slice();
    const row = trace.events.action.indexOf(ACTION.segment_free);
    size[2 * row] += 512;
    const [first] = realCalls({
      ...data,
      devices: [{ ...trace, events: { ...trace.events, size } }],
    });
    expect(first.told).not.toBe(first.released);
  });
});

describe.skipIf(sharedTraces() === null)('the recordings in ../shared/traces', () => {
  it('unmap: pages of an expandable segment', async () => {
    const calls = realCalls(await snapshotAt(recordingPath('unmap/unmap.pickle')!));
    expect(calls.length).toBe(1);
    expect(calls[0].told).toBe(calls[0].released);
  });

  it('serve: what memory_summary printed before and after', async () => {
    const data = await snapshotAt(recordingPath('serve/serve.pickle')!);
    const [trace] = data.devices;
    const gain = emptyCacheGain(replayTo(trace, settingsOf(data), true, trace.events.length));
    /** Printed in whole MiB, rounded down. */
    const reserved = (name: string): number => {
      const text = readFileSync(recordingPath(`serve/${name}`)!, 'utf8');
      return Number(/GPU reserved memory\s+\|\s*(\d+) MiB/.exec(text)![1]) * MIB;
    };
    const before = reserved('serve.memory_summary.txt');
    const after = reserved('serve.after_empty_cache.memory_summary.txt');
    expect(gain.bytes).toBe(before - after);
    expect(gain.segments).toBe(36);
    expect(gain.bytes).toBe(1_145_044_992);
  });
});
