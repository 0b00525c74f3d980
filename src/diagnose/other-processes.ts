/** Several processes on one GPU: what the others hold is not there for the one in question. */
import { count } from '../base/words.ts';
import type { Card } from '../analyze/server/facts-cards.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import { evidence, type Finding } from './finding.ts';
import { measuredSize, rankWithMost } from './server-budget-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, exactSize, size } from './words.ts';

const nameOf = ({ pid, name }: Card['processes'][number]): string =>
  `process ${pid}${name === '' ? '' : ` (${name})`}`;

function ofCard(card: Card): Finding[] {
  const { largest, beside, source } = card;
  if (largest?.peak == null || beside.length === 0) return [];
  const held = beside.reduce((sum, { peak }) => sum + (peak ?? 0), 0);
  return [
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
      remedy: `End them or move them to another GPU: ${beside.map(({ pid }) => `kill ${pid}`).join(', ')} if they are left over; else give each its share (torch.cuda.set_per_process_memory_fraction, --gpu-memory-utilization).`,
      gainBytes: held,
      gainHow: 'the sum of what the other processes held at most, as the driver lists it',
      wouldChange: 'Processes that are meant to share this GPU.',
    }),
  ];
}

/** A context of CUDA takes some hundred MiB before the server measures; two GiB are somebody else's. */
const LEAST_BEFORE = 2 * 2 ** 30;

function beforeStart(log: ServerLog): Finding[] {
  const rank = rankWithMost(log.latest, ({ in_use_before }) => in_use_before?.value ?? null);
  const before = rank?.in_use_before ?? null;
  if (rank === null || before === null || before.value - before.error < LEAST_BEFORE) return [];
  return [
    aboutServer({
      id: 'other-processes',
      severity: 'risk',
      title: `${measuredSize(before)} of the GPU were in use before the server took anything`,
      verdict: `${rank.rank === '' ? 'The server' : rank.rank} found ${measuredSize(before)} in use when it started: other processes, or one before it that had not ended yet. Of that only its own CUDA context, some hundred MiB, is the server's.`,
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
