/** Where the model of the driver puts segments. Offsets in MiB from a top at 1 GiB. */
import { describe, expect, it } from 'vitest';
import { DriverAddresses, driverStart } from '../../src/replay/driver-addresses.ts';

const MIB = 2 ** 20;
const TOP = 1024 * MIB;

class Driver {
  readonly space = new DriverAddresses({ gaps: [], top: TOP });

  /** Address of a new segment, MiB below (negative) the top. */
  take(mib: number): number {
    return (this.space.segment(mib * MIB) - TOP) / MIB;
  }

  give(at: number, mib: number): void {
    this.space.release(TOP + at * MIB, mib * MIB);
  }
}

describe('chunks', () => {
  it('are whole 32 MiB, each below the last; a segment lies at their low end', () => {
    const driver = new Driver();
    expect([driver.take(20), driver.take(20), driver.take(33), driver.take(64)]).toEqual([
      -32, -64, -128, -192,
    ]);
  });

  it('the rest of a chunk is used before a new one is taken, the newest chunk first', () => {
    const driver = new Driver();
    expect([driver.take(20), driver.take(20)]).toEqual([-32, -64]);
    expect([driver.take(2), driver.take(12), driver.take(10), driver.take(2)]).toEqual([-44, -12, -42, -96]);
  });

  it('in a chunk the smallest gap that fits, at its low end', () => {
    const driver = new Driver();
    const taken = [driver.take(4), driver.take(8), driver.take(2), driver.take(4), driver.take(2)];
    expect(taken).toEqual([-32, -28, -20, -18, -14]);
    driver.give(-28, 8);
    driver.give(-18, 4);
    // Gaps of 8, 4 and 12.
    expect([driver.take(3), driver.take(6), driver.take(11)]).toEqual([-18, -28, -12]);
  });

  it('freed neighbours become one gap', () => {
    const driver = new Driver();
    [4, 4, 4, 20].forEach((mib) => driver.take(mib));
    driver.give(-32, 4);
    driver.give(-24, 4);
    driver.give(-28, 4);
    expect(driver.take(12)).toBe(-32);
  });

  it('an empty chunk goes back, and its place is taken again only where the hole is larger than what is asked', () => {
    const same = new Driver();
    [20, 20, 20].forEach((mib) => same.take(mib));
    same.give(-64, 20);
    // The hole is as large as the chunk: below everything.
    expect(same.take(20)).toBe(-128);
    const larger = new Driver();
    [20, 60, 30].forEach((mib) => larger.take(mib));
    larger.give(-96, 60);
    // At the top of the hole.
    expect(larger.take(20)).toBe(-64);
  });

  it('what lies in no chunk is given back without effect', () => {
    const driver = new Driver();
    driver.take(20);
    driver.give(-500, 20);
    expect(driver.take(20)).toBe(-64);
  });

  it('ranges ascend, and none meets a chunk or another range', () => {
    const { space } = new Driver();
    const ranges = [space.range(2 ** 30 + 1), space.range(2 ** 30), space.range(512)];
    expect(ranges[0]).toBeGreaterThan(TOP);
    expect(ranges[1] - ranges[0]).toBeGreaterThan(2 ** 30);
    expect(ranges[2] - ranges[1]).toBe(2 ** 30);
  });
});

describe('what a recording tells of the start', () => {
  it('a first segment inside a chunk lies in one of the driver, which is full below it', () => {
    const start = driverStart([[TOP + 6 * MIB, 2 * MIB]]);
    expect(start).toEqual({ gaps: [[TOP + 6 * MIB, TOP + 32 * MIB]], top: TOP });
    const space = new DriverAddresses(start);
    expect(space.segment(2 * MIB)).toBe(TOP + 6 * MIB);
    expect(space.segment(20 * MIB)).toBe(TOP + 8 * MIB);
    expect(space.segment(20 * MIB)).toBe(TOP - 32 * MIB);
  });

  it('a first segment at the start of a chunk is the first of all', () => {
    const start = driverStart([
      [TOP - 64 * MIB, 40 * MIB],
      [TOP - 24 * MIB, 2 * MIB],
      [TOP - 96 * MIB, 20 * MIB],
    ]);
    expect(start).toEqual({ gaps: [], top: TOP });
  });

  it('gives a recording its own addresses again', () => {
    const driver = new Driver();
    const sizes = [2, 20, 20, 44, 2, 30, 12, 90];
    const made = sizes.map((mib) => [TOP + driver.take(mib) * MIB, mib * MIB] as const);
    const again = new DriverAddresses(driverStart(made));
    expect(made.map(([, bytes]) => again.segment(bytes))).toEqual(made.map(([address]) => address));
  });

  it('without a recorded segment there is a usual place', () => {
    const space = new DriverAddresses(driverStart([]));
    expect(space.segment(2 * MIB) % (32 * MIB)).toBe(6 * MIB);
  });
});
