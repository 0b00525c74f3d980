/**
 * What a program asked of the allocator, apart from what the allocator made of it: the input of every replay.
 *
 *   op             | allocation
 *   alloc          | 0
 *   free_requested | 0            the program let go
 *   free_completed | 0            every stream is done with it
 *   empty_cache    | -1
 *   drop_pools     | -1           private pools that nothing keeps any more: `dropped`, by row
 */

export const OP = {
  alloc: 0,
  free_requested: 1,
  free_completed: 2,
  empty_cache: 3,
  failed_alloc: 4,
  drop_pools: 5,
} as const;

export interface Requests {
  readonly length: number;
  /** OP of each step. */
  readonly op: Uint8Array;
  /** Allocation of each step, -1 for empty_cache. */
  readonly allocation: Int32Array;
  /** Row of the event table that each step comes from. */
  readonly row: Uint32Array;
  readonly allocations: number;
  /** By allocation: bytes asked for. */
  readonly requested: Float64Array;
  /** By allocation: stream, pool (0: default, others private) and stack (NONE: not recorded). */
  readonly stream: Uint16Array;
  readonly pool: Uint16Array;
  readonly stack: Uint32Array;
  /** Pools that are gone at the latest at a row: from then on their free segments go back as others do. */
  readonly dropped: ReadonlyMap<number, readonly number[]>;
}

/** Collects requests; arrays as long as they can get. */
export class RequestBuilder {
  private readonly op: Uint8Array;
  private readonly allocation: Int32Array;
  private readonly row: Uint32Array;
  private readonly requested: Float64Array;
  private readonly stream: Uint16Array;
  private readonly pool: Uint16Array;
  private readonly stack: Uint32Array;
  private readonly dropped = new Map<number, readonly number[]>();
  private length = 0;
  private allocations = 0;

  constructor(steps: number, allocations: number) {
    this.op = new Uint8Array(steps);
    this.allocation = new Int32Array(steps);
    this.row = new Uint32Array(steps);
    this.requested = new Float64Array(allocations);
    this.stream = new Uint16Array(allocations);
    this.pool = new Uint16Array(allocations);
    this.stack = new Uint32Array(allocations);
  }

  step(op: number, allocation: number, row: number): void {
    this.op[this.length] = op;
    this.allocation[this.length] = allocation;
    this.row[this.length++] = row;
  }

  dropPools(pools: readonly number[], row: number): void {
    this.dropped.set(row, pools);
    this.step(OP.drop_pools, -1, row);
  }

  /** A new allocation; returns its number. */
  make(requested: number, stream: number, pool: number, stack: number): number {
    const made = this.allocations++;
    this.requested[made] = requested;
    this.stream[made] = stream;
    this.pool[made] = pool;
    this.stack[made] = stack;
    return made;
  }

  finish(): Requests {
    const { length, allocations } = this;
    return {
      length,
      op: this.op.slice(0, length),
      allocation: this.allocation.slice(0, length),
      row: this.row.slice(0, length),
      allocations,
      requested: this.requested.slice(0, allocations),
      stream: this.stream.slice(0, allocations),
      pool: this.pool.slice(0, allocations),
      stack: this.stack.slice(0, allocations),
      dropped: this.dropped,
    };
  }
}
