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
import { holderLabel, isInternalFrame, isOwnFrame } from '../user-frames.ts';

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

/** A frame on the way from the outermost caller to a stack. */
interface Step {
  /** Index of the frame: C++ frames between two Python ones differ from request to request, the frames do not. */
  readonly frame: number;
  /** Node of the stack up to this frame. */
  readonly node: number;
}

/** From the outermost caller to the stack itself, without frames that are nobody's line. */
function pathOf(stacks: StackTable, stack: number): Step[] {
  const path: Step[] = [];
  for (let node = stack; node !== NONE; node = stacks.parent(node)) {
    const frame = stacks.frameOf(node);
    if (!isInternalFrame(stacks.frames[frame])) path.push({ frame, node });
  }
  return path.reverse();
}

/** How many frames all paths begin with in common. */
function commonDepth(paths: readonly (readonly Step[])[]): number {
  let depth = 0;
  while (paths.every((path) => depth < path.length && path[depth].frame === paths[0][depth].frame)) depth++;
  return depth;
}

/** Deepest line that all stacks are called from (or end at); NONE where there is none. */
export function commonCaller(stacks: StackTable, nodes: readonly number[]): number {
  if (nodes.length === 0) return NONE;
  const paths = nodes.map((node) => pathOf(stacks, node));
  const depth = commonDepth(paths);
  return depth === 0 ? NONE : paths[0][depth - 1].node;
}

interface Placed<T> {
  readonly part: T;
  readonly path: readonly Step[];
}

class Grouping<T extends Grower> {
  readonly groups: Group<T>[] = [];

  constructor(
    private readonly stacks: StackTable,
    /** From the outermost caller to the line that holds the loop. */
    private readonly loop: readonly Step[],
  ) {}

  private isOwn(frame: number): boolean {
    return isOwnFrame(this.stacks.frames[frame]);
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
    const at = placed[0].path.at(depth - 1)!;
    const children = new Map<number, Placed<T>[]>();
    for (const one of placed) {
      const child = one.path.at(depth)?.frame ?? NONE;
      const known = children.get(child);
      if (known === undefined) children.set(child, [one]);
      else known.push(one);
    }
    // A line that is run once for all iterations says nothing: the lines of the loop below it do. And a stray leak
    // on another line must not push the name of a large one out to the caller of both.
    const calls = [...children.keys()];
    const holdsLoop = this.loop.length >= depth && this.loop[depth - 1].frame === at.frame;
    const largest = Math.max(...[...children.values()].map((some) => some.length));
    const ownLines = this.isOwn(at.frame) && calls.every((child) => child !== NONE && this.isOwn(child));
    // A caller in which no line is the user's is not named where lines below it are.
    const foreign =
      placed[0].path.slice(0, depth).every(({ frame }) => !this.isOwn(frame)) &&
      placed.every(({ path }) => path.some(({ frame }) => this.isOwn(frame)));
    if (calls.length > 1 && (foreign || (ownLines && (holdsLoop || largest >= 0.9 * placed.length)))) {
      for (const some of children.values()) this.add(some);
      return;
    }
    this.groups.push({ stack: at.node, parts: placed.map(({ part }) => part) });
  }
}

/** Growing stacks as leaks; `loop`: the node that holds the loop (commonCaller of all it allocates). */
export function groupGrowers<T extends Grower>(
  stacks: StackTable,
  growers: readonly T[],
  loop: number,
): Group<T>[] {
  const buckets = new Map<string, Placed<T>[]>();
  const unplaced = new Map<string, T[]>();
  const grouping = new Grouping<T>(stacks, pathOf(stacks, loop));
  for (const part of growers) {
    if (part.stack === NONE) {
      grouping.groups.push({ stack: NONE, parts: [part] });
      continue;
    }
    const path = pathOf(stacks, part.stack);
    if (path.length === 0) {
      // Gradients have no line: what their autograd node makes in the same iterations is one.
      const key = `${holderLabel(stacks, part.stack)} ${part.signature}`;
      unplaced.set(key, [...(unplaced.get(key) ?? []), part]);
      continue;
    }
    const key = `${path[0].frame} ${part.signature}`;
    const bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, [{ part, path }]);
    else bucket.push({ part, path });
  }
  for (const bucket of buckets.values()) grouping.add(bucket);
  for (const parts of unplaced.values()) grouping.groups.push({ stack: parts[0].stack, parts });
  return grouping.groups;
}

/** The user's line of a stack: its innermost frame of own code; else of a package. null: neither is in it. */
export function guiltyLine(stacks: StackTable, stack: number): Frame | null {
  const frames = stacks.stack(stack);
  return frames.find(isOwnFrame) ?? frames.find((frame) => !isInternalFrame(frame)) ?? null;
}

/** The line of another function of the user's from which the guilty one was called; null: none. */
export function callerOfLine(stacks: StackTable, stack: number): Frame | null {
  const [line, ...callers] = stacks.stack(stack).filter(isOwnFrame);
  // A generator or lambda on the same line is no other place.
  const elsewhere = ({ name, filename, line: at }: Frame): boolean =>
    (name !== line.name || filename !== line.filename) && (filename !== line.filename || at !== line.line);
  return callers.find(elsewhere) ?? null;
}

/** true: the stacks are those of a module's forward pass (own code or PyTorch's layers). */
export function isForward(stacks: StackTable, stack: number): boolean {
  return stacks.stack(stack).some(({ name }) => name === 'forward' || name.endsWith('.forward'));
}
