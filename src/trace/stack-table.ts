/**
 * Strings, frames and stacks, interned once. A stack is a node of a prefix tree whose root side is the
 * outermost caller, so a stack costs one u32 and shared callers are stored once:
 *
 *   node | parent | frame                    stack of node 2, innermost first:
 *   0    | NONE   | main       app.py:10       silu     functional.py:2397
 *   1    | 0      | forward    model.py:103    forward  model.py:103
 *   2    | 1      | silu       functional.py   main     app.py:10
 */
import { NONE } from './schema.ts';

export interface Frame {
  readonly name: string;
  readonly filename: string;
  readonly line: number;
}

/** Open-addressing hash of pairs of u32 to u32: keys and values in one typed array, no object an entry. */
class PairMap {
  private slots = new Uint32Array(3 * 1024).fill(NONE);
  private mask = 1023;
  private count = 0;

  /** Value of (a, b), or NONE after remembering `fresh` for it. */
  getOrInsert(a: number, b: number, fresh: number): number {
    let slot = this.slot(a, b);
    for (;;) {
      const base = 3 * slot;
      if (this.slots[base + 2] === NONE) break;
      if (this.slots[base] === a && this.slots[base + 1] === b) return this.slots[base + 2];
      slot = (slot + 1) & this.mask;
    }
    this.slots.set([a, b, fresh], 3 * slot);
    if (++this.count * 2 > this.mask) this.grow();
    return NONE;
  }

  private slot(a: number, b: number): number {
    let h = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b);
    h ^= h >>> 15;
    return (Math.imul(h, 0xc2b2ae35) >>> 7) & this.mask;
  }

  private grow(): void {
    const old = this.slots;
    this.mask = this.mask * 2 + 1;
    this.slots = new Uint32Array(3 * (this.mask + 1)).fill(NONE);
    for (let i = 0; i < old.length; i += 3) {
      if (old[i + 2] === NONE) continue;
      let slot = this.slot(old[i], old[i + 1]);
      while (this.slots[3 * slot + 2] !== NONE) slot = (slot + 1) & this.mask;
      this.slots.set([old[i], old[i + 1], old[i + 2]], 3 * slot);
    }
  }
}

/** Longest name and path that are kept: those of C++ templates are long, and no compiler's or system's longer. */
const LONGEST = 4096;

/** A name as long as it may be: all that follows goes through names again and again. */
const cut = (name: string): string =>
  name.length <= LONGEST ? name : `${name.slice(0, LONGEST)}… (${name.length} letters)`;

export class StackTable {
  readonly frames: Frame[] = [];
  private readonly frameIndex = new Map<string, number>();
  private readonly nodes = new PairMap();
  private parents = new Uint32Array(256);
  private nodeFrames = new Uint32Array(256);
  private nodeCount = 0;
  private stackSlots = new Uint32Array(1024).fill(NONE);
  private stackHashes = new Int32Array(1024);
  private stackCount = 0;

  get length(): number {
    return this.nodeCount;
  }

  /** Index of the frame, made on first sight. A number that no line has is taken as 0, not known. */
  internFrame(longName: string, longFile: string, printedLine: number): number {
    const [name, filename] = [cut(longName), cut(longFile)];
    const line = Number.isSafeInteger(printedLine) && printedLine > 0 ? printedLine : 0;
    const key = `${line}\u0000${name}\u0000${filename}`;
    let index = this.frameIndex.get(key);
    if (index === undefined) {
      index = this.frames.push({ name, filename, line }) - 1;
      this.frameIndex.set(key, index);
    }
    return index;
  }

  /** Node for `frame` called from `parent` (a node or NONE). */
  child(parent: number, frame: number): number {
    const fresh = this.nodeCount;
    const known = this.nodes.getOrInsert(parent, frame, fresh);
    if (known !== NONE) return known;
    if (fresh === this.parents.length) {
      const grow = (old: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> => {
        const bigger = new Uint32Array(old.length * 2);
        bigger.set(old);
        return bigger;
      };
      this.parents = grow(this.parents);
      this.nodeFrames = grow(this.nodeFrames);
    }
    this.parents[fresh] = parent;
    this.nodeFrames[fresh] = frame;
    this.nodeCount = fresh + 1;
    return fresh;
  }

  /**
   * Node of a whole stack, `frames[0, length)` innermost first; NONE for an empty one. A stack seen before
   * costs one hash and one walk up the tree.
   */
  internStack(frames: Uint32Array, length: number): number {
    if (length === 0) return NONE;
    let hash = length;
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ frames[i], 0x9e3779b1) + (hash >>> 13);
    hash ^= hash >>> 16;
    const mask = this.stackSlots.length - 1;
    let slot = hash & mask;
    for (; this.stackSlots[slot] !== NONE; slot = (slot + 1) & mask) {
      if (this.equals(this.stackSlots[slot], frames, length)) return this.stackSlots[slot];
    }
    let node = NONE;
    for (let i = length - 1; i >= 0; i--) node = this.child(node, frames[i]);
    this.stackSlots[slot] = node;
    this.stackHashes[slot] = hash;
    if (++this.stackCount * 2 > mask) this.growStacks();
    return node;
  }

  private equals(node: number, frames: Uint32Array, length: number): boolean {
    let at = node;
    for (let i = 0; i < length; i++) {
      if (at === NONE || this.nodeFrames[at] !== frames[i]) return false;
      at = this.parents[at];
    }
    return at === NONE;
  }

  private growStacks(): void {
    const slots = this.stackSlots;
    const hashes = this.stackHashes;
    const size = slots.length * 2;
    this.stackSlots = new Uint32Array(size).fill(NONE);
    this.stackHashes = new Int32Array(size);
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] === NONE) continue;
      let slot = hashes[i] & (size - 1);
      while (this.stackSlots[slot] !== NONE) slot = (slot + 1) & (size - 1);
      this.stackSlots[slot] = slots[i];
      this.stackHashes[slot] = hashes[i];
    }
  }

  parent(node: number): number {
    return this.parents[node];
  }

  frameOf(node: number): number {
    return this.nodeFrames[node];
  }

  /** Nodes [from, to) as they lie: the node of the caller (NONE: none) and the index into `frames`, no copy. */
  columns(from: number, to: number): { readonly parent: Uint32Array; readonly frame: Uint32Array } {
    return { parent: this.parents.subarray(from, to), frame: this.nodeFrames.subarray(from, to) };
  }

  /** Frames of a stack, innermost first; empty for NONE. */
  stack(node: number): Frame[] {
    const frames: Frame[] = [];
    for (let at = node; at !== NONE; at = this.parents[at]) frames.push(this.frames[this.nodeFrames[at]]);
    return frames;
  }
}
