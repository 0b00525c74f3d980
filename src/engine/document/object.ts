/** The documented object of docs/cli.md, from the same sessions that answer the page. */
import type { Fault } from '../faults.ts';
import { Faults } from '../faults.ts';
import { damageOf } from '../source-damage.ts';
import { deviceLabel } from '../../base/words.ts';
import { toJsonInteger } from '../../base/u64.ts';
import { hostMemoryStatsOf } from '../../analyze/recording/host-memory-stats.ts';
import { memoryStatsOf } from '../../analyze/recording/memory-stats.ts';
import { kindFigures } from '../../analyze/nsys-kinds.ts';
import type { Analysis, AnalysisDevice, AnalysisSource, AnalysisSummary } from './analysis.ts';
import { budgetSumsOf } from './budget.ts';
import { budgetOf, clocksOf, contradictionsOf, findingsOf, growthOf, ledgerOf } from './diagnosis.ts';
import { type AnalysisLines, linesOf } from './lines.ts';
import { pinsOf } from './pins.ts';
import { readingsOf } from './readings.ts';
import { histogramClasses } from '../../aggregate/histogram-classes.ts';
import type { Diagnosis } from '../diagnosis.ts';
import type { DeviceSession } from '../device-session.ts';
import type { OpenSource } from '../open-source.ts';

function sourceOf({ loaded, id }: OpenSource, faults: readonly Fault[]): AnalysisSource {
  const damage = damageOf(loaded);
  const error = loaded.error ?? faults.find(({ sourceId }) => sourceId === id)?.error ?? null;
  const { data } = loaded;
  return {
    file: loaded.file,
    format: loaded.format,
    producer: data.producer,
    bytes: loaded.bytes,
    rows: data.rows,
    skipped: data.skipped,
    warnings: data.warnings.map(({ message, offset }) =>
      offset === null || message.includes(`byte ${offset}`) ? message : `${message} (byte ${offset})`,
    ),
    not_recorded: data.notRecorded,
    ...(error === null ? {} : { error }),
    ...(damage === null ? {} : { damage: damage.what }),
  };
}

/** `isWhole`: nothing of the recording was left out or contradicts the rest. */
async function deviceOf(source: number, session: DeviceSession, isWhole: boolean): Promise<AnalysisDevice> {
  const { trace, aggregate, rows } = session;
  const histogram = await aggregate.histogram(0, rows);
  const streams = trace.streams
    .map((stream, index) => {
      const classes = histogramClasses(histogram, index);
      return {
        stream,
        allocations: classes.reduce((total, { count }) => total + count, 0),
        bytes: toJsonInteger(classes.reduce((total, { bytes }) => total + bytes, 0n)),
        histogram: classes.map(({ from, to, count, bytes }) => ({
          from: toJsonInteger(from),
          to: toJsonInteger(to),
          count,
          bytes: toJsonInteger(bytes),
        })),
      };
    })
    .filter(({ allocations }) => allocations > 0);
  const base = aggregate.base;
  return {
    source,
    device: trace.device,
    name: trace.name,
    total_bytes: trace.total_bytes,
    span_ns:
      rows === 0 || trace.clock === 'none'
        ? null
        : [toJsonInteger(base), toJsonInteger(base + BigInt(aggregate.times[rows - 1]))],
    from_empty: session.baseline.whole,
    events: session.eventCounts,
    // Exact figures only: of a recording that lost rows, or contradicts itself, none is.
    memory_stats:
      trace.producer === 'torch' && isWhole
        ? memoryStatsOf(trace, session.baseline.whole, session.replay)
        : {},
    ...(trace.producer === 'torch_host'
      ? { host_memory_stats: isWhole ? hostMemoryStatsOf(trace, session.baseline.whole) : {} }
      : {}),
    streams,
    ...(trace.producer === 'nsys'
      ? {
          kinds: Object.fromEntries(
            kindFigures(trace).map(({ kind, current, peak, allocated, freed }) => [
              kind,
              { current, peak, allocated, freed },
            ]),
          ),
        }
      : {}),
  };
}

const summariesOf = (source: number, { loaded }: OpenSource): AnalysisSummary[] =>
  loaded.data.summaries.map(({ step, label, device, ooms, retries, rows }) => ({
    source,
    step,
    label,
    device,
    ooms,
    retries,
    rows,
  }));

/** Asks one session of a source; where the GPU fails it asks another one in its place. */
export type AskSession = <T>(
  source: OpenSource,
  index: number,
  ask: (session: DeviceSession) => Promise<T>,
) => Promise<T>;

export async function analysisOf(
  sources: readonly OpenSource[],
  diagnosis: Diagnosis,
  askSession: AskSession,
): Promise<Analysis> {
  const indexOf = (key: string): number | null => {
    const at = sources.findIndex(({ sessions }) => sessions.some((session) => session.key === key));
    return at < 0 ? null : at;
  };
  const placeOf = (id: number): number | null => {
    const at = sources.findIndex((source) => source.id === id);
    return at < 0 ? null : at;
  };
  const faults = new Faults([...diagnosis.faults]);
  const devices: AnalysisDevice[] = [];
  const lines: AnalysisLines[] = [];
  for (const [index, source] of sources.entries()) {
    for (const [at, session] of source.sessions.entries()) {
      const what = `the figures of ${deviceLabel(session.trace.device)}`;
      const step = { sourceId: source.id, file: source.loaded.file, what };
      const { skipped, contradictions } = source.loaded.data;
      const isWhole = skipped === 0 && contradictions === undefined;
      const device = await faults.tryLong(
        step,
        () => askSession(source, at, (one) => deviceOf(index, one, isWhole)),
        null,
      );
      if (device !== null) devices.push(device);
      const held = faults.try(
        { ...step, what: `the lines that hold memory of ${deviceLabel(session.trace.device)}` },
        () => linesOf(index, session),
        null,
      );
      if (held !== null && held.lines.length > 0) lines.push(held);
    }
  }
  const readings = sources.map(({ loaded }) => loaded.data.readings);
  const told = faults.try(
    { sourceId: null, file: null, what: 'what logs and monitors read' },
    () => readingsOf(readings),
    readingsOf([]),
  );
  return {
    schema: 1,
    sources: sources.map((source) => sourceOf(source, faults.list)),
    devices,
    summaries: sources.flatMap((source, index) => summariesOf(index, source)),
    ...told,
    findings: findingsOf(diagnosis, indexOf),
    growth: growthOf(diagnosis, indexOf),
    ledger: ledgerOf(diagnosis, indexOf),
    lines,
    pins: pinsOf(diagnosis, indexOf),
    budget: budgetOf(diagnosis, placeOf),
    budget_sums: budgetSumsOf(diagnosis, placeOf),
    clocks: clocksOf(diagnosis, placeOf),
    contradictions: contradictionsOf(diagnosis),
    ...(faults.list.length === 0 ? {} : { errors: faults.list.map(({ error }) => error) }),
  };
}
