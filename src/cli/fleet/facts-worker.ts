/** A thread of `vramscope facts`: takes one source at a time. */
import { parentPort } from 'node:worker_threads';
import { reasonOf } from '../open-files.ts';
import { type FactsDone, type FactsJob, writeFacts } from './write-facts.ts';

/** `refused`: the data set cannot be written, which is no fault of the source. */
export type FactsAnswer = { readonly done: FactsDone } | { readonly refused: string };

parentPort?.on('message', (job: FactsJob) => {
  writeFacts(job).then(
    (done) => parentPort!.postMessage({ done } satisfies FactsAnswer),
    (thrown: unknown) => parentPort!.postMessage({ refused: reasonOf(thrown) } satisfies FactsAnswer),
  );
});
