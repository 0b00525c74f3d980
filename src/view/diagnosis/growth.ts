/**
 * Growth by iteration as the page shows it: a small chart of what was held at the end of each, and the verdict of each
 * series in words. The chart has one scale from zero for all series, so that a cache and what is in it can be compared:
 *
 *   1.46 GiB |          ___---- reserved
 *            |     ___--___---- allocated
 *        0 B |__---________________
 *             1                  40
 */
import { withAmounts } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatDuration, formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { DeviceDiagnosis, GrowthView } from '../../engine/protocol.ts';
import type { CurveColor } from '../parts/palette.ts';
import { curveColors } from '../parts/palette.ts';
import type { TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

const KIND_WORD: Readonly<Record<string, string>> = {
  none: 'Does not grow',
  warm_up_plateau: 'Grew, then stays',
  steps_with_largest_request: 'Steps up with the largest request',
  linear_leak: 'Grows on',
  sub_linear: 'Grows ever slower',
  cannot_tell: 'Cannot tell',
};

const SERIES_LABEL: Readonly<Record<string, string>> = {
  allocated: 'Allocated',
  active: 'Active',
  reserved: 'Reserved',
};

const METHOD_WORDS: Readonly<Record<string, string>> = {
  markers: 'by their markers',
  annotations: 'by their annotations',
  period: 'from repeating allocation stacks',
};

/** A kind that is not known here yet is said as it is. */
const inWords = (words: Readonly<Record<string, string>>, key: string): string =>
  Object.hasOwn(words, key) ? words[key] : key.replaceAll('_', ' ');

export const kindWord = (kind: string): string => inWords(KIND_WORD, kind);
export const seriesLabel = (series: string): string => inWords(SERIES_LABEL, series);

export interface GrowthRow {
  readonly series: string;
  readonly label: string;
  readonly color: CurveColor;
  readonly verdict: string;
  /** It grows and nothing bounds it. */
  readonly endless: boolean;
  /** "at 4.56 GiB", "33.78 MiB per iteration, out of memory after 2,300 more". "" where neither is told. */
  readonly figure: string;
  readonly figureTitle: string;
  readonly confidence: string;
  /** The statistic and the reasons. */
  readonly why: readonly string[];
}

export interface GrowthLine {
  readonly series: string;
  readonly color: CurveColor;
  /** Points "x,y" of a step curve in a box of 1000 x 100, y downwards. */
  readonly points: string;
}

export interface GrowthModel {
  /** "40 iterations, detected from repeating allocation stacks"; or why there are none. */
  readonly summary: string;
  readonly confidence: string;
  readonly why: readonly string[];
  readonly rows: readonly GrowthRow[];
  readonly lines: readonly GrowthLine[];
  /** Labels of the axes. */
  readonly top: string;
  readonly last: string;
  /** What the chart shows, for who does not see it. */
  readonly described: string;
}

function figureOf(
  { kind, boundBytes, slopeBytesPerIteration: slope, untilLimit, values }: GrowthView,
  unit: ByteUnit,
) {
  if (slope !== null && boundBytes === null) {
    const bytes = Math.round(slope);
    const until =
      untilLimit === null
        ? ''
        : `, out of memory after ${count(untilLimit.iterations, 'more', 'more')}${
            untilLimit.ns === null ? '' : ` (${formatDuration(untilLimit.ns)})`
          }`;
    return {
      figure: `${formatBytes(bytes, unit)} per iteration${until}`,
      figureTitle: `${formatInteger(bytes)} bytes per iteration`,
    };
  }
  if (boundBytes === null) return { figure: '', figureTitle: '' };
  return {
    figure: boundWords(kind, boundBytes, values[values.length - 1], unit),
    figureTitle: `${formatInteger(boundBytes)} bytes`,
  };
}

/** "at 4.56 GiB"; "at most 4.56 GiB" where it varies below. `last`: value after the last iteration. */
export const boundWords = (kind: string, bound: number, last: number | undefined, unit: ByteUnit): string =>
  `${kind === 'none' && last !== undefined && last < bound ? 'at most' : 'at'} ${formatBytes(bound, unit)}`;

const WIDTH = 1000;
const HEIGHT = 100;

/** One step a value: flat for its iteration, then up or down. */
function stepPoints(values: readonly number[], top: number): string {
  const y = (value: number): string => (HEIGHT - (HEIGHT * value) / top).toFixed(2);
  return values
    .flatMap((value, i) => [i, i + 1].map((at) => `${((WIDTH * at) / values.length).toFixed(2)},${y(value)}`))
    .join(' ');
}

export function growthModel({ iterations, growth }: DeviceDiagnosis, unit: ByteUnit): GrowthModel {
  const colors = curveColors(growth.map(({ series }) => series));
  const colorOf = (series: string): CurveColor => colors.get(series) ?? 'ink';
  const drawn = growth.filter(({ values }) => values.length > 1);
  const top = drawn.reduce((most, { values }) => values.reduce((a, b) => Math.max(a, b), most), 0);
  const found = iterations.count > 0;
  return {
    summary: found
      ? `${count(iterations.count, 'iteration')}, detected ${inWords(METHOD_WORDS, iterations.method)}.`
      : 'No iterations were found, so growth cannot be judged.',
    confidence: found ? `Confidence: ${iterations.confidence}` : '',
    why: iterations.why,
    rows: growth.map((one) => ({
      series: one.series,
      label: seriesLabel(one.series),
      color: colorOf(one.series),
      verdict: kindWord(one.kind),
      endless: one.kind === 'linear_leak',
      ...figureOf(one, unit),
      confidence: one.confidence,
      why: [...one.why, ...(one.statistic === '' ? [] : [`${one.statistic}.`])].map((text) =>
        withAmounts(text, unit),
      ),
    })),
    // Nothing is allocated at the end of any iteration: the line lies on the axis.
    lines: drawn.map(({ series, values }) => ({
      series,
      color: colorOf(series),
      points: stepPoints(values, Math.max(1, top)),
    })),
    top: formatBytes(top, unit),
    last: formatInteger(iterations.count),
    described: drawn
      .map(({ series, values }) => {
        const [first, last] = [values[0], values[values.length - 1]];
        return `${seriesLabel(series)} from ${formatBytes(first, unit)} to ${formatBytes(last, unit)}`;
      })
      .join(', '),
  };
}

/** Rows of events of iteration `index`, first and last; null where there is no such iteration. */
export function rowsOfIteration(
  { iterations }: DeviceDiagnosis,
  index: number,
): readonly [number, number] | null {
  if (index < 0 || index + 1 >= iterations.rows.length) return null;
  return [iterations.rows[index], iterations.rows[index + 1] - 1];
}

/** Every value of the chart; null where the values are a choice of the iterations, whose numbers are not told. */
export function growthTable({ iterations, growth }: DeviceDiagnosis, unit: ByteUnit): TableModel | null {
  if (growth.length === 0 || growth.some(({ values }) => values.length !== iterations.count)) return null;
  return {
    caption: 'Bytes held at the end of each iteration',
    columns: [
      { id: 'iteration', label: 'Iteration', numeric: true },
      ...growth.map(({ series }) => ({ id: series, label: seriesLabel(series), numeric: true })),
    ],
    rows: Array.from({ length: iterations.count }, (_, i) => ({
      key: String(i),
      cells: [
        cell(formatInteger(i + 1), i + 1),
        ...growth.map(({ values }) =>
          cell(formatBytes(values[i], unit), values[i], { title: `${formatInteger(values[i])} bytes` }),
        ),
      ],
    })),
    total: null,
    sort: null,
  };
}
