/**
 * Lines without times (`[tag] Allocated | Reserved`, printed memory summaries) placed in a recording by what they
 * say: each is somewhere where the recording has its figures, and no line is before the one above it.
 *
 *   line               | reserved | rows of the recording that it can be at
 *   [before_request_1] | 3974.1   | 151,002 to 160,114
 *   [after_request_1]  | 3988.8   | 160,115 to 201,880
 *
 * A line whose figures the recording never has contradicts it, unless it may have been printed outside of it.
 */
import { asBigInt64, u64At } from '../../base/u64.ts';
import type { Bounds } from '../../base/measured.ts';
import type { Baseline } from '../../aggregate/baseline.ts';
import { floorSize } from '../../aggregate/baseline.ts';
import type { DeviceTrace, MemorySummary } from '../../trace/capture.ts';
import type { Gauge } from '../../trace/readings.ts';
import { ACTION } from '../../trace/schema.ts';

/** What a recording is at after each of its events. `allocated_floor` is the least that allocated can be. */
export type RowFigure = 'reserved' | 'requested' | 'allocated_floor' | 'allocations';

export interface RecordedRows {
  /** Absolute ns, one a row, never falling. */
  readonly time_ns: BigInt64Array;
  readonly figures: Readonly<Partial<Record<RowFigure, Float64Array>>>;
}

/** Figures after each event. A recording that did not begin empty has no count of allocations from the first one. */
export function recordedRows(trace: DeviceTrace, { before, known, whole }: Baseline): RecordedRows {
  const { events } = trace;
  const reserved = new Float64Array(events.length);
  const requested = new Float64Array(events.length);
  const allocated_floor = new Float64Array(events.length);
  const allocations = new Float64Array(events.length);
  const time_ns = asBigInt64(events.time_ns).slice();
  const now = { ...before, allocations: 0 };
  for (let row = 0; row < events.length; row++) {
    const size = u64At(events.size, row);
    switch (events.action[row]) {
      case ACTION.alloc:
        now.requested += size;
        now.allocatedFloor += floorSize(size);
        now.allocations++;
        break;
      case ACTION.free_requested:
        now.allocatedFloor -= floorSize(size);
        break;
      case ACTION.free_completed:
        now.requested -= size;
        break;
      case ACTION.segment_alloc:
      case ACTION.segment_map:
        now.reserved += size;
        break;
      case ACTION.segment_free:
      case ACTION.segment_unmap:
        now.reserved -= size;
    }
    reserved[row] = now.reserved;
    requested[row] = now.requested;
    allocated_floor[row] = now.allocatedFloor;
    allocations[row] = now.allocations;
    if (row > 0 && time_ns[row] < time_ns[row - 1]) time_ns[row] = time_ns[row - 1];
  }
  if (!known) return { time_ns, figures: {} };
  return {
    time_ns,
    figures: whole
      ? { reserved, requested, allocated_floor, allocations }
      : { reserved, requested, allocated_floor },
  };
}

/** One line: its figures as the ranges that they can mean. */
export interface SequenceLine {
  readonly name: string;
  readonly figures: Readonly<Partial<Record<RowFigure, Bounds>>>;
}

export interface PlacedLine {
  readonly name: string;
  /**
   * placed: the recording has these figures there. outside: it has not, and the line may be from before its first or
   * after its last event. never: lines above and below are in the recording, and at no moment does it have them.
   * late: it has them, but only before the line above.
   */
  readonly status: 'placed' | 'outside' | 'never' | 'late';
  /** First and last row that the line can be at; null where not placed. */
  readonly rows: readonly [number, number] | null;
  /** From when to when (absolute ns) it can have been printed; null where not placed. */
  readonly fromNs: bigint | null;
  readonly toNs: bigint | null;
  /** Where not placed: the figure that comes nearest to the line's in the stretch in question, and by how much. */
  readonly nearest: { readonly figure: RowFigure; readonly value: number; readonly apart: number } | null;
}

/** How far `value` lies outside of the range; the floor of allocated may lie below it. */
function apartOf(figure: RowFigure, band: Bounds, value: number): number {
  if (value > band.most) return value - band.most;
  return figure === 'allocated_floor' ? 0 : Math.max(0, band.least - value);
}

type Entry = readonly [RowFigure, Bounds, Float64Array];

function entriesOf(line: SequenceLine, { figures }: RecordedRows): Entry[] {
  return (Object.entries(line.figures) as [RowFigure, Bounds][]).flatMap(([figure, band]): Entry[] => {
    const column = figures[figure];
    return column === undefined ? [] : [[figure, band, column]];
  });
}

/** First row from `from` in steps of `by` at which all figures fit; -1: none before `end`. */
function scan(entries: readonly Entry[], from: number, end: number, by: 1 | -1): number {
  for (let row = from; row !== end; row += by)
    if (entries.every(([figure, band, column]) => apartOf(figure, band, column[row]) === 0)) return row;
  return -1;
}

/** The place of every line. Lines that share no figure with the recording are 'outside'. */
export function placeSequence(lines: readonly SequenceLine[], recorded: RecordedRows): PlacedLine[] {
  const { length } = recorded.time_ns;
  const entries = lines.map((line) => entriesOf(line, recorded));
  const first = new Array<number>(lines.length).fill(-1);
  const isAnywhere = new Array<boolean>(lines.length).fill(false);
  let at = 0;
  // The earliest place of each line leaves the most room to those below.
  entries.forEach((line, i) => {
    if (line.length === 0) return;
    first[i] = scan(line, at, length, 1);
    if (first[i] >= 0) at = first[i];
    isAnywhere[i] = first[i] >= 0 || scan(line, 0, at, 1) >= 0;
  });
  const last = new Array<number>(lines.length).fill(-1);
  at = length - 1;
  for (let i = lines.length - 1; i >= 0; i--) {
    if (first[i] < 0) continue;
    last[i] = scan(entries[i], at, -1, -1);
    at = last[i];
  }
  const lowest = first.findIndex((row) => row >= 0);
  const highest = first.findLastIndex((row) => row >= 0);
  return lines.map(({ name }, i): PlacedLine => {
    if (first[i] >= 0) {
      const end = Math.min(last[i] + 1, length - 1);
      return {
        name,
        status: 'placed',
        rows: [first[i], last[i]],
        fromNs: recorded.time_ns[first[i]],
        toNs: recorded.time_ns[end],
        nearest: null,
      };
    }
    const isInside = entries[i].length > 0 && lowest >= 0 && i > lowest && i < highest;
    const from = first.slice(0, i).reduce((most, row) => Math.max(most, row), 0);
    const to = last.slice(i).reduce((least, row) => (row < 0 ? least : Math.min(least, row)), length - 1);
    return {
      name,
      status: !isInside ? 'outside' : isAnywhere[i] ? 'late' : 'never',
      rows: null,
      fromNs: null,
      toNs: null,
      nearest: nearestOf(entries[i], from, to),
    };
  });
}

/** In the rows [from, to] the one that fits best: its figure that is furthest off. */
function nearestOf(entries: readonly Entry[], from: number, to: number): PlacedLine['nearest'] {
  let nearest: PlacedLine['nearest'] = null;
  for (let row = from; row <= to && entries.length > 0; row++) {
    let worst: NonNullable<PlacedLine['nearest']> | null = null;
    for (const [figure, band, column] of entries) {
      const apart = apartOf(figure, band, column[row]);
      if (worst === null || apart > worst.apart) worst = { figure, value: column[row], apart };
    }
    if (worst !== null && (nearest === null || worst.apart < nearest.apart)) nearest = worst;
  }
  return nearest;
}

/** The figures of a printed summary that a recording has at every event. Printed figures are rounded down. */
export function lineOfSummary(summary: MemorySummary): SequenceLine {
  const cell = (metric: string, figure: 'current' | 'allocated'): Bounds | null => {
    const value = summary.rows[metric]?.['all']?.[figure];
    if (value === undefined || Number.isNaN(value)) return null;
    const width = summary.granularity[metric]?.[figure] ?? 0;
    // Up to, and not with, the next printed figure.
    return { least: value, most: width > 1 ? value + width - 1 : value };
  };
  const figures: Partial<Record<RowFigure, Bounds>> = {};
  const add = (figure: RowFigure, band: Bounds | null): void => {
    if (band !== null) figures[figure] = band;
  };
  add('reserved', cell('GPU reserved memory', 'current'));
  add('requested', cell('Requested memory', 'current'));
  add('allocated_floor', cell('Allocated memory', 'current'));
  add('allocations', cell('Allocations', 'allocated'));
  return { name: summary.label ?? `summary ${summary.step}`, figures };
}

/** Lines of allocated and reserved memory, one a row of the two gauges. `names`: their tags, in their order. */
export function linesOfGauges(
  allocated: Gauge,
  reserved: Gauge,
  names: readonly (string | null)[],
): SequenceLine[] {
  // Half a digit and a byte: a printed figure is itself a rounded product.
  const band = ({ value, granularity }: Gauge, i: number): Bounds => ({
    least: value[i] - granularity / 2 - 1,
    most: value[i] + granularity / 2 + 1,
  });
  return Array.from(reserved.value.keys()).map((i) => ({
    name: names[i] ?? `line ${i + 1}`,
    figures: { reserved: band(reserved, i), allocated_floor: band(allocated, i) },
  }));
}
