/** Free ranges inside segments, replayed by intervals, against a map of every 512 bytes. */
import { describe, expect, it } from 'vitest';
import { floorSize } from '../../src/aggregate/baseline.ts';
import { gapsOf } from '../../src/aggregate/gaps.ts';
import { asBigUint64, u64At } from '../../src/base/u64.ts';
import { ACTION, type Action, type EventTable } from '../../src/trace/schema.ts';
import { eventsOf, type EventSpec } from '../trace/events-for-test.ts';
import {
  fixtureBytes,
  recordingBytes,
  recordingPath,
  seeded,
  snapshotOf,
} from '../read/snapshot/fixtures.ts';

const UNIT = 512;

/** Segment and use of every unit of 512 bytes; free runs are counted by looking at all of them. */
class UnitMap {
  private readonly segment = new Map<number, number>();
  private readonly expandable = new Map<number, boolean>();
  private readonly used = new Set<number>();
  private next = 1;

  apply(action: number, address: number, size: number): void {
    const [from, to] = [address / UNIT, (address + size) / UNIT];
    if (action === ACTION.segment_alloc || action === ACTION.segment_map) {
      const id = this.next++;
      this.expandable.set(id, action === ACTION.segment_map);
      for (let unit = from; unit < to; unit++) this.segment.set(unit, id);
    } else if (action === ACTION.segment_free || action === ACTION.segment_unmap) {
      for (let unit = from; unit < to; unit++) {
        this.segment.delete(unit);
        this.used.delete(unit);
      }
    } else if (action === ACTION.alloc || action === ACTION.free_completed) {
      const end = (address + floorSize(size)) / UNIT;
      for (let unit = from; unit < end; unit++) {
        if (action === ACTION.alloc) this.used.add(unit);
        else this.used.delete(unit);
      }
    }
  }

  private touch(left: number, right: number): boolean {
    const [a, b] = [this.segment.get(left), this.segment.get(right)];
    return a === b || (this.expandable.get(a!) === true && this.expandable.get(b!) === true);
  }

  gaps(): number[] {
    const free = [...this.segment.keys()].filter((unit) => !this.used.has(unit)).sort((a, b) => a - b);
    const sizes: number[] = [];
    free.forEach((unit, i) => {
      if (i > 0 && free[i - 1] === unit - 1 && this.touch(unit - 1, unit)) sizes[sizes.length - 1] += UNIT;
      else sizes.push(UNIT);
    });
    return sizes;
  }
}

function wrongRow(events: EventTable, { largest, count } = gapsOf(events)): string | null {
  const map = new UnitMap();
  for (let row = 0; row < events.length; row++) {
    map.apply(events.action[row], u64At(events.address, row), u64At(events.size, row));
    const gaps = map.gaps();
    if (u64At(largest, row) !== Math.max(0, ...gaps))
      return `row ${row}: largest ${u64At(largest, row)}, not ${Math.max(0, ...gaps)}`;
    if (u64At(count, row) !== gaps.length) return `row ${row}: ${u64At(count, row)} gaps, not ${gaps.length}`;
  }
  return null;
}

/** A random but possible history: segments of both kinds, pieces mapped and unmapped, blocks inside them. */
function history(seed: number, length: number): EventSpec[] {
  const random = seeded(seed);
  const below = (most: number): number => Math.floor(random() * most);
  const specs: EventSpec[] = [];
  const PIECE = 8 * UNIT;
  const slots = new Map<number, 'malloc' | 'piece'>();
  const live: { address: number; size: number }[] = [];
  const taken = (from: number, to: number): boolean =>
    live.some(({ address, size }) => address < to && address + floorSize(size) > from);
  const push = (action: Action, address: number, size: number): unknown =>
    specs.push({ action, address, size });
  while (specs.length < length) {
    const slot = below(16);
    const kind = below(10);
    const start = slot * PIECE;
    if (kind < 3 && !slots.has(slot)) {
      const piece = random() < 0.6;
      slots.set(slot, piece ? 'piece' : 'malloc');
      push(piece ? 'segment_map' : 'segment_alloc', start, PIECE);
    } else if (kind === 3 && slots.has(slot) && !taken(start, start + PIECE)) {
      push(slots.get(slot) === 'piece' ? 'segment_unmap' : 'segment_free', start, PIECE);
      slots.delete(slot);
    } else if (kind < 8 && slots.has(slot)) {
      // A block stays inside its cudaMalloc; pieces that follow one another hold larger ones.
      let end = start + PIECE;
      if (slots.get(slot) === 'piece') for (let at = slot + 1; slots.get(at) === 'piece'; at++) end += PIECE;
      const address = start + UNIT * below(8);
      const size = 1 + below(Math.min(end - address, 3 * PIECE));
      if (taken(address, address + floorSize(size))) continue;
      live.push({ address, size });
      push('alloc', address, size);
    } else if (live.length > 0) {
      const [block] = live.splice(below(live.length), 1);
      push('free_requested', block.address, block.size);
      push('free_completed', block.address, block.size);
    }
  }
  return specs;
}

describe('gapsOf', () => {
  it.each(Array.from({ length: 60 }, (_, i) => i + 1))('random history %i', (seed) => {
    expect(wrongRow(eventsOf(history(seed, 300)))).toBeNull();
  });

  it('a planted difference is found', () => {
    const events = eventsOf(history(1, 300));
    const planted = gapsOf(events);
    planted.largest[2 * 200] += UNIT;
    expect(wrongRow(events, planted)).toMatch(/^row 200: largest/);
    const miscounted = gapsOf(events);
    miscounted.count[2 * 299]++;
    expect(wrongRow(events, miscounted)).toMatch(/^row 299: .* gaps/);
  });

  it('is the same wherever the addresses lie', async () => {
    const { events } = (await snapshotOf(fixtureBytes('graphs.pickle'))).devices[0];
    const moved = { ...events, address: events.address.slice() };
    asBigUint64(moved.address).forEach((address, row, all) => (all[row] = address + 0xff00_0000_0000_0000n));
    expect(gapsOf(moved)).toEqual(gapsOf(events));
  });

  it('cudaMalloc segments that touch stay apart; mapped pieces join', () => {
    const twice = (action: Action): EventSpec[] => [
      { action, address: 0x200000, size: 0x200000 },
      { action, address: 0x400000, size: 0x200000 },
    ];
    const last = (specs: EventSpec[]): number[] => {
      const { largest, count } = gapsOf(eventsOf(specs));
      return [u64At(largest, specs.length - 1), u64At(count, specs.length - 1)];
    };
    expect(last(twice('segment_alloc'))).toEqual([0x200000, 2]);
    expect(last(twice('segment_map'))).toEqual([0x400000, 1]);
    expect(last([twice('segment_alloc')[0], twice('segment_map')[1]])).toEqual([0x200000, 2]);
  });

  it.each(['oom.pickle', 'graphs.pickle', 'pending.pickle'])('%s: some rows and the last', async (name) => {
    const [{ events }] = (await snapshotOf(fixtureBytes(name))).devices;
    const { largest, count } = gapsOf(events);
    expect(naiveLast(events)).toEqual([u64At(largest, events.length - 1), u64At(count, events.length - 1)]);
  });
});

/** Largest gap and number of gaps at the end, from the live segments and blocks alone. */
function naiveLast(events: EventTable): [number, number] {
  let segments: { from: number; to: number; joins: boolean }[] = [];
  const live = new Map<number, number>();
  for (let row = 0; row < events.length; row++) {
    const [from, size, action] = [u64At(events.address, row), u64At(events.size, row), events.action[row]];
    const to = from + size;
    if (action === ACTION.segment_alloc || action === ACTION.segment_map)
      segments.push({ from, to, joins: action === ACTION.segment_map });
    else if (action === ACTION.segment_free || action === ACTION.segment_unmap)
      segments = segments.flatMap((one) =>
        one.to <= from || one.from >= to
          ? [one]
          : [
              { ...one, to: Math.min(one.to, from) },
              { ...one, from: Math.max(one.from, to) },
            ].filter((part) => part.from < part.to),
      );
    else if (action === ACTION.alloc) live.set(from, floorSize(size));
    else if (action === ACTION.free_completed) live.delete(from);
  }
  const edges: { from: number; to: number }[] = [];
  for (const { from, to, joins } of segments.sort((a, b) => a.from - b.from)) {
    const last = edges.at(-1);
    if (joins && last?.to === from) last.to = to;
    else edges.push({ from, to });
  }
  const blocks = [...live].sort(([a], [b]) => a - b);
  const gaps: number[] = [];
  for (const { from, to } of edges) {
    let at = from;
    for (const [address, size] of blocks) {
      if (address < from || address >= to) continue;
      if (address > at) gaps.push(address - at);
      at = Math.max(at, address + size);
    }
    if (to > at) gaps.push(to - at);
  }
  return [Math.max(0, ...gaps), gaps.length];
}

const RECORDINGS = [
  'train/train.pickle',
  'train_expandable/train_expandable.pickle',
  'unmap/unmap.pickle',
  'leak/leak.pickle',
  'churn/churn_5.pickle',
];

describe.skipIf(recordingPath(RECORDINGS[0]) === null)('recordings in ../shared/traces', () => {
  it.each(RECORDINGS)('%s: after a tenth, two tenths, ... of it', async (name) => {
    const [{ events }] = (await snapshotOf(recordingBytes(name))).devices;
    const { largest, count } = gapsOf(events);
    for (let part = 1; part <= 10; part++) {
      const length = Math.floor((events.length * part) / 10);
      expect(naiveLast({ ...events, length })).toEqual([
        u64At(largest, length - 1),
        u64At(count, length - 1),
      ]);
    }
  });
});
