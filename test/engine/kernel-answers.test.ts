import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KernelTrack } from '../../src/aggregate/kernel-track.ts';
import { Engine } from '../../src/engine/engine.ts';
import { kernelsIn } from '../../src/engine/answer/kernels.ts';
import type { DeviceView } from '../../src/engine/protocol.ts';
import { BytesSource } from '../read/open-for-test.ts';

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

describe('an export of Nsight Systems', () => {
  const opened = async (name: string): Promise<{ engine: Engine; device: DeviceView }> => {
    const engine = new Engine();
    await engine.start({ gpu: 'off' });
    const bytes = new Uint8Array(readFileSync(join(import.meta.dirname, '../fixtures/nsys-forms', name)));
    const [view] = await engine.open(1, new BytesSource(name, bytes), () => undefined);
    return { engine, device: view.devices[0] };
  };

  it('what ran is what its table says', async () => {
    const { engine, device } = await opened('torch.sqlite');
    expect(device).toMatchObject({ kernels: { count: 6, outside: 0 }, hasStacks: true });
    const query = { device: device.key, from: 0, to: device.spanNs + 1, columns: 900 };
    const answer = await engine.kernels(query);
    if (!answer.ok) throw new Error(answer.error.message);
    const { kernels, names, total, every } = answer.value;
    expect([total, every]).toEqual([6, true]);
    // SELECT min(start) - 1671615646, max(end) - 1671615646, sum(end - start) FROM CUPTI_ACTIVITY_KIND_KERNEL
    expect(kernels[0].startNs).toBe(2_498_754_722 - 1_671_615_646);
    expect(Math.max(...kernels.map(({ endNs }) => endNs))).toBe(2_526_108_895 - 1_671_615_646);
    expect(kernels.reduce((sum, { startNs, endNs }) => sum + endNs - startNs, 0)).toBe(29_281);
    expect(new Set(names).size).toBe(5);
    expect(names.every((name) => name.includes('at::native') || name.includes('elementwise'))).toBe(true);
  });

  it('without kernels there is nothing to ask', async () => {
    const { engine, device } = await opened('pools.sqlite');
    expect(device.kernels).toBeNull();
    expect(await engine.kernels({ device: device.key, from: 0, to: 9, columns: 1 })).toMatchObject({
      ok: false,
      error: { code: 'internal' },
    });
  });

  it('holders are named by their API call, without a line number that nobody recorded', async () => {
    const { engine, device } = await opened('pools.sqlite');
    const answer = await engine.range({ device: device.key, range: null, limit: 9 });
    if (!answer.ok) throw new Error(answer.error.message);
    expect(answer.value.holders.map(({ label, bytes, allocations }) => [label, bytes, allocations])).toEqual([
      ['cudaMallocManaged  CUDA API', 515_899_392, 2],
      ['cudaMallocAsync  CUDA API', 205_901_824, 48],
    ]);
  });
});
