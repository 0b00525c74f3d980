/**
 * The open sources as clocks: sources of one file that were dated alike share one. Curves of bytes are what clocks
 * are aligned by; times alone (requests, a server's loggers) can only be said to lie inside of a recording.
 */
import { asBigInt64 } from '../../base/u64.ts';
import type { Alignment, ClockKind, ClockSource } from './alignment.ts';
import type { NamedCurve } from './source-contradictions.ts';
import { curveOfCategories, curveOfGauge, curveOfSeries, type StepCurve } from '../step-curve.ts';
import type { Gauge } from '../../trace/readings.ts';
import type { SourceClock } from './answer.ts';
import { clockOf, type Recording, type TimedSource } from './timed-source.ts';

/** A curve and the source that has it. Times count from the base of its unit. */
export interface OwnedCurve {
  readonly sourceId: number;
  readonly curve: StepCurve;
  /** That it was made of; null: of a recording, or of several. */
  readonly gauge: Gauge | null;
}

export interface ClockUnit {
  /** Unlike every other unit's: the file, and its place among those of the same name. */
  readonly name: string;
  readonly sources: readonly TimedSource[];
  readonly clock: ClockKind;
  readonly baseNs: bigint;
  readonly curves: readonly OwnedCurve[];
  /** First and last moment that it tells of, absolute ns on its own clock; null: none. */
  readonly span: readonly [bigint, bigint] | null;
  /** Distinct moments that it tells of, up to `MOST_MOMENTS`. */
  readonly moments: number;
}

/** A curve on the common clock. */
export interface CommonCurve extends NamedCurve {
  readonly unit: ClockUnit;
  readonly sourceId: number;
  readonly gauge: OwnedCurve['gauge'];
}

export interface UnitClock {
  readonly unit: ClockUnit;
  readonly status: SourceClock['status'];
  readonly alignment: Alignment;
  /** Add to the unit's times for the common clock; null: not known. */
  readonly offsetNs: bigint | null;
  readonly sentence: string;
}

/** Enough to say that times lie inside of a recording and not by chance. */
const MOST_MOMENTS = 1000;

/** One file's sources of one kind of clock were dated together. */
const unitKey = (source: TimedSource): string => {
  const clock = clockOf(source);
  const own = clock === 'none' || source.recordings.length > 0 ? ` ${source.id}` : '';
  return `${source.file}\n${source.bytes}\n${clock}${own}`;
};

const recordedTimes = ({ rows, trace }: Recording): bigint[] => {
  const times = asBigInt64(trace.events.time_ns);
  return rows === 0 ? [] : [times[0], times[rows - 1]];
};

/** Columns of times that a source tells of, each ascending; of a device's events the first and the last. */
function timesOf({ readings, recordings }: TimedSource): (readonly bigint[] | BigInt64Array)[] {
  const events = readings?.events.flatMap(({ time_ns }) => time_ns ?? []) ?? [];
  return [
    ...recordings.map(recordedTimes),
    ...(readings?.gauges.map(({ time_ns }) => time_ns) ?? []),
    [...events].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0)),
  ].filter(({ length }) => length > 0);
}

/** Distinct times of the columns, at most `MOST_MOMENTS`. */
function momentsOf(columns: readonly (readonly bigint[] | BigInt64Array)[]): number {
  const seen = new Set<bigint>();
  for (const column of columns)
    for (const time of column) {
      if (seen.size >= MOST_MOMENTS) return seen.size;
      seen.add(time);
    }
  return seen.size;
}

function curvesOf({ id, readings, recordings }: TimedSource, baseNs: bigint): OwnedCurve[] {
  const curves: OwnedCurve[] = [];
  const add = (curve: StepCurve, gauge: Gauge | null): void => {
    curves.push({ sourceId: id, curve, gauge });
  };
  for (const { trace, aggregate, rows } of recordings) {
    if (rows === 0) continue;
    const isTorch = trace.producer === 'torch';
    const spec = aggregate.spec(isTorch ? 'reserved' : 'device');
    if (spec?.deltas !== undefined)
      add(curveOfSeries(trace, spec, isTorch ? 'reserved' : 'driver_allocated', baseNs), null);
  }
  const gauges = readings?.gauges ?? [];
  const categories = curveOfCategories(gauges, baseNs);
  if (categories !== null) add(categories, null);
  for (const gauge of gauges) {
    // A slice of a GPU is not the GPU that others name by the same index.
    if (Object.keys(gauge.labels).some((label) => label.startsWith('mig.'))) continue;
    const curve = curveOfGauge(gauge, baseNs);
    if (curve !== null) add(curve, gauge);
  }
  return curves;
}

function unitOf(name: string, sources: readonly TimedSource[]): ClockUnit {
  const clock = clockOf(sources[0]);
  const columns = clock === 'none' ? [] : sources.flatMap(timesOf);
  let first: bigint | null = null;
  let last: bigint | null = null;
  for (const column of columns) {
    const [from, to] = [column[0], column[column.length - 1]];
    if (first === null || from < first) first = from;
    if (last === null || to > last) last = to;
  }
  const baseNs = first ?? 0n;
  return {
    name,
    sources,
    clock,
    baseNs,
    curves: clock === 'none' ? [] : sources.flatMap((source) => curvesOf(source, baseNs)),
    span: first === null || last === null ? null : [first, last],
    moments: momentsOf(columns),
  };
}

export function clockUnits(sources: readonly TimedSource[]): ClockUnit[] {
  const groups = new Map<string, TimedSource[]>();
  for (const source of sources) {
    const key = unitKey(source);
    groups.set(key, [...(groups.get(key) ?? []), source]);
  }
  const used = new Map<string, number>();
  return [...groups.values()].map((members) => {
    const [{ file }] = members;
    const before = used.get(file) ?? 0;
    used.set(file, before + 1);
    return unitOf(before === 0 ? file : `${file} (${before + 1})`, members);
  });
}

export const clockSourceOf = (unit: ClockUnit, overrideNs: bigint | null): ClockSource => ({
  name: unit.name,
  clock: unit.clock,
  baseNs: unit.baseNs,
  curves: unit.curves.map(({ curve }) => curve),
  overrideNs,
});
