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
import type { ClocksAnswer, SourceClock } from './answer.ts';

export interface OneClock {
  /** That it is of. */
  readonly sources: readonly TimedSource[];
  readonly units: readonly UnitClock[];
  /** Absolute ns on the common clock that the curves count from. */
  readonly baseNs: bigint;
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
  baseNs: 0n,
  curves: [],
  answer: { clocks: [], contradictions: [], observations: [], compared: 0 },
  offsetOf: () => null,
  recordingOf: () => null,
};

export class ClockDesk {
  private readonly overrides = new Map<number, bigint>();

  /** Sets an offset by hand; null: finds it again. */
  set(sourceId: number, offsetNs: bigint | null): void {
    if (offsetNs === null) this.overrides.delete(sourceId);
    else this.overrides.set(sourceId, offsetNs);
  }

  align(sources: readonly TimedSource[]): OneClock {
    const units = clockUnits(sources);
    const clockSources = units.map((unit) => clockSourceOf(unit, this.overrideOf(unit)));
    const alignments = alignClocks(clockSources);
    const reference = chooseReference(clockSources);
    const baseNs =
      reference === null
        ? 0n
        : reference.baseNs + (alignments[clockSources.indexOf(reference)].offsetNs ?? 0n);
    const isWall = reference?.clock === 'wall';
    const clocks = withTimes(
      units.map((unit, i) => ({
        unit,
        status: alignments[i].status,
        alignment: alignments[i],
        offsetNs: alignments[i].offsetNs,
        sentence: alignments[i].sentence,
      })),
      isWall,
    );
    const curves = clocks.flatMap(({ unit, alignment }, i) => {
      const shift = shiftOf(clockSources[i], alignment, baseNs);
      if (shift === null) return [];
      return unit.curves.map(({ sourceId, curve, gauge }) => ({
        unit,
        sourceId,
        gauge,
        name: unit.name,
        curve: shiftCurve(curve, shift, alignment.uncertaintyNs ?? 0),
      }));
    });
    const placed = placeLines(sources);
    const comparison = compareSources({ sources, units, clocks, curves, placed, baseNs });
    return {
      sources,
      units: clocks,
      baseNs,
      curves,
      answer: { ...comparison, clocks: clocks.flatMap((clock) => clockViews(clock, placed)) },
      offsetOf: (sourceId) =>
        clocks.find(({ unit }) => unit.sources.some(({ id }) => id === sourceId))?.offsetNs ?? null,
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
  if (local.length < 2 || clocks.some(({ offsetNs }) => offsetNs !== null)) return clocks;
  const longest = local.reduce((one, other) => (lengthOf(other) > lengthOf(one) ? other : one));
  if (longest.unit.span === null) return clocks;
  const sentence = `${longest.unit.name} is the reference: no file has a curve of bytes, and its clock (a wall clock without a zone) is the common one.`;
  const alignment = { ...longest.alignment, status: 'reference', offsetNs: 0n, sentence } as const;
  return clocks.map((clock) =>
    clock === longest ? { ...clock, status: 'reference', alignment, offsetNs: 0n, sentence } : clock,
  );
}

/** Places what has times and no curve by its times alone. */
function withTimes(told: readonly UnitClock[], isWall: boolean): UnitClock[] {
  const clocks = withReference(told);
  const around = clocks.filter(({ offsetNs, unit }) => offsetNs !== null && unit.span !== null);
  const span = around.reduce<readonly [bigint, bigint] | null>((whole, { unit, offsetNs }) => {
    const [first, last] = [unit.span![0] + offsetNs!, unit.span![1] + offsetNs!];
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
    const { suggestedNs } = alignment;
    if (found === null || (suggestedNs !== null && suggestedNs !== found.offsetNs)) return clock;
    return {
      ...clock,
      status: isWall ? 'inside' : 'assumed',
      offsetNs: found.offsetNs,
      sentence: found.sentence,
      alignment: {
        ...alignment,
        offsetNs: found.offsetNs,
        confidence: isWall ? 'medium' : 'low',
        uncertaintyNs: 0,
      },
    };
  });
}

function clockViews(clock: UnitClock, placed: readonly PlacedSource[]): SourceClock[] {
  const { unit, alignment, offsetNs, status, sentence } = clock;
  return unit.sources.map(({ id, file }): SourceClock => {
    const lines = placed.find(({ sourceId }) => sourceId === id);
    const isPlaced = lines !== undefined && offsetNs === null;
    const { suggestedNs, residual } = alignment;
    const suggested = offsetNs === null ? suggestedNs : null;
    return {
      sourceId: id,
      file,
      clock: unit.clock,
      status: isPlaced ? 'placed' : status,
      offsetNs,
      offsetText: offsetNs === null ? null : offsetText(offsetNs),
      uncertaintyNs: alignment.uncertaintyNs,
      zoneMinutes: alignment.zoneMinutes,
      matched: isPlaced ? lines.placedCount : alignment.matched,
      of: isPlaced ? lines.placed.length : alignment.of,
      residual,
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
