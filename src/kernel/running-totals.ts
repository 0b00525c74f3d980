/** GPU host of shaders/running-totals.wgsl: totals of a column of i64, in its place. */
import runningTotalsWgsl from '../../shaders/running-totals.wgsl?raw';
import type { GpuContext, GpuWork } from './gpu-context.ts';
import { packStruct, readConstant, readStruct } from './wgsl.ts';

const STEM = 'running-totals';
const THREADS = 256;
/** Elements of a tile: each thread takes ROWS pairs. */
const TILE = THREADS * readConstant(runningTotalsWgsl, 'ROWS') * 2;
const PARAMS = readStruct(runningTotalsWgsl, 'Params');

/** Makes the work that turns `length` deltas in `column` into their running totals. */
export type PrepareRunningTotals = (column: GPUBuffer, length: number, initial: bigint) => GpuWork;

export async function createRunningTotalsKernel(context: GpuContext): Promise<PrepareRunningTotals> {
  const [reduce, scanSpine, scan] = await Promise.all(
    ['reduce', 'scan_spine', 'scan'].map((entryPoint) =>
      context.pipeline(STEM, runningTotalsWgsl, entryPoint, { THREADS }),
    ),
  );
  return (column, length, initial) => {
    const tiles = Math.ceil(length / TILE);
    const pairs = Math.ceil(length / 2);
    const spine = context.createStorage(`${STEM} spine`, 2 * tiles);
    const params = context.createFilled(
      `${STEM} params`,
      packStruct(PARAMS, { initial, pairs, tiles }),
      GPUBufferUsage.UNIFORM,
    );
    const every = { 0: params, 1: column, 2: spine };
    const reduceGroup = context.bind(reduce, every);
    const spineGroup = context.bind(scanSpine, { 0: params, 2: spine });
    const scanGroup = context.bind(scan, every);
    return {
      encode(encoder) {
        if (tiles === 0) return;
        const pass = encoder.beginComputePass({ label: STEM });
        pass.setPipeline(reduce);
        pass.setBindGroup(0, reduceGroup);
        pass.dispatchWorkgroups(...context.spread(tiles));
        pass.setPipeline(scanSpine);
        pass.setBindGroup(0, spineGroup);
        pass.dispatchWorkgroups(1);
        pass.setPipeline(scan);
        pass.setBindGroup(0, scanGroup);
        pass.dispatchWorkgroups(...context.spread(tiles));
        pass.end();
      },
      release() {
        spine.destroy();
        params.destroy();
      },
    };
  };
}
