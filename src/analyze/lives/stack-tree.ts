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
  /** A function called from within itself counts as its outermost call. */
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

/** Numbers of functions by frame: lines of one function have one number. */
function functionsOf(frames: readonly Frame[]): Uint32Array {
  const numbers = new Map<string, number>();
  return Uint32Array.from(frames, ({ name, filename }) => {
    const key = `${name}\u0000${filename}`;
    let number = numbers.get(key);
    if (number === undefined) numbers.set(key, (number = numbers.size));
    return number;
  });
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
  const functions = choice.collapseRecursion ? functionsOf(stacks.frames) : null;
  const UNSEEN = 2;
  const hidden = new Uint8Array(stacks.frames.length).fill(UNSEEN);
  const ownFrame = new Uint32Array(stacks.frames.length);
  let [seenFrames, hiddenFrames] = [0, 0];
  const mapped = new Uint32Array(stacks.length).fill(NONE);
  /** Function of each node of the tree. */
  const functionOf: number[] = [];
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
      let same = NONE;
      if (functions !== null)
        for (let at = caller; at !== NONE && same === NONE; at = grown.table.parent(at))
          if (functionOf[at] === functions[of]) same = at;
      mapped[node] = same === NONE ? grown.child(caller, ownFrame[of], NODE.frame, node) : same;
      if (same === NONE && functions !== null) functionOf[mapped[node]] = functions[of];
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
  return { grown, seenFrames, hiddenFrames };
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
