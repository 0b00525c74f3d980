/**
 * Figures over time as charts: one chart a unit, in it one metric after the other, and in each its series (one a
 * GPU, pod or rank). A series keeps its colour in all charts where several are told apart; where there is one
 * place only, colours tell metrics apart.
 */
import type { Gauge, Readings } from '../../engine/protocol.ts';
import type { Clock } from './clock.ts';
import type { Samples } from './gauge-columns.ts';
import { usualStep } from './gauge-columns.ts';
import { gaugeNames } from './gauge-names.ts';
import type { CurveColor } from '../parts/palette.ts';
import { CURVES } from '../parts/palette.ts';
import type { GaugeUnit } from '../parts/quantity.ts';
import type { Span } from '../parts/viewport.ts';

/** Curves that a chart shows at first. */
export const MOST_SHOWN = 12;

export interface GaugeSeries {
  /** Position in `readings.gauges`, as text. */
  readonly id: string;
  readonly gauge: Gauge;
  /** "GPU 3", "llama-7b-0"; "" where its metric has no other series. */
  readonly name: string;
  readonly samples: Samples;
  readonly color: CurveColor;
  readonly dashed: boolean;
}

export interface GaugeMetric {
  readonly id: string;
  readonly label: string;
  readonly note: string | null;
  /** The coarsest of its series. */
  readonly granularity: number;
  readonly series: readonly GaugeSeries[];
}

export interface GaugeChart {
  readonly unit: GaugeUnit;
  readonly title: string;
  readonly metrics: readonly GaugeMetric[];
  readonly series: readonly GaugeSeries[];
  /** Power, temperature, clocks: not what this page is about. */
  readonly aside: boolean;
}

export interface GaugeSet {
  readonly clock: Clock;
  /** Absolute ns of x = 0. */
  readonly base: bigint;
  readonly whole: Span;
  /** x of the last sample. */
  readonly last: number;
  readonly charts: readonly GaugeChart[];
  /** Series of a single sample: figures of one moment, shown as a table. */
  readonly single: readonly GaugeSeries[];
  /** Series that are not shown when the page opens. */
  readonly hidden: ReadonlySet<string>;
}

const TITLES: readonly (readonly [GaugeUnit, string, boolean])[] = [
  ['bytes', 'Memory', false],
  ['ratio', 'Shares', false],
  ['count', 'Counts', false],
  ['tokens', 'Tokens', false],
  ['tokens_per_second', 'Tokens per second', false],
  ['per_second', 'Rates per second', false],
  ['nanoseconds', 'Durations', false],
  ['watts', 'Power', true],
  ['celsius', 'Temperature', true],
  ['megahertz', 'Clock rates', true],
];

/** What answers "how full is it" comes first; what follows from it or never moves comes last. */
const RANKS: readonly (readonly [RegExp, number])[] = [
  [/bus|bandwidth|mem_copy|utilization\.memory|dram_active/i, 6],
  [/bar1|ccpm|protected/i, 8],
  [/kv.?cache|cache.?usage|token.?usage/i, 0],
  [/used|allocated|usage/i, 1],
  [/reserved|running/i, 2],
  [/waiting|queue|preempt/i, 3],
  [/total|limit/i, 4],
  [/free/i, 7],
];

export const rankOf = ({ id, label }: Gauge): number =>
  RANKS.find(([pattern]) => pattern.test(id) || pattern.test(label))?.[1] ?? 5;

const COLORS = (Object.keys(CURVES) as CurveColor[]).filter((color) => color !== 'ink' && color !== 'grey');
/** Greys last: they read as "of less weight". */
const ORDER: readonly CurveColor[] = [...COLORS, 'ink', 'grey'];

const byName = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

function metricsOf(series: readonly GaugeSeries[]): GaugeMetric[] {
  const found = new Map<string, GaugeSeries[]>();
  for (const one of series) {
    const key = JSON.stringify([one.gauge.id, one.gauge.label]);
    const group = found.get(key);
    if (group === undefined) found.set(key, [one]);
    else group.push(one);
  }
  return [...found.entries()]
    .map(([id, all]) => ({
      id,
      label: all[0].gauge.label,
      note: all.find(({ gauge }) => gauge.note !== null)?.gauge.note ?? null,
      granularity: Math.max(...all.map(({ gauge }) => gauge.granularity)),
      series: all.sort((a, b) => byName(a.name, b.name)),
    }))
    .sort((a, b) => rankOf(a.series[0].gauge) - rankOf(b.series[0].gauge));
}

/** Whole metrics in their order while there is room; of a first one with too many series, those that reach highest. */
function hiddenAtFirst(metrics: readonly GaugeMetric[]): string[] {
  let room = MOST_SHOWN;
  let open = true;
  const hasUse = metrics.some(({ series }) => rankOf(series[0].gauge) <= 1);
  return metrics.flatMap(({ series }, index) => {
    if (index === 0 && series.length > room) {
      const highest = (one: GaugeSeries): number =>
        one.samples.value.reduce((most, value) => (value > most ? value : most), -Infinity);
      const ranked = series.map((one) => ({ id: one.id, top: highest(one) })).sort((a, b) => b.top - a.top);
      room = 0;
      return ranked.slice(MOST_SHOWN).map(({ id }) => id);
    }
    // What is free is what is not used: the same curve upside down.
    const needless = hasUse && rankOf(series[0].gauge) >= 7;
    open &&= series.length <= room;
    if (!open || needless) return series.map(({ id }) => id);
    room -= series.length;
    return [];
  });
}

/**
 * Colours tell places apart, dashes metrics; where there is one place only, colours tell metrics apart. Places
 * that are shown at first come first: their colours are all different.
 */
function styled(series: readonly GaugeSeries[], metric: number, places: readonly string[]): GaugeSeries[] {
  return series.map((one) => {
    if (places.length < 2) {
      return { ...one, color: ORDER[metric % ORDER.length], dashed: metric >= ORDER.length };
    }
    const place = places.indexOf(one.name);
    return { ...one, color: ORDER[place % ORDER.length], dashed: metric > 0 || place >= ORDER.length };
  });
}

function chartsOf(drawn: readonly GaugeSeries[]): {
  readonly charts: readonly GaugeChart[];
  readonly hidden: ReadonlySet<string>;
} {
  const plain = TITLES.flatMap(([unit, title, aside]) => {
    const metrics = metricsOf(drawn.filter(({ gauge }) => gauge.unit === unit));
    return metrics.length === 0 ? [] : [{ unit, title, aside, metrics }];
  });
  const hidden = new Set(plain.flatMap(({ metrics }) => hiddenAtFirst(metrics)));
  const isShown = (name: string): boolean => drawn.some((one) => one.name === name && !hidden.has(one.id));
  const sorted = [...new Set(drawn.map(({ name }) => name))].sort(byName);
  const places = [...sorted.filter(isShown), ...sorted.filter((name) => !isShown(name))];
  const charts = plain.map(({ unit, title, aside, metrics: bare }): GaugeChart => {
    const metrics = bare.map((metric, index) => ({
      ...metric,
      series: styled(metric.series, index, places),
    }));
    const series = metrics.flatMap((metric) => metric.series);
    return { unit, title: metrics.length === 1 ? metrics[0].label : title, metrics, series, aside };
  });
  return { charts, hidden };
}

export function gaugeSet({ clock, gauges }: Pick<Readings, 'clock' | 'gauges'>): GaugeSet {
  const told = (least: number): Gauge[] => gauges.filter(({ time_ns }) => time_ns.length >= least);
  const filled = told(2).length > 0 ? told(2) : told(1);
  const base = filled.reduce<bigint | null>(
    (least, { time_ns }) => (least === null || time_ns[0] < least ? time_ns[0] : least),
    null,
  );
  const zero = base ?? 0n;
  const names = gaugeNames(gauges);
  const draft = gauges.map((gauge, i): GaugeSeries => {
    const x = Float64Array.from(gauge.time_ns, (time) => Number(time - zero));
    const end = x.length === 0 ? 0 : x[x.length - 1] + usualStep(x);
    const samples = { x, value: gauge.value, end };
    return { id: String(i), gauge, name: names[i], samples, color: 'blue', dashed: false };
  });
  const drawn = draft.filter(({ gauge }) => gauge.time_ns.length > 1);
  const single = draft.filter(({ gauge }) => gauge.time_ns.length === 1);
  const { charts, hidden } = chartsOf(drawn);
  const to = drawn.reduce((most, { samples }) => Math.max(most, samples.end), 1);
  const last = drawn.reduce((most, { samples: { x } }) => Math.max(most, x[x.length - 1]), 0);
  return { clock, base: zero, whole: { from: 0, to }, last, charts, single, hidden };
}
