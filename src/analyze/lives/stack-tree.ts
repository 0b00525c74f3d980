/**
 * Stacks with weights as a tree that people read: callers on top (top-down), the innermost frame on top (bottom-up), or
 * package, file and line (by file). Frames that rules fold away give their bytes to the frame that called them.
 *
 *   top-down                 bottom-up                     by file
 *   main            12       silu     functional.py  8     your code          12
 *   └ forward :97   12       └ forward :97           8     └ model.py         12
 *     ├ silu         8         └ main                8       ├ forward :97    ...
 *
 * Every byte is in the tree: what has no stack is a root of its own, and a stack of which every frame is folded is a
 * root named after what it did. Sums of roots are the sum of the weights, exactly.
 */
import { Kept } from '../../base/lazy.ts';
import { NONE } from '../../trace/schema.ts';
import { StackTable } from '../../trace/stack-table.ts';
import type { Frame } from '../../trace/stack-table.ts';
import type { StackWeights } from './stack-weights.ts';

export type Direction = 'top-down' | 'bottom-up' | 'by-file';

export interface TreeChoice {
  readonly direction: Direction;
  /** Frames that are left out. */
  hides(frame: Frame): boolean;
  /** Calls that repeat those that made them, line by line, count as the outermost of them. */
  readonly collapseRecursion: boolean;
}

/** What a node stands for. */
export const NODE = {
  frame: 0,
  /** A package or a file, of the tree by file. */
  group: 1,
  /** What a stack did of which every frame is folded. */
  work: 2,
  stackless: 3,
  /** Nodes too small to be seen, summed. */
  more: 4,
} as const;

export interface StackTree {
  readonly length: number;
  /** A parent's number is below its children's; NONE: a root. */
  readonly parent: Uint32Array;
  /** Index into `frames`. */
  readonly frame: Uint32Array;
  readonly frames: readonly Frame[];
  readonly kind: Uint8Array;
  /** A node of the stack table behind each: the call itself (top-down), else the heaviest; NONE: there is none. */
  readonly stack: Uint32Array;
  /** Weight of what ends here, and of it with everything below. */
  readonly own: Float64Array;
  readonly total: Float64Array;
  /** Of `total`: what is above 0 and what is below, both as amounts. Their sum is the width. */
  readonly up: Float64Array;
  readonly down: Float64Array;
  readonly count: Float64Array;
  /** Distinct frames seen in stacks with a weight, and how many of them are folded away. */
  readonly seenFrames: number;
  readonly hiddenFrames: number;
}

export interface TreeSource {
  readonly stacks: StackTable;
  readonly weights: StackWeights;
  /** Name of a stack of which every frame is folded. */
  labelOf(stack: number): string;
  /** Package of a frame; null: the user's own. */
  packageOf(frame: Frame): string | null;
}

/** Name of what has no stack. */
export const STACKLESS_NAME = 'no stack recorded';
const OWN_NAME = 'your code';

/** Nodes as they are made. A second stack table holds them: one node for one path, in order. */
class Growing {
  readonly table = new StackTable();
  readonly kind: number[] = [];
  readonly stack: number[] = [];
  readonly own: number[] = [];
  readonly count: number[] = [];

  child(parent: number, frame: number, kind: number, stack: number): number {
    const node = this.table.child(parent, frame);
    if (node === this.kind.length) {
      this.kind.push(kind);
      this.stack.push(stack);
      this.own.push(0);
      this.count.push(0);
    }
    return node;
  }

  add(node: number, value: number, count: number): void {
    this.own[node] += value;
    this.count[node] += count;
  }
}

/** Stacks with a weight, and every caller of theirs. */
function neededOf(stacks: StackTable, { value, count }: StackWeights): Uint8Array {
  const { parent } = stacks.columns(0, stacks.length);
  const needed = new Uint8Array(stacks.length);
  for (let node = stacks.length - 1; node >= 0; node--) {
    if (value[node] !== 0 || count[node] !== 0) needed[node] = 1;
    if (needed[node] === 1 && parent[node] !== NONE) needed[parent[node]] = 1;
  }
  return needed;
}

/** Longest cycle of frames that is looked for. */
const LONGEST_CYCLE = 32;

/**
 * The node at which a call stands that only repeats what called it: the frames down to `frame` are the same as those before
 * them, line by line (a function that calls itself, or two that call each other). NONE: it repeats nothing. A name alone is
 * no function: every class has an `__init__` and a `forward`, and a snapshot does not tell them apart.
 */
function repeatedIn(table: StackTable, caller: number, frame: number): number {
  let again = caller;
  for (let length = 1; length <= LONGEST_CYCLE && again !== NONE; length++, again = table.parent(again)) {
    if (table.frameOf(again) !== frame) continue;
    // `again` is `length` above the new call. The frames between are compared with those above `again`.
    let [lower, upper] = [caller, table.parent(again)];
    let rest = length - 1;
    while (rest > 0 && upper !== NONE && table.frameOf(lower) === table.frameOf(upper)) {
      rest--;
      lower = table.parent(lower);
      upper = table.parent(upper);
    }
    if (rest === 0) return again;
  }
  return NONE;
}

/** Without nodes that have no weight on or below them: a cycle that was folded leaves the calls it began with. */
function withoutEmpty(from: Growing): Growing {
  const { table, kind, stack, own, count } = from;
  const kept = new Uint8Array(kind.length);
  for (let node = kind.length - 1; node >= 0; node--) {
    if (own[node] !== 0 || count[node] !== 0) kept[node] = 1;
    const above = table.parent(node);
    if (kept[node] === 1 && above !== NONE) kept[above] = 1;
  }
  if (!kept.includes(0)) return from;
  const into = withFramesOf(from);
  const moved = new Uint32Array(kind.length).fill(NONE);
  for (let node = 0; node < kind.length; node++) {
    if (kept[node] === 0) continue;
    const above = table.parent(node);
    moved[node] = into.child(
      above === NONE ? NONE : moved[above],
      table.frameOf(node),
      kind[node],
      stack[node],
    );
    into.add(moved[node], own[node], count[node]);
  }
  return into;
}

interface TopDown {
  readonly grown: Growing;
  readonly seenFrames: number;
  readonly hiddenFrames: number;
}

function topDown(source: TreeSource, choice: TreeChoice): TopDown {
  const { stacks, weights } = source;
  const grown = new Growing();
  const { parent, frame } = stacks.columns(0, stacks.length);
  const needed = neededOf(stacks, weights);
  const UNSEEN = 2;
  const hidden = new Uint8Array(stacks.frames.length).fill(UNSEEN);
  const ownFrame = new Uint32Array(stacks.frames.length);
  let [seenFrames, hiddenFrames] = [0, 0];
  const mapped = new Uint32Array(stacks.length).fill(NONE);
  for (let node = 0; node < stacks.length; node++) {
    if (needed[node] === 0) continue;
    const of = frame[node];
    if (hidden[of] === UNSEEN) {
      const one = stacks.frames[of];
      hidden[of] = choice.hides(one) ? 1 : 0;
      seenFrames++;
      hiddenFrames += hidden[of];
      ownFrame[of] = grown.table.internFrame(one.name, one.filename, one.line);
    }
    const caller = parent[node] === NONE ? NONE : mapped[parent[node]];
    mapped[node] = caller;
    if (hidden[of] === 0) {
      const same = choice.collapseRecursion ? repeatedIn(grown.table, caller, ownFrame[of]) : NONE;
      mapped[node] = same === NONE ? grown.child(caller, ownFrame[of], NODE.frame, node) : same;
    }
    if (weights.value[node] === 0 && weights.count[node] === 0) continue;
    if (mapped[node] !== NONE) grown.add(mapped[node], weights.value[node], weights.count[node]);
  }
  // After all others, so that a frame of the same name is none of these.
  for (let node = 0; node < stacks.length; node++) {
    if (mapped[node] !== NONE || (weights.value[node] === 0 && weights.count[node] === 0)) continue;
    const work = grown.child(NONE, grown.table.internFrame(source.labelOf(node), '', -1), NODE.work, node);
    grown.add(work, weights.value[node], weights.count[node]);
  }
  return { grown: withoutEmpty(grown), seenFrames, hiddenFrames };
}

/** Each path of a tree that has a weight of its own, led into another tree. `pathOf`: frames of that, and their kinds. */
function rearranged(
  from: Growing,
  into: Growing,
  pathOf: (node: number, put: (frame: number, kind: number) => void) => void,
): Growing {
  const heaviest: number[] = [];
  let [at, weight, stack]: number[] = [NONE, 0, NONE];
  const put = (frame: number, kind: number): void => {
    at = into.child(at, frame, kind, stack);
    if (weight <= (heaviest[at] ?? -1)) return;
    heaviest[at] = weight;
    into.stack[at] = stack;
  };
  for (let node = 0; node < from.kind.length; node++) {
    if (from.own[node] === 0 && from.count[node] === 0) continue;
    [at, weight, stack] = [NONE, Math.abs(from.own[node]), from.stack[node]];
    pathOf(node, put);
    into.add(at, from.own[node], from.count[node]);
  }
  return into;
}

/** The same frames in the same order, so that their numbers are those of `from`. */
function withFramesOf(from: Growing): Growing {
  const into = new Growing();
  for (const { name, filename, line } of from.table.frames) into.table.internFrame(name, filename, line);
  return into;
}

function bottomUp(from: Growing): Growing {
  const { table, kind } = from;
  return rearranged(from, withFramesOf(from), (node, put) => {
    for (let at = node; at !== NONE; at = table.parent(at)) put(table.frameOf(at), kind[at]);
  });
}

function byFile(from: Growing, packageOf: TreeSource['packageOf']): Growing {
  const { table } = from;
  const into = withFramesOf(from);
  const groups = new Kept<number, readonly [number, number]>();
  return rearranged(from, into, (node, put) => {
    const of = table.frameOf(node);
    if (from.kind[node] === NODE.frame) {
      const [whole, file] = groups.of(of, () => {
        const frame = table.frames[of];
        const name = frame.filename === '' ? '(no file)' : frame.filename;
        return [
          into.table.internFrame(packageOf(frame) ?? OWN_NAME, '', -3),
          into.table.internFrame(name, frame.filename, -3),
        ];
      });
      put(whole, NODE.group);
      put(file, NODE.group);
    }
    put(of, from.kind[node]);
  });
}

/** Totals of a tree whose parents come before their children. */
function summed(grown: Growing, seenFrames: number, hiddenFrames: number): StackTree {
  const { table } = grown;
  const length = grown.kind.length;
  const { parent, frame } = table.columns(0, length);
  const own = Float64Array.from(grown.own);
  const total = own.slice();
  const up = own.map((value) => Math.max(0, value));
  const down = own.map((value) => Math.max(0, -value));
  const count = Float64Array.from(grown.count);
  for (let node = length - 1; node >= 0; node--) {
    const above = parent[node];
    if (above === NONE) continue;
    total[above] += total[node];
    up[above] += up[node];
    down[above] += down[node];
    count[above] += count[node];
  }
  return {
    length,
    parent: parent.slice(),
    frame: frame.slice(),
    frames: table.frames,
    kind: Uint8Array.from(grown.kind),
    stack: Uint32Array.from(grown.stack),
    own,
    total,
    up,
    down,
    count,
    seenFrames,
    hiddenFrames,
  };
}

export function stackTreeOf(source: TreeSource, choice: TreeChoice): StackTree {
  const { grown, seenFrames, hiddenFrames } = topDown(source, choice);
  const tree =
    choice.direction === 'top-down'
      ? grown
      : choice.direction === 'bottom-up'
        ? bottomUp(grown)
        : byFile(grown, (frame) => source.packageOf(frame));
  const { value, count } = source.weights;
  const none = source.stacks.length;
  if (value[none] !== 0 || count[none] !== 0) {
    const node = tree.child(NONE, tree.table.internFrame(STACKLESS_NAME, '', -2), NODE.stackless, NONE);
    tree.add(node, value[none], count[none]);
  }
  return summed(tree, seenFrames, hiddenFrames);
}
