/** Facts about servers, requests and series as plain data for the border. */
import { type Bounds, boundsOf } from '../base/measured.ts';
import { tokensInBytes, type KvPlan } from '../analyze/server/kv-cache.ts';
import type { GaugeGrowth } from '../analyze/server/facts-growth.ts';
import type { ServerKv, ServerLog } from '../analyze/server/facts-log.ts';
import type { SourceBuckets } from '../analyze/server/facts-requests.ts';
import type { EngineUsage, UsageWindow } from '../analyze/server/kv-usage.ts';
import type { RankWaterfall } from '../analyze/server/waterfall.ts';
import type { PodWaterfall } from '../analyze/server/waterfall-pods.ts';
import type {
  GaugeGrowthView,
  KvView,
  PodWaterfallView,
  RankWaterfallView,
  RequestBucketsView,
  ServerView,
  UsageView,
  UsageWindowView,
} from './server-diagnosis.ts';

function rankView(waterfall: RankWaterfall): RankWaterfallView {
  const { rank, producer, basis, total, utilization, requested, whole, steps, remainder, missing } =
    waterfall;
  return {
    rank,
    producer,
    basis,
    total,
    utilization,
    requested,
    inUseBefore: waterfall.in_use_before,
    whole,
    steps: steps.map(({ id, label, bytes, error_bytes, left_bytes, offset }) => ({
      id,
      label,
      bytes,
      errorBytes: error_bytes,
      leftBytes: left_bytes,
      offset,
    })),
    remainder,
    addsUp: waterfall.adds_up,
    graphsOnTop: waterfall.graphs_on_top,
    missing,
    graphsPlace: waterfall.graphs_place,
    sentence: [waterfall.statement, waterfall.graphs_statement].filter((one) => one !== '').join(' '),
  };
}

const podView = ({
  pod,
  start,
  ranks,
  rank_count,
  steps,
  adds_up,
  statement,
}: PodWaterfall): PodWaterfallView => ({
  pod,
  start,
  ranks,
  rankCount: rank_count,
  steps: steps.map(({ id, label, printed_ranks, printed, all_ranks }) => ({
    id,
    label,
    printedRanks: printed_ranks,
    printed,
    allRanks: all_ranks,
  })),
  addsUp: adds_up,
  sentence: statement,
});

function tokensByModel(plan: KvPlan, { bytes }: ServerKv['facts']): Bounds | null {
  if (bytes === null) return null;
  const range = boundsOf(bytes);
  const [low, high] = [tokensInBytes(plan, range.least), tokensInBytes(plan, range.most)];
  return low === null || high === null ? null : { least: low, most: high };
}

function kvView({ start, engine, facts, checks, whatIfs, plan }: ServerKv): KvView {
  return {
    start,
    engine,
    bytes: facts.bytes,
    leastRank: facts.leastRank,
    ranks: facts.ranks,
    tokens: facts.tokens,
    blocks: facts.blocks,
    blockSize: facts.blockSize,
    maxModelLen: facts.maxModelLen,
    concurrency: facts.concurrency,
    bytesPerToken: facts.bytesPerToken,
    shape: facts.shape,
    kvDtype: facts.kvDtype,
    tensorParallel: facts.tensorParallel,
    pipelineParallel: facts.pipelineParallel,
    maxNumSeqs: facts.maxNumSeqs,
    missing: facts.missing,
    checks,
    whatIfs,
    model:
      plan === null
        ? null
        : plan.ok
          ? {
              error: null,
              bytesPerTokenPerRank: plan.value.plan.bytesPerTokenPerRank,
              tokens: facts.tokens === null ? tokensByModel(plan.value.plan, facts) : null,
              copies: plan.value.plan.copies,
              notes: plan.value.notes,
            }
          : { error: plan.error, bytesPerTokenPerRank: null, tokens: null, copies: null, notes: [] },
  };
}

const windowView = (window: UsageWindow): UsageWindowView => ({
  state: window.state,
  startNs: window.start_ns,
  endNs: window.end_ns,
  samples: window.samples,
  usage: window.usage,
  running: window.running,
  waiting: window.waiting,
  generation: window.generation,
  hitRate: window.hitRate,
  preemptions: window.preemptions,
});

const usageView = ({
  labels,
  verdict,
  last,
  statement,
  prefixCache,
  missing,
  windows,
}: EngineUsage): UsageView => ({
  labels,
  verdict,
  last,
  sentence: statement,
  prefixCache,
  missing,
  windows: windows.map(windowView),
});

export const serverView = (log: ServerLog): ServerView => ({
  sourceId: log.source.id,
  file: log.source.file,
  producer: log.source.producer,
  waterfalls: log.waterfalls.map(rankView),
  pods: log.pods.map(podView),
  gpusPerPod: log.source.given.gpusPerPod,
  modelConfig: log.source.given.modelConfig,
  modelError: log.modelError,
  worldSize: log.worldSize,
  whole: log.whole === null ? null : podView(log.whole),
  kv: log.kv.map(kvView),
  usage: log.usage.map(usageView),
});

export const bucketsView = ({ source, memory, buckets }: SourceBuckets): RequestBucketsView => ({
  sourceId: source.id,
  file: source.file,
  memory,
  join: buckets.join,
  by: buckets.bounds.by,
  buckets: buckets.buckets,
  mixed: buckets.mixed,
  idle: buckets.idle,
  growth: buckets.growth,
  granularity: buckets.granularity,
  uncertain: buckets.uncertain,
  unclassified: buckets.unclassified,
  notes: buckets.notes,
});

export const gaugeGrowthView = (growth: GaugeGrowth): GaugeGrowthView => ({
  sourceId: growth.source.id,
  file: growth.source.file,
  gauge: growth.gauge,
  label: growth.label,
  device: growth.device,
  labels: growth.labels,
  samples: growth.values.length,
  kind: growth.verdict.kind,
  confidence: growth.verdict.confidence,
  boundBytes: growth.verdict.bound,
  slopeBytesPerSample: growth.verdict.slopePerIteration,
  slopeBytesPerSecond: growth.verdict.slopePerSecond,
  why: growth.verdict.why,
});
