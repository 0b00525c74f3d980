/** Where the model of the driver puts segments. Offsets in MiB from a top at 1 GiB. */
import { describe, expect, it } from 'vitest';
import { DriverAddresses, type OthersEvent, USUAL_HISTORY } from '../../src/replay/driver-addresses.ts';

const MIB = 2 ** 20;
const TOP = 1024 * MIB;

class Driver {
  readonly space = new DriverAddresses({ top: TOP, events: [] });

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

const history = (...events: OthersEvent[]): DriverAddresses =>
  new DriverAddresses({ top: TOP, events: events.map((event) => ({ ...event })) });
const at = (mib: number): number => TOP + mib * MIB;

describe('what others do', () => {
  it('happens before the step of its row, not earlier', () => {
    const space = history({ kind: 'reserved', row: 7, from: at(-128), to: at(-64) });
    expect(space.segment(20 * MIB)).toBe(at(-32));
    space.reach(6);
    expect(space.segment(20 * MIB)).toBe(at(-64));
    space.reach(7);
    expect(space.segment(20 * MIB)).toBe(at(-160));
  });

  it('room of theirs is used by the age of its chunk, and never goes back', () => {
    const opened = { kind: 'opened', row: 5, from: at(-300), to: at(-280), name: 'a' } as const;
    const older = history({ ...opened, born: -1 });
    const newer = history({ ...opened, born: 5 });
    for (const space of [older, newer]) {
      space.reach(1);
      space.segment(20 * MIB);
      space.reach(5);
    }
    expect(older.segment(2 * MIB)).toBe(at(-12));
    expect(newer.segment(2 * MIB)).toBe(at(-300));
    newer.release(at(-300), 2 * MIB);
    expect(newer.segment(20 * MIB)).toBe(at(-300));
  });

  it('what they take in a chunk comes back only where they took it', () => {
    const space = history(
      { kind: 'took', row: 2, from: at(-12), to: at(0) },
      { kind: 'gave', row: 4, from: at(-12), to: at(0) },
    );
    space.reach(1);
    space.segment(20 * MIB);
    space.segment(4 * MIB);
    space.reach(2);
    expect(space.addressFor(2 * MIB)).toBe(at(-64));
    space.reach(4);
    expect(space.addressFor(2 * MIB)).toBe(at(-8));
  });

  it('what they allocate goes where a segment would, so it moves with the settings', () => {
    const space = history({ kind: 'allocated', row: 2, from: at(-500), to: at(-496) });
    space.segment(20 * MIB);
    space.reach(2);
    expect(space.segment(2 * MIB)).toBe(at(-8));
  });

  it('a hole that they leave takes a chunk of its own size; one beside their mappings is larger than it looks', () => {
    const left = history({ kind: 'unmapped', row: 1, from: at(64), to: at(96) });
    left.reach(1);
    expect(left.segment(32 * MIB)).toBe(at(64));
    const beside = history({ kind: 'mapped', row: 1, from: at(-64), to: at(0) });
    beside.reach(1);
    expect(beside.segment(20 * MIB)).toBe(at(-96));
    expect(beside.segment(20 * MIB)).toBe(at(-128));
    beside.release(at(-96), 20 * MIB);
    expect(beside.segment(20 * MIB)).toBe(at(-96));
  });

  it('room up to an empty chunk of theirs: that has gone back with it', () => {
    const events: OthersEvent[] = [
      { kind: 'mapped', row: 0, from: at(-96), to: at(0) },
      { kind: 'opened', row: 0, from: at(-40), to: at(-32), born: 0, name: 'upper' },
      { kind: 'opened', row: 3, from: at(-96), to: at(-40), born: 3, name: 'lower' },
    ];
    const used = history(...events);
    expect(used.segment(2 * MIB)).toBe(at(-40));
    used.reach(3);
    expect(used.segment(4 * MIB)).toBe(at(-96));
    const unused = history(...events);
    unused.reach(3);
    // A new chunk, at the top of the hole.
    expect(unused.segment(4 * MIB)).toBe(at(-64));
  });

  it('without a recorded segment there is a usual place', () => {
    expect(new DriverAddresses(USUAL_HISTORY).segment(2 * MIB) % (32 * MIB)).toBe(6 * MIB);
  });
});
