import { describe, expect, it } from 'vitest';
import { KernelTrack } from '../../src/aggregate/kernel-track.ts';
import type { KernelTable } from '../../src/trace/capture.ts';
import { NONE } from '../../src/trace/schema.ts';

/** Beyond 2^53: times are exact from the base on only. */
const BASE = 2n ** 60n;

type Kernel = readonly [start: number, end: number, name: number];

function trackOf(kernels: readonly Kernel[], names = ['a', 'b', 'c']): KernelTrack {
  const words = (of: readonly number[]): Uint32Array =>
    new Uint32Array(BigInt64Array.from(of, (ns) => BASE + BigInt(ns)).buffer);
  const table: KernelTable = {
    length: kernels.length,
    start_ns: words(kernels.map(([start]) => start)),
    end_ns: words(kernels.map(([, end]) => end)),
    name_index: Uint32Array.from(kernels, ([, , name]) => name),
    stream_index: new Uint16Array(kernels.length),
    names,
    streams: ['7'],
  };
  return new KernelTrack(table, BASE);
}

const edgesOf = (from: number, to: number, columns: number): Float64Array =>
  Float64Array.from({ length: columns + 1 }, (_, i) => from + ((to - from) * i) / columns);

describe('columns', () => {
  it('count, union of times and longest of each', () => {
    const track = trackOf([
      [0, 26, 0],
      [10, 20, 1],
      [30, 38, 2],
    ]);
    const { busyNs, count, longest } = track.columns(edgesOf(0, 50, 5));
    expect([...count]).toEqual([1, 2, 1, 1, 0]);
    expect([...busyNs]).toEqual([10, 10, 6, 8, 0]);
    expect([...longest]).toEqual([0, 0, 0, 2, NONE]);
  });

  it('a kernel that began long before the view is found behind many short ones', () => {
    const short = Array.from({ length: 500 }, (_, i): Kernel => [10 + i, 11 + i, 1]);
    const track = trackOf([[0, 10_000, 0], ...short]);
    const { count, busyNs, longest } = track.columns(edgesOf(9_000, 9_100, 4));
    expect([...count]).toEqual([1, 1, 1, 1]);
    expect([...busyNs]).toEqual([25, 25, 25, 25]);
    expect([...longest]).toEqual([0, 0, 0, 0]);
  });

  it('an end is not part of a kernel, and neither is the end of the view', () => {
    const track = trackOf([
      [0, 10, 0],
      [10, 20, 1],
      [20, 30, 2],
    ]);
    const { count, busyNs } = track.columns(edgesOf(10, 20, 2));
    expect([...count]).toEqual([1, 1]);
    expect([...busyNs]).toEqual([5, 5]);
  });

  it('without length it counts where it starts: no end, or one before its start', () => {
    const track = trackOf([
      [10, 10, 0],
      [15, 3, 1],
      [20, 20, 2],
    ]);
    const { count, busyNs, longest } = track.columns(edgesOf(10, 20, 2));
    expect([...count]).toEqual([1, 1]);
    expect([...busyNs]).toEqual([0, 0]);
    expect([...longest]).toEqual([0, 1]);
  });

  it('equal lengths: the earlier one', () => {
    const track = trackOf([
      [0, 4, 0],
      [4, 8, 1],
    ]);
    expect([...track.columns(edgesOf(0, 8, 1)).longest]).toEqual([0]);
  });

  it('nothing in view', () => {
    const { busyNs, count, longest } = trackOf([[0, 4, 0]]).columns(edgesOf(100, 200, 3));
    expect([[...count], [...busyNs], [...longest]]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [NONE, NONE, NONE],
    ]);
  });

  it.each([1, 2, 3, 7, 64, 101])('is what asking every nanosecond gives: %i columns', (columns) => {
    let seed = columns;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    const width = 13;
    const span = columns * width;
    const kernels = Array.from({ length: 300 }, (_, i): Kernel => {
      const start = random(3 * span) - span;
      return [start, start + random(i % 9 === 0 ? 2 * span : 20), random(3)];
    }).sort((a, b) => a[0] - b[0]);
    const { busyNs, count, longest } = trackOf(kernels).columns(edgesOf(0, span, columns));
    const runs = ([start, end]: Kernel, from: number, to: number): boolean =>
      start < to && (end > from || (start === end && start >= from));
    for (let i = 0; i < columns; i++) {
      const [from, to] = [i * width, (i + 1) * width];
      const here = kernels.flatMap((kernel, row) => (runs(kernel, from, to) ? [row] : []));
      const busy = Array.from({ length: width }, (_, ns) =>
        kernels.some(([start, end]) => start <= from + ns && from + ns < end),
      ).filter(Boolean).length;
      const length = (row: number): number => kernels[row][1] - kernels[row][0];
      const best = here.reduce((a, b) => (a < 0 || length(b) > length(a) ? b : a), -1);
      expect([count[i], busyNs[i], longest[i]], `column ${i}`).toEqual([
        here.length,
        busy,
        best < 0 ? NONE : best,
      ]);
    }
  });
});

describe('shares', () => {
  it('by name, cut at the ends of the range, the most time first', () => {
    const track = trackOf([
      [0, 10, 1],
      [5, 25, 0],
      [20, 24, 1],
      [90, 99, 2],
    ]);
    expect(track.shares(5, 30)).toEqual([
      { name: 0, count: 1, ns: 20 },
      { name: 1, count: 2, ns: 9 },
    ]);
  });
});
