/** Figures over time as a table: lowest, highest, last of each series, in the whole file or a chosen range. */
import type { ByteUnit } from '../../base/units.ts';
import { formatInteger } from '../../base/units.ts';
import { formatMoment, formatMomentBetween, momentOf } from './clock.ts';
import { statisticsOf } from './gauge-columns.ts';
import { gaugeLabels } from './gauge-names.ts';
import type { GaugeSeries, GaugeSet } from './gauges.ts';
import { describeGranularity, exactQuantity, formatGranularity, formatQuantity } from '../parts/quantity.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';
import type { Span } from '../parts/viewport.ts';

function quantityCell(value: number, { gauge }: GaugeSeries, unit: ByteUnit): Cell {
  if (Number.isNaN(value)) return cell('–', -Infinity, { title: 'missing' });
  return cell(formatQuantity(value, gauge.unit, unit), value, { title: exactQuantity(value, gauge.unit) });
}

/** How coarse its figures are stands with the curve, too: here it is in the title. */
function nameCells(series: GaugeSeries, unit: ByteUnit): Cell[] {
  const { label, note, id, granularity, unit: measure } = series.gauge;
  const title = [note ?? id, describeGranularity(granularity, measure, unit)].filter((text) => text !== '');
  return [
    cell(label, label, { title: title.join(' · ') }),
    cell(series.name === '' ? '–' : series.name, series.name, { title: gaugeLabels(series.gauge) || null }),
  ];
}

/** Without the day where the whole file is of one: the words above the table tell it. */
function momentCell({ clock, base, last }: GaugeSet, at: number): Cell {
  if (Number.isNaN(at)) return cell('–', -Infinity);
  const moment = momentOf(base, at);
  const title = formatMoment(clock, moment);
  return cell(formatMomentBetween(clock, moment, base, momentOf(base, last)), at, { title });
}

const coarseCell = ({ gauge }: GaugeSeries, unit: ByteUnit): Cell =>
  cell(formatGranularity(gauge.granularity, gauge.unit, unit) || 'exact', gauge.granularity);

export function gaugesTable(set: GaugeSet, range: Span | null, unit: ByteUnit): TableModel {
  const all = set.charts.flatMap(({ series }) => series);
  // One place only: there is nothing to tell apart.
  const named = all.some(({ name }) => name !== '');
  const rows = all.map((series) => ({ series, told: statisticsOf(series.samples, range ?? set.whole) }));
  const lacks = rows.some(({ told }) => told.missing > 0);
  return {
    caption: 'Figures over time: lowest, highest and last of each',
    columns: [
      { id: 'figure', label: 'Figure', numeric: false, wraps: true },
      ...(named ? [{ id: 'of', label: 'Of', numeric: false, breaks: true }] : []),
      { id: 'min', label: 'Lowest', numeric: true },
      { id: 'max', label: 'Highest', numeric: true },
      { id: 'when', label: 'Highest at', numeric: true },
      { id: 'last', label: 'Last', numeric: true },
      { id: 'count', label: 'Samples', numeric: true },
      ...(lacks ? [{ id: 'missing', label: 'Missing', numeric: true }] : []),
    ],
    rows: rows.map(({ series, told }) => {
      return {
        key: series.id,
        cells: [
          ...nameCells(series, unit).slice(0, named ? 2 : 1),
          quantityCell(told.min, series, unit),
          quantityCell(told.max, series, unit),
          momentCell(set, told.maxAt),
          quantityCell(told.last, series, unit),
          cell(formatInteger(told.count), told.count),
          ...(lacks ? [cell(formatInteger(told.missing), told.missing)] : []),
        ],
      };
    }),
    total: null,
    sort: null,
  };
}

/** Figures that the file has one sample of. */
export function singlesTable(set: GaugeSet, unit: ByteUnit): TableModel {
  return {
    caption: 'Figures of one moment',
    columns: [
      { id: 'figure', label: 'Figure', numeric: false },
      { id: 'of', label: 'Of', numeric: false, wide: true },
      { id: 'value', label: 'Value', numeric: true },
      { id: 'when', label: 'At', numeric: true },
      { id: 'printed', label: 'Printed to', numeric: true },
    ],
    rows: set.single.map((series) => ({
      key: series.id,
      cells: [
        ...nameCells(series, unit),
        quantityCell(series.gauge.value[0], series, unit),
        cell(
          set.clock === 'none' ? '–' : formatMoment(set.clock, series.gauge.time_ns[0]),
          Number(series.gauge.time_ns[0] - set.base),
        ),
        coarseCell(series, unit),
      ],
    })),
    total: null,
    sort: null,
  };
}
