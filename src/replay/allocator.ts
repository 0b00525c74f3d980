/**
 * PyTorch's caching allocator for one device, as a model: the same decisions and the same statistics, over typed
 * arrays. It decides by itself (`malloc`, `emptyCache`) or is led step by step by what a recording shows
 * (`grow`, `place`, `releaseSegment`, `mapPages`, `unmapRange`).
 *
 * Source of the rules: c10/cuda/CUDACachingAllocator.cpp (PyTorch 2.11). Not modelled: the order in which streams
 * finish (the caller says when a free completes), memory of other processes, and pools of a destroyed CUDA graph.
 *
 * Long because the steps share one state: blocks, lists and statistics change together or not at all.
 */
import { AddressIndex } from './address-index.ts';
import { ALLOCATED, BlockTable, FREE, NO_BLOCK, PENDING, UNMAPPED } from './block-table.ts';
import { FreeList } from './free-list.ts';
import { roundSize, segmentSize } from './rounding.ts';
import { type AllocatorSettings, MIN_BLOCK, SMALL_SEGMENT, SMALL_SIZE } from './settings.ts';
import { availableRelease, collectionPasses, freeBlocks, isReleasable } from './release-plan.ts';
import { METRIC, OVERSIZE_ALLOCATIONS, OVERSIZE_SEGMENTS, Statistics } from './statistics.ts';

/** Gives addresses to new segments. */
export interface AddressSpace {
  /** Address of a segment of `bytes` (cudaMalloc). */
  segment(bytes: number): number;
  /** A segment was given back (cudaFree). */
  release(address: number, bytes: number): void;
  /** Start of the address range of a new expandable segment. */
  range(bytes: number): number;
}

export interface AllocatorOptions {
  readonly settings: AllocatorSettings;
  /** Bytes that the process may reserve (`set_per_process_memory_fraction`); Infinity: no limit. */
  readonly limit: number;
  /** Bytes that the device can give to this process at all; Infinity: not known. */
  readonly capacity: number;
  /** Rank of each stream by its handle, the order in which the allocator visits streams. */
  readonly streamRank: readonly number[];
  /** Number of pools: the default one and private ones. */
  readonly pools: number;
  readonly space: AddressSpace;
  /** Keep an index of blocks by address, for callers that know addresses. */
  readonly indexed: boolean;
}

/** Size of an expandable segment's address range where the device's memory is not known. */
const RANGE = 2 ** 42;

export class Allocator {
  readonly blocks = new BlockTable();
  readonly stats = new Statistics();
  readonly lists: FreeList[] = [];
  /** Free lists in the order in which the allocator visits them, by [pool * 2 + small]. */
  readonly ordered: number[][] = [];
  /** Unmapped blocks by list, ascending addresses. */
  private readonly unmapped: number[][] = [];
  /** Searches of each pool since the start, counted while garbage collection is on; by [pool * 2 + small]. */
  readonly searches: Float64Array;
  /** Private pools that are gone. */
  private readonly dropped = new Set<number>();
  /** Frees requested so far: the order in which waiting blocks complete. */
  private frees = 0;
  private waiting = 0;
  readonly index: AddressIndex | null;
  private readonly streams: number;
  private readonly collects: boolean;
  /** Bytes reserved now. */
  reserved = 0;
  private readonly rangeBytes: number;

  constructor(readonly options: AllocatorOptions) {
    this.streams = options.streamRank.length;
    const byRank = [...options.streamRank.keys()].sort(
      (a, b) => options.streamRank[a] - options.streamRank[b],
    );
    const size = (): Float64Array => this.blocks.size;
    const address = (): Float64Array => this.blocks.address;
    for (let group = 0; group < 2 * options.pools; group++) {
      for (let stream = 0; stream < this.streams; stream++) {
        this.lists.push(new FreeList(size, address));
        this.unmapped.push([]);
      }
      this.ordered.push(byRank.map((stream) => group * this.streams + stream));
    }
    this.searches = new Float64Array(2 * options.pools);
    this.index = options.indexed ? new AddressIndex() : null;
    this.collects = options.settings.garbageCollectionThreshold > 0 && options.limit !== Infinity;
    const memory = Math.min(options.capacity, RANGE / 2);
    this.rangeBytes = memory + Math.floor(memory / 8);
  }

  /** Free list of a pool (0: default), stream and size class. */
  listOf(pool: number, small: number, stream: number): number {
    return (2 * pool + small) * this.streams + stream;
  }

  /** 1: the list belongs to a small pool. */
  smallOf(list: number): number {
    return Math.floor(list / this.streams) & 1;
  }

  private groupOf(list: number): number {
    return Math.floor(list / this.streams);
  }

  /** Pool of a list; 0: the default one. */
  poolOf(list: number): number {
    return this.groupOf(list) >> 1;
  }

  /** Counts a search of the list's pool: the clock by which garbage collection tells ages. */
  countSearch(list: number): void {
    if (this.collects) this.searches[this.groupOf(list)]++;
  }

  // ---- decisions -------------------------------------------------------------------------------------------

  /** Serves a request. Returns its block, NO_BLOCK where it ends in an out-of-memory error. */
  malloc(requested: number, stream: number, pool: number): number {
    const { settings } = this.options;
    const size = roundSize(requested, settings);
    const small = size <= SMALL_SIZE ? 1 : 0;
    const list = this.listOf(pool, small, stream);
    this.countSearch(list);
    let block = this.bestFit(list, size);
    if (block !== NO_BLOCK) this.lists[list].remove(block);
    else {
      if (this.collects) this.collectGarbage();
      const bytes = segmentSize(size, settings);
      block = this.newBlock(list, size, bytes);
      if (block === NO_BLOCK && this.releaseAvailable(list, size)) block = this.newBlock(list, size, bytes);
      if (block === NO_BLOCK) {
        this.releaseCached();
        this.stats.allocRetries++;
        block = this.newBlock(list, size, bytes);
      }
      if (block === NO_BLOCK) {
        this.stats.ooms++;
        return NO_BLOCK;
      }
    }
    return this.place(block, size, requested);
  }

  /** The free block that a request of `size` (rounded) takes, still in its list; NO_BLOCK: none fits. */
  bestFit(list: number, size: number): number {
    const { settings } = this.options;
    const { blocks } = this;
    const free = this.lists[list];
    let block = free.atLeast(size);
    if (block === NO_BLOCK) return NO_BLOCK;
    if (blocks.expandable[block] === 1) {
      if (settings.expandableSegments) {
        let next = free.after(block);
        while (
          blocks.expandable[block] === 1 &&
          next !== NO_BLOCK &&
          this.roomOf(next) < this.roomOf(block)
        ) {
          block = next;
          next = free.after(block);
        }
      } else {
        do block = free.after(block);
        while (block !== NO_BLOCK && blocks.expandable[block] === 1);
        if (block === NO_BLOCK) return NO_BLOCK;
      }
    }
    const bytes = blocks.size[block];
    if (size < settings.maxSplitSize && bytes >= settings.maxSplitSize) return NO_BLOCK;
    if (size >= settings.maxSplitSize && bytes >= size + settings.maxNonSplitRounding) return NO_BLOCK;
    return block;
  }

  /**
   * The free block that serves a request without new pages: best fit's, or, where that refuses one as too large to split
   * (max_split_size), the one at the end of what is mapped, which an expandable segment takes as it grows. NO_BLOCK:
   * none does.
   */
  chosenFor(list: number, size: number): number {
    const fit = this.bestFit(list, size);
    if (fit !== NO_BLOCK || !this.options.settings.expandableSegments) return fit;
    const start = this.roomBefore(list, size);
    return start !== NO_BLOCK && this.blocks.state[start] === FREE && this.blocks.size[start] >= size
      ? start
      : NO_BLOCK;
  }

  /** What a free block can become: itself and the unmapped range right behind it. */
  private roomOf(block: number): number {
    const { blocks } = this;
    const next = blocks.next[block];
    return (
      blocks.size[block] + (next !== NO_BLOCK && blocks.state[next] === UNMAPPED ? blocks.size[next] : 0)
    );
  }

  /** A block from the driver: a segment, or pages mapped into an expandable one. NO_BLOCK: no memory. */
  private newBlock(list: number, size: number, bytes: number): number {
    const { settings, limit, capacity, space } = this.options;
    if (this.reserved + bytes > limit) return NO_BLOCK;
    if (settings.expandableSegments) return this.expand(list, size);
    if (this.reserved + bytes > capacity) return NO_BLOCK;
    return this.addSegment(space.segment(bytes), bytes, list);
  }

  private expand(list: number, size: number): number {
    const { blocks } = this;
    let candidate = this.expandableRoom(list, size);
    if (
      blocks.state[candidate] === UNMAPPED &&
      (candidate = this.mapPages(candidate, Math.min(blocks.size[candidate], size))) === NO_BLOCK
    )
      return NO_BLOCK;
    while (blocks.size[candidate] < size) {
      const next = blocks.next[candidate];
      const grown = this.mapPages(next, Math.min(size - blocks.size[candidate], blocks.size[next]));
      if (grown === NO_BLOCK) return NO_BLOCK;
      candidate = grown;
    }
    this.lists[list].remove(candidate);
    return candidate;
  }

  /** Lowest run of unmapped (and free, right before it) blocks with room for `size`; NO_BLOCK: there is none. */
  private roomBefore(list: number, size: number): number {
    const { blocks } = this;
    for (const found of this.unmapped[list]) {
      const before = blocks.prev[found];
      const start = before !== NO_BLOCK && blocks.state[before] === FREE ? before : found;
      let bytes = 0;
      for (
        let at = start;
        at !== NO_BLOCK && bytes < size && (blocks.state[at] === FREE || blocks.state[at] === UNMAPPED);
        at = blocks.next[at]
      )
        bytes += blocks.size[at];
      if (bytes >= size) return start;
    }
    return NO_BLOCK;
  }

  /** The same; a new range where there is none. */
  private expandableRoom(list: number, size: number): number {
    const start = this.roomBefore(list, size);
    if (start !== NO_BLOCK) return start;
    const page = this.pageSize(list);
    const bytes = Math.ceil(this.rangeBytes / page) * page;
    return this.addRange(this.options.space.range(bytes), bytes, list);
  }

  pageSize(list: number): number {
    return this.smallOf(list) === 1 ? SMALL_SEGMENT : this.options.settings.largeSegmentSize;
  }

  // ---- giving memory back ----------------------------------------------------------------------------------

  /** `torch.cuda.empty_cache()`. */
  emptyCache(): void {
    this.releaseCached();
  }

  private releaseCached(): void {
    this.stats.syncAllStreams++;
    if (this.waiting > 0) for (const block of this.blocks.pending()) this.freeCompleted(block);
    for (const pool of [0, ...this.dropped]) {
      this.releaseGroup(2 * pool);
      this.releaseGroup(2 * pool + 1);
    }
  }

  /** A private pool that nothing keeps any more: what is free in it goes back, now and with the default pool's. */
  dropPool(pool: number): void {
    this.dropped.add(pool);
    this.releaseGroup(2 * pool);
    this.releaseGroup(2 * pool + 1);
  }

  private releaseGroup(group: number): void {
    const free = freeBlocks(this, group);
    const pages = free.filter((block) => this.blocks.expandable[block] === 1);
    for (const block of free.filter((one) => isReleasable(this, one))) this.releaseSegment(block);
    for (const block of pages) this.unmapBlock(block);
  }

  private collectGarbage(): void {
    const threshold = Math.floor(this.options.settings.garbageCollectionThreshold * this.options.limit);
    const target = this.reserved - threshold;
    let reclaimed = 0;
    for (const pass of collectionPasses(this)) {
      if (reclaimed >= target) return;
      for (const block of pass) {
        reclaimed += this.blocks.size[block];
        this.releaseSegment(block);
      }
    }
  }

  /** Gives oversize segments of the stream back, just enough for the request. */
  private releaseAvailable(list: number, size: number): boolean {
    const plan = availableRelease(this, list, size);
    for (const block of plan.blocks) this.releaseSegment(block);
    return plan.enough;
  }

  // ---- steps -----------------------------------------------------------------------------------------------

  /** Hands (a part of) `block`, already out of its list, to a request. Returns the block handed out. */
  place(block: number, size: number, requested: number): number {
    const { blocks, stats, index } = this;
    const list = blocks.list[block];
    const small = this.smallOf(list);
    const wasSplit = blocks.isSplit(block);
    const counts = blocks.expandable[block] === 0;
    let given = block;
    if (this.shouldSplit(block, size)) {
      const rest = block;
      given = blocks.make(blocks.address[rest], size, list, blocks.expandable[rest]);
      blocks.base[given] = blocks.base[rest];
      blocks.splice(given, blocks.prev[rest], rest);
      blocks.address[rest] += size;
      blocks.size[rest] -= size;
      index?.set(blocks.address[given], given);
      index?.set(blocks.address[rest], rest);
      this.insertFree(rest);
      if (counts && wasSplit) stats.take(METRIC.inactive_split_bytes, small, size);
      else if (counts) {
        stats.add(METRIC.inactive_split_bytes, small, blocks.size[rest]);
        stats.add(METRIC.inactive_split, small, 1);
      }
    } else if (counts && wasSplit) {
      stats.take(METRIC.inactive_split_bytes, small, blocks.size[block]);
      stats.take(METRIC.inactive_split, small, 1);
    }
    this.adopt(given, requested);
    return given;
  }

  /** Counts a block, in no list, as allocated. */
  adopt(block: number, requested: number): void {
    const { blocks, stats } = this;
    const small = this.smallOf(blocks.list[block]);
    const bytes = blocks.size[block];
    blocks.state[block] = ALLOCATED;
    blocks.requested[block] = requested;
    stats.add(METRIC.allocation, small, 1);
    stats.add(METRIC.allocated_bytes, small, bytes);
    stats.add(METRIC.active, small, 1);
    stats.add(METRIC.active_bytes, small, bytes);
    stats.add(METRIC.requested_bytes, small, requested);
    if (bytes >= this.options.settings.maxSplitSize) stats.raise(OVERSIZE_ALLOCATIONS, 1);
  }

  /** Whether handing out `size` bytes of a block leaves the rest as a free block of its own. */
  shouldSplit(block: number, size: number): boolean {
    const { settings } = this.options;
    const rest = this.blocks.size[block] - size;
    if (this.smallOf(this.blocks.list[block]) === 1 || settings.expandableSegments) return rest >= MIN_BLOCK;
    return size < settings.maxSplitSize && rest > SMALL_SIZE;
  }

  /** The program let go of the block; other streams may still use it. */
  freeRequested(block: number): void {
    const { blocks, stats } = this;
    const small = this.smallOf(blocks.list[block]);
    blocks.state[block] = PENDING;
    blocks.bornAt[block] = this.frees++;
    this.waiting++;
    stats.take(METRIC.allocation, small, 1);
    stats.take(METRIC.allocated_bytes, small, blocks.size[block]);
    if (blocks.size[block] >= this.options.settings.maxSplitSize) stats.lower(OVERSIZE_ALLOCATIONS, 1);
  }

  isPending(block: number): boolean {
    return this.blocks.state[block] === PENDING;
  }

  /** The block goes back to its pool and merges with free neighbours. Returns the block that it became. */
  freeCompleted(block: number): number {
    const { blocks, stats } = this;
    const small = this.smallOf(blocks.list[block]);
    const bytes = blocks.size[block];
    const requested = blocks.requested[block];
    this.waiting--;
    blocks.state[block] = FREE;
    blocks.requested[block] = 0;
    let count = 0;
    let change = 0;
    const before = this.merge(block, blocks.prev[block]);
    const after = this.merge(block, blocks.next[block]);
    if (before > 0) count--;
    if (after > 0) count--;
    change -= before + after;
    this.insertFree(block);
    if (blocks.isSplit(block)) {
      count++;
      change += blocks.size[block];
    }
    if (blocks.expandable[block] === 0) {
      if (count > 0) stats.add(METRIC.inactive_split, small, count);
      else if (count < 0) stats.take(METRIC.inactive_split, small, -count);
      if (change > 0) stats.add(METRIC.inactive_split_bytes, small, change);
      else if (change < 0) stats.take(METRIC.inactive_split_bytes, small, -change);
    }
    stats.take(METRIC.active, small, 1);
    stats.take(METRIC.active_bytes, small, bytes);
    stats.take(METRIC.requested_bytes, small, requested);
    return block;
  }

  private insertFree(block: number): void {
    this.blocks.bornAt[block] = this.searches[this.groupOf(this.blocks.list[block])];
    this.lists[this.blocks.list[block]].insert(block);
  }

  /** Lets `into` swallow its free (or, unmapped, its unmapped) neighbour. Returns the bytes gained, 0: not possible. */
  private merge(into: number, from: number): number {
    const { blocks, index } = this;
    if (from === NO_BLOCK) return 0;
    const state = blocks.state[from];
    if (state === ALLOCATED || state === PENDING || state !== blocks.state[into]) return 0;
    const list = blocks.list[from];
    if (state === UNMAPPED) this.unmapped[list].splice(this.unmapped[list].indexOf(from), 1);
    else this.lists[list].remove(from);
    if (blocks.prev[into] === from) {
      index?.remove(blocks.address[into]);
      blocks.address[into] = blocks.address[from];
      index?.set(blocks.address[into], into);
      blocks.splice(into, blocks.prev[from], blocks.next[into]);
    } else {
      index?.remove(blocks.address[from]);
      blocks.splice(into, blocks.prev[into], blocks.next[from]);
    }
    blocks.size[into] += blocks.size[from];
    blocks.drop(from);
    return blocks.size[from];
  }

  /** A new segment as one block, in no list yet. */
  addSegment(address: number, bytes: number, list: number): number {
    const { stats } = this;
    const small = this.smallOf(list);
    this.reserved += bytes;
    const block = this.blocks.make(address, bytes, list, 0);
    this.index?.set(address, block);
    stats.add(METRIC.segment, small, 1);
    stats.add(METRIC.reserved_bytes, small, bytes);
    if (bytes >= this.options.settings.maxSplitSize) stats.raise(OVERSIZE_SEGMENTS, 1);
    stats.deviceAllocs++;
    return block;
  }

  /** Gives a whole free segment back (cudaFree). */
  releaseSegment(block: number): void {
    const { blocks, stats } = this;
    const small = this.smallOf(blocks.list[block]);
    const bytes = blocks.size[block];
    this.lists[blocks.list[block]].remove(block);
    this.index?.remove(blocks.address[block]);
    this.options.space.release(blocks.address[block], bytes);
    this.reserved -= bytes;
    stats.deviceFrees++;
    stats.take(METRIC.segment, small, 1);
    stats.take(METRIC.reserved_bytes, small, bytes);
    if (bytes >= this.options.settings.maxSplitSize) stats.lower(OVERSIZE_SEGMENTS, 1);
    blocks.drop(block);
  }

  /** A new expandable segment: an address range without memory. */
  addRange(address: number, bytes: number, list: number): number {
    const block = this.blocks.make(address, bytes, list, 1);
    this.blocks.base[block] = address;
    this.blocks.state[block] = UNMAPPED;
    this.index?.set(address, block);
    this.insertUnmapped(block);
    return block;
  }

  private insertUnmapped(block: number): void {
    const { address, list } = this.blocks;
    const all = this.unmapped[list[block]];
    let at = all.length;
    while (at > 0 && address[all[at - 1]] > address[block]) at--;
    all.splice(at, 0, block);
  }

  /** Maps whole pages for at least `size` bytes at the start of an unmapped block. Returns the free block that they are part of; NO_BLOCK: no memory. */
  mapPages(block: number, size: number): number {
    const { blocks, stats } = this;
    const list = blocks.list[block];
    const page = this.pageSize(list);
    const bytes = Math.ceil(size / page) * page;
    if (this.reserved + bytes > this.options.capacity) return NO_BLOCK;
    this.unmapped[list].splice(this.unmapped[list].indexOf(block), 1);
    blocks.state[block] = FREE;
    if (bytes < blocks.size[block]) {
      const rest = blocks.make(blocks.address[block] + bytes, blocks.size[block] - bytes, list, 1);
      blocks.base[rest] = blocks.base[block];
      blocks.state[rest] = UNMAPPED;
      blocks.splice(rest, block, blocks.next[block]);
      this.index?.set(blocks.address[rest], rest);
      this.insertUnmapped(rest);
      blocks.size[block] = bytes;
    }
    this.merge(block, blocks.prev[block]);
    this.merge(block, blocks.next[block]);
    this.insertFree(block);
    this.reserved += bytes;
    stats.add(METRIC.reserved_bytes, this.smallOf(list), bytes);
    stats.deviceAllocs++;
    return block;
  }

  /** Unmaps the whole pages of a free block; drops the range where nothing of it is mapped any more. */
  private unmapBlock(block: number): void {
    const { blocks } = this;
    const page = this.pageSize(blocks.list[block]);
    const base = blocks.base[block];
    const from = base + Math.ceil((blocks.address[block] - base) / page) * page;
    const to = base + Math.floor((blocks.address[block] + blocks.size[block] - base) / page) * page;
    if (from < to) this.unmapRange(block, from, to - from);
  }

  /** Unmaps [address, address + bytes) of a free block. */
  unmapRange(block: number, address: number, bytes: number): void {
    const { blocks, stats, index } = this;
    const list = blocks.list[block];
    this.lists[list].remove(block);
    const before = address - blocks.address[block];
    const after = blocks.size[block] - before - bytes;
    if (before > 0) {
      const front = blocks.make(blocks.address[block], before, list, 1);
      blocks.base[front] = blocks.base[block];
      blocks.splice(front, blocks.prev[block], block);
      index?.set(blocks.address[front], front);
      this.insertFree(front);
    }
    if (after > 0) {
      const rest = blocks.make(address + bytes, after, list, 1);
      blocks.base[rest] = blocks.base[block];
      blocks.splice(rest, block, blocks.next[block]);
      index?.set(blocks.address[rest], rest);
      this.insertFree(rest);
    }
    blocks.address[block] = address;
    blocks.size[block] = bytes;
    blocks.state[block] = UNMAPPED;
    index?.set(address, block);
    this.merge(block, blocks.prev[block]);
    this.merge(block, blocks.next[block]);
    this.insertUnmapped(block);
    this.reserved -= bytes;
    stats.take(METRIC.reserved_bytes, this.smallOf(list), bytes);
    stats.deviceFrees++;
    if (!blocks.isSplit(block)) {
      this.unmapped[list].splice(this.unmapped[list].indexOf(block), 1);
      index?.remove(blocks.address[block]);
      blocks.drop(block);
    }
  }

  /** Puts a block that is in no list yet, and free, into its list. */
  keepFree(block: number): void {
    this.insertFree(block);
  }
}
