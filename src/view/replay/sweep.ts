/** A sweep as a chart of memory against cost, as a table of the same points, and as words on its way. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatDuration, formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { ReplayProgress, SweepAnswer, SweepRow } from '../../engine/protocol.ts';
import { percentOf } from './replay.ts';
import type { TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';
import type { Tick } from '../parts/ticks.ts';
import { byteLabel, byteStep } from '../parts/ticks.ts';

/** What is known of a sweep: while it runs, only its rows. */
export interface SweepPoints {
  readonly rows: readonly SweepRow[];
  readonly front: readonly number[];
  readonly winner: number | null;
}

export const pointsOf = ({ rows, front, winner }: SweepAnswer): SweepPoints => ({ rows, front, winner });

/** `fails`: a request fails. `front`: no other is better in both. `base`: as recorded. */
export type PointKind = 'fails' | 'other' | 'front' | 'base' | 'winner';

export interface ScatterPoint {
  readonly row: number;
  readonly kind: PointKind;
  readonly x: number;
  readonly y: number;
  readonly title: string;
}

export interface ScatterModel {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly points: readonly ScatterPoint[];
  /** Corners of the stairs through the front. */
  readonly front: readonly (readonly [number, number])[];
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  /** Calls differ so much that the axis is logarithmic. */
  readonly logarithmic: boolean;
}

const LEFT = 64;
const RIGHT = 20;
const TOP = 14;
const BOTTOM = 44;
/** Calls from so many times the least on a logarithmic axis. */
const LOG_FROM = 30;

const nameOfRow = ({ conf }: SweepRow): string =>
  conf === null ? 'recorded settings' : conf === '' ? 'defaults' : conf;

const failsIn = (row: SweepRow): boolean => row.firstFailure !== null;

export function kindOf({ rows, front, winner }: SweepPoints, row: number): PointKind {
  if (row === winner) return 'winner';
  if (row === 0) return 'base';
  if (failsIn(rows[row])) return 'fails';
  return front.includes(row) ? 'front' : 'other';
}

/** Later ones are drawn over earlier ones. */
const ORDER: readonly PointKind[] = ['fails', 'other', 'front', 'base', 'winner'];

function decimalTicks(low: number, high: number, most: number): number[] {
  const least = Math.max(1, (high - low) / most);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= least)! * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(i * step);
  return ticks;
}

function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10)
    for (const factor of high / low > 1000 ? [1] : [1, 2, 5])
      if (factor * power >= low && factor * power <= high) ticks.push(factor * power);
  return ticks;
}

/** Ends of an axis with some air, never before 0. */
function rangeOf(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const air = high > low ? (high - low) * 0.06 : Math.max(1, high * 0.06);
  return [Math.max(0, low - air), high + air];
}

/** All figures of one setting. */
export const rowWords = (row: SweepRow, unit: ByteUnit): string =>
  `${nameOfRow(row)}: ${formatBytes(row.reservedPeak, unit)} (${formatInteger(row.reservedPeak)} bytes) reserved at the peak, ${formatInteger(row.deviceAllocs)} cudaMalloc and ${formatInteger(row.deviceFrees)} cudaFree calls, ${count(row.retries, 'retry', 'retries')}, ${count(row.ooms, 'out-of-memory error')}, inactive split at most ${formatBytes(row.inactiveSplitPeak, unit)}.`;

const pointWords = (row: SweepRow, unit: ByteUnit): string =>
  `${nameOfRow(row)}: ${formatBytes(row.reservedPeak, unit)} reserved at the peak, ${count(row.calls, 'call')} of the driver${
    failsIn(row) ? `, ${count(row.ooms, 'request fails', 'requests fail')}` : ''
  }`;

/**
 * Rows about the front and the recorded settings: those that cost little more than the dearest of them. Without a
 * front, all.
 */
export function nearFront({ rows, front }: SweepPoints): number[] {
  const all = [...rows.keys()];
  if (front.length === 0) return all;
  const anchors = [0, ...front].map((row) => rows[row]);
  const least = Math.min(...rows.map(({ reservedPeak }) => reservedPeak));
  const memory = Math.max(...anchors.map(({ reservedPeak }) => reservedPeak));
  const calls = Math.max(...anchors.map((row) => row.calls));
  const mostMemory = memory + Math.max(0.5 * (memory - least), 0.02 * memory);
  return all.filter((row) => rows[row].reservedPeak <= mostMemory && rows[row].calls <= 1.5 * calls);
}

/** `shown`: the rows to draw. */
export function scatterModel(
  points: SweepPoints,
  shown: readonly number[],
  unit: ByteUnit,
  width: number,
  height: number,
): ScatterModel {
  const { rows } = points;
  const frame = {
    width,
    height,
    left: LEFT,
    right: Math.max(LEFT + 1, width - RIGHT),
    top: TOP,
    bottom: height - BOTTOM,
  };
  if (shown.length === 0)
    return { ...frame, points: [], front: [], xTicks: [], yTicks: [], logarithmic: false };
  const [lowX, highX] = rangeOf(shown.map((row) => rows[row].reservedPeak));
  const calls = shown.map((row) => Math.max(1, rows[row].calls));
  const [least, most] = [Math.min(...calls), Math.max(...calls)];
  const logarithmic = most > LOG_FROM * least;
  const [lowY, highY] = logarithmic ? [least / 1.5, most * 1.5] : rangeOf(calls);
  const scaled = (value: number): number => (logarithmic ? Math.log(value) : value);
  const x = (bytes: number): number =>
    frame.left + ((bytes - lowX) / (highX - lowX)) * (frame.right - frame.left);
  const y = (value: number): number =>
    frame.bottom -
    ((scaled(Math.max(1, value)) - scaled(lowY)) / (scaled(highY) - scaled(lowY))) *
      (frame.bottom - frame.top);
  const kinds = rows.map((_, row) => kindOf(points, row));
  const drawn = [...shown].sort((a, b) => ORDER.indexOf(kinds[a]) - ORDER.indexOf(kinds[b]));
  const corners: [number, number][] = [];
  for (const row of points.front) {
    const [px, py] = [x(rows[row].reservedPeak), y(rows[row].calls)];
    const before = corners.at(-1);
    // Between two points of the front the better one of neither is reached: a stair, not a slope.
    if (before !== undefined) corners.push([px, before[1]]);
    corners.push([px, py]);
  }
  const step = byteStep(highX - lowX, Math.max(2, Math.floor(width / 130)), unit);
  const xTicks: Tick[] = [];
  for (let i = Math.ceil(lowX / step); i * step <= highX; i++)
    xTicks.push({ at: x(i * step), label: byteLabel(i * step, unit) });
  const yValues = logarithmic
    ? logTicks(lowY, highY)
    : decimalTicks(lowY, highY, Math.max(2, Math.floor(height / 50)));
  return {
    ...frame,
    points: drawn.map((row) => ({
      row,
      kind: kinds[row],
      x: x(rows[row].reservedPeak),
      y: y(rows[row].calls),
      title: pointWords(rows[row], unit),
    })),
    front: corners,
    xTicks,
    yTicks: yValues.map((value) => ({ at: y(value), label: formatInteger(value) })),
    logarithmic,
  };
}

const MARKS: Readonly<Record<PointKind, string>> = {
  winner: 'least memory',
  base: 'as recorded',
  front: 'on the front',
  fails: 'fails',
  other: '',
};

/** The points of the chart, one a row; its key is the index of the setting. */
export function sweepTable(points: SweepPoints, unit: ByteUnit): TableModel {
  const { rows, front } = points;
  const base = rows[0]?.reservedPeak ?? 0;
  const onFront = new Set(front);
  return {
    caption: 'Settings that were tried',
    columns: [
      { id: 'settings', label: 'Settings', numeric: false, breaks: true },
      { id: 'reserved', label: 'Reserved peak', numeric: true },
      { id: 'change', label: 'Change', numeric: true },
      { id: 'calls', label: 'Calls', numeric: true },
      { id: 'retries', label: 'Retries', numeric: true },
      { id: 'ooms', label: 'OOM', numeric: true },
      { id: 'mark', label: 'Front', numeric: false },
    ],
    rows: rows.map((row, index) => {
      const kind = kindOf(points, index);
      const mark = kind === 'base' && onFront.has(index) ? `${MARKS.base}, ${MARKS.front}` : MARKS[kind];
      const bytes = (value: number) =>
        cell(formatBytes(value, unit), value, { title: `${formatInteger(value)} bytes` });
      const integer = (value: number) => cell(formatInteger(value), value);
      return {
        key: String(index),
        cells: [
          cell(nameOfRow(row)),
          bytes(row.reservedPeak),
          cell(
            index === 0 ? '' : percentOf(row.reservedPeak - base, base),
            base === 0 ? 0 : row.reservedPeak / base,
          ),
          integer(row.calls),
          integer(row.retries),
          integer(row.ooms),
          cell(mark, `${ORDER.length - ORDER.indexOf(kind)}`),
        ],
      };
    }),
    total: null,
    sort: { column: 'reserved', direction: 'ascending' },
  };
}

/** "83 of 214 settings in 1.2 s, about 1.9 s to go". */
export function progressWords(
  { done, total }: Pick<ReplayProgress, 'done' | 'total'>,
  what: string,
  milliseconds: number,
): string {
  const so = `${formatInteger(done)} of ${formatInteger(total)} ${what} in ${formatDuration(milliseconds * 1e6)}`;
  if (done === 0 || done >= total || milliseconds < 500) return so;
  return `${so}, about ${formatDuration((milliseconds / done) * (total - done) * 1e6)} to go`;
}

export const sweepWords = ({ rows, workers, milliseconds }: SweepAnswer): string =>
  `${count(rows.length, 'setting')} in ${formatDuration(milliseconds * 1e6)} with ${count(workers, 'worker')}.`;

/** What the chart shows, for who cannot see it. */
export function describeScatter(points: SweepPoints, unit: ByteUnit): string {
  const { rows, front } = points;
  if (rows.length === 0) return 'Reserved peak against calls of the driver: nothing yet.';
  const peaks = rows.map(({ reservedPeak }) => reservedPeak);
  return `${count(rows.length, 'setting')}: reserved peak from ${formatBytes(Math.min(...peaks), unit)} to ${formatBytes(Math.max(...peaks), unit)} against calls of the driver. ${count(front.length, 'setting lies', 'settings lie')} on the front. The table below has the same points.`;
}
