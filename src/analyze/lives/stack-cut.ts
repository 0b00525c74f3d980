/**
 * What of a tree of stacks is handed out: the widest nodes, and one node for the rest of each parent's children, with
 * their sum. No byte is lost: children and what ends in a node always sum to it.
 *
 *   forward :97     12          forward :97     12
 *   ├ silu           8    ->    ├ silu           8
 *   ├ dropout        3          └ 2 more         4
 *   └ gelu           1
 */
import { NONE } from '../../trace/schema.ts';
import { framesThat } from './life-expression.ts';
import { NODE, type StackTree } from './stack-tree.ts';

/** Nodes in the order in which a picture is drawn: callers first, then their children, the widest first. */
export interface CutTree {
  readonly length: number;
  /** Number in the whole tree; of "more" that of its parent, and NONE at the roots. */
  readonly id: Uint32Array;
  /** Place of the parent in these columns; -1: a root. */
  readonly parent: Int32Array;
  readonly kind: Uint8Array;
  /** Index into the tree's frames; NONE: of "more". */
  readonly frame: Uint32Array;
  readonly stack: Uint32Array;
  readonly own: Float64Array;
  readonly total: Float64Array;
  readonly up: Float64Array;
  readonly down: Float64Array;
  readonly count: Float64Array;
  /** Of "more": how many nodes of the tree it stands for, those below them included; else 0. */
  readonly stands: Uint32Array;
  /** Of "more" and of nodes whose children are left out: 1. */
  readonly isCut: Uint8Array;
  /** 1: it is found itself; of "more": one of its nodes is. */
  readonly hit: Uint8Array;
}

export interface Found {
  /** Weight of what passes through a frame that is found, each stack counted once. */
  readonly total: number;
  readonly up: number;
  readonly down: number;
  readonly count: number;
  /** Nodes that are found. */
  readonly nodes: number;
}

export interface Hits {
  readonly hit: Uint8Array;
  /** 1: a node below it is found. */
  readonly below: Uint8Array;
  readonly found: Found;
}

/** Nodes whose frame is found. Throws where `wanted` is no regular expression. */
export function searchTree(tree: StackTree, wanted: string): Hits {
  const frames = framesThat(tree, wanted);
  const hit = new Uint8Array(tree.length);
  const below = new Uint8Array(tree.length);
  const above = new Uint8Array(tree.length);
  let [total, up, down, count, nodes] = [0, 0, 0, 0, 0];
  for (let node = 0; node < tree.length; node++) {
    const parent = tree.parent[node];
    above[node] = parent !== NONE && (hit[parent] === 1 || above[parent] === 1) ? 1 : 0;
    hit[node] = frames[tree.frame[node]];
    if (hit[node] === 0) continue;
    nodes++;
    if (above[node] === 1) continue;
    total += tree.total[node];
    up += tree.up[node];
    down += tree.down[node];
    count += tree.count[node];
  }
  for (let node = tree.length - 1; node >= 0; node--)
    if (tree.parent[node] !== NONE && (hit[node] === 1 || below[node] === 1)) below[tree.parent[node]] = 1;
  return { hit, below, found: { total, up, down, count, nodes } };
}

const widthOf = ({ up, down }: StackTree, node: number): number => up[node] + down[node];

/** Nodes that are kept: those above `within`, and of it and what is below the widest. */
function keptOf(tree: StackTree, most: number, within: number | null): Uint8Array {
  const { length, parent } = tree;
  const kept = new Uint8Array(length);
  const inside = new Uint8Array(length);
  const widths = new Float64Array(length);
  let count = 0;
  for (let node = 0; node < length; node++) {
    const isIn = within === null || node === within || (parent[node] !== NONE && inside[parent[node]] === 1);
    if (!isIn) continue;
    inside[node] = 1;
    widths[count++] = widthOf(tree, node);
  }
  for (let at = within ?? NONE; at !== NONE; at = parent[at]) kept[at] = 1;
  // Wider than this all are kept, of those as wide so many.
  let [least, ties] = [-1, 0];
  if (count > most) {
    const sorted = widths.subarray(0, count).sort();
    const wanted = Math.floor(most / 2);
    least = sorted[count - wanted];
    while (ties < wanted && sorted[count - wanted + ties] === least) ties++;
  }
  // A node is as wide as its children together, and its number is below theirs: of equal ones it comes first.
  for (let node = 0; node < length; node++) {
    if (inside[node] === 0) continue;
    const width = widthOf(tree, node);
    if (width > least || (width === least && ties-- > 0)) kept[node] = 1;
  }
  return kept;
}

/** Children of every node and of the root (the last); of those that are kept the widest first, what has no stack before all. */
function childrenOf(
  tree: StackTree,
  kept: Uint8Array,
): { readonly start: Uint32Array; readonly child: Uint32Array } {
  const { length, parent, kind } = tree;
  const start = new Uint32Array(length + 2);
  for (let node = 0; node < length; node++) start[(parent[node] === NONE ? length : parent[node]) + 1]++;
  for (let node = 0; node <= length; node++) start[node + 1] += start[node];
  const next = start.slice();
  const child = new Uint32Array(length);
  for (let node = 0; node < length; node++)
    child[next[parent[node] === NONE ? length : parent[node]]++] = node;
  const isLater = (node: number): number => (kind[node] === NODE.stackless ? 0 : 1);
  for (let node = 0; node <= length; node++)
    if (start[node + 1] - start[node] > 1 && (node === length || kept[node] === 1))
      child
        .subarray(start[node], start[node + 1])
        .sort((a, b) => isLater(a) - isLater(b) || widthOf(tree, b) - widthOf(tree, a) || a - b);
  return { start, child };
}

/** Nodes of the tree below each, itself included. */
function sizesOf({ length, parent }: StackTree): Uint32Array {
  const sizes = new Uint32Array(length).fill(1);
  for (let node = length - 1; node >= 0; node--)
    if (parent[node] !== NONE) sizes[parent[node]] += sizes[node];
  return sizes;
}

/** At most `most` nodes and what stands for the rest; `within`: of one node and what is below it. */
export function cutTree(
  tree: StackTree,
  most: number,
  within: number | null,
  hits: Pick<Hits, 'hit' | 'below'> | null,
): CutTree {
  const kept = keptOf(tree, most, within);
  const { start, child } = childrenOf(tree, kept);
  const sizes = sizesOf(tree);
  let [keptCount, cutCount] = [0, 0];
  for (let node = 0; node <= tree.length; node++) {
    let isCut = false;
    if (node < tree.length && kept[node] === 0) continue;
    if (node < tree.length) keptCount++;
    for (let i = start[node]; i < start[node + 1] && !isCut; i++) isCut = kept[child[i]] === 0;
    if (isCut) cutCount++;
  }
  const length = keptCount + cutCount;
  const doubles = (): Float64Array => new Float64Array(length);
  const cut = {
    length,
    id: new Uint32Array(length),
    parent: new Int32Array(length),
    kind: new Uint8Array(length),
    frame: new Uint32Array(length),
    stack: new Uint32Array(length),
    own: doubles(),
    total: doubles(),
    up: doubles(),
    down: doubles(),
    count: doubles(),
    stands: new Uint32Array(length),
    isCut: new Uint8Array(length),
    hit: new Uint8Array(length),
  };
  let at = 0;
  const put = (node: number, parent: number): void => {
    cut.id[at] = node;
    cut.parent[at] = parent;
    cut.kind[at] = tree.kind[node];
    cut.frame[at] = tree.frame[node];
    cut.stack[at] = tree.stack[node];
    for (const name of ['own', 'total', 'up', 'down', 'count'] as const) cut[name][at] = tree[name][node];
    cut.hit[at] = hits?.hit[node] ?? 0;
    at++;
  };
  /** The children of a node that are left out, as one. */
  const putRest = (node: number, parent: number): void => {
    let stands = 0;
    for (let i = start[node]; i < start[node + 1]; i++) {
      const one = child[i];
      if (kept[one] === 1) continue;
      stands += sizes[one];
      for (const name of ['total', 'up', 'down', 'count'] as const) cut[name][at] += tree[name][one];
      if (hits !== null && (hits.hit[one] === 1 || hits.below[one] === 1)) cut.hit[at] = 1;
    }
    if (stands === 0) return;
    cut.id[at] = node === tree.length ? NONE : node;
    cut.parent[at] = parent;
    cut.kind[at] = NODE.more;
    cut.frame[at] = cut.stack[at] = NONE;
    cut.own[at] = cut.total[at];
    cut.stands[at] = stands;
    cut.isCut[at] = 1;
    if (parent >= 0) cut.isCut[parent] = 1;
    at++;
  };
  // Deep stacks would be too deep for calls: where each open node is among its children.
  const open: { node: number; place: number; next: number }[] = [
    { node: tree.length, place: -1, next: start[tree.length] },
  ];
  while (open.length > 0) {
    const top = open[open.length - 1];
    while (top.next < start[top.node + 1] && kept[child[top.next]] === 0) top.next++;
    if (top.next < start[top.node + 1]) {
      const node = child[top.next++];
      const place = at;
      put(node, top.place);
      open.push({ node, place, next: start[node] });
    } else {
      putRest(top.node, top.place);
      open.pop();
    }
  }
  return cut;
}
