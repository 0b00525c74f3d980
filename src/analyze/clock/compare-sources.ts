/**
 * Every source held against every other that tells of the same bytes: curves on the common clock, printed lines by
 * their order, a server's budget against the recording of its process.
 */
import {
  compareCurves,
  compareUsedWithReserved,
  type Comparison,
  type Contradiction,
  type ContradictionKind,
} from './source-contradictions.ts';
import { compareBudget, compareLines } from './source-contradictions-lines.ts';
import type { Measure } from '../step-curve.ts';
import type { TimedSource } from './timed-source.ts';
import type { PlacedSource } from './lines.ts';
import type { ClockUnit, CommonCurve, UnitClock } from './units.ts';
import type { ClocksAnswer, Disagreement } from './answer.ts';

export interface CompareInput {
  readonly sources: readonly TimedSource[];
  readonly units: readonly ClockUnit[];
  readonly clocks: readonly UnitClock[];
  readonly curves: readonly CommonCurve[];
  readonly placed: readonly PlacedSource[];
  readonly baseNs: bigint;
}

/** True of both sources at once: not a contradiction, but worth knowing. */
const OBSERVED: readonly ContradictionKind[] = ['non_torch_change', 'non_torch_drift', 'constant_difference'];

interface Found {
  readonly ids: readonly [number, number];
  readonly comparison: Comparison;
}

/** GPU indices of the two that are one device; null: they are not. */
export function isSameDevice(one: CommonCurve, other: CommonCurve, clocks: readonly UnitClock[]): boolean {
  const [a, b] = [one.curve.device, other.curve.device];
  // A process may see one GPU of several as its first (CUDA_VISIBLE_DEVICES): the steps told which.
  for (const [from, to, first, second] of [
    [one, other, a, b],
    [other, one, b, a],
  ] as const) {
    const alignment = clocks.find(({ unit }) => unit === from.unit)?.alignment;
    if (alignment?.status !== 'found' || alignment.reference !== to.unit.name) continue;
    const matched = alignment.devices;
    if (matched !== null && matched[0] !== null && matched[1] !== null && matched[0] !== matched[1])
      return first === matched[0] && second === matched[1];
  }
  return a === null || b === null || a === b;
}

/** What can be said of two curves, the first being the one that is doubted first; null: they cannot be compared. */
function compared(one: CommonCurve, other: CommonCurve): Comparison | null {
  const is = (curve: CommonCurve, ...measures: Measure[]): boolean => measures.includes(curve.curve.measures);
  const isEvent = (curve: CommonCurve): boolean => curve.curve.kind === 'event';
  if (is(one, 'device_used') && is(other, 'reserved') && isEvent(other))
    return compareUsedWithReserved(one, other);
  if (one.curve.measures !== other.curve.measures || is(one, 'process_used', 'driver_allocated')) return null;
  // Of two sampled curves neither is at the moments of the other, unless it is the device's.
  if (isEvent(other)) return compareCurves(one, other);
  return is(one, 'device_used') ? compareCurves(one, other) : null;
}

/** Two records of every step are of one process only if their steps said so: two runs may overlap on one GPU. */
function isSameProcess(one: CommonCurve, other: CommonCurve, clocks: readonly UnitClock[]): boolean {
  if (one.curve.kind !== 'event' || other.curve.kind !== 'event') return true;
  if (one.unit === other.unit) return true;
  return clocks.some(
    ({ unit, alignment: { matched, of, status, reference } }) =>
      ((unit === one.unit && reference === other.unit.name) ||
        (unit === other.unit && reference === one.unit.name)) &&
      (status === 'found' || (of > 0 && matched >= 0.9 * of)),
  );
}

function ofCurves({ curves, clocks }: CompareInput): Found[] {
  const found: Found[] = [];
  for (const [i, a] of curves.entries()) {
    for (const b of curves.slice(i + 1)) {
      if (a.sourceId === b.sourceId || !isSameDevice(a, b, clocks) || !isSameProcess(a, b, clocks)) continue;
      // Sampled before written at every change, the device before the process.
      const isTurned =
        (a.curve.kind === 'event' && b.curve.kind === 'sample') || b.curve.measures === 'device_used';
      const [one, other] = isTurned ? [b, a] : [a, b];
      const comparison = compared(one, other);
      if (comparison !== null) found.push({ ids: [one.sourceId, other.sourceId], comparison });
    }
  }
  return found;
}

const ofLines = ({ placed, sources, baseNs, clocks }: CompareInput): Found[] =>
  placed.map(({ sourceId, recording, file, lines, placed: places }) => {
    const name = sources.find(({ id }) => id === sourceId)?.file ?? '';
    const clock = clocks.find(({ unit }) => unit.sources.some(({ id }) => id === recording.sourceId));
    return {
      ids: [sourceId, recording.sourceId],
      // Places are on the recording's own clock.
      comparison: compareLines(
        lines,
        places,
        [name, file],
        recording.trace.device,
        baseNs - (clock?.offsetNs ?? 0n),
      ),
    };
  });

/** One rank's budget against the one recording there is: with more of either it is not known whose is whose. */
function ofBudgets({ sources, curves }: CompareInput): Found[] {
  const recordings = curves.filter(({ curve }) => curve.measures === 'reserved' && curve.kind === 'event');
  if (recordings.length !== 1) return [];
  const [reserved] = recordings;
  return sources.flatMap(({ id, file, budgets }) =>
    budgets.length === 1
      ? [{ ids: [id, reserved.sourceId], comparison: compareBudget(budgets[0], file, reserved) }]
      : [],
  );
}

export function compareSources(input: CompareInput): Omit<ClocksAnswer, 'clocks'> {
  const found = [...ofCurves(input), ...ofLines(input), ...ofBudgets(input)];
  const fileOf = (id: number): string => input.sources.find((source) => source.id === id)?.file ?? '';
  const absolute = (ns: number | null): bigint | null =>
    ns === null ? null : input.baseNs + BigInt(Math.round(ns));
  const told = (one: Contradiction, ids: Found['ids']): Disagreement => {
    const { kind, device, count, values, allowedBytes, differenceBytes, sentence } = one;
    return {
      ...{ kind, device, count, values, allowedBytes, differenceBytes, sentence },
      sourceIds: ids,
      files: [fileOf(ids[0]), fileOf(ids[1])],
      fromNs: absolute(one.fromNs),
      toNs: absolute(one.toNs),
    };
  };
  const all = found.flatMap(({ ids, comparison }) =>
    comparison.contradictions.map((one) => ({ one, told: told(one, ids) })),
  );
  return {
    contradictions: all.filter(({ one }) => !OBSERVED.includes(one.kind)).map((row) => row.told),
    observations: all.filter(({ one }) => OBSERVED.includes(one.kind)).map((row) => row.told),
    compared: found.reduce((sum, { comparison }) => sum + comparison.compared, 0),
  };
}
