/**
 * The model led through a recording: every request goes where the recording says it went, and the model works out
 * what the recording does not say (true block sizes, splits, merges, why segments were given back). At each request
 * the model also says where it would have gone by itself; how often that agrees is the replay's fidelity.
 *
 * Long because every kind of row moves the same state: the model, the requests, the curves and the limit's bounds.
 */
import { u64Above, u64At } from '../base/u64.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION } from '../trace/schema.ts';
import { inferHistory, type RecordedSegment } from './address-history.ts';
import { adoptState } from './adopt-state.ts';
import { Allocator } from './allocator.ts';
import { ALLOCATED, FREE, NO_BLOCK, PENDING, UNMAPPED } from './block-table.ts';
import { compareFinalState } from './final-state.ts';
import { type ReleaseCause, releaseCause } from './release-cause.ts';
import { type PrivatePools, privatePoolsOf, recordedPool, streamRanks } from './pools.ts';
import type { AllocatorState, ReplayCurves, SelfReplay } from './replay-result.ts';
import { OP, RequestBuilder, type Requests } from './requests.ts';
import { roundSize } from './rounding.ts';
import type { AllocatorSettings } from './settings.ts';
import { addressOrigin, type StartingBlock, startingState } from './starting-state.ts';
import { METRIC } from './statistics.ts';

const NO_SPACE = {
  segment: () => 0,
  release: () => undefined,
  range: () => 0,
};

/** `fromEmpty`: nothing was reserved before the first event. Throws nothing: what does not fit is counted. */
export function selfReplay(
  trace: DeviceTrace,
  settings: AllocatorSettings,
  fromEmpty: boolean,
  limit: number = Infinity,
): SelfReplay {
  const first = new LedReplay(trace, settings, fromEmpty, limit, 'retry');
  const replay = first.run();
  // A program that calls empty_cache for certain elsewhere, or a limit that contradicts itself: no retries, then.
  const [least, below] = replay.limitBounds ?? [0, Infinity];
  const doubtful = replay.causes.retry > 0 && !replay.fidelity.causesCertain;
  if (!doubtful || (first.certainEmptyCaches === 0 && least < below)) return replay;
  return new LedReplay(trace, settings, fromEmpty, limit, 'empty_cache').run();
}

/**
 * The allocator as it was just before row `end` of a recording: every block, its segment and its allocation. A run of
 * releases that `end` cuts is taken whole.
 */
export const replayTo = (
  trace: DeviceTrace,
  settings: AllocatorSettings,
  fromEmpty: boolean,
  end: number,
): AllocatorState => new LedReplay(trace, settings, fromEmpty, Infinity, 'retry', false).stateAt(end);

/** Number of rows shown as examples. */
const EXAMPLES = 8;

class LedReplay {
  private readonly allocator: Allocator;
  private readonly origin: number;
  private readonly pools: PrivatePools;
  private readonly builder: RequestBuilder;
  /** Allocation number by block. */
  private allocationOf = new Int32Array(1024).fill(-1);
  private readonly blockSizes: number[] | Float64Array;
  private made = 0;
  /** Allocations from before the recording; they are the first. */
  private earlier = 0;
  private requests = 0;
  private chosen = 0;
  private readonly firstDifferent: number[] = [];
  private unplaced = 0;
  private readonly firstUnplaced: number[] = [];
  private unknownSizes = 0;
  /** A release that another cause would explain as well, and that is not taken for a retry. */
  private otherDoubt = false;
  /** Bytes that reserved memory would have come to at retries that `empty_cache()` would explain as well. */
  private readonly doubtfulRetries: number[] = [];
  /** Below it the limit is for certain: a request that would pass it is refused, so what it released was a retry. */
  private certainHigh = Infinity;
  certainEmptyCaches = 0;
  private readonly causes: Record<ReleaseCause, number> = {
    retry: 0,
    collection: 0,
    available: 0,
    empty_cache: 0,
  };
  private limitLow = 0;
  private limitHigh = Infinity;
  private readonly segments: RecordedSegment[] = [];
  private readonly largestByList: Float64Array;
  private largest = 0;
  private readonly rank: number[];
  private readonly curves: ReplayCurves;

  constructor(
    private readonly trace: DeviceTrace,
    private readonly settings: AllocatorSettings,
    private readonly fromEmpty: boolean,
    limit: number,
    private readonly assume: 'retry' | 'empty_cache',
    /** false: what is after each row is not asked for, only the model at one of them. */
    private readonly keepsCurves = true,
  ) {
    const { events } = trace;
    this.origin = addressOrigin(trace);
    this.pools = privatePoolsOf(trace, this.origin);
    this.rank = streamRanks(trace.streams);
    this.allocator = new Allocator({
      settings,
      limit: settings.garbageCollectionThreshold > 0 && limit === Infinity ? Number.MAX_SAFE_INTEGER : limit,
      capacity: Infinity,
      streamRank: this.rank,
      pools: 1 + this.pools.ids.length,
      space: NO_SPACE,
      indexed: true,
    });
    const start = fromEmpty ? null : startingState(trace);
    const extra = start?.blocks.length ?? 0;
    this.builder = new RequestBuilder(2 * events.length + extra + 16, events.length + extra);
    this.blockSizes = new Float64Array(events.length + extra);
    this.largestByList = new Float64Array(this.allocator.lists.length);
    if (start !== null) this.unknownSizes = adoptState(this.allocator, start, this.pools.ids, this.adopted);
    this.earlier = this.made;
    const column = (): Float64Array => new Float64Array(keepsCurves ? events.length : 0);
    const { current } = this.allocator.stats;
    this.recount();
    this.curves = {
      allocated: column(),
      active: column(),
      inactiveSplit: column(),
      largestFree: column(),
      freeBlocks: column(),
      before: [
        current[METRIC.allocated_bytes],
        current[METRIC.active_bytes],
        current[METRIC.inactive_split_bytes],
        this.largest,
        this.allocator.lists.reduce((count, list) => count + list.count, 0),
      ],
    };
  }

  private readonly adopted = (
    block: number,
    held: StartingBlock,
    streamIndex: number,
    pool: number,
  ): void => {
    const allocation = this.builder.make(held.requested, streamIndex, pool, held.stack);
    this.builder.step(OP.alloc, allocation, 0);
    if (held.pending) this.builder.step(OP.free_requested, allocation, 0);
    this.remember(block, allocation);
  };

  private remember(block: number, allocation: number): void {
    if (block >= this.allocationOf.length) {
      const longer = new Int32Array(Math.max(block + 1, this.allocationOf.length * 2)).fill(-1);
      longer.set(this.allocationOf);
      this.allocationOf = longer;
    }
    this.allocationOf[block] = allocation;
    this.blockSizes[allocation] = this.allocator.blocks.size[block];
    this.made = Math.max(this.made, allocation + 1);
  }

  private misfit(row: number): void {
    this.unplaced++;
    if (this.firstUnplaced.length < EXAMPLES) this.firstUnplaced.push(row);
  }

  private address(row: number): number {
    return u64Above(this.trace.events.address, row, this.origin);
  }

  /** Leads the model through rows [0, end); a run of releases is never cut in two. */
  private lead(end: number): void {
    const { events } = this.trace;
    const { allocator } = this;
    const { blocks, stats } = allocator;
    const index = allocator.index!;
    for (let row = 0; row < end; row++) {
      const size = u64At(events.size, row);
      switch (events.action[row]) {
        case ACTION.alloc:
          this.alloc(row, size);
          break;
        case ACTION.free_requested: {
          const block = index.get(this.address(row));
          if (block === NO_BLOCK || blocks.state[block] !== ALLOCATED) this.misfit(row);
          else {
            allocator.freeRequested(block);
            this.builder.step(OP.free_requested, this.allocationOf[block], row);
          }
          break;
        }
        case ACTION.free_completed: {
          const block = index.get(this.address(row));
          if (block === NO_BLOCK || (blocks.state[block] !== PENDING && blocks.state[block] !== ALLOCATED)) {
            this.misfit(row);
            break;
          }
          // Some writers leave free_requested out.
          if (blocks.state[block] === ALLOCATED) {
            allocator.freeRequested(block);
            this.builder.step(OP.free_requested, this.allocationOf[block], row);
          }
          this.builder.step(OP.free_completed, this.allocationOf[block], row);
          this.touch(blocks.list[allocator.freeCompleted(block)]);
          break;
        }
        case ACTION.segment_alloc: {
          const list = allocator.listOf(
            this.pools.byRow.get(row) ?? 0,
            events.group[row],
            events.stream_index[row],
          );
          if (index.get(this.address(row)) !== NO_BLOCK) {
            this.misfit(row);
            break;
          }
          this.grew(size);
          const block = allocator.addSegment(this.address(row), size, list);
          allocator.keepFree(block);
          this.segments.push({ row, address: this.address(row), bytes: size, made: true });
          this.touch(list);
          break;
        }
        case ACTION.segment_map: {
          const list = allocator.listOf(
            this.pools.byRow.get(row) ?? 0,
            events.group[row],
            events.stream_index[row],
          );
          let block = index.get(this.address(row));
          if (block === NO_BLOCK) block = allocator.addRange(this.address(row), 2 ** 42, list);
          if (blocks.state[block] !== UNMAPPED) this.misfit(row);
          else {
            this.grew(size);
            this.touch(blocks.list[allocator.mapPages(block, size)]);
          }
          break;
        }
        case ACTION.segment_free:
        case ACTION.segment_unmap:
          row = this.release(row);
          continue;
        case ACTION.oom: {
          stats.ooms++;
          // A failing request has tried to give everything back before: seen only where there was something.
          const freed = row > 0 && this.lastReleaseEnd === row;
          if (!freed) {
            stats.allocRetries++;
            stats.syncAllStreams++;
          }
          this.met(size);
          const allocation = this.builder.make(
            size,
            events.stream_index[row],
            this.poolOf(row),
            events.stack_index[row],
          );
          this.builder.step(OP.failed_alloc, allocation, row);
          this.made = Math.max(this.made, allocation + 1);
        }
      }
      this.note(row);
    }
  }

  /** The model as it is just before row `end`. */
  stateAt(end: number): AllocatorState {
    this.lead(end);
    return this.state(this.builder.finish());
  }

  /** Holds on to nothing of the replay but the model: a state is kept as long as its recording is open. */
  private state({ requested, stream, stack, row, allocation, op, length }: Requests): AllocatorState {
    const { allocator, origin, pools, allocationOf, earlier } = this;
    let rows: Float64Array | null = null;
    const madeAt = (made: number): number => {
      if (rows === null) {
        rows = new Float64Array(requested.length).fill(NaN);
        for (let step = 0; step < length; step++)
          if (op[step] === OP.alloc && allocation[step] >= earlier) rows[allocation[step]] = row[step];
      }
      return rows[made];
    };
    return {
      allocator,
      origin,
      privatePools: pools.ids,
      allocationOf: (block) => {
        const made = block < allocationOf.length ? allocationOf[block] : -1;
        return made < 0
          ? null
          : { requested: requested[made], stream: stream[made], stack: stack[made], row: madeAt(made) };
      },
    };
  }

  run(): SelfReplay {
    this.lead(this.trace.events.length);
    const { allocator, curves } = this;
    const { stats } = allocator;
    const blockSize = this.blockSizes.slice(0, this.made) as Float64Array;
    const requests = this.builder.finish();
    return {
      stats: stats.toStats(),
      fromEmpty: this.fromEmpty,
      fidelity: {
        requests: this.requests,
        chosen: this.chosen,
        firstDifferent: this.firstDifferent,
        unplaced: this.unplaced,
        firstUnplaced: this.firstUnplaced,
        state: compareFinalState(this.trace, allocator, this.origin),
        unknownSizes: this.unknownSizes,
        causesCertain: !this.otherDoubt && this.doubtfulRetries.every((bytes) => bytes >= this.certainHigh),
      },
      requests,
      curves,
      blockSize,
      privatePools: this.pools.ids,
      streamRank: this.rank,
      limitBounds: this.limitHigh === Infinity ? null : [this.limitLow, this.limitHigh],
      addresses: inferHistory(this.segments),
      causes: this.causes,
      end: this.state(requests),
    };
  }

  private lastReleaseEnd = -1;

  private alloc(row: number, requested: number): void {
    const { events } = this.trace;
    const { allocator } = this;
    const { blocks } = allocator;
    const size = roundSize(requested, this.settings);
    const address = this.address(row);
    const block = allocator.index!.get(address);
    if (block === NO_BLOCK || blocks.state[block] !== FREE || blocks.size[block] < size) {
      this.misfit(row);
      return;
    }
    this.requests++;
    const list = blocks.list[block];
    allocator.countSearch(list);
    const fresh = row > 0 && isGrowth(events.action[row - 1]);
    if (fresh || allocator.chosenFor(list, size) === block) this.chosen++;
    else if (this.firstDifferent.length < EXAMPLES) this.firstDifferent.push(row);
    allocator.lists[list].remove(block);
    const given = allocator.place(block, size, requested);
    const allocation = this.builder.make(
      requested,
      events.stream_index[row],
      allocator.poolOf(list),
      events.stack_index[row],
    );
    this.builder.step(OP.alloc, allocation, row);
    this.remember(given, allocation);
    this.touch(list);
  }

  /** Handles a run of releases beginning at `row`; returns its last row. */
  private release(row: number): number {
    const { events } = this.trace;
    const { allocator } = this;
    const { blocks, stats } = allocator;
    const cause = releaseCause(this.trace, row, allocator, this.settings, this.origin, {
      low: this.limitLow,
      assume: this.assume,
    });
    // The end of a MemPool gives its own segments back and no other's.
    const onlyPools = this.dropPools(row, cause.end) && cause.cause === 'empty_cache';
    if (!onlyPools) this.causes[cause.cause]++;
    if (onlyPools) stats.syncAllStreams++;
    else if (!cause.certain) {
      if (cause.cause === 'retry') this.doubtfulRetries.push(cause.limitBelow);
      else this.otherDoubt = true;
    } else {
      if (cause.cause === 'empty_cache') this.certainEmptyCaches++;
      this.certainHigh = Math.min(this.certainHigh, cause.limitBelow);
    }
    if (cause.cause === 'retry') {
      stats.allocRetries++;
      stats.syncAllStreams++;
      this.limitHigh = Math.min(this.limitHigh, cause.limitBelow);
    } else if (cause.cause === 'empty_cache' && !onlyPools) {
      stats.syncAllStreams++;
      this.builder.step(OP.empty_cache, -1, row);
    }
    let at = row;
    for (; at < cause.end; at++) {
      const action = events.action[at];
      const address = this.address(at);
      const size = u64At(events.size, at);
      if (action === ACTION.segment_free) {
        const block = allocator.index!.get(address);
        // A free piece of a segment is none: cudaFree takes back what cudaMalloc gave.
        if (
          block === NO_BLOCK ||
          blocks.state[block] !== FREE ||
          blocks.size[block] !== size ||
          !this.isWholeSegment(block)
        )
          this.misfit(at);
        else {
          const list = blocks.list[block];
          allocator.releaseSegment(block);
          this.segments.push({ row: at, address, bytes: size, made: false });
          this.touch(list);
        }
      } else if (action === ACTION.segment_unmap) {
        const block = this.freeBlockAround(at, address, size);
        if (block === NO_BLOCK) this.misfit(at);
        else {
          const list = blocks.list[block];
          allocator.unmapRange(block, address, size);
          this.touch(list);
        }
      } else if (action === ACTION.free_completed) {
        const block = allocator.index!.get(address);
        if (block === NO_BLOCK || blocks.state[block] !== PENDING) this.misfit(at);
        else {
          this.builder.step(OP.free_completed, this.allocationOf[block], at);
          this.touch(blocks.list[allocator.freeCompleted(block)]);
        }
      }
      this.note(at);
    }
    this.lastReleaseEnd = cause.cause === 'retry' ? at : -1;
    return at - 1;
  }

  private isWholeSegment(block: number): boolean {
    const { blocks } = this.allocator;
    return (
      blocks.expandable[block] === 0 && blocks.prev[block] === NO_BLOCK && blocks.next[block] === NO_BLOCK
    );
  }

  /**
   * Only a private pool that nothing keeps any more gives segments back: those of the releases in rows [from, to) are
   * gone. true: no other pool gave any back.
   */
  private dropPools(from: number, to: number): boolean {
    const gone = new Set<number>();
    let others = false;
    for (let row = from; row < to; row++) {
      if (this.trace.events.action[row] === ACTION.free_completed) continue;
      const pool = this.poolOf(row);
      if (pool === 0) others = true;
      else gone.add(pool);
    }
    if (gone.size > 0) this.builder.dropPools([...gone], from);
    return !others;
  }

  /** Pool that a row says it is about; 0 where it does not say. */
  private poolOf(row: number): number {
    return this.pools.ids.indexOf(recordedPool(this.trace, row) ?? '') + 1;
  }

  private freeBlockAround(row: number, address: number, size: number): number {
    const { events } = this.trace;
    const { allocator } = this;
    const { blocks } = allocator;
    const list = allocator.listOf(this.poolOf(row), events.group[row], events.stream_index[row]);
    const holds = (block: number): boolean =>
      blocks.expandable[block] === 1 &&
      blocks.address[block] <= address &&
      address + size <= blocks.address[block] + blocks.size[block];
    for (const candidates of [allocator.lists[list], ...allocator.lists])
      for (const block of candidates.blocks()) if (holds(block)) return block;
    return NO_BLOCK;
  }

  /** A segment was made: the limit is at least what is reserved then. */
  private grew(bytes: number): void {
    this.limitLow = Math.max(this.limitLow, this.allocator.reserved + bytes);
  }

  /** A request failed for want of `bytes`. */
  private met(bytes: number): void {
    this.limitHigh = Math.min(this.limitHigh, this.allocator.reserved + bytes);
    this.certainHigh = Math.min(this.certainHigh, this.allocator.reserved + bytes);
  }

  private touch(list: number): void {
    const free = this.allocator.lists[list];
    const block = free.largest();
    const value = block === NO_BLOCK ? 0 : this.allocator.blocks.size[block];
    const old = this.largestByList[list];
    this.largestByList[list] = value;
    if (value >= this.largest) this.largest = value;
    else if (old === this.largest) {
      let most = 0;
      for (let i = 0; i < this.largestByList.length; i++)
        if (this.largestByList[i] > most) most = this.largestByList[i];
      this.largest = most;
    }
  }

  private recount(): void {
    this.allocator.lists.forEach((_, list) => this.touch(list));
  }

  private note(row: number): void {
    if (!this.keepsCurves) return;
    const { current } = this.allocator.stats;
    const { curves } = this;
    curves.allocated[row] = current[METRIC.allocated_bytes];
    curves.active[row] = current[METRIC.active_bytes];
    curves.inactiveSplit[row] = current[METRIC.inactive_split_bytes];
    curves.largestFree[row] = this.largest;
    let count = 0;
    for (const list of this.allocator.lists) count += list.count;
    curves.freeBlocks[row] = count;
  }
}

const isGrowth = (action: number): boolean =>
  action === ACTION.segment_alloc || action === ACTION.segment_map;
