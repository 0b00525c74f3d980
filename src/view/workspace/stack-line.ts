/** The page of one line: its curve as a path, its sizes and lifetimes as bars, what stays of each iteration. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count, percent } from '../../base/words.ts';
import type { LineAnswer } from '../../engine/protocol.ts';
import { momentWords } from './stack-words.ts';

/** Steps of the highest value in each column, in a box of `width` x `height`; the lowest in it are the lower edge. */
export function curvePath({ max, min }: LineAnswer, width: number, height: number): string {
  const columns = max.length;
  let most = 0;
  for (const value of max) most = Math.max(most, value);
  const y = (value: number): string => (height - (most === 0 ? 0 : (value / most) * (height - 1))).toFixed(1);
  const x = (column: number): string => ((column * width) / columns).toFixed(1);
  const above: string[] = [];
  const below: string[] = [];
  for (let column = 0; column < columns; column++) {
    above.push(`${x(column)} ${y(max[column])}`, `${x(column + 1)} ${y(max[column])}`);
    // Where a column goes up and down, all of it is drawn.
    const low = Math.min(min[column], max[column]);
    below.unshift(`${x(column + 1)} ${y(low)}`, `${x(column)} ${y(low)}`);
  }
  return columns === 0 ? '' : `M${above.join('L')}L${below.join('L')}Z`;
}

/** Most that is held in what the curve shows, bytes. */
export const highestShown = ({ max }: LineAnswer): number =>
  max.reduce((most, value) => Math.max(most, value), 0);

/** The same down to 0: what is held, as an area. */
export function areaPath({ max }: LineAnswer, width: number, height: number): string {
  const columns = max.length;
  let most = 0;
  for (const value of max) most = Math.max(most, value);
  const points = [`0 ${height}`];
  for (let column = 0; column < columns; column++) {
    const y = (height - (most === 0 ? 0 : (max[column] / most) * (height - 1))).toFixed(1);
    points.push(
      `${((column * width) / columns).toFixed(1)} ${y}`,
      `${(((column + 1) * width) / columns).toFixed(1)} ${y}`,
    );
  }
  return `M${points.join('L')}L${width} ${height}Z`;
}

/** "17 allocations, 1.2 GiB in all; at most 205 MiB in 1 at event 1,203 (5.383 s); 64 MiB in 2 live at the end." */
export function lineWords(answer: LineAnswer, unit: ByteUnit): string {
  const { made, earlier, atEnd, peak } = answer;
  const words = [`${count(made.count, 'allocation')}, ${formatBytes(made.bytes, unit)} in all`];
  if (earlier.count > 0)
    words.push(
      `${formatInteger(earlier.count)} more from before the recording, ${formatBytes(earlier.bytes, unit)}`,
    );
  words.push(
    `at most ${formatBytes(peak.bytes, unit)} in ${formatInteger(peak.count)} at once, ${peak.row < 0 ? 'at the beginning' : `after ${momentWords(peak.row, peak.xNs)}`}`,
  );
  words.push(
    atEnd.count === 0
      ? 'nothing lives at the end'
      : `${formatBytes(atEnd.bytes, unit)} in ${formatInteger(atEnd.count)} live at the end`,
  );
  return `${words.join('; ')}.`;
}

export interface Bar {
  readonly label: string;
  readonly text: string;
  readonly title: string;
  /** Of the longest bar. */
  readonly share: number;
}

export function sizeBars({ sizes, otherSizes }: LineAnswer, unit: ByteUnit): Bar[] {
  const rows = sizes.map(({ size, count: many }) => ({
    label: formatBytes(size, unit),
    title: `${formatInteger(size)} bytes`,
    bytes: size * many,
    many,
  }));
  if (otherSizes.sizes > 0)
    rows.push({
      label: `${formatInteger(otherSizes.sizes)} other sizes`,
      title: '',
      bytes: otherSizes.bytes,
      many: otherSizes.count,
    });
  return bars(rows, unit);
}

export const lifetimeBars = ({ lifetimes }: LineAnswer, unit: ByteUnit): Bar[] =>
  bars(
    lifetimes.map(({ label, bytes, count: many }) => ({ label, title: '', bytes, many })),
    unit,
  );

function bars(
  rows: readonly { label: string; title: string; bytes: number; many: number }[],
  unit: ByteUnit,
): Bar[] {
  const most = Math.max(1, ...rows.map(({ bytes }) => bytes));
  const all = rows.reduce((sum, { bytes }) => sum + bytes, 0);
  return rows.map(({ label, title, bytes, many }) => ({
    label,
    title,
    text: `${formatInteger(many)} × : ${formatBytes(bytes, unit)}, ${percent(all === 0 ? 0 : bytes / all)}`.replace(
      ' × :',
      ' ×:',
    ),
    share: bytes / most,
  }));
}

/** What is held where each iteration begins, and how it changes from one to the next. */
export function iterationWords(atMarks: Float64Array, unit: ByteUnit): string {
  if (atMarks.length < 2) return '';
  const changes = Array.from(atMarks.subarray(1), (value, i) => value - atMarks[i]);
  const grown = changes.filter((change) => change > 0).length;
  const whole = atMarks[atMarks.length - 1] - atMarks[0];
  const sign = whole < 0 ? '−' : '+';
  const per = Math.abs(whole) / changes.length;
  if (changes.every((change) => change === 0))
    return `Holds ${formatBytes(atMarks[0], unit)} where each of ${formatInteger(changes.length)} iterations begins: it does not grow.`;
  return `From ${formatBytes(atMarks[0], unit)} to ${formatBytes(atMarks[atMarks.length - 1], unit)} over ${count(changes.length, 'iteration')}: ${sign}${formatBytes(Math.round(per), unit)} per iteration; it grew in ${formatInteger(grown)} of them.`;
}
