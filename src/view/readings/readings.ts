/** What logs and monitors tell, sorted out for the page: which device's page shows it, headline figures. */
import type { ByteUnit } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { Readings, SourceView } from '../../engine/protocol.ts';
import { formatMoment, momentOf } from './clock.ts';
import { statisticsOf } from './gauge-columns.ts';
import type { GaugeMetric, GaugeSet } from './gauges.ts';
import { rankOf } from './gauges.ts';
import type { HeadlineCard } from '../device/headline.ts';
import { exactQuantity, formatQuantity } from '../parts/quantity.ts';

/** Whether there is anything for the charts and tables of readings. vLLM's own snapshots have a panel of their own. */
export const showsReadings = (readings: Readings | undefined): boolean =>
  readings !== undefined &&
  readings.gauges.length + readings.tables.length + readings.budgets.length + readings.events.length > 0;

export const hasReadings = (readings: Readings | undefined): readings is Readings =>
  showsReadings(readings) || (readings?.vllm_memory?.length ?? 0) > 0;

/** Readings beside a device's own events: of this device, of none, and of devices that have no page. */
export function readingsOfDevice(source: SourceView, device: number): Readings | null {
  const { readings } = source;
  if (!hasReadings(readings)) return null;
  const pages = new Set(source.devices.map((one) => one.device));
  const here = (of: number | null): boolean => of === null || of === device || !pages.has(of);
  return {
    ...readings,
    gauges: readings.gauges.filter((gauge) => here(gauge.device)),
    events: readings.events.filter((event) => here(event.device)),
  };
}

const MOST_CARDS = 4;

function cardOf(set: GaugeSet, metric: GaugeMetric, unit: ByteUnit): HeadlineCard | null {
  const told = metric.series
    .map((series) => ({ series, ...statisticsOf(series.samples, set.whole) }))
    .filter(({ max }) => !Number.isNaN(max));
  if (told.length === 0) return null;
  const now = told.reduce((most, one) => (one.last > most.last ? one : most));
  const peak = told.reduce((most, one) => (one.max > most.max ? one : most));
  const measure = metric.series[0].gauge.unit;
  const same = now.series === peak.series;
  const who = same ? now.series.name : `${now.series.name} at the end, ${peak.series.name} at the peak`;
  const others = told.length === 1 ? null : `Highest of ${count(told.length, 'series', 'series')}: ${who}.`;
  return {
    id: metric.id,
    label: metric.label,
    color: null,
    now: formatQuantity(now.last, measure, unit),
    nowKnown: true,
    nowTitle: exactQuantity(now.last, measure),
    peak: formatQuantity(peak.max, measure, unit),
    peakTitle: exactQuantity(peak.max, measure),
    bound: false,
    when: `at ${formatMoment(set.clock, momentOf(set.base, peak.maxAt))}`,
    peakAtNs: peak.maxAt,
    peakRow: null,
    note: others,
  };
}

/** What never moves is no news. */
const moves = ({ series }: GaugeMetric): boolean =>
  series.some(({ samples: { value } }) => value.some((one) => !Number.isNaN(one) && one !== value[0]));

/** How full, how busy, who waits: at most two a chart. */
export function readingsCards(set: GaugeSet, unit: ByteUnit): HeadlineCard[] {
  return set.charts
    .filter(({ aside }) => !aside)
    .flatMap(({ metrics }) =>
      metrics.filter((metric) => rankOf(metric.series[0].gauge) <= 3 && moves(metric)).slice(0, 2),
    )
    .flatMap((metric) => cardOf(set, metric, unit) ?? [])
    .slice(0, MOST_CARDS);
}
