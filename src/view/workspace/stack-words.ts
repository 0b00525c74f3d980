/** Everything that the view of stacks says: names of nodes, their figures, what is shown, what is found. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count, percent } from '../../base/words.ts';
import type { StackTotal, StackTreeAnswer, TreeFrame } from '../../engine/protocol.ts';
import { formatInstant } from '../parts/words.ts';
import { KIND, NO_NODE, widthOf } from './stack-layout.ts';

/** "qwen2/modeling_qwen2.py:97"; without a line where there is none, '' where there is no file. */
export function placeOf({ filename, line }: { readonly filename: string; readonly line: number }): string {
  if (filename === '' || filename === '??') return '';
  const file = filename
    .split(/[\\/]/)
    .filter((part) => part !== '')
    .slice(-2)
    .join('/');
  return line > 0 ? `${file}:${line}` : file;
}

export const frameAt = ({ nodes, frames }: StackTreeAnswer, node: number): TreeFrame | null =>
  nodes.frame[node] === NO_NODE ? null : (frames[nodes.frame[node]] ?? null);

/** Keys of a path lead back to its node in another answer. */
export function nodeKey(answer: StackTreeAnswer, node: number): string {
  const frame = frameAt(answer, node);
  if (frame === null) return `${answer.nodes.kind[node]}`;
  return [answer.nodes.kind[node], frame.line, frame.name, frame.filename].join('\u0000');
}

export function pathOf(answer: StackTreeAnswer, node: number): string[] {
  const path: string[] = [];
  for (let at = node; at >= 0; at = answer.nodes.parent[at]) path.unshift(nodeKey(answer, at));
  return path;
}

/** The node of a path; -1: it is not in this answer. */
export function nodeOfPath(answer: StackTreeAnswer, path: readonly string[]): number {
  let at = -1;
  let depth = 0;
  for (let node = 0; node < answer.nodes.length && depth < path.length; node++)
    if (answer.nodes.parent[node] === at && nodeKey(answer, node) === path[depth]) {
      at = node;
      depth++;
    }
  return depth === path.length ? at : -1;
}

/** "forward" and "qwen2/modeling_qwen2.py:97". */
export function nameOf(
  answer: StackTreeAnswer,
  node: number,
): { readonly name: string; readonly place: string } {
  const frame = frameAt(answer, node);
  if (answer.nodes.kind[node] === KIND.more || frame === null)
    return { name: `${formatInteger(answer.nodes.stands[node])} more`, place: '' };
  if (answer.nodes.kind[node] === KIND.group) {
    const parts = frame.name.split(/[\\/]/).filter((part) => part !== '');
    return { name: parts.slice(-2).join('/'), place: '' };
  }
  return { name: frame.name, place: placeOf(frame) };
}

export function labelOf(answer: StackTreeAnswer, node: number): string {
  const { name, place } = nameOf(answer, node);
  return place === '' ? name : `${name} ${place}`;
}

type Unit = StackTreeAnswer['unit'];

/** "1.2 GiB", "3.4 GiB·s", "1,340". */
export function formatWeight(value: number, measure: Unit, unit: ByteUnit): string {
  if (measure === 'count') return formatInteger(value);
  const text = formatBytes(Math.round(value), unit);
  return measure === 'byte_seconds' ? `${text}·s` : text;
}

/** Every digit: "1,234,567 bytes". */
export function exactWeight(value: number, measure: Unit): string {
  if (measure === 'count') return count(value, 'allocation');
  if (measure === 'byte_seconds') return `${formatInteger(Math.round(value))} byte-seconds`;
  return `${formatInteger(value)} bytes`;
}

/** "+1.2 GiB", "−32 MiB", "0 B". */
export function formatChange(value: number, measure: Unit, unit: ByteUnit): string {
  const sign = value > 0 ? '+' : value < 0 ? '−' : '';
  return `${sign}${formatWeight(Math.abs(value), measure, unit)}`;
}

const isChange = ({ measure }: StackTreeAnswer): boolean => measure === 'grown';

/** A weight as it is written in this answer, with its sign where it is a difference. */
export const weightText = (answer: StackTreeAnswer, value: number, unit: ByteUnit): string =>
  isChange(answer) ? formatChange(value, answer.unit, unit) : formatWeight(value, answer.unit, unit);

/** Of the whole width: what grows and what shrinks together. 0 of nothing. */
export const shareOf = ({ total }: StackTreeAnswer, { up, down }: Pick<StackTotal, 'up' | 'down'>): number =>
  total.up + total.down === 0 ? 0 : Math.min(1, (up + down) / (total.up + total.down));

const totalAt = ({ nodes }: StackTreeAnswer, node: number): StackTotal => ({
  total: nodes.total[node],
  up: nodes.up[node],
  down: nodes.down[node],
  count: nodes.count[node],
});

/** "3 allocations"; of a difference "+3 allocations". */
const countText = (answer: StackTreeAnswer, n: number): string =>
  isChange(answer)
    ? `${n > 0 ? '+' : n < 0 ? '−' : ''}${count(Math.abs(n), 'allocation')}`
    : count(n, 'allocation');

/** What is said of one node: "forward qwen2/modeling_qwen2.py:97: 1.2 GiB, 31.0 % of 3.99 GiB. 205 MiB end here. 24 allocations." */
export function readout(answer: StackTreeAnswer, node: number, unit: ByteUnit): string {
  const { nodes } = answer;
  const told = totalAt(answer, node);
  const share = percent(shareOf(answer, told));
  const parts = [`${labelOf(answer, node)}: ${weightText(answer, told.total, unit)}`];
  if (isChange(answer)) {
    if (told.up > 0 && told.down > 0)
      parts[0] += ` (grew ${formatWeight(told.up, answer.unit, unit)}, gave back ${formatWeight(told.down, answer.unit, unit)})`;
    parts[0] += `, ${share} of what changed`;
  } else parts[0] += `, ${share} of ${formatWeight(answer.total.total, answer.unit, unit)}`;
  if (nodes.kind[node] === KIND.frame && nodes.own[node] !== 0 && nodes.own[node] !== told.total)
    parts.push(
      `${weightText(answer, nodes.own[node], unit)} ${answer.unit === 'count' ? 'made' : 'held'} by itself`,
    );
  if (answer.unit !== 'count') parts.push(countText(answer, told.count));
  return `${parts.join('. ')}.`;
}

/** "event 1,203 (5.383 s)"; "the beginning" before the first. */
export function momentWords(row: number, ns: number | null): string {
  if (row < 0) return 'the beginning';
  return `event ${formatInteger(row)}${ns === null ? '' : ` (${formatInstant(ns)})`}`;
}

/** What the picture is of: "Alive at the peak, just after event 1,203 (5.383 s): 3.99 GiB in 1,203 allocations." */
export function shownWords(answer: StackTreeAnswer, unit: ByteUnit): string {
  const { measure, rows, total } = answer;
  const sum = weightText(answer, total.total, unit);
  const range = `in events ${formatInteger(rows[0])} to ${formatInteger(Math.max(rows[0], rows[1] - 1))}`;
  const at = momentWords(answer.moment, answer.momentNs);
  const inAll = `${sum} in ${countText(answer, total.count)}`;
  switch (measure) {
    case 'peak':
      return `Alive at the peak, just after ${at}: ${inAll}.`;
    case 'live':
      return `Alive just after ${at}${answer.atEnd ? ', the end' : ''}: ${inAll}.`;
    case 'allocated':
      return `Allocated ${range}: ${inAll}.`;
    case 'freed':
      return `Freed ${range}: ${inAll}.`;
    case 'count':
      return `Allocations made ${range}: ${formatInteger(total.count)}.`;
    case 'byte_time':
      return `Held ${range}: ${inAll}.`;
    case 'rounding':
      return `Rounding of blocks just after ${at}: ${inAll}.`;
    case 'grown': {
      const from = momentWords(answer.a, answer.aNs);
      const to = momentWords(answer.b, answer.bNs);
      const parts = `${formatWeight(total.up, answer.unit, unit)} grew, ${formatWeight(total.down, answer.unit, unit)} went back`;
      return `From ${from} to ${to}: ${sum} (${parts}).`;
    }
  }
}

/** What has no stack, and what cannot be weighed; '' where there is nothing to say. */
export function missingWords(answer: StackTreeAnswer, unit: ByteUnit): string {
  const { stackless, unknown } = answer;
  const words: string[] = [];
  if (stackless.up + stackless.down > 0)
    words.push(
      `${percent(shareOf(answer, stackless))} have no stack (${weightText(answer, stackless.total, unit)}): the hatched band.`,
    );
  if (unknown.count > 0)
    words.push(
      `The blocks of ${count(unknown.count, 'allocation')} (${formatBytes(unknown.bytes, unit)}) are not known and left out.`,
    );
  return words.join(' ');
}

/** "attention: 1.2 GiB, 31.0 %, in 12 frames"; '' where nothing is searched. */
export function foundWords(answer: StackTreeAnswer, search: string, unit: ByteUnit): string {
  const { found } = answer;
  if (found === null || search.trim() === '') return '';
  if (found.nodes === 0) return `${search.trim()}: nothing here`;
  const where = count(found.nodes, 'frame');
  return `${search.trim()}: ${weightText(answer, found.total, unit)}, ${percent(shareOf(answer, found))}, in ${where}`;
}

/** What a picture says to who does not see it: what it is of, and its widest roots. */
export function pictureName(answer: StackTreeAnswer, unit: ByteUnit, most = 3): string {
  const { nodes } = answer;
  const roots: number[] = [];
  for (let node = 0; node < nodes.length; node++) if (nodes.parent[node] < 0) roots.push(node);
  roots.sort((a, b) => widthOf(nodes, b) - widthOf(nodes, a) || a - b);
  const widest = roots
    .slice(0, most)
    .map((node) => `${labelOf(answer, node)} ${weightText(answer, nodes.total[node], unit)}`);
  const rest = widest.length === 0 ? '' : ` Widest: ${widest.join('; ')}.`;
  return `${shownWords(answer, unit)}${rest}`;
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/**
 * The term of a filter that lets pass what has this frame in its stack, and no other of `frames`: by the shortest end
 * of its path that is its alone. null: the node is no frame.
 */
export function filterTerm(frame: TreeFrame | null, frames: readonly TreeFrame[]): string | null {
  if (frame === null) return null;
  if (frame.filename === '' || frame.filename === '??')
    return frame.name.includes(' ')
      ? `frame:"${frame.name.replaceAll('"', '')}"`
      : `frame:/^${escaped(frame.name)}$/`;
  const whole = `${frame.filename}:${frame.line}`;
  const others = frames.map(({ filename, line }) => `${filename}:${line}`).filter((other) => other !== whole);
  const parts = frame.filename.split(/(?<=[\\/])/);
  for (let from = parts.length - 1; from >= 0; from--) {
    const end = `${parts.slice(from).join('')}:${frame.line}`;
    const isWhole = from === 0;
    const isIts = !others.some((other) => other.endsWith(end));
    if (!isIts && !isWhole) continue;
    return `frame:/${isWhole ? '^' : '[\\\\\\/]'}${escaped(end)}$/`;
  }
  return null;
}
