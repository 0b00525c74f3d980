/**
 * Growth of what logs, monitors and summaries print: each series by itself, and allocated and reserved of one
 * program together. Samples stand for iterations; nothing says that each is one.
 */
import type { Gauge } from '../../trace/readings.ts';
import { HOST_DEVICE, type MemorySummary } from '../../trace/capture.ts';
import { type CombinedGrowth, combineGrowth } from '../growth/conclusion.ts';
import { growthOfSamples } from '../growth/series.ts';
import type { GrowthVerdict } from '../growth/verdict.ts';
import { type Measure, measureOf } from '../step-curve.ts';
import type { ReadSource } from '../read-source.ts';
import { endIn } from './facts-cards.ts';
import { asLines } from './printed-places.ts';
import { totalOf } from './facts-fullness.ts';

export interface GaugeGrowth {
  readonly source: ReadSource;
  readonly gauge: string;
  readonly label: string;
  readonly measures: Measure;
  readonly device: number | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly values: Float64Array;
  readonly granularity: number;
  /** true: its use fell to nothing for good; the values are those before. */
  readonly ended: boolean;
  readonly verdict: GrowthVerdict;
}

/** Allocated and reserved of one program, judged together. */
export interface PrintedGrowth {
  readonly source: ReadSource;
  readonly device: number | null;
  /** "serve.report.log", "the memory summaries of serve.summaries.log". */
  readonly what: string;
  readonly allocated: GaugeGrowth;
  readonly reserved: GaugeGrowth;
  readonly conclusion: CombinedGrowth;
  /** Reserved before and after a line that says so (a tag with "empty_cache"); null: there is none. */
  readonly emptied: { readonly before: number; readonly after: number; readonly tag: string } | null;
}

/** Fewer samples are no curve. */
const LEAST_SAMPLES = 3;

function growthOf(
  source: ReadSource,
  gauge: Gauge,
  measures: Measure,
  limit: number | null,
): GaugeGrowth | null {
  const { granularity } = gauge;
  // What was given back when its process ended says nothing of how it grew.
  const end = measures === 'device_used' ? endIn(gauge) : null;
  const value = end === null ? gauge.value : gauge.value.subarray(0, end.before + 1);
  const time_ns = end === null ? gauge.time_ns : gauge.time_ns.subarray(0, end.before + 1);
  if (value.filter((one) => !Number.isNaN(one)).length < LEAST_SAMPLES) return null;
  return {
    source,
    gauge: gauge.id,
    label: gauge.label,
    measures,
    device: gauge.device,
    labels: gauge.labels,
    values: value,
    granularity,
    ended: end !== null,
    verdict: asLines(
      growthOfSamples(value, {
        granularity,
        ...(source.readings?.clock === 'none' ? {} : { times_ns: time_ns }),
        // What ended reaches no limit any more.
        ...(limit === null || end !== null ? {} : { limit }),
      }),
      source,
      gauge.labels,
    ),
  };
}

/** msMemScope writes a row for every allocation and release of a pool: its rows are no rounds of anything. */
const isOfAllocations = ({ producer }: ReadSource, { labels }: Gauge): boolean =>
  producer.startsWith('msMemScope') && labels['pool'] !== undefined && labels['pool'] !== 'SNAPSHOT';

/** The sampled byte series of every source; Kineto's totals are written at every change and judged elsewhere. */
export function gaugeGrowths(sources: readonly ReadSource[]): GaugeGrowth[] {
  return sources.flatMap((source) => [
    ...(source.readings?.gauges ?? []).flatMap((gauge) => {
      const measures = measureOf(gauge);
      if (measures === null || gauge.id.startsWith('Total ') || isOfAllocations(source, gauge)) return [];
      const limit = measures === 'device_used' ? totalOf(sources, gauge) : null;
      return growthOf(source, gauge, measures, limit) ?? [];
    }),
    ...summaryGauges(source.summaries).flatMap(
      ({ gauge, measures }) => growthOf({ ...source, readings: null }, gauge, measures, null) ?? [],
    ),
  ]);
}

const METRICS = [
  ['Allocated memory', 'allocated'],
  ['GPU reserved memory', 'reserved'],
] as const;

/** Current figures of printed summaries as series, by device. */
function summaryGauges(
  summaries: readonly MemorySummary[],
): { readonly gauge: Gauge; readonly measures: Measure }[] {
  // Pinned host memory has figures of its own, which are not judged.
  const judged = summaries.filter(({ device }) => device !== HOST_DEVICE);
  // Each rank of a job calls its GPU 0 where it sees no other.
  const keyOf = ({ device, labels = {} }: MemorySummary): string => `${device}
${JSON.stringify(labels)}`;
  return [...new Set(judged.map(keyOf))].flatMap((key) => {
    const own = judged.filter((summary) => keyOf(summary) === key);
    const [{ device, labels = {} }] = own;
    return METRICS.map(([metric, measures]) => ({
      measures,
      gauge: {
        id: `summary.${measures}`,
        label: `${metric}, summaries`,
        unit: 'bytes' as const,
        device,
        labels,
        time_ns: BigInt64Array.from(own, (_, i) => BigInt(i)),
        value: Float64Array.from(own, ({ rows }) => rows[metric]?.['all']?.current ?? NaN),
        granularity: own.reduce(
          (most, { granularity }) => Math.max(most, granularity[metric]?.current ?? 0),
          0,
        ),
        note: null,
      },
    }));
  });
}

/** Tags beside the lines of memory; null: the source has none, or they are not one a line. */
function tagsOf({ readings }: ReadSource, length: number): readonly string[] | null {
  const rows = readings?.tables.find(({ id }) => id === 'memory-lines')?.rows;
  return rows?.length === length ? rows.map((row) => String(row[1])) : null;
}

/** The line that was printed after the cache was emptied, against the one before it. */
function emptiedOf(source: ReadSource, reserved: Float64Array): PrintedGrowth['emptied'] {
  const tags = tagsOf(source, reserved.length);
  const at = tags?.findIndex((tag) => /after/i.test(tag) && /empty_?cache/i.test(tag)) ?? -1;
  if (tags === null || at < 1) return null;
  return { before: reserved[at - 1], after: reserved[at], tag: tags[at] };
}

/** Ranks and processes are apart. */
const isSamePlace = (one: GaugeGrowth['labels'], other: GaugeGrowth['labels']): boolean =>
  Object.keys(one).length === Object.keys(other).length &&
  Object.entries(one).every(([name, value]) => other[name] === value);

/** "rank 0", "WorkerDict pid=4101"; '' where the lines name none. */
export const placeName = (labels: GaugeGrowth['labels']): string =>
  [
    ...(labels['host'] === undefined ? [] : [labels['host']]),
    ...(labels['rank'] === undefined ? [] : [`rank ${labels['rank']}`]),
    ...(labels['process'] === undefined ? [] : [labels['process']]),
  ].join(', ');

export function printedGrowths(
  growths: readonly GaugeGrowth[],
  sources: readonly ReadSource[],
): PrintedGrowth[] {
  return growths.flatMap((reserved): PrintedGrowth[] => {
    if (reserved.measures !== 'reserved') return [];
    const allocated = growths.find(
      ({ measures, source, device, gauge, labels }) =>
        measures === 'allocated' &&
        source.id === reserved.source.id &&
        device === reserved.device &&
        isSamePlace(labels, reserved.labels) &&
        gauge === reserved.gauge.replace('reserved', 'allocated'),
    );
    if (allocated === undefined) return [];
    const source = sources.find(({ id }) => id === reserved.source.id) ?? reserved.source;
    const isSummary = reserved.gauge.startsWith('summary.');
    const emptied = isSummary ? null : emptiedOf(source, reserved.values);
    const until = emptied === null ? null : reserved.values.indexOf(emptied.after, 1);
    // What the cache gave back is no part of how it grew.
    const judged = (growth: GaugeGrowth): GaugeGrowth =>
      until === null || until < LEAST_SAMPLES
        ? growth
        : {
            ...growth,
            verdict: asLines(
              growthOfSamples(growth.values.subarray(0, until), { granularity: growth.granularity }),
              source,
              growth.labels,
            ),
          };
    const [a, r] = [judged(allocated), judged(reserved)];
    return [
      {
        source,
        device: reserved.device,
        what: isSummary
          ? `the memory summaries of ${[source.file, placeName(reserved.labels)].filter((part) => part !== '').join(', ')}`
          : [source.file, placeName(reserved.labels)].filter((part) => part !== '').join(', '),
        allocated: a,
        reserved: r,
        conclusion: combineGrowth(a.verdict, r.verdict),
        emptied,
      },
    ];
  });
}
