/** The kernels on the GPU: columns stay in its memory, only answers come back. */
import { checkLength, checkLives, checkOffsets, checkRange } from './checks.ts';
import { GpuContext } from './gpu-context.ts';
import type { Kernels, Resident } from './kernels.ts';
import { createOpenLivesKernel } from './open-lives.ts';
import { createPixelColumnsKernel } from './pixel-columns.ts';
import { createRunningTotalsKernel } from './running-totals.ts';
import { StagingRing } from './staging-ring.ts';
import { createStreamHistogramKernel } from './stream-histogram.ts';

/** A column is read back in pieces, so that staging does not double its memory. */
const DOWNLOAD_WORDS = 16 << 20;

class GpuColumn implements Resident {
  readonly length: number;
  private held: GPUBuffer | null;

  constructor(buffer: GPUBuffer, length: number) {
    this.held = buffer;
    this.length = length;
  }

  get buffer(): GPUBuffer {
    if (this.held === null) throw new Error('This column has been released.');
    return this.held;
  }

  release(): void {
    this.held?.destroy();
    this.held = null;
  }
}

function columnOf(resident: Resident): GpuColumn {
  if (resident instanceof GpuColumn) return resident;
  throw new Error('This column does not live on the GPU.');
}

/** Closing them destroys the device. `dispatchLimit` is for tests (GpuContext). */
export function createGpuKernels(device: GPUDevice, dispatchLimit?: number): Kernels {
  const context = new GpuContext(device, dispatchLimit);
  const staging = new StagingRing(context);

  async function upload(words: Uint32Array): Promise<GpuColumn> {
    checkLength(words.length / 2, context.maxLength);
    const buffer = await context.guard('upload', () => context.createStorage('column', words.length));
    const column = new GpuColumn(buffer, words.length);
    try {
      await staging.upload(words, buffer);
    } catch (error) {
      column.release();
      throw error;
    }
    return column;
  }

  async function runningTotals(deltas: Uint32Array, initial: bigint): Promise<Resident> {
    const prepare = await createRunningTotalsKernel(context);
    const column = await upload(deltas);
    try {
      await context.guard('running totals', () => {
        const work = prepare(column.buffer, deltas.length / 2, initial);
        context.submit((encoder) => work.encode(encoder));
        work.release();
      });
    } catch (error) {
      column.release();
      throw error;
    }
    return column;
  }

  async function download(resident: Resident): Promise<Uint32Array> {
    const column = columnOf(resident);
    const words = new Uint32Array(column.length);
    for (let from = 0; from < words.length; from += DOWNLOAD_WORDS) {
      const part = { buffer: column.buffer, from, words: Math.min(DOWNLOAD_WORDS, words.length - from) };
      const [, [piece]] = await context.read('download', () => ({
        outputs: [part],
        encode: () => undefined,
        release: () => undefined,
      }));
      words.set(piece, from);
    }
    return words;
  }

  return {
    name: 'gpu',
    maxLength: context.maxLength,
    runningTotals,
    upload,
    download,

    async pixelColumns(values, offsets) {
      const column = columnOf(values);
      checkOffsets(offsets, column.length / 2);
      const prepare = await createPixelColumnsKernel(context);
      const [work, words] = await context.read('pixel columns', () => prepare(column.buffer, offsets));
      return work.join(words);
    },

    async histogram(sizes, keys, from, to, streams) {
      const [sizeColumn, keyColumn] = [columnOf(sizes), columnOf(keys)];
      checkRange(from, to, Math.min(sizeColumn.length / 2, keyColumn.length));
      const prepare = await createStreamHistogramKernel(context);
      const [work, words] = await context.read('stream histogram', () =>
        prepare(sizeColumn.buffer, keyColumn.buffer, from, to, streams),
      );
      return work.join(words);
    },

    async openLives(spans, sizes, keys, moments, keyCount) {
      checkLives(spans, sizes, keys, moments);
      const [spanColumn, sizeColumn, keyColumn] = [columnOf(spans), columnOf(sizes), columnOf(keys)];
      const prepare = await createOpenLivesKernel(context);
      const [work, words] = await context.read('open lives', () =>
        prepare(spanColumn.buffer, sizeColumn.buffer, keyColumn.buffer, keys.length, moments, keyCount),
      );
      return work.join(words);
    },

    close() {
      staging.release();
      device.destroy();
    },
  };
}
