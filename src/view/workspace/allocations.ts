/** The view of all allocations as data: what it asks, its legend, its words, and where a zoom leads. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count, percent } from '../../base/words.ts';
import type {
  DeviceView,
  GroupBy,
  LifeAnswer,
  LifePlace,
  RasterAnswer,
  RasterQuery,
  StackOrder,
  TimelineAnswer,
} from '../../engine/protocol.ts';
import { wholeOf } from '../device/device-state.ts';
import type { CurveColor } from '../parts/palette.ts';
import { byteLabel, byteStep, type Tick } from '../parts/ticks.ts';
import { clampSpan, minimumWidth, type Span, toRange } from '../parts/viewport.ts';
import { formatX } from '../parts/words.ts';
import type { ViewContext, WorkspaceChange } from './context.ts';
import { groupColour } from './group-colours.ts';
import { type Texture, textureOf } from './group-textures.ts';
import { lifeName, lifetimeWords } from './life.ts';
import { tallestColumn } from './raster-paint.ts';

export const ORDERS: readonly { readonly id: StackOrder; readonly label: string }[] = [
  { id: 'age', label: 'oldest at the bottom' },
  { id: 'size', label: 'largest at the bottom' },
  { id: 'line', label: 'line by line' },
];

/** Bytes shown; null: all that there are. */
export type Bytes = readonly [number, number];

/** Without stacks every line is the same one. */
export const colouringOf = ({ colour, device }: Pick<ViewContext, 'colour' | 'device'>): GroupBy =>
  colour === 'line' && !device.hasStacks ? 'size' : colour;

/** Milliseconds that an answer may take before a moving hand gets coarser ones. */
const SLOW_MS = 50;

/** `slowMs`: what the last full picture took, while the hand moves; null: it rests. */
export function rasterQuery(
  context: ViewContext,
  size: { readonly columns: number; readonly rows: number },
  view: { readonly bytes: Bytes | null; readonly order: StackOrder },
  slowMs: number | null,
): RasterQuery {
  const coarse = slowMs !== null && slowMs > SLOW_MS ? Math.min(8, Math.ceil(slowMs / SLOW_MS)) : 1;
  return {
    device: context.device.key,
    range: toRange(context.axis, context.span),
    axis: context.axis,
    columns: Math.max(1, Math.ceil(size.columns / coarse)),
    rows: Math.max(1, Math.ceil(size.rows / coarse)),
    bytes: view.bytes,
    filter: context.filter,
    order: view.order,
    by: colouringOf(context),
  };
}

/** Curves that are drawn as lines above what is requested. */
export const linesOf = ({ series }: Pick<DeviceView, 'series'>): string[] =>
  series.flatMap(({ id }) => (id === 'reserved' || id === 'allocated' ? [id] : []));

export interface AllocationLegendEntry {
  readonly name: string;
  readonly color: CurveColor;
  readonly texture: Texture;
  /** Held where most of the recording is requested. */
  readonly value: string;
  readonly title: string;
  /** What a click asks for; null: it cannot be told apart by a filter. */
  readonly filter: string | null;
  /** It is all that the filter lets pass. */
  readonly only: boolean;
}

/** Groups that hold nothing at the peak follow those that do. */
export function allocationLegend(
  { groups, hasRest }: RasterAnswer,
  filter: string,
  unit: ByteUnit,
): AllocationLegendEntry[] {
  const all = groups.reduce((sum, { bytesAtPeak }) => sum + bytesAtPeak, 0);
  return groups.map((group, i) => {
    const color = groupColour(i, groups.length, hasRest);
    return {
      name: group.name,
      color,
      texture: textureOf(color),
      value: formatBytes(group.bytesAtPeak, unit),
      title: `${group.name}: ${formatInteger(group.bytesAtPeak)} bytes at the peak${all > 0 ? `, ${percent(group.bytesAtPeak / all)}` : ''}`,
      filter: group.filter,
      only: group.filter !== null && filter.trim() === group.filter,
    };
  });
}

/** A click on an entry of the legend: only this; on the same again: everything. */
export const legendChange = ({ filter, only }: AllocationLegendEntry): WorkspaceChange | null =>
  only ? { filter: '' } : filter === null ? null : { filter };

const bytesOf = (bytes: number): string => count(bytes, 'byte');

const when = (answer: RasterAnswer, row: number, xNs: number): string =>
  row < 0
    ? 'before the first event'
    : formatX(answer.range.axis, answer.range.axis === 'event' ? row : xNs, answer.range);

/** What is said to those who do not see it. Figures of the recording, never of the pointer. */
export function allocationsName(answer: RasterAnswer | null, device: DeviceView, unit: ByteUnit): string {
  if (answer === null) return 'Allocations over time';
  const { peak, lives, all } = answer;
  const which =
    lives === all
      ? count(all, 'allocation')
      : `${formatInteger(lives)} of ${count(all, 'allocation')} pass the filter`;
  if (device.rows === 0)
    return `Allocations at the end: ${which}, ${formatBytes(peak.bytes, unit)} (${bytesOf(peak.bytes)}) requested.`;
  return `Allocations over time: ${which}. Most requested: ${formatBytes(peak.bytes, unit)} (${bytesOf(peak.bytes)}) at ${when(answer, peak.row, peak.xNs)}, in ${count(peak.open, 'allocation')}.`;
}

/** What the picture leaves out, said of the column that is drawn highest. */
export function leftOutWords(answer: RasterAnswer, unit: ByteUnit): string {
  if (answer.lives === 0) return '';
  const at = tallestColumn(answer);
  const [total, open] = [answer.total[at], answer.open[at]];
  const held = (bytes: number): string =>
    `${formatBytes(bytes, unit)}, ${percent(total > 0 ? bytes / total : 0)}`;
  const parts = [
    answer.thinCount[at] > 0
      ? `${formatInteger(answer.thinCount[at])} under a pixel (${held(answer.thinBytes[at])})`
      : null,
    answer.outsideCount[at] > 0
      ? `${formatInteger(answer.outsideCount[at])} above or below the bytes shown (${held(answer.outsideBytes[at])})`
      : null,
  ].filter((part) => part !== null);
  const whole = `Highest in view: ${formatBytes(total, unit)} in ${count(open, 'allocation')}`;
  return parts.length === 0 ? `${whole}, each of them drawn.` : `${whole}; ${parts.join(', ')}.`;
}

/** What stands above the picture: the card's memory, where it is not in it. */
export function capacityWords(answer: RasterAnswer, device: DeviceView, unit: ByteUnit): string {
  const { totalBytes } = device;
  if (totalBytes === null || totalBytes < answer.bytes[1]) return '';
  return `The GPU has ${formatBytes(totalBytes, unit)}: above this picture.`;
}

export interface Tooltip {
  readonly heading: string;
  readonly lines: readonly string[];
}

/** `life`: null while it is asked for. */
export function lifeTooltip(
  number: number,
  life: LifeAnswer | null,
  clock: DeviceView['clock'],
  unit: ByteUnit,
): Tooltip {
  if (life === null || life.life !== number)
    return { heading: `Allocation ${formatInteger(number)}`, lines: ['…'] };
  const { requested, label, stream, sameStack } = life;
  return {
    heading: `${formatBytes(requested, unit)} from ${label}`,
    lines: [
      `${bytesOf(requested)}, ${lifetimeWords(life, clock)}`,
      `${lifeName(life)}, stream ${stream}${life.madeRow === null ? ', made before the recording' : ''}`,
      `${formatInteger(sameStack.alive)} of ${formatInteger(sameStack.made)} from this stack were alive then`,
    ],
  };
}

/** What the keys have come to, for a live region. */
export const lifeSpoken = (tooltip: Tooltip, isDrawn: boolean): string =>
  `${tooltip.heading}. ${tooltip.lines.join('. ')}.${isDrawn ? '' : ' Under a pixel here: z zooms to it.'}`;

/** Share of the span beside a life that is zoomed to. */
const MARGIN = 0.2;
/** Pixels of height below which the bytes are zoomed to it, too. */
const LOW = 12;

/** Where a life fills the view: on the time axis where its moments can be told apart, else event by event. */
export function zoomToLife(
  place: LifePlace,
  device: DeviceView,
  shown: { readonly bytes: Bytes; readonly height: number },
  axis: ViewContext['axis'],
): { readonly change: WorkspaceChange; readonly bytes: Bytes } {
  const { madeRow, endedRow, madeNs, endedNs } = place;
  const byTime = axis === 'time' && (endedNs ?? device.spanNs) - madeNs >= minimumWidth('time');
  const on = byTime ? 'time' : 'event';
  const whole = wholeOf(device, on);
  const [from, to] = byTime
    ? [madeNs, endedNs ?? whole.to]
    : [Math.max(0, madeRow), endedRow === null ? whole.to : endedRow + 1];
  const margin = Math.max(1, (to - from) * MARGIN);
  const span = clampSpan({ from: from - margin, to: to + margin }, whole, minimumWidth(on));
  const size = place.to - place.from;
  const [low, high] = shown.bytes;
  const isLow = (size / (high - low)) * shown.height < LOW;
  const isIn = place.from >= low && place.to <= high;
  const bytes: Bytes =
    isLow || !isIn ? [Math.max(0, place.from - 4 * size), place.to + 4 * Math.max(1, size)] : shown.bytes;
  return { change: { axis: on, span }, bytes };
}

/** The bytes shown, zoomed: the amount `at` keeps its height. `most`: of the whole picture. */
export function zoomBytes([from, to]: Bytes, at: number, factor: number, most: number): Bytes | null {
  const width = Math.max(64, (to - from) * factor);
  if (width >= most) return null;
  const low = Math.min(Math.max(0, at - ((at - from) / (to - from)) * width), most - width);
  return [low, low + width];
}

/** Moved by so many bytes, inside the picture. */
export function panBytes([from, to]: Bytes, by: number, most: number): Bytes {
  const low = Math.min(Math.max(0, from + by), Math.max(0, most - (to - from)));
  return [low, low + (to - from)];
}

/** Round amounts inside the bytes shown. */
export function byteTicksIn([from, to]: Bytes, height: number, unit: ByteUnit): Tick[] {
  const step = byteStep(to - from, Math.max(2, Math.floor(height / 40)), unit);
  const ticks: Tick[] = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++)
    ticks.push({ at: i * step, label: byteLabel(i * step, unit) });
  return ticks;
}

/** Points of a curve's highest values, as bytes by column; null: it was not asked for. */
export const lineValues = (answer: TimelineAnswer | null, id: string): Float64Array | null =>
  answer?.series.find((one) => one.id === id)?.max ?? null;

/** The range that a drag chose; null: too narrow for one. */
export function rangeBetween(a: number, b: number, whole: Span): Span | null {
  const from = Math.max(whole.from, Math.min(a, b));
  const to = Math.min(whole.to, Math.max(a, b));
  return to > from ? { from, to } : null;
}

/** Why the picture is empty, or is one column; null: it is neither. */
export function emptyWords(answer: RasterAnswer | null, device: DeviceView): string | null {
  if (answer === null) return null;
  if (answer.fault !== null) return `This is no filter: ${answer.fault.why}.`;
  if (answer.all === 0)
    return 'No allocation was recorded. The line in Python that records them: torch.cuda.memory._record_memory_history(max_entries=1_000_000), before the model is made.';
  if (answer.lives === 0) return `None of ${count(answer.all, 'allocation')} passes the filter.`;
  if (device.rows === 0)
    return 'Only the state at the end: no history was recorded. Record with torch.cuda.memory._record_memory_history(max_entries=1_000_000), before the model is made, and this becomes a picture over time.';
  return null;
}

/** What is said of stacks where there are none. */
export const stacklessWords = ({ hasStacks }: DeviceView): string =>
  hasStacks
    ? ''
    : 'No stacks were recorded: coloured by size. Record with stacks="all" to see lines of code.';
