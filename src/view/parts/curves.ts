/** From an answer of the engine to what a chart draws: curves, axes, read-outs. */
import { upperBound } from '../../base/binary-search.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type { Axis, SeriesView, TimelineAnswer } from '../../engine/protocol.ts';
import type { CurveColor } from './palette.ts';
import { curveColors } from './palette.ts';
import type { Tick } from './ticks.ts';
import { byteTicks, countTicks, rowTicks, timeTicks, uncutLabels } from './ticks.ts';
import type { Span } from './viewport.ts';
import { formatX } from './words.ts';

/** Room for the labels of the y axes, in CSS pixels; the same for all charts that share an x axis. */
export const AXIS_LEFT = 76;
export const AXIS_RIGHT = 52;

export interface ChartCurve {
  readonly id: string;
  readonly label: string;
  readonly color: CurveColor;
  /** Axis that it is read on. */
  readonly scale: 'left' | 'right';
  /** A bound, not the value, or one of several curves of a colour: drawn dashed. */
  readonly dashed: boolean;
  /** From `min` to `max` lies an amount, one of several on top of each other, and not a range of values. */
  readonly stacked?: boolean;
  /** NaN in a column: nothing is known there, and nothing is drawn. */
  readonly first: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly last: Float64Array;
}

export interface ChartModel {
  /** Start of each column, ascending; column i ends where the next starts, the last one at `end`. */
  readonly x: Float64Array;
  readonly end: number;
  readonly span: Span;
  readonly curves: readonly ChartCurve[];
  readonly xTicks: readonly Tick[];
  readonly leftTicks: readonly Tick[];
  readonly rightTicks: readonly Tick[];
}

export interface ChartInput {
  readonly answer: TimelineAnswer;
  readonly series: readonly SeriesView[];
  readonly hidden: ReadonlySet<string>;
  readonly span: Span;
  readonly unit: ByteUnit;
  readonly width: number;
  readonly height: number;
}

export function xTicks(axis: Axis, span: Span, width: number): Tick[] {
  const { from, to } = span;
  const ticks =
    axis === 'time'
      ? timeTicks(from, to, Math.max(2, Math.floor(width / 110)))
      : rowTicks(from, to, Math.max(2, Math.floor(width / 100)));
  return uncutLabels(ticks, from, to, width);
}

/** Largest value among the columns that touch the span. */
export function visibleMax(curves: readonly ChartCurve[], x: Float64Array, span: Span): number {
  const from = Math.max(0, upperBound(x, span.from) - 1);
  let max = 0;
  for (const curve of curves) {
    for (let i = from; i < x.length && x[i] < span.to; i++) if (curve.max[i] > max) max = curve.max[i];
  }
  return max;
}

export function chartModel(input: ChartInput): ChartModel {
  const { answer, series, hidden, span, unit, width, height } = input;
  const colors = curveColors(series.map(({ id }) => id));
  const curves: ChartCurve[] = [];
  for (const { id, label, unit: measure, exact } of series) {
    const values = answer.series.find((candidate) => candidate.id === id);
    if (values === undefined || hidden.has(id)) continue;
    const { first, min, max, last } = values;
    const color = colors.get(id) ?? 'grey';
    const scale = measure === 'bytes' ? 'left' : 'right';
    curves.push({ id, label, color, scale, dashed: !exact, first, min, max, last });
  }
  const most = Math.max(2, Math.floor(height / 36));
  const top = (scale: ChartCurve['scale']): number =>
    visibleMax(
      curves.filter((curve) => curve.scale === scale),
      answer.x,
      span,
    );
  return {
    x: answer.x,
    end: answer.range.to,
    span,
    curves,
    xTicks: xTicks(answer.range.axis, span, width),
    leftTicks: byteTicks(top('left'), most, unit),
    rightTicks: curves.some((curve) => curve.scale === 'right') ? countTicks(top('right'), most) : [],
  };
}

/** One line of the legend: the value under the pointer, or at the right edge where there is no pointer. */
export interface LegendEntry {
  readonly id: string;
  readonly label: string;
  readonly color: CurveColor;
  readonly dashed: boolean;
  readonly shown: boolean;
  /** "4.56 GiB", "at least 4.56 GiB", "4.50 to 4.56 GiB"; "" before there is an answer. */
  readonly value: string;
  /** Every digit, and what is not exact about it. */
  readonly title: string;
}

export function formatValue(value: number, scale: 'bytes' | 'count', unit: ByteUnit): string {
  return scale === 'bytes' ? formatBytes(value, unit) : formatInteger(value);
}

/** What stands before a figure that is not exact: which way the truth lies, where that is known. */
export function boundSign({ exact, bound }: Pick<SeriesView, 'exact' | 'bound'>): string {
  if (exact) return '';
  return bound === null ? '≈ ' : bound === 'lower' ? '≥ ' : '≤ ';
}

/** Column under `x`, or -1 where `x` lies outside the answer. */
export function columnAt(answer: TimelineAnswer, x: number): number {
  if (answer.x.length === 0 || x < answer.x[0] || x >= answer.range.to) return -1;
  return upperBound(answer.x, x) - 1;
}

/**
 * What is said of a chart to those who do not see it: the stretch that its figures are of, and of each curve that is
 * drawn the value at the end of it and the highest. Never what a pointer is over.
 */
export function chartDescription(
  heading: string,
  series: readonly SeriesView[],
  answer: TimelineAnswer | null,
  hidden: ReadonlySet<string>,
  unit: ByteUnit,
): string {
  if (answer === null || answer.x.length === 0) return heading;
  const { axis, from, to } = answer.range;
  const figures = series.flatMap((one) => {
    const values = answer.series.find(({ id }) => id === one.id);
    if (values === undefined || hidden.has(one.id)) return [];
    const last = values.last[values.last.length - 1];
    const most = values.max.reduce((a, b) => (b > a ? b : a), -Infinity);
    const said = (value: number): string => boundSign(one) + formatValue(value, one.unit, unit);
    return [`${one.label} ${said(last)} at the end, highest ${said(most)}`];
  });
  const end = axis === 'event' ? to - 1 : to;
  return `${heading} from ${formatX(axis, from, answer.range)} to ${formatX(axis, end, answer.range)}. ${figures.join('; ')}.`;
}

export function legend(
  series: readonly SeriesView[],
  answer: TimelineAnswer | null,
  hidden: ReadonlySet<string>,
  at: number | null,
  unit: ByteUnit,
): LegendEntry[] {
  const colors = curveColors(series.map(({ id }) => id));
  const column = answer === null ? -1 : at === null ? answer.x.length - 1 : columnAt(answer, at);
  return series.map((one) => {
    const { id, label, unit: scale, exact, note } = one;
    const entry = {
      id,
      label,
      color: colors.get(id) ?? 'grey',
      dashed: !exact,
      shown: !hidden.has(id),
    };
    const values = answer?.series.find((candidate) => candidate.id === id);
    if (values === undefined || column < 0) return { ...entry, value: '', title: note ?? label };
    const [min, max, last] = [values.min[column], values.max[column], values.last[column]];
    const digits = (value: number): string =>
      scale === 'bytes' ? `${formatInteger(value)} bytes` : formatInteger(value);
    // Without a pointer the read-out is the value at the right edge; under it, all that the column holds.
    const whole = at === null || min === max;
    const text = whole
      ? formatValue(last, scale, unit)
      : `${formatValue(min, scale, unit)} – ${formatValue(max, scale, unit)}`;
    const exactly = whole
      ? digits(last)
      : `lowest ${digits(min)}, highest ${digits(max)}, last ${digits(last)}`;
    return {
      ...entry,
      value: boundSign(one) + text,
      title: `${label}: ${exactly}${note === null ? '' : `. ${note}`}`,
    };
  });
}
