/** One chart of figures over time: what to draw at this zoom, its legend, what holds at a moment. */
import type { ByteUnit } from '../../base/units.ts';
import type { ChartCurve, ChartModel, LegendEntry } from '../parts/curves.ts';
import { visibleMax } from '../parts/curves.ts';
import { uncutLabels } from '../parts/ticks.ts';
import { clockTicks, formatMoment, momentOf } from './clock.ts';
import type { GaugeChart, GaugeMetric, GaugeSeries, GaugeSet } from './gauges.ts';
import { columnStarts, sampleAt, sampleColumns } from './gauge-columns.ts';
import { gaugeLabels } from './gauge-names.ts';
import type { Fact } from '../device/moment.ts';
import { describeGranularity, exactQuantity, formatQuantity, quantityTicks } from '../parts/quantity.ts';
import type { Span } from '../parts/viewport.ts';

export interface GaugeChartInput {
  readonly set: GaugeSet;
  readonly chart: GaugeChart;
  readonly hidden: ReadonlySet<string>;
  readonly span: Span;
  readonly unit: ByteUnit;
  readonly width: number;
  readonly height: number;
}

export function gaugeChartModel(input: GaugeChartInput): ChartModel {
  const { set, chart, hidden, span, unit, width, height } = input;
  const x = columnStarts(span, Math.max(1, Math.floor(width)));
  const curves = chart.series
    .filter(({ id }) => !hidden.has(id))
    .map((series): ChartCurve => {
      const { id, color, dashed, samples } = series;
      const columns = sampleColumns(samples, x, span.to);
      return { id, label: series.name || series.gauge.label, color, scale: 'left', dashed, ...columns };
    });
  const most = Math.max(2, Math.floor(height / 36));
  return {
    x,
    end: span.to,
    span,
    curves,
    xTicks: uncutLabels(
      clockTicks(set.clock, set.base, span, Math.max(2, Math.floor(width / 120))),
      span.from,
      span.to,
      width,
    ),
    leftTicks: quantityTicks(visibleMax(curves, x, span), most, chart.unit, unit),
    rightTicks: [],
  };
}

/** The value at `at`, or the last one where there is no pointer. */
function valueAt({ samples }: GaugeSeries, at: number | null): number {
  if (at === null) return samples.value[samples.value.length - 1];
  const index = sampleAt(samples, at);
  return index < 0 ? NaN : samples.value[index];
}

/** Several series stand under their metric's heading; one alone says itself what it is. */
function legendLabel({ label, series }: GaugeMetric, { name }: GaugeSeries): string {
  if (name === '') return label;
  return series.length === 1 ? `${label} · ${name}` : name;
}

export function gaugeLegend(
  metric: GaugeMetric,
  hidden: ReadonlySet<string>,
  at: number | null,
  unit: ByteUnit,
): LegendEntry[] {
  return metric.series.map((series): LegendEntry => {
    const { gauge } = series;
    const value = valueAt(series, at);
    return {
      id: series.id,
      label: legendLabel(metric, series),
      color: series.color,
      dashed: series.dashed,
      shown: !hidden.has(series.id),
      value: formatQuantity(value, gauge.unit, unit),
      title: [
        `${metric.label}: ${exactQuantity(value, gauge.unit)}`,
        describeGranularity(gauge.granularity, gauge.unit, unit),
        gaugeLabels(gauge),
      ]
        .filter((part) => part !== '')
        .join(' · '),
    };
  });
}

/** Under a metric's name: how coarsely it was printed, and what a reader of the curve must know. */
export function metricWords({ note, granularity, series }: GaugeMetric, unit: ByteUnit): string {
  const coarse = describeGranularity(granularity, series[0].gauge.unit, unit);
  if (note === null || coarse === '') return note ?? coarse;
  return `${note.replace(/\.$/, '')}; ${coarse}`;
}

/** What is said of a chart to those who do not see it. */
export function describeChart(input: Omit<GaugeChartInput, 'width' | 'height'>): string {
  const { set, chart, hidden, span, unit } = input;
  const shown = chart.series.filter(({ id }) => !hidden.has(id));
  const moment = (x: number): string => formatMoment(set.clock, momentOf(set.base, x));
  const values = shown
    .slice(0, 12)
    .map(
      (series) =>
        `${series.gauge.label} ${series.name} ${formatQuantity(valueAt(series, null), chart.unit, unit)}`,
    );
  return `${chart.title} from ${moment(span.from)} to ${moment(span.to)}. Last values: ${values.join(', ')}.`;
}

/** Every figure at a moment, for the panel: those that are drawn. */
export function momentFacts(
  set: GaugeSet,
  hidden: ReadonlySet<string>,
  at: number,
  unit: ByteUnit,
): {
  readonly heading: string;
  readonly groups: readonly { readonly title: string; readonly facts: readonly Fact[] }[];
} {
  const groups = set.charts
    .filter(({ aside }) => !aside)
    .flatMap(({ metrics }) => metrics)
    .map((metric) => {
      const shown = metric.series.filter(({ id }) => !hidden.has(id));
      const facts = shown.map((series): Fact => {
        const value = valueAt(series, at);
        return {
          name: series.name === '' ? metric.label : series.name,
          value: formatQuantity(value, series.gauge.unit, unit),
          title: exactQuantity(value, series.gauge.unit),
          mono: false,
        };
      });
      return { title: facts.length === 1 && shown[0].name === '' ? '' : metric.label, facts };
    })
    .filter(({ facts }) => facts.length > 0);
  return { heading: formatMoment(set.clock, momentOf(set.base, at)), groups };
}
