/** What was there before the first event: from the final state where it is known, else the least that is possible. */
import { describe, expect, it } from 'vitest';
import { baselineOf, floorSize } from '../../src/aggregate/baseline.ts';
import type { DeviceTrace } from '../../src/trace/capture.ts';
import {
  fixtureBytes,
  readSnapshot,
  recordingBytes,
  recordingPath,
  snapshotOf,
} from '../read/snapshot/fixtures.ts';
import { traceOf } from '../trace/events-for-test.ts';

const first = async (bytes: Uint8Array): Promise<DeviceTrace> => (await snapshotOf(bytes)).devices[0];
const NOTHING = { requested: 0, reserved: 0, segments: 0, allocatedFloor: 0, activeFloor: 0 };

describe('floorSize', () => {
  it.each([
    [0, 512],
    [1, 512],
    [512, 512],
    [513, 1024],
    [2 ** 40 + 1, 2 ** 40 + 512],
  ])('%i bytes take at least %i', (requested, least) => {
    expect(floorSize(requested)).toBe(least);
  });
});

describe('baselineOf', () => {
  it.each(['oom.pickle', 'oom.torch20.pickle', 'graphs.pickle', 'pending.pickle'])(
    '%s began with nothing',
    async (name) => {
      expect(baselineOf(await first(fixtureBytes(name)))).toEqual({
        before: NOTHING,
        known: true,
        whole: true,
        fromEmpty: true,
      });
    },
  );

  it('a recording that began later says what was there, to the byte', async () => {
    const whole = await first(fixtureBytes('graphs.pickle'));
    for (const skip of [1, 7, 600, 1705]) {
      const { events } = whole;
      const later: DeviceTrace = {
        ...whole,
        events: {
          length: events.length - skip,
          action: events.action.subarray(skip),
          address: events.address.subarray(2 * skip),
          size: events.size.subarray(2 * skip),
          stream_index: events.stream_index.subarray(skip),
          stack_index: events.stack_index.subarray(skip),
          time_ns: events.time_ns.subarray(2 * skip),
          group: events.group.subarray(skip),
        },
      };
      const skipped = baselineOf({
        ...whole,
        segments: null,
        blocks: null,
        events: { ...events, length: skip },
      });
      const { before, known, fromEmpty } = baselineOf(later);
      expect(known).toBe(true);
      expect(fromEmpty).toBe(false);
      // What the skipped events left: allocated minus freed, summed on their own.
      expect(skipped.known).toBe(false);
      let [requested, reserved] = [0, 0];
      for (let row = 0; row < skip; row++) {
        const size = events.size[2 * row] + events.size[2 * row + 1] * 2 ** 32;
        if (events.action[row] === 0) requested += size;
        if (events.action[row] === 2) requested -= size;
        if (events.action[row] === 4) reserved += size;
        if (events.action[row] === 5) reserved -= size;
      }
      expect([before.requested, before.reserved]).toEqual([requested, reserved]);
    }
  });

  it('a cut recording never claims to have begun with nothing', async () => {
    const bytes = fixtureBytes('oom.pickle');
    const [trace] = (await readSnapshot(bytes.subarray(0, 9000))).data.devices;
    expect(trace.cut).toBe(true);
    expect(baselineOf(trace)).toMatchObject({ known: false, fromEmpty: false });
  });

  it('where nothing is known, no curve falls below zero', () => {
    const { before, known, fromEmpty } = baselineOf(
      traceOf([
        { action: 'alloc', size: 1000 },
        { action: 'free_requested', size: 3000 },
        { action: 'free_completed', size: 3000 },
        { action: 'segment_free', size: 2 << 20 },
        { action: 'segment_unmap', size: 4 << 20 },
        { action: 'segment_map', size: 1 << 20 },
      ]),
    );
    expect(known).toBe(false);
    expect(fromEmpty).toBe(false);
    // alloc 1000 counts as 1024, the free of 3000 as 3072.
    expect(before).toEqual({
      requested: 2000,
      reserved: 6 << 20,
      segments: 1,
      allocatedFloor: 2048,
      activeFloor: 2048,
    });
  });

  it('a final state that holds less than the events left is not believed', async () => {
    const whole = await first(fixtureBytes('oom.pickle'));
    const blocks = { ...whole.blocks!, state: whole.blocks!.state.map(() => 2) };
    const { before, known } = baselineOf({ ...whole, blocks });
    expect(known).toBe(false);
    expect(before.requested).toBe(0);
  });
});

describe.skipIf(recordingPath('ring/ring.pickle') === null)('recordings in ../shared/traces', () => {
  it('ring: what was there before the ring is known, so the curve ends where memory_stats does', async () => {
    const trace = await first(recordingBytes('ring/ring.pickle'));
    const stats = JSON.parse(
      new TextDecoder().decode(recordingBytes('ring/ring.memory_stats.json')),
    ) as Record<string, number>;
    const { before, known, fromEmpty } = baselineOf(trace);
    expect([known, fromEmpty]).toEqual([true, false]);
    expect(before.reserved).toBe(stats['reserved_bytes.all.current']);
    expect(before.requested).toBeGreaterThan(0);
  });
});
