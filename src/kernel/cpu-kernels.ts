/** The kernels on the CPU: plain loops over columns that stay where they are. Uploading copies nothing. */
import { checkOffsets, checkRange } from './checks.ts';
import type { Kernels, Resident } from './kernels.ts';
import { reducePixelColumns } from './pixel-columns.cpu.ts';
import { computeRunningTotals } from './running-totals.cpu.ts';
import { countStreamHistogram } from './stream-histogram.cpu.ts';

/** Indices are u32 here as on the GPU, and a column has two words an element. */
const MAX_LENGTH = 2 ** 31;

class CpuColumn implements Resident {
  readonly length: number;
  private held: Uint32Array | null;

  constructor(words: Uint32Array) {
    this.held = words;
    this.length = words.length;
  }

  get words(): Uint32Array {
    if (this.held === null) throw new Error('This column has been released.');
    return this.held;
  }

  release(): void {
    this.held = null;
  }
}

function wordsOf(column: Resident): Uint32Array {
  if (column instanceof CpuColumn) return column.words;
  throw new Error('This column does not live on the CPU.');
}

/** `work` as a promise, its error too. */
const settle = <T>(work: () => T): Promise<T> => Promise.resolve().then(work);

export function createCpuKernels(): Kernels {
  return {
    name: 'cpu',
    maxLength: MAX_LENGTH,
    runningTotals: (deltas, initial) =>
      settle(() => new CpuColumn(computeRunningTotals(deltas, initial, deltas))),
    upload: (words) => settle(() => new CpuColumn(words)),
    download: (column) => settle(() => wordsOf(column)),
    pixelColumns: (values, offsets) =>
      settle(() => {
        const words = wordsOf(values);
        checkOffsets(offsets, words.length / 2);
        return reducePixelColumns(words, offsets);
      }),
    histogram: (sizes, keys, from, to, streams) =>
      settle(() => {
        const sizeWords = wordsOf(sizes);
        const keyWords = wordsOf(keys);
        checkRange(from, to, Math.min(sizeWords.length / 2, keyWords.length));
        return countStreamHistogram(sizeWords, keyWords, from, to, streams);
      }),
    close: () => undefined,
  };
}
