/**
 * Blocks of the replayed allocator, one row each in typed arrays, neighbours in a segment linked both ways:
 *
 *   block | address | size | prev | next | state
 *   0     | 0x1000  | 512  | -1   | 1    | allocated
 *   1     | 0x1200  | 1536 | 0    | -1   | free
 */

export const FREE = 0;
export const ALLOCATED = 1;
/** Freed by the program, still waiting for other streams (`record_stream`). */
export const PENDING = 2;
/** Address range of an expandable segment without memory behind it. */
export const UNMAPPED = 3;

/** No block, no segment. */
export const NO_BLOCK = -1;

export class BlockTable {
  address = new Float64Array(1024);
  size = new Float64Array(1024);
  requested = new Float64Array(1024);
  prev = new Int32Array(1024);
  next = new Int32Array(1024);
  state = new Uint8Array(1024);
  /** Index of the free list (pool and stream) that the block belongs to. */
  list = new Uint16Array(1024);
  /** 1: part of an expandable segment. */
  expandable = new Uint8Array(1024);
  /** Start of the expandable segment's address range; 0 elsewhere. */
  base = new Float64Array(1024);
  /** Free: searches of the pool when it became so, its age for garbage collection. Pending: its place among the frees. */
  bornAt = new Float64Array(1024);
  private length = 0;
  private readonly unused: number[] = [];

  make(address: number, size: number, list: number, expandable: number): number {
    const block = this.unused.pop() ?? this.length++;
    if (block === this.address.length) this.grow();
    this.address[block] = address;
    this.size[block] = size;
    this.requested[block] = 0;
    this.prev[block] = NO_BLOCK;
    this.next[block] = NO_BLOCK;
    this.state[block] = FREE;
    this.list[block] = list;
    this.expandable[block] = expandable;
    this.base[block] = 0;
    this.bornAt[block] = 0;
    return block;
  }

  drop(block: number): void {
    this.unused.push(block);
  }

  /** Every block there is, in no order. */
  all(): number[] {
    const gone = new Set(this.unused);
    const made: number[] = [];
    for (let block = 0; block < this.length; block++) if (!gone.has(block)) made.push(block);
    return made;
  }

  /** Blocks that wait for other streams, in the order in which they were freed. */
  pending(): number[] {
    const waiting: number[] = [];
    for (const block of this.all()) if (this.state[block] === PENDING) waiting.push(block);
    return waiting.sort((a, b) => this.bornAt[a] - this.bornAt[b]);
  }

  isSplit(block: number): boolean {
    return this.prev[block] !== NO_BLOCK || this.next[block] !== NO_BLOCK;
  }

  /** Puts `block` between `before` and `after`, either of them may be NO_BLOCK. */
  splice(block: number, before: number, after: number): void {
    this.prev[block] = before;
    this.next[block] = after;
    if (before !== NO_BLOCK) this.next[before] = block;
    if (after !== NO_BLOCK) this.prev[after] = block;
  }

  private grow(): void {
    const length = this.address.length * 2;
    const longer = <T extends { set(from: T): void }>(made: T, from: T): T => {
      made.set(from);
      return made;
    };
    this.address = longer(new Float64Array(length), this.address);
    this.size = longer(new Float64Array(length), this.size);
    this.requested = longer(new Float64Array(length), this.requested);
    this.prev = longer(new Int32Array(length), this.prev);
    this.next = longer(new Int32Array(length), this.next);
    this.state = longer(new Uint8Array(length), this.state);
    this.list = longer(new Uint16Array(length), this.list);
    this.expandable = longer(new Uint8Array(length), this.expandable);
    this.base = longer(new Float64Array(length), this.base);
    this.bornAt = longer(new Float64Array(length), this.bornAt);
  }
}
