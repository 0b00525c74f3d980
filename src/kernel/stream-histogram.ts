/** GPU host of shaders/stream-histogram.wgsl. */
import streamHistogramWgsl from '../../shaders/stream-histogram.wgsl?raw';
import type { GpuContext, GpuQuery } from './gpu-context.ts';
import { CLASSES, SKIP, type StreamHistogram } from './kernels.ts';
import { packStruct, readStruct } from './wgsl.ts';

const STEM = 'stream-histogram';
const THREADS = 256;
/** Streams a workgroup has bins for: 16 of 64 classes of 12 bytes take 12 of the 16 KiB every device has. */
const SLOTS = 16;
const PARAMS = readStruct(streamHistogramWgsl, 'Params');

/** Adding a workgroup's bins to the global ones must stay small beside counting its rows... */
const LEAST_ROWS = 4096;
/** ...and no GPU runs more workgroups of this size at once than about so many. */
const MOST_WORKGROUPS = 2048;

export interface StreamHistogramWork extends GpuQuery {
  /** Zeroes the bins; the work adds to them. */
  clear(encoder: GPUCommandEncoder): void;
  /** The answer, from the words of `outputs`. */
  join(words: readonly Uint32Array[]): StreamHistogram;
}

/** Makes the work that counts rows [from, to) of `sizes` by `keys`. */
export type PrepareStreamHistogram = (
  sizes: GPUBuffer,
  keys: GPUBuffer,
  from: number,
  to: number,
  streams: number,
) => StreamHistogramWork;

export async function createStreamHistogramKernel(context: GpuContext): Promise<PrepareStreamHistogram> {
  const constants = { THREADS, CLASSES, SLOTS, SKIP };
  const pipeline = await context.pipeline(STEM, streamHistogramWgsl, 'count', constants);
  return (sizes, keys, from, to, streams) => {
    const bins = streams * CLASSES;
    const counts = context.createStorage(`${STEM} counts`, bins);
    const bytes = context.createStorage(`${STEM} bytes`, 2 * bins);
    const rowsPerWorkgroup = Math.max(LEAST_ROWS, Math.ceil((to - from) / MOST_WORKGROUPS));
    const workgroups = Math.ceil((to - from) / rowsPerWorkgroup);
    const words = packStruct(PARAMS, {
      begin: from,
      end: to,
      rows_per_workgroup: rowsPerWorkgroup,
      streams,
    });
    const params = context.createFilled(`${STEM} params`, words, GPUBufferUsage.UNIFORM);
    const group = context.bind(pipeline, { 0: params, 1: keys, 2: sizes, 3: counts, 4: bytes });
    return {
      outputs: [
        { buffer: counts, from: 0, words: bins },
        { buffer: bytes, from: 0, words: 2 * bins },
      ],
      join: ([count, sums]) => ({ streams, count, bytes: sums }),
      clear(encoder) {
        encoder.clearBuffer(counts);
        encoder.clearBuffer(bytes);
      },
      encode(encoder) {
        if (workgroups === 0 || streams === 0) return;
        const pass = encoder.beginComputePass({ label: STEM });
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(workgroups, Math.ceil(streams / SLOTS));
        pass.end();
      },
      release() {
        counts.destroy();
        bytes.destroy();
        params.destroy();
      },
    };
  };
}
