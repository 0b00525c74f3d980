/** Events that may be misses of a cache: how often keys that come back are taken to go on, over many drawn caches. */
import { describe, expect, it } from 'vitest';
import { paceOfEvents } from '../../../src/analyze/growth/misses.ts';
import { seeded } from '../../read/snapshot/fixtures.ts';

type Random = () => number;

/** Places of the first request for each key. */
function misses(requests: number, keyOf: () => number): number[] {
  const seen = new Set<number>();
  const places: number[] = [];
  for (let i = 0; i < requests; i++) {
    const before = seen.size;
    if (seen.add(keyOf()).size > before) places.push(i + 0.5);
  }
  return places;
}

const whole = (random: Random, from: number, to: number): number =>
  from + Math.floor(random() * (to - from + 1));

/** The share of drawn programs whose events are said to go on. */
function shareGoingOn(draws: number, draw: (random: Random) => [places: number[], total: number]): number {
  let on = 0;
  for (let seed = 1; seed <= draws; seed++) {
    const [places, total] = draw(seeded(104_729 * seed));
    if (paceOfEvents(places, total)?.goesOn === true) on++;
  }
  return on / draws;
}

describe('events that come irregularly', () => {
  it('are seldom said to go on where they are keys by Zipf’s law', () => {
    const share = shareGoingOn(2000, (random) => {
      const n = whole(random, 60, 400);
      const exponent = 0.5 + random();
      return [misses(n, () => Math.floor((1 - random()) ** (-1 / exponent))), n];
    });
    expect(share).toBeLessThanOrEqual(0.02);
  });

  it('are seldom said to go on where they are keys of a cache that is half full or more', () => {
    const share = shareGoingOn(2000, (random) => {
      const keys = whole(random, 20, 200);
      const n = whole(random, keys, 2 * keys);
      return [misses(n, () => whole(random, 1, keys)), n];
    });
    expect(share).toBeLessThanOrEqual(0.02);
  });

  it('are mostly said to go on where they come at random and are many', () => {
    const share = shareGoingOn(500, (random) => {
      const places = Array.from({ length: 400 }, (_, i) => i + 0.5).filter(() => random() < 0.4);
      return [places, 400];
    });
    expect(share).toBeGreaterThan(0.7);
  });

  it('are not asked of what comes in a rhythm, or is too few', () => {
    expect(paceOfEvents([4.5, 8.5, 12.5, 16.5, 20.5, 24.5], 28)).toBeNull();
    expect(paceOfEvents([1.5, 2.5, 9.5, 30.5], 60)).toBeNull();
  });
});
