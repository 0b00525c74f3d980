/** Fills a fresh model with what was there before the first recorded event. */
import type { Allocator } from './allocator.ts';
import { FREE, NO_BLOCK } from './block-table.ts';
import { isDefaultPool } from './pools.ts';
import { roundSize } from './rounding.ts';
import type { StartingBlock, StartingState } from './starting-state.ts';
import { METRIC } from './statistics.ts';

/** Bytes of the address range that a mapped run is taken to lie at the start of. */
const RANGE = 2 ** 42;

/**
 * `adopted` is told of each block: its number in the model, what is known of it, its stream and pool. Statistics count
 * from here: current figures hold, peaks start from them, totals from 0. Returns how many block sizes are not known.
 */
export function adoptState(
  allocator: Allocator,
  start: StartingState,
  poolIds: readonly string[],
  adopted: (block: number, held: StartingBlock, streamIndex: number, pool: number) => void,
): number {
  const { blocks, stats } = allocator;
  let unknownSizes = 0;
  let at = 0;
  for (const range of start.ranges) {
    const pool = isDefaultPool(range.poolId) ? 0 : poolIds.indexOf(range.poolId) + 1;
    const list = allocator.listOf(pool, range.small, range.streamIndex);
    const end = range.address + range.bytes;
    let free: number;
    if (range.expandable)
      free = allocator.mapPages(allocator.addRange(range.address, RANGE, list), range.bytes);
    else {
      free = allocator.addSegment(range.address, range.bytes, list);
      allocator.keepFree(free);
    }
    while (at < start.blocks.length && start.blocks[at].address < range.address) at++;
    while (at < start.blocks.length && start.blocks[at].address < end && free !== NO_BLOCK) {
      const held = start.blocks[at++];
      const unknown = Number.isNaN(held.size);
      if (unknown && range.small === 0 && !range.expandable) unknownSizes++;
      const size = unknown ? roundSize(held.requested, allocator.options.settings) : held.size;
      const block = carve(allocator, free, held.address, size, held.requested);
      if (held.pending) allocator.freeRequested(block);
      adopted(block, held, range.streamIndex, pool);
      const next = blocks.next[block];
      free = next !== NO_BLOCK && blocks.state[next] === FREE ? next : NO_BLOCK;
    }
  }
  for (const free of allocator.lists.flatMap((list) => list.blocks())) {
    if (blocks.expandable[free] === 1 || !blocks.isSplit(free)) continue;
    const small = allocator.smallOf(blocks.list[free]);
    stats.add(METRIC.inactive_split, small, 1);
    stats.add(METRIC.inactive_split_bytes, small, blocks.size[free]);
  }
  for (const figures of [stats.peak, stats.allocated, stats.freed]) figures.fill(0);
  stats.peak.set(stats.current);
  stats.deviceAllocs = stats.deviceFrees = stats.syncAllStreams = 0;
  return unknownSizes;
}

/**
 * Cuts [address, address + size) out of a free block as an allocation. Throws where not even the request fits: what is
 * said to have been there before cannot have been.
 */
function carve(allocator: Allocator, free: number, address: number, size: number, requested: number): number {
  const { blocks } = allocator;
  const list = blocks.list[free];
  const end = blocks.address[free] + blocks.size[free];
  if (requested > end - address) throw new Error('A block before the recording is larger than its room.');
  const bytes = Math.min(size, end - address);
  allocator.lists[list].remove(free);
  let block = free;
  if (address > blocks.address[free]) {
    block = blocks.make(address, end - address, list, blocks.expandable[free]);
    blocks.base[block] = blocks.base[free];
    blocks.splice(block, free, blocks.next[free]);
    blocks.size[free] = address - blocks.address[free];
    allocator.index?.set(address, block);
    allocator.keepFree(free);
  }
  if (bytes < end - address) {
    const rest = blocks.make(address + bytes, end - address - bytes, list, blocks.expandable[free]);
    blocks.base[rest] = blocks.base[free];
    blocks.splice(rest, block, blocks.next[block]);
    blocks.size[block] = bytes;
    allocator.index?.set(address + bytes, rest);
    allocator.keepFree(rest);
  }
  allocator.adopt(block, requested);
  return block;
}
