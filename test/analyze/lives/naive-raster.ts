/** The picture of all allocations made the slow way, from the list of allocations alone: what the raster is held against. */
import { expect } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import type { LifeRow, RasterAnswer, RasterQuery, StackOrder } from '../../../src/engine/protocol.ts';

export const WHOLE = {
  range: null,
  axis: 'event',
  columns: 300,
  rows: 120,
  bytes: null,
  filter: '',
  order: 'age',
  by: 'line',
} as const satisfies Omit<RasterQuery, 'device'>;

export async function rasterFor(engine: Engine, query: Partial<RasterQuery> = {}): Promise<RasterAnswer> {
  const answer = await engine.raster({ device: '1:0', ...WHOLE, ...query });
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value;
}

/** Every allocation that passes, in the order in which they were made. */
export async function everyLife(engine: Engine, filter = ''): Promise<LifeRow[]> {
  const found: LifeRow[] = [];
  for (;;) {
    const answer = await engine.lives({
      device: '1:0',
      filter,
      sort: 'made',
      descending: false,
      from: found.length,
      limit: 5000,
    });
    if (!answer.ok || answer.value.fault !== null) throw new Error(filter);
    found.push(...answer.value.rows);
    if (found.length >= answer.value.total) return found;
  }
}

export const aliveAfter = (lives: readonly LifeRow[], row: number): LifeRow[] =>
  lives.filter(({ madeRow, endedRow }) => (madeRow ?? -1) <= row && row < (endedRow ?? Infinity));

const sum = (some: readonly LifeRow[]): number => some.reduce((bytes, { requested }) => bytes + requested, 0);

/** What a column of the picture has to say, in words; `order`: age or size. */
export function naiveColumn(
  lives: readonly LifeRow[],
  row: number,
  { rows, bytes: [from, to] }: RasterAnswer,
  order: Exclude<StackOrder, 'line'>,
): Record<string, unknown> {
  const open = aliveAfter(lives, row);
  if (order === 'size') open.sort((a, b) => b.requested - a.requested || a.life - b.life);
  const bands = open.map((life, i) => {
    const below = sum(open.slice(0, i));
    return { life, below, above: below + life.requested };
  });
  const pixels = Array.from({ length: rows }, (_, pixel) => {
    const middle = from + ((pixel + 0.5) * (to - from)) / rows;
    return bands.find(({ below, above }) => below <= middle && middle < above)?.life.life ?? -1;
  });
  const drawn = new Set(pixels);
  const outside = bands.filter(({ below, above }) => above <= from || below >= to).map(({ life }) => life);
  const thin = open.filter((life) => !drawn.has(life.life) && !outside.includes(life));
  return {
    pixels,
    total: sum(open),
    open: open.length,
    thinBytes: sum(thin),
    thinCount: thin.length,
    outsideBytes: sum(outside),
    outsideCount: outside.length,
  };
}

export function columnOf(raster: RasterAnswer, column: number): Record<string, unknown> {
  const { rows, pixels, total, open, thinBytes, thinCount, outsideBytes, outsideCount } = raster;
  return {
    pixels: [...pixels.subarray(column * rows, (column + 1) * rows)],
    total: total[column],
    open: open[column],
    thinBytes: thinBytes[column],
    thinCount: thinCount[column],
    outsideBytes: outsideBytes[column],
    outsideCount: outsideCount[column],
  };
}

/** Column in which most is drawn. */
export const tallestColumn = ({ total }: RasterAnswer): number =>
  total.reduce((best, bytes, i) => (bytes > total[best] ? i : best), 0);

/** Who owns pixels of a column, and what lies under a pixel or beyond the edges, sum to what is requested. */
export function expectWhole(
  raster: RasterAnswer,
  column: number,
  requested: ReadonlyMap<number, number>,
): void {
  const { rows, pixels, total, thinBytes, outsideBytes } = raster;
  const owners = new Set(pixels.subarray(column * rows, (column + 1) * rows));
  owners.delete(-1);
  let bytes = 0;
  for (const life of owners) bytes += requested.get(life) ?? NaN;
  expect(bytes + thinBytes[column] + outsideBytes[column]).toBe(total[column]);
}
