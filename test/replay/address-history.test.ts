/** What others did with addresses, inferred from segments that a known history put where they lie. Sizes in MiB. */
import { describe, expect, it } from 'vitest';
import { inferHistory, type RecordedSegment } from '../../src/replay/address-history.ts';
import { type AddressHistory, DriverAddresses, type OthersEvent } from '../../src/replay/driver-addresses.ts';

const MIB = 2 ** 20;
const TOP = 4096 * MIB;
const at = (mib: number): number => TOP + mib * MIB;

/** A program: MiB of each segment that it makes, in turn; negative: gives the segment of that turn (from 1) back. */
function recorded(program: readonly number[], history: AddressHistory): RecordedSegment[] {
  const space = new DriverAddresses(history);
  const made: RecordedSegment[] = [];
  return program.map((mib, turn): RecordedSegment => {
    const row = 2 * turn;
    space.reach(row + 1);
    if (mib < 0) {
      const old = made[-mib - 1];
      space.release(old.address, old.bytes);
      return { ...old, row, made: false };
    }
    const one = { row, address: space.segment(mib * MIB), bytes: mib * MIB, made: true };
    made[turn] = one;
    return one;
  });
}

/** The same segments, each of which counts how often its address is looked at. */
function counted(segments: readonly RecordedSegment[]): {
  readonly segments: readonly RecordedSegment[];
  readonly reads: () => number;
} {
  let reads = 0;
  const watched = segments.map(({ row, address, bytes, made }) => ({
    row,
    get address() {
      reads++;
      return address;
    },
    bytes,
    made,
  }));
  return { segments: watched, reads: () => reads };
}

const PROGRAM = [2, 20, 20, 32, 12, 20, 20, 14, 46, 60, -3, -6, 20, 90, 2, 28, 12];

const HISTORIES: Record<string, readonly OthersEvent[]> = {
  'nobody else': [],
  'a library reserves chunks': [
    { kind: 'reserved', row: 4, from: at(-200), to: at(-72) },
    { kind: 'reserved', row: 12, from: at(-900), to: at(-804) },
  ],
  'a library opens room that is filled upwards': [
    { kind: 'mapped', row: 2, from: at(-384), to: at(0) },
    { kind: 'opened', row: 7, from: at(-370), to: at(-130), born: 7, name: 'room' },
  ],
  'a library allocates in the room of others': [
    { kind: 'opened', row: 5, from: at(-1000), to: at(-600), born: 5, name: 'room' },
    { kind: 'allocated', row: 9, from: at(0), to: at(64) },
    { kind: 'allocated', row: 19, from: at(0), to: at(12) },
  ],
  'a hole far up': [{ kind: 'unmapped', row: 4, from: at(512), to: at(544) }],
};

describe.each(Object.entries(HISTORIES))('a process where %s', (name, events) => {
  const segments = recorded(PROGRAM, { top: TOP, events });
  const inferred = inferHistory(segments);

  it('gets a history that explains every segment', () => {
    expect(inferred.unexplained).toBe(0);
    const again = new DriverAddresses(inferred);
    const places = segments.map(({ row, address, bytes, made }) => {
      again.reach(row + (made ? 1 : 0));
      if (!made) again.release(address, bytes);
      return made ? again.segment(bytes) : address;
    });
    expect(places).toEqual(segments.map(({ address }) => address));
  });

  it(name === 'nobody else' ? 'has no events' : 'has events', () => {
    expect(inferred.events.length > 0).toBe(name !== 'nobody else');
  });
});

describe('the history of a recording', () => {
  it('counts segments that nothing explains, and goes on', () => {
    const segments = recorded(PROGRAM, { top: TOP, events: [] });
    // Two segments over each other: no process has that.
    const broken = segments.map((one, turn) => (turn === 8 ? { ...one, address: segments[1].address } : one));
    expect(inferHistory(broken).unexplained).toBeGreaterThan(0);
  });

  it('of thousands of segments looks at each a few times, not once for every other', () => {
    const program = Array.from({ length: 3000 }, (_, turn) => 2 + 2 * ((turn * 7919) % 40));
    const events: OthersEvent[] = Array.from({ length: 60 }, (_, n) => ({
      kind: 'reserved',
      row: 100 * n,
      from: 0,
      to: 64 * MIB,
    }));
    const { segments, reads } = counted(recorded(program, { top: TOP, events }));
    expect(inferHistory(segments).events.length).toBeGreaterThan(0);
    // Their square would be 3,000 looks at each.
    expect(reads()).toBeGreaterThan(segments.length);
    expect(reads()).toBeLessThan(100 * segments.length);
  });

  it('of segments at addresses that follow no rule looks ahead a bounded number of times, and says how many are unexplained', () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    const made = Array.from({ length: 20_000 }, (_, turn): RecordedSegment => ({
      row: 2 * turn,
      address: TOP + random(2 ** 24) * 2 * MIB,
      bytes: (1 + random(40)) * 2 * MIB,
      made: true,
    }));
    const { segments, reads } = counted(made);
    const { events, unexplained } = inferHistory(segments);
    expect(events.length).toBeLessThan(1100);
    expect(unexplained).toBeGreaterThan(10_000);
    // An event looks ahead twice, and there are no more than a thousand events; one a segment would be 20,000.
    expect(reads()).toBeGreaterThan(segments.length);
    expect(reads()).toBeLessThan(2000 * segments.length);
  });
});
