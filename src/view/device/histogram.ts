/** Allocation sizes by stream as small multiples on one x axis of log2 classes. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count, list } from '../../base/words.ts';
import type { StreamRow } from '../../engine/protocol.ts';
import type { TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';
import { byteLabel } from '../parts/ticks.ts';

export type HistogramMeasure = 'count' | 'bytes';

export interface HistogramBar {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly bytes: number;
  /** Height as a share of this stream's tallest bar; 0 where the class is empty. */
  readonly share: number;
  /** "1 MiB" under the bar, or "" where the labels would touch. */
  readonly label: string;
  readonly title: string;
}

export interface HistogramPanel {
  readonly stream: string;
  readonly title: string;
  readonly facts: string;
  /** What the tallest bar stands for. */
  readonly tallest: string;
  readonly bars: readonly HistogramBar[];
  /** One sentence for those who do not see the bars. */
  readonly summary: string;
}

function streamTitle(stream: string): string {
  if (stream === 'unknown') return 'Streams not recorded';
  return stream === '0' ? 'Stream 0 (default)' : `Stream ${stream}`;
}

const valueOf = (measure: HistogramMeasure, row: { count: number; bytes: number }): number =>
  measure === 'count' ? row.count : row.bytes;

const describe = (measure: HistogramMeasure, value: number, unit: ByteUnit): string =>
  measure === 'count' ? count(value, 'allocation') : formatBytes(value, unit);

const classTitle = (from: number, to: number): string =>
  `${byteLabel(from, 'binary')} to ${byteLabel(to, 'binary')}`;

/** Streams without an allocation are left out; all others share one run of classes, empty ones included. */
export function histogramPanels(
  streams: readonly StreamRow[],
  measure: HistogramMeasure,
  unit: ByteUnit,
): HistogramPanel[] {
  const used = streams.filter((stream) => stream.allocations > 0);
  const starts = used.flatMap((stream) =>
    stream.histogram.filter((row) => row.count > 0).map((row) => row.from),
  );
  if (starts.length === 0) return [];
  // Class 0 is [0, 2): size 0 has no logarithm and shares it with size 1.
  const lowest = starts.includes(0) ? 2 : Math.min(...starts);
  const highest = Math.max(...starts);
  const classes: number[] = starts.includes(0) ? [0] : [];
  for (let from = lowest; from <= highest; from *= 2) classes.push(from);
  const every = Math.ceil(classes.length / 5);

  return used.map((stream) => {
    const rows = new Map(stream.histogram.map((row) => [row.from, row]));
    const tallest = Math.max(...stream.histogram.map((row) => valueOf(measure, row)));
    const bars = classes.map((from, index): HistogramBar => {
      const row = rows.get(from) ?? { from, to: from === 0 ? 2 : from * 2, count: 0, bytes: 0 };
      return {
        ...row,
        share: tallest > 0 ? valueOf(measure, row) / tallest : 0,
        label: index % every === 0 ? byteLabel(from, 'binary') : '',
        title: `${classTitle(row.from, row.to)}: ${count(row.count, 'allocation')}, ${formatBytes(row.bytes, unit)}`,
      };
    });
    const largest = [...bars]
      .sort((a, b) => b.share - a.share)
      .slice(0, 3)
      .filter((bar) => bar.share > 0);
    const facts = `${count(stream.allocations, 'allocation')}, ${formatBytes(stream.bytes, unit)}`;
    return {
      stream: stream.stream,
      title: streamTitle(stream.stream),
      facts,
      tallest: describe(measure, tallest, unit),
      bars,
      summary: `${streamTitle(stream.stream)}: ${facts}. Most by ${measure === 'count' ? 'number' : 'bytes'}: ${list(
        largest.map(
          (bar) => `${classTitle(bar.from, bar.to)} (${describe(measure, valueOf(measure, bar), unit)})`,
        ),
      )}.`,
    };
  });
}

/** The same figures as a table, for screen readers and for copying. */
export function histogramTable(panels: readonly HistogramPanel[], unit: ByteUnit): TableModel {
  return {
    caption: 'Allocation sizes by stream',
    columns: [
      { id: 'stream', label: 'Stream', numeric: false },
      { id: 'from', label: 'From', numeric: true },
      { id: 'to', label: 'Below', numeric: true },
      { id: 'count', label: 'Allocations', numeric: true },
      { id: 'bytes', label: 'Bytes', numeric: true },
    ],
    rows: panels.flatMap(({ stream, bars }) =>
      bars
        .filter((bar) => bar.count > 0)
        .map((bar) => ({
          key: `${stream}/${bar.from}`,
          cells: [
            cell(stream, stream),
            cell(byteLabel(bar.from, 'binary'), bar.from),
            cell(byteLabel(bar.to, 'binary'), bar.to),
            cell(formatInteger(bar.count), bar.count),
            cell(formatBytes(bar.bytes, unit), bar.bytes, { title: `${formatInteger(bar.bytes)} bytes` }),
          ],
        })),
    ),
    total: null,
    sort: null,
  };
}
