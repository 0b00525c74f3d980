import { describe, expect, it } from 'vitest';
import {
  clampSpan,
  panBy,
  pixelToX,
  sameSpan,
  spanBetween,
  toRange,
  xToPixel,
  zoomAbout,
} from '../../../src/view/parts/viewport.ts';

const WHOLE = { from: 0, to: 1000 };

describe('zoom', () => {
  it('keeps what is under the pointer where it is', () => {
    const before = { from: 200, to: 600 };
    for (const at of [200, 317, 599]) {
      for (const factor of [0.5, 0.9, 1.2]) {
        const after = zoomAbout(before, at, factor, WHOLE, 1);
        expect(xToPixel(at, after, 800)).toBeCloseTo(xToPixel(at, before, 800), 6);
      }
    }
  });

  it('stops at the whole recording and at the minimum', () => {
    expect(zoomAbout({ from: 100, to: 900 }, 500, 10, WHOLE, 1)).toEqual(WHOLE);
    const narrow = zoomAbout({ from: 400, to: 420 }, 410, 0.001, WHOLE, 8);
    expect(narrow.to - narrow.from).toBe(8);
    expect(zoomAbout({ from: 0, to: 4 }, 2, 0.5, { from: 0, to: 4 }, 8)).toEqual({ from: 0, to: 4 });
  });
});

it('panning stops at the ends and keeps the width', () => {
  expect(panBy({ from: 100, to: 300 }, -500, WHOLE)).toEqual({ from: 0, to: 200 });
  expect(panBy({ from: 100, to: 300 }, 5000, WHOLE)).toEqual({ from: 800, to: 1000 });
  expect(panBy({ from: 100, to: 300 }, 50, WHOLE)).toEqual({ from: 150, to: 350 });
});

it('a random walk of zooms and pans never leaves the recording', () => {
  let span = WHOLE;
  let seed = 1;
  const random = (): number => (seed = (Math.imul(seed, 48271) >>> 0) % 2147483647) / 2147483647;
  for (let i = 0; i < 2000; i++) {
    span =
      random() < 0.5
        ? zoomAbout(span, span.from + random() * (span.to - span.from), 0.3 + 2 * random(), WHOLE, 5)
        : panBy(span, (random() - 0.5) * 900, WHOLE);
    expect(span.from).toBeGreaterThanOrEqual(-1e-9);
    expect(span.to).toBeLessThanOrEqual(1000 + 1e-9);
    expect(span.to - span.from).toBeGreaterThanOrEqual(5 - 1e-9);
  }
});

it('pixels and x are each other’s inverse', () => {
  const span = { from: 1e9, to: 3e9 };
  expect(pixelToX(xToPixel(1.7e9, span, 911), span, 911)).toBeCloseTo(1.7e9, 3);
});

it('a range has two ends in any order, inside the recording', () => {
  expect(spanBetween(700, 300, WHOLE)).toEqual({ from: 300, to: 700 });
  expect(spanBetween(-50, 300, WHOLE)).toEqual({ from: 0, to: 300 });
  expect(spanBetween(300, 300, WHOLE)).toBeNull();
  expect(spanBetween(-20, -10, WHOLE)).toBeNull();
});

it('the engine is asked for whole numbers that cover what is seen', () => {
  expect(toRange('time', { from: 1.2, to: 3.4 })).toEqual({ axis: 'time', from: 1, to: 4 });
  expect(toRange('event', { from: 5, to: 5 })).toEqual({ axis: 'event', from: 5, to: 6 });
});

it('clamping a span that fits changes nothing', () => {
  const span = { from: 12.5, to: 13.5 };
  expect(sameSpan(clampSpan(span, WHOLE, 0.5), span)).toBe(true);
  expect(sameSpan(clampSpan({ from: -1, to: 1 }, WHOLE, 0), span)).toBe(false);
});
