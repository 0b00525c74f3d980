/** The engine's answers about a recording: what the page asks, at the borders of what can be asked. */
import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import type { Range, SourceView, TimelineAnswer } from '../../src/engine/protocol.ts';
import { alloc, list, snapshot } from '../read/snapshot/pickle-bytes.ts';
import { BytesSource } from '../read/open-for-test.ts';
import { fixtureBytes, recordingBytes, recordingPath } from '../read/snapshot/fixtures.ts';

async function opened(bytes: Uint8Array, name = 'x.pickle'): Promise<{ engine: Engine; view: SourceView }> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const [view] = await engine.open(1, new BytesSource(name, bytes), () => undefined);
  return { engine, view };
}

async function timelineOf(
  engine: Engine,
  device: string,
  range: Range | null,
  columns: number,
): Promise<TimelineAnswer> {
  const answer = await engine.timeline({
    device,
    series: ['requested', 'reserved'],
    range,
    axis: range?.axis ?? 'time',
    columns,
  });
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value;
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

describe('the view of a recording', () => {
  it('says in words what the file is', async () => {
    const { view } = await opened(fixtureBytes('oom.pickle'));
    expect(view.error).toBeNull();
    expect(view.format).toBe('torch-snapshot');
    const [device] = view.devices;
    expect(device.sentences[0]).toBe('140 events over 1.8 ms on 1 stream.');
    expect(device.fromEmpty).toBe(true);
    expect(device.headline.map(({ id, now, peakExact }) => [id, now, peakExact])).toEqual([
      // Replayed to the final state: the blocks are known, and with them the peaks.
      ['allocated', 4153409536, true],
      ['active', 4153409536, true],
      ['reserved', 4242538496, true],
      ['requested', 4153409536, true],
    ]);
    expect(device.ooms).toEqual([
      {
        xNs: expect.any(Number) as number,
        row: 139,
        size: 314572800,
        deviceFree: expect.any(Number) as number,
      },
    ]);
  });

  it('a cut file says so, and tells no figure as that of the end', async () => {
    const { view } = await opened(fixtureBytes('oom.pickle').subarray(0, 9000));
    expect(view.error?.code).toBe('truncated');
    const [device] = view.devices;
    expect(device.fromEmpty).toBe(false);
    expect(device.sentences.join(' ')).toContain('The file is cut inside the events');
    expect(device.headline.find(({ id }) => id === 'requested')).toMatchObject({
      now: null,
      peakExact: false,
    });
  });
});

describe('timeline', () => {
  it.each(['time', 'event'] as const)(
    '%s: every event in one column, peaks and ends exact at any width',
    async (axis) => {
      const { engine, view } = await opened(fixtureBytes('graphs.pickle'));
      const [device] = view.devices;
      const peak = device.headline.find(({ id }) => id === 'requested')!.peak;
      for (const columns of [1, 2, 7, 100, 1706, 5000]) {
        const whole = axis === 'event' ? device.rows : device.spanNs + 1;
        const { count, series, x } = await timelineOf(
          engine,
          device.key,
          { axis, from: 0, to: whole },
          columns,
        );
        expect(sum(count)).toBe(1706);
        expect(x).toHaveLength(columns);
        const [requested] = series;
        expect(Math.max(...requested.max)).toBe(peak);
        expect(requested.last.at(-1)).toBe(device.headline.find(({ id }) => id === 'requested')!.now);
        for (let i = 1; i < columns; i++)
          if (count[i] === 0) expect(requested.first[i]).toBe(requested.last[i - 1]);
      }
    },
  );

  it('a range between the ends begins with what was there', async () => {
    const { engine, view } = await opened(fixtureBytes('graphs.pickle'));
    const [device] = view.devices;
    const whole = await timelineOf(engine, device.key, { axis: 'event', from: 0, to: 1706 }, 1706);
    const part = await timelineOf(engine, device.key, { axis: 'event', from: 700, to: 900 }, 200);
    expect([...part.series[0].last]).toEqual([...whole.series[0].last.slice(700, 900)]);
    expect([...part.series[1].max]).toEqual([...whole.series[1].max.slice(700, 900)]);
  });

  it('ranges beyond the ends are flat there', async () => {
    const { engine, view } = await opened(fixtureBytes('oom.pickle'));
    const [device] = view.devices;
    for (const axis of ['time', 'event'] as const) {
      const before = await timelineOf(engine, device.key, { axis, from: -1000, to: 0 }, 10);
      expect(sum(before.count)).toBe(0);
      expect([...before.series[0].max]).toEqual(new Array(10).fill(0));
      const after = await timelineOf(engine, device.key, { axis, from: 1e15, to: 1e15 + 10 }, 3);
      expect(sum(after.count)).toBe(0);
      expect([...after.series[0].last]).toEqual(new Array(3).fill(4153409536));
      const wide = await timelineOf(engine, device.key, { axis, from: -1e15, to: 1e15 }, 4);
      expect(sum(wide.count)).toBe(140);
    }
  });

  it('nonsense is answered, not thrown', async () => {
    const { engine, view } = await opened(fixtureBytes('oom.pickle'));
    const device = view.devices[0].key;
    const ranges: Range[] = [
      { axis: 'time', from: 100, to: 0 },
      { axis: 'event', from: NaN, to: NaN },
      { axis: 'time', from: -Infinity, to: Infinity },
      { axis: 'event', from: 5, to: 5 },
    ];
    for (const range of ranges) {
      for (const columns of [0, -5, NaN, 1e9, 3]) {
        const query = { device, series: ['requested', 'no such'], range, axis: range.axis, columns };
        expect(typeof (await engine.timeline(query)).ok).toBe('boolean');
      }
      expect(typeof (await engine.range({ device, range, limit: 5 })).ok).toBe('boolean');
    }
    expect(
      (await engine.timeline({ device, series: ['no such'], range: null, axis: 'time', columns: 5 })).ok,
    ).toBe(true);
  });

  it('a device that is not there is an error value', async () => {
    const { engine } = await opened(fixtureBytes('oom.pickle'));
    const device = '9:9';
    const answers = [
      await engine.timeline({ device, series: ['requested'], range: null, axis: 'time', columns: 5 }),
      await engine.range({ device, range: null, limit: 5 }),
      await engine.moment(device, 'time', 0),
      await engine.saveTable({ table: 'events', format: 'csv', source: null, device }),
      await engine.frames(device, 0),
    ];
    for (const answer of answers) {
      expect(answer.ok).toBe(false);
      if (!answer.ok) expect(answer.error.message).toContain('9:9');
    }
  });

  it('nothing answers for a file that was closed', async () => {
    const { engine, view } = await opened(fixtureBytes('oom.pickle'));
    await engine.close(view.id);
    expect((await engine.range({ device: view.devices[0].key, range: null, limit: 5 })).ok).toBe(false);
    expect((await engine.analysis()).sources).toEqual([]);
  });
});

describe('range', () => {
  it('tables add up to the recording', async () => {
    const { engine, view } = await opened(fixtureBytes('graphs.pickle'));
    const device = view.devices[0].key;
    const all = await engine.range({ device, range: null, limit: 1000 });
    if (!all.ok) throw new Error(all.error.message);
    const { rows, streams, segments, holders, liveBytes } = all.value;
    expect(rows).toEqual([0, 1706]);
    expect(sum(streams.map(({ allocations }) => allocations))).toBe(599);
    expect(sum(streams.map(({ frees }) => frees))).toBe(531);
    expect(sum(segments.map(({ size }) => size))).toBe(289406976);
    expect(liveBytes).toBe(227641360);
    expect(sum(holders.map(({ bytes }) => bytes))).toBe(liveBytes);
    expect(sum(segments.map((segment) => segment.liveBytes))).toBe(liveBytes);
    expect(sum(streams.map((stream) => stream.liveBytes))).toBe(liveBytes);
    const few = await engine.range({ device, range: null, limit: 2 });
    if (!few.ok) throw new Error(few.error.message);
    expect(few.value.holders).toHaveLength(2);
    expect(few.value.holdersTotal).toBe(holders.length);
    expect(few.value.segments.map(({ size }) => size)).toEqual(segments.map(({ size }) => size).slice(0, 2));
  });

  it('parts of it add up to the whole', async () => {
    const { engine, view } = await opened(fixtureBytes('graphs.pickle'));
    const device = view.devices[0].key;
    let [allocations, bytes] = [0, 0];
    for (const [from, to] of [
      [-5, 100],
      [100, 1000.5],
      [1000.5, 1e9],
    ]) {
      const part = await engine.range({ device, range: { axis: 'event', from, to }, limit: 5 });
      if (!part.ok) throw new Error(part.error.message);
      allocations += sum(part.value.streams.map((stream) => stream.allocations));
      bytes += sum(part.value.streams.map((stream) => stream.bytes));
    }
    const { devices } = await engine.analysis();
    expect(allocations).toBe(sum(devices[0].streams.map((stream) => stream.allocations)));
    expect(bytes).toBe(sum(devices[0].streams.map((stream) => Number(stream.bytes))));
  });
});

describe('moment', () => {
  it('is the last event at or before, with its partner', async () => {
    const { engine, view } = await opened(fixtureBytes('oom.pickle'));
    const device = view.devices[0].key;
    const at = async (axis: 'time' | 'event', x: number) => {
      const answer = await engine.moment(device, axis, x);
      if (!answer.ok) throw new Error(answer.error.message);
      return answer.value;
    };
    expect((await at('event', -10)).row).toBe(0);
    expect((await at('event', 1e9)).row).toBe(139);
    expect((await at('event', 4.9)).row).toBe(4);
    const alloc = await at('event', 1);
    expect(alloc).toMatchObject({
      action: 'alloc',
      size: 20971520,
      partnerRow: 9,
      timeNs: expect.any(BigInt) as bigint,
    });
    expect(alloc.frames).toHaveLength(2);
    expect((await at('event', 9)).partnerRow).toBe(1);
    // The first event whose time is later than that of row 10.
    const { xNs } = await at('event', 10);
    let row = 10;
    while ((await at('event', row)).xNs === xNs) row++;
    const next = (await at('event', row)).xNs;
    expect(next).toBeGreaterThan(xNs);
    expect((await at('time', next - 0.5)).row).toBe(row - 1);
    expect((await at('time', next)).row).toBeGreaterThanOrEqual(row);
  });

  it('a device without events has none', async () => {
    const { engine, view } = await opened(snapshot(list()));
    expect(view.devices).toEqual([]);
    expect((await engine.moment('1:0', 'time', 0)).ok).toBe(false);
  });
});

describe('analysis', () => {
  it('keeps sums beyond 2^53 exact, as strings', async () => {
    // The largest size that passes for one, sixteen times over.
    const large = Array.from({ length: 16 }, (_, i) => alloc(512n * BigInt(i + 2), 1n << 50n));
    const { engine } = await opened(snapshot(list(...large, alloc(512n, 700n))));
    const [device] = (await engine.analysis()).devices;
    expect(device.streams[0].bytes).toBe(((1n << 54n) + 700n).toString());
    expect(device.streams[0].histogram).toEqual([
      { from: 512, to: 1024, count: 1, bytes: 700 },
      {
        from: 2 ** 50,
        to: 2 ** 51,
        count: 16,
        bytes: (1n << 54n).toString(),
      },
    ]);
    expect(JSON.parse(JSON.stringify(await engine.analysis()))).toMatchObject({ schema: 1 });
  });
});

describe.skipIf(recordingPath('ring/ring.pickle') === null)('recordings in ../shared/traces', () => {
  it('ring claims no peak of the process', async () => {
    const { view } = await opened(recordingBytes('ring/ring.pickle'));
    const [device] = view.devices;
    expect(device.fromEmpty).toBe(false);
    expect(device.sentences.join(' ')).toContain('peaks before the recording cannot be known');
    for (const { id, note } of device.headline.filter(({ peakExact }) => peakExact))
      expect(note, id).toContain('Peak within the recording');
  });
});
