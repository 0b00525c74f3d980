/** Tables of reports and logs, with units. Cells are made for the rows on screen only: a log has millions. */
import { percentOf } from '../../base/words.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatDuration, formatNumber } from '../../base/units.ts';
import type { DataTable } from '../../engine/protocol.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

type Unit = DataTable['columns'][number]['unit'];
type Value = DataTable['rows'][number][number];

const LONG_TEXT = 28;
const SAMPLED = 200;
/** Longer text may go on in a second line. */
const BREAKING_TEXT = 12;

function valueCell(value: Value, measure: Unit, unit: ByteUnit): Cell {
  if (value === null || (typeof value === 'number' && Number.isNaN(value)))
    return cell('–', measure === 'text' ? '' : -Infinity);
  if (typeof value === 'string')
    return cell(value, value, { title: value.length > LONG_TEXT ? value : null });
  switch (measure) {
    case 'bytes':
      return cell(formatBytes(Math.round(value), unit), value, { title: `${formatNumber(value, 6)} bytes` });
    case 'nanoseconds':
      return cell(formatDuration(value), value, { title: `${formatNumber(value, 6)} ns` });
    case 'percent':
      return cell(percentOf(value), value, { title: percentOf(value, 6) });
    case 'count':
      return cell(formatNumber(value), value);
    default:
      return cell(formatNumber(value), value, { title: formatNumber(value, 9) });
  }
}

/** Characters of the longest cell of each text column, 0 for figures. */
const textLengths = ({ columns, rows }: DataTable): number[] =>
  columns.map(({ unit }, column) => {
    if (unit !== 'text') return 0;
    return rows
      .slice(0, SAMPLED)
      .reduce((most, row) => Math.max(most, typeof row[column] === 'string' ? row[column].length : 0), 0);
  });

export function dataTable(table: DataTable, unit: ByteUnit): TableModel {
  const lengths = textLengths(table);
  const most = Math.max(0, ...lengths);
  // The text column with the longest cells takes what room is left.
  const wide = most > LONG_TEXT ? lengths.indexOf(most) : -1;
  const { columns, rows } = table;
  return {
    caption: table.title,
    columns: columns.map(({ name, unit: measure }, index) => ({
      id: String(index),
      label: name,
      numeric: measure !== 'text',
      wide: index === wide,
      breaks: index !== wide && lengths[index] > BREAKING_TEXT,
    })),
    rows: [],
    lazy: {
      length: rows.length,
      sortKey: (row, column) => {
        const value = rows[row][column] ?? null;
        return value ?? (columns[column].unit === 'text' ? '' : -Infinity);
      },
      row: (index) => ({
        key: String(index),
        cells: columns.map(({ unit: measure }, column) =>
          valueCell(rows[index][column] ?? null, measure, unit),
        ),
      }),
    },
    total: null,
    sort: null,
  };
}
