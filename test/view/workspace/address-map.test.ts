import { describe, expect, it } from 'vitest';
import {
  addressText,
  blockOf,
  fitScale,
  LINE_HEIGHT,
  mapLayout,
  placeAt,
  placeOfLife,
  segmentBeside,
  segmentOf,
  stepRow,
  zoomedScale,
} from '../../../src/view/workspace/address-map.ts';
import {
  blockWords,
  changeWords,
  eventWords,
  holeWords,
  mapName,
  refusalWords,
  segmentWords,
} from '../../../src/view/workspace/address-map-words.ts';
import { addressHeat, addressOfRow, addressTimeWords } from '../../../src/view/workspace/address-time.ts';
import { freeHeat, freeHeatWords, freeModel } from '../../../src/view/workspace/free-memory.ts';
import type { AddressMapAnswer, HoleAnswer } from '../../../src/engine/protocol.ts';

const MIB = 2 ** 20;

/** Two segments of 20 MiB on stream 0 (3 MiB live, 1 rounding, 1 waiting, 15 free | free), one of 2 MiB on stream 7. */
function answer(more: Partial<AddressMapAnswer> = {}): AddressMapAnswer {
  const none = { requested: 0, allocated: 0, pending: 0, pinned: 0, releasable: 0, idle: 0 };
  const kind = { kind: 'segment', poolId: '', from: '0x0', to: '0x0' } as const;
  return {
    device: '1:0',
    row: 10,
    xNs: 5e6,
    rows: 100,
    event: { action: 'alloc', address: '0x7f0000000000', size: 3 * MIB, stream: '0', life: 4 },
    segmentRowBefore: 2,
    segmentRowAfter: null,
    origin: 0x7f00,
    totals: {
      ...none,
      segments: 3,
      blocks: 5,
      size: 42 * MIB,
      requested: 5 * MIB,
      allocated: 6 * MIB,
      pending: MIB,
      pinned: 15 * MIB,
      releasable: 20 * MIB,
    },
    kinds: [
      {
        ...none,
        ...kind,
        stream: '0',
        pool: 'large_pool',
        segments: 2,
        blocks: 4,
        size: 40 * MIB,
        pinned: 15 * MIB,
        releasable: 20 * MIB,
      },
      {
        ...none,
        ...kind,
        stream: '7',
        pool: 'small_pool',
        segments: 1,
        blocks: 1,
        size: 2 * MIB,
        allocated: 2 * MIB,
      },
    ],
    segments: {
      address: Float64Array.of(0, 32 * MIB, 64 * MIB),
      size: Float64Array.of(20 * MIB, 20 * MIB, 2 * MIB),
      kind: Uint16Array.of(0, 0, 1),
      page: new Float64Array(3),
      madeRow: Int32Array.of(0, 1, 2),
      requested: Float64Array.of(3 * MIB, 0, 2 * MIB),
      allocated: Float64Array.of(4 * MIB, 0, 2 * MIB),
      pending: Float64Array.of(MIB, 0, 0),
      pinned: Float64Array.of(15 * MIB, 0, 0),
      releasable: Float64Array.of(0, 20 * MIB, 0),
      idle: new Float64Array(3),
      blockStart: Uint32Array.of(0, 3, 4, 5),
    },
    blocks: {
      address: Float64Array.of(0, 4 * MIB, 5 * MIB, 32 * MIB, 64 * MIB),
      size: Float64Array.of(4 * MIB, MIB, 15 * MIB, 20 * MIB, 2 * MIB),
      requested: Float64Array.of(3 * MIB, MIB, 0, 0, 2 * MIB),
      state: Uint8Array.of(0, 1, 2, 3, 0),
      life: Int32Array.of(4, 5, -1, -1, 6),
      atLeast: Uint8Array.of(1, 0, 0, 0, 0),
      whole: Float64Array.of(0, 0, 0, 20 * MIB, 0),
      group: Uint8Array.of(0, 1, 255, 255, 0),
      passes: Uint8Array.of(1, 1, 1, 1, 1),
    },
    cut: false,
    colours: { by: 'line', names: ['forward model.py:1', '3 others'], hasRest: true },
    notExact: [],
    free: [
      { from: 8 * MIB, blocks: 1, bytes: 15 * MIB, releasable: 0, idle: 0 },
      { from: 16 * MIB, blocks: 1, bytes: 20 * MIB, releasable: 20 * MIB, idle: 0 },
    ],
    largest: [{ stream: '0', pool: 'large_pool', poolId: '', request: 20 * MIB, address: '0x7f0002000000' }],
    ...more,
  };
}

describe('where segments are drawn', () => {
  it('true to scale, a long one over several lines, each kind under its heading', () => {
    const layout = mapLayout(answer(), 100, MIB / 10, 'address', 'binary');
    expect(layout.headings.map(({ text }) => text)).toEqual([
      'Stream 0, large pool: 40 MiB in 2 segments, 35 MiB free',
      'Stream 7, small pool: 2 MiB in 1 segment',
    ]);
    const drawn = layout.boxes.map(({ segment, x, width, from, to }) => [
      segment,
      x,
      width,
      from / MIB,
      to / MIB,
    ]);
    expect(drawn).toEqual([
      [0, 0, 100, 0, 10],
      [0, 0, 100, 10, 20],
      [1, 0, 100, 0, 10],
      [1, 0, 100, 10, 20],
      [2, 0, 20, 0, 2],
    ]);
    const [first, second] = layout.boxes;
    expect(second.y - first.y).toBeGreaterThan(LINE_HEIGHT);
  });

  it('by waste, the segment with the most free bytes first', () => {
    expect(mapLayout(answer(), 900, MIB / 10, 'waste', 'binary').order).toEqual([1, 0, 2]);
    expect(mapLayout(answer(), 900, MIB / 10, 'address', 'binary').order).toEqual([0, 1, 2]);
  });

  it('at the finest scale at which all fits, and twice or half of it', () => {
    const scale = fitScale(answer(), 400, 200, 'address');
    const height = (one: number): number => mapLayout(answer(), 400, one, 'address', 'binary').height;
    expect(height(scale)).toBeLessThanOrEqual(200);
    expect(height(scale / 2)).toBeGreaterThan(200);
    expect([zoomedScale(1024, true), zoomedScale(1024, false), zoomedScale(16, true)]).toEqual([
      512, 2048, 16,
    ]);
  });

  it('at one line for each kind, where headings alone are too high', () => {
    const scale = fitScale(answer(), 400, 10, 'address');
    const lines = (one: number): number =>
      new Set(mapLayout(answer(), 400, one, 'address', 'binary').boxes.map(({ y }) => y)).size;
    expect([lines(scale), lines(scale / 2)]).toEqual([2, 3]);
  });

  it('and found again under a point', () => {
    const layout = mapLayout(answer(), 100, MIB / 10, 'address', 'binary');
    const [first, second] = layout.boxes;
    expect(placeAt(answer(), layout, 10, first.y + 2)).toEqual({ segment: 0, block: 0, offset: MIB });
    expect(placeAt(answer(), layout, 45, first.y + 2)?.block).toBe(1);
    expect(placeAt(answer(), layout, 10, second.y + 2)?.block).toBe(2);
    expect(placeAt(answer(), layout, 10, first.y - 5)).toBeNull();
    expect(placeAt(answer(), layout, 90, layout.boxes[4].y + 2)).toBeNull();
    expect(blockOf(answer(), 0, 20 * MIB - 1)).toBe(2);
  });

  it('by address and by life, and one beside the other', () => {
    const map = answer();
    expect(addressText(map.origin, 32 * MIB)).toBe('0x7f0002000000');
    expect([
      segmentOf(map, '0x7f0002000010'),
      segmentOf(map, '0x7f0001f00000'),
      segmentOf(map, 'no'),
    ]).toEqual([1, null, null]);
    expect(placeOfLife(map, 6)).toEqual({ segment: 2, block: 4, offset: 0 });
    expect(placeOfLife(map, 99)).toBeNull();
    const layout = mapLayout(map, 900, MIB / 10, 'waste', 'binary');
    expect([null, 1, 0, 2].map((from) => segmentBeside(layout, from, 1))).toEqual([1, 0, 2, 2]);
    expect(segmentBeside(layout, null, -1)).toBe(2);
  });
});

describe('a step', () => {
  it('stays in the recording, and waits for the answer where segments are stepped through', () => {
    const map = answer();
    expect([stepRow(map, 10, 1, false), stepRow(map, 99, 1, false), stepRow(map, 0, -1, false)]).toEqual([
      11,
      null,
      null,
    ]);
    expect([stepRow(map, 10, -1, true), stepRow(map, 10, 1, true), stepRow(map, 12, -1, true)]).toEqual([
      2,
      null,
      null,
    ]);
  });
});

describe('what it says', () => {
  it('the figures of the moment, and what changed since the one before', () => {
    expect(mapName(answer(), 'binary')).toBe(
      'Address map just after event 10 at 5.000 ms. 42 MiB reserved in 3 segments: 6 MiB allocated, 1 MiB waiting for another stream, 15 MiB free but pinned (inactive split), 20 MiB free and releasable.',
    );
    const before = answer({ row: 9, totals: { ...answer().totals, allocated: 3 * MIB, size: 39 * MIB } });
    expect(changeWords(before, answer(), 'binary')).toBe(
      'Event 10 of 100, 5.000 ms: alloc, 3 MiB at 0x7f0000000000, stream 0. Reserved +3 MiB, allocated +3 MiB.',
    );
    expect(changeWords(answer({ row: 9 }), answer(), 'binary')).toContain('No bytes changed.');
    expect(eventWords(answer({ event: null, rows: 0, row: -1 }), 'binary')).toBe(
      'The recorded state: no events',
    );
  });

  it('a block in one line, at least its size where that is not known', () => {
    const words = (block: number): string => blockWords(answer(), { segment: 0, block, offset: 0 }, 'binary');
    expect(words(0)).toBe(
      '3 MiB (block at least 4 MiB, 1 MiB rounding) allocated, forward model.py:1, 0x7f0000000000',
    );
    expect(words(1)).toContain('1 MiB freed, waiting for another stream, 3 others');
    expect(words(2)).toBe('15 MiB free but pinned, 0x7f0000500000. Click: what pins it.');
    expect(segmentWords(answer(), 0, 'binary')).toBe(
      'Segment 0x7f0000000000, 20 MiB, Stream 0, large pool: 3 blocks, 15 MiB free (75.0 %)',
    );
  });

  it('of an out-of-memory error, what was asked for and why no hole fits', () => {
    const event = { action: 'oom', address: '0x0', size: 30 * MIB, stream: '0', life: null };
    expect(refusalWords(answer({ event }), 'binary')).toEqual([
      'A request of 30 MiB on stream 0 got an out-of-memory error here.',
      'The largest free block of its stream and pool serves 20 MiB, 10 MiB too little; 35 MiB are free in all, and no request takes two blocks together.',
    ]);
    const elsewhere = refusalWords(answer({ event: { ...event, stream: '7' } }), 'binary');
    expect(elsewhere[1]).toBe('No free block of its stream and pool served it; 35 MiB are free in all.');
    expect(refusalWords(answer({ event: { ...event, size: 20 * MIB } }), 'binary')[1]).toContain(
      'As recorded',
    );
    expect(refusalWords(answer(), 'binary')).toEqual([]);
  });

  it('what pins a hole, and never that something goes back where it does not', () => {
    const hole: HoleAnswer = {
      device: '1:0',
      row: 10,
      address: '0x7f0000500000',
      size: 15 * MIB,
      state: 'free_pinned',
      whole: 0,
      poolId: '',
      segment: { address: '0x7f0000000000', size: 20 * MIB, kind: 'segment' },
      before: null,
      after: null,
      pins: [],
      pinsTotal: 1,
      pinBytes: 4 * MIB,
      releasedBytes: 20 * MIB,
      joinedBytes: 16 * MIB,
      freedRow: null,
      freedNs: null,
    };
    expect(holeWords(hole, 'binary')).toEqual([
      '15 MiB free at 0x7f0000500000, in a segment of 20 MiB.',
      '1 live block (4 MiB) in its segment keeps it from going back.',
      'Free it and call empty_cache(): 20 MiB more go back.',
      'It is never freed in the recording.',
      'Were its neighbour freed, 16 MiB would be free in one piece.',
    ]);
    const inPrivate = holeWords({ ...hole, poolId: '(1, 0)', releasedBytes: 0 }, 'binary').join(' ');
    expect(inPrivate).toContain('of private pool (1, 0): nothing of it goes back');
    expect(inPrivate).not.toContain('empty_cache');
    expect(holeWords({ ...hole, pinsTotal: 0 }, 'binary').join(' ')).toContain('waits for another stream');
    expect(holeWords({ ...hole, whole: 15 * MIB, pinsTotal: 0 }, 'binary')[1]).toBe(
      'empty_cache() gives 15 MiB of it back as it is.',
    );
  });
});

describe('free memory', () => {
  it('by size class, the largest first, and the largest request', () => {
    const model = freeModel(answer(), 'binary');
    expect(model.headline).toBe(
      '35 MiB free in 2 blocks. The largest request that needs no new segment: 20 MiB (stream 0, large pool).',
    );
    expect(model.rows.map(({ name, note }) => [name, note])).toEqual([
      ['16 to 32 MiB', '100 % releasable'],
      ['8 to 16 MiB', '100 % pinned'],
    ]);
    expect(model.rows[1].shares).toEqual([0.75, 0, 0]);
    expect(freeModel(answer({ free: [], largest: [] }), 'binary').headline).toContain('Nothing is free');
  });

  it('over time: a pixel says its bytes, the faintest shade is something', () => {
    const over = {
      device: '1:0',
      range: { axis: 'event', from: 0, to: 2 },
      columns: 2,
      moments: Int32Array.of(0, 1),
      classes: [512, 1024],
      bytes: Float64Array.of(512, 0, 0, 1024 * 1e6),
      blocks: Uint32Array.of(1, 0, 0, 1e6),
      whole: new Float64Array(4),
      largest: Float64Array.of(512, 1024),
    } as const;
    const { values, rows } = freeHeat(over);
    expect([rows, ...values]).toEqual([2, 0, 255, 1, 0]);
    expect(freeHeatWords(over, 0, 1, 'binary')).toContain('1 free block, 512 B');
    expect(freeHeatWords(over, 1, 1, 'binary')).toBe('512 B to 1 KiB: none free; largest free block 1 KiB');
    expect(freeHeatWords(over, 2, 0, 'binary')).toBeNull();
  });

  it('addresses over time: the lowest at the bottom, gaps left out', () => {
    const over = {
      device: '1:0',
      range: { axis: 'event', from: 0, to: 1 },
      columns: 1,
      rows: 2,
      moments: Int32Array.of(7),
      shares: Uint8Array.of(255, 0),
      origin: 0x7f00,
      address: Float64Array.of(0, 64 * MIB),
      packed: Float64Array.of(0, 2 * MIB, 4 * MIB),
      bytes: 4 * MIB,
    } as const;
    expect([...addressHeat(over).values]).toEqual([0, 255]);
    expect([addressOfRow(over, 1), addressOfRow(over, 0)]).toEqual(['0x7f0000100000', '0x7f0004100000']);
    expect(addressTimeWords(over, 0, 1)).toBe(
      '100 % of what is reserved near 0x7f0000100000 is live after event 7',
    );
    expect(addressTimeWords(over, 0, 0)).toContain('Nothing is reserved near 0x7f0004100000');
  });
});
