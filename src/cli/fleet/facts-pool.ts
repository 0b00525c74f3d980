/** Sources read in threads, as many at once as memory and cores allow; one that takes its thread with it fails alone. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { HEAD_NEEDED, memoryNeed, TAIL_NEEDED } from '../../base/memory-need.ts';
import { TraceError } from '../../base/trace-error.ts';
import { reasonOf } from '../open-files.ts';
import type { FactsAnswer } from './facts-worker.ts';
import { type FactsDone, type FactsJob, writeFacts, writeFailed } from './write-facts.ts';

/** Built beside the command; where there is none (sources run as they are), this thread reads. */
const WORKER = fileURLToPath(new URL('./facts-worker.js', import.meta.url));

/** A thread that has read nothing. */
const BASE = 150 * 2 ** 20;
/** Of the machine's memory, or the container's limit: the rest is for files that need more than their size tells. */
const SHARE = 0.6;

function memoryAllowed(): number {
  const limit = process.constrainedMemory();
  return SHARE * (limit > 0 ? Math.min(limit, totalmem()) : totalmem());
}

/** Bytes that reading it will take, as far as its size and first bytes tell. */
function needOf(path: string): number {
  try {
    const { size } = statSync(path);
    const [head, tail] = [Buffer.alloc(HEAD_NEEDED), Buffer.alloc(Math.min(size, TAIL_NEEDED))];
    const descriptor = openSync(path, 'r');
    try {
      readSync(descriptor, head, 0, HEAD_NEEDED, 0);
      readSync(descriptor, tail, 0, tail.length, size - tail.length);
    } finally {
      closeSync(descriptor);
    }
    return BASE + memoryNeed(size, head, tail).bytes;
  } catch {
    return BASE;
  }
}

export interface PoolOptions {
  /** Threads; null: as many as there are cores. */
  readonly threads: number | null;
  readonly onDone: (done: FactsDone) => void;
}

export const hasThreads = (): boolean => existsSync(WORKER);

/** Throws TraceError where the data set cannot be written: then nothing more is begun. */
export async function runPool(jobs: readonly FactsJob[], { threads, onDone }: PoolOptions): Promise<void> {
  const count = Math.min(jobs.length, threads ?? availableParallelism());
  if (count <= 1 && (threads === 1 || jobs.length === 1)) {
    for (const job of jobs) onDone(await writeFacts(job));
    return;
  }
  if (!hasThreads()) {
    for (const job of jobs) onDone(await writeFacts(job));
    return;
  }
  await new Pool(jobs, count, onDone).run();
}

class Pool {
  private next = 0;
  private taken = 0;
  private running = 0;
  private readonly allowed = memoryAllowed();
  private readonly idle: Worker[] = [];
  private readonly busy = new Map<Worker, { readonly job: FactsJob; readonly need: number }>();
  private end: { resolve: () => void; reject: (error: Error) => void } | null = null;
  private stopped: Error | null = null;

  constructor(
    private readonly jobs: readonly FactsJob[],
    private readonly count: number,
    private readonly onDone: (done: FactsDone) => void,
  ) {}

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.end = { resolve, reject };
      this.fill();
    });
  }

  /** Begins what fits beside what is being read; the first one always does. */
  private fill(): void {
    while (this.stopped === null && this.next < this.jobs.length && this.running < this.count) {
      const job = this.jobs[this.next];
      const need = needOf(job.path);
      if (this.running > 0 && this.taken + need > this.allowed) break;
      this.next++;
      this.taken += need;
      this.running++;
      const worker = this.idle.pop() ?? this.start();
      this.busy.set(worker, { job, need });
      worker.postMessage(job);
    }
    if (this.running > 0) return;
    for (const worker of this.idle) void worker.terminate();
    if (this.stopped === null) this.end!.resolve();
    else this.end!.reject(this.stopped);
  }

  private start(): Worker {
    const worker = new Worker(WORKER);
    worker.on('message', (answer: FactsAnswer) => {
      this.release(worker);
      this.idle.push(worker);
      if ('done' in answer) this.onDone(answer.done);
      else this.stopped ??= new TraceError('io', `the data set cannot be written: ${answer.refused}`);
      this.fill();
    });
    worker.on('error', (error: Error & { code?: string }) => {
      // Not released yet: as long as its row is not written there is something under way.
      const lost = this.busy.get(worker)?.job ?? null;
      const why =
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? 'reading it takes more memory than a thread has'
          : `its reader ended: ${error.message}`;
      void (lost === null ? Promise.resolve(null) : writeFailed(lost, why))
        .then(
          (done) => done !== null && this.onDone(done),
          (thrown: unknown) =>
            (this.stopped ??= new TraceError('io', `the data set cannot be written: ${reasonOf(thrown)}`)),
        )
        .then(() => {
          this.release(worker);
          this.fill();
        });
    });
    return worker;
  }

  private release(worker: Worker): void {
    const one = this.busy.get(worker);
    if (one === undefined) return;
    this.busy.delete(worker);
    this.taken -= one.need;
    this.running--;
  }
}
