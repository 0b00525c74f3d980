/** The reserved curve of a run over the recorded one. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { upperBound } from '../../base/binary-search.ts';
import type { WhatIfAnswer } from '../../engine/protocol.ts';
import type { ChartCurve, ChartModel, LegendEntry } from '../parts/curves.ts';
import { visibleMax, xTicks } from '../parts/curves.ts';
import { byteTicks } from '../parts/ticks.ts';
import { formatX } from '../parts/words.ts';

export type RunCurve = NonNullable<WhatIfAnswer['curve']>;

const KEYS = [
  { id: 'recorded', label: 'Reserved, recorded', color: 'orange' },
  { id: 'replayed', label: 'Reserved, replayed', color: 'blue' },
] as const;

export function runChart(
  curve: RunCurve,
  hidden: ReadonlySet<string>,
  unit: ByteUnit,
  width: number,
  height: number,
): ChartModel {
  const span = { from: curve.range.from, to: curve.range.to };
  const all: ChartCurve[] = KEYS.map((key) => ({ ...key, scale: 'left', dashed: false, ...curve[key.id] }));
  const curves = all.filter(({ id }) => !hidden.has(id));
  return {
    x: curve.x,
    end: curve.range.to,
    span,
    curves,
    xTicks: xTicks(curve.range.axis, span, width),
    // Of both, so that hiding one does not stretch the other.
    leftTicks: byteTicks(visibleMax(all, curve.x, span), Math.max(2, Math.floor(height / 36)), unit),
    rightTicks: [],
  };
}

/** Values under the pointer, at the end where there is none. */
export function runLegend(
  curve: RunCurve,
  hidden: ReadonlySet<string>,
  at: number | null,
  unit: ByteUnit,
): LegendEntry[] {
  const column = at === null ? curve.x.length - 1 : upperBound(curve.x, at) - 1;
  return KEYS.map(({ id, label, color }) => {
    const { min, max, last } = curve[id];
    const entry = { id, label, color, dashed: false, shown: !hidden.has(id) };
    if (column < 0) return { ...entry, value: '', title: label };
    const whole = at === null || min[column] === max[column];
    const between = (text: (value: number) => string): string =>
      whole ? text(last[column]) : `${text(min[column])} – ${text(max[column])}`;
    return {
      ...entry,
      value: between((value) => formatBytes(value, unit)),
      title: `${label}: ${between((value) => `${formatInteger(value)} bytes`)}`,
    };
  });
}

/** What the chart shows, for who cannot see it. */
export function describeRun(curve: RunCurve, unit: ByteUnit): string {
  const peak = (values: Float64Array): string =>
    formatBytes(
      values.reduce((most, value) => Math.max(most, value), 0),
      unit,
    );
  const { axis, from, to } = curve.range;
  return `Reserved memory from ${formatX(axis, from)} to ${formatX(axis, to)}. Highest recorded ${peak(curve.recorded.max)}, highest replayed ${peak(curve.replayed.max)}.`;
}
