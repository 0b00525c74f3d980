/**
 * Each kernel on a GPU against its CPU twin in the same run, at 1, 4 and 16 Mi elements, results compared.
 * GPU times are wall time from submit to done over resident data, the median of many: alone (one submission of
 * one run) and queued (many runs in one submission, time of one). Answers and uploads are timed whole.
 */
import {
  compareHistograms,
  compareOpenLives,
  comparePixelColumns,
  compareTotals,
} from '../kernel/compare.ts';
import { describeDifference, type Difference } from '../kernel/compare.ts';
import { createCpuKernels } from '../../src/kernel/cpu-kernels.ts';
import { measureCrossovers } from '../../src/kernel/crossover.ts';
import { openDevice } from '../../src/kernel/device.ts';
import { GpuContext, type GpuWork } from '../../src/kernel/gpu-context.ts';
import { createGpuKernels } from '../../src/kernel/gpu-kernels.ts';
import { SKIP, type Kernels } from '../../src/kernel/kernels.ts';
import { createOpenLivesKernel } from '../../src/kernel/open-lives.ts';
import { countOpenLives } from '../../src/kernel/open-lives.cpu.ts';
import { createPixelColumnsKernel } from '../../src/kernel/pixel-columns.ts';
import { reducePixelColumns } from '../../src/kernel/pixel-columns.cpu.ts';
import { createRunningTotalsKernel } from '../../src/kernel/running-totals.ts';
import { computeRunningTotals } from '../../src/kernel/running-totals.cpu.ts';
import { createStreamHistogramKernel } from '../../src/kernel/stream-histogram.ts';
import { countStreamHistogram } from '../../src/kernel/stream-histogram.cpu.ts';
import { setI64 } from '../../src/base/u64.ts';
import { createRandom, randomBelow } from '../kernel/shapes.ts';

const CPU_RUNS = 5;
/** A software adapter is only shown to run. */
const GPU_RUNS = { gpu: { alone: 25, queued: 10 }, software: { alone: 1, queued: 1 } };
const PIXELS = 2048;

export interface BenchRow {
  readonly kernel: string;
  readonly elements: number;
  readonly cpuMs: number;
  /** One run, submit to done. */
  readonly aloneMs: number;
  /** One of many runs in one submission. */
  readonly queuedMs: number;
  /** The whole question: parameters up, answer down. */
  readonly answerMs: number;
  /** CPU time over GPU time of one run alone, and of the whole question. */
  readonly ratio: number;
  readonly answerRatio: number;
  /** Bytes the kernel must move, over the queued time. */
  readonly gigabytesPerSecond: number;
  /** Null: equal to the twin. */
  readonly difference: string | null;
}

const median = (times: readonly number[]): number =>
  times.slice().sort((a, b) => a - b)[Math.floor(times.length / 2)];

async function time(runs: number, work: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return median(times);
}

interface Bench {
  readonly context: GpuContext;
  readonly kernels: Kernels;
  readonly runs: { readonly alone: number; readonly queued: number };
}

interface Case {
  readonly kernel: string;
  readonly elements: number;
  /** Bytes moved at least, per element. */
  readonly bytesPerElement: number;
  readonly cpu: () => unknown;
  readonly work: GpuWork;
  readonly answer: () => Promise<unknown>;
  readonly compare: () => Promise<Difference | null>;
}

async function measure({ context, runs }: Bench, test: Case): Promise<BenchRow> {
  const done = async (times: number): Promise<void> => {
    context.submit((encoder) => {
      for (let run = 0; run < times; run++) test.work.encode(encoder);
    });
    await context.device.queue.onSubmittedWorkDone();
  };
  const difference = await test.compare();
  const cpuMs = await time(CPU_RUNS, test.cpu);
  const answerMs = await time(CPU_RUNS, test.answer);
  // Once inside error scopes: what runs without an error here does so again.
  await context.guard(test.kernel, () => context.submit((encoder) => test.work.encode(encoder)));
  await done(1);
  const aloneMs = await time(runs.alone, () => done(1));
  const queuedMs = (await time(runs.alone, () => done(runs.queued))) / runs.queued;
  return {
    kernel: test.kernel,
    elements: test.elements,
    cpuMs,
    aloneMs,
    queuedMs,
    answerMs,
    ratio: cpuMs / aloneMs,
    answerRatio: cpuMs / answerMs,
    gigabytesPerSecond: (test.elements * test.bytesPerElement) / queuedMs / 1e6,
    difference: difference && describeDifference(difference),
  };
}

/** Signed deltas of 512 bytes to 1 GiB, totals past 2^40. */
function makeDeltas(elements: number): Uint32Array {
  const random = createRandom(1);
  const deltas = new Uint32Array(2 * elements);
  for (let i = 0; i < elements; i++) setI64(deltas, i, (randomBelow(random, 2 ** 21) - 2 ** 20) * 512);
  return deltas;
}

/** Sizes spread evenly over the classes 9 to 30; `skew` of the rows are of one stream and one size. */
function makeSizes(
  elements: number,
  streams: number,
  skew: number,
): { sizes: Uint32Array; keys: Uint32Array } {
  const random = createRandom(2);
  const sizes = new Uint32Array(2 * elements);
  const keys = new Uint32Array(elements);
  for (let i = 0; i < elements; i++) {
    const usual = random() / 2 ** 32 < skew;
    sizes[2 * i] = usual ? 4096 : 2 ** (9 + randomBelow(random, 22)) + randomBelow(random, 512);
    keys[i] = usual ? 0 : random() & 1 ? SKIP : randomBelow(random, streams);
  }
  return { sizes, keys };
}

async function benchTotals(bench: Bench, elements: number): Promise<BenchRow> {
  const { context, kernels } = bench;
  const deltas = makeDeltas(elements);
  const prepare = await createRunningTotalsKernel(context);
  const buffer = context.createStorage('bench', deltas.length);
  context.device.queue.writeBuffer(buffer, 0, new Uint32Array(deltas));
  const work = prepare(buffer, elements, 7n);
  const row = await measure(bench, {
    kernel: 'running totals',
    elements,
    bytesPerElement: 24,
    cpu: () => computeRunningTotals(deltas, 7n),
    work,
    answer: async () => (await kernels.runningTotals(deltas, 7n)).release(),
    compare: async () => {
      const totals = await kernels.runningTotals(deltas, 7n);
      const difference = compareTotals(computeRunningTotals(deltas, 7n), await kernels.download(totals));
      totals.release();
      return difference;
    },
  });
  work.release();
  buffer.destroy();
  return row;
}

async function benchPixels(
  bench: Bench,
  elements: number,
  name: string,
  offsets: Uint32Array,
): Promise<BenchRow> {
  const { context, kernels } = bench;
  const values = computeRunningTotals(makeDeltas(elements), 0n);
  const column = await kernels.upload(values);
  const prepare = await createPixelColumnsKernel(context);
  const buffer = context.createStorage('bench', values.length);
  context.device.queue.writeBuffer(buffer, 0, values);
  const work = prepare(buffer, offsets);
  const row = await measure(bench, {
    kernel: `pixel columns, ${name}`,
    elements,
    bytesPerElement: 8,
    cpu: () => reducePixelColumns(values, offsets),
    work,
    answer: () => kernels.pixelColumns(column, offsets),
    compare: async () =>
      comparePixelColumns(reducePixelColumns(values, offsets), await kernels.pixelColumns(column, offsets)),
  });
  work.release();
  buffer.destroy();
  column.release();
  return row;
}

async function benchHistogram(
  bench: Bench,
  elements: number,
  name: string,
  streams: number,
  skew: number,
): Promise<BenchRow> {
  const { context, kernels } = bench;
  const { sizes, keys } = makeSizes(elements, streams, skew);
  const [sizeColumn, keyColumn] = [await kernels.upload(sizes), await kernels.upload(keys)];
  const prepare = await createStreamHistogramKernel(context);
  const buffers = [sizes, keys].map((words) => {
    const buffer = context.createStorage('bench', words.length);
    context.device.queue.writeBuffer(buffer, 0, new Uint32Array(words));
    return buffer;
  });
  const work = prepare(buffers[0], buffers[1], 0, elements, streams);
  const answer = (): ReturnType<Kernels['histogram']> =>
    kernels.histogram(sizeColumn, keyColumn, 0, elements, streams);
  const row = await measure(bench, {
    kernel: `histogram, ${name}`,
    elements,
    bytesPerElement: 12,
    cpu: () => countStreamHistogram(sizes, keys, 0, elements, streams),
    work,
    answer,
    compare: async () =>
      compareHistograms(countStreamHistogram(sizes, keys, 0, elements, streams), await answer()),
  });
  work.release();
  for (const buffer of buffers) buffer.destroy();
  sizeColumn.release();
  keyColumn.release();
  return row;
}

/** Free blocks as an allocator leaves them: most live briefly, one in twenty to the end; 22 classes of size. */
async function benchOpenLives(bench: Bench, elements: number, columns: number): Promise<BenchRow> {
  const { context, kernels } = bench;
  const KEYS = 44;
  const { sizes } = makeSizes(elements, 1, 0);
  const random = createRandom(3);
  const spans = new Uint32Array(2 * elements);
  const keys = new Uint32Array(elements);
  for (let i = 0; i < elements; i++) {
    spans[2 * i] = i;
    spans[2 * i + 1] = randomBelow(random, 20) === 0 ? 2 ** 31 - 1 : i + 1 + randomBelow(random, 5000);
    keys[i] = 22 - Math.clz32(sizes[2 * i]);
  }
  const moments = Int32Array.from(
    { length: columns },
    (_, i) => Math.floor((elements * (i + 1)) / columns) - 1,
  );
  const prepare = await createOpenLivesKernel(context);
  const columnsOf = await Promise.all([spans, sizes, keys].map((words) => kernels.upload(words)));
  const buffers = [spans, sizes, keys].map((words) => {
    const buffer = context.createStorage('bench', words.length);
    context.device.queue.writeBuffer(buffer, 0, new Uint32Array(words));
    return buffer;
  });
  const work = prepare(buffers[0], buffers[1], buffers[2], elements, moments, KEYS);
  const answer = (): ReturnType<Kernels['openLives']> =>
    kernels.openLives(columnsOf[0], columnsOf[1], columnsOf[2], moments, KEYS);
  const row = await measure(bench, {
    kernel: `open lives, ${columns} columns`,
    elements,
    bytesPerElement: 20,
    cpu: () => countOpenLives(spans, sizes, keys, moments, KEYS),
    work,
    answer,
    compare: async () => compareOpenLives(countOpenLives(spans, sizes, keys, moments, KEYS), await answer()),
  });
  work.release();
  for (const buffer of buffers) buffer.destroy();
  for (const column of columnsOf) column.release();
  return row;
}

/** Bytes per second of making a column resident, the best of a few. */
async function benchUpload(kernels: Kernels, elements: number): Promise<number> {
  const words = new Uint32Array(2 * elements).fill(3);
  const milliseconds = await time(CPU_RUNS, async () => {
    const column = await kernels.upload(words);
    // Reading a word waits for all that was uploaded before.
    await kernels.pixelColumns(column, new Uint32Array([elements - 1, elements]));
    column.release();
  });
  return words.byteLength / milliseconds / 1e6;
}

const formatRow = (row: BenchRow): string =>
  [
    row.kernel.padEnd(38),
    `${row.elements / 2 ** 20} Mi`.padStart(8),
    `cpu ${row.cpuMs.toFixed(2)} ms`.padStart(16),
    `  alone ${row.aloneMs.toFixed(3)} ms`.padStart(20),
    `  queued ${row.queuedMs.toFixed(3)} ms`.padStart(20),
    `${row.gigabytesPerSecond.toFixed(0)} GB/s`.padStart(11),
    `x${row.ratio.toFixed(1)}`.padStart(9),
    `  answer ${row.answerMs.toFixed(2)} ms`.padStart(20),
    `x${row.answerRatio.toFixed(1)}`.padStart(9),
    row.difference === null ? '  equal' : `  DIFFERS: ${row.difference}`,
  ].join('');

/** Measures everything; throws where there is no GPU. Every row says whether the results were equal. */
export async function benchKernels(
  gpu: GPU,
  log: (line: string) => void,
  sizes: readonly number[] = [1, 4, 16].map((mebi) => mebi * 2 ** 20),
): Promise<readonly BenchRow[]> {
  const opened = await openDevice(gpu);
  if ('reason' in opened) throw new Error(opened.reason);
  const kernels = createGpuKernels(opened.device);
  const runs = opened.software ? GPU_RUNS.software : GPU_RUNS.gpu;
  const bench: Bench = { context: new GpuContext(opened.device), kernels, runs };
  log(
    `adapter: ${opened.adapter}${opened.software ? ' (software)' : ''}; longest column ${kernels.maxLength}`,
  );
  const { curves, histogram, lives } = await measureCrossovers(createCpuKernels(), kernels);
  log(`crossovers in rows: curves ${curves}, histogram ${histogram}, open lives ${lives}`);
  const rows: BenchRow[] = [];
  const add = async (row: Promise<BenchRow>): Promise<void> => {
    rows.push(await row);
    log(formatRow(rows[rows.length - 1]));
  };
  for (const elements of sizes) {
    const even = Uint32Array.from({ length: PIXELS + 1 }, (_, i) => Math.floor((elements * i) / PIXELS));
    const burst = even.map((offset, i) => (i === 0 ? 0 : Math.floor(elements * 0.9 + offset * 0.1)));
    await add(benchTotals(bench, elements));
    await add(benchPixels(bench, elements, `${PIXELS}`, even));
    await add(benchPixels(bench, elements, `${PIXELS}, 90% in one`, burst));
    await add(benchHistogram(bench, elements, '16 streams', 16, 0));
    await add(benchHistogram(bench, elements, '1 stream', 1, 0));
    await add(benchHistogram(bench, elements, '16 streams, 97% in one bin', 16, 0.97));
    await add(benchHistogram(bench, elements, '200 streams', 200, 0));
    await add(benchOpenLives(bench, elements, 1024));
    log(`upload of ${elements / 2 ** 20} Mi: ${(await benchUpload(kernels, elements)).toFixed(2)} GB/s`);
  }
  kernels.close();
  return rows;
}
