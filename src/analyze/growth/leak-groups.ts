/**
 * Which growing stacks are one leak, and which line to name. A kept output keeps its whole graph: dozens of stacks
 * of one forward pass grow in the same iterations. Their deepest common caller is the line to look at:
 *
 *   main:277 > s_leak:167                          <- named
 *                > forward:68 > embedding ...      one part each
 *                > forward:70 > layer_norm ...
 */
import { NONE } from '../../trace/schema.ts';
import type { Frame, StackTable } from '../../trace/stack-table.ts';
import { isInternalFrame, isOwnFrame } from '../user-frames.ts';

/** From so many stacks that grow together on, they are taken for one leak. */
const MANY = 3;

export interface Grower {
  /** Stack node; NONE: no stack. */
  readonly stack: number;
  /** Equal for stacks that grew in the same iterations. */
  readonly signature: string;
}

export interface Group<T extends Grower> {
  /** Common caller of all parts (the stack itself where there is one part); NONE: none recorded. */
  readonly stack: number;
  readonly parts: readonly T[];
}

/** Nodes from the outermost caller to the stack itself. */
function pathOf(stacks: StackTable, stack: number): number[] {
  const path: number[] = [];
  for (let node = stack; node !== NONE; node = stacks.parent(node)) path.push(node);
  return path.reverse();
}

/** How many nodes all paths begin with in common. */
function commonDepth(paths: readonly (readonly number[])[]): number {
  let depth = 0;
  while (paths.every((path) => depth < path.length && path[depth] === paths[0][depth])) depth++;
  return depth;
}

/** Deepest node that all stacks are called from (or end at); NONE where there is none. */
export function commonCaller(stacks: StackTable, nodes: readonly number[]): number {
  if (nodes.length === 0) return NONE;
  const paths = nodes.map((node) => pathOf(stacks, node));
  const depth = commonDepth(paths);
  return depth === 0 ? NONE : paths[0][depth - 1];
}

interface Placed<T> {
  readonly part: T;
  readonly path: readonly number[];
}

class Grouping<T extends Grower> {
  readonly groups: Group<T>[] = [];

  constructor(
    private readonly stacks: StackTable,
    /** Nodes from the outermost to the one that holds the loop. */
    private readonly loop: readonly number[],
  ) {}

  private isOwn(node: number): boolean {
    return isOwnFrame(this.stacks.frames[this.stacks.frameOf(node)]);
  }

  private single({ part }: Placed<T>): void {
    this.groups.push({ stack: part.stack, parts: [part] });
  }

  /** Parts under one outermost caller: one group at their deepest common caller, or several below it. */
  add(placed: readonly Placed<T>[]): void {
    if (placed.length < MANY) {
      for (const one of placed) this.single(one);
      return;
    }
    const depth = commonDepth(placed.map(({ path }) => path));
    const node = placed[0].path[depth - 1];
    const children = new Map<number, Placed<T>[]>();
    for (const one of placed) {
      const child = one.path[depth] ?? NONE;
      const known = children.get(child);
      if (known === undefined) children.set(child, [one]);
      else known.push(one);
    }
    // A line that is run once for all iterations says nothing: the lines of the loop below it do. And a stray leak
    // on another line must not push the name of a large one out to the caller of both.
    const calls = [...children.keys()];
    const holdsLoop = this.loop.length >= depth && this.loop[depth - 1] === node;
    const largest = Math.max(...[...children.values()].map((some) => some.length));
    const ownLines = this.isOwn(node) && calls.every((child) => child !== NONE && this.isOwn(child));
    if (calls.length > 1 && ownLines && (holdsLoop || largest >= 0.9 * placed.length)) {
      for (const some of children.values()) this.add(some);
      return;
    }
    this.groups.push({ stack: node, parts: placed.map(({ part }) => part) });
  }
}

/** Growing stacks as leaks; `loop`: the node that holds the loop (commonCaller of all it allocates). */
export function groupGrowers<T extends Grower>(
  stacks: StackTable,
  growers: readonly T[],
  loop: number,
): Group<T>[] {
  const buckets = new Map<string, Placed<T>[]>();
  const grouping = new Grouping<T>(stacks, pathOf(stacks, loop));
  for (const part of growers) {
    if (part.stack === NONE) {
      grouping.groups.push({ stack: NONE, parts: [part] });
      continue;
    }
    const path = pathOf(stacks, part.stack);
    const key = `${path[0]} ${part.signature}`;
    const bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, [{ part, path }]);
    else bucket.push({ part, path });
  }
  for (const bucket of buckets.values()) grouping.add(bucket);
  return grouping.groups;
}

/** The user's line of a stack: its innermost frame of own code; else of any package; else the innermost. null: no stack. */
export function guiltyLine(stacks: StackTable, stack: number): Frame | null {
  const frames = stacks.stack(stack);
  return frames.find(isOwnFrame) ?? frames.find((frame) => !isInternalFrame(frame)) ?? frames.at(0) ?? null;
}

/** true: the stacks are those of a module's forward pass (own code or PyTorch's layers). */
export function isForward(stacks: StackTable, stack: number): boolean {
  return stacks.stack(stack).some(({ name }) => name === 'forward' || name.endsWith('.forward'));
}
