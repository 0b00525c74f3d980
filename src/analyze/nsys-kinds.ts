/**
 * Figures of an Nsight trace by memory kind, and by stream-ordered pool. For each: in use at the end, the
 * most ever in use, and the sums of all allocations and frees, exact:
 *
 *   current = what was in use before the first row + allocated - freed
 *
 * Pools are no kinds of their own: what is in use of a pool is device memory, and counted there too.
 */
import { bytesBefore } from '../aggregate/nsys-before.ts';
import { poolsOf, type NsysPool } from '../aggregate/nsys-pools.ts';
import { u64At } from '../base/u64.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION, MEM_KINDS, NONE } from '../trace/schema.ts';

export interface ExactKindFigures {
  /** A name of MEM_KINDS, or "pool 0x302000000". */
  readonly kind: string;
  readonly current: bigint;
  readonly peak: bigint;
  readonly allocated: bigint;
  readonly freed: bigint;
  /** Allocations. */
  readonly count: number;
}

export interface KindFigures {
  readonly kind: string;
  readonly current: number;
  readonly peak: number;
  readonly allocated: number;
  readonly freed: number;
  readonly count: number;
}

/** Totals of a long run pass 2^53: summed in doubles while exact, and in a bigint from there. */
class Sum {
  private high = 0n;
  private low = 0;

  add(size: number): void {
    this.low += size;
    if (this.low < 2 ** 52) return;
    this.high += BigInt(this.low);
    this.low = 0;
  }

  get total(): bigint {
    return this.high + BigInt(this.low);
  }
}

class Running {
  readonly allocated = new Sum();
  readonly freed = new Sum();
  count = 0;
  peak: number;

  constructor(private current: number) {
    this.peak = current;
  }

  add(isAlloc: boolean, size: number): void {
    if (isAlloc) {
      this.allocated.add(size);
      this.count++;
      this.current += size;
      if (this.current > this.peak) this.peak = this.current;
    } else {
      this.freed.add(size);
      this.current -= size;
    }
  }

  figures(kind: string): ExactKindFigures {
    return {
      kind,
      current: BigInt(this.current),
      peak: BigInt(this.peak),
      allocated: this.allocated.total,
      freed: this.freed.total,
      count: this.count,
    };
  }
}

function ofKinds(trace: DeviceTrace): ExactKindFigures[] {
  const { events } = trace;
  const running = new Map<number, Running>();
  for (const kind of new Set(events.group))
    running.set(kind, new Running(bytesBefore(trace, new Set([kind]))));
  for (let row = 0; row < events.length; row++) {
    running.get(events.group[row])!.add(events.action[row] === ACTION.alloc, u64At(events.size, row));
  }
  return [...running].sort((a, b) => a[0] - b[0]).map(([kind, figures]) => figures.figures(MEM_KINDS[kind]));
}

/** A pool's utilized bytes are printed by the file itself: its own figures go before sums of ours. */
function ofPool({ events, pools }: DeviceTrace, pool: NsysPool): ExactKindFigures {
  const sums = new Running(0);
  let current = pool.before;
  let peak = current;
  for (const row of pool.rows) {
    const event = pools!.event_row?.[row] ?? NONE;
    if (event !== NONE) sums.add(events.action[event] === ACTION.alloc, u64At(events.size, event));
    current = pools!.utilized[row];
    if (current > peak) peak = current;
  }
  return { ...sums.figures(pool.name), current: BigInt(current), peak: BigInt(peak) };
}

/** Kinds that occur, in Nsight's order, then pools in the order of their first use. */
export const exactKindFigures = (trace: DeviceTrace): ExactKindFigures[] => [
  ...ofKinds(trace),
  ...poolsOf(trace).map((pool) => ofPool(trace, pool)),
];

/** The same as numbers, exact to 2^53. */
export const kindFigures = (trace: DeviceTrace): KindFigures[] =>
  exactKindFigures(trace).map(({ kind, current, peak, allocated, freed, count }) => ({
    kind,
    current: Number(current),
    peak: Number(peak),
    allocated: Number(allocated),
    freed: Number(freed),
    count,
  }));
