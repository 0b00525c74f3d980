/**
 * What each stack weighs by one measure: the leaves of every tree of stacks, before any frame is folded.
 *
 *   live       requested bytes alive just after a row
 *   allocated  requested bytes made in rows [from, to)            count: allocations made in them
 *   freed      requested bytes whose end lies in rows [from, to)
 *   grown      alive after row b less alive after row a: below 0 where a stack gave back
 *   byte_time  requested bytes times the seconds that they lived in a window
 *   rounding   bytes of blocks beyond what was requested, alive and not yet freed after a row, where they are known
 *
 * live(b) - live(a) = allocated(a + 1, b + 1) - freed(a + 1, b + 1), stack by stack. All sums are exact but byte_time,
 * which is summed as a double: its error is below one part in 2^53 for each allocation.
 */
import { NONE } from '../../trace/schema.ts';
import type { KnownBlocks } from './known-blocks.ts';
import { type Lives, NEVER } from './lives.ts';

export type Weighed =
  | { readonly by: 'live'; readonly row: number }
  | { readonly by: 'allocated' | 'freed' | 'count'; readonly from: number; readonly to: number }
  | { readonly by: 'grown'; readonly a: number; readonly b: number }
  | {
      readonly by: 'byte_time';
      /** Window, ns from base; `times`: nanoseconds by row. */
      readonly fromNs: number;
      readonly toNs: number;
      readonly times: Float64Array;
    }
  | { readonly by: 'rounding'; readonly row: number; readonly blocks: KnownBlocks };

export interface StackWeights {
  /** By node of the stack table; one more for what has no stack: the last. */
  readonly value: Float64Array;
  /** Allocations behind each value; where it is a difference, so are they. */
  readonly count: Float64Array;
  /** Allocations that the measure would have to weigh and cannot (rounding: block not known), and their bytes. */
  readonly unknown: { readonly count: number; readonly bytes: number };
}

type Weigh = (life: number) => number;

type Rounded = Extract<Weighed, { readonly by: 'rounding' }>;

/** Alive and not yet freed: what waits for another stream is no rounding. */
const isHeld = ({ rowFrom, rowFreed }: Lives, life: number, { row, blocks }: Rounded): boolean =>
  rowFrom[life] <= row && row < rowFreed[life] && !blocks.waiting.has(life);

/** Weight of a life; NaN: it is not in it. */
function weigher(lives: Lives, what: Weighed): Weigh {
  const { rowFrom, rowTo, requested } = lives;
  switch (what.by) {
    case 'live':
      return (life) => (rowFrom[life] <= what.row && what.row < rowTo[life] ? requested[life] : NaN);
    case 'allocated':
      return (life) => (rowFrom[life] >= what.from && rowFrom[life] < what.to ? requested[life] : NaN);
    case 'count':
      return (life) => (rowFrom[life] >= what.from && rowFrom[life] < what.to ? 1 : NaN);
    case 'freed':
      return (life) => (rowTo[life] >= what.from && rowTo[life] < what.to ? requested[life] : NaN);
    case 'byte_time':
      return (life) => {
        const from = rowFrom[life] < 0 ? what.fromNs : Math.max(what.fromNs, what.times[rowFrom[life]]);
        const to = rowTo[life] === NEVER ? what.toNs : Math.min(what.toNs, what.times[rowTo[life]]);
        return to > from ? (requested[life] * (to - from)) / 1e9 : NaN;
      };
    case 'rounding': {
      const { bytes } = what.blocks;
      return (life) => (isHeld(lives, life, what) ? bytes[life] - requested[life] : NaN);
    }
    case 'grown':
      return () => NaN;
  }
}

/** `some`: the lives that count, of a filter. `stacks`: nodes of the stack table. */
export function weighStacks(lives: Lives, some: Uint32Array, stacks: number, what: Weighed): StackWeights {
  const value = new Float64Array(stacks + 1);
  const count = new Float64Array(stacks + 1);
  const unknown = { count: 0, bytes: 0 };
  const { stack, rowFrom, rowTo, requested } = lives;
  const placeOf = (life: number): number => (stack[life] === NONE ? stacks : stack[life]);
  if (what.by === 'grown') {
    const { a, b } = what;
    for (const life of some) {
      const before = rowFrom[life] <= a && a < rowTo[life];
      const after = rowFrom[life] <= b && b < rowTo[life];
      if (before === after) continue;
      value[placeOf(life)] += after ? requested[life] : -requested[life];
      count[placeOf(life)] += after ? 1 : -1;
    }
    return { value, count, unknown };
  }
  const weigh = weigher(lives, what);
  for (const life of some) {
    const weight = weigh(life);
    if (!Number.isNaN(weight)) {
      value[placeOf(life)] += weight;
      count[placeOf(life)]++;
    } else if (what.by === 'rounding' && isHeld(lives, life, what)) {
      unknown.count++;
      unknown.bytes += requested[life];
    }
  }
  return { value, count, unknown };
}
