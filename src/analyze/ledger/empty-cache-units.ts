/**
 * What the driver can get back, piece by piece: `torch.cuda.empty_cache()` gives back whole segments of cudaMalloc and
 * whole pages of expandable segments, and only those in which nothing lives.
 *
 *   segment of cudaMalloc, 20 MiB   | allocated 3 MiB | free 17 MiB      |     one unit, held: nothing goes back
 *   expandable segment, 2 pages     | allocated 3 MiB | free 17 + 20 MiB |     two units, the second is free
 *
 * Blocks that wait for another stream (`record_stream`) are counted apart: empty_cache waits for them first. Private
 * pools (CUDA graphs, `torch.cuda.MemPool`) give nothing back while their graph lives, which no recording tells. Before
 * PyTorch 2.12 a pool that is gone by the end of the recording cannot be told from the default one (replay/pools.ts):
 * while its graph lived, less could go back than is said here.
 * Source: release_cached_blocks and unmap_block of c10/cuda/CUDACachingAllocator.cpp (2.11).
 */
import type { Allocator } from '../../replay/allocator.ts';
import { ALLOCATED, FREE, NO_BLOCK, PENDING, UNMAPPED } from '../../replay/block-table.ts';

/** A segment of cudaMalloc, or a page of an expandable segment. Addresses are the model's. */
export interface ReleaseUnit {
  readonly address: number;
  readonly bytes: number;
  /** Free list (pool, size class, stream) that it belongs to. */
  readonly list: number;
  /** 0: the default pool; others are private. */
  readonly pool: number;
  readonly expandable: boolean;
  /** Live blocks that it holds a part of, ascending addresses. */
  readonly allocated: number[];
  /** Blocks that wait for other streams, the same. */
  readonly pending: number[];
  /** Bytes of it that are free; the rest is allocated or pending. */
  freeBytes: number;
}

/** First blocks of every segment and address range, ascending addresses. */
const headsOf = ({ blocks }: Allocator): number[] =>
  blocks
    .all()
    .filter((block) => blocks.prev[block] === NO_BLOCK)
    .sort((a, b) => blocks.address[a] - blocks.address[b]);

/** Every unit of the model as it is, ascending addresses; the sum of their bytes is what is reserved. */
export function releaseUnits(allocator: Allocator): ReleaseUnit[] {
  const { blocks } = allocator;
  const units: ReleaseUnit[] = [];
  const make = (address: number, bytes: number, list: number, expandable: boolean): ReleaseUnit => {
    const pool = allocator.poolOf(list);
    const unit = { address, bytes, list, pool, expandable, allocated: [], pending: [], freeBytes: 0 };
    units.push(unit);
    return unit;
  };
  const put = (unit: ReleaseUnit, block: number, bytes: number): void => {
    const state = blocks.state[block];
    if (state === FREE) unit.freeBytes += bytes;
    else if (state === ALLOCATED) unit.allocated.push(block);
    else if (state === PENDING) unit.pending.push(block);
  };
  for (const head of headsOf(allocator)) {
    const list = blocks.list[head];
    if (blocks.expandable[head] === 0) {
      const unit = make(blocks.address[head], 0, list, false) as { bytes: number } & ReleaseUnit;
      for (let block = head; block !== NO_BLOCK; block = blocks.next[block]) {
        unit.bytes += blocks.size[block];
        put(unit, block, blocks.size[block]);
      }
      continue;
    }
    const page = allocator.pageSize(list);
    const base = blocks.base[head];
    let unit: ReleaseUnit | null = null;
    for (let block = head; block !== NO_BLOCK; block = blocks.next[block]) {
      if (blocks.state[block] === UNMAPPED) continue;
      const from = blocks.address[block];
      const to = from + blocks.size[block];
      for (let at = base + Math.floor((from - base) / page) * page; at < to; at += page) {
        // Blocks of one page follow each other.
        if (unit?.address !== at) unit = make(at, page, list, true);
        put(unit, block, Math.min(to, at + page) - Math.max(from, at));
      }
    }
  }
  return units;
}

/** Nothing lives in it; what waits for other streams may. */
export const isFreeAfterWaiting = ({ pool, allocated }: ReleaseUnit): boolean =>
  pool === 0 && allocated.length === 0;
