/**
 * One filter over the lives of allocations. Every view of the workspace shows what passes it.
 *
 * Each part narrows what the others leave; a part that is absent lets everything pass. Bounds are inclusive.
 */
import type { Lives } from './lives.ts';
import { NEVER } from './lives.ts';

export interface Bound {
  readonly least: number;
  readonly most: number;
}

export interface LifeFilter {
  /** Bytes. */
  readonly requested?: Bound;
  /** Nanoseconds between the moment it was made and the one at which it ended; what never ended lives for ever. */
  readonly lifetimeNs?: Bound;
  /** Indices of streams. */
  readonly streams?: ReadonlySet<number>;
  /** Numbers of the `group` column: pools, memory kinds. */
  readonly groups?: ReadonlySet<number>;
  /** By node of the stack tree: 1 where the stack passes. */
  readonly stacks?: Uint8Array;
  /** What becomes of a life without a stack where `stacks` is given. */
  readonly passesStackless?: boolean;
  /** Alive just after this row. */
  readonly aliveAfter?: number;
  /** Rows [from, to): made in them. */
  readonly madeIn?: readonly [number, number];
  /** Rows [from, to): ended in them. */
  readonly endedIn?: readonly [number, number];
  /** Rows [from, to): alive at some time in them. */
  readonly aliveIn?: readonly [number, number];
  /** true: no row of the recording ended it; false: one did. */
  readonly neverFreed?: boolean;
  /** Addresses above the lives' origin, [from, to): it overlaps them by what was requested. */
  readonly addresses?: readonly [number, number];
  /** Lives of an address are numbered in order from 0, as memory_viz does. Goes with `addresses`. */
  readonly reuse?: number;
}

type Test = (life: number) => boolean;

const within =
  ({ least, most }: Bound, column: Float64Array): Test =>
  (life) =>
    column[life] >= least && column[life] <= most;

/** Tests of a filter, the cheapest first. `times`: nanoseconds by row. */
function testsOf(lives: Lives, filter: LifeFilter, times: Float64Array): Test[] {
  const { rowFrom, rowTo, streamIndex, group, stack, address, requested } = lives;
  const tests: Test[] = [];
  const { madeIn, endedIn, aliveIn, aliveAfter, neverFreed, streams, groups, stacks, addresses } = filter;
  if (aliveAfter !== undefined) tests.push((life) => rowFrom[life] <= aliveAfter && aliveAfter < rowTo[life]);
  if (madeIn !== undefined) tests.push((life) => rowFrom[life] >= madeIn[0] && rowFrom[life] < madeIn[1]);
  if (endedIn !== undefined) tests.push((life) => rowTo[life] >= endedIn[0] && rowTo[life] < endedIn[1]);
  // Alive after some row of them, or made and ended by the very rows.
  if (aliveIn !== undefined)
    tests.push((life) => rowFrom[life] < aliveIn[1] && (rowTo[life] >= aliveIn[0] || rowTo[life] === NEVER));
  if (neverFreed !== undefined) tests.push((life) => (rowTo[life] === NEVER) === neverFreed);
  if (filter.requested !== undefined) tests.push(within(filter.requested, requested));
  if (streams !== undefined) tests.push((life) => streams.has(streamIndex[life]));
  if (groups !== undefined) tests.push((life) => groups.has(group[life]));
  if (addresses !== undefined)
    tests.push(
      (life) => address[life] < addresses[1] && address[life] + Math.max(1, requested[life]) > addresses[0],
    );
  if (stacks !== undefined) {
    const passes = filter.passesStackless ?? false;
    tests.push((life) => (stack[life] < stacks.length ? stacks[stack[life]] === 1 : passes));
  }
  if (filter.lifetimeNs !== undefined) {
    const { least, most } = filter.lifetimeNs;
    tests.push((life) => {
      const lasted =
        rowTo[life] === NEVER
          ? Infinity
          : times[rowTo[life]] - (rowFrom[life] < 0 ? -Infinity : times[rowFrom[life]]);
      return lasted >= least && lasted <= most;
    });
  }
  return tests;
}

/** Lives that pass, in order. `times`: nanoseconds by row of the recording. */
export function livesThatPass(lives: Lives, filter: LifeFilter, times: Float64Array): Uint32Array {
  const tests = testsOf(lives, filter, times);
  const passed = new Uint32Array(lives.length);
  let count = 0;
  const reuses = new Map<number, number>();
  for (let life = 0; life < lives.length; life++) {
    if (filter.reuse !== undefined && filter.addresses !== undefined) {
      const at = lives.address[life];
      if (at < filter.addresses[0] || at >= filter.addresses[1]) continue;
      const reuse = reuses.get(at) ?? 0;
      reuses.set(at, reuse + 1);
      if (reuse !== filter.reuse) continue;
    }
    let isIn = true;
    for (let i = 0; isIn && i < tests.length; i++) isIn = tests[i](life);
    if (isIn) passed[count++] = life;
  }
  return passed.subarray(0, count);
}
