/** The kernels on the CPU: plain loops over columns that stay where they are. Uploading copies nothing. */
import { checkLives, checkOffsets, checkRange } from './checks.ts';
import { Extremes } from './extremes.cpu.ts';
import type { Kernels, Resident } from './kernels.ts';
import { countOpenLives } from './open-lives.cpu.ts';
import { reducePixelColumns } from './pixel-columns.cpu.ts';
import { computeRunningTotals } from './running-totals.cpu.ts';
import { countStreamHistogram } from './stream-histogram.cpu.ts';

/** Indices are u32 here as on the GPU, and a column has two words an element. */
const MAX_LENGTH = 2 ** 31;

/** A question about fewer elements than this is answered from them. */
const WORTH = 1 << 14;

class CpuColumn implements Resident {
  readonly length: number;
  private held: Uint32Array | null;
  private extremes: Extremes | null = null;

  constructor(words: Uint32Array) {
    this.held = words;
    this.length = words.length;
  }

  get words(): Uint32Array {
    if (this.held === null) throw new Error('This column has been released.');
    return this.held;
  }

  /** Made at the first question about many elements: it costs one pass, as the question would. null: too few. */
  extremesFor(elements: number): Extremes | null {
    if (elements >= WORTH) this.extremes ??= new Extremes(this.words);
    return this.extremes;
  }

  release(): void {
    this.held = null;
    this.extremes = null;
  }
}

function columnOf(column: Resident): CpuColumn {
  if (column instanceof CpuColumn) return column;
  throw new Error('This column does not live on the CPU.');
}

const wordsOf = (column: Resident): Uint32Array => columnOf(column).words;

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
        const elements = offsets.length === 0 ? 0 : offsets[offsets.length - 1] - offsets[0];
        return reducePixelColumns(words, offsets, columnOf(values).extremesFor(elements));
      }),
    histogram: (sizes, keys, from, to, streams) =>
      settle(() => {
        const sizeWords = wordsOf(sizes);
        const keyWords = wordsOf(keys);
        checkRange(from, to, Math.min(sizeWords.length / 2, keyWords.length));
        return countStreamHistogram(sizeWords, keyWords, from, to, streams);
      }),
    openLives: (spans, sizes, keys, moments, keyCount) =>
      settle(() => {
        checkLives(spans, sizes, keys, moments);
        return countOpenLives(wordsOf(spans), wordsOf(sizes), wordsOf(keys), moments, keyCount);
      }),
    close: () => undefined,
  };
}
