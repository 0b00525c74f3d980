import { describe, expect, it } from 'vitest';
import type { LifeAnswer, LifePlace, RasterAnswer } from '../../../src/engine/protocol.ts';
import {
  allocationLegend,
  allocationsName,
  byteTicksIn,
  capacityWords,
  colouringOf,
  emptyWords,
  leftOutWords,
  legendChange,
  lifeSpoken,
  lifeTooltip,
  panBytes,
  rasterQuery,
  zoomBytes,
  zoomToLife,
} from '../../../src/view/workspace/allocations.ts';
import {
  lifeAtPlace,
  paintRaster,
  placeOf,
  placeOfLife,
  runsOf,
  stepFrom,
} from '../../../src/view/workspace/raster-paint.ts';
import { device as deviceView } from '../device/device-for-test.ts';

const MIB = 2 ** 20;

/** Three columns of four pixels of 1 MiB; life 2 was made before the recording, and 5 follows 4 in its place. */
const raster: RasterAnswer = {
  device: '1:0',
  range: { axis: 'event', from: 0, to: 30 },
  order: 'age',
  by: 'line',
  x: Float64Array.of(0, 10, 20),
  rows: 4,
  bytes: [0, 4 * MIB],
  pixels: Int32Array.of(2, 2, -1, -1, 2, 2, 4, 4, 2, 2, 5, -1),
  colours: Uint8Array.of(0, 0, 255, 255, 0, 0, 1, 1, 0, 0, 1, 255),
  row: Int32Array.of(3, 14, 22),
  total: Float64Array.of(2 * MIB, 4 * MIB, 3 * MIB),
  open: Uint32Array.of(1, 5, 2),
  thinBytes: Float64Array.of(0, 1536, 0),
  thinCount: Uint32Array.of(0, 3, 0),
  outsideBytes: new Float64Array(3),
  outsideCount: new Uint32Array(3),
  groups: [
    { name: 'forward model.py:97', bytesAtPeak: 3 * MIB, filter: 'made-by:"forward model.py:97"' },
    { name: '7 others', bytesAtPeak: MIB, filter: null },
  ],
  hasRest: true,
  earlier: 3,
  lives: 9,
  all: 9,
  peak: { row: 14, xNs: 5e6, bytes: 4 * MIB, open: 5 },
  fault: null,
  ranOn: { milliseconds: 1 },
};

const device = deviceView();

describe('where things are in the picture', () => {
  it('finds the life at a moment and an amount, and nothing beyond', () => {
    expect(lifeAtPlace(raster, placeOf(raster, 15, 2.5 * MIB))).toBe(4);
    expect(lifeAtPlace(raster, placeOf(raster, 5, 2.5 * MIB))).toBeNull();
    expect(lifeAtPlace(raster, placeOf(raster, 30, MIB))).toBeNull();
    expect(lifeAtPlace(raster, placeOf(raster, -1, MIB))).toBeNull();
    expect(lifeAtPlace(raster, placeOf(raster, 15, 9 * MIB))).toBeNull();
    expect(placeOfLife(raster, 4)).toEqual({ column: 1, row: 2 });
    expect(placeOfLife(raster, 8)).toBeNull();
    expect(runsOf(raster, 2)).toHaveLength(3);
  });

  it('goes up and down a stack and along a height, to another life each time', () => {
    const start = stepFrom(raster, null, 'up')!;
    expect(start).toEqual({ column: 1, row: 0 });
    const up = stepFrom(raster, start, 'up')!;
    expect(lifeAtPlace(raster, up)).toBe(4);
    expect(lifeAtPlace(raster, stepFrom(raster, up, 'right')!)).toBe(5);
    expect(stepFrom(raster, up, 'left')).toBeNull();
    expect(stepFrom(raster, up, 'up')).toBeNull();
    expect(lifeAtPlace(raster, stepFrom(raster, up, 'down')!)).toBe(2);
  });
});

describe('the pixels', () => {
  it.each([false, true])('are opaque where a life is, from the top down; dark: %s', (dark) => {
    const rgba = paintRaster(raster, dark);
    expect(rgba).toHaveLength(3 * 4 * 4);
    const opaque = Array.from({ length: 12 }, (_, i) => rgba[4 * i + 3] === 255);
    expect(opaque).toEqual([false, true, false, false, true, true, true, true, true, true, true, true]);
    const at = (column: number, row: number): number[] => [
      ...rgba.subarray(4 * ((3 - row) * 3 + column), 4 * ((3 - row) * 3 + column) + 4),
    ];
    expect(at(1, 0)).not.toEqual(at(1, 3));
  });

  it('part blocks of one colour that are tall enough', () => {
    const two = {
      ...raster,
      x: Float64Array.of(0),
      rows: 10,
      pixels: Int32Array.of(3, 3, 3, 3, 3, 4, 4, 4, 4, 4),
      colours: new Uint8Array(10),
      earlier: 0,
    };
    const rgba = new Uint32Array(paintRaster(two, false).buffer);
    // Row 5 from the bottom is row 4 from the top: the lower edge of the upper block.
    expect(rgba[4]).not.toBe(rgba[3]);
    expect(new Set([rgba[0], rgba[1], rgba[2], rgba[3]]).size).toBe(1);
    expect(rgba[5]).toBe(rgba[0]);
  });
});

describe('the words', () => {
  it('say what is not drawn, to the byte it holds', () => {
    expect(leftOutWords(raster, 'binary')).toBe(
      'Highest in view: 4 MiB in 5 allocations; 3 under a pixel (1.5 KiB, < 0.1 %).',
    );
    const all = { ...raster, thinCount: new Uint32Array(3) };
    expect(leftOutWords(all, 'binary')).toContain('each of them drawn');
    const cut = {
      ...raster,
      outsideCount: Uint32Array.of(0, 2, 0),
      outsideBytes: Float64Array.of(0, MIB, 0),
    };
    expect(leftOutWords(cut, 'binary')).toContain('2 above or below the bytes shown (1 MiB, 25.0 %)');
  });

  it('name the picture by figures of the recording', () => {
    expect(allocationsName(raster, device, 'binary')).toBe(
      'Allocations over time: 9 allocations. Most requested: 4 MiB (4,194,304 bytes) at event 14, in 5 allocations.',
    );
    expect(allocationsName({ ...raster, lives: 2 }, device, 'binary')).toContain('2 of 9 allocations pass');
    expect(allocationsName(null, device, 'binary')).toBe('Allocations over time');
  });

  it('say why there is nothing, or one column', () => {
    expect(emptyWords(raster, device)).toBeNull();
    expect(emptyWords({ ...raster, lives: 0 }, device)).toContain('None of 9 allocations');
    expect(emptyWords({ ...raster, all: 0, lives: 0 }, device)).toContain('_record_memory_history');
    expect(emptyWords(raster, { ...device, rows: 0 })).toContain('Only the state at the end');
    const fault = { from: 0, to: 4, why: '"1Mib5" is no size' };
    expect(emptyWords({ ...raster, fault }, device)).toBe('This is no filter: "1Mib5" is no size.');
    const card = { ...device, totalBytes: 80 * 1024 * MIB };
    expect(capacityWords(raster, card, 'binary')).toBe('The GPU has 80 GiB: above this picture.');
    expect(capacityWords({ ...raster, bytes: [0, 100 * 1024 * MIB] }, card, 'binary')).toBe('');
  });

  it('tell of one allocation', () => {
    const life = {
      life: 7,
      address: '0x7fe134000000',
      requested: 24 * MIB,
      stream: '0',
      label: 'forward model.py:97',
      madeRow: null,
      endedRow: 9,
      reuse: 2,
      sameStack: { made: 17, alive: 3, aliveBytes: 0 },
    } as unknown as LifeAnswer;
    const told = lifeTooltip(7, life, 'wall', 'binary');
    expect(told.heading).toBe('24 MiB from forward model.py:97');
    expect(told.lines[1]).toBe('b7fe134000000_2, stream 0, made before the recording');
    expect(lifeSpoken(told, true)).toContain('3 of 17 from this stack were alive then.');
    expect(lifeSpoken(told, false)).toContain('z zooms to it');
    expect(lifeTooltip(8, life, 'wall', 'binary').heading).toBe('Allocation 8');
  });
});

describe('the legend', () => {
  it('has what each group holds at the peak; a click is "only this", and again everything', () => {
    const [line, rest] = allocationLegend(raster, '', 'binary');
    expect(line).toMatchObject({ value: '3 MiB', color: 'blue', only: false });
    expect(rest).toMatchObject({ color: 'grey', filter: null });
    expect(legendChange(line)).toEqual({ filter: 'made-by:"forward model.py:97"' });
    expect(legendChange(rest)).toBeNull();
    const [only] = allocationLegend(raster, line.filter!, 'binary');
    expect(legendChange(only)).toEqual({ filter: '' });
  });
});

describe('what is asked', () => {
  const context = {
    device: { ...device, hasStacks: false },
    axis: 'event',
    span: { from: 0.5, to: 9.2 },
    filter: '',
    colour: 'line',
  } as Parameters<typeof rasterQuery>[0];
  const size = { columns: 1000, rows: 400 };

  it('is every pixel at rest, and fewer while the hand moves if all of them take long', () => {
    const asked = (slowMs: number | null): number[] => {
      const { columns, rows } = rasterQuery(context, size, { bytes: null, order: 'age' }, slowMs);
      return [columns, rows];
    };
    expect(asked(null)).toEqual([1000, 400]);
    expect(asked(20)).toEqual([1000, 400]);
    expect(asked(120)).toEqual([334, 134]);
    expect(rasterQuery(context, size, { bytes: null, order: 'age' }, null).range).toEqual({
      axis: 'event',
      from: 0,
      to: 10,
    });
  });

  it('is coloured by size where there are no lines', () => {
    expect(colouringOf(context)).toBe('size');
    expect(colouringOf({ ...context, colour: 'stream' })).toBe('stream');
  });
});

describe('zooms', () => {
  it('of the bytes keep what is under the hand, and end at all of them', () => {
    expect(zoomBytes([0, 1000], 500, 0.5, 1000)).toEqual([250, 750]);
    expect(zoomBytes([250, 750], 500, 3, 1000)).toBeNull();
    expect(zoomBytes([0, 500], 0, 1.5, 1000)).toEqual([0, 750]);
    expect(panBytes([250, 750], 9000, 1000)).toEqual([500, 1000]);
    expect(panBytes([250, 750], -9000, 1000)).toEqual([0, 500]);
    expect(byteTicksIn([MIB, 3 * MIB], 200, 'binary').map(({ label }) => label)).toEqual([
      '1 MiB',
      '1.5 MiB',
      '2 MiB',
      '2.5 MiB',
      '3 MiB',
    ]);
  });

  it('to a life lead to where it is seen: in time, or event by event where it is too short; and to its bytes', () => {
    const place: LifePlace = {
      life: 7,
      madeRow: 40,
      endedRow: 44,
      madeNs: 5e6,
      endedNs: 9e6,
      from: 100,
      to: 200,
    };
    const wide = { ...device, spanNs: 1e9, rows: 1000 };
    const long = zoomToLife(place, wide, { bytes: [0, 400], height: 400 }, 'time');
    expect(long.change.axis).toBe('time');
    expect(long.change.span!.from).toBeLessThan(5e6);
    expect(long.change.span!.to).toBeGreaterThan(9e6);
    expect(long.bytes).toEqual([0, 400]);
    const short = zoomToLife({ ...place, endedNs: 5e6 + 10 }, wide, { bytes: [0, 1e6], height: 400 }, 'time');
    expect(short.change.axis).toBe('event');
    expect(short.change.span!.from).toBeLessThanOrEqual(40);
    expect(short.change.span!.to).toBeGreaterThanOrEqual(45);
    expect(short.bytes[0]).toBeLessThanOrEqual(100);
    expect(short.bytes[1]).toBeGreaterThanOrEqual(200);
    expect((100 / (short.bytes[1] - short.bytes[0])) * 400).toBeGreaterThan(12);
  });
});
