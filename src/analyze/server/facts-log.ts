/** What one log (or metrics file) of a server says: budgets as waterfalls, its KV cache, usage, refusals. */
import type { Result } from '../../base/result.ts';
import { formatInteger } from '../../base/units.ts';
import { rankText } from '../../base/rank.ts';
import type { LogEvent, MemoryBudget } from '../../trace/readings.ts';
import { planKvCache, type KvPlan } from './kv-cache.ts';
import { checkKvFacts, checkKvPlan, type KvCheck } from './kv-cache-check.ts';
import {
  engineBudgets,
  type KvFacts,
  kvFactsOf,
  settingOf,
  type Settings,
  settingsOfStart,
} from './kv-cache-log.ts';
import {
  type KvWhatIf,
  withKvDtype,
  withMaxModelLen,
  withMaxNumSeqs,
  withUtilization,
  withWeightBits,
} from './kv-cache-what-if.ts';
import { withModel } from './kv-cache-what-if-model.ts';
import { type KvModel, parseKvConfig } from './kv-config.ts';
import { type EngineUsage, kvUsage } from './kv-usage.ts';
import type { ReadSource } from '../read-source.ts';
import { rankWaterfalls, type RankWaterfall } from './waterfall.ts';
import { podWaterfalls, type PodWaterfall } from './waterfall-pods.ts';

export interface ServerKv {
  readonly start: number;
  readonly engine: string;
  readonly facts: KvFacts;
  readonly checks: readonly KvCheck[];
  readonly whatIfs: readonly KvWhatIf[];
  /** From the model's config.json; null: none was given. An error says why it could not be used. */
  readonly plan: Result<{ readonly plan: KvPlan; readonly notes: readonly string[] }, string> | null;
}

export interface ServerLog {
  readonly source: ReadSource;
  readonly waterfalls: readonly RankWaterfall[];
  /** Those of the server's last start in this log. */
  readonly latest: readonly RankWaterfall[];
  /** How often the server started. */
  readonly starts: number;
  /** Those of its last start. */
  readonly settings: Settings;
  readonly pods: readonly PodWaterfall[];
  readonly worldSize: number | null;
  readonly whole: PodWaterfall | null;
  readonly kv: readonly ServerKv[];
  /** Why the config.json that was given could not be read; null: it was, or none was given. */
  readonly modelError: string | null;
  readonly usage: readonly EngineUsage[];
  /** Refusals that no later start in this log has settled. */
  readonly refused: readonly LogEvent[];
  /** Refusals behind which a later start took its KV cache: what they say is of a start that is over. */
  readonly settled: readonly LogEvent[];
  readonly sleeps: readonly LogEvent[];
  readonly preemptions: readonly LogEvent[];
}

const countOf = (settings: Settings, ...names: readonly string[]): number | null => {
  for (const name of names) {
    const text = settingOf(settings, name);
    if (text !== null && /^[1-9]\d{0,4}$/.test(text)) return Number(text);
  }
  return null;
};

/**
 * Ranks of the whole server; null: the log does not print how it is split. SGLang's data parallelism multiplies the ranks,
 * except with DP attention, where it splits the tensor-parallel ones (sglang/srt/layers/dp_attention.py).
 */
export function worldSizeOf(settings: Settings): number | null {
  const tensor = countOf(settings, 'tensor_parallel_size', 'tp_size');
  if (tensor === null) return null;
  const pipeline = countOf(settings, 'pipeline_parallel_size', 'pp_size') ?? 1;
  if (settingOf(settings, 'enable_dp_attention') === 'True') return tensor * pipeline;
  return tensor * pipeline * (countOf(settings, 'data_parallel_size', 'dp_size') ?? 1);
}

const isInForce = ({ refused }: KvWhatIf): boolean => refused === 'This is in force already.';

/** Settings that people turn, from the figures that the log prints. What is in force is left out. */
function whatIfsOf(facts: KvFacts, settings: Settings): KvWhatIf[] {
  const { utilization, maxModelLen, maxNumSeqs, concurrency } = facts;
  const all: KvWhatIf[] = [];
  if (utilization !== null) for (const share of [0.85, 0.9, 0.95]) all.push(withUtilization(facts, share));
  all.push(withKvDtype(facts, 'fp8'));
  if (maxModelLen !== null && maxModelLen >= 2) all.push(withMaxModelLen(facts, Math.floor(maxModelLen / 2)));
  const fitting = concurrency === null ? 0 : Math.floor(concurrency.value - concurrency.error);
  if (fitting >= 1 && (maxNumSeqs === null || fitting < maxNumSeqs)) all.push(withMaxNumSeqs(facts, fitting));
  const dtype = settingOf(settings, 'dtype')?.replace(/^torch\./, '') ?? null;
  const isHalf = dtype === 'bfloat16' || dtype === 'float16' || dtype === 'half';
  if (isHalf && settingOf(settings, 'quantization') === null)
    for (const bits of [8, 4]) all.push(withWeightBits(facts, 16, bits));
  return all.filter((one) => !isInForce(one));
}

/** Changes that need the layout of the model. */
function modelWhatIfs(facts: KvFacts, model: KvModel, settings: Settings): KvWhatIf[] {
  const setup = setupOf(facts, model, settings);
  const changes = [
    ...(facts.maxModelLen === null ? [] : [{ maxModelLen: Math.floor(facts.maxModelLen / 2) }]),
    ...(setup.kvDtype.startsWith('fp8') ? [] : [{ kvDtype: 'fp8' }]),
  ];
  return changes.map((change) => withModel(facts, setup, change));
}

const setupOf = (facts: KvFacts, model: KvModel, settings: Settings): Parameters<typeof planKvCache>[0] => ({
  model,
  kvDtype: facts.kvDtype ?? settingOf(settings, 'kv_cache_dtype') ?? 'auto',
  blockSize: facts.blockSize ?? 16,
  tensorParallel: facts.tensorParallel,
  pipelineParallel: facts.pipelineParallel,
  maxBatchedTokens: countOf(settings, 'max_num_batched_tokens'),
  hybrid: true,
  draftLayers: 0,
});

function kvOf(source: ReadSource, model: Result<KvModel, string> | null): ServerKv[] {
  const { readings } = source;
  return engineBudgets(readings?.budgets ?? []).map(({ start, engine, budgets }) => {
    const settings = settingsOfStart(source.settings, start);
    const facts = kvFactsOf(budgets, settings);
    const plan =
      model === null ? null : model.ok ? planKvCache(setupOf(facts, model.value, settings)) : model;
    const byModel = model?.ok === true && plan?.ok === true ? modelWhatIfs(facts, model.value, settings) : [];
    return {
      start,
      engine,
      facts,
      checks: [...checkKvFacts(facts), ...(plan?.ok === true ? checkKvPlan(facts, plan.value) : [])],
      whatIfs: [
        ...whatIfsOf(facts, settings).filter(
          // The model's word stands where it can compute, or where neither can.
          ({ setting, refused }) =>
            !byModel.some((one) => one.setting === setting && (one.refused === null || refused !== null)),
        ),
        ...byModel,
      ],
      plan:
        plan === null || !plan.ok || model?.ok !== true
          ? (plan as Result<never, string> | null)
          : { ok: true, value: { plan: plan.value, notes: model.value.notes } },
    };
  });
}

/**
 * true: a start whose every line stands behind the refusal has its KV cache. Ranks of the start that is refused may go on
 * to print.
 */
function isSettled({ offset }: LogEvent, budgets: readonly MemoryBudget[]): boolean {
  const starts = new Set(budgets.map(({ rank }) => rank.start));
  return [...starts].some((start) => {
    const parts = budgets.filter(({ rank }) => rank.start === start).flatMap((one) => one.parts);
    return (
      parts.some(({ id }) => id === 'kv_cache' || id === 'kv_cache_tokens') &&
      parts.every((part) => part.offset > offset)
    );
  });
}

/** null: the source is no server's. */
export function serverLogOf(source: ReadSource): ServerLog | null {
  // ggml's buffers are by device, not by rank, and nothing of them is requested or profiled.
  if (source.format === 'llama-log' || source.format === 'engine-log') return null;
  const { readings, given } = source;
  if (readings === null) return null;
  const { budgets, events, gauges, clock } = readings;
  const usage = kvUsage(gauges, events, clock);
  const of = (kind: LogEvent['kind']): LogEvent[] => events.filter((event) => event.kind === kind);
  const refusals = of('start_refused');
  const refused = refusals.filter((event) => !isSettled(event, budgets));
  const sleeps = of('sleep');
  const preemptions = of('preemption');
  if (budgets.length + usage.length + refusals.length + sleeps.length + preemptions.length === 0) return null;
  const waterfalls = rankWaterfalls(budgets);
  const starts = waterfalls.reduce((most, { rank }) => Math.max(most, rank.start), 1);
  const latest = waterfalls.filter(({ rank }) => rank.start === starts);
  const settings = settingsOfStart(source.settings, starts);
  const model = given.modelConfig === null ? null : parseKvConfig(given.modelConfig);
  const worldSize = worldSizeOf(settings);
  const pods = podWaterfalls(waterfalls, {
    worldSize,
    ...(given.gpusPerPod === null ? {} : { ranksPerPod: given.gpusPerPod }),
  });
  const isOfOnePod = pods.filter(({ start }) => start === starts).length === 1;
  const whole =
    latest.length === 0 || worldSize === null || (isOfOnePod && worldSize <= (pods.at(-1)?.rankCount ?? 0))
      ? null
      : (podWaterfalls(latest, { worldSize, ranksPerPod: worldSize, whole: true })[0] ?? null);
  return {
    source,
    waterfalls,
    latest,
    starts,
    settings,
    pods,
    worldSize,
    whole,
    kv: kvOf(source, model),
    modelError: model === null || model.ok ? null : model.error,
    usage,
    refused,
    settled: refusals.filter((event) => !refused.includes(event)),
    sleeps,
    preemptions,
  };
}

/** "start 2, TP0": where a rank has a name. */
export const rankName = ({ rank }: RankWaterfall): string => rankText(rank) || 'the only rank';

/** "1,028,832 tokens". */
export const tokensText = (tokens: number): string => `${formatInteger(Math.round(tokens))} tokens`;
