/** What the user told of clocks and servers, and what all open sources together say with it. */
import { type Bounds, boundsOf } from '../base/measured.ts';
import { type KvPlan, tokensInBytes } from '../analyze/server/kv-cache.ts';
import type { GaugeGrowth } from '../analyze/server/facts-growth.ts';
import type { SourceBuckets } from '../analyze/server/facts-requests.ts';
import type { ServerKv, ServerLog } from '../analyze/server/facts-log.ts';
import { ServerFacts } from '../analyze/server-facts.ts';
import type { IterationMarkers } from '../analyze/growth/iterations.ts';
import { timesOfRequests } from '../analyze/server/request-buckets-join.ts';
import type { OpenSource } from './open-source.ts';
import { ClockDesk, type OneClock } from '../analyze/clock/desk.ts';
import type { DeviceSession } from './device-session.ts';
import type { Faults } from './faults.ts';
import type {
  GaugeGrowthView,
  KvView,
  RequestBucketsView,
  ServerGiven,
  ServerView,
  ServersDiagnosis,
} from './server-diagnosis.ts';

const NOTHING_GIVEN: ServerGiven = { gpusPerPod: null, modelConfig: null };

export class ServerDesk {
  readonly clocks = new ClockDesk();
  private readonly given = new Map<number, ServerGiven>();

  setServer(sourceId: number, given: ServerGiven): void {
    this.given.set(sourceId, given);
  }

  /** A source was closed: its number comes back to no other. */
  forget(sourceId: number): void {
    this.given.delete(sourceId);
    this.clocks.set(sourceId, null);
  }

  facts(sources: readonly OpenSource[], clock: OneClock): ServerFacts {
    return new ServerFacts({
      sources: sources.map(({ id, loaded }) => ({
        id,
        file: loaded.file,
        format: loaded.format,
        producer: loaded.data.producer,
        settings: loaded.data.settings,
        readings: loaded.data.readings ?? null,
        summaries: loaded.data.summaries,
        given: this.given.get(id) ?? NOTHING_GIVEN,
      })),
      offsetOf: clock.offsetOf,
      recordingOf: clock.recordingOf,
      contradictions: clock.answer.contradictions,
      observations: clock.answer.observations,
    });
  }
}

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

const serverView = (log: ServerLog): ServerView => ({
  sourceId: log.source.id,
  file: log.source.file,
  producer: log.source.producer,
  waterfalls: log.waterfalls,
  pods: log.pods,
  gpusPerPod: log.source.given.gpusPerPod,
  modelConfig: log.source.given.modelConfig,
  modelError: log.modelError,
  worldSize: log.worldSize,
  whole: log.whole,
  kv: log.kv.map(kvView),
  usage: log.usage,
});

const bucketsView = ({ source, memory, buckets }: SourceBuckets): RequestBucketsView => ({
  sourceId: source.id,
  file: source.file,
  memory,
  ...buckets,
});

const gaugeGrowthView = (growth: GaugeGrowth): GaugeGrowthView => ({
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

/** What throws is a fault, and the rest is told. */
export function serversDiagnosis(facts: ServerFacts, clock: OneClock, faults: Faults): ServersDiagnosis {
  const every = <T>(what: string, work: () => readonly T[]): readonly T[] =>
    faults.try({ sourceId: null, file: null, what }, work, []);
  return {
    ...clock.answer,
    servers: every('what the servers say', () => facts.servers.map(serverView)),
    requests: every('what the requests cost', () => facts.buckets.map(bucketsView)),
    gaugeGrowth: every('how the printed figures grow', () => facts.gaugeGrowth.map(gaugeGrowthView)),
  };
}

/** Fewer lines inside of a recording mark no iterations. */
const LEAST_REQUESTS = 3;

/**
 * Times of a request log as marks of iterations on the clock of a recording; undefined: no log of the same run, or
 * more than one. A line is written when its request has ended, most often, so the marks are ends.
 */
export function markersFor(
  session: DeviceSession,
  sources: readonly OpenSource[],
  clock: OneClock,
): IterationMarkers | undefined {
  const own = clock.offsetOf(session.sourceId);
  if (own === null || session.rows === 0 || session.trace.clock === 'none') return undefined;
  const first = session.aggregate.base;
  const last = first + BigInt(Math.ceil(session.timeOf(session.rows - 1)));
  const logs = sources.flatMap(({ id, loaded }) => {
    const { readings } = loaded.data;
    const offset = clock.offsetOf(id);
    const isLog = readings?.gauges.some(
      ({ id: name }) => name === 'input_tokens' || name === 'output_tokens',
    );
    if (readings === undefined || isLog !== true || readings.clock === 'none' || offset === null) return [];
    const times = timesOfRequests(readings)
      .requests.map(({ time_ns }) => time_ns + offset - own)
      .filter((time) => time >= first && time <= last);
    return times.length < LEAST_REQUESTS ? [] : [{ file: loaded.file, times }];
  });
  if (logs.length !== 1) return undefined;
  const [{ file, times }] = logs;
  return { times_ns: BigInt64Array.from(times), name: `${times.length} lines of ${file}` };
}
