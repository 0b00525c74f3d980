/** --gpu-memory-utilization so high that what a server takes outside of it has no room, or too high to start at all. */
import { percent } from '../base/words.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import type { RankWaterfall } from '../analyze/server/waterfall.ts';
import { withUtilization } from '../analyze/server/kv-cache-what-if.ts';
import { evidence, type Finding } from './finding.ts';
import { measuredSize, ofRank, rankWithMost, stepsText } from './server-budget-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, size } from './words.ts';

/** vLLM's default; above it is the edge. */
const EDGE = 0.9;
const NO_ROOM = /No available memory for the cache blocks/i;
const TOO_LITTLE_FREE = /on startup is less than desired GPU memory utilization/i;

function refusedStart(log: ServerLog): Finding[] {
  const refusal = log.refused.findLast(({ text }) => TOO_LITTLE_FREE.test(text));
  if (refusal === undefined) return [];
  const { free, total, requested } = refusal.figures;
  if (free === undefined || total === undefined || requested === undefined) return [];
  // Two digits, rounded down: what is asked for then is surely free.
  const possible = Math.floor((free / total) * 100 - 0.5) / 100;
  return [
    aboutServer({
      id: 'utilization-edge',
      device: refusal.device,
      severity: 'problem',
      title: `The server requested ${size(requested)} and ${size(free)} were free: it did not start`,
      verdict: `Of ${size(total)} only ${size(free)} were free when the server started: something else holds ${size(total - free)} (other processes, or one that is still ending).`,
      confidence: 'certain',
      confidenceWhy: 'The server printed what it requested and what was free.',
      evidence: [evidence(refusal.text)],
      remedy:
        possible > 0
          ? `End what else is on the GPU, or ${code(`--gpu-memory-utilization ${possible.toFixed(2)}`)}.`
          : 'End what else is on the GPU.',
      gainBytes: null,
      gainHow: null,
      wouldChange: 'More memory free at the start.',
    }),
  ];
}

function noRoom(log: ServerLog): Finding[] {
  const refusal = log.refused.findLast(({ text }) => NO_ROOM.test(text));
  if (refusal === undefined) return [];
  const kv = log.kv.at(-1)?.facts;
  const now = kv?.utilization ?? null;
  // Only where there is room above: more than is in force, and less than all.
  const more = now !== null && now < EDGE ? EDGE : null;
  const tried = kv === undefined || more === null ? null : withUtilization(kv, more);
  return [
    aboutServer({
      id: 'utilization-edge',
      device: refusal.device,
      severity: 'problem',
      title: 'Nothing is left for the KV cache',
      verdict: `Weights, activation peak and what else the process holds use up ${now === null ? 'what the server may use' : `the ${percent(now)} of the device that the server may use`}: no block of KV cache fits, and the server does not start.`,
      confidence: 'certain',
      confidenceWhy: 'The server says so.',
      evidence: [evidence(refusal.text), ...log.latest.slice(0, 1).map((rank) => evidence(stepsText(rank)))],
      remedy:
        more === null
          ? now === null
            ? 'A higher --gpu-memory-utilization, as the server says (its default is 0.9, and above it little is left for what lies outside of it); else fewer bytes of weights (quantised, or over more GPUs), or a smaller activation peak (--max-num-batched-tokens).'
            : "Fewer bytes of weights (quantised, or over more GPUs), or a smaller activation peak (--max-num-batched-tokens). The server's own word, a higher --gpu-memory-utilization, leaves ever less room for what lies outside of it."
          : `${code(`--gpu-memory-utilization ${more}`)}${tried?.bytesGained == null ? '' : `: ${size(Math.round(tried.bytesGained.least))} more for the KV cache`}.`,
      gainBytes: null,
      gainHow: null,
      wouldChange: 'Room beside the weights.',
    }),
  ];
}

function edge(log: ServerLog, rank: RankWaterfall, hasFailed: boolean): Finding[] {
  const { utilization, total, requested, graphsOnTop } = rank;
  if (utilization === null || utilization <= EDGE) return [];
  const kv = log.kv.at(-1)?.facts;
  const instead = kv === undefined ? null : withUtilization(kv, EDGE);
  const left =
    total === null || requested === null ? null : total.value - requested.value - (graphsOnTop?.value ?? 0);
  const gain = total === null ? null : Math.floor((utilization - EDGE) * (total.value - total.error));
  return [
    aboutServer({
      id: 'utilization-edge',
      severity: hasFailed ? 'problem' : 'risk',
      title: `--gpu-memory-utilization ${utilization} leaves ${left === null ? percent(1 - utilization) : size(Math.round(left))} of the GPU for everything else`,
      verdict: `The server plans with ${percent(utilization)} of the device${ofRank(rank)}. Outside of the plan are ${
        left === null ? `${percent(1 - utilization)} of it` : size(Math.round(left))
      }${graphsOnTop === null ? '' : ` (${measuredSize(graphsOnTop)} of CUDA graphs subtracted)`}, for activations beyond the profiled peak, the cache of the allocator, NCCL and other processes.${hasFailed ? ' It ran out of memory.' : ''}`,
      confidence: 'medium',
      confidenceWhy: hasFailed
        ? 'The log holds an out-of-memory error under this setting; whether a lower one had served the request its own finding tells.'
        : 'The setting is certain; whether it is too high shows only under load.',
      evidence: [
        evidence(
          `${log.source.file}: utilization ${utilization}${total === null ? '' : ` of ${measuredSize(total)}`}.`,
        ),
        ...(instead?.concurrency == null
          ? []
          : [
              evidence(
                `At ${EDGE} the KV cache would serve ${instead.concurrency.least.toFixed(2)} to ${instead.concurrency.most.toFixed(2)} requests of full length at once.`,
              ),
            ]),
      ],
      remedy: code(`--gpu-memory-utilization ${EDGE}`),
      gainBytes: gain,
      gainHow:
        gain === null
          ? null
          : `(${utilization} - ${EDGE}) of the device's ${size(Math.round(total?.value ?? 0))}, taken from the KV cache`,
      wouldChange: 'A long run at full load without an out-of-memory error.',
    }),
  ];
}

export const utilizationEdge: ServerRule = ({ servers, ooms }) =>
  servers.flatMap((log) => {
    const hasFailed = ooms.some(({ source }) => source.file === log.source.file);
    const rank = rankWithMost(log.latest, ({ utilization }) => utilization);
    return [...refusedStart(log), ...noRoom(log), ...(rank === null ? [] : edge(log, rank, hasFailed))];
  });
