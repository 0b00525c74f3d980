import { describe, expect, it } from 'vitest';
import { KernelTrack } from '../../src/aggregate/kernel-track.ts';
import { kernelsIn } from '../../src/engine/kernel-answers.ts';

/** Kernels of 60 ns every 100 ns on two streams in turn. */
function trackOf(length: number): KernelTrack {
  const start = BigInt64Array.from({ length }, (_, i) => BigInt(100 * i));
  const table = {
    length,
    start_ns: new Uint32Array(start.buffer),
    end_ns: new Uint32Array(start.map((ns) => ns + 60n).buffer),
    name_index: Uint32Array.from({ length }, (_, i) => i % 3),
    stream_index: Uint16Array.from({ length }, (_, i) => i % 2),
    names: ['gemm', 'softmax', 'add', 'never run'],
    streams: ['7', '20'],
  };
  return new KernelTrack(table, 0n);
}

describe('kernelsIn', () => {
  it('few in view: every one, by itself', () => {
    const answer = kernelsIn(trackOf(10_000), { device: '0:0', from: 250, to: 650, columns: 4 });
    expect(answer).toMatchObject({ device: '0:0', from: 250, to: 650, every: true, total: 5, namesTotal: 3 });
    expect(answer.kernels.map(({ name, stream, startNs }) => [answer.names[name], stream, startNs])).toEqual([
      ['add', '7', 200],
      ['gemm', '20', 300],
      ['softmax', '7', 400],
      ['add', '20', 500],
      ['gemm', '7', 600],
    ]);
    expect([...answer.x]).toEqual([250, 350, 450, 550]);
    expect([...answer.busy]).toEqual([0.6, 0.6, 0.6, 0.6]);
    expect([...answer.count]).toEqual([2, 2, 2, 2]);
    expect([...answer.longest]).toEqual([0, 1, 2, 3]);
    expect(answer.busyShare).toBeCloseTo(0.6, 12);
    expect(answer.shares.map(({ name, count, ns }) => [answer.names[name], count, ns])).toEqual([
      ['gemm', 2, 110],
      ['add', 2, 70],
      ['softmax', 1, 60],
    ]);
  });

  it('many in view: the longest of each column alone, so that the answer stays as small as the screen', () => {
    const answer = kernelsIn(trackOf(10_000), { device: '0:0', from: 0, to: 1_000_000, columns: 800 });
    expect(answer).toMatchObject({ every: false, total: 10_000 });
    expect(answer.kernels).toHaveLength(800);
    expect([...answer.names].sort()).toEqual(['add', 'gemm', 'softmax']);
    for (const [column, kernel] of answer.longest.entries()) {
      const { startNs, endNs } = answer.kernels[kernel];
      expect(startNs < answer.x[column] + 1250 && endNs > answer.x[column]).toBe(true);
    }
  });

  it('columns without a kernel name none', () => {
    const answer = kernelsIn(trackOf(1), { device: '0:0', from: 0, to: 400, columns: 4 });
    expect([...answer.longest]).toEqual([0, -1, -1, -1]);
    expect([...answer.busy]).toEqual([0.6, 0, 0, 0]);
  });

  it.each([
    [null, 0, 10],
    [trackOf(3), 10, 10],
    [trackOf(3), NaN, 10],
  ])('fails where there is nothing to ask about', (track, from, to) => {
    expect(() => kernelsIn(track, { device: '0:0', from, to, columns: 4 })).toThrow(/no kernels|no time/);
  });
});
