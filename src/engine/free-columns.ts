/**
 * Free blocks by size class at each column of a picture, and the largest of them: where fragmentation sits. Every free block
 * of the recording stays where the kernels run (on the GPU: uploaded once, asked at each zoom).
 */
import { setI64, u64At } from '../base/u64.ts';
import { classOf, FREE_CLASSES, sizeOf } from '../analyze/lives/free-classes.ts';
import type { FreeLives } from '../analyze/lives/free-lives.ts';
import type { Kernels, OpenLives, Resident } from '../kernel/kernels.ts';

export interface FreeOverTime {
  /** Smallest size of each class, ascending; from the first that occurs to the last. */
  readonly classes: readonly number[];
  /** [class * columns + column], bytes and blocks. */
  readonly bytes: Float64Array<ArrayBuffer>;
  readonly blocks: Uint32Array<ArrayBuffer>;
  /** Of the bytes: in whole segments and pages, private pools among them. */
  readonly whole: Float64Array<ArrayBuffer>;
  /** Bytes of the largest free block, by column; 0: nothing is free. */
  readonly largest: Float64Array<ArrayBuffer>;
}

interface Residents {
  readonly spans: Resident;
  readonly sizes: Resident;
  readonly whole: Resident;
  readonly keys: Resident;
}

function wordsOf(bytes: Float64Array): Uint32Array {
  const words = new Uint32Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) setI64(words, i, bytes[i]);
  return words;
}

/** Words of the classes that occur, as numbers. */
const numbers = (words: Uint32Array, from: number, to: number): Float64Array<ArrayBuffer> =>
  Float64Array.from({ length: to - from }, (_, i) => u64At(words, from + i));

export class FreeColumns {
  private residents: Promise<Residents> | null = null;

  constructor(
    private readonly kernels: Kernels,
    private readonly free: () => FreeLives,
  ) {}

  private async upload(): Promise<Residents> {
    const { length, size, whole, rowFrom, rowTo } = this.free();
    const spans = new Int32Array(2 * length);
    const keys = new Uint32Array(length);
    for (let i = 0; i < length; i++) {
      spans[2 * i] = rowFrom[i];
      spans[2 * i + 1] = rowTo[i];
      keys[i] = classOf(size[i]);
    }
    const up = (words: Uint32Array): Promise<Resident> => this.kernels.upload(words);
    return {
      spans: await up(new Uint32Array(spans.buffer)),
      sizes: await up(wordsOf(size)),
      whole: await up(wordsOf(whole)),
      keys: await up(keys),
    };
  }

  /** `moments`: the row just after which each column is, ascending. */
  async at(moments: Int32Array): Promise<FreeOverTime> {
    this.residents ??= this.upload();
    const { spans, sizes, whole, keys } = await this.residents;
    const ask = (of: Resident): Promise<OpenLives> =>
      this.kernels.openLives(spans, of, keys, moments, FREE_CLASSES);
    const [all, ofWhole] = await Promise.all([ask(sizes), ask(whole)]);
    const columns = moments.length;
    const occurs = (index: number): boolean =>
      all.count.subarray(index * columns, (index + 1) * columns).some((count) => count > 0);
    let [least, end] = [0, FREE_CLASSES];
    while (least < end && !occurs(least)) least++;
    while (end > least && !occurs(end - 1)) end--;
    const [from, to] = [least * columns, end * columns];
    return {
      classes: Array.from({ length: end - least }, (_, i) => sizeOf(least + i)),
      bytes: numbers(all.bytes, from, to),
      blocks: all.count.slice(from, to),
      whole: numbers(ofWhole.bytes, from, to),
      largest: numbers(all.largest, 0, columns),
    };
  }

  /** Releases what is resident. */
  async close(): Promise<void> {
    const held = await this.residents?.catch(() => null);
    this.residents = null;
    for (const resident of Object.values(held ?? {})) (resident as Resident).release();
  }
}
