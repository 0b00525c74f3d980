import { describe, expect, it } from 'vitest';
import { floorLog2, roundSize, roundupClass, segmentSize } from '../../src/replay/rounding.ts';
import { DEFAULT_SETTINGS, ROUNDUP_CLASSES } from '../../src/replay/settings.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

const uniform = (divisions: number) => ({
  roundupDivisions: new Array<number>(ROUNDUP_CLASSES).fill(divisions),
});

/** The same rule in 64-bit integers, as the allocator's own arithmetic does it. */
function roundSize64(size: number, divisions: number): number {
  const bytes = BigInt(size);
  if (bytes < 512n) return 512;
  const steps = BigInt(divisions);
  if (steps <= 1n || bytes <= 512n * steps) return Number(((bytes + 511n) / 512n) * 512n);
  if ((bytes & (bytes - 1n)) === 0n) return size;
  const floor = 1n << BigInt(bytes.toString(2).length - 1);
  const step = floor >> BigInt(steps.toString(2).length - 1);
  const down = bytes & ~(step - 1n);
  return Number(down === bytes ? bytes : down + step);
}

describe('floorLog2', () => {
  it('is exact on both sides of every power of two up to 2^53', () => {
    for (let power = 1; power <= 53; power++) {
      expect(floorLog2(2 ** power)).toBe(power);
      expect(floorLog2(2 ** power - 1)).toBe(power - 1);
      if (power < 53) expect(floorLog2(2 ** power + 1)).toBe(power);
    }
    expect(floorLog2(1)).toBe(0);
  });
});

describe('roundupClass', () => {
  it.each([
    [1, 0],
    [MIB, 0],
    [2 * MIB - 1, 0],
    [2 * MIB, 1],
    [4 * MIB - 1, 1],
    [GIB - 1, 9],
    [GIB, 10],
    [32 * GIB - 1, 14],
    [32 * GIB, 15],
    [64 * GIB, 15],
    [2 ** 52, 15],
  ])('%d bytes are in class %d', (size, index) => {
    expect(roundupClass(size)).toBe(index);
  });
});

describe('roundSize', () => {
  it.each([
    [0, 512],
    [1, 512],
    [511, 512],
    [512, 512],
    [513, 1024],
    [MIB - 1, MIB],
    [MIB, MIB],
    [MIB + 1, MIB + 512],
    [5 * GIB + 1, 5 * GIB + 512],
    [2 ** 52 + 1, 2 ** 52 + 512],
  ])('rounds %d to %d without divisions', (size, rounded) => {
    expect(roundSize(size, DEFAULT_SETTINGS)).toBe(rounded);
    expect(roundSize(size, uniform(1))).toBe(rounded);
  });

  it.each([
    // Four steps between 1024 and 2048 KiB: 1024, 1280, 1536, 1792 (the example of PyTorch's own documentation, in KiB).
    [1200 * KIB, 4, 1280 * KIB],
    [1280 * KIB, 4, 1280 * KIB],
    [1280 * KIB + 1, 4, 1536 * KIB],
    [1792 * KIB + 1, 4, 2 * MIB],
    // Up to 512 * divisions the step would be too small: 512 it is.
    [2047, 4, 2048],
    [2048, 4, 2048],
    [2049, 4, 2560],
    [512 * 256, 256, 512 * 256],
    [512 * 256 - 511, 256, 512 * 256],
    [512 * 256 + 1, 256, 512 * 257],
    [33 * GIB, 2, 48 * GIB],
  ])('rounds %d in %d divisions to %d', (size, divisions, rounded) => {
    expect(roundSize(size, uniform(divisions))).toBe(rounded);
  });

  it('takes the divisions of the class of the request, not of its rounded size', () => {
    const roundupDivisions = new Array<number>(ROUNDUP_CLASSES).fill(0);
    roundupDivisions[1] = 2;
    expect(roundSize(2 * MIB - 1, { roundupDivisions })).toBe(2 * MIB);
    expect(roundSize(2 * MIB + 1, { roundupDivisions })).toBe(3 * MIB);
    expect(roundSize(3 * MIB + 1, { roundupDivisions })).toBe(4 * MIB);
    expect(roundSize(4 * MIB + 1, { roundupDivisions })).toBe(4 * MIB + 512);
  });

  it('equals 64-bit integer arithmetic around every step of every class', () => {
    let compared = 0;
    for (let divisions = 1; divisions <= 4096; divisions *= 2) {
      const settings = uniform(divisions);
      for (let power = 9; power < 52; power++) {
        for (const part of [0, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 4095 / 4096]) {
          const size = Math.floor(2 ** power * (1 + part));
          for (const near of [size - 1, size, size + 1]) {
            if (roundSize(near, settings) !== roundSize64(near, divisions))
              expect([near, divisions, roundSize(near, settings)]).toEqual([
                near,
                divisions,
                roundSize64(near, divisions),
              ]);
            compared++;
          }
        }
      }
    }
    expect(compared).toBe(13 * 43 * 6 * 3);
  });
});

describe('roundSize with divisions beyond reason', () => {
  it('still cuts nothing below 512 * divisions, and goes to the next power of two where that overflows', () => {
    expect(roundSize(5 * MIB + 1, uniform(2 ** 54))).toBe(5 * MIB + 512);
    expect(roundSize(5 * MIB + 1, uniform(2 ** 55))).toBe(8 * MIB);
    expect(roundSize(8 * MIB, uniform(2 ** 55))).toBe(8 * MIB);
    expect(roundSize(600, uniform(2 ** 63))).toBe(1024);
  });
});

describe('segmentSize', () => {
  it.each([
    [512, 2 * MIB],
    [MIB, 2 * MIB],
    [MIB + 512, 20 * MIB],
    [10 * MIB - 512, 20 * MIB],
    [10 * MIB, 10 * MIB],
    [10 * MIB + 512, 12 * MIB],
    [12 * MIB, 12 * MIB],
    [12 * MIB + 512, 14 * MIB],
    [70 * GIB + 512, 70 * GIB + 2 * MIB],
  ])('reserves for %d bytes %d', (size, reserved) => {
    expect(segmentSize(size, DEFAULT_SETTINGS)).toBe(reserved);
  });

  it('large_segment_size_mb changes only what lies between 1 and 10 MiB', () => {
    const settings = { largeSegmentSize: 64 * MIB };
    expect(segmentSize(MIB, settings)).toBe(2 * MIB);
    expect(segmentSize(MIB + 512, settings)).toBe(64 * MIB);
    expect(segmentSize(10 * MIB - 512, settings)).toBe(64 * MIB);
    expect(segmentSize(10 * MIB, settings)).toBe(10 * MIB);
    expect(segmentSize(32 * MIB, settings)).toBe(32 * MIB);
  });
});
