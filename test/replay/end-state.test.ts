/** The model that a self-replay leaves is the one that a replay to the end gives, and looking at it changes nothing. */
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../src/aggregate/baseline.ts';
import { releaseUnits } from '../../src/analyze/ledger/empty-cache-units.ts';
import { largestRequest } from '../../src/analyze/ledger/largest.ts';
import { torchLedger } from '../../src/analyze/ledger/ledger.ts';
import { findPins } from '../../src/analyze/ledger/pin-finder.ts';
import { settingsOfSnapshot } from '../../src/replay/alloc-conf-snapshot.ts';
import type { AllocatorState } from '../../src/replay/replay-result.ts';
import { replayTo, selfReplay } from '../../src/replay/self-replay.ts';
import { fixtureBytes, snapshotOf } from '../read/snapshot/fixtures.ts';

const bytesOf = (name: string): Uint8Array =>
  name.endsWith('.gz') ? gunzipSync(fixtureBytes(name)) : fixtureBytes(name);

function told(state: AllocatorState, rows: number, streams: number): unknown {
  const units = releaseUnits(state.allocator);
  const limits = { limit: null, deviceFree: null };
  return {
    ledger: torchLedger(state, rows, units),
    pins: findPins(state, undefined, units),
    largest: Array.from({ length: streams }, (_, stream) => largestRequest(state, stream, limits, units)),
  };
}

describe('the state after the last row', () => {
  it.each(['oom.pickle', 'graphs.pickle.gz', 'pending.pickle.gz', 'ring.pickle.gz', 'unmap.pickle.gz'])(
    '%s',
    async (name) => {
      const data = await snapshotOf(bytesOf(name));
      const { settings } = settingsOfSnapshot(data.settings);
      for (const trace of data.devices) {
        const { fromEmpty } = baselineOf(trace);
        const { length } = trace.events;
        const streams = trace.streams.length;
        const { end } = selfReplay(trace, settings, fromEmpty);
        const led = told(replayTo(trace, settings, fromEmpty, length), length, streams);
        expect(told(end, length, streams)).toEqual(led);
        expect(told(end, length, streams)).toEqual(led);
      }
    },
  );

  it('is not that after another row', async () => {
    const data = await snapshotOf(fixtureBytes('oom.pickle'));
    const [trace] = data.devices;
    const { settings } = settingsOfSnapshot(data.settings);
    const { fromEmpty } = baselineOf(trace);
    const { length } = trace.events;
    const before = replayTo(trace, settings, fromEmpty, length >> 1);
    expect(told(before, length, trace.streams.length)).not.toEqual(
      told(selfReplay(trace, settings, fromEmpty).end, length, trace.streams.length),
    );
  });
});
