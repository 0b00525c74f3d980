/**
 * Which stacks to free together where segments are held by several: greedily, the step that unpins the most bytes for
 * each further stack. To choose the best set is a hard problem (it contains the densest subgraph); greedy says so.
 */
import type { ReleaseUnit } from './empty-cache-units.ts';

/** Units that the same stacks hold. */
export interface StackSet {
  /** Numbers of the holders, ascending. */
  readonly holders: readonly number[];
  freeBytes: number;
  readonly units: ReleaseUnit[];
}

export interface GreedySets {
  /** Each with the holders of the step before and more, and every unit that they hold without others. */
  readonly steps: readonly { readonly holders: readonly number[]; readonly units: readonly ReleaseUnit[] }[];
  /** true: not every set was tried. */
  readonly cut: boolean;
}

/** Sets with the most free bytes that are tried; every step looks at each pair of them. */
const MOST_SETS = 256;

/** `alone`: by holder, what it holds without others; `most`: number of steps. */
export function greedySets(
  shared: readonly StackSet[],
  alone: ReadonlyMap<number, StackSet>,
  most: number,
): GreedySets {
  const sets = [...shared].sort((a, b) => b.freeBytes - a.freeBytes).slice(0, MOST_SETS);
  const chosen = new Set<number>();
  const steps: { holders: number[]; units: ReleaseUnit[] }[] = [];
  const done = new Set<StackSet>();
  while (steps.length < most && done.size < sets.length) {
    let best: readonly number[] = [];
    let bestRate = -1;
    for (const candidate of sets) {
      if (done.has(candidate)) continue;
      const fresh = candidate.holders.filter((holder) => !chosen.has(holder));
      const added = new Set(fresh);
      const covers = (holder: number): boolean => chosen.has(holder) || added.has(holder);
      let free = fresh.reduce((sum, holder) => sum + (alone.get(holder)?.freeBytes ?? 0), 0);
      for (const set of sets) if (!done.has(set) && set.holders.every(covers)) free += set.freeBytes;
      const rate = free / fresh.length;
      if (rate > bestRate) {
        best = fresh;
        bestRate = rate;
      }
    }
    for (const holder of best) chosen.add(holder);
    for (const set of sets) if (set.holders.every((holder) => chosen.has(holder))) done.add(set);
    // Sets that were not tried are given back all the same where their stacks are all chosen.
    const units = shared
      .filter(({ holders }) => holders.every((holder) => chosen.has(holder)))
      .flatMap((set) => set.units);
    for (const holder of chosen) units.push(...(alone.get(holder)?.units ?? []));
    steps.push({ holders: [...chosen], units });
  }
  return { steps, cut: shared.length > sets.length };
}
