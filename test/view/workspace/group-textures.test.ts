/** Groups of one picture are told apart by colour or by texture, by every kind of eye, in both themes. */
import { describe, expect, it } from 'vitest';
import { CURVES } from '../../../src/view/parts/palette.ts';
import { groupColour } from '../../../src/view/workspace/group-colours.ts';
import { isTextured, type Texture, textureOf } from '../../../src/view/workspace/group-textures.ts';

type Triple = readonly [number, number, number];

/** Machado, Oliveira and Fernandes 2009, severity 1; on linear light. */
const EYES: Readonly<Record<string, readonly Triple[]>> = {
  trichromat: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const linear = (hex: string): number[] =>
  [1, 3, 5].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });

function lab([r, g, b]: readonly number[]): Triple {
  const f = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047);
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** CIE76 of two colours to an eye. */
function distance(a: string, b: string, eye: readonly Triple[]): number {
  const seen = (hex: string): Triple => {
    const light = linear(hex);
    const sum = (row: Triple): number => row.reduce((all, share, i) => all + share * light[i], 0);
    return lab(eye.map((row) => Math.min(1, Math.max(0, sum(row)))));
  };
  const [one, other] = [seen(a), seen(b)];
  return Math.hypot(...one.map((value, i) => value - other[i]));
}

const GROUPS = 12;
const colours = Array.from({ length: GROUPS }, (_, group) => groupColour(group, GROUPS, true));

describe.each(['light', 'dark'] as const)('groups in the %s theme', (theme) => {
  it.each(Object.keys(EYES))('are told apart by a %s', (eye) => {
    const alike = colours.flatMap((a, i) =>
      colours
        .slice(0, i)
        .filter(
          (b) =>
            distance(CURVES[a][theme], CURVES[b][theme], EYES[eye]) < 15 && textureOf(a) === textureOf(b),
        )
        .map((b) => `${a} and ${b}`),
    );
    expect(alike).toEqual([]);
  });
});

it('colours alone would not do: the check sees two that are alike', () => {
  const { orange, gold } = CURVES;
  expect(distance(orange.light, gold.light, EYES['deutan'])).toBeLessThan(15);
  expect(distance('#000000', '#ffffff', EYES['protan'])).toBeGreaterThan(99);
});

it('no two textures are alike, and each but the plain one leaves most of the colour', () => {
  const textures: readonly Texture[] = ['plain', 'rising', 'falling', 'dots', 'lines'];
  const tiles = textures.map((texture) =>
    Array.from({ length: 64 }, (_, i) => isTextured(texture, i % 8, i >> 3)),
  );
  expect(new Set(tiles.map((tile) => tile.join())).size).toBe(textures.length);
  for (const tile of tiles) expect(tile.filter((is) => is).length).toBeLessThanOrEqual(16);
});
