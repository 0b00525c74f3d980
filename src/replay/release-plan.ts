/**
 * Which segments the allocator would give back, and in which order: under garbage collection, to serve one request,
 * and when it gives back all it can. Plans only; nothing changes.
 */
import { type BlockTable, NO_BLOCK } from './block-table.ts';
import type { FreeList } from './free-list.ts';

/** What a plan reads of the allocator. */
export interface ReleasableState {
  readonly blocks: BlockTable;
  readonly lists: readonly FreeList[];
  /** Free lists in the order in which the allocator visits them, by [pool * 2 + small]. */
  readonly ordered: readonly (readonly number[])[];
  /** Searches of each pool since the start, by [pool * 2 + small]. */
  readonly searches: Float64Array;
  readonly options: { readonly settings: { readonly maxSplitSize: number } };
}

/** Free blocks of a pool and size class (`pool * 2 + small`) in the allocator's order: streams by handle, then best fit. */
export const freeBlocks = (allocator: ReleasableState, group: number): number[] =>
  allocator.ordered[group].flatMap((list) => allocator.lists[list].blocks());

/** A free segment that holds nothing and can go back by cudaFree. */
export const isReleasable = ({ blocks }: ReleasableState, block: number): boolean =>
  blocks.expandable[block] === 0 && !blocks.isSplit(block);

/** All whole segments that `empty_cache` or a retry gives back. */
export const wholeRelease = (allocator: ReleasableState): number[] =>
  [...freeBlocks(allocator, 0), ...freeBlocks(allocator, 1)].filter((block) =>
    isReleasable(allocator, block),
  );

/**
 * Garbage collection in passes: each gives back every unused large segment at least as old as the average of those
 * that are left. The caller stops once enough is reclaimed.
 */
export function collectionPasses(allocator: ReleasableState): number[][] {
  const { blocks, searches } = allocator;
  const age = (block: number): number => searches[0] - blocks.bornAt[block];
  let left = freeBlocks(allocator, 0).filter((block) => isReleasable(allocator, block));
  const passes: number[][] = [];
  let total = left.reduce((sum, block) => sum + age(block), 0);
  while (left.length > 0) {
    const least = total / left.length;
    const pass = left.filter((block) => age(block) >= least);
    if (pass.length === 0) break;
    left = left.filter((block) => age(block) < least);
    for (const block of pass) total -= age(block);
    passes.push(pass);
  }
  return passes;
}

/** Oversize segments of the list's stream that make room for a request of `size` (rounded). */
export function availableRelease(
  allocator: ReleasableState,
  list: number,
  size: number,
): { readonly blocks: number[]; readonly enough: boolean } {
  const { blocks } = allocator;
  const { maxSplitSize } = allocator.options.settings;
  if (maxSplitSize === Infinity) return { blocks: [], enough: false };
  const wanted = Math.max(size, maxSplitSize);
  const fit = allocator.lists[list].atLeast(wanted);
  if (fit !== NO_BLOCK && blocks.expandable[fit] === 0) return { blocks: [fit], enough: true };
  const planned: number[] = [];
  let released = 0;
  for (const block of allocator.lists[list].blocks().reverse()) {
    if (released >= wanted || blocks.size[block] < maxSplitSize) break;
    if (blocks.expandable[block] === 1) continue;
    released += blocks.size[block];
    planned.push(block);
  }
  return { blocks: planned, enough: released >= wanted };
}
