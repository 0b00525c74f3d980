/** The tables below the charts: who holds it, streams, segments, memory kinds. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { percent } from '../../base/words.ts';
import type { DeviceView, RangeAnswer } from '../../engine/protocol.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';
import { timeLabel } from '../parts/ticks.ts';

const bytes = (value: number, unit: ByteUnit, share: number | null = null): Cell =>
  cell(formatBytes(value, unit), value, { title: `${formatInteger(value)} bytes`, share });

const integer = (value: number): Cell => cell(formatInteger(value), value);

const shareCell = (part: number, whole: number): Cell =>
  whole > 0 ? cell(percent(part / whole), part / whole) : cell('–', 0);

const shareOf = (part: number, whole: number): number | null =>
  whole > 0 ? Math.min(1, part / whole) : null;

export const holdersWords = ({ producer }: DeviceView): string =>
  producer !== 'nsys'
    ? 'Allocations alive at the end of the range, by the code that made them. A row shows the whole stack.'
    : 'Device memory alive at the end of the range, by the API call and, where it was recorded, the call chain behind it. A row shows the whole stack.';

export function holdersTable(answer: RangeAnswer, unit: ByteUnit): TableModel {
  const largest = Math.max(0, ...answer.holders.map((holder) => holder.bytes));
  return {
    caption: 'Who holds it: live allocations by the code that made them',
    columns: [
      { id: 'label', label: 'Allocated by', numeric: false, wide: true },
      { id: 'bytes', label: 'Live', numeric: true },
      { id: 'share', label: 'Share', numeric: true },
      { id: 'allocations', label: 'Allocations', numeric: true },
      { id: 'largest', label: 'Largest', numeric: true },
    ],
    rows: answer.holders.map((holder, index) => ({
      key: String(index),
      cells: [
        cell(holder.label, holder.label, { mono: holder.stack !== null, title: holder.label }),
        bytes(holder.bytes, unit, shareOf(holder.bytes, largest)),
        shareCell(holder.bytes, answer.liveBytes),
        integer(holder.allocations),
        bytes(holder.largest, unit),
      ],
    })),
    total: answer.holdersTotal,
    sort: { column: 'bytes', direction: 'descending' },
  };
}

export function streamsTable(answer: RangeAnswer, unit: ByteUnit): TableModel {
  return {
    caption: 'Streams',
    columns: [
      { id: 'stream', label: 'Stream', numeric: false },
      { id: 'allocations', label: 'Allocations', numeric: true },
      { id: 'bytes', label: 'Allocated', numeric: true },
      { id: 'frees', label: 'Frees', numeric: true },
      { id: 'live', label: 'Live at the end', numeric: true },
      { id: 'liveCount', label: 'Live allocations', numeric: true },
    ],
    rows: answer.streams.map((row) => ({
      key: row.stream,
      cells: [
        cell(row.stream, row.stream, { mono: true }),
        integer(row.allocations),
        bytes(row.bytes, unit),
        integer(row.frees),
        bytes(row.liveBytes, unit, shareOf(row.liveBytes, answer.liveBytes)),
        integer(row.liveAllocations),
      ],
    })),
    total: null,
    sort: { column: 'bytes', direction: 'descending' },
  };
}

export function segmentsTable(answer: RangeAnswer, unit: ByteUnit): TableModel {
  // One unit in the whole column, whatever a row's own would be.
  const latest = answer.segments.reduce((most, { allocatedAtNs: ns }) => Math.max(most, ns ?? 0), 0);
  const made = (ns: number): string => timeLabel(ns, Math.max(1, latest / 1000), latest);
  return {
    caption: 'Segments',
    columns: [
      { id: 'address', label: 'Address', numeric: false },
      { id: 'size', label: 'Size', numeric: true },
      { id: 'live', label: 'Live in it', numeric: true },
      { id: 'used', label: 'Used', numeric: true },
      { id: 'count', label: 'Allocations', numeric: true },
      { id: 'stream', label: 'Stream', numeric: false },
      { id: 'pool', label: 'Pool', numeric: false },
      { id: 'made', label: 'Made', numeric: true },
    ],
    rows: answer.segments.map((row, index) => ({
      key: `${row.address}/${index}`,
      cells: [
        cell(row.address, row.address, { mono: true }),
        bytes(row.size, unit),
        bytes(row.liveBytes, unit, shareOf(row.liveBytes, row.size)),
        shareCell(row.liveBytes, row.size),
        integer(row.liveAllocations),
        cell(row.stream, row.stream, { mono: true }),
        cell(row.expandable ? `${row.pool}, expandable` : row.pool),
        row.allocatedAtNs === null
          ? cell('before', -1, { title: 'Made before recording began' })
          : cell(made(row.allocatedAtNs), row.allocatedAtNs, {
              title: `${formatInteger(row.allocatedAtNs)} ns`,
            }),
      ],
    })),
    total: answer.segmentsTotal,
    sort: { column: 'size', direction: 'descending' },
  };
}

export function kindsTable(device: DeviceView, unit: ByteUnit): TableModel {
  return {
    caption: 'Memory kinds',
    columns: [
      { id: 'kind', label: 'Kind', numeric: false },
      { id: 'current', label: 'At the end', numeric: true },
      { id: 'peak', label: 'Peak', numeric: true },
      { id: 'allocated', label: 'Allocated in all', numeric: true },
      { id: 'freed', label: 'Freed in all', numeric: true },
      { id: 'count', label: 'Allocations', numeric: true },
    ],
    rows: device.kinds.map((row) => ({
      key: row.kind,
      cells: [
        cell(row.kind.replaceAll('_', ' '), row.kind),
        bytes(row.current, unit),
        bytes(row.peak, unit),
        bytes(row.allocated, unit),
        bytes(row.freed, unit),
        integer(row.count),
      ],
    })),
    total: null,
    sort: { column: 'peak', direction: 'descending' },
  };
}
