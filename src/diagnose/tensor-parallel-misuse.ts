/** Tensor parallelism that does not share: every rank has all weights, ranks differ, or KV heads are kept twice. */
import { percent } from '../base/words.ts';
import { type Measured, canEqual, sumOf } from '../base/measured.ts';
import { rankText } from '../base/rank.ts';
import { settingOf } from '../analyze/server/kv-cache-log.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import { evidence, type Finding } from './finding.ts';
import { measuredSize, stepOf } from './server-budget-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, size } from './words.ts';

/** Ranks are told uneven from this share of the largest on: vocabularies do not divide evenly. */
const UNEVEN_SHARE = 0.05;
const GIB = 2 ** 30;

/** "66.97 GiB" as the log prints the checkpoint. */
function checkpointOf(log: ServerLog): number | null {
  const match = /^([\d.]+) GiB$/.exec(settingOf(log.settings, 'Checkpoint size') ?? '');
  return match === null ? null : Number(match[1]) * GIB;
}

/** Bits widen by so much at most when weights are loaded (4 to 16). */
const MOST_WIDER = 4;

const common = { id: 'tensor-parallel-misuse', gainHow: null, gainBytes: null } as const;

function notShared(log: ServerLog, weights: readonly Measured[], tensor: number): Finding[] {
  const checkpoint = checkpointOf(log);
  if (checkpoint === null || checkpoint < GIB) return [];
  const least = weights.reduce((low, one) => (one.value < low.value ? one : low));
  const share = least.value / checkpoint;
  // More than the checkpoint: it is that of another model (a draft).
  if (share < 0.9 || share > 1.1) return [];
  const each = Math.round(checkpoint / tensor);
  return [
    aboutServer({
      ...common,
      severity: 'problem',
      title: `Every one of ${tensor} ranks holds all weights`,
      verdict: `The checkpoint has ${size(checkpoint)} and each rank loaded at least ${measuredSize(least)}: with --tensor-parallel-size ${tensor} it should be about ${size(each)}. The weights are not split over the ranks.`,
      confidence: tensor > MOST_WIDER ? 'high' : 'medium',
      confidenceWhy: `Both figures are the server's own; layers that cannot be split are a small part of a model.${tensor > MOST_WIDER ? '' : ` Weights that take ${tensor} times the bytes once they are loaded (a checkpoint in 8 or 4 bits, computed in 16) look the same.`}`,
      evidence: [
        evidence(
          `${log.source.file}: checkpoint ${size(checkpoint)}, weights ${measuredSize(least)} a rank.`,
        ),
      ],
      remedy:
        'See whether the checkpoint is quantised and widened when it is loaded. Else look at how the model is split: whether this architecture supports tensor parallelism in this version, and whether the ranks form one group.',
      gainBytes: Math.max(0, Math.floor(least.value - least.error - checkpoint / tensor)),
      gainHow: `weights of a rank less 1/${tensor} of the checkpoint, on each rank`,
      wouldChange: 'A model whose layers cannot be split.',
    }),
  ];
}

/** Weights of the steps that every rank prints: a line that is lost (a draft model's) is no memory that is less. */
function comparable(log: ServerLog): readonly Measured[] {
  const steps = log.latest.map((rank) => rank.steps.filter(({ id }) => id === 'weights'));
  const printing = steps.filter((own) => own.length > 0);
  const shared = Math.min(...printing.map((own) => own.length));
  // The same model is loaded first on every rank; drafts follow.
  return printing.map((own) => sumOf(own.slice(0, shared).map(({ bytes }) => bytes)));
}

function uneven(log: ServerLog): Finding[] {
  const weights = comparable(log);
  const most = weights.reduce((high, one) => (one.value > high.value ? one : high));
  const least = weights.reduce((low, one) => (one.value < low.value ? one : low));
  if (canEqual(most, least) || most.value - least.value < UNEVEN_SHARE * most.value) return [];
  const isWhole = log.worldSize === null || log.latest.length >= log.worldSize;
  return [
    aboutServer({
      ...common,
      severity: 'risk',
      title: `Ranks hold unlike weights: ${measuredSize(least)} to ${measuredSize(most)}`,
      verdict: `Tensor-parallel ranks should hold the same; these differ by ${percent((most.value - least.value) / most.value)}. The fullest rank bounds the KV cache of all.`,
      confidence: isWhole ? 'high' : 'medium',
      confidenceWhy: `The figures differ by more than their printed digits, over steps that all of these ranks print.${isWhole ? '' : ' Other ranks are not in this log.'}`,
      evidence: log.latest.flatMap((rank) => {
        const one = stepOf(rank, 'weights');
        return one === null ? [] : [evidence(`${rankText(rank.rank)}: weights ${measuredSize(one)}.`)];
      }),
      remedy:
        'Look for parts that only one rank loads (a draft model, an encoder, embeddings that are not split).',
      wouldChange: 'A split that is uneven on purpose.',
    }),
  ];
}

/** KV heads are fewer than ranks: each is kept on several, and the cache does not shrink with more of them. */
function repeated(log: ServerLog): Finding[] {
  const kv = log.kv.at(-1);
  if (kv?.plan?.ok !== true) return [];
  const { plan } = kv.plan.value;
  const { tensorParallel, bytes } = kv.facts;
  if (plan.copies <= 1 || tensorParallel <= 1) return [];
  const heads = Math.round((plan.headsPerRank * tensorParallel) / plan.copies);
  return [
    aboutServer({
      ...common,
      severity: 'risk',
      title: `Each KV head is kept ${plan.copies} times`,
      verdict: `The model has ${heads} KV ${heads === 1 ? 'head (or one latent vector)' : 'heads'} and ${tensorParallel} tensor-parallel ranks: beyond ${heads} ranks the KV cache of a token takes as much on every rank, ${size(plan.bytesPerTokenPerRank)} here. More ranks share the weights and no KV cache.`,
      confidence: 'certain',
      confidenceWhy: 'It follows from the config.json and the number of ranks.',
      evidence: [
        evidence(
          `${size(plan.bytesPerTokenAllRanks)} a token over all ranks, ${plan.copies} times what one copy takes${bytes === null ? '' : `; KV cache ${measuredSize(bytes)} a rank`}.`,
        ),
      ],
      remedy: `${code(`--tensor-parallel-size ${heads}`)} with data parallelism over the rest (each replica then has a KV cache of its own), if the weights fit; or --decode-context-parallel-size in versions that have it.`,
      wouldChange: 'A model with at least as many KV heads as ranks.',
    }),
  ];
}

export const tensorParallelMisuse: ServerRule = ({ servers }) =>
  servers.flatMap((log) => {
    const facts = log.kv.at(-1)?.facts;
    const tensor = facts?.tensorParallel ?? 1;
    if (tensor <= 1) return [];
    const weights = log.latest.flatMap((rank) => stepOf(rank, 'weights') ?? []);
    // Stages of a pipeline hold unlike layers.
    const isOneStage = (facts?.pipelineParallel ?? 1) === 1;
    return [
      ...(weights.length > 0 && isOneStage ? notShared(log, weights, tensor) : []),
      ...(weights.length > 1 && isOneStage ? uneven(log) : []),
      ...repeated(log),
    ];
  });
