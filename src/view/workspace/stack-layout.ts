/**
 * Where each node of a tree of stacks lies: its level, and its stretch of the width from 0 to 1. And how keys walk it.
 *
 *   level 0  | main                      |          a node is as wide as it weighs; what is left of it beside
 *   level 1  | forward      | loss |     |          its children ends in it
 */
import type { StackTreeNodes } from '../../engine/protocol.ts';

/** What a node stands for, as the engine numbers it. */
export const KIND = { frame: 0, group: 1, work: 2, stackless: 3, more: 4 } as const;

export const NO_NODE = 0xffffffff;

export interface StackLayout {
  /** Of the width; equal where the node is not in view. */
  readonly from: Float64Array;
  readonly to: Float64Array;
  readonly level: Int32Array;
  readonly levels: number;
}

export const widthOf = ({ up, down }: Pick<StackTreeNodes, 'up' | 'down'>, node: number): number =>
  up[node] + down[node];

/** `focus`: the node that fills the width, below its callers; -1: all roots do. */
export function layoutStacks(nodes: StackTreeNodes, focus: number): StackLayout {
  const { length, parent } = nodes;
  const from = new Float64Array(length);
  const to = new Float64Array(length);
  const level = new Int32Array(length);
  let whole = 0;
  if (focus >= 0) whole = widthOf(nodes, focus);
  else for (let node = 0; node < length; node++) if (parent[node] < 0) whole += widthOf(nodes, node);
  const isCaller = new Uint8Array(length);
  for (let at = focus; at >= 0; at = parent[at]) isCaller[at] = 1;
  const inView = new Uint8Array(length);
  /** Where the next child of each node begins. */
  const next = new Float64Array(length);
  let root = 0;
  let levels = 0;
  for (let node = 0; node < length; node++) {
    const caller = parent[node];
    level[node] = caller < 0 ? 0 : level[caller] + 1;
    if (isCaller[node] === 1) {
      [from[node], to[node], inView[node]] = [0, 1, node === focus ? 1 : 0];
    } else if (focus < 0 || (caller >= 0 && inView[caller] === 1)) {
      inView[node] = 1;
      const width = whole === 0 ? 0 : widthOf(nodes, node) / whole;
      from[node] = caller < 0 ? root : next[caller];
      to[node] = Math.min(1, from[node] + width);
      if (caller < 0) root = to[node];
      else next[caller] = to[node];
      next[node] = from[node];
    } else continue;
    levels = Math.max(levels, level[node] + 1);
  }
  return { from, to, level, levels };
}

/** Neighbours of every node; -1: there is none. */
export interface StackLinks {
  readonly child: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;
}

export function linksOf({ length, parent }: StackTreeNodes): StackLinks {
  const child = new Int32Array(length).fill(-1);
  const next = new Int32Array(length).fill(-1);
  const previous = new Int32Array(length).fill(-1);
  const last = new Int32Array(length).fill(-1);
  let lastRoot = -1;
  for (let node = 0; node < length; node++) {
    const caller = parent[node];
    const before = caller < 0 ? lastRoot : last[caller];
    if (before >= 0) [next[before], previous[node]] = [node, before];
    else if (caller >= 0) child[caller] = node;
    if (caller < 0) lastRoot = node;
    else last[caller] = node;
  }
  return { child, next, previous };
}

export type Step = 'in' | 'out' | 'next' | 'previous' | 'first' | 'last';

/** Where a key leads from a node; itself where there is nowhere to go. From none (-1) to the widest root. */
export function stepFrom(nodes: StackTreeNodes, links: StackLinks, at: number, step: Step): number {
  if (nodes.length === 0) return -1;
  if (at < 0) {
    let widest = 0;
    for (let root = 0; root >= 0; root = links.next[root])
      if (widthOf(nodes, root) > widthOf(nodes, widest)) widest = root;
    return widest;
  }
  const to = (found: number): number => (found < 0 ? at : found);
  switch (step) {
    case 'in':
      return to(links.child[at]);
    case 'out':
      return to(nodes.parent[at]);
    case 'next':
      return to(links.next[at]);
    case 'previous':
      return to(links.previous[at]);
    case 'first': {
      let first = at;
      while (links.previous[first] >= 0) first = links.previous[first];
      return first;
    }
    case 'last': {
      let last = at;
      while (links.next[last] >= 0) last = links.next[last];
      return last;
    }
  }
}

/** Node at a place; -1: none. `share`: of the width, `level`: from the root. */
export function nodeAt({ from, to, level }: StackLayout, share: number, wanted: number): number {
  for (let node = 0; node < from.length; node++)
    if (level[node] === wanted && from[node] <= share && share < to[node]) return node;
  return -1;
}
