/** Several processes on one GPU: what the others hold is not there for the one in question. */
import { count } from '../base/words.ts';
import { rankText } from '../base/rank.ts';
import type { Card } from '../analyze/server/facts-cards.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import { evidence, type Finding } from './finding.ts';
import { ranksAmong } from './oom-others.ts';
import { measuredSize, rankWithMost } from './server-budget-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, exactSize, size } from './words.ts';

/** gpustat names users and no numbers unless it is asked to. */
const nameOf = ({ pid, name }: Card['processes'][number]): string =>
  pid === ''
    ? `a process of ${name === '' ? 'somebody' : name}`
    : `process ${pid}${name === '' ? '' : ` (${name})`}`;

const hold = (processes: readonly unknown[]): string => (processes.length === 1 ? 'holds' : 'hold');

type Process = Card['processes'][number];

const sumOf = (processes: readonly Process[]): number =>
  processes.reduce((sum, { peak }) => sum + (peak ?? 0), 0);

/** Ranks that touched this GPU before they chose their own: the same number holds more elsewhere, or all are of one small size. */
function contextsOf({ beside, guests, largest }: Card): { processes: Process[]; isSure: boolean } {
  const known = guests.map(({ process }) => process);
  if (known.length > 0) return { processes: known, isSure: true };
  const alike = ranksAmong(
    beside.map((process) => ({ process, bytes: process.peak ?? 0 })),
    largest?.peak ?? 0,
  );
  return { processes: alike.map(({ process }) => process), isSure: false };
}

function contextFinding(card: Card, processes: readonly Process[], isSure: boolean): Finding {
  const { source, guests, name } = card;
  const held = sumOf(processes);
  const where = name === '' ? 'the GPU' : name;
  const each =
    new Set(processes.map(({ peak }) => peak)).size === 1
      ? ` (${processes.length} x ${size(processes[0].peak ?? 0)})`
      : '';
  const homes = guests.map(({ process, home, there }) => `process ${process.pid} ${size(there)} on ${home}`);
  return aboutServer({
    id: 'other-processes',
    device: card.device,
    severity: 'risk',
    title: `${count(processes.length, 'other rank')} of the job ${processes.length === 1 ? 'has' : 'have'} a context on ${where}: ${size(held)}`,
    verdict: isSure
      ? `${count(processes.length, 'process', 'processes')} (${processes.map(({ pid }) => pid).join(', ')}) ${hold(processes)} ${size(held)}${processes.length === 1 ? '' : each} here and more elsewhere (${homes.join(', ')}): ${processes.length === 1 ? 'a rank of the same job that made a context on' : 'ranks of the same job that made a context on'} ${where} before ${processes.length === 1 ? 'it chose its' : 'they chose their'} own GPU.`
      : `${count(processes.length, 'process', 'processes')} (${processes.map(({ pid }) => pid).join(', ')}) of equal size hold ${size(held)}${each} here beside a large one: contexts of the job's other ranks, by their looks. Where each of them has its GPU this list does not show.`,
    confidence: isSure ? 'high' : 'medium',
    confidenceWhy: isSure
      ? 'The driver lists the same processes with more memory on other GPUs.'
      : 'Equal small amounts are what a context takes; the list holds no other GPU to see them on.',
    evidence: processes.map((one) =>
      evidence(`${source.file}: ${nameOf(one)}, at most ${exactSize(one.peak ?? 0)} on ${where}.`),
    ),
    remedy: `Each rank must choose its GPU before its first CUDA call: ${code('torch.cuda.set_device(local_rank)')} (and \`map_location\` in torch.load, \`device_id\` in init_process_group), or CUDA_VISIBLE_DEVICES per rank.`,
    gainBytes: held,
    gainHow: 'the sum of what these contexts hold here, as the driver lists it',
    wouldChange: 'Ranks that choose their GPU first.',
  });
}

function ofCard(card: Card): Finding[] {
  const { largest, source } = card;
  if (largest?.peak == null || card.beside.length === 0) return [];
  const contexts = contextsOf(card);
  const beside = card.beside.filter((one) => !contexts.processes.includes(one));
  const found =
    contexts.processes.length === 0 ? [] : [contextFinding(card, contexts.processes, contexts.isSure)];
  if (beside.length === 0) return found;
  const held = sumOf(beside);
  // What holds much is somebody's work, or a part of the same: it is not ended on the word of a list.
  const isWork = beside.some(({ peak }) => (peak ?? 0) > (largest.peak ?? 0) / 2);
  const pids = beside.flatMap(({ pid }) => (pid === '' ? [] : [pid]));
  const seen = pids.length === 0 ? '' : ` (${code(`ps -fp ${pids.join(',')}`)})`;
  return [
    ...found,
    aboutServer({
      id: 'other-processes',
      device: card.device,
      severity: 'risk',
      title: `${count(beside.length, 'other process', 'other processes')} on ${card.name === '' ? 'the GPU' : card.name} with up to ${size(held)}`,
      verdict: `Beside ${nameOf(largest)} with ${size(largest.peak)}, ${beside.map((one) => `${nameOf(one)} held up to ${size(one.peak ?? 0)}`).join(', ')} at the same time. What they hold is missing where the first one asks for more, and no setting of its allocator gets it back.`,
      confidence: 'high',
      confidenceWhy:
        'The driver lists them with their memory; whether they belong together (workers of one server) it does not say.',
      evidence: [largest, ...beside].map((one) =>
        evidence(`${source.file}: ${nameOf(one)}, at most ${exactSize(one.peak ?? 0)}.`),
      ),
      remedy: isWork
        ? 'Where they belong together, give each its share (torch.cuda.set_per_process_memory_fraction, --gpu-memory-utilization, --mem-fraction-static); else move one of them to another GPU.'
        : `See what they are${seen}: end what is left over, move the others to another GPU, or give each its share (torch.cuda.set_per_process_memory_fraction, --gpu-memory-utilization).`,
      gainBytes: isWork ? null : held,
      gainHow: isWork ? null : 'the sum of what the other processes held at most, as the driver lists it',
      wouldChange: 'Processes that are meant to share this GPU.',
    }),
  ];
}

/** A context of CUDA takes some hundred MiB before the server measures; two GiB are somebody else's. */
const LEAST_BEFORE = 2 * 2 ** 30;

function beforeStart(log: ServerLog): Finding[] {
  const rank = rankWithMost(log.latest, ({ inUseBefore }) => inUseBefore?.value ?? null);
  const before = rank?.inUseBefore ?? null;
  if (rank === null || before === null || before.value - before.error < LEAST_BEFORE) return [];
  return [
    aboutServer({
      id: 'other-processes',
      severity: 'risk',
      title: `${measuredSize(before)} of the GPU were in use before the server took anything`,
      verdict: `${rankText(rank.rank) || 'The server'} found ${measuredSize(before)} in use when it started: other processes, or one before it that had not ended yet. Of that only its own CUDA context, some hundred MiB, is the server's.`,
      confidence: 'medium',
      confidenceWhy: 'The server prints what was free, not who held the rest.',
      evidence: [
        evidence(
          `${log.source.file}: total ${rank.total === null ? '' : measuredSize(rank.total)}, in use at the start ${measuredSize(before)}.`,
        ),
      ],
      remedy: `${code('nvidia-smi --query-compute-apps=pid,process_name,used_gpu_memory --format=csv')} before the start tells who it is.`,
      gainBytes: null,
      gainHow: null,
      wouldChange: 'A list of processes that has none beside the server.',
    }),
  ];
}

/** Where MIG instances are listed, each has its own memory: the list of the whole GPU holds what does not compete. */
const isSplit = (card: Card, cards: readonly Card[]): boolean =>
  cards.some(({ source, name }) => source.id === card.source.id && name.startsWith(`${card.name} MIG`));

export const otherProcesses: ServerRule = ({ cards, servers }) => [
  ...cards.filter((card) => !isSplit(card, cards)).flatMap(ofCard),
  ...servers.flatMap(beforeStart),
];
