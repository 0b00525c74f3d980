/**
 * The clocks of all open sources brought onto one, with the offsets that were set by hand, and what the sources say
 * of each other on it. Everything is worked out anew at each call: it takes a second at most.
 */
import { alignClocks, chooseReference, offsetText, shiftOf } from './alignment.ts';
import { shiftCurve } from '../step-curve.ts';
import type { TimedSource } from './timed-source.ts';
import { compareSources } from './compare-sources.ts';
import { insideOf, sameLocalClock } from './inside.ts';
import { type PlacedSource, placeLines } from './lines.ts';
import { clockSourceOf, type ClockUnit, clockUnits, type CommonCurve, type UnitClock } from './units.ts';
import type { ClocksAnswer, ClockView } from './answer.ts';

export interface OneClock {
  /** That it is of. */
  readonly sources: readonly TimedSource[];
  readonly units: readonly UnitClock[];
  /** Absolute ns on the common clock that the curves count from. */
  readonly base_ns: bigint;
  readonly curves: readonly CommonCurve[];
  readonly answer: ClocksAnswer;
  /** Add to a source's times for the common clock; null: not known. */
  readonly offsetOf: (sourceId: number) => bigint | null;
  /** File of the recording that a source's lines were placed in; null: none. */
  readonly recordingOf: (sourceId: number) => string | null;
}

/** Where clocks could not be compared: every source by itself. */
export const NO_CLOCK: OneClock = {
  sources: [],
  units: [],
  base_ns: 0n,
  curves: [],
  answer: { clocks: [], contradictions: [], observations: [], compared: 0 },
  offsetOf: () => null,
  recordingOf: () => null,
};

export class ClockDesk {
  private readonly overrides = new Map<number, bigint>();

  /** Sets an offset by hand; null: finds it again. */
  set(sourceId: number, offset_ns: bigint | null): void {
    if (offset_ns === null) this.overrides.delete(sourceId);
    else this.overrides.set(sourceId, offset_ns);
  }

  align(sources: readonly TimedSource[]): OneClock {
    const units = clockUnits(sources);
    const clockSources = units.map((unit) => clockSourceOf(unit, this.overrideOf(unit)));
    const alignments = alignClocks(clockSources);
    const reference = chooseReference(clockSources);
    const base_ns =
      reference === null
        ? 0n
        : reference.base_ns + (alignments[clockSources.indexOf(reference)].offset_ns ?? 0n);
    const isWall = reference?.clock === 'wall';
    const clocks = withTimes(
      units.map((unit, i) => ({
        unit,
        status: alignments[i].status,
        alignment: alignments[i],
        offset_ns: alignments[i].offset_ns,
        sentence: alignments[i].sentence,
      })),
      isWall,
    );
    const curves = clocks.flatMap(({ unit, alignment }, i) => {
      const shift = shiftOf(clockSources[i], alignment, base_ns);
      if (shift === null) return [];
      return unit.curves.map(({ sourceId, curve, gauge }) => ({
        unit,
        sourceId,
        gauge,
        name: unit.name,
        curve: shiftCurve(curve, shift, alignment.uncertainty_ns ?? 0),
      }));
    });
    const placed = placeLines(sources);
    const comparison = compareSources({ sources, units, clocks, curves, placed, base_ns });
    return {
      sources,
      units: clocks,
      base_ns,
      curves,
      answer: { ...comparison, clocks: clocks.flatMap((clock) => clockViews(clock, placed)) },
      offsetOf: (sourceId) =>
        clocks.find(({ unit }) => unit.sources.some(({ id }) => id === sourceId))?.offset_ns ?? null,
      recordingOf: (sourceId) => placed.find((one) => one.sourceId === sourceId)?.file ?? null,
    };
  }

  private overrideOf({ sources }: ClockUnit): bigint | null {
    for (const { id } of sources) {
      const offset = this.overrides.get(id);
      if (offset !== undefined) return offset;
    }
    return null;
  }
}

/**
 * Where nothing has a curve of bytes (a server's log and a log of its requests), the wall clock without a zone that
 * runs longest is the common one.
 */
function withReference(clocks: readonly UnitClock[]): readonly UnitClock[] {
  const local = clocks.filter(({ unit, status }) => unit.clock === 'local' && status === 'not found');
  const lengthOf = ({ unit }: UnitClock): bigint => (unit.span === null ? -1n : unit.span[1] - unit.span[0]);
  if (local.length < 2 || clocks.some(({ offset_ns }) => offset_ns !== null)) return clocks;
  const longest = local.reduce((one, other) => (lengthOf(other) > lengthOf(one) ? other : one));
  if (longest.unit.span === null) return clocks;
  const sentence = `${longest.unit.name} is the reference: no file has a curve of bytes, and its clock (a wall clock without a zone) is the common one.`;
  const alignment = { ...longest.alignment, status: 'reference', offset_ns: 0n, sentence } as const;
  return clocks.map((clock) =>
    clock === longest ? { ...clock, status: 'reference', alignment, offset_ns: 0n, sentence } : clock,
  );
}

/** Places what has times and no curve by its times alone. */
function withTimes(told: readonly UnitClock[], isWall: boolean): UnitClock[] {
  const clocks = withReference(told);
  const around = clocks.filter(({ offset_ns, unit }) => offset_ns !== null && unit.span !== null);
  const span = around.reduce<readonly [bigint, bigint] | null>((whole, { unit, offset_ns }) => {
    const [first, last] = [unit.span![0] + offset_ns!, unit.span![1] + offset_ns!];
    return whole === null
      ? [first, last]
      : [first < whole[0] ? first : whole[0], last > whole[1] ? last : whole[1]];
  }, null);
  if (span === null) return [...clocks];
  const names = around.map(({ unit }) => unit.name).join(' and ');
  return clocks.map((clock) => {
    const { unit, status, alignment } = clock;
    if (status !== 'not found' || unit.clock !== 'local' || unit.span === null) return clock;
    if (unit.curves.length > 0 && isWall) return clock;
    const found = isWall
      ? insideOf(unit.span, unit.moments, span, [unit.name, names])
      : sameLocalClock(unit.span, span, [unit.name, names]);
    // Another log of the machine has another zone: then its times lie inside by chance.
    const { suggested_ns } = alignment;
    if (found === null || (suggested_ns !== null && suggested_ns !== found.offset_ns)) return clock;
    return {
      ...clock,
      status: isWall ? 'inside' : 'assumed',
      offset_ns: found.offset_ns,
      sentence: found.sentence,
      alignment: {
        ...alignment,
        offset_ns: found.offset_ns,
        confidence: isWall ? 'medium' : 'low',
        uncertainty_ns: 0,
      },
    };
  });
}

function clockViews(clock: UnitClock, placed: readonly PlacedSource[]): ClockView[] {
  const { unit, alignment, offset_ns, status, sentence } = clock;
  return unit.sources.map(({ id, file }): ClockView => {
    const lines = placed.find(({ sourceId }) => sourceId === id);
    const isPlaced = lines !== undefined && offset_ns === null;
    const { suggested_ns, residual } = alignment;
    const suggested = offset_ns === null ? suggested_ns : null;
    return {
      sourceId: id,
      file,
      clock: unit.clock,
      status: isPlaced ? 'placed' : status,
      offsetNs: offset_ns,
      offsetText: offset_ns === null ? null : offsetText(offset_ns),
      uncertaintyNs: alignment.uncertainty_ns,
      zoneMinutes: alignment.zone_minutes,
      matched: isPlaced ? lines.placedCount : alignment.matched,
      of: isPlaced ? lines.placed.length : alignment.of,
      residual: residual === null ? null : { medianNs: residual.median_ns, maxNs: residual.max_ns },
      confidence: isPlaced ? 'high' : alignment.confidence,
      reference: isPlaced ? lines.file : alignment.reference,
      suggestedNs: suggested,
      suggestedText: suggested === null ? null : offsetText(suggested),
      sentence: isPlaced
        ? `${file}: ${lines.placedCount} of its ${lines.placed.length} lines have their place in ${lines.file} by the bytes that they print${unit.clock === 'none' ? '; it carries no times' : ''}.`
        : sentence,
    };
  });
}
