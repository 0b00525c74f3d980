/** The page's client with real workers: a sweep in helpers gives what one worker gives, and can be stopped. */
import { sampleBase64, sampleName } from 'virtual:sample';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EngineHandle, startEngine } from '../../src/engine/engine-client.ts';
import type { SweepQuery } from '../../src/engine/protocol.ts';

let engine: EngineHandle;
let device: string;

beforeAll(async () => {
  engine = await startEngine({ gpu: 'off' });
  const bytes = Uint8Array.from(atob(sampleBase64), (letter) => letter.charCodeAt(0));
  const [view] = await engine.api.open(1, new File([bytes], sampleName), () => undefined);
  device = view.devices[0].key;
});
afterAll(() => engine.dispose());

const query = (job: number): SweepQuery => ({ device, job, cap: null, capacity: null });

it('hands arrays over, and answers the same question again', async () => {
  const window = { range: null, axis: 'time', columns: 200 } as const;
  const numbers = (answer: unknown): unknown =>
    JSON.parse(JSON.stringify(answer, (name, value: unknown) => (name === 'ranOn' ? null : value)));
  const ask = async (): Promise<unknown> => {
    const [curves, ledger, whatIf, csv] = [
      await engine.api.timeline({ ...window, device, series: ['reserved', 'allocated'] }),
      await engine.api.ledgerColumns({ ...window, device }),
      await engine.api.replays.whatIf({
        ...query(0),
        settings: '',
        emptyCacheAfter: [],
        edits: [],
        curve: window,
      }),
      await engine.api.saveTable({ table: 'segments', format: 'csv', source: null, device }),
    ];
    if (!curves.ok || !ledger.ok || !whatIf.ok || !csv.ok) throw new Error('no answer');
    expect(Math.max(...curves.value.series[0].max)).toBe(1_568_669_696);
    expect(Math.max(...ledger.value.parts!.reserved)).toBe(1_568_669_696);
    expect(Math.max(...whatIf.value.curve!.replayed.max)).toBe(1_568_669_696);
    return numbers([curves, ledger, whatIf, csv]);
  };
  expect(await ask()).toEqual(await ask());
});

describe('a sweep of the page', () => {
  it('runs in several workers, tells every setting once, and agrees with a what-if', async () => {
    const told: number[] = [];
    const swept = await engine.api.replays.sweep(query(2), ({ done }) => told.push(done));
    if (!swept.ok) throw new Error(swept.error.message);
    const { rows, workers, winner } = swept.value;
    expect(workers).toBe(Math.min(4, navigator.hardwareConcurrency));
    expect(told).toEqual(rows.map((_, at) => at + 1));
    const best = rows[winner!];
    const answer = await engine.api.replays.whatIf({
      ...query(0),
      settings: best.conf,
      emptyCacheAfter: [],
      edits: [],
      curve: { range: null, axis: 'time', columns: 30 },
    });
    if (!answer.ok) throw new Error(answer.error.message);
    const { stats, curve } = answer.value;
    expect(stats['reserved_bytes.all.peak']).toBe(best.reservedPeak);
    expect(stats['num_device_alloc']).toBe(best.deviceAllocs);
    expect(Math.max(...curve!.replayed.max)).toBe(best.reservedPeak);
  });

  it('ends soon after it is cancelled, and leaves the engine at work', async () => {
    let done = 0;
    const stopped = await engine.api.replays.sweep(query(3), () => {
      if (++done === 5) void engine.api.cancel(3);
    });
    expect(stopped).toMatchObject({ ok: false, error: { code: 'cancelled' } });
    expect(done).toBe(5);
    expect((await engine.api.replays.replay(device)).ok).toBe(true);
    expect(await engine.api.replays.conf('expandable_segments:True')).toMatchObject({ ok: true });
  });

  it('ranks sites with progress, and fails as data for a device that is not open', async () => {
    const told: number[] = [];
    const sites = await engine.api.replays.sites({ ...query(4), settings: null, most: 2 }, (one) =>
      told.push(one.done),
    );
    expect(sites).toMatchObject({ ok: true, value: { sites: 10, hasStacks: true } });
    expect(told.at(-1)).toBe(2);
    const none = await engine.api.replays.sweep({ ...query(5), device: '9:0' }, () => undefined);
    expect(none).toMatchObject({ ok: false, error: { code: 'ended' } });
  });
});
