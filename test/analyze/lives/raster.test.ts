/** The picture of all allocations against one made the slow way, and against what PyTorch itself counted. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import type { LifeRow, RasterQuery } from '../../../src/engine/protocol.ts';
import { openFiles } from '../../diagnose/logs-for-test.ts';
import { columnOf, everyLife, expectWhole, naiveColumn, rasterFor, tallestColumn } from './naive-raster.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

async function open(path: string): Promise<Engine> {
  const bytes = readFileSync(join(ROOT, path));
  const plain = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  return (await openFiles({ 'run.pickle': new Uint8Array(plain) })).engine;
}

const peakOf = (path: string): number =>
  (JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Record<string, number>)['requested_bytes.all.peak'];

let engine: Engine;
let lives: LifeRow[];
const sizes = (): Map<number, number> => new Map(lives.map(({ life, requested }) => [life, requested]));

/** From nothing, from the middle, with blocks that wait for other streams, and a state without history. */
describe.each([
  ['samples/train.pickle.gz', 'test/fixtures/samples/train.memory_stats.json'],
  ['samples/leak.pickle.gz', 'test/fixtures/samples/leak.memory_stats.json'],
  ['test/fixtures/snapshot/pending.pickle.gz', 'test/fixtures/snapshot/pending.memory_stats.json'],
  ['test/fixtures/snapshot/ring.pickle.gz', null],
  ['test/fixtures/device-side/process.pickle', null],
] as const)('the picture of %s', (path, stats) => {
  beforeAll(async () => {
    engine = await open(path);
    lives = await everyLife(engine);
  });

  it('has at every pixel the allocation that the slow way has there', async () => {
    const views: readonly Partial<RasterQuery>[] = [
      {},
      { axis: 'time', columns: 97, rows: 33 },
      { order: 'size' },
      { bytes: [2 ** 20, 24 * 2 ** 20], rows: 50 },
      { range: { axis: 'event', from: 3, to: 11 }, columns: 40 },
    ];
    for (const view of views) {
      const raster = await rasterFor(engine, view);
      const { length } = raster.x;
      for (let i = 0; i < 12; i++) {
        const column = Math.floor(((length - 1) * i) / 11);
        const order = view.order === 'size' ? 'size' : 'age';
        expect(columnOf(raster, column)).toEqual(naiveColumn(lives, raster.row[column], raster, order));
      }
    }
  });

  it('shows of each column the row after which most is requested, and so every peak', async () => {
    const raster = await rasterFor(engine, { columns: 60 });
    const { row, total, peak } = raster;
    const most = total[tallestColumn(raster)];
    expect(most).toBe(peak.bytes);
    expect(row.every((at, i) => i === 0 || at >= row[i - 1])).toBe(true);
    if (stats !== null) expect(most).toBe(peakOf(stats));
  });

  it('leaves no byte of the peak out: owners of pixels and what is under a pixel', async () => {
    for (const view of [{}, { order: 'line' }, { rows: 7 }, { bytes: [0, 2 ** 20] }] as const) {
      const raster = await rasterFor(engine, view);
      expectWhole(raster, tallestColumn(raster), sizes());
      expectWhole(raster, 0, sizes());
    }
  });

  it('can be zoomed to where any allocation is seen', async () => {
    const step = Math.max(1, Math.floor(lives.length / 400));
    for (let i = 0; i < lives.length; i += step) {
      const { life, madeRow } = lives[i];
      const asked = { device: '1:0', filter: '', order: 'age', life, step: 0, sameLine: false } as const;
      const place = await engine.lifePlace(asked);
      if (!place.ok || place.value === null) throw new Error(`${life} has no place`);
      const { from, to } = place.value;
      expect(place.value.madeRow).toBe(madeRow ?? -1);
      const at = Math.max(0, madeRow ?? 0);
      const raster = await rasterFor(engine, {
        range: { axis: 'event', from: at, to: at + 8 },
        columns: 8,
        rows: 3,
        bytes: [from, to],
      });
      expect(raster.pixels.subarray(0, 3)).toEqual(Int32Array.of(life, life, life));
    }
  });

  it('draws what a filter lets pass, and nothing else', async () => {
    const [some] = lives.filter(({ requested }) => requested > 0);
    const filter = `size>=${some.requested}`;
    const passed = await everyLife(engine, filter);
    const raster = await rasterFor(engine, { filter });
    expect([raster.lives, raster.all]).toEqual([passed.length, lives.length]);
    for (const column of [0, 100, 299])
      expect(columnOf(raster, column)).toEqual(naiveColumn(passed, raster.row[column], raster, 'age'));
  });

  it.each(['line', 'stream', 'pool', 'size', 'lifetime'] as const)(
    'is coloured by %s: each colour is what its filter lets pass',
    async (by) => {
      const { groups, pixels, colours, peak } = await rasterFor(engine, { by });
      expect(groups.reduce((sum, { bytesAtPeak }) => sum + bytesAtPeak, 0)).toBe(peak.bytes);
      expect([...colours].every((colour, i) => (colour === 255) === (pixels[i] === -1))).toBe(true);
      for (const [number, { filter, bytesAtPeak }] of groups.entries()) {
        if (filter === null) continue;
        const passed = await everyLife(engine, filter);
        const mine = new Set(passed.map(({ life }) => life));
        expect(pixels.every((life, i) => life < 0 || mine.has(life) === (colours[i] === number))).toBe(true);
        const only = await rasterFor(engine, { filter, by, range: null, columns: 60 });
        expect(only.colours.every((colour) => colour === 255 || colour === number)).toBe(true);
        const atPeak = passed.filter(
          ({ madeRow, endedRow }) => (madeRow ?? -1) <= peak.row && peak.row < (endedRow ?? Infinity),
        );
        expect(atPeak.reduce((sum, { requested }) => sum + requested, 0)).toBe(bytesAtPeak);
      }
    },
  );

  it('is walked from allocation to allocation, and from one of a line to the next', async () => {
    const place = async (life: number | null, step: number, sameLine = false): Promise<number | null> => {
      const answer = await engine.lifePlace({
        device: '1:0',
        filter: '',
        order: 'size',
        life,
        step,
        sameLine,
      });
      if (!answer.ok) throw new Error(answer.error.message);
      return answer.value?.life ?? null;
    };
    expect(await place(null, 1)).toBe(0);
    expect(await place(null, -1)).toBe(lives.length - 1);
    expect(await place(3, Infinity)).toBe(lives.length - 1);
    expect(await place(3, 1)).toBe(4);
    expect(await place(0, -1)).toBe(0);
    const middle = lives[lives.length >>> 1];
    const next = lives.find(({ life, label }) => life > middle.life && label === middle.label);
    expect(await place(middle.life, 1, true)).toBe((next ?? middle).life);
    expect(await place(lives.length, 0)).toBeNull();
  });
});

it('says where a filter is none, and draws nothing', async () => {
  engine = await open('samples/leak.pickle.gz');
  const { fault, pixels } = await rasterFor(engine, { filter: 'size>1Mib5' });
  expect(fault).toMatchObject({ from: 0, to: 10 });
  expect(pixels.every((life) => life === -1)).toBe(true);
});

describe('the check', () => {
  it('sees a pixel, a byte or a block that is wrong', async () => {
    engine = await open('samples/leak.pickle.gz');
    lives = await everyLife(engine);
    const raster = await rasterFor(engine);
    const column = tallestColumn(raster);
    const right = naiveColumn(lives, raster.row[column], raster, 'age');
    expect(columnOf(raster, column)).toEqual(right);
    raster.pixels[column * raster.rows]++;
    expect(columnOf(raster, column)).not.toEqual(right);
    expect(() => expectWhole(raster, column, new Map([[0, 1]]))).toThrow();
    raster.thinBytes[column]++;
    expect(() => expectWhole(raster, column, sizes())).toThrow();
  });
});
