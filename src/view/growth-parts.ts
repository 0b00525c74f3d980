/** Growth of each stream and line of code as a table, those that grow first. */
import type { ByteUnit } from '../base/units.ts';
import { formatBytes, formatInteger } from '../base/units.ts';
import type { DeviceDiagnosis, GrowthPartView } from '../engine/protocol.ts';
import { kindWord, seriesLabel } from './growth.ts';
import type { Cell, TableModel } from './table.ts';
import { cell } from './table.ts';

/** What grows without an end before what grows, before what stays; then by what was added. */
const ORDER: readonly string[] = [
  'linear_leak',
  'sub_linear',
  'steps_with_largest_request',
  'warm_up_plateau',
  'cannot_tell',
  'none',
];

const rank = ({ kind }: GrowthPartView): number => {
  const at = ORDER.indexOf(kind);
  return at < 0 ? ORDER.length : at;
};

/** "33.78 MiB an iteration", "at 4.56 GiB"; "" where neither is told. */
function figureCell({ boundBytes, slopeBytesPerIteration: slope }: GrowthPartView, unit: ByteUnit): Cell {
  if (boundBytes !== null)
    return cell(`at ${formatBytes(boundBytes, unit)}`, boundBytes, {
      title: `${formatInteger(boundBytes)} bytes`,
    });
  if (slope === null) return cell('', -Infinity);
  const bytes = Math.round(slope);
  return cell(`${formatBytes(bytes, unit)} an iteration`, bytes, {
    title: `${formatInteger(bytes)} bytes an iteration`,
  });
}

const bytesCell = (bytes: number, unit: ByteUnit): Cell =>
  cell(formatBytes(bytes, unit), bytes, { title: `${formatInteger(bytes)} bytes` });

/** Keys are indices into `growthParts`; null where there are none. */
export function growthPartsTable({ growthParts }: DeviceDiagnosis, unit: ByteUnit): TableModel | null {
  if (growthParts.length === 0) return null;
  const rows = growthParts
    .map((part, index) => ({ part, index }))
    .sort((a, b) => rank(a.part) - rank(b.part) || b.part.last - b.part.first - (a.part.last - a.part.first));
  return {
    caption: 'Growth of each stream and line of code',
    columns: [
      { id: 'name', label: 'Stream or line', numeric: false },
      { id: 'series', label: 'Bytes', numeric: false },
      { id: 'verdict', label: 'Verdict', numeric: false },
      { id: 'figure', label: 'How far', numeric: true },
      { id: 'first', label: 'First', numeric: true },
      { id: 'last', label: 'Last', numeric: true },
    ],
    rows: rows.map(({ part, index }) => ({
      key: String(index),
      cells: [
        cell(part.by === 'stream' ? `stream ${part.name}` : part.name, part.name),
        cell(seriesLabel(part.series), part.series),
        cell(kindWord(part.kind), rank(part), { title: part.why.join(' ') }),
        figureCell(part, unit),
        bytesCell(part.first, unit),
        bytesCell(part.last, unit),
      ],
    })),
    total: null,
    sort: null,
  };
}
