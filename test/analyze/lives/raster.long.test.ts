/** The picture of all allocations of the large recordings: 301,499 of them in one, none left out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import type { LifeRow } from '../../../src/engine/protocol.ts';
import { openFiles } from '../../diagnose/logs-for-test.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { columnOf, everyLife, expectWhole, naiveColumn, rasterFor, tallestColumn } from './naive-raster.ts';

const traces = sharedTraces();

describe.skipIf(traces === null).each([
  ['big', 301_499],
  ['serve', 151_422],
] as const)('%s, a recording in ../shared/traces', (name, count) => {
  let engine: Engine;
  let lives: LifeRow[];
  let sizes: Map<number, number>;

  beforeAll(async () => {
    const folder = join(traces!, name);
    const bytes = new Uint8Array(readFileSync(join(folder, `${name}.pickle`)));
    ({ engine } = await openFiles({ [name]: bytes }));
    lives = await everyLife(engine);
    sizes = new Map(lives.map(({ life, requested }) => [life, requested]));
  });

  it('is drawn whole, and as high as memory_stats counted', async () => {
    const raster = await rasterFor(engine, { columns: 1000, rows: 400 });
    expect([raster.all, raster.lives]).toEqual([count, count]);
    const column = tallestColumn(raster);
    const stats = readFileSync(join(traces!, name, `${name}.memory_stats.json`), 'utf8');
    const peak = (JSON.parse(stats) as Record<string, number>)['requested_bytes.all.peak'];
    expect(raster.total[column]).toBe(peak);
    for (let i = 0; i < 1000; i += 37) expectWhole(raster, i, sizes);
    expectWhole(raster, column, sizes);
    for (const at of [0, 250, column, 999])
      expect(columnOf(raster, at)).toEqual(naiveColumn(lives, raster.row[at], raster, 'age'));
  });

  it('shows any allocation at some zoom', async () => {
    for (let i = 0; i < 300; i++) {
      const { life, madeRow } = lives[Math.floor(((lives.length - 1) * i) / 299)];
      const asked = { device: '1:0', filter: '', order: 'age', life, step: 0, sameLine: false } as const;
      const place = await engine.lifePlace(asked);
      if (!place.ok || place.value === null) throw new Error(`${life} has no place`);
      const at = Math.max(0, madeRow ?? 0);
      const raster = await rasterFor(engine, {
        range: { axis: 'event', from: at, to: at + 8 },
        columns: 8,
        rows: 3,
        bytes: [place.value.from, place.value.to],
      });
      expect(raster.pixels.subarray(0, 3)).toEqual(Int32Array.of(life, life, life));
    }
  });
});
