/**
 * A server that sleeps beside a trainer that prints its own memory, both in one log (verl, TRL, OpenRLHF):
 *
 *   MA 41.54 GB  CA 50.92 GB                                              the trainer's allocator
 *   Sleep mode freed 19.51 GiB memory, 26.31 GiB memory is still in use   the whole GPU, after the server fell asleep
 *
 * "still in use" is total - free of the device (vllm/v1/worker/gpu_worker.py, sleep(): torch.cuda.mem_get_info()), so it holds
 * what the trainer has there at that moment. Refuses to say that both are on one GPU: the lines do not name it.
 */
import type { ReadSource } from '../analyze/read-source.ts';
import { evidence } from './finding.ts';
import { rankWithMost, stepOf } from './server-budget-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, size } from './words.ts';

/** Less is a context and its libraries. */
const LEAST = 2 ** 30;

interface Trainer {
  readonly tag: string;
  readonly allocated: number | null;
  readonly reserved: number;
}

/** The line with the most reserved of the program that prints beside the server. */
function trainerOf(source: ReadSource): Trainer | null {
  const table = source.readings?.tables.find(({ id }) => id === 'memory-lines');
  if (table === undefined) return null;
  const names = table.columns.map(({ name }) => name);
  let most: Trainer | null = null;
  for (const row of table.rows) {
    const [allocated, reserved] = ['allocated', 'reserved'].map((name) => row[names.indexOf(name)]);
    if (typeof reserved !== 'number' || reserved <= (most?.reserved ?? 0)) continue;
    const tag = row[names.indexOf('tag')];
    most = {
      tag: typeof tag === 'string' ? tag : '',
      allocated: typeof allocated === 'number' ? allocated : null,
      reserved,
    };
  }
  return most;
}

export const sleepShared: ServerRule = ({ servers, sources }) =>
  servers.flatMap((log) => {
    const sleep = log.sleeps.findLast(({ figures }) => figures['freed'] !== undefined);
    const { freed, in_use: inUse } = sleep?.figures ?? {};
    if (sleep === undefined || freed === undefined || inUse === undefined) return [];
    if (freed < LEAST || inUse < LEAST) return [];
    const trainer = sources
      .filter(({ id, file }) => id !== log.source.id && file === log.source.file)
      .map(trainerOf)
      .find((one) => one !== null && one.reserved >= LEAST);
    if (trainer === undefined || trainer === null) return [];
    const { tag, allocated, reserved } = trainer;
    const rank = rankWithMost(log.latest, (one) => one.total?.value ?? null);
    const total = rank?.total?.value ?? null;
    const weights = rank === null ? null : (stepOf(rank, 'weights')?.value ?? null);
    const cached = allocated === null ? '' : `, ${size(allocated)} of it allocated`;
    const both = reserved + freed;
    const fits =
      total === null
        ? ''
        : both > total
          ? ` On one GPU these and the ${size(freed)} that the server takes again when it wakes up are ${size(both)}, more than its ${size(total)}.`
          : ` On one GPU these and the ${size(freed)} that the server takes again when it wakes up are ${size(both)} of ${size(total)}.`;
    const then =
      reserved > inUse
        ? 'More than was in use on the whole GPU after the server fell asleep: by then the trainer had given memory back, or it is on another GPU.'
        : 'After the server fell asleep that is a part of what stayed in use, if both are on one GPU.';
    return [
      aboutServer({
        id: 'sleep-shared',
        severity: 'info',
        title: `${size(inUse)} stay in use while the server sleeps; the trainer had reserved ${size(reserved)}`,
        verdict: `Falling asleep freed ${size(freed)}, and ${size(inUse)} stayed in use on the GPU: what others hold there, and the server's own context. The trainer's allocator had reserved ${size(reserved)}${cached}${tag === '' ? '' : `, at "${tag}"`}. ${then}${fits}`,
        confidence: 'medium',
        confidenceWhy:
          'Both print their own figures at different moments; whether they are on one GPU the lines do not say.',
        evidence: [
          evidence(`${log.source.file}: ${sleep.text}`),
          evidence(`${log.source.file}: reserved by the trainer ${size(reserved)}${cached}.`),
          ...(weights === null
            ? []
            : [evidence(`${log.source.file}: weights of the server ${size(weights)}.`)]),
        ],
        remedy: `Give the trainer's cache back before the server wakes up (${code('torch.cuda.empty_cache()')} after its step or offload); nvidia-smi at that moment tells who has what.`,
        gainBytes: null,
        gainHow: null,
        wouldChange: "nvidia-smi's list of processes at the moment of sleep.",
      }),
    ];
  });
