/** Growth of the figures that a monitor, a log or summaries print: the verdict, and its bound or its slope. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type { GaugeGrowthView } from '../../engine/protocol.ts';
import { kindWord } from '../diagnosis/growth.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

const nameOf = ({ label, device, labels }: GaugeGrowthView): string =>
  [
    label,
    ...(device === null ? [] : [`GPU ${device}`]),
    ...Object.entries(labels).map(([name, value]) => `${name} ${value}`),
  ].join(', ');

const signed = (bytes: number, unit: ByteUnit): string =>
  `${bytes < 0 ? '−' : ''}${formatBytes(Math.abs(Math.round(bytes)), unit)}`;

/** A bound where there is one; else how fast it grows, by time where the source has times. */
function figureOf(growth: GaugeGrowthView, unit: ByteUnit): Cell {
  const { boundBytes: bound, slopeBytesPerSample: sample, slopeBytesPerSecond: second } = growth;
  if (bound !== null)
    return cell(`at ${formatBytes(Math.round(bound), unit)}`, bound, {
      title: `${formatInteger(Math.round(bound))} bytes`,
    });
  const slope = sample ?? second;
  if (slope === null) return cell('–', -Infinity);
  const parts = [
    sample === null ? '' : `${signed(sample, unit)} a sample`,
    second === null ? '' : `${signed(second, unit)} a second`,
  ].filter((part) => part !== '');
  return cell(parts.join(', '), slope, { title: `${formatInteger(Math.round(slope))} bytes` });
}

/** null: no series long enough to be judged. */
export function gaugeGrowthTable(growths: readonly GaugeGrowthView[], unit: ByteUnit): TableModel | null {
  if (growths.length === 0) return null;
  return {
    caption: 'Growth of what was printed',
    columns: [
      { id: 'gauge', label: 'Figure', numeric: false, breaks: true },
      { id: 'verdict', label: 'Verdict', numeric: false },
      { id: 'figure', label: 'Bound or slope', numeric: true },
      { id: 'confidence', label: 'Confidence', numeric: false },
      { id: 'samples', label: 'Samples', numeric: true },
      { id: 'why', label: 'Why', numeric: false, wraps: true },
    ],
    rows: growths.map((growth, index) => ({
      key: String(index),
      cells: [
        cell(nameOf(growth), nameOf(growth), { title: growth.gauge }),
        cell(kindWord(growth.kind)),
        figureOf(growth, unit),
        cell(growth.confidence),
        cell(formatInteger(growth.samples), growth.samples),
        cell(growth.why.join(' ')),
      ],
    })),
    total: null,
    sort: null,
  };
}
