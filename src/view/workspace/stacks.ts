/** The view of stacks as data: what to ask for a state, how nodes are coloured, and the tree as rows of a table. */
import { percent } from '../../base/words.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatInteger } from '../../base/units.ts';
import type { StackTreeAnswer, StackTreeQuery } from '../../engine/protocol.ts';
import { CURVES, type CurveColor, type Shade, SURFACE } from '../parts/palette.ts';
import type { ViewContext } from './context.ts';
import type { StackChoice } from './stack-choice.ts';
import { KIND, type StackLinks, widthOf } from './stack-layout.ts';
import { exactWeight, formatWeight, frameAt, labelOf, nodeKey, shareOf, weightText } from './stack-words.ts';

/** `within`: number of the node that fills the width, in the tree that is asked for. */
export function treeQuery(context: ViewContext, choice: StackChoice, within: number | null): StackTreeQuery {
  const { axis, device, filter, moment, range, selected } = context;
  const isFixed = choice.measure === 'grown' && choice.a !== null;
  return {
    device: device.key,
    measure: choice.measure,
    range: range === null ? null : { axis, from: range.from, to: range.to },
    moment,
    a: isFixed ? choice.a : null,
    // From a moment that was set to the one that is looked at, else over the range.
    b: isFixed ? (moment ?? device.rows - 1) : null,
    filter,
    direction: choice.direction,
    hide: choice.fold ? choice.rules : [],
    collapseRecursion: choice.collapse,
    cpp: choice.cpp,
    search: choice.search,
    within,
    mark: selected?.kind === 'stack' ? selected.node : null,
  };
}

/** `share` of the first colour, the rest of the second; "#rrggbb" each. */
export function mixed(first: string, second: string, share: number): string {
  const channel = (at: number): string => {
    const [a, b] = [first, second].map((colour) => parseInt(colour.slice(at, at + 2), 16));
    return Math.round(a * share + b * (1 - share))
      .toString(16)
      .padStart(2, '0');
  };
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}

/** Hues of the user's own files; frames of one file have one. */
const OWN_HUES: readonly CurveColor[] = [
  'orange',
  'gold',
  'green',
  'cyan',
  'violet',
  'purple',
  'olive',
  'brown',
];

function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) >>> 0;
  return hash;
}

export interface NodeLook {
  readonly fill: string;
  /** Drawn over it: lines aslant (no stack), dots (many nodes in one), nothing. */
  readonly pattern: 'hatched' | 'dotted' | null;
}

const shadeOf = ({ light, dark }: Shade, isDark: boolean): string => (isDark ? dark : light);

/** Colour of a node: the user's own frames vivid, packages pale, framework grey; differences red and blue. */
export function lookOf(answer: StackTreeAnswer, node: number, isDark: boolean): NodeLook {
  const { nodes } = answer;
  const kind = nodes.kind[node];
  const panel = shadeOf(SURFACE.panel, isDark);
  const tint = (colour: CurveColor, share: number): string =>
    mixed(shadeOf(CURVES[colour], isDark), panel, isDark ? share * 0.75 : share);
  const pattern = kind === KIND.stackless ? 'hatched' : kind === KIND.more ? 'dotted' : null;
  if (answer.measure === 'grown') {
    const width = widthOf(nodes, node);
    const net = width === 0 ? 0 : nodes.total[node] / width;
    if (net === 0) return { fill: tint('grey', 0.2), pattern };
    return { fill: tint(net > 0 ? 'red' : 'blue', 0.12 + 0.38 * Math.abs(net)), pattern };
  }
  if (kind === KIND.stackless) return { fill: tint('grey', 0.12), pattern };
  if (kind === KIND.more) return { fill: tint('grey', 0.1), pattern };
  const frame = frameAt(answer, node);
  if (kind === KIND.work || frame === null) return { fill: tint('grey', 0.3), pattern };
  if (kind === KIND.group && frame.filename === '')
    return { fill: frame.name === 'your code' ? tint('orange', 0.45) : tint('grey', 0.25), pattern };
  switch (frame.owner) {
    case 'own':
      return { fill: tint(OWN_HUES[hashOf(frame.filename) % OWN_HUES.length], 0.5), pattern };
    case 'package':
      return { fill: tint('blue', 0.22), pattern };
    case 'framework':
      return { fill: tint('grey', 0.22), pattern };
    case 'native':
      return { fill: tint('grey', 0.34), pattern };
  }
}

/** Colour of what is written in a node. */
export const inkOf = (isDark: boolean): string => shadeOf(SURFACE.text, isDark);

/** What the colours mean, for the answer that is shown. */
export function legendOf(
  answer: StackTreeAnswer,
  isDark: boolean,
): readonly { readonly label: string; readonly fill: string; readonly hatched: boolean }[] {
  const entries = new Map<string, { label: string; fill: string; hatched: boolean }>();
  const { nodes } = answer;
  for (let node = 0; node < nodes.length; node++) {
    const kind = nodes.kind[node];
    const { fill } = lookOf(answer, node, isDark);
    const owner = frameAt(answer, node)?.owner;
    let label: string;
    if (kind === KIND.stackless) label = 'no stack';
    else if (kind === KIND.more || (kind === KIND.group && owner === undefined)) continue;
    else if (answer.measure === 'grown') label = nodes.total[node] > 0 ? 'grew (+)' : 'went back (−)';
    else if (kind === KIND.group) continue;
    else if (kind === KIND.work) label = 'all frames folded';
    else
      label = {
        own: 'your code, a colour for each file',
        package: 'installed packages',
        framework: 'framework',
        native: 'compiled code',
      }[owner ?? 'native'];
    if (!entries.has(label)) entries.set(label, { label, fill, hatched: kind === KIND.stackless });
  }
  return [...entries.values()];
}

export interface TreeRow {
  readonly node: number;
  readonly key: string;
  readonly label: string;
  readonly title: string;
  readonly level: number;
  /** null: it has nothing below it. */
  readonly open: boolean | null;
  readonly place: number;
  readonly siblings: number;
  readonly hit: boolean;
  /** Text and every digit of each figure, in the order of `rowHeads`. */
  readonly cells: readonly { readonly text: string; readonly title: string }[];
  readonly share: number;
}

/** Heads of the figures of a row. */
export function rowHeads({ measure, unit }: Pick<StackTreeAnswer, 'measure' | 'unit'>): readonly string[] {
  if (measure === 'grown') return ['Change', 'Grew', 'Went back', 'Allocations'];
  return unit === 'count' ? ['Allocations', 'Share', 'Self'] : ['Total', 'Share', 'Self', 'Allocations'];
}

function cellsOf(answer: StackTreeAnswer, node: number, unit: ByteUnit): TreeRow['cells'] {
  const { nodes } = answer;
  const weight = (value: number, text: string): TreeRow['cells'][number] => ({
    text,
    title: exactWeight(value, answer.unit),
  });
  const plain = (value: number): TreeRow['cells'][number] =>
    weight(value, formatWeight(value, answer.unit, unit));
  const total = weight(nodes.total[node], weightText(answer, nodes.total[node], unit));
  const made = nodes.count[node];
  const sign = answer.measure === 'grown' ? (made > 0 ? '+' : made < 0 ? '−' : '') : '';
  const count = { text: `${sign}${formatInteger(Math.abs(made))}`, title: '' };
  if (answer.measure === 'grown') return [total, plain(nodes.up[node]), plain(nodes.down[node]), count];
  const share = { text: percent(shareOf(answer, { up: nodes.up[node], down: nodes.down[node] })), title: '' };
  const ends = nodes.kind[node] === KIND.more ? { text: '', title: '' } : plain(nodes.own[node]);
  return answer.unit === 'count' ? [total, share, ends] : [total, share, ends, count];
}

/** Rows of the table at most; what is below is opened by closing something. */
export const MOST_TREE_ROWS = 1000;

/** Rows that are open to see, in order. `open`: keys of nodes by their path. */
export function treeRows(
  answer: StackTreeAnswer,
  links: StackLinks,
  open: ReadonlySet<string>,
  unit: ByteUnit,
): { readonly rows: readonly TreeRow[]; readonly left: number } {
  const { nodes } = answer;
  const rows: TreeRow[] = [];
  const siblingsOf = (first: number): number => {
    let count = 0;
    for (let at = first; at >= 0; at = links.next[at]) count++;
    return count;
  };
  let left = 0;
  const walk = (first: number, level: number, above: string): void => {
    const siblings = siblingsOf(first);
    for (let node = first, place = 1; node >= 0; node = links.next[node], place++) {
      if (rows.length >= MOST_TREE_ROWS) {
        left += siblings - place + 1;
        return;
      }
      const key = `${above}\u0001${nodeKey(answer, node)}`;
      const child = links.child[node];
      const isOpen = child >= 0 ? open.has(key) : null;
      const frame = frameAt(answer, node);
      rows.push({
        node,
        key,
        label: labelOf(answer, node),
        title:
          frame === null || frame.filename === ''
            ? ''
            : `${frame.filename}${frame.line > 0 ? `:${frame.line}` : ''}`,
        level,
        open: isOpen,
        place,
        siblings,
        hit: nodes.hit[node] === 1,
        cells: cellsOf(answer, node, unit),
        share: shareOf(answer, { up: nodes.up[node], down: nodes.down[node] }),
      });
      if (isOpen === true) walk(child, level + 1, key);
    }
  };
  if (nodes.length > 0) walk(0, 1, '');
  return { rows, left };
}

/** Nodes that are open at first: along the widest path, until it parts. And those above `shown`. */
export function firstOpen(answer: StackTreeAnswer, links: StackLinks, shown = -1): Set<string> {
  const { nodes } = answer;
  const open = new Set<string>();
  const keys = new Map<number, string>();
  const keyOf = (node: number): string => {
    let key = keys.get(node);
    if (key === undefined) {
      const above = nodes.parent[node] < 0 ? '' : keyOf(nodes.parent[node]);
      keys.set(node, (key = `${above}\u0001${nodeKey(answer, node)}`));
    }
    return key;
  };
  let widest = -1;
  for (let node = 0; node < nodes.length; node++)
    if (nodes.parent[node] < 0 && (widest < 0 || widthOf(nodes, node) > widthOf(nodes, widest)))
      widest = node;
  for (let at = widest, parts = 0; at >= 0 && parts < 2; at = links.child[at]) {
    if (links.child[at] < 0) break;
    open.add(keyOf(at));
    if (links.next[links.child[at]] >= 0) parts++;
  }
  for (let at = shown < 0 ? -1 : nodes.parent[shown]; at >= 0; at = nodes.parent[at]) open.add(keyOf(at));
  return open;
}

/** `filter` with one more term; as it is where the term is there already. */
export function withTerm(filter: string, term: string): string {
  const words = filter.trim();
  return words.split(/\s+/).includes(term) ? words : `${words} ${term}`.trim();
}
