/** The page of a line, of real recordings: its curve, peak, sizes and lifetimes against a walk over its allocations. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import type { LifeRow, LineAnswer, LineQuery } from '../../../src/engine/protocol.ts';
import type { Frame } from '../../../src/trace/stack-table.ts';
import { openFiles } from '../../diagnose/logs-for-test.ts';
import { allLives, DEVICE, framesOf, isAlive } from './tree-for-test.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const COLUMNS = 37;

let engine: Engine;
let lives: readonly LifeRow[] = [];
let frames: ReadonlyMap<number, readonly Frame[]> = new Map();
let rows = 0;

async function askLine(of: LineQuery['of'], more: Partial<LineQuery> = {}): Promise<LineAnswer> {
  const query = {
    device: DEVICE,
    of,
    filter: '',
    axis: 'event',
    range: null,
    columns: COLUMNS,
    marks: [],
  } as const;
  const answer = await engine.line({ ...query, ...more });
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value;
}

const sum = (some: readonly LifeRow[]): number => some.reduce((bytes, { requested }) => bytes + requested, 0);
const held = (some: readonly LifeRow[], row: number): number =>
  sum(some.filter((life) => isAlive(life, row)));

/** Everything that is told of a line, from its allocations one by one. */
function holds(told: LineAnswer, some: readonly LifeRow[]): void {
  const after = Array.from({ length: rows }, (_, row) => row).map((row) => held(some, row));
  for (let column = 0; column < COLUMNS; column++) {
    const from = Math.ceil((rows * column) / COLUMNS);
    const to = Math.ceil((rows * (column + 1)) / COLUMNS);
    const inside = after.slice(from, to);
    expect([told.first[column], told.min[column], told.max[column], told.last[column]]).toEqual([
      inside[0],
      Math.min(...inside),
      Math.max(...inside),
      inside.at(-1),
    ]);
  }
  const most = Math.max(held(some, -1), ...after);
  expect(told.peak.bytes).toBe(most);
  expect(held(some, told.peak.row)).toBe(most);
  expect(some.filter((life) => isAlive(life, told.peak.row))).toHaveLength(told.peak.count);
  const made = some.filter(({ madeRow }) => madeRow !== null);
  const atEnd = some.filter(({ endedRow }) => endedRow === null);
  expect(told.made).toEqual({ count: made.length, bytes: sum(made) });
  expect(told.earlier.count).toBe(some.length - made.length);
  expect(told.atEnd).toEqual({ count: atEnd.length, bytes: sum(atEnd) });
  const listed = told.sizes.reduce((bytes, { size, count }) => bytes + size * count, told.otherSizes.bytes);
  expect(listed).toBe(sum(some));
  for (const { size, count } of told.sizes)
    expect(some.filter(({ requested }) => requested === size)).toHaveLength(count);
  expect(told.lifetimes.reduce((bytes, one) => bytes + one.bytes, 0)).toBe(sum(some));
  expect(told.lifetimes.reduce((all, one) => all + one.count, 0)).toBe(some.length);
}

describe.each([
  'samples/leak.pickle.gz',
  'test/fixtures/snapshot/pending.pickle.gz',
  'test/fixtures/snapshot/ring.pickle.gz',
])('a line of %s', (path) => {
  beforeAll(async () => {
    const plain = gunzipSync(readFileSync(join(ROOT, path)));
    ({ engine } = await openFiles({ 'run.pickle': new Uint8Array(plain) }));
    lives = await allLives(engine);
    frames = await framesOf(engine, lives);
    const events = await engine.events({ device: DEVICE, filter: '', from: 0, limit: 1 });
    rows = events.ok ? events.value.all : 0;
  });

  it('by its name is its allocations', async () => {
    const labels = new Set(lives.map(({ label }) => label));
    for (const label of [...labels].slice(0, 3))
      holds(
        await askLine({ kind: 'label', label }),
        lives.filter((life) => life.label === label),
      );
  });

  it('by a frame is what was made at and below it', async () => {
    const [stack] = frames.values();
    for (const frame of [stack[0], stack[stack.length >>> 1], stack.at(-1)!])
      holds(
        await askLine({ kind: 'frame', frame }),
        lives.filter(
          (life) =>
            life.stack !== null &&
            frames
              .get(life.stack)!
              .some(
                (one) =>
                  one.name === frame.name && one.filename === frame.filename && one.line === frame.line,
              ),
        ),
      );
  });

  it('by a stack is what was made through it, and no other', async () => {
    const [node] = frames.keys();
    const told = await askLine({ kind: 'stack', node });
    const some = lives.filter(({ stack }) => stack === node);
    expect(told.made.count + told.earlier.count).toBeGreaterThanOrEqual(some.length);
    const all = await askLine({ kind: 'stack', node }, { filter: 'size>1GiB' });
    expect(all.made.count).toBe(0);
  });

  it('tells what it holds before each row asked for', async () => {
    const [{ label }] = lives;
    const some = lives.filter((life) => life.label === label);
    const marks = [0, rows >>> 1, rows, 1];
    const { atMarks } = await askLine({ kind: 'label', label }, { marks });
    expect([...atMarks]).toEqual(marks.map((row) => held(some, row - 1)));
  });
});
