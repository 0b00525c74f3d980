/** Kernels under the timeline: how much of each pixel column was busy, single kernels as bars once few are in view. */
import { upperBound } from '../../base/binary-search.ts';
import { formatDuration, formatInteger } from '../../base/units.ts';
import { count, list, percent } from '../../base/words.ts';
import type { KernelsAnswer, KernelSpan } from '../../engine/protocol.ts';
import type { Fact } from './moment.ts';
import type { Span } from '../parts/viewport.ts';
import { xToPixel } from '../parts/viewport.ts';
import { formatInstant, stepOf } from '../parts/words.ts';

/** Bars that find no free lane share the last one. */
const MOST_KERNEL_LANES = 3;
/** A name in a narrower bar would be cut to nothing. */
const NARROWEST_NAME = 28;
/** Kernels named one by one; more are counted. */
const MOST_NAMED = 3;

export interface KernelBar {
  readonly name: string;
  readonly lane: number;
  readonly left: number;
  readonly width: number;
}

export interface KernelStrip {
  readonly left: number;
  readonly width: number;
  /** 0 to 1. */
  readonly busy: number;
}

export interface KernelTrackModel {
  readonly lanes: number;
  /** null: too many in view, `strips` tell how busy it was. */
  readonly bars: readonly KernelBar[] | null;
  readonly strips: readonly KernelStrip[];
}

/**
 * "void at::native::(anonymous namespace)::softmax<float, 4>(float*)" as "softmax": without what it returns and
 * takes, and where it stands. The whole name is for where there is room.
 */
export function shortKernelName(name: string): string {
  const plain = name.replaceAll(/\(anonymous namespace\)|<unnamed>/g, '');
  const end = plain.search(/[<(]/);
  const short = (end < 0 ? plain : plain.slice(0, end)).trim().split(/::| /).at(-1) ?? '';
  return short === '' ? name : short;
}

export function kernelTrackModel(answer: KernelsAnswer, span: Span, width: number): KernelTrackModel {
  if (answer.every) return { strips: [], ...barsOf(answer, span, width) };
  const { x, busy } = answer;
  const strips: KernelStrip[] = [];
  for (let i = 0; i < x.length; i++) {
    if (busy[i] === 0 && answer.count[i] === 0) continue;
    const left = Math.max(0, xToPixel(x[i], span, width));
    const right = Math.min(width, xToPixel(i + 1 < x.length ? x[i + 1] : answer.to, span, width));
    if (right > left) strips.push({ left, width: right - left, busy: busy[i] });
  }
  return { lanes: 1, bars: null, strips };
}

function barsOf(
  { kernels, names }: KernelsAnswer,
  span: Span,
  width: number,
): { lanes: number; bars: KernelBar[] } {
  const ends: number[] = [];
  const bars: KernelBar[] = [];
  for (const { name, startNs, endNs } of kernels) {
    const left = Math.max(0, xToPixel(startNs, span, width));
    const right = Math.min(width, xToPixel(endNs, span, width));
    if (right < 0 || left > width) continue;
    const free = ends.findIndex((end) => end <= startNs);
    const lane = free >= 0 ? free : Math.min(ends.length, MOST_KERNEL_LANES - 1);
    ends[lane] = Math.max(ends[lane] ?? 0, endNs);
    const wide = right - left;
    bars.push({
      name: wide < NARROWEST_NAME ? '' : shortKernelName(names[name]),
      lane,
      left,
      // Those that touch stay apart for the eye; the shortest is still seen.
      width: Math.max(1.5, wide - (wide > 4 ? 1 : 0)),
    });
  }
  return { lanes: Math.max(1, ends.length), bars };
}

/** Column under x, -1 outside. */
const kernelColumnAt = ({ x, from, to }: KernelsAnswer, at: number): number =>
  at < from || at >= to ? -1 : upperBound(x, at) - 1;

/** End of a column. */
const endOf = ({ x, to }: KernelsAnswer, column: number): number => x[column + 1] ?? to;

/** Kernels that ran in a column; all of them where the answer has every one, else the longest. */
function kernelsAt(answer: KernelsAnswer, column: number): readonly KernelSpan[] {
  const { kernels, every, longest, x } = answer;
  if (!every) return longest[column] < 0 ? [] : [kernels[longest[column]]];
  const [from, to] = [x[column], endOf(answer, column)];
  return kernels.filter(
    ({ startNs, endNs }) => startNs < to && (endNs > from || (startNs === endNs && startNs >= from)),
  );
}

const told = (answer: KernelsAnswer, { name, stream, startNs, endNs }: KernelSpan): string =>
  `${shortKernelName(answer.names[name])} (${formatDuration(endNs - startNs)}, stream ${stream})`;

/** What ran under the pointer; without one, what is in view. */
export function kernelWords(answer: KernelsAnswer | null, at: number | null): string {
  if (answer === null) return '';
  const column = at === null ? -1 : kernelColumnAt(answer, at);
  if (column < 0) return viewWords(answer);
  const n = answer.count[column];
  if (n === 0) return `${formatInstant(answer.x[column], stepOf(answer))}: no kernel ran`;
  const when = `${formatInstant(answer.x[column], stepOf(answer))}: `;
  const here = kernelsAt(answer, column);
  if (n === 1) return when + told(answer, here[0]);
  const share = `busy ${percent(answer.busy[column])}`;
  if (!answer.every) return `${when}${count(n, 'kernel')}, ${share}, longest ${told(answer, here[0])}`;
  const named = here.slice(0, MOST_NAMED).map((kernel) => told(answer, kernel));
  const more = n > named.length ? [`${formatInteger(n - named.length)} more`] : [];
  return `${when}${count(n, 'kernel')}, ${share}: ${list([...named, ...more])}`;
}

function viewWords({ total, busyShare, shares, names }: KernelsAnswer): string {
  if (total === 0) return 'No kernel ran in view';
  const most = shares
    .slice(0, MOST_NAMED)
    .map(
      ({ name, ns, count: n }) =>
        `${shortKernelName(names[name])} ${formatDuration(ns)} (${formatInteger(n)}×)`,
    );
  return `${count(total, 'kernel')} in view, busy ${percent(busyShare)} of the time. Most time: ${list(most)}`;
}

/** Start of the kernel, or of the column, that lies `by` steps from x; null where there is none in `span`. */
export function stepKernel(answer: KernelsAnswer, span: Span, at: number | null, by: number): number | null {
  // While an answer is awaited, the one at hand is of another stretch. What began before the view is met at its edge.
  const stops = answer.every
    ? answer.kernels
        .filter(({ startNs, endNs }) => startNs < span.to && (endNs > span.from || startNs >= span.from))
        .map(({ startNs }) => Math.max(span.from, startNs))
    : Array.from(answer.x).filter((x, column) => answer.count[column] > 0 && x >= span.from && x < span.to);
  if (stops.length === 0) return null;
  if (at === null) return by > 0 ? stops[0] : stops[stops.length - 1];
  const here = upperBound(stops, at) - 1;
  const onOne = here >= 0 && stops[here] === at;
  // Between two stops, one step back is the stop before.
  const target = here + by + (by < 0 && !onOne ? 1 : 0);
  return stops[Math.min(stops.length - 1, Math.max(0, target))];
}

export interface KernelDetail {
  readonly heading: string;
  readonly words: string | null;
  readonly groups: readonly { readonly title: string; readonly facts: readonly Fact[] }[];
  readonly text: string;
}

const fact = (name: string, value: string, title: string | null = null): Fact => ({
  name,
  value,
  title,
  mono: false,
});

/** The stretch of time that a click means: the kernel there, or the column. null: nothing ran. */
export function kernelTarget(answer: KernelsAnswer, at: number): Span | null {
  const column = kernelColumnAt(answer, at);
  if (column < 0 || answer.count[column] === 0) return null;
  return { from: answer.x[column], to: endOf(answer, column) };
}

/** The panel for one stretch, from an answer about that stretch alone. */
export function kernelDetail(answer: KernelsAnswer): KernelDetail | null {
  const index = answer.longest[0] ?? -1;
  if (index < 0) return null;
  const { name, stream, startNs, endNs } = answer.kernels[index];
  const ns = (value: number): string => `${formatInteger(Math.round(value))} ns`;
  const one: Fact[] = [
    fact('Starts', formatInstant(startNs, 1000), ns(startNs)),
    fact('Runs for', formatDuration(endNs - startNs), ns(endNs - startNs)),
    fact('Ends', formatInstant(endNs, 1000), ns(endNs)),
    fact('Stream', stream),
  ];
  const several = answer.total > 1;
  const rest = answer.namesTotal - answer.shares.length;
  const all = [
    fact('Kernels', formatInteger(answer.total)),
    fact('Time with a kernel', percent(answer.busyShare)),
    ...answer.shares.map((share) =>
      fact(
        shortKernelName(answer.names[share.name]),
        `${formatDuration(share.ns)} (${formatInteger(share.count)}×)`,
        answer.names[share.name],
      ),
    ),
    ...(rest > 0 ? [fact('Other names', formatInteger(rest))] : []),
  ];
  const length = formatDuration(answer.to - answer.from);
  return {
    heading: shortKernelName(answer.names[name]),
    words: several ? `The longest kernel of the ${length} at ${formatInstant(answer.from)}.` : null,
    groups: [
      { title: '', facts: one },
      ...(several ? [{ title: `All of these ${length}`, facts: all }] : []),
    ],
    text: answer.names[name],
  };
}

/** What the track cannot show, "" where it shows everything. */
export const outsideWords = (outside: number): string =>
  outside === 0
    ? ''
    : `${count(outside, 'kernel')} ran before the first or after the last memory event, beyond this timeline.`;
