/**
 * Two recordings side by side as data. A is what was before, B what is now: a difference is B less A, with its sign in
 * words, and the first sentence says which line does it.
 */
import { withAmounts } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type {
  Axis,
  CompareBoth,
  CompareMoment,
  ComparePlace,
  CompareView,
  DeviceView,
  SourceView,
  TimelineAnswer,
} from '../../engine/protocol.ts';
import { type ChartCurve, type ChartModel, visibleMax, xTicks } from '../parts/curves.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';
import { byteTicks } from '../parts/ticks.ts';
import { formatInstant } from '../parts/words.ts';

/** A device that can be compared with the one on screen. */
export interface Comparable {
  readonly key: string;
  readonly label: string;
  readonly device: DeviceView;
}

/** Devices of the same kind in all that is open, this one first. */
export function comparables(device: DeviceView, sources: readonly SourceView[]): Comparable[] {
  const all = sources.flatMap(({ file, devices }) =>
    devices
      .filter(({ producer, rows }) => producer === device.producer && rows > 0)
      .map((one) => ({
        key: one.key,
        device: one,
        label: devices.length > 1 ? `${file}, GPU ${one.device}` : file,
      })),
  );
  return [...all.filter(({ key }) => key === device.key), ...all.filter(({ key }) => key !== device.key)];
}

export type MomentChoice = 'peak' | 'end' | 'from' | 'to' | 'shown';

export interface MomentOption {
  readonly id: MomentChoice;
  readonly label: string;
  readonly moment: CompareMoment;
}

/**
 * Moments that can be compared: those of any recording, and of the one on screen what was chosen on its timeline. `rows`:
 * first and last row of the chosen range.
 */
export function momentOptions(rows: readonly [number, number] | null, shown: number | null): MomentOption[] {
  const options: MomentOption[] = [
    { id: 'peak', label: 'at its peak', moment: 'peak' },
    { id: 'end', label: 'at the end', moment: 'end' },
  ];
  if (rows !== null)
    options.push(
      { id: 'from', label: 'where the chosen range begins', moment: { row: rows[0] } },
      { id: 'to', label: 'where the chosen range ends', moment: { row: rows[1] } },
    );
  if (shown !== null)
    options.push({ id: 'shown', label: `after event ${formatInteger(shown)}`, moment: { row: shown } });
  return options;
}

/** "+16 MiB", "−3.2 GiB", "0": the sign is a word of its own for who does not see the colour. */
export function signed(bytes: number, unit: ByteUnit): string {
  if (bytes === 0) return '0';
  return `${bytes > 0 ? '+' : '−'}${formatBytes(Math.abs(bytes), unit)}`;
}

const signedCount = (value: number): string =>
  value === 0 ? '0' : `${value > 0 ? '+' : '−'}${formatInteger(Math.abs(value))}`;

const bytes = (value: number, unit: ByteUnit): Cell =>
  cell(formatBytes(value, unit), value, { title: `${formatInteger(value)} bytes` });

const difference = (value: number, unit: ByteUnit, most: number): Cell =>
  cell(signed(value, unit), value, {
    title: `${signedCount(value)} bytes`,
    share: most > 0 ? Math.abs(value) / most : null,
  });

const three = ({ a, b, difference: by }: CompareBoth, unit: ByteUnit, most: number): Cell[] => [
  bytes(a, unit),
  bytes(b, unit),
  difference(by, unit, most),
];

const AB = [
  { id: 'a', label: 'A', numeric: true },
  { id: 'b', label: 'B', numeric: true },
  { id: 'difference', label: 'B less A', numeric: true },
] as const;

const mostOf = (all: readonly CompareBoth[]): number =>
  Math.max(0, ...all.map(({ difference: by }) => Math.abs(by)));

export interface CompareModel {
  readonly sentence: string;
  readonly notes: readonly string[];
  readonly placeA: string;
  readonly placeB: string;
  readonly figures: TableModel;
  readonly lines: TableModel;
  readonly ledger: TableModel | null;
  readonly streams: TableModel | null;
  readonly sizes: TableModel | null;
  readonly settings: TableModel | null;
}

function placeWords({ row, xNs, iteration, exact }: ComparePlace, clock: DeviceView['clock']): string {
  const when =
    row < 0
      ? 'before the first event'
      : `after event ${formatInteger(row)}${xNs === null || clock === 'none' ? '' : `, ${formatInstant(xNs, 1000)}`}`;
  const loop = iteration === null ? '' : `, iteration ${formatInteger(iteration)}`;
  return `${when}${loop}${exact ? '' : '; what it held before the recording is a lower bound'}`;
}

function figuresTable({ requested, allocated, reserved }: CompareView, unit: ByteUnit): TableModel {
  const rows = (
    [
      ['Requested', requested],
      ['Allocated', allocated],
      ['Reserved', reserved],
    ] as const
  ).flatMap(([name, figure]) =>
    figure === null
      ? []
      : [
          { key: `${name} peak`, label: `${name}, highest`, both: figure.peak },
          { key: `${name} end`, label: `${name}, at the end`, both: figure.end },
        ],
  );
  const most = mostOf(rows.map(({ both }) => both));
  return {
    caption: 'Figures of both recordings',
    columns: [{ id: 'figure', label: 'Figure', numeric: false, wide: true }, ...AB],
    rows: rows.map(({ key, label, both }) => ({ key, cells: [cell(label), ...three(both, unit, most)] })),
    total: null,
    sort: null,
  };
}

function linesTable({ lines, rest }: CompareView, unit: ByteUnit): TableModel {
  const most = mostOf(lines);
  const rows = lines.map((line, index) => ({
    key: String(index),
    cells: [
      cell(line.place, line.place, {
        mono: line.isLine,
        title:
          line.placeInA === null
            ? `${line.place}: only in B`
            : line.placeInB === null
              ? `${line.place}: only in A`
              : line.place,
      }),
      ...three(line, unit, most),
      cell(signedCount(line.allocations.difference), line.allocations.difference, {
        title: `${formatInteger(line.allocations.a)} in A, ${formatInteger(line.allocations.b)} in B`,
      }),
      cell(
        line.iterationSince === null
          ? ''
          : line.iterationSince === 0
            ? 'the start'
            : `iteration ${formatInteger(line.iterationSince)}`,
        line.iterationSince ?? Infinity,
      ),
    ],
  }));
  if (rest.lines > 0)
    rows.push({
      key: 'rest',
      cells: [
        cell(`${formatInteger(rest.lines)} lines that differ less`, '￿'),
        ...three(rest, unit, most),
        cell(signedCount(rest.allocations.difference), rest.allocations.difference),
        cell('', Infinity),
      ],
    });
  return {
    caption: 'Lines, by what they explain',
    columns: [
      { id: 'line', label: 'Line', numeric: false, wide: true },
      ...AB,
      { id: 'allocations', label: 'Allocations', numeric: true },
      { id: 'since', label: 'Since', numeric: false },
    ],
    rows,
    total: null,
    sort: null,
  };
}

interface Part extends CompareBoth {
  readonly label: string;
}

function partsTable(
  caption: string,
  head: string,
  parts: readonly Part[],
  unit: ByteUnit,
): TableModel | null {
  const there = parts.filter(({ a, b }) => a !== 0 || b !== 0);
  if (there.length === 0) return null;
  const most = mostOf(there);
  return {
    caption,
    columns: [{ id: 'part', label: head, numeric: false, wide: true }, ...AB],
    rows: there.map((part) => ({ key: part.label, cells: [cell(part.label), ...three(part, unit, most)] })),
    total: null,
    sort: null,
  };
}

function settingsTable({ settings }: CompareView): TableModel | null {
  if (settings.length === 0) return null;
  return {
    caption: 'Settings that differ',
    columns: [
      { id: 'name', label: 'Setting', numeric: false },
      { id: 'a', label: 'A', numeric: false, breaks: true },
      { id: 'b', label: 'B', numeric: false, breaks: true },
    ],
    rows: settings.map(({ name, a, b }) => ({
      key: name,
      cells: [cell(name, name, { mono: true }), cell(a ?? 'not recorded'), cell(b ?? 'not recorded')],
    })),
    total: null,
    sort: null,
  };
}

export function compareModel(
  view: CompareView,
  clocks: readonly [DeviceView['clock'], DeviceView['clock']],
  unit: ByteUnit,
): CompareModel {
  const { streams, sizeClasses, ledger } = view;
  return {
    sentence: withAmounts(view.sentence, unit),
    notes: view.notes.map((note) => withAmounts(note, unit)),
    placeA: placeWords(view.a, clocks[0]),
    placeB: placeWords(view.b, clocks[1]),
    figures: figuresTable(view, unit),
    lines: linesTable(view, unit),
    ledger: ledger === null ? null : partsTable('Where the reserved bytes are', 'Part', ledger, unit),
    streams:
      streams.length < 2
        ? null
        : partsTable(
            'By stream',
            'Stream',
            streams.map((one) => ({ ...one, label: one.stream })),
            unit,
          ),
    sizes: partsTable(
      'By size of the allocation',
      'Allocations of',
      sizeClasses.map((one) => ({
        ...one,
        label: `${formatBytes(one.from, unit)} to ${formatBytes(one.to, unit)}`,
      })),
      unit,
    ),
    settings: settingsTable(view),
  };
}

/** What both requested over one axis, each from its own start; null: one of them has no such curve. */
export function compareChart(
  answers: readonly [TimelineAnswer, TimelineAnswer],
  axis: Axis,
  unit: ByteUnit,
  size: { readonly width: number; readonly height: number },
): ChartModel | null {
  const [a, b] = answers;
  const span = { from: 0, to: Math.max(a.range.to, b.range.to) };
  const curve = (answer: TimelineAnswer, id: 'A' | 'B'): ChartCurve | null => {
    const values = answer.series.at(0);
    if (values === undefined) return null;
    const { first, min, max, last } = values;
    const color = id === 'A' ? 'orange' : 'blue';
    return { id, label: id, color, scale: 'left', dashed: id === 'A', first, min, max, last };
  };
  const curves = [curve(a, 'A'), curve(b, 'B')].filter((one) => one !== null);
  if (curves.length < 2) return null;
  return {
    x: a.x,
    end: a.range.to,
    span,
    curves,
    xTicks: xTicks(axis, span, size.width),
    leftTicks: byteTicks(visibleMax(curves, a.x, span), Math.max(2, Math.floor(size.height / 36)), unit),
    rightTicks: [],
  };
}
