import { describe, expect, it } from 'vitest';
import { CURVES, SURFACE, curveColors } from '../../../src/view/parts/palette.ts';

/** WCAG 2 relative luminance of "#rrggbb". */
function luminance(color: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

describe.each(['light', 'dark'] as const)('%s', (theme) => {
  const surface = (name: keyof typeof SURFACE): string => SURFACE[name][theme];

  it.each(Object.keys(CURVES) as (keyof typeof CURVES)[])('the curve colour %s stands out', (name) => {
    expect(contrast(CURVES[name][theme], surface('panel'))).toBeGreaterThanOrEqual(3);
  });

  it.each([
    ['text', 'page'],
    ['text', 'panel'],
    ['text', 'sunken'],
    ['text', 'accent-soft'],
    ['text', 'bad-soft'],
    ['text-quiet', 'page'],
    ['text-quiet', 'panel'],
    ['text-quiet', 'sunken'],
    ['text-quiet', 'accent-soft'],
    ['accent', 'panel'],
    ['accent', 'accent-soft'],
    ['on-accent', 'accent'],
    ['warn', 'page'],
    ['page', 'text-quiet'],
  ] as const)('%s on %s can be read', (text, background) => {
    expect(contrast(surface(text), surface(background))).toBeGreaterThanOrEqual(4.5);
  });

  it('controls have edges that can be seen', () => {
    expect(contrast(surface('line-strong'), surface('panel'))).toBeGreaterThanOrEqual(3);
  });
});

it('contrast is measured right', () => {
  expect(contrast('#000000', '#ffffff')).toBe(21);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});

it('a curve keeps its colour in any company, and no two unnamed ones share one', () => {
  expect(curveColors(['reserved']).get('reserved')).toBe('orange');
  expect(curveColors(['x', 'reserved']).get('reserved')).toBe('orange');
  const colors = curveColors(['device', 'a', 'b', 'c']);
  expect(new Set(colors.values()).size).toBe(4);
});
