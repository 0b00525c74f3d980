import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import type { AddressMapAnswer, AddressMapQuery, HoleAnswer } from '../../src/engine/protocol.ts';
import type { Result } from '../../src/base/result.ts';
import { openFiles } from '../diagnose/logs-for-test.ts';
import { chosenRows } from '../analyze/lives/address-for-test.ts';

const ROOT = join(import.meta.dirname, '../..');
const DEVICE = '1:0';

async function opened(path: string): Promise<Engine> {
  const bytes = readFileSync(join(ROOT, path));
  const plain = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  const name = path.split('/').at(-1)!.replace('.gz', '');
  return (await openFiles({ [name]: new Uint8Array(plain) })).engine;
}

function told<T>(answer: Result<T, { message: string }>): T {
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value;
}

const mapOf = async (engine: Engine, more: Partial<AddressMapQuery> = {}): Promise<AddressMapAnswer> =>
  told(
    await engine.addressMap({
      device: DEVICE,
      row: null,
      addresses: null,
      colour: 'line',
      filter: '',
      ...more,
    }),
  );

const hole = async (engine: Engine, address: string, row: number | null = null): Promise<HoleAnswer | null> =>
  told(await engine.addressHole({ device: DEVICE, row, address }));

const textOf = ({ origin }: AddressMapAnswer, address: number): string =>
  `0x${((BigInt(origin) << 32n) + BigInt(address)).toString(16)}`;

describe('the address map at a row', () => {
  it('sums to what the timeline says is reserved and the ledger tells, and names who lives where', async () => {
    const engine = await opened('samples/train.pickle.gz');
    for (const row of [777, 2000, 4000, null]) {
      const map = await mapOf(engine, { row });
      const moment = told(await engine.moment(DEVICE, 'event', map.row));
      const value = (id: string): number | null | undefined =>
        moment.values.find((one) => one.id === id)?.value;
      expect(map.totals.size).toBe(value('reserved'));
      expect(map.totals.allocated).toBe(value('allocated'));
      // What waits for another stream counts as requested in the allocator's own figures.
      expect(map.blocks.requested.reduce((a, b) => a + b, 0)).toBe(value('requested'));
      const { totals, kinds, blocks, segments } = map;
      expect(totals.allocated + totals.pending + totals.pinned + totals.releasable + totals.idle).toBe(
        totals.size,
      );
      expect(kinds.reduce((sum, { size }) => sum + size, 0)).toBe(totals.size);
      expect(blocks.size.reduce((a, b) => a + b, 0)).toBe(totals.size);
      expect(segments.blockStart.at(-1)).toBe(totals.blocks);
      expect(map.free.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(
        totals.pinned + totals.releasable + totals.idle,
      );
      expect(map.notExact).toEqual([]);
      const live = blocks.life.findIndex((life) => life >= 0);
      expect(live).toBeGreaterThanOrEqual(0);
      const life = told(await engine.life(DEVICE, blocks.life[live]));
      expect([life.address, life.blockSize]).toEqual([textOf(map, blocks.address[live]), blocks.size[live]]);
    }
  });

  it('colours blocks by the groups of all views, and marks what a filter leaves out', async () => {
    const engine = await opened('samples/train.pickle.gz');
    const map = await mapOf(engine, { filter: 'size>1MiB', colour: 'size' });
    const { blocks } = map;
    let out = 0;
    blocks.life.forEach((life, at) => {
      expect(blocks.group[at] === 255).toBe(life < 0);
      if (life < 0) return;
      expect(blocks.passes[at]).toBe(blocks.requested[at] > 2 ** 20 ? 1 : 0);
      if (blocks.passes[at] === 0) out++;
      const name = map.colours.names[blocks.group[at]];
      if (name === '≤ 1 MiB') expect(blocks.requested[at]).toBeLessThanOrEqual(2 ** 20);
    });
    expect(out).toBeGreaterThan(0);
  });

  it('lists the segments of a part of the addresses alone, where asked', async () => {
    const engine = await opened('samples/train.pickle.gz');
    const map = await mapOf(engine);
    const at = map.segments.address.length >> 1;
    const from = textOf(map, map.segments.address[at]);
    const part = await mapOf(engine, { addresses: { from, to: textOf(map, map.segments.address[at] + 1) } });
    expect(part.segments.address).toEqual(map.segments.address.slice(at, at + 1));
    const [first, end] = [map.segments.blockStart[at], map.segments.blockStart[at + 1]];
    expect(part.blocks.life).toEqual(map.blocks.life.slice(first, end));
    expect(part.totals).toEqual(map.totals);
  });

  it('gives the next rows that change segments, to both sides', async () => {
    const engine = await opened('test/fixtures/snapshot/unmap.pickle.gz');
    const rows = [];
    for (const from of [0, 5000, 10_000])
      rows.push(...told(await engine.events({ device: DEVICE, filter: '', from, limit: 5000 })).rows);
    const changes = rows.filter(({ action }) => action.startsWith('segment_')).map(({ row }) => row);
    expect(changes.length).toBeGreaterThan(3);
    for (const row of [0, changes[0], changes[1], changes[1] + 1, changes.at(-1)!]) {
      const map = await mapOf(engine, { row });
      expect(map.segmentRowBefore).toBe(changes.filter((one) => one < row).at(-1) ?? null);
      expect(map.segmentRowAfter).toBe(changes.find((one) => one > row) ?? null);
    }
  });

  it('tells the largest request of each stream as the ledger does', async () => {
    for (const path of ['samples/train.pickle.gz', 'test/fixtures/snapshot/pending.pickle.gz']) {
      const engine = await opened(path);
      const { largest } = await mapOf(engine);
      const diagnosis = told(await engine.diagnosis());
      const ledger = diagnosis.devices[0].ledgers.find(({ when }) => when === 'end')!.ledger;
      expect(ledger.largest.length).toBeGreaterThan(0);
      for (const { stream, fromCache } of ledger.largest) {
        const own = largest.filter(
          (one) => one.stream === stream && (one.poolId === '' || one.poolId === '(0, 0)'),
        );
        expect(Math.max(0, ...own.map(({ request }) => request))).toBe(fromCache);
      }
    }
  });

  it('has nothing to show of a row before the first, where the recording begins empty', async () => {
    const engine = await opened('samples/leak.pickle.gz');
    const map = await mapOf(engine, { row: -1 });
    expect(map).toMatchObject({ row: -1, xNs: null, event: null, totals: { segments: 0, size: 0 } });
  });

  it('draws allocations of Nsight where they lie, and claims no segments', async () => {
    const { engine } = await openFiles({
      'small.sqlite': new Uint8Array(readFileSync(join(ROOT, 'samples/nsys-small.sqlite'))),
    });
    const device = DEVICE;
    const row = Math.floor((await mapOf(engine)).rows / 2);
    const map = await mapOf(engine, { row });
    const alive = told(
      await engine.lives({
        device,
        filter: `live@${row}`,
        sort: 'address',
        descending: false,
        from: 0,
        limit: 5000,
      }),
    );
    expect(map.blocks.life.length).toBe(alive.total);
    expect(map.totals.allocated).toBe(alive.bytes);
    expect(map.kinds.map(({ kind }) => kind)).not.toContain('segment');
    expect(map.totals.pinned + map.totals.releasable).toBe(0);
    expect(map.notExact[0]).toContain('Nsight');
  });
});

describe('a hole', () => {
  it('names what pins it; the bytes are those of the pin finder', async () => {
    const engine = await opened('samples/train.pickle.gz');
    let compared = 0;
    for (const row of chosenRows((await mapOf(engine)).rows, 12)) {
      const pins = told(await engine.pins(DEVICE, row));
      const map = await mapOf(engine, { row });
      if (pins === null) continue;
      const { blocks } = map;
      for (let at = 0; at < blocks.life.length; at++) {
        if (blocks.state[at] !== 2) continue;
        const answer = (await hole(engine, textOf(map, blocks.address[at]), row))!;
        expect(answer).toMatchObject({ size: blocks.size[at], state: 'free_pinned' });
        expect(answer.pins.length).toBeGreaterThan(0);
        // What one stack pins with one block, and nowhere else, is in both to the byte.
        const [pin] = answer.pins;
        const same = pins.alone.find(
          ({ stack, blocks: many }) => many === 1 && stack !== null && stack === pin.stack,
        );
        if (answer.pinsTotal !== 1 || same === undefined) continue;
        expect([answer.pinBytes, answer.releasedBytes]).toEqual([same.blockBytes, same.releasedBytes]);
        expect(answer.freedRow).toBe(pin.endedRow);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(3);
  });

  it('is none where something lives', async () => {
    const engine = await opened('samples/leak.pickle.gz');
    const map = await mapOf(engine);
    const live = map.blocks.life.findIndex((life) => life >= 0);
    expect(await hole(engine, textOf(map, map.blocks.address[live]))).toBeNull();
    expect(await hole(engine, '0x10')).toBeNull();
    expect(await hole(engine, 'nonsense')).toBeNull();
  });
});

describe('pictures over time', () => {
  it.each(['samples/train.pickle.gz', 'test/fixtures/snapshot/unmap.pickle.gz'])(
    'of %s hold what the map at each column holds',
    async (path) => {
      const engine = await opened(path);
      const query = { device: DEVICE, range: null, axis: 'event', columns: 40 } as const;
      const rows = 24;
      const picture = told(await engine.addressTime({ ...query, rows }));
      const free = told(await engine.freeTime(query));
      const { address, packed, bytes } = picture;
      expect(bytes).toBe(packed.at(-1));
      const pixel = bytes / rows;
      for (let column = 0; column < 40; column += 3) {
        const map = await mapOf(engine, { row: picture.moments[column] });
        const live = new Float64Array(rows);
        const reserved = new Float64Array(rows);
        const put = (into: Float64Array, from: number, size: number): void => {
          let place = 0;
          while (place + 1 < address.length && address[place + 1] <= from) place++;
          const start = packed[place] + from - address[place];
          for (let y = 0; y < rows; y++)
            into[y] += Math.max(0, Math.min(start + size, (y + 1) * pixel) - Math.max(start, y * pixel));
        };
        map.segments.address.forEach((from, at) => put(reserved, from, map.segments.size[at]));
        map.blocks.address.forEach((from, at) => {
          if (map.blocks.life[at] >= 0) put(live, from, map.blocks.size[at]);
        });
        for (let y = 0; y < rows; y++) {
          const share = picture.shares[y * 40 + column];
          if (reserved[y] < 0.5) expect(share).toBe(0);
          else expect(Math.abs(share - 1 - (254 * live[y]) / reserved[y])).toBeLessThanOrEqual(0.51);
        }
        const blocks = free.classes.map((_, at) => free.blocks[at * 40 + column]);
        const sizes = free.classes.map((_, at) => free.bytes[at * 40 + column]);
        const found = (value: 'blocks' | 'bytes'): number[] =>
          free.classes.map((from) => map.free.find((one) => one.from === from)?.[value] ?? 0);
        expect(blocks).toEqual(found('blocks'));
        expect(sizes).toEqual(found('bytes'));
        const isFree = (at: number): boolean => map.blocks.life[at] < 0;
        const sizesOfFree = Array.from(map.blocks.size).filter((_, at) => isFree(at));
        expect(free.largest[column]).toBe(Math.max(0, ...sizesOfFree));
      }
    },
  );
});
