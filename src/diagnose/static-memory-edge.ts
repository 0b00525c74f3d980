/**
 * SGLang's --mem-fraction-static so high that prefill has no room: weights and KV cache take that share of what is free
 * at the start, and CUDA graphs, activations and the cache of PyTorch's allocator share the rest.
 * SGLang's guide (docs/advanced_features/hyperparameter_tuning.md) calls 5 to 8 GB left when it is ready sufficient.
 */
import { percent } from '../base/words.ts';
import { settingOf } from '../analyze/server/kv-cache-log.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import { evidence, type Finding } from './finding.ts';
import { measuredSize, ofRank, rankWithMost, stepOf, stepsText } from './server-budget-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, size } from './words.ts';

const GB = 1e9;
/** The least that SGLang's guide calls sufficient; half of it is the edge, as graphs and chunks may be small. */
const ENOUGH = 5 * GB;
const EDGE = ENOUGH / 2;

function edge(log: ServerLog, hasFailed: boolean): Finding[] {
  const printed = settingOf(log.settings, 'mem_fraction_static');
  const share = printed === null ? NaN : Number(printed);
  if (!(share > 0 && share < 1)) return [];
  const rank = rankWithMost(log.latest, (one) => {
    const left = stepOf(one, 'available');
    return left === null ? null : -left.value;
  });
  const left = rank === null ? null : stepOf(rank, 'available');
  if (rank === null || left === null || left.value + left.error >= (hasFailed ? ENOUGH : EDGE)) return [];
  const short = ENOUGH - left.value;
  // Rounded down to two digits, so that what it gives back is at least what is missing.
  const lower = rank.whole === null ? null : Math.floor(100 * (share - short / rank.whole.value)) / 100;
  const possible = lower !== null && lower > 0;
  return [
    aboutServer({
      id: 'utilization-edge',
      severity: hasFailed ? 'problem' : 'risk',
      title: `--mem-fraction-static ${share} leaves ${measuredSize(left)} of the GPU for prefill and everything else`,
      verdict: `When the server was ready${ofRank(rank)}, ${measuredSize(left)} were available: weights, KV cache and graphs had taken the rest. Activations of prefill and the cache of PyTorch's allocator have to fit into that; SGLang's guide calls 5 to 8 GB enough, and less a risk.${hasFailed ? ' It ran out of memory.' : ''}`,
      confidence: hasFailed ? 'high' : 'medium',
      confidenceWhy: hasFailed
        ? 'The log holds an out-of-memory error under this setting.'
        : 'What is left is printed; whether it is too little shows only under load.',
      evidence: [
        evidence(`${log.source.file}: mem_fraction_static ${share} (${percent(share)}).`),
        evidence(stepsText(rank)),
      ],
      remedy: possible
        ? `${code(`--mem-fraction-static ${lower.toFixed(2)}`)}, or smaller chunks of prefill (--chunked-prefill-size).`
        : 'Smaller chunks of prefill (--chunked-prefill-size), or a smaller --mem-fraction-static.',
      gainBytes: possible && rank.whole !== null ? Math.floor((share - lower) * rank.whole.value) : null,
      gainHow: possible
        ? `(${share} - ${lower.toFixed(2)}) of the ${size(Math.round(rank.whole?.value ?? 0))} free at the start, taken from the KV cache`
        : null,
      wouldChange: 'A long run at full load without an out-of-memory error.',
    }),
  ];
}

export const staticMemoryEdge: ServerRule = ({ servers, ooms }) =>
  servers.flatMap((log) =>
    edge(
      log,
      ooms.some(({ source }) => source.file === log.source.file),
    ),
  );
