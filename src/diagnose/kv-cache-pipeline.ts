/**
 * A start refused for a request too long, with pipeline parallelism: the need that the server prints is of all layers, and
 * it compares it with what the smallest stage has. No rank holds all layers, so the two are not of the same thing.
 * vllm/v1/core/kv_cache_utils.py, check_enough_kv_cache_memory.
 */
import { count, list } from '../base/words.ts';
import { formatInteger } from '../base/units.ts';
import { settingOf } from '../analyze/server/kv-cache-log.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import { evidence, type Finding } from './finding.ts';
import { stepOf } from './server-budget-words.ts';
import { aboutServer } from './server-rule.ts';
import { code, size } from './words.ts';

type Refusal = ServerLog['refused'][number];

interface Stage {
  readonly name: string;
  readonly bytes: number;
}

/** What each stage has for its KV cache: the least of its ranks. */
function stagesOf({ latest }: ServerLog): Stage[] {
  const stages = new Map<string, number>();
  for (const rank of latest) {
    const name = /\bPP\d+/.exec(rank.rank.name)?.[0];
    const kv = stepOf(rank, 'kv_cache');
    if (name === undefined || kv === null) continue;
    stages.set(name, Math.min(stages.get(name) ?? Infinity, kv.value));
  }
  return [...stages].map(([name, bytes]) => ({ name, bytes }));
}

/** null: the server has no stages, or the refusal has no figures. */
export function pipelineFinding(log: ServerLog, refusal: Refusal): Finding | null {
  const depth = Number(settingOf(log.settings, 'pipeline_parallel_size') ?? '1');
  const stages = stagesOf(log);
  const isStaged = depth > 1 || stages.length > 1;
  const { requested, free } = refusal.figures;
  if (!isStaged || requested === undefined || free === undefined) return null;
  const all = Math.max(depth, stages.length);
  const tensor = Number(settingOf(log.settings, 'tensor_parallel_size') ?? '1') || 1;
  const length = Number(/max seq len \((\d+)\)/.exec(refusal.text)?.[1] ?? NaN);
  const estimated = /estimated maximum model length is ([\d,]+)/i.exec(refusal.text)?.[1];
  const least = stages.reduce<Stage | null>(
    (smallest, one) => (smallest === null || one.bytes < smallest.bytes ? one : smallest),
    null,
  );
  const others = stages.filter((one) => one !== least);
  const sum = stages.length === all ? stages.reduce((total, { bytes }) => total + bytes, 0) : null;
  const most = sum === null || Number.isNaN(length) ? null : Math.floor((length * sum) / requested);
  const compared =
    least === null
      ? `the smallest stage (${size(free)})`
      : `the smallest stage (${least.name}, ${size(free)}${others.length === 0 ? '' : `; ${list(others.map(({ name, bytes }) => `${name} has ${size(bytes)}`))}`})`;
  const understates = estimated === undefined ? '' : `, and its ${estimated} tokens understate what fits`;
  return aboutServer({
    id: 'kv-cache-too-small',
    severity: 'problem',
    title: `The server compared the KV cache of all layers with one of ${all} stages, and did not start`,
    verdict: `${size(requested)} is the KV cache of all layers for one request of full length; pipeline_parallel_size=${all} spreads it over ${count(all, 'stage')}. The server compared it with ${compared}, so the comparison is not of the same thing${understates}.${
      most === null || sum === null
        ? ''
        : ` With the ${size(sum)} that all stages have together at most ${formatInteger(Math.min(most, length))} tokens could fit, if layers were split as memory is.`
    }`,
    confidence: 'medium',
    confidenceWhy: 'The figures are printed; how many layers each stage holds is not.',
    evidence: [
      evidence(refusal.text),
      ...stages.map(({ name, bytes }) =>
        evidence(`${log.source.file}: ${name} has ${size(bytes)} for its KV cache.`),
      ),
    ],
    remedy: `Split the layers as the memory is (${code('VLLM_PP_LAYER_PARTITION')}: fewer layers for the stage with least room), or ${code(`--tensor-parallel-size ${all * tensor}`)} instead of pipeline stages, so that every rank has its part of each layer. ${
      estimated === undefined
        ? 'A shorter --max-model-len starts it, too.'
        : `${code(`--max-model-len ${estimated.replaceAll(',', '')}`)} is what the server accepts as it is.`
    }`,
    gainBytes: null,
    gainHow: null,
    wouldChange: 'A version of the server that compares each stage with the layers it holds.',
  });
}
