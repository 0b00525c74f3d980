/**
 * The keys of `torch.cuda.host_memory_stats()` that a snapshot of pinned host memory tells exactly.
 *
 * From the final state: every `current`. From the events of a recording that began empty, besides: peak, allocated,
 * freed, and the numbers of calls. Peaks of what is in use are sums of the peaks of each size class, as PyTorch adds
 * them up: they may lie above what was ever in use at once. Not told: times of the calls.
 *
 * Source of the rules: aten/src/ATen/core/CachingHostAllocator.h, `getStats`, `add_allocated_block`, `maybe_cache_block`.
 */
import { sum } from '../../base/sum.ts';
import { pinnedBlockSizes } from '../../aggregate/host-series.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION } from '../../trace/schema.ts';
import type { MemoryStats } from './memory-stats.ts';

class Stat {
  current = 0;
  peak = 0;
  allocated = 0;
  freed = 0;

  change(amount: number): void {
    this.current += amount;
    if (amount > 0) this.allocated += amount;
    else this.freed -= amount;
    if (this.current > this.peak) this.peak = this.current;
  }

  add({ current, peak, allocated, freed }: Stat): void {
    this.current += current;
    this.peak += peak;
    this.allocated += allocated;
    this.freed += freed;
  }
}

/** Size class of a block: the power of two that it fits in. */
const classOf = (size: number): number => Math.ceil(Math.log2(size));

function fromEvents(trace: DeviceTrace): MemoryStats {
  const { events } = trace;
  const sizes = pinnedBlockSizes(trace);
  const blocks = new Stat();
  const bytes = new Stat();
  const requests = new Map<number, Stat>();
  const active = new Map<number, Stat>();
  const of = (by: Map<number, Stat>, size: number): Stat => {
    const at = classOf(size);
    const stat = by.get(at) ?? new Stat();
    by.set(at, stat);
    return stat;
  };
  for (let row = 0; row < events.length; row++) {
    const size = sizes[row];
    switch (events.action[row]) {
      case ACTION.segment_alloc:
        blocks.change(1);
        bytes.change(size);
        break;
      case ACTION.segment_free:
        blocks.change(-1);
        bytes.change(-size);
        break;
      case ACTION.alloc:
        of(requests, size).change(1);
        of(active, size).change(size);
        break;
      case ACTION.free_completed:
        of(requests, size).change(-1);
        of(active, size).change(-size);
    }
  }
  const stats: MemoryStats = { num_host_alloc: blocks.allocated, num_host_free: blocks.freed };
  const emit = (name: string, { current, peak, allocated, freed }: Stat): void => {
    stats[`${name}.current`] = current;
    stats[`${name}.peak`] = peak;
    stats[`${name}.allocated`] = allocated;
    stats[`${name}.freed`] = freed;
  };
  const total = (by: ReadonlyMap<number, Stat>): Stat => {
    const all = new Stat();
    for (const stat of by.values()) all.add(stat);
    return all;
  };
  emit('allocations', blocks);
  emit('allocated_bytes', bytes);
  emit('active_requests', total(requests));
  emit('active_bytes', total(active));
  return stats;
}

function fromState({ segments, blocks, cut }: DeviceTrace): MemoryStats {
  if (segments === null || blocks === null || cut) return {};
  return {
    'allocations.current': segments.length,
    'allocated_bytes.current': sum(segments.total_size),
    'active_requests.current': blocks.state.reduce((count, state) => count + (state === 2 ? 0 : 1), 0),
    'active_bytes.current': sum(segments.active_size),
  };
}

/** Exact keys only, sorted. `whole`: the recording began with nothing pinned, and holds every event. */
export function hostMemoryStatsOf(trace: DeviceTrace, whole: boolean): MemoryStats {
  const all = { ...(whole ? fromEvents(trace) : {}), ...fromState(trace) };
  return Object.fromEntries(
    Object.entries(all)
      .filter(([, value]) => Number.isSafeInteger(value))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
