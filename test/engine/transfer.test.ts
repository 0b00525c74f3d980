/** Answers that leave with their arrays: nothing that the engine keeps goes with them. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { buffersIn } from '../../src/engine/transfer.ts';
import { openFiles } from '../diagnose/logs-for-test.ts';

const fixture = (path: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/${path}`, import.meta.url)));

let engine: Engine;

beforeAll(async () => {
  ({ engine } = await openFiles({
    'run.pickle': fixture('growth-truth/algorithms_tried.pickle.gz'),
    'nsys.json': fixture('nsys-forms/torch.json'),
  }));
});

const window = { range: null, axis: 'time', columns: 300 } as const;

/** Every question whose answer holds arrays. */
const QUESTIONS = {
  'address map': () =>
    engine.addressMap({ device: '2:0', row: null, addresses: null, colour: 'line', filter: '' }),
  'addresses over time': () => engine.addressTime({ ...window, device: '1:0', rows: 50 }),
  'free blocks over time': () => engine.freeTime({ ...window, device: '1:0' }),
  timeline: () =>
    engine.timeline({ ...window, device: '1:0', series: ['reserved', 'allocated', 'requested'] }),
  'all allocations': () =>
    engine.raster({
      ...window,
      device: '1:0',
      rows: 50,
      bytes: null,
      filter: '',
      order: 'size',
      by: 'stream',
    }),
  'ledger over time': () => engine.ledgerColumns({ ...window, device: '1:0' }),
  kernels: () => engine.kernels({ device: '2:0', from: 0, to: 9e8, columns: 300 }),
  'what-if': () =>
    engine.replays.whatIf({
      device: '1:0',
      cap: null,
      capacity: null,
      settings: 'expandable_segments:True',
      emptyCacheAfter: [],
      edits: [],
      curve: window,
    }),
  table: () => engine.saveTable({ table: 'events', format: 'csv', source: null, device: '1:0' }),
} as const;
const names = Object.keys(QUESTIONS) as (keyof typeof QUESTIONS)[];

/** What the other side gets: the buffers are gone here, as behind a worker's border. */
const leave = (answer: unknown): unknown => structuredClone(answer, { transfer: [...buffersIn(answer)] });
/** Where it ran, and how long it took, differs. */
const told = (answer: unknown): unknown =>
  JSON.parse(
    JSON.stringify(answer, (key, value: unknown) =>
      key === 'ranOn'
        ? null
        : typeof value === 'bigint'
          ? String(value)
          : ArrayBuffer.isView(value)
            ? Array.from(value as Float64Array, String)
            : value,
    ),
  );

describe('an answer that left', () => {
  it.each(names)('%s: took every array, and every question is answered as before', async (name) => {
    const before = new Map<string, unknown>();
    for (const one of names) before.set(one, told(await QUESTIONS[one]()));
    const answer = await QUESTIONS[name]();
    expect(answer.ok).toBe(true);
    const buffers = [...buffersIn(answer)];
    expect(buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeGreaterThan(2000);
    const arrived = leave(answer);
    expect(told(arrived)).toEqual(before.get(name));
    expect(buffers.map(({ byteLength }) => byteLength)).toEqual(buffers.map(() => 0));
    for (const one of names) expect(told(await QUESTIONS[one]()), one).toEqual(before.get(one));
  });

  it('a planted answer with a column that is kept is found', () => {
    const kept = new Float64Array([1, 2, 3]);
    leave({ values: kept });
    expect(kept).toHaveLength(0);
  });
});

describe('buffers of plain data', () => {
  it('are found at any depth, each once', () => {
    const [one, two] = [new Float64Array(3), new Uint32Array(5)];
    expect([
      ...buffersIn({ ok: true, value: { a: one, b: [{ c: two, d: one }], e: null, f: 'x', g: 7n } }),
    ]).toEqual([one.buffer, two.buffer]);
  });

  it('are none where a part of a larger one is shown: the rest is somebody else’s', () => {
    expect([...buffersIn({ part: new Float64Array(8).subarray(2, 4) })]).toEqual([]);
  });
});
