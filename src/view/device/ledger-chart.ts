/** The ledger over time as a stacked chart, its read-outs, and the same as a table. */
import { upperBound } from '../../base/binary-search.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type { Measured } from '../../base/measured.ts';
import type { Axis, LedgerColumns } from '../../engine/protocol.ts';
import type { ChartCurve, ChartModel, LegendEntry } from '../parts/curves.ts';
import { visibleMax, xTicks } from '../parts/curves.ts';
import { curveColors } from '../parts/palette.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';
import { byteTicks } from '../parts/ticks.ts';
import type { Span } from '../parts/viewport.ts';
import { formatInstant, stepOf } from '../parts/words.ts';

/** An answer that has something to show. */
export type ToldColumns = LedgerColumns & { readonly parts: NonNullable<LedgerColumns['parts']> };

export const isTold = (answer: LedgerColumns | null): answer is ToldColumns =>
  answer !== null && answer.parts !== null;

export interface LedgerChartInput {
  readonly answer: ToldColumns;
  /** Parts that are left out of the stack. */
  readonly hidden: ReadonlySet<string>;
  readonly span: Span;
  readonly unit: ByteUnit;
  readonly width: number;
  readonly height: number;
}

const colorsOf = ({ parts: told }: ToldColumns): ReturnType<typeof curveColors> =>
  curveColors([...told.parts, ...(told.outside?.parts ?? [])].map(({ id }) => id));

/** Parts in the order of the answer, from the bottom up. A part without a byte in a column has no edge there. */
export function ledgerChart({ answer, hidden, span, unit, width, height }: LedgerChartInput): ChartModel {
  const { x, range, parts: told } = answer;
  const colors = colorsOf(answer);
  let below = new Float64Array(x.length);
  const curves: ChartCurve[] = [];
  for (const { id, label, values } of [...told.parts, ...(told.outside?.parts ?? [])]) {
    if (hidden.has(id)) continue;
    const min = below;
    const max = min.map((bytes, i) => (values[i] > 0 ? bytes + values[i] : NaN));
    // What is not known takes no room: what lies above it begins where it would.
    below = min.map((bytes, i) => (Number.isNaN(max[i]) ? bytes : max[i]));
    const color = colors.get(id) ?? 'grey';
    curves.push({
      id,
      label,
      color,
      scale: 'left',
      dashed: false,
      stacked: true,
      first: max,
      min,
      max,
      last: max,
    });
  }
  return {
    x,
    end: range.to,
    span,
    curves,
    xTicks: xTicks(range.axis, span, width),
    leftTicks: byteTicks(visibleMax(curves, x, span), Math.max(2, Math.floor(height / 36)), unit),
    rightTicks: [],
  };
}

/** Column under `at`; -1: outside. */
export function ledgerColumnAt({ x, range }: LedgerColumns, at: number): number {
  return x.length === 0 || at < x[0] || at >= range.to ? -1 : upperBound(x, at) - 1;
}

/** What is read out: the event of a column, or the last one in view. */
export interface LedgerReading {
  /** -1: before the first event. */
  readonly row: number;
  /** Where the column begins on the axis; null: the right edge. */
  readonly x: number | null;
  readonly reserved: number;
  /** By part: its bytes, and the most at any event of the column. */
  readonly values: readonly number[];
  readonly most: readonly number[];
  /** What a monitor tells at that moment, by part of `outside`; NaN: nothing. null: no monitor is open. */
  readonly outside: readonly Measured[] | null;
  readonly used: Measured | null;
}

/** `moment`: a column, or the one behind the last: the end. */
function outsideAt(
  { outside }: ToldColumns['parts'],
  moment: number,
): Pick<LedgerReading, 'outside' | 'used'> {
  if (outside === null) return { outside: null, used: null };
  const figure = ({ values, errors }: { readonly values: Float64Array; readonly errors: Float64Array }) => ({
    value: values[moment],
    error: errors[moment],
  });
  return { outside: outside.parts.map(figure), used: figure(outside.used) };
}

/** `at`: under the pointer; null: there is none. null: the pointer is outside. */
export function ledgerReading(answer: ToldColumns, at: number | null): LedgerReading | null {
  const { parts: told, x } = answer;
  if (at === null) return { ...told.end, x: null, most: told.end.values, ...outsideAt(told, x.length) };
  const column = ledgerColumnAt(answer, at);
  if (column < 0) return null;
  return {
    row: told.row[column],
    x: x[column],
    reserved: told.reserved[column],
    values: told.parts.map(({ values }) => values[column]),
    most: told.parts.map(({ most }) => most[column]),
    ...outsideAt(told, column),
  };
}

const bytes = (value: number): string => `${formatInteger(value)} bytes`;

const eventWords = (row: number): string =>
  row < 0 ? 'before the first event' : `just after event ${formatInteger(row)}`;

const figureText = ({ value, error }: Measured, unit: ByteUnit): string =>
  Number.isNaN(value)
    ? 'not known'
    : `${formatBytes(value, unit)}${error > 0 ? ` ± ${formatBytes(error, unit)}` : ''}`;

export function ledgerLegend(
  answer: ToldColumns,
  hidden: ReadonlySet<string>,
  reading: LedgerReading | null,
  unit: ByteUnit,
): LegendEntry[] {
  const { parts: told } = answer;
  const colors = colorsOf(answer);
  const outside = (told.outside?.parts ?? []).map(({ id, label }, part): LegendEntry => {
    const figure = reading?.outside?.[part];
    const value = figure === undefined ? '' : figureText(figure, unit);
    const from = `${label}, by ${told.outside?.file ?? ''}`;
    return {
      ...{ id, label, color: colors.get(id) ?? 'grey', dashed: false, shown: !hidden.has(id), value },
      title: figure === undefined || Number.isNaN(figure.value) ? from : `${from}: ${bytes(figure.value)}`,
    };
  });
  const inside = told.parts.map(({ id, label }, part) => {
    const entry = { id, label, color: colors.get(id) ?? 'grey', dashed: false, shown: !hidden.has(id) };
    if (reading === null) return { ...entry, value: '', title: label };
    const { row, values, most } = reading;
    const beside =
      most[part] > values[part] ? `; ${bytes(most[part])} at another event of the same pixel` : '';
    return {
      ...entry,
      value: formatBytes(values[part], unit),
      title: `${label}: ${bytes(values[part])} ${eventWords(row)}${beside}`,
    };
  });
  return [...inside, ...outside];
}

/**
 * "Just after event 6,420 (column from 1.230000 s): 10 + 2 + 0 + 4 = 16 bytes reserved.": every byte, in the order of
 * the legend. The event may come later in its column of pixels.
 */
export function ledgerReadout({ range }: ToldColumns, reading: LedgerReading | null, unit: ByteUnit): string {
  if (reading === null) return '';
  const { row, x, values, reserved } = reading;
  const when = eventWords(row);
  const time =
    x === null || row < 0 || range.axis === 'event'
      ? ''
      : ` (column from ${formatInstant(x, stepOf(range))})`;
  const sum = values.map(formatInteger).join(' + ');
  return `${when[0].toUpperCase()}${when.slice(1)}${time}: ${sum} = ${bytes(reserved)} reserved.${usedWords(reading, unit)}`;
}

const usedWords = ({ used }: LedgerReading, unit: ByteUnit): string =>
  used === null || Number.isNaN(used.value)
    ? ''
    : ` In use on the device by anyone: ${figureText(used, unit)}.`;

/** The same with the parts by name, for who does not see the chart. Parts without a byte are left out. */
export function ledgerSpoken(
  { parts: told }: ToldColumns,
  reading: LedgerReading | null,
  unit: ByteUnit,
): string {
  if (reading === null) return '';
  const parts = told.parts.flatMap(({ label }, part) =>
    reading.values[part] > 0 ? [`${label} ${formatBytes(reading.values[part], unit)}`] : [],
  );
  return `${eventWords(reading.row)}: ${formatBytes(reading.reserved, unit)} reserved. ${parts.join(', ')}.${usedWords(reading, unit)}`;
}

/** First and last column that touch the span. */
export function columnsIn({ x }: LedgerColumns, span: Span): readonly [number, number] {
  const first = Math.max(0, upperBound(x, span.from) - 1);
  let last = first;
  while (last + 1 < x.length && x[last + 1] < span.to) last++;
  return [first, last];
}

/** Column in view with the most reserved; the first of equals. */
function tallest(answer: ToldColumns, [from, to]: readonly [number, number]): number {
  let best = from;
  for (let i = from; i <= to; i++) if (answer.parts.reserved[i] > answer.parts.reserved[best]) best = i;
  return best;
}

/** What is in view as figures: at its first and last column and where most is reserved, and the most of each part. */
export function ledgerTable(answer: ToldColumns, span: Span, unit: ByteUnit): TableModel {
  const { parts: told } = answer;
  const view = columnsIn(answer, span);
  const columns = [view[0], tallest(answer, view), view[1]];
  const figure = (value: number): Cell =>
    Number.isNaN(value)
      ? cell('not known', -Infinity)
      : cell(formatBytes(value, unit), value, { title: bytes(value) });
  const mostOf = (values: Float64Array): number =>
    values.subarray(view[0], view[1] + 1).reduce((a, b) => (b > a ? b : a), 0);
  const row = (key: string, label: string, values: Float64Array, most: Float64Array) => ({
    key,
    cells: [cell(label), ...columns.map((column) => figure(values[column])), figure(mostOf(most))],
  });
  const event = (column: number): Cell => {
    const at = told.row[column];
    return cell(at < 0 ? 'before the first' : formatInteger(at), at);
  };
  return {
    caption: 'Where every reserved byte is over time',
    columns: [
      { id: 'part', label: 'Part', numeric: false, wraps: true },
      { id: 'first', label: 'First column', numeric: true },
      { id: 'tallest', label: 'Most reserved', numeric: true },
      { id: 'last', label: 'Last column', numeric: true },
      { id: 'most', label: 'Most of the part', numeric: true },
    ],
    rows: [
      { key: 'event', cells: [cell('Just after event'), ...columns.map(event), cell('any in view')] },
      ...told.parts.map(({ id, label, values, most }) => row(id, label, values, most)),
      row('reserved', 'Reserved: their sum', told.reserved, told.reserved),
      ...(told.outside === null
        ? []
        : [
            ...told.outside.parts.map(({ id, label, values }) => row(id, label, values, values)),
            row('used', 'In use on the device by anyone', told.outside.used.values, told.outside.used.values),
          ]),
    ],
    total: null,
    sort: null,
  };
}

/** How to read the chart, and what is not exact about it. */
export function ledgerChartWords({ parts: told }: ToldColumns, hidden: ReadonlySet<string>): string {
  const out = told.parts.filter(({ id }) => hidden.has(id)).length;
  return [
    'Each pixel column shows one exact moment: the one with the most reserved memory, and of those the one with the most requested.',
    told.outside === null
      ? ''
      : `What lies above what is reserved is told by ${told.outside.file}, from its samples beside each event; where none is close, nothing is drawn.`,
    out === 0 ? '' : `${out === 1 ? 'One part is' : `${out} parts are`} left out of the stack.`,
    told.unknownSizes === 0
      ? ''
      : `${formatInteger(told.unknownSizes)} large blocks from before the recording may each be up to 1 MiB larger than their request until they are freed: rounding is at least what is shown, free parts at most.`,
  ]
    .filter((text) => text !== '')
    .join(' ');
}

/** Column `by` further, inside the view; `from`: null where none is chosen yet. */
export function movedColumn(answer: LedgerColumns, span: Span, from: number | null, by: number): number {
  const [first, last] = columnsIn(answer, span);
  return Math.min(last, Math.max(first, from === null ? last : from + by));
}

/** Middle of a column on the axis. */
export function middleOf({ x, range }: LedgerColumns, column: number): number {
  const end = column + 1 < x.length ? x[column + 1] : range.to;
  return (x[column] + end) / 2;
}

/** What the chart is, and what keys do on it. */
export const chartName = (axis: Axis): string =>
  `Ledger over ${axis === 'time' ? 'time' : 'events'}: arrow keys move through the columns, Enter shows the event`;
