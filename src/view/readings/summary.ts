/**
 * A log of memory_summary() texts as tables and curves. PyTorch prints whole units and rounds down, so a
 * printed figure f with granularity g stands for f <= value < f + g; nothing here is shown as exact.
 */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { SourceView } from '../../engine/protocol.ts';
import type { ChartCurve, ChartModel } from '../parts/curves.ts';
import { AXIS_LEFT, AXIS_RIGHT } from '../parts/curves.ts';
import type { CurveColor } from '../parts/palette.ts';
import type { Cell, Row, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';
import { byteTicks, countTicks } from '../parts/ticks.ts';
import type { Span } from '../parts/viewport.ts';

type MemorySummary = SourceView['summaries'][number];
type SummaryCell = MemorySummary['rows'][string][string];

const FIGURES = ['current', 'peak', 'allocated', 'freed'] as const satisfies readonly (keyof SummaryCell)[];
type Figure = (typeof FIGURES)[number];

const POOL_WORDS: Readonly<Record<string, string>> = {
  all: '',
  large_pool: 'from large pool',
  small_pool: 'from small pool',
};

export const stepName = (summary: MemorySummary): string => summary.label ?? `summary ${summary.step + 1}`;

/** PyTorch's own split: metrics that say "memory", and keys that say "bytes", hold bytes, the rest counts. */
export const isBytes = (metric: string): boolean => /memory|_bytes/i.test(metric);

function figureText(metric: string, value: number, unit: ByteUnit): string {
  return isBytes(metric) ? formatBytes(value, unit) : formatInteger(value);
}

function figureCell(metric: string, value: number, granularity: number, unit: ByteUnit): Cell {
  if (!isBytes(metric)) return cell(formatInteger(value), value);
  const title =
    granularity > 1
      ? `printed rounded down: ${formatInteger(value)} to ${formatInteger(value + granularity - 1)} bytes`
      : `${formatInteger(value)} bytes`;
  return cell(formatBytes(value, unit), value, { title });
}

/** A difference of two rounded-down figures is off by less than one unit either way. */
function differenceCell(metric: string, value: number, granularity: number, unit: ByteUnit): Cell {
  if (value === 0) return cell('0', 0);
  const text = figureText(metric, Math.abs(value), unit);
  const sign = value > 0 ? '+' : '−';
  const slack = isBytes(metric) && granularity > 1 ? `, give or take ${formatBytes(granularity, unit)}` : '';
  const exact = isBytes(metric) ? `${formatInteger(Math.abs(value))} bytes` : formatInteger(Math.abs(value));
  return cell(`${sign}${text}`, value, { title: `${sign}${exact}${slack}` });
}

/** One printed summary, with what changed since `before`. */
export function summaryTable(
  summary: MemorySummary,
  before: MemorySummary | null,
  unit: ByteUnit,
): TableModel {
  const rows: Row[] = [];
  for (const [metric, pools] of Object.entries(summary.rows)) {
    for (const [pool, figures] of Object.entries(pools)) {
      const earlier = before?.rows[metric]?.[pool];
      const name = POOL_WORDS[pool] ?? pool;
      const cells: Cell[] = [cell(name === '' ? metric : `\u2003${name}`, `${metric} ${name}`)];
      for (const figure of FIGURES) {
        const granularity = Math.max(
          summary.granularity[metric]?.[figure] ?? 1,
          before?.granularity[metric]?.[figure] ?? 1,
        );
        cells.push(figureCell(metric, figures[figure], summary.granularity[metric]?.[figure] ?? 1, unit));
        if (figure === 'allocated' || figure === 'freed') continue;
        cells.push(
          earlier === undefined
            ? cell('–', 0)
            : differenceCell(metric, figures[figure] - earlier[figure], granularity, unit),
        );
      }
      rows.push({ key: `${metric}/${pool}`, cells });
    }
  }
  return {
    caption: `memory_summary of ${stepName(summary)}`,
    columns: [
      { id: 'metric', label: 'Metric', numeric: false },
      { id: 'current', label: 'Current', numeric: true },
      { id: 'current-change', label: 'Change', numeric: true },
      { id: 'peak', label: 'Peak', numeric: true },
      { id: 'peak-change', label: 'Change of peak', numeric: true },
      { id: 'allocated', label: 'Allocated in all', numeric: true },
      { id: 'freed', label: 'Freed in all', numeric: true },
    ],
    rows,
    total: null,
    sort: null,
  };
}

/** Every summary on a line: how the totals moved. Keys are positions in `summaries`. */
export function stepsTable(summaries: readonly MemorySummary[], unit: ByteUnit): TableModel {
  const labels: Readonly<Record<string, string>> = {
    'Pinned host memory': 'Pinned',
    'Pinned host memory in use': 'In use',
    'GPU reserved memory': 'Reserved',
    'Allocated memory': 'Allocated',
    'Requested memory': 'Requested',
    'GPU reserved segments': 'Segments',
  };
  const metrics = Object.keys(labels).filter((metric) =>
    summaries.some(({ rows }) => rows[metric]?.all !== undefined),
  );
  return {
    caption: 'Totals by summary',
    columns: [
      { id: 'step', label: 'Summary', numeric: false },
      ...metrics.flatMap((metric) => [
        { id: metric, label: labels[metric], numeric: true },
        { id: `${metric}/change`, label: 'Change', numeric: true },
      ]),
      { id: 'ooms', label: 'OOMs', numeric: true },
      { id: 'retries', label: 'Retries', numeric: true },
    ],
    rows: summaries.map((summary, index) => ({
      key: String(index),
      cells: [
        cell(stepName(summary), index),
        ...metrics.flatMap((metric) => {
          const now = summary.rows[metric]?.all?.current;
          const before = summaries[index - 1]?.rows[metric]?.all?.current;
          const granularity = summary.granularity[metric]?.current ?? 1;
          return [
            now === undefined ? cell('–', 0) : figureCell(metric, now, granularity, unit),
            now === undefined || before === undefined
              ? cell('–', 0)
              : differenceCell(metric, now - before, granularity, unit),
          ];
        }),
        cell(formatInteger(summary.ooms), summary.ooms),
        cell(formatInteger(summary.retries), summary.retries),
      ],
    })),
    total: null,
    sort: null,
  };
}

interface SummaryCurve {
  readonly metric: string;
  readonly figure: Figure;
  readonly color: CurveColor;
  readonly label: string;
  /** Set apart from the curve of the same colour. */
  readonly dashed?: boolean;
}

const CURVES: readonly SummaryCurve[] = [
  { metric: 'GPU reserved memory', figure: 'current', color: 'orange', label: 'Reserved' },
  { metric: 'Allocated memory', figure: 'current', color: 'green', label: 'Allocated' },
  { metric: 'Active memory', figure: 'current', color: 'purple', label: 'Active' },
  { metric: 'Requested memory', figure: 'current', color: 'blue', label: 'Requested' },
  { metric: 'Non-releasable memory', figure: 'current', color: 'gold', label: 'Non-releasable' },
  { metric: 'Allocated memory', figure: 'peak', color: 'green', label: 'Peak allocated', dashed: true },
  { metric: 'Pinned host memory', figure: 'current', color: 'orange', label: 'Pinned' },
  { metric: 'Pinned host memory in use', figure: 'current', color: 'green', label: 'In use' },
  { metric: 'GPU reserved segments', figure: 'current', color: 'grey', label: 'Segments' },
];

/** What is said of the chart to those who do not see it: each curve that is drawn, from the first to the last summary. */
export function describeSummaries(
  curves: readonly ChartCurve[],
  summaries: readonly MemorySummary[],
  hidden: ReadonlySet<string>,
  unit: ByteUnit,
): string {
  const figures = curves
    .filter(({ id }) => !hidden.has(id))
    .map(({ label, scale, last, max }) => {
      const said = (value: number): string =>
        scale === 'left' ? formatBytes(value, unit) : formatInteger(value);
      const most = max.reduce((a, b) => (b > a ? b : a), -Infinity);
      return `${label} ${said(last[last.length - 1])} at the end, highest ${said(most)}`;
    });
  return `Memory over ${count(summaries.length, 'summary', 'summaries')}. ${figures.join('; ')}.`;
}

/** The same curves for every log; ones that the log never prints are left out. */
export function summaryChart(
  summaries: readonly MemorySummary[],
  hidden: ReadonlySet<string>,
  unit: ByteUnit,
  width: number,
  height: number,
): { readonly model: ChartModel; readonly curves: readonly ChartCurve[] } {
  const curves = CURVES.filter(({ metric }) =>
    summaries.some(({ rows }) => rows[metric]?.all !== undefined),
  ).map(({ metric, figure, color, label, dashed = false }): ChartCurve => {
    // A summary without the metric (another version in the same log) repeats the value before it.
    let carried = 0;
    const values = Float64Array.from(
      summaries,
      ({ rows }) => (carried = rows[metric]?.all?.[figure] ?? carried),
    );
    const scale = isBytes(metric) ? 'left' : 'right';
    const id = `${metric}/${figure}`;
    return { id, label, color, scale, dashed, first: values, min: values, max: values, last: values };
  });
  const shown = curves.filter(({ id }) => !hidden.has(id));
  const top = (scale: ChartCurve['scale']): number =>
    Math.max(0, ...shown.filter((curve) => curve.scale === scale).flatMap((curve) => [...curve.max]));
  const most = Math.max(2, Math.floor(height / 36));
  const every = Math.max(
    1,
    Math.ceil(summaries.length / Math.max(1, Math.floor((width - AXIS_LEFT - AXIS_RIGHT) / 80))),
  );
  const span: Span = { from: 0, to: Math.max(1, summaries.length) };
  const model: ChartModel = {
    x: Float64Array.from(summaries, (_, index) => index),
    end: span.to,
    span,
    curves: shown,
    xTicks: summaries.flatMap((summary, index) =>
      index % every === 0 ? [{ at: index, label: stepName(summary) }] : [],
    ),
    leftTicks: byteTicks(top('left'), most, unit),
    rightTicks: shown.some((curve) => curve.scale === 'right') ? countTicks(top('right'), most) : [],
  };
  return { model, curves };
}
