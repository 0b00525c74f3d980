/**
 * The picture of all allocations as pixels to put on a canvas, and what is where in it. Colours by group, a texture
 * where colours alone would not do, and an edge between single blocks wherever they are tall enough to bear one.
 */
import { upperBound } from '../../base/binary-search.ts';
import type { RasterAnswer } from '../../engine/protocol.ts';
import { CURVES, SURFACE } from '../parts/palette.ts';
import { groupColour } from './group-colours.ts';
import { isTextured, type Texture, TEXTURE_PIXELS, textureOf } from './group-textures.ts';

/** Pixels that a block must have in a direction to bear an edge. */
const EDGED = 5;

type Rgb = readonly [number, number, number];

const rgb = (hex: string): Rgb => {
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
};

const mixed = (a: Rgb, b: Rgb, share: number): Rgb => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/** As canvases have it in memory: red first. */
const packed = ([r, g, b]: Rgb): number =>
  ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;

/** Colours of a group at each place of its texture, and of its edges. */
interface Ink {
  /** TEXTURE_PIXELS squared. */
  readonly tile: Uint32Array;
  /** The same with the mark of what was made before the recording. */
  readonly before: Uint32Array;
  readonly edge: number;
}

function inkOf(group: number, groups: number, hasRest: boolean, dark: boolean): Ink {
  const theme = dark ? 'dark' : 'light';
  const colour = groupColour(group, groups, hasRest);
  const base = rgb(CURVES[colour][theme]);
  const pale = packed(mixed(base, rgb(SURFACE.panel[theme]), 0.55));
  const paler = packed(mixed(base, rgb(SURFACE.panel[theme]), 0.8));
  const tile = (texture: Texture, before: boolean): Uint32Array =>
    Uint32Array.from({ length: TEXTURE_PIXELS ** 2 }, (_, i) => {
      const [x, y] = [i % TEXTURE_PIXELS, Math.floor(i / TEXTURE_PIXELS)];
      if (before && isTextured('lines', x, y)) return paler;
      return isTextured(texture, x, y) ? pale : packed(base);
    });
  return {
    tile: tile(textureOf(colour), false),
    before: tile(textureOf(colour), true),
    edge: packed(mixed(base, rgb(SURFACE.text[theme]), 0.6)),
  };
}

/** RGBA, row by row from the top, `x.length` pixels wide and `rows` high; what no life owns is transparent. */
export function paintRaster(raster: RasterAnswer, dark: boolean): Uint8ClampedArray<ArrayBuffer> {
  const { pixels, colours, rows, earlier, groups, hasRest } = raster;
  const width = raster.x.length;
  const out = new Uint32Array(width * rows);
  const inks = groups.map((_, group) => inkOf(group, groups.length, hasRest, dark));
  const mask = TEXTURE_PIXELS - 1;
  for (let column = 0; column < width; column++) {
    const base = column * rows;
    for (let row = 0; row < rows; row++) {
      const at = base + row;
      const life = pixels[at];
      if (life < 0) break;
      const ink = inks[colours[at]];
      const isTall = row + EDGED <= rows && pixels[at + EDGED - 1] === life;
      const isBottom = row > 0 && isTall && pixels[at - 1] !== life;
      const left = at - rows;
      const isLeft =
        left >= 0 &&
        pixels[left] !== life &&
        colours[left] === colours[at] &&
        pixels[at + (EDGED - 1) * rows] === life;
      const place = (row & mask) * TEXTURE_PIXELS + (column & mask);
      out[(rows - 1 - row) * width + column] =
        isBottom || isLeft ? ink.edge : life < earlier ? ink.before[place] : ink.tile[place];
    }
  }
  return new Uint8ClampedArray(out.buffer);
}

/** A pixel of the picture, counted from the left and from the bottom. */
export interface Place {
  readonly column: number;
  readonly row: number;
}

/** Life at a pixel; null: none, or beyond the picture. */
export function lifeAtPlace({ pixels, rows, x }: RasterAnswer, { column, row }: Place): number | null {
  if (column < 0 || column >= x.length || row < 0 || row >= rows) return null;
  const life = pixels[column * rows + row];
  return life < 0 ? null : life;
}

/** Pixel that a moment and an amount lie in; it may be beyond the picture. */
export function placeOf(
  { x, range, rows, bytes: [from, to] }: RasterAnswer,
  at: number,
  bytes: number,
): Place {
  const column = at < x[0] ? -1 : at >= range.to ? x.length : upperBound(x, at) - 1;
  return { column, row: Math.floor(((bytes - from) / (to - from)) * rows) };
}

/** Pixels [from, to) of a life in a column, from the bottom; null: none. */
export function runIn(
  { pixels, rows }: RasterAnswer,
  life: number,
  column: number,
): readonly [number, number] | null {
  const base = column * rows;
  let from = 0;
  while (from < rows && pixels[base + from] !== life) from++;
  if (from === rows) return null;
  let to = from + 1;
  while (to < rows && pixels[base + to] === life) to++;
  return [from, to];
}

/** Where a life is drawn: of each column its pixels; empty: nowhere. */
export function runsOf(
  raster: RasterAnswer,
  life: number,
): { readonly column: number; readonly from: number; readonly to: number }[] {
  const runs: { column: number; from: number; to: number }[] = [];
  for (let column = 0; column < raster.x.length; column++) {
    const run = runIn(raster, life, column);
    if (run !== null) runs.push({ column, from: run[0], to: run[1] });
  }
  return runs;
}

export type Direction = 'left' | 'right' | 'up' | 'down';

/** Column that is drawn highest, the first of equals. */
export const tallestColumn = ({ total }: RasterAnswer): number =>
  total.reduce((best, bytes, i) => (bytes > total[best] ? i : best), 0);

/** The next other life from a pixel on: up and down in its column, left and right at its height; null: none. */
export function stepFrom(raster: RasterAnswer, from: Place | null, direction: Direction): Place | null {
  if (from === null) {
    const start = { column: tallestColumn(raster), row: 0 };
    return lifeAtPlace(raster, start) === null ? null : start;
  }
  const life = lifeAtPlace(raster, from);
  const [dx, dy] = { left: [-1, 0], right: [1, 0], up: [0, 1], down: [0, -1] }[direction];
  let { column, row } = from;
  for (;;) {
    column += dx;
    row += dy;
    if (column < 0 || column >= raster.x.length || row < 0 || row >= raster.rows) return null;
    const next = lifeAtPlace(raster, { column, row });
    if (next !== null && next !== life) return { column, row };
  }
}

/** The middle of a life in the first column in which it is drawn; null: it is not. */
export function placeOfLife(raster: RasterAnswer, life: number): Place | null {
  for (let column = 0; column < raster.x.length; column++) {
    const run = runIn(raster, life, column);
    if (run !== null) return { column, row: (run[0] + run[1] - 1) >> 1 };
  }
  return null;
}
