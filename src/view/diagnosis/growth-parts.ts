/** Growth of each stream and line of code as a table, those that grow first. */
import { withAmounts } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type { DeviceDiagnosis, GrowthPartView } from '../../engine/protocol.ts';
import { boundWords, kindWord, seriesLabel } from './growth.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

/** What grows without an end before what grows, before what stays; then by what was added. */
const ORDER: readonly string[] = [
  'linear_leak',
  'sub_linear',
  'steps_with_largest_request',
  'warm_up_plateau',
  'cannot_tell',
  'none',
];

const rankOf = (kind: string): number => {
  const at = ORDER.indexOf(kind);
  return at < 0 ? ORDER.length : at;
};

const rank = ({ kind }: GrowthPartView): number => rankOf(kind);

/** "33.78 MiB per iteration", "at 4.56 GiB"; "" where neither is told. */
function figureCell(
  { kind, boundBytes, slopeBytesPerIteration: slope, last }: GrowthPartView,
  unit: ByteUnit,
): Cell {
  if (boundBytes !== null)
    return cell(boundWords(kind, boundBytes, last, unit), boundBytes, {
      title: `${formatInteger(boundBytes)} bytes`,
    });
  if (slope === null) return cell('', -Infinity);
  const bytes = Math.round(slope);
  return cell(`${formatBytes(bytes, unit)} per iteration`, bytes, {
    title: `${formatInteger(bytes)} bytes per iteration`,
  });
}

const bytesCell = (bytes: number, unit: ByteUnit): Cell =>
  cell(formatBytes(bytes, unit), bytes, { title: `${formatInteger(bytes)} bytes` });

/** "grows on: 7; does not grow: 1": streams and lines of each verdict, the worse first. */
export function growthPartsWords({ growthParts }: DeviceDiagnosis): string {
  const kinds = [...new Set(growthParts.map(({ kind }) => kind))].sort(
    (a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1),
  );
  return kinds
    .map((kind) => {
      const word = kindWord(kind);
      return `${word[0].toLowerCase()}${word.slice(1)}: ${formatInteger(growthParts.filter((part) => part.kind === kind).length)}`;
    })
    .join('; ');
}

/** Keys are indices into `growthParts`; null where there are none. */
export function growthPartsTable({ growthParts }: DeviceDiagnosis, unit: ByteUnit): TableModel | null {
  if (growthParts.length === 0) return null;
  const rows = growthParts
    .map((part, index) => ({ part, index }))
    .sort((a, b) => rank(a.part) - rank(b.part) || b.part.last - b.part.first - (a.part.last - a.part.first));
  return {
    caption: 'Growth of each stream and line of code',
    columns: [
      { id: 'name', label: 'Stream or line', numeric: false, breaks: true },
      { id: 'series', label: 'Memory', numeric: false },
      { id: 'verdict', label: 'Verdict', numeric: false },
      { id: 'figure', label: 'How much', numeric: true },
      { id: 'first', label: 'After the first iteration', numeric: true },
      { id: 'last', label: 'After the last', numeric: true },
    ],
    rows: rows.map(({ part, index }) => ({
      key: String(index),
      cells: [
        cell(part.by === 'stream' ? `stream ${part.name}` : part.name, part.name),
        cell(seriesLabel(part.series), part.series),
        cell(kindWord(part.kind), rank(part), { title: withAmounts(part.why.join(' '), unit) }),
        figureCell(part, unit),
        bytesCell(part.first, unit),
        bytesCell(part.last, unit),
      ],
    })),
    total: null,
    sort: null,
  };
}
