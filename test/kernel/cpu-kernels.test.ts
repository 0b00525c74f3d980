import { describe, expect, it } from 'vitest';
import { asBigInt64 } from '../../src/base/u64.ts';
import { createCpuKernels } from '../../src/kernel/cpu-kernels.ts';
import { makeColumn } from './shapes.ts';

describe('kernels on the CPU', () => {
  const kernels = createCpuKernels();

  it('totals deltas and answers questions about them', async () => {
    const totals = await kernels.runningTotals(
      makeColumn(4, (i) => [5n, -9n, 6n, 1n][i]),
      10n,
    );
    expect(Array.from(asBigInt64(await kernels.download(totals)))).toEqual([15n, 6n, 12n, 13n]);
    const columns = await kernels.pixelColumns(totals, new Uint32Array([0, 3, 4]));
    expect(Array.from(asBigInt64(columns.min))).toEqual([6n, 13n]);
    expect(Array.from(columns.maxIndex)).toEqual([0, 3]);
  });

  it('gives the words of a column as its length', async () => {
    expect((await kernels.upload(new Uint32Array(6))).length).toBe(6);
  });

  it('refuses ranges outside of the columns', async () => {
    const sizes = await kernels.upload(new Uint32Array(6));
    const keys = await kernels.upload(new Uint32Array(3));
    await expect(kernels.pixelColumns(sizes, new Uint32Array([0, 4]))).rejects.toThrow(RangeError);
    await expect(kernels.pixelColumns(sizes, new Uint32Array([2, 1]))).rejects.toThrow(RangeError);
    await expect(kernels.histogram(sizes, keys, 0, 4, 1)).rejects.toThrow(RangeError);
    await expect(kernels.histogram(sizes, keys, 2, 1, 1)).rejects.toThrow(RangeError);
  });

  it('refuses a column that was released', async () => {
    const column = await kernels.upload(new Uint32Array(2));
    column.release();
    await expect(kernels.download(column)).rejects.toThrow('released');
  });
});
