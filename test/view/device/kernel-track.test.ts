import { describe, expect, it } from 'vitest';
import { formatMomentBetween } from '../../../src/view/readings/clock.ts';
import type { KernelsAnswer } from '../../../src/engine/protocol.ts';
import {
  kernelDetail,
  kernelTarget,
  kernelTrackModel,
  kernelWords,
  outsideWords,
  shortKernelName,
  stepKernel,
} from '../../../src/view/device/kernel-track.ts';

const GEMM = 'void cutlass::Kernel<float, (anonymous namespace)::Tile<4> >(Params)';

/** gemm at 100..400 µs, add at 150..160 µs beside it, gemm at 900..1000 µs; columns of 250 µs. */
const single: KernelsAnswer = {
  device: '0:0',
  from: 0,
  to: 1e6,
  x: Float64Array.of(0, 250e3, 500e3, 750e3),
  busy: Float64Array.of(0.6, 0.6, 0, 0.4),
  count: Uint32Array.of(2, 1, 0, 1),
  longest: Int32Array.of(0, 0, -1, 2),
  kernels: [
    { name: 0, stream: '7', startNs: 100e3, endNs: 400e3 },
    { name: 1, stream: '20', startNs: 150e3, endNs: 160e3 },
    { name: 0, stream: '7', startNs: 900e3, endNs: 1000e3 },
  ],
  every: true,
  names: [GEMM, 'add'],
  total: 3,
  busyShare: 0.4,
  shares: [
    { name: 0, count: 2, ns: 400e3 },
    { name: 1, count: 1, ns: 10e3 },
  ],
  namesTotal: 2,
};
const many: KernelsAnswer = {
  ...single,
  every: false,
  total: 5200,
  count: Uint32Array.of(2100, 3100, 0, 1),
  namesTotal: 12,
};

const VIEW = { from: 0, to: 1e6 };

describe('names', () => {
  it.each([
    [GEMM, 'Kernel'],
    ['ampere_sgemm_128x64_tn', 'ampere_sgemm_128x64_tn'],
    ['void at::native::(anonymous namespace)::softmax<float, 4>(float*)', 'softmax'],
    ['void <unnamed>::elementwise_kernel<int>(T1)', 'elementwise_kernel'],
    ['at::native::reduce(std::pair<int, int>)', 'reduce'],
    ['<lambda>', '<lambda>'],
    ['', ''],
  ])('"%s" is "%s" where there is little room', (name, short) => {
    expect(shortKernelName(name)).toBe(short);
  });
});

describe('the picture', () => {
  it('single kernels are bars, beside each other where they overlap, named where there is room', () => {
    const { bars, lanes } = kernelTrackModel(single, { from: 0, to: 1e6 }, 400);
    expect(lanes).toBe(2);
    expect(bars?.map(({ name, lane, left }) => [name, lane, left])).toEqual([
      ['Kernel', 0, 40],
      ['', 1, 60],
      ['Kernel', 0, 360],
    ]);
    expect(bars?.every(({ width }) => width >= 1.5)).toBe(true);
  });

  it('bars are cut at the ends of the view', () => {
    const { bars } = kernelTrackModel(single, { from: 200e3, to: 300e3 }, 100);
    expect(bars?.[0]).toMatchObject({ left: 0, width: 99 });
  });

  it('many are columns, none where nothing ran', () => {
    const { bars, strips } = kernelTrackModel(many, { from: 0, to: 1e6 }, 400);
    expect(bars).toBeNull();
    expect(strips).toEqual([
      { left: 0, width: 100, busy: 0.6 },
      { left: 100, width: 100, busy: 0.6 },
      { left: 300, width: 100, busy: 0.4 },
    ]);
  });
});

describe('in words', () => {
  it('under the pointer: what ran, for how long, on which stream', () => {
    expect(kernelWords(single, 10)).toBe(
      '0 s: 2 kernels, busy 60.0 %: Kernel (300.0 µs, stream 7) and add (10.0 µs, stream 20)',
    );
    expect(kernelWords(single, 300e3)).toMatch(/: Kernel \(300\.0 µs, stream 7\)$/);
    expect(kernelWords(single, 600e3)).toMatch(/: no kernel ran$/);
    expect(kernelWords(many, 300e3)).toMatch(
      /: 3,100 kernels, busy 60.0 %, longest Kernel \(300\.0 µs, stream 7\)$/,
    );
  });

  it('without a pointer: what is in view', () => {
    expect(kernelWords(many, null)).toBe(
      '5,200 kernels in view, busy 40.0 % of the time. Most time: Kernel 400.0 µs (2×) and add 10.0 µs (1×)',
    );
    expect(kernelWords({ ...many, total: 0 }, null)).toBe('No kernel ran in view');
    expect(kernelWords(null, 12)).toBe('');
  });

  it('what lies beyond the timeline is said', () => {
    expect(outsideWords(0)).toBe('');
    expect(outsideWords(1)).toContain('1 kernel ran before');
  });
});

describe('keys', () => {
  it('go from kernel to kernel, and stay at the ends', () => {
    const walk = [1, 1, 1, 1, -1, -1, -1].reduce<(number | null)[]>(
      (places, by) => [...places, stepKernel(single, VIEW, places.at(-1) ?? null, by)],
      [],
    );
    expect(walk).toEqual([100e3, 150e3, 900e3, 900e3, 150e3, 100e3, 100e3]);
    expect(stepKernel(single, VIEW, 500e3, -1)).toBe(150e3);
    expect(stepKernel(single, VIEW, null, -1)).toBe(900e3);
  });

  it('leave out what an answer tells beyond the view', () => {
    // The first began before it, and is met at its edge.
    expect(stepKernel(single, { from: 120e3, to: 500e3 }, null, 1)).toBe(120e3);
    expect(stepKernel(many, { from: 500e3, to: 700e3 }, null, 1)).toBeNull();
    expect(stepKernel(single, { from: 120e3, to: 500e3 }, null, -1)).toBe(150e3);
  });

  it('go from column to column where there are many, past those in which nothing ran', () => {
    expect(stepKernel(many, VIEW, 250e3, 1)).toBe(750e3);
    expect(stepKernel({ ...many, count: new Uint32Array(4) }, VIEW, 0, 1)).toBeNull();
  });
});

describe('the panel', () => {
  it('a click means its column; nothing where nothing ran', () => {
    expect(kernelTarget(single, 300e3)).toEqual({ from: 250e3, to: 500e3 });
    expect(kernelTarget(single, 999e3)).toEqual({ from: 750e3, to: 1e6 });
    expect(kernelTarget(single, 600e3)).toBeNull();
    expect(kernelTarget(single, 2e6)).toBeNull();
  });

  it('tells the longest in full, and all by name', () => {
    const detail = kernelDetail({ ...single, x: Float64Array.of(0), longest: Int32Array.of(0) });
    expect(detail).toMatchObject({ heading: 'Kernel', text: GEMM });
    const facts = detail?.groups.flatMap((group) =>
      group.facts.map(({ name, value }) => `${name}: ${value}`),
    );
    expect(facts).toContain('Stream: 7');
    expect(facts).toContain('Kernels: 3');
    expect(facts).toContain('add: 10.0 µs (1×)');
    expect(kernelDetail({ ...single, longest: Int32Array.of(-1) })).toBeNull();
  });
});

describe('moments of a table', () => {
  const at = (text: string): bigint => BigInt(Date.parse(`${text}Z`)) * 1_000_000n;
  it.each([
    ['2026-08-02T00:01:02', '2026-08-02T09:00:00', '00:05:00'],
    ['2026-08-01T23:01:02', '2026-08-02T09:00:00', '08-02 00:05:00'],
    ['2025-12-31T23:01:02', '2026-08-02T09:00:00', '2026-08-02 00:05:00'],
  ])('%s to %s: %s', (first, last, shown) => {
    expect(formatMomentBetween('local', at('2026-08-02T00:05:00'), at(first), at(last))).toBe(shown);
  });
});
