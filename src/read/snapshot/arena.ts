/**
 * Lists and dicts of a snapshot's pickle while it is decoded: ids and typed columns, no object each.
 *
 *   dict_ref   role (4 bits) and row (28 bits) of a dict, ROLE_FRESH until its items came
 *   list       RUN + role: rows [a, b) of that role | POOLED: packed values pool[a, a + b) | STACK: node a
 */
import { IndexColumn } from '../../trace/column-builder.ts';
import { NONE } from '../../trace/schema.ts';
import type { StackTable } from '../../trace/stack-table.ts';
import { DICT, LIST } from './pickle-machine.ts';

export const ROLE_FRESH = 0;
export const ROLE_FRAME = 1;
export const ROLE_EVENT = 2;
export const ROLE_BLOCK = 3;
export const ROLE_SEGMENT = 4;
export const ROLE_ANNOTATION = 5;
export const ROLE_HISTORY = 6;
export const ROLE_OTHER = 7;
export const ROW_MASK = (1 << 28) - 1;

const EMPTY_LIST = 0;
const POOLED = 1;
const STACK = 2;
/** And the role of its rows. */
const RUN = 16;

const START = 4096;

export class SnapshotArena {
  dictRef = new Uint32Array(START);
  dicts = 0;
  private listKind = new Uint8Array(START);
  private listA = new Uint32Array(START);
  private listB = new Uint32Array(START);
  lists = 0;
  private readonly pool = new IndexColumn();
  /** Frames of the stack being interned, innermost first; also scratch for the fast path. */
  frameBuffer = new Uint32Array(1024);
  /** Values that are not what their place promises. */
  malformed = 0;

  constructor(private readonly stacks: StackTable) {}

  reserveDicts(count: number): void {
    if (count <= this.dictRef.length) return;
    const bigger = new Uint32Array(count);
    bigger.set(this.dictRef);
    this.dictRef = bigger;
  }

  newDict(): number {
    if (this.dicts === this.dictRef.length) this.reserveDicts(this.dicts * 2);
    this.dictRef[this.dicts] = 0;
    return this.dicts++;
  }

  setRole(dict: number, role: number, row: number): void {
    this.dictRef[dict] = ((role << 28) | row) >>> 0;
  }

  newList(): number {
    if (this.lists === this.listKind.length) {
      const size = this.lists * 2;
      const kind = new Uint8Array(size);
      kind.set(this.listKind);
      this.listKind = kind;
      const a = new Uint32Array(size);
      a.set(this.listA);
      this.listA = a;
      const b = new Uint32Array(size);
      b.set(this.listB);
      this.listB = b;
    }
    this.listKind[this.lists] = EMPTY_LIST;
    this.listB[this.lists] = 0;
    return this.lists++;
  }

  /** A list that is known to be a stack from the start. */
  newStackList(node: number): number {
    const list = this.newList();
    this.listKind[list] = STACK;
    this.listA[list] = node;
    return list;
  }

  appendRow(list: number, role: number, row: number): void {
    const kind = this.listKind[list];
    if (kind === EMPTY_LIST) {
      this.listKind[list] = RUN | role;
      this.listA[list] = row;
      this.listB[list] = row + 1;
    } else if (kind === (RUN | role) && this.listB[list] === row) this.listB[list] = row + 1;
    else this.malformed++;
  }

  appendPooled(list: number, packed: number): void {
    const { listKind, listA, listB, pool } = this;
    if (listKind[list] === EMPTY_LIST) {
      listKind[list] = POOLED;
      listA[list] = pool.length;
    } else if (listKind[list] !== POOLED) {
      this.malformed++;
      return;
    } else if (listA[list] + listB[list] !== pool.length) {
      // Another list grew in between: move this one to the end.
      const start = listA[list];
      const length = listB[list];
      listA[list] = pool.length;
      for (let i = 0; i < length; i++) pool.push(pool.data[start + i]);
    }
    pool.push(packed);
    listB[list]++;
  }

  /** Node of a list of frames; remembered in the list. */
  stackOf(list: number): number {
    const kind = this.listKind[list];
    if (kind === STACK) return this.listA[list];
    if (kind !== POOLED) return NONE;
    const { pool, dictRef } = this;
    const start = this.listA[list];
    const length = this.listB[list];
    this.reserveFrames(length);
    let frames = 0;
    for (let i = 0; i < length; i++) {
      const packed = pool.data[start + i];
      if (packed >>> 28 !== DICT) continue;
      const ref = dictRef[packed & ROW_MASK];
      if (ref >>> 28 === ROLE_FRAME) this.frameBuffer[frames++] = ref & ROW_MASK;
    }
    if (frames !== length) this.malformed++;
    return this.become(list, this.stacks.internStack(this.frameBuffer, frames));
  }

  /**
   * Node of a list of printed frames, the outermost first; remembered in the list. `frameOf` gives the frame of a packed
   * value, -1 for what is none.
   */
  printedStackOf(list: number, frameOf: (packed: number) => number): number {
    const kind = this.listKind[list];
    if (kind === STACK) return this.listA[list];
    if (kind !== POOLED) return NONE;
    const { pool } = this;
    const start = this.listA[list];
    const length = this.listB[list];
    this.reserveFrames(length);
    let frames = 0;
    for (let i = length - 1; i >= 0; i--) {
      const frame = frameOf(pool.data[start + i]);
      if (frame >= 0) this.frameBuffer[frames++] = frame;
    }
    if (frames !== length) this.malformed++;
    return this.become(list, this.stacks.internStack(this.frameBuffer, frames));
  }

  /** A pooled list is a stack from now on; its values are dropped where they are the last. */
  private become(list: number, node: number): number {
    const { pool } = this;
    const start = this.listA[list];
    if (start + this.listB[list] === pool.length) pool.length = start;
    this.listKind[list] = STACK;
    this.listA[list] = node;
    return node;
  }

  reserveFrames(length: number): void {
    if (length > this.frameBuffer.length) this.frameBuffer = new Uint32Array(length * 2);
  }

  isEmpty(list: number): boolean {
    return this.listKind[list] === EMPTY_LIST;
  }

  /** Rows [from, to) of a list of that role, empty for an empty one; null for a list of other things. */
  rowsOf(list: number, role: number): readonly [number, number] | null {
    const kind = this.listKind[list];
    if (kind === (RUN | role)) return [this.listA[list], this.listB[list]];
    return kind === EMPTY_LIST ? [0, 0] : null;
  }

  setRows(list: number, role: number, from: number, to: number): void {
    this.listKind[list] = RUN | role;
    this.listA[list] = from;
    this.listB[list] = to;
  }

  /** Packed values of a pooled list, at most `limit`. */
  valuesOf(list: number, limit: number): Uint32Array {
    if (this.listKind[list] !== POOLED) return new Uint32Array(0);
    return this.pool.data.slice(this.listA[list], this.listA[list] + Math.min(this.listB[list], limit));
  }

  /** Lists inside a list, in order: the devices' traces. */
  listsOf(list: number): number[] {
    const lists: number[] = [];
    for (const packed of this.valuesOf(list, Infinity))
      if (packed >>> 28 === LIST) lists.push(packed & ROW_MASK);
    return lists;
  }
}
