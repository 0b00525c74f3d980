/** Why a recorded request failed: 10,000 drawn moments whose truth is known, and none told for sure that is not so. */
import { describe, expect, it } from 'vitest';
import { driverAsks, judgeMoment } from '../../src/diagnose/oom-moment.ts';
import { GIB, MIB, numbers } from './oom-drawn.ts';

describe('the moment of a failed request', () => {
  it('what the allocator asks of the driver', () => {
    expect([1, MIB, MIB + 512, 10 * MIB, 11 * MIB, 200 * MIB].map(driverAsks)).toEqual(
      [2, 2, 20, 10, 12, 200].map((one) => one * MIB),
    );
  });

  it('10,000 drawn moments: nothing is sure that is not so', () => {
    const next = numbers(7);
    const sure = new Map<string, number>();
    const faults: unknown[] = [];
    for (let drawn = 0; drawn < 10_000;) {
      const total = (4 + 76 * next()) * GIB;
      const reserved = Math.floor(total * next() * 0.98);
      const free = Math.floor((total - reserved) * next() ** 2);
      const bytes = Math.ceil((next() < 0.4 ? 30 * MIB * next() : total * next() ** 3) / 512) * 512;
      const asks = driverAsks(bytes);
      const limit = next() < 0.4 ? reserved + Math.floor(2 * asks * next()) : Infinity;
      const isLimited = reserved + asks > limit;
      const isFull = free < asks;
      const isRefused = !isLimited && !isFull && next() < 0.5;
      if (!isLimited && !isFull && !isRefused) continue;
      drawn++;
      // A limit may have been set or lowered after more was reserved.
      const reservedBefore = Math.floor(next() < 0.3 ? reserved + asks * 2 * next() : reserved * next());
      const isTold = limit < Infinity && next() < 0.3;
      const moment = {
        bytes,
        deviceFree: next() < 0.1 ? null : free,
        reserved,
        reservedBefore,
        allowed: isTold ? limit : null,
      };
      const { cause, isSure } = judgeMoment(moment);
      if (!isSure) continue;
      sure.set(cause, (sure.get(cause) ?? 0) + 1);
      const holds =
        cause === 'full'
          ? isFull
          : cause === 'limit'
            ? isLimited && !isFull
            : cause === 'refused'
              ? isRefused
              : false;
      if (!holds) faults.push({ moment, cause, limit, free });
    }
    expect(faults.slice(0, 3)).toEqual([]);
    for (const cause of ['full', 'limit', 'refused']) expect(sure.get(cause) ?? 0, cause).toBeGreaterThan(50);
  });
});
