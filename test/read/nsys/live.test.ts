import { describe, expect, it } from 'vitest';
import { LiveAllocations } from '../../../src/read/nsys/live.ts';

/** Small linear congruential generator: the same numbers in every run. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed >>> 0; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

describe('LiveAllocations', () => {
  it('does what a Map does, through growth, collisions and removals', () => {
    const live = new LiveAllocations();
    const map = new Map<string, number>();
    const random = numbers(11);
    let wrong = 0;
    const next = (limit: number): number => random.next().value! % limit;
    for (let row = 0; row < 200_000; row++) {
      // Addresses as GPUs have them: multiples of 512, close together; few enough to be met again.
      const low = (next(30_000) * 512) >>> 0;
      const high = 0x7f00 + next(2);
      const owner = next(3);
      const key = `${low} ${high} ${owner}`;
      if (next(5) < 3) {
        if (live.add(low, high, owner, row) !== (map.get(key) ?? -1)) wrong++;
        map.set(key, row);
      } else {
        if (live.remove(low, high, owner) !== (map.get(key) ?? -1)) wrong++;
        map.delete(key);
      }
    }
    expect(live.size).toBe(map.size);
    expect(map.size).toBeGreaterThan(10_000);
    for (const [key, row] of map) {
      const [low, high, owner] = key.split(' ').map(Number);
      if (live.remove(low, high, owner) !== row) wrong++;
    }
    expect(live.size).toBe(0);
    expect(wrong).toBe(0);
  });
});
