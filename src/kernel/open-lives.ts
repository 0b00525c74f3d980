/** GPU host of shaders/open-lives.wgsl. */
import openLivesWgsl from '../../shaders/open-lives.wgsl?raw';
import type { GpuContext, GpuQuery } from './gpu-context.ts';
import type { OpenLives } from './kernels.ts';
import { packStruct, readStruct } from './wgsl.ts';

const STEM = 'open-lives';
const THREADS = 256;
const PARAMS = readStruct(openLivesWgsl, 'Params');
/** More threads than any GPU runs at once; each takes every so many lives. */
const MOST_WORKGROUPS = 8192;

export interface OpenLivesWork extends GpuQuery {
  /** The answer, from the words of `outputs`. */
  join(words: readonly Uint32Array[]): OpenLives;
}

/** Makes the work over `lives` lives (see `Kernels.openLives`). */
export type PrepareOpenLives = (
  spans: GPUBuffer,
  sizes: GPUBuffer,
  keyOf: GPUBuffer,
  lives: number,
  moments: Int32Array,
  keys: number,
) => OpenLivesWork;

export async function createOpenLivesKernel(context: GpuContext): Promise<PrepareOpenLives> {
  const [scatter, refine, scan, descend] = await Promise.all(
    ['scatter', 'refine', 'scan', 'descend'].map((entry) =>
      context.pipeline(STEM, openLivesWgsl, entry, { THREADS }),
    ),
  );
  return (spans, sizes, keyOf, lives, moments, keys) => {
    const columns = moments.length;
    const bins = keys * columns;
    const counts = context.createStorage(`${STEM} counts`, bins);
    const bytes = context.createStorage(`${STEM} bytes`, 2 * bins);
    const highs = context.createStorage(`${STEM} highs`, 2 * columns);
    const lows = context.createStorage(`${STEM} lows`, 2 * columns);
    const largest = context.createStorage(`${STEM} largest`, 2 * columns);
    const words = new Uint32Array(Math.max(1, columns));
    words.set(new Uint32Array(moments.buffer, moments.byteOffset, columns));
    const rows = context.createFilled(`${STEM} moments`, words, GPUBufferUsage.STORAGE);
    const groups = context.spread(Math.min(MOST_WORKGROUPS, Math.max(1, Math.ceil(lives / THREADS))));
    const stride = groups[0] * groups[1] * THREADS;
    const params = context.createFilled(
      `${STEM} params`,
      packStruct(PARAMS, { lives, columns, keys, stride }),
      GPUBufferUsage.UNIFORM,
    );
    const of = { 0: params, 1: spans, 2: sizes, 3: keyOf, 4: rows };
    const steps = [
      [scatter, { ...of, 5: counts, 6: bytes, 7: highs }, groups],
      [refine, { ...of, 7: highs, 8: lows }, groups],
      [scan, { 0: params, 5: counts, 6: bytes }, context.spread(Math.max(1, keys))],
      [
        descend,
        { 0: params, 7: highs, 8: lows, 9: largest },
        context.spread(Math.max(1, Math.ceil(columns / THREADS))),
      ],
    ] as const;
    const bound = steps.map(([pipeline, buffers]) => context.bind(pipeline, buffers));
    return {
      outputs: [
        { buffer: counts, from: 0, words: bins },
        { buffer: bytes, from: 0, words: 2 * bins },
        { buffer: largest, from: 0, words: 2 * columns },
      ],
      join: ([count, sums, most]) => ({ keys, columns, count, bytes: sums, largest: most }),
      encode(encoder) {
        if (columns === 0) return;
        // One pass a step: what a step writes is seen by the next.
        for (const [i, [pipeline, , [x, y]]] of steps.entries()) {
          const pass = encoder.beginComputePass({ label: STEM });
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, bound[i]);
          pass.dispatchWorkgroups(x, y);
          pass.end();
        }
      },
      release() {
        for (const buffer of [counts, bytes, highs, lows, largest, rows, params]) buffer.destroy();
      },
    };
  };
}
