import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import type { LifeRow, LivesQuery } from '../../../src/engine/protocol.ts';
import { openFiles } from '../../diagnose/logs-for-test.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const DEVICE = '1:0';

let engine: Engine;
let rows = 0;
let lives: readonly LifeRow[] = [];

async function ask(filter: string, more: Partial<LivesQuery> = {}): Promise<readonly LifeRow[]> {
  const found: LifeRow[] = [];
  for (let from = 0; ; from += 5000) {
    const query = { device: DEVICE, filter, sort: 'made', descending: false, from, limit: 5000 } as const;
    const answer = await engine.lives({ ...query, ...more });
    if (!answer.ok) throw new Error(answer.error.message);
    expect(answer.value.fault).toBeNull();
    found.push(...answer.value.rows);
    if (found.length >= answer.value.total) {
      expect(answer.value.bytes).toBe(found.reduce((sum, { requested }) => sum + requested, 0));
      return found;
    }
  }
}

const aliveAfter = (row: number): LifeRow[] =>
  lives.filter((life) => (life.madeRow ?? -1) <= row && row < (life.endedRow ?? Infinity));

const sum = (some: readonly LifeRow[]): number => some.reduce((bytes, { requested }) => bytes + requested, 0);

async function requestedAfter(row: number): Promise<number> {
  const moment = await engine.moment(DEVICE, 'event', row);
  if (!moment.ok) throw new Error(moment.error.message);
  return moment.value.values.find(({ id }) => id === 'requested')?.value ?? NaN;
}

/** Both begin in the middle and from nothing. */
describe.each(['samples/train.pickle.gz', 'test/fixtures/device-side/process.pickle'])(
  'the lives of %s',
  (path) => {
    beforeAll(async () => {
      const bytes = readFileSync(join(ROOT, path));
      const plain = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
      ({ engine } = await openFiles({ 'process.pickle': new Uint8Array(plain) }));
      const events = await engine.events({ device: DEVICE, filter: '', from: 0, limit: 1 });
      rows = events.ok ? events.value.all : 0;
      lives = await ask('');
    });

    it('sum to what is requested after any row, to the byte', async () => {
      expect(rows).toBeGreaterThan(10);
      for (let at = 0; at < 25; at++) {
        const row = Math.floor(((rows - 1) * at) / 24);
        expect(sum(aliveAfter(row))).toBe(await requestedAfter(row));
      }
    });

    it('are those alive at a moment where that is asked', async () => {
      const row = rows >>> 1;
      expect(await ask(`live@${row}`)).toEqual(aliveAfter(row));
      expect(await ask('never-freed')).toEqual(lives.filter(({ endedRow }) => endedRow === null));
      expect(await ask('live@end')).toEqual(await ask('never-freed'));
    });

    it('pass each filter as looking at one after the other does', async () => {
      const [some] = lives.filter(({ stack, madeRow }) => stack !== null && madeRow !== null);
      const { requested, stream, address } = some ?? lives[lives.length >>> 1];
      expect(await ask(`size>=${requested} stream:${stream}`)).toEqual(
        lives.filter((life) => life.requested >= requested && life.stream === stream),
      );
      const holds = await ask(address);
      expect(holds.length).toBeGreaterThan(0);
      expect(holds).toEqual(
        lives.filter((life) => {
          const from = BigInt(life.address);
          return from <= BigInt(address) && BigInt(address) < from + BigInt(life.requested);
        }),
      );
      expect(await ask(`b${address.slice(2)}_0`)).toEqual([lives.find((life) => life.address === address)]);
      const made = await ask(`made:${rows >>> 2}..${rows >>> 1}`);
      expect(made).toEqual(
        lives.filter(({ madeRow }) => madeRow !== null && madeRow >= rows >>> 2 && madeRow < rows >>> 1),
      );
    });

    it('are listed in every order, both ways', async () => {
      const by = { size: 'requested', ended: 'endedRow' } as const;
      for (const [sort, column] of Object.entries(by)) {
        const up = await ask('', { sort: sort as 'size' });
        const keys = up.map((life) => life[column] ?? Infinity);
        expect(keys).toEqual([...keys].sort((a, b) => a - b));
        const down = await ask('', { sort: sort as 'size', descending: true });
        expect(down).toEqual([...up].reverse());
      }
    });

    it('tell of one what the events around it tell', async () => {
      for (let at = 0; at < 40; at++) {
        const row = lives[Math.floor(((lives.length - 1) * at) / 39)];
        const answer = await engine.life(DEVICE, row.life);
        if (!answer.ok) throw new Error(answer.error.message);
        const told = answer.value;
        expect(told).toMatchObject(row);
        const same = lives.filter(({ address }) => address === row.address);
        expect([told.reuse, told.lives]).toEqual([same.indexOf(row), same.length]);
        const alive = aliveAfter(row.madeRow ?? -1).filter(({ stack }) => stack === row.stack);
        expect(told.sameStack).toMatchObject({ alive: alive.length, aliveBytes: sum(alive) });
        if (told.blockSize !== null) expect(told.blockSize).toBeGreaterThanOrEqual(row.requested);
        for (const event of [row.madeRow, row.endedRow]) {
          if (event === null) continue;
          const found = await engine.lifeAt(DEVICE, event);
          expect(found).toEqual({ ok: true, value: row.life });
        }
      }
    });

    it('give the events that begin and end them', async () => {
      const row = lives[lives.length - 1];
      const answer = await engine.events({
        device: DEVICE,
        filter: `made:${row.madeRow ?? 0}..${(row.madeRow ?? 0) + 1}`,
        from: 0,
        limit: 10,
      });
      if (!answer.ok) throw new Error(answer.error.message);
      const expected = [row.madeRow, row.endedRow].filter((at) => at !== null);
      expect(answer.value.rows.map(({ row: at }) => at)).toEqual(expect.arrayContaining(expected));
      expect(answer.value.rows.every(({ life }) => life === row.life)).toBe(true);
    });
  },
);

describe('a filter that is none', () => {
  it('comes back with its place, and with nothing listed', async () => {
    const query = { device: DEVICE, sort: 'made', descending: false, from: 0, limit: 10 } as const;
    const answer = await engine.lives({ ...query, filter: 'size>big' });
    if (!answer.ok) throw new Error(answer.error.message);
    expect(answer.value).toMatchObject({ total: 0, rows: [], fault: { from: 0, to: 8 } });
    const events = await engine.events({ ...query, filter: 'stream:no' });
    expect(events.ok && events.value.fault?.why).toContain('no stream');
  });
});
