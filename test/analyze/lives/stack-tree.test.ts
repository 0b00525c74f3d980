/** Trees of stacks of real recordings, held against a naive walk over every allocation, and their sums against the curves. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_RULES, frameRules } from '../../../src/analyze/frame-rules.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { LifeRow, StackMeasure } from '../../../src/engine/protocol.ts';
import type { Frame } from '../../../src/trace/stack-table.ts';
import { openFiles } from '../../diagnose/logs-for-test.ts';
import {
  allLives,
  answeredTree,
  askTree,
  DEVICE,
  framesOf,
  isAlive,
  lostBytes,
  naiveTree,
  nameOf,
} from './tree-for-test.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

interface Opened {
  readonly engine: Engine;
  readonly lives: readonly LifeRow[];
  readonly frames: ReadonlyMap<number, readonly Frame[]>;
  readonly rows: number;
}

async function open(path: string): Promise<Opened> {
  const bytes = readFileSync(join(ROOT, path));
  const plain = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  const { engine } = await openFiles({ 'run.pickle': new Uint8Array(plain) });
  const events = await engine.events({ device: DEVICE, filter: '', from: 0, limit: 1 });
  const lives = await allLives(engine);
  return { engine, lives, frames: await framesOf(engine, lives), rows: events.ok ? events.value.all : 0 };
}

async function curveAt({ engine }: Opened, id: string, row: number): Promise<number> {
  const moment = await engine.moment(DEVICE, 'event', row);
  if (!moment.ok) throw new Error(moment.error.message);
  return moment.value.values.find((value) => value.id === id)?.value ?? NaN;
}

/** From the first event, from the middle, out of memory, with private pools, with frees that wait. */
describe.each([
  'samples/leak.pickle.gz',
  'samples/train.pickle.gz',
  'test/fixtures/device-side/process.pickle',
  'test/fixtures/snapshot/oom.pickle',
  'test/fixtures/snapshot/pending.pickle.gz',
  'test/fixtures/snapshot/ring.pickle.gz',
])('the stacks of %s', (path) => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await open(path);
  });

  const within = (row: number | null, from: number, to: number): boolean =>
    row !== null && row >= from && row < to;

  /** Weight of an allocation by a measure over rows [from, to), at a moment, between two. */
  function weighers(from: number, to: number, moment: number) {
    const held = (life: LifeRow, row: number): number => (isAlive(life, row) ? life.requested : 0);
    return {
      live: (life) => (isAlive(life, moment) ? life.requested : NaN),
      allocated: (life) => (within(life.madeRow, from, to) ? life.requested : NaN),
      freed: (life) => (within(life.endedRow, from, to) ? life.requested : NaN),
      count: (life) => (within(life.madeRow, from, to) ? 1 : NaN),
      grown: (life) => {
        const change = held(life, to - 1) - held(life, from - 1);
        return isAlive(life, to - 1) === isAlive(life, from - 1) ? NaN : change;
      },
    } satisfies Partial<Record<StackMeasure, (life: LifeRow) => number>>;
  }

  it('are those that a walk over every allocation gives, by every measure', async () => {
    const { engine, lives, frames, rows } = opened;
    const [from, to, moment] = [rows >>> 3, rows - (rows >>> 2), rows >>> 1];
    for (const [measure, weigh] of Object.entries(weighers(from, to, moment))) {
      const range = { axis: 'event', from, to } as const;
      const answer = await askTree(engine, { measure: measure as StackMeasure, range, moment });
      expect(answer.fault).toBeNull();
      const sign = (life: LifeRow): number => (measure === 'grown' && !isAlive(life, to - 1) ? -1 : 1);
      const naive = naiveTree(lives, frames, weigh, undefined, sign);
      // A stack that gives and takes the same is no node of a difference.
      for (const [key, { total, own, count }] of naive)
        if (total === 0 && own === 0 && count === 0 && !answeredTree(answer).has(key)) naive.delete(key);
      expect(Object.fromEntries(answeredTree(answer))).toEqual(Object.fromEntries(naive));
      expect(lostBytes(answer)).toEqual([]);
    }
  });

  it('sum to the curve after any row, whatever is folded', async () => {
    const { engine, rows } = opened;
    for (let at = 0; at < 8; at++) {
      const moment = Math.floor(((rows - 1) * at) / 7);
      for (const direction of ['top-down', 'bottom-up', 'by-file'] as const)
        for (const hide of [[], DEFAULT_RULES]) {
          const answer = await askTree(engine, {
            moment,
            direction,
            hide,
            cpp: false,
            collapseRecursion: true,
          });
          expect(answer.total.total).toBe(await curveAt(opened, 'requested', moment));
          expect(lostBytes(answer)).toEqual([]);
        }
    }
  });

  it('at the peak sum to the peak', async () => {
    const answer = await askTree(opened.engine, { measure: 'peak' });
    expect(await curveAt(opened, 'requested', answer.moment)).toBe(answer.total.total);
    const held = new Float64Array(opened.rows);
    let sum = 0;
    for (const { madeRow, requested } of opened.lives) if (madeRow === null) sum += requested;
    const change = new Float64Array(opened.rows);
    for (const { madeRow, endedRow, requested } of opened.lives) {
      if (madeRow !== null) change[madeRow] += requested;
      if (endedRow !== null) change[endedRow] -= requested;
    }
    change.forEach((by, row) => (held[row] = sum += by));
    expect(answer.total.total).toBe(Math.max(...held));
  });

  it('of a difference are those of the opposite one with the other sign', async () => {
    const { engine, rows } = opened;
    const [a, b] = [rows >>> 2, rows - 1];
    for (const hide of [[], DEFAULT_RULES]) {
      const there = await askTree(engine, { measure: 'grown', a, b, hide });
      const back = await askTree(engine, { measure: 'grown', a: b, b: a, hide });
      const negative = [...answeredTree(back)].map(
        ([key, { total, own, count }]) =>
          [key, { total: 0 - total, own: 0 - own, count: 0 - count }] as const,
      );
      expect(new Map(negative)).toEqual(answeredTree(there));
      expect([back.total.up, back.total.down]).toEqual([there.total.down, there.total.up]);
      expect(there.total.total).toBe(
        (await curveAt(opened, 'requested', b)) - (await curveAt(opened, 'requested', a)),
      );
      const made = await askTree(engine, {
        measure: 'allocated',
        range: { axis: 'event', from: a + 1, to: b + 1 },
      });
      const ended = await askTree(engine, {
        measure: 'freed',
        range: { axis: 'event', from: a + 1, to: b + 1 },
      });
      expect(there.total.total).toBe(made.total.total - ended.total.total);
    }
  });

  it('of bytes over time are the area under the curve', async () => {
    const { engine, lives } = opened;
    const answer = await askTree(engine, { measure: 'byte_time' });
    const end = Math.max(...lives.map(({ endedNs, madeNs }) => Math.max(endedNs ?? 0, madeNs ?? 0)));
    const events = await engine.events({ device: DEVICE, filter: '', from: opened.rows - 1, limit: 1 });
    const last = events.ok ? events.value.rows[0].xNs : end;
    const area = lives.reduce(
      (sum, { requested, madeNs, endedNs }) =>
        sum + BigInt(requested) * BigInt((endedNs ?? last) - (madeNs ?? 0)),
      0n,
    );
    if (last === 0) expect(answer.why).toContain('no times');
    else expect(Math.abs(answer.total.total / (Number(area) / 1e9) - 1)).toBeLessThan(1e-9);
  });

  it('lose what rounding the ledger counts, where the allocator was replayed', async () => {
    const { engine, rows } = opened;
    let compared = 0;
    for (let at = 0; at < 6; at++) {
      const row = Math.floor(((rows - 1) * at) / 5);
      const ledger = await engine.ledger(DEVICE, row);
      const told = ledger.ok ? ledger.value : null;
      const rounding = told?.parts.find(({ id }) => id === 'rounding')?.bytes ?? null;
      const answer = await askTree(engine, { measure: 'rounding', moment: row });
      if (answer.why !== null) expect(told === null && row < rows - 1).toBe(true);
      else if (rounding !== null) {
        expect(answer.unknown.count).toBe(0);
        expect(Math.abs(answer.total.total - rounding.value)).toBeLessThanOrEqual(rounding.error);
        compared++;
      }
      expect(lostBytes(answer)).toEqual([]);
    }
    expect(compared).toBeGreaterThan(0);
  });

  it('fold frames to the nearest caller that is shown, and turn round', async () => {
    const { engine, lives, frames, rows } = opened;
    const rules = frameRules(DEFAULT_RULES);
    if (!rules.ok) throw new Error(rules.why);
    const moment = rows >>> 1;
    const weigh = (life: LifeRow): number => (isAlive(life, moment) ? life.requested : NaN);
    const shown = (all: readonly Frame[]): string[] => all.filter((frame) => !rules.hides(frame)).map(nameOf);
    const label = new Map(lives.map(({ stack, label }) => [stack, label]));
    const paths = new Map(
      [...frames].map(([stack, all]) => [all, shown(all).length > 0 ? shown(all) : [label.get(stack)!]]),
    );
    const down = naiveTree(lives, frames, weigh, (all) => paths.get(all)!);
    const told = await askTree(engine, { moment, hide: DEFAULT_RULES });
    expect(Object.fromEntries(answeredTree(told))).toEqual(Object.fromEntries(down));
    const up = naiveTree(lives, frames, weigh, (all) => [...paths.get(all)!].reverse());
    const turned = await askTree(engine, { moment, hide: DEFAULT_RULES, direction: 'bottom-up' });
    expect(Object.fromEntries(answeredTree(turned))).toEqual(Object.fromEntries(up));
  });

  it('count what is searched once for each stack', async () => {
    const { engine, lives, frames, rows } = opened;
    const moment = rows >>> 1;
    for (const search of ['forward', '/_call_impl|main/', 'nothing of the kind']) {
      const answer = await askTree(engine, { moment, search });
      const text = search.startsWith('/') ? new RegExp(search.slice(1, -1), 'i') : new RegExp(search, 'i');
      const found = lives.filter(
        (life) =>
          isAlive(life, moment) &&
          life.stack !== null &&
          frames
            .get(life.stack)!
            .some(({ name, filename, line }) => text.test(name) || text.test(`${filename}:${line}`)),
      );
      expect(answer.found).toMatchObject({
        total: found.reduce((sum, { requested }) => sum + requested, 0),
        count: found.length,
      });
    }
  });

  it('pass the filter that everything passes', async () => {
    const { engine, lives } = opened;
    const answer = await askTree(engine, { filter: 'size>=1MiB' });
    const large = lives.filter(({ requested, endedRow }) => requested >= 2 ** 20 && endedRow === null);
    expect(answer.total).toMatchObject({
      total: large.reduce((sum, { requested }) => sum + requested, 0),
      count: large.length,
    });
  });
});

describe('a question that cannot be read', () => {
  it('comes back with what is wrong, and with nothing', async () => {
    const { engine } = await open('samples/leak.pickle.gz');
    const filter = await askTree(engine, { filter: 'size>big' });
    expect(filter).toMatchObject({ fault: { of: 'filter', at: { from: 0, to: 8 } }, total: { total: 0 } });
    const rules = await askTree(engine, { hide: ['@pytorch', '@nobody'] });
    expect(rules.fault).toMatchObject({ of: 'rules' });
    expect(rules.fault?.why).toContain('Line 2: there is no set @nobody');
    const search = await askTree(engine, { search: '/(/' });
    expect(search.fault).toMatchObject({ of: 'search' });
    expect(search.total.total).toBeGreaterThan(0);
  });
});
