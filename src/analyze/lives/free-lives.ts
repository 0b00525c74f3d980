/**
 * Every free block of a recording from the row at which it came to be to the row at which it was taken, split, merged or
 * given back. Led by the lives of allocations and segments alone: one walk over the rows, a few look-ups each.
 *
 *   free | size  | whole | row_from | row_to
 *   0    | 20 Mi | 20 Mi | 0        | 1        a segment came
 *   1    | 18 Mi | 0     | 1        | 5        2 MiB of it were allocated: the rest
 */
import { pageOf, type StateInput, wholePages } from './address-map.ts';
import { NEVER } from './lives.ts';

export interface FreeLives {
  readonly length: number;
  /** Bytes. */
  readonly size: Float64Array;
  /** Of them: in whole segments and pages. */
  readonly whole: Float64Array;
  /** 1: of a private pool. */
  readonly isPrivate: Uint8Array;
  readonly rowFrom: Int32Array;
  readonly rowTo: Int32Array;
}

interface Node {
  readonly from: number;
  readonly to: number;
  /** A piece of the segment that it lies in: stream, pool and kind are equal in all of a segment. */
  readonly piece: number;
  readonly row: number;
}

class FreeWalk {
  private readonly starts = new Map<number, Node>();
  private readonly ends = new Map<number, Node>();
  /** Bytes of the segment of cudaMalloc that begins at an address, and addresses at which one ends. */
  private readonly segmentAt = new Map<number, number>();
  private readonly segmentEnds = new Set<number>();
  private capacity = 1024;
  private length = 0;
  private size = new Float64Array(this.capacity);
  private whole = new Float64Array(this.capacity);
  private isPrivate = new Uint8Array(this.capacity);
  private rowFrom = new Int32Array(this.capacity);
  private rowTo = new Int32Array(this.capacity);

  constructor(private readonly input: StateInput) {}

  /** Makes a segment, or pages of one. */
  addPiece(piece: number, row: number): void {
    const { address, size, expandable } = this.input.segments;
    const [from, to] = [address[piece], address[piece] + size[piece]];
    if (expandable[piece] === 0) {
      this.segmentAt.set(from, size[piece]);
      this.segmentEnds.add(to);
    }
    this.release(from, to, piece, row);
  }

  /** Gives [from, to) back to the driver. */
  dropRange(from: number, to: number, row: number): void {
    if (from >= to) return;
    for (const node of this.nodesIn(from, to)) this.cut(node, from, to, row);
    if (this.segmentAt.get(from) === to - from) {
      this.segmentAt.delete(from);
      this.segmentEnds.delete(to);
    }
  }

  /** Takes [from, to) for a block; [from, end): what was free of it, null: nothing. */
  take(from: number, to: number, row: number): readonly [number, number, number] | null {
    const node = this.starts.get(from) ?? this.holding(from);
    if (node === undefined) return null;
    const end = Math.min(to, node.to);
    this.cut(node, from, end, row);
    return [from, end, node.piece];
  }

  /** [from, to) is free again, and one with free neighbours in the same segment. */
  release(from: number, to: number, piece: number, row: number): void {
    let [first, last] = [from, to];
    const before = this.ends.get(from);
    if (before !== undefined && this.isOne(before.piece, piece, from)) {
      this.close(before, row);
      first = before.from;
    }
    const after = this.starts.get(to);
    if (after !== undefined && this.isOne(after.piece, piece, to)) {
      this.close(after, row);
      last = after.to;
    }
    this.open(first, last, piece, row);
  }

  /** Whether what meets at an address is of one segment. */
  private isOne(a: number, b: number, address: number): boolean {
    const { expandable, streamIndex, group, pool } = this.input.segments;
    if (expandable[a] !== expandable[b]) return false;
    if (expandable[a] === 0) return !this.segmentAt.has(address) && !this.segmentEnds.has(address);
    return streamIndex[a] === streamIndex[b] && group[a] === group[b] && pool[a] === pool[b];
  }

  private nodesIn(from: number, to: number): Node[] {
    const exact = this.starts.get(from);
    if (exact !== undefined && exact.to >= to) return [exact];
    return [...this.starts.values()].filter((node) => node.from < to && node.to > from);
  }

  private holding(address: number): Node | undefined {
    for (const node of this.starts.values()) if (node.from < address && address < node.to) return node;
    return undefined;
  }

  private cut(node: Node, from: number, to: number, row: number): void {
    this.close(node, row);
    if (node.from < from) this.open(node.from, from, node.piece, row);
    if (node.to > to) this.open(to, node.to, node.piece, row);
  }

  private open(from: number, to: number, piece: number, row: number): void {
    const node = { from, to, piece, row };
    this.starts.set(from, node);
    this.ends.set(to, node);
  }

  private close(node: Node, row: number): void {
    this.starts.delete(node.from);
    this.ends.delete(node.to);
    if (row > node.row) this.write(node, row);
  }

  private wholeOf({ from, to, piece }: Node): number {
    const { segments, largePage } = this.input;
    const page = pageOf(segments.expandable[piece], segments.group[piece], largePage);
    if (page === 0) return this.segmentAt.get(from) === to - from ? to - from : 0;
    const [first, last] = wholePages(segments.address[piece], page, from, to);
    return last - first;
  }

  private write(node: Node, row: number): void {
    if (this.length === this.capacity) this.grow();
    const at = this.length++;
    this.size[at] = node.to - node.from;
    this.whole[at] = this.wholeOf(node);
    this.isPrivate[at] = this.input.segments.pool[node.piece] > 0 ? 1 : 0;
    this.rowFrom[at] = node.row;
    this.rowTo[at] = row;
  }

  private grow(): void {
    this.capacity *= 2;
    const longer = <T extends { set(from: T): void }>(made: T, from: T): T => {
      made.set(from);
      return made;
    };
    this.size = longer(new Float64Array(this.capacity), this.size);
    this.whole = longer(new Float64Array(this.capacity), this.whole);
    this.isPrivate = longer(new Uint8Array(this.capacity), this.isPrivate);
    this.rowFrom = longer(new Int32Array(this.capacity), this.rowFrom);
    this.rowTo = longer(new Int32Array(this.capacity), this.rowTo);
  }

  finish(): FreeLives {
    for (const node of this.starts.values()) this.write(node, NEVER);
    const { length } = this;
    return {
      length,
      size: this.size.slice(0, length),
      whole: this.whole.slice(0, length),
      isPrivate: this.isPrivate.slice(0, length),
      rowFrom: this.rowFrom.slice(0, length),
      rowTo: this.rowTo.slice(0, length),
    };
  }
}

export function freeLivesOf(input: StateInput): FreeLives {
  const { lives, segments, sizes } = input;
  const { rows } = lives;
  const walk = new FreeWalk(input);
  const ending = new Int32Array(rows).fill(-1);
  for (let life = 0; life < lives.length; life++)
    if (lives.rowTo[life] !== NEVER) ending[lives.rowTo[life]] = life;
  // Pieces that a row ended: what is left of them began at that row, and is not free because of it.
  const gone = new Map<number, number[]>();
  for (let piece = 0; piece < segments.length; piece++) {
    const row = segments.rowTo[piece];
    if (row === NEVER) continue;
    const known = gone.get(row);
    if (known === undefined) gone.set(row, [piece]);
    else known.push(piece);
  }
  /** What each life took of a free block; NaN: nothing. */
  const took = new Float64Array(lives.length).fill(NaN);
  const pieceOf = new Uint32Array(lives.length);
  const begin = (life: number, row: number): void => {
    const taken = walk.take(lives.address[life], lives.address[life] + sizes.size[life], row);
    if (taken === null) return;
    took[life] = taken[1];
    pieceOf[life] = taken[2];
  };
  let life = 0;
  let piece = 0;
  for (; piece < segments.length && segments.rowFrom[piece] < 0; piece++) walk.addPiece(piece, -1);
  const before: number[] = [];
  for (; life < lives.length && lives.rowFrom[life] < 0; life++) before.push(life);
  before.sort((a, b) => lives.address[a] - lives.address[b]);
  for (const one of before) begin(one, -1);
  for (let row = 0; row < rows; row++) {
    const ended = ending[row];
    if (ended >= 0 && !Number.isNaN(took[ended]))
      walk.release(lives.address[ended], took[ended], pieceOf[ended], row);
    const first = piece;
    while (piece < segments.length && segments.rowFrom[piece] === row) piece++;
    for (const one of gone.get(row) ?? []) {
      let from = segments.address[one];
      const end = from + segments.size[one];
      // Between what is left of it, by address.
      for (let rest = first; rest < piece; rest++) {
        const at = segments.address[rest];
        if (segments.madeRow[rest] === row || at < from || at >= end) continue;
        walk.dropRange(from, at, row);
        from = at + segments.size[rest];
      }
      walk.dropRange(from, end, row);
    }
    for (let one = first; one < piece; one++) if (segments.madeRow[one] === row) walk.addPiece(one, row);
    if (life < lives.length && lives.rowFrom[life] === row) begin(life++, row);
  }
  return walk.finish();
}
