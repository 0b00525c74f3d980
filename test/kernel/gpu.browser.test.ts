/**
 * The GPU gives the same integers as the CPU twins, in a real browser. One device for all of it: a software
 * adapter compiles for seconds. Without an adapter these tests fail, unless VITE_ALLOW_NO_GPU=1 says that this
 * machine may lack one.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  compareHistograms,
  compareOpenLives,
  comparePixelColumns,
  compareTotals,
  describeDifference,
  type Difference,
} from './compare.ts';
import { createCpuKernels } from '../../src/kernel/cpu-kernels.ts';
import { openDevice, openGpu, type OpenDevice, type OpenGpu } from '../../src/kernel/device.ts';
import { createGpuKernels } from '../../src/kernel/gpu-kernels.ts';
import type { Kernels } from '../../src/kernel/kernels.ts';
import {
  COLUMN_SHAPES,
  HISTOGRAM_SHAPES,
  LENGTHS,
  LIVES_SHAPES,
  createRandom,
  makeHistogramInput,
  makeLivesInput,
  makeOffsets,
} from './shapes.ts';

/** One element, a whole tile, one more than two, and enough that tiles of tiles are summed. */
const SOME_LENGTHS = [1, 2048, 4097, 65_536] as const;

const opened = await openGpu();
const allowed = import.meta.env['VITE_ALLOW_NO_GPU'] === '1';

/** Null, or the difference in words. */
const say = (difference: Difference | null): string | null => difference && describeDifference(difference);

it.skipIf(allowed && 'reason' in opened)('finds an adapter', () => {
  expect(opened).not.toHaveProperty('reason');
});

describe.skipIf('reason' in opened)('kernels on the GPU', () => {
  const gpu = opened as OpenGpu;
  const cpu = createCpuKernels();
  const { kernels } = gpu;

  beforeAll(() => expect(kernels?.name).toBe('gpu'));
  afterAll(() => kernels?.close());

  it('tells a software adapter apart', () => {
    expect(gpu.adapter).toMatch(/\w/);
    expect(gpu.software).toBe(/swiftshader|llvmpipe/i.test(gpu.adapter));
    expect(kernels.maxLength).toBeGreaterThanOrEqual(2 ** 24);
  });

  it.each(LENGTHS.map((length) => [length]))('moves %i elements there and back', async (length) => {
    const words = COLUMN_SHAPES[0].make(length, createRandom(length));
    const column = await kernels.upload(words);
    expect(column.length).toBe(words.length);
    expect(say(compareTotals(words, await kernels.download(column)))).toBeNull();
    column.release();
  });

  it('moves more than its staging buffers hold, twice at once', async () => {
    const random = createRandom(5);
    const columns = [2_500_001, 2_200_000].map((length) => {
      const words = new Uint32Array(2 * length);
      for (let i = 0; i < words.length; i += 509) words[i] = random();
      return words;
    });
    const resident = await Promise.all(columns.map((words) => kernels.upload(words)));
    for (const [i, column] of resident.entries()) {
      expect(say(compareTotals(columns[i], await kernels.download(column)))).toBeNull();
      column.release();
    }
  });

  describe.each(COLUMN_SHAPES)('$name', (shape) => {
    // Where a tile ends does not depend on what is in it: every length with words of every bit, every shape at some.
    it.each(shape === COLUMN_SHAPES[0] ? LENGTHS : SOME_LENGTHS)('running totals of %i', async (length) => {
      const deltas = shape.make(length, createRandom(length));
      for (const initial of [0n, -(2n ** 53n) - 1n]) {
        expect(say(await compareTotalsOf(kernels, cpu, deltas, initial)), `from ${initial}`).toBeNull();
      }
    });

    // Every workgroup with barriers costs SwiftShader half a millisecond.
    it.each([0, 1, 257, 2049, 40_000])('pixel columns of %i', async (length) => {
      const random = createRandom(length + 1);
      const values = shape.make(length, random);
      const [left, right] = [await kernels.upload(values), await cpu.upload(values)];
      for (const [name, offsets] of makeOffsets(length, random)) {
        const [a, b] = [await kernels.pixelColumns(left, offsets), await cpu.pixelColumns(right, offsets)];
        expect(say(comparePixelColumns(a, b)), name).toBeNull();
      }
      left.release();
    });
  });

  it.each(HISTOGRAM_SHAPES)('histogram: $name', async (shape) => {
    const { sizes, keys, from, to } = makeHistogramInput(shape);
    const histograms = await Promise.all(
      [kernels, cpu].map(async (side) =>
        side.histogram(await side.upload(sizes), await side.upload(keys), from, to, shape.streams),
      ),
    );
    expect(say(compareHistograms(histograms[0], histograms[1]))).toBeNull();
  });

  it.each(LIVES_SHAPES)('open lives: $name', async (shape) => {
    const { spans, sizes, keyOf, moments } = makeLivesInput(shape);
    const [a, b] = await Promise.all(
      [kernels, cpu].map(async (side) => {
        const columns = await Promise.all([spans, sizes, keyOf].map((words) => side.upload(words)));
        const answer = await side.openLives(columns[0], columns[1], columns[2], moments, shape.keys);
        for (const column of columns) column.release();
        return answer;
      }),
    );
    expect(say(compareOpenLives(a, b))).toBeNull();
  });

  it('sees a difference planted in what the GPU gave', async () => {
    const deltas = COLUMN_SHAPES[1].make(5000, createRandom(9));
    const totals = await kernels.runningTotals(deltas, 0n);
    const words = await kernels.download(totals);
    const columns = await kernels.pixelColumns(totals, new Uint32Array([0, 2500, 5000]));
    expect(
      say(compareTotals(words, await cpu.download(await cpu.runningTotals(deltas.slice(), 0n)))),
    ).toBeNull();
    const planted = words.slice();
    planted[2 * 4321 + 1] ^= 1;
    expect(compareTotals(words, planted)).toMatchObject({ field: 'totals', index: 4321 });
    const wrong = { ...columns, maxIndex: columns.maxIndex.slice() };
    wrong.maxIndex[1]++;
    expect(comparePixelColumns(columns, wrong)).toMatchObject({ field: 'maxIndex', index: 1 });
  });

  it('refuses ranges outside of the columns, and columns of elsewhere', async () => {
    const sizes = await kernels.upload(new Uint32Array(6));
    const keys = await kernels.upload(new Uint32Array(3));
    await expect(kernels.pixelColumns(sizes, new Uint32Array([0, 4]))).rejects.toThrow(RangeError);
    await expect(kernels.histogram(sizes, keys, 0, 4, 1)).rejects.toThrow(RangeError);
    await expect(kernels.download(await cpu.upload(new Uint32Array(2)))).rejects.toThrow('GPU');
    sizes.release();
    await expect(kernels.download(sizes)).rejects.toThrow('released');
  });

  it('dispatches more workgroups than fit one dimension', async () => {
    const { device } = (await openDevice()) as OpenDevice;
    const narrow = createGpuKernels(device, 3);
    const deltas = COLUMN_SHAPES[0].make(20_001, createRandom(8));
    expect(say(await compareTotalsOf(narrow, cpu, deltas, 5n))).toBeNull();
    const offsets = Uint32Array.from({ length: 12 }, (_, i) => i * 1800);
    const [left, right] = [await narrow.upload(deltas), await cpu.upload(deltas)];
    const [a, b] = [await narrow.pixelColumns(left, offsets), await cpu.pixelColumns(right, offsets)];
    expect(say(comparePixelColumns(a, b))).toBeNull();
    const lives = makeLivesInput(LIVES_SHAPES.find(({ name }) => name === 'blocks')!);
    const [c, d] = await Promise.all(
      [narrow, cpu].map(async (side) =>
        side.openLives(
          await side.upload(lives.spans),
          await side.upload(lives.sizes),
          await side.upload(lives.keyOf),
          lives.moments,
          44,
        ),
      ),
    );
    expect(say(compareOpenLives(c, d))).toBeNull();
    narrow.close();
  });

  it('throws what WebGPU reports aside, and goes on', async () => {
    const sizes = await kernels.upload(new Uint32Array([512, 0]));
    const keys = await kernels.upload(new Uint32Array(1));
    // More streams than a binding has room for the bins of.
    await expect(kernels.histogram(sizes, keys, 0, 1, 2 ** 23)).rejects.toThrow(/stream histogram: .*size/i);
    expect((await kernels.histogram(sizes, keys, 0, 1, 1)).count[9]).toBe(1);
  });

  it('says so once its device is gone', async () => {
    const asked = vi.spyOn(GPUAdapter.prototype, 'requestDevice');
    const { kernels: closed, lost } = (await openGpu()) as OpenGpu;
    const device = (await asked.mock.results[0].value) as GPUDevice;
    asked.mockRestore();
    let isLost = false;
    void lost.then(() => (isLost = true));
    const column = await closed.upload(new Uint32Array(2));
    closed.close();
    await expect(closed.download(column)).rejects.toThrow(/download/);
    await expect(closed.runningTotals(new Uint32Array(2), 0n)).rejects.toThrow(/running-totals|upload/);
    // The device is gone, and closing on purpose is no loss.
    await expect(device.lost).resolves.toMatchObject({ reason: 'destroyed' });
    await expect(kernels.download(await kernels.upload(new Uint32Array(2)))).resolves.toHaveLength(2);
    expect(isLost).toBe(false);
  });
});

async function compareTotalsOf(
  left: Kernels,
  right: Kernels,
  deltas: Uint32Array,
  initial: bigint,
): Promise<Difference | null> {
  const [a, b] = [
    await left.runningTotals(deltas.slice(), initial),
    await right.runningTotals(deltas.slice(), initial),
  ];
  const difference = compareTotals(await left.download(a), await right.download(b));
  a.release();
  b.release();
  return difference;
}
