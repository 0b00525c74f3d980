/**
 * GPU host of shaders/pixel-columns.wgsl. Long pixel columns are cut into pieces, one workgroup each; the pieces'
 * extremes are joined here, from one small buffer.
 */
import pixelColumnsWgsl from '../../shaders/pixel-columns.wgsl?raw';
import type { GpuContext, GpuQuery } from './gpu-context.ts';
import type { PixelColumns } from './kernels.ts';
import { createPixelColumns } from './pixel-columns.cpu.ts';
import { readStruct } from './wgsl.ts';

const STEM = 'pixel-columns';
const THREADS = 256;
/** Elements a workgroup takes at most: enough to be worth its reduction, few enough to spread one column. */
const PIECE = 16_384;
const EXTREMES = readStruct(pixelColumnsWgsl, 'Extremes');

/** Pieces of all pixel columns in order: begin and end of each, and the column it belongs to. */
export interface Pieces {
  readonly ranges: Uint32Array<ArrayBuffer>;
  readonly columnOf: Uint32Array;
}

/** Cuts pixel columns into pieces of at most `piece` elements; an empty column has none. */
export function cutPieces(offsets: Uint32Array, piece: number): Pieces {
  let count = 0;
  for (let c = 0; c + 1 < offsets.length; c++) count += Math.ceil((offsets[c + 1] - offsets[c]) / piece);
  const ranges = new Uint32Array(2 * count);
  const columnOf = new Uint32Array(count);
  let at = 0;
  for (let c = 0; c + 1 < offsets.length; c++) {
    for (let from = offsets[c]; from < offsets[c + 1]; from += piece) {
      ranges[2 * at] = from;
      ranges[2 * at + 1] = Math.min(from + piece, offsets[c + 1]);
      columnOf[at++] = c;
    }
  }
  return { ranges, columnOf };
}

/** Joins the extremes of pieces, as the shader wrote them, into pixel columns. */
export function joinPieces(extremes: Uint32Array, columnOf: Uint32Array, columns: number): PixelColumns {
  const result = createPixelColumns(columns);
  const { first, last, min, max, max_index: maxIndex } = EXTREMES.at;
  for (let piece = 0; piece < columnOf.length; piece++) {
    const column = columnOf[piece];
    const base = piece * EXTREMES.words;
    const opens = piece === 0 || columnOf[piece - 1] !== column;
    if (opens) copyValue(extremes, base + first, result.first, column);
    if (opens || isLess(extremes, base + min, result.min, 2 * column)) {
      copyValue(extremes, base + min, result.min, column);
    }
    // Pieces come in order, so an equal max later on is not the first one.
    if (opens || isLess(result.max, 2 * column, extremes, base + max)) {
      copyValue(extremes, base + max, result.max, column);
      result.maxIndex[column] = extremes[base + maxIndex];
    }
    copyValue(extremes, base + last, result.last, column);
  }
  return result;
}

function copyValue(source: Uint32Array, word: number, target: Uint32Array, element: number): void {
  target[2 * element] = source[word];
  target[2 * element + 1] = source[word + 1];
}

/** i64 at word `a` of `left` < i64 at word `b` of `right`. */
function isLess(left: Uint32Array, a: number, right: Uint32Array, b: number): boolean {
  const leftHigh = left[a + 1] | 0;
  const rightHigh = right[b + 1] | 0;
  return leftHigh < rightHigh || (leftHigh === rightHigh && left[a] < right[b]);
}

export interface PixelColumnsWork extends GpuQuery {
  /** The answer, from the words of `outputs`. */
  join(words: readonly Uint32Array[]): PixelColumns;
}

/** Makes the work that reduces the pixel columns `offsets` of `values`. */
export type PreparePixelColumns = (values: GPUBuffer, offsets: Uint32Array) => PixelColumnsWork;

export async function createPixelColumnsKernel(context: GpuContext): Promise<PreparePixelColumns> {
  const reduce = await context.pipeline(STEM, pixelColumnsWgsl, 'reduce', { THREADS });
  return (values, offsets) => {
    const { ranges, columnOf } = cutPieces(offsets, PIECE);
    const count = columnOf.length;
    // A binding is never empty. The shader takes its length for the number of ranges, so it is not padded either.
    const results = context.createStorage(`${STEM} results`, EXTREMES.words * Math.max(1, count));
    const filled = count > 0 ? ranges : new Uint32Array(2);
    const rangesBuffer = context.createFilled(`${STEM} ranges`, filled, GPUBufferUsage.STORAGE);
    const group = context.bind(reduce, { 0: rangesBuffer, 1: values, 2: results });
    return {
      outputs: [{ buffer: results, from: 0, words: EXTREMES.words * count }],
      join: ([words]) => joinPieces(words, columnOf, Math.max(0, offsets.length - 1)),
      encode(encoder) {
        if (count === 0) return;
        const pass = encoder.beginComputePass({ label: STEM });
        pass.setPipeline(reduce);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...context.spread(count));
        pass.end();
      },
      release() {
        results.destroy();
        rangesBuffer.destroy();
      },
    };
  };
}
