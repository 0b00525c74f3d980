/** The weights leave too little of a GPU: what a server can serve follows from the rest. */
import { percent } from '../base/words.ts';
import { settingOf } from '../analyze/server/kv-cache-log.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import type { RankWaterfall } from '../analyze/server/waterfall.ts';
import { evidence, type Finding } from './finding.ts';
import { measuredSize, ofRank, rankWithMost, stepOf, stepsText } from './server-budget-words.ts';
import { flagsOf } from './server-flags.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { size } from './words.ts';

/** Of what the server may use. Above it, what is left for the KV cache is less than a fifth, at the best. */
const MOST_SHARE = 0.75;
const MOST_KV_SHARE = 0.15;

/**
 * What the weights are a share of: what was requested (vLLM); of what was free the share for weights and KV cache (SGLang's
 * --mem-fraction-static); else all that there is.
 */
function usable(
  { requested, whole, total, basis, inUseBefore }: RankWaterfall,
  log: ServerLog,
): number | null {
  const all = (requested ?? whole)?.value ?? null;
  const printed = basis === 'free' ? settingOf(log.settings, 'mem_fraction_static') : null;
  const share = printed === null ? NaN : Number(printed);
  if (all === null || !(share > 0 && share <= 1)) return all;
  const free = total === null ? all : all - (inUseBefore?.value ?? 0);
  return share * free;
}

/** The server itself says that its weights leave nothing: that finding has its figures and its remedy. */
const SAYS_SO = /Loaded weights leave no GPU memory/;

function findingOf(log: ServerLog, rank: RankWaterfall): Finding[] {
  const weights = stepOf(rank, 'weights');
  const of = usable(rank, log);
  if (weights === null || of === null || of <= 0) return [];
  const share = weights.value / of;
  const kv = stepOf(rank, 'kv_cache');
  const kvShare = kv === null ? null : kv.value / of;
  if (share < MOST_SHARE || (kvShare !== null && kvShare > MOST_KV_SHARE)) return [];
  const refused = log.refused.length > 0;
  const quantization = settingOf(log.settings, 'quantization');
  const tensor = log.kv.at(-1)?.facts.tensorParallel ?? 1;
  const wider = `${flagsOf(log.source).tensorParallel} ${2 * tensor}: each rank then holds about half, at least ${size(weights.value / 2)}`;
  return [
    aboutServer({
      id: 'weights-too-large',
      severity: refused ? 'problem' : 'risk',
      title: `Weights take ${percent(share)} of what the server may use`,
      verdict: `${measuredSize(weights)} of ${size(of)} are weights${ofRank(rank)}; ${
        kv === null ? 'nothing is left for a KV cache' : `${measuredSize(kv)} are left for the KV cache`
      }. The memory is full from the start: no setting of requests changes that.`,
      confidence: kv === null && !refused ? 'medium' : 'certain',
      confidenceWhy:
        kv === null && !refused
          ? 'The log ends before it prints the KV cache.'
          : 'The server printed these figures at its start.',
      evidence: [
        evidence(`${log.source.file}: weights ${measuredSize(weights)}.`),
        evidence(stepsText(rank)),
        ...log.refused.slice(0, 2).map(({ text }) => evidence(text)),
      ],
      remedy:
        quantization === null
          ? `Quantised weights (fp8, AWQ, GPTQ), a smaller model, or ${wider}.`
          : `The weights are quantised already (${quantization}): fewer bits, a smaller model, or ${wider}.`,
      gainBytes: null,
      gainHow: null,
      wouldChange: `Weights below ${percent(MOST_SHARE)} of what the server may use: a larger GPU, or more of them.`,
    }),
  ];
}

export const weightsTooLarge: ServerRule = ({ servers }) =>
  servers.flatMap((log) => {
    if (log.refused.some(({ text }) => SAYS_SO.test(text))) return [];
    const rank = rankWithMost(log.latest, (one) => {
      const weights = stepOf(one, 'weights');
      const of = usable(one, log);
      return weights === null || of === null || of <= 0 ? null : weights.value / of;
    });
    return rank === null ? [] : findingOf(log, rank);
  });
