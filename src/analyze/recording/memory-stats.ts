/**
 * The keys of `torch.cuda.memory_stats()` that a snapshot tells exactly; none is estimated.
 *
 * From the final state: current of requested, reserved, allocated and active bytes, segments.
 * From the events of a recording that began empty, besides: peak, allocated and freed of requested and reserved
 * bytes and of segments, and the counts `allocation.*` and `active.*`. Block sizes are not in the events: peak,
 * allocated and freed of allocated, active and inactive-split bytes come from the allocator replayed.
 *
 * Source of the rules: c10/cuda/CUDACachingAllocator.cpp. Requested bytes are dropped at free_completed,
 * allocations at free_requested; expandable segments do not count as segments.
 */
import { u64At } from '../../base/u64.ts';
import { isDefaultPool, recordedPool } from '../../replay/pools.ts';
import { isFaithful, type SelfReplay } from '../../replay/replay-result.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, POOLS } from '../../trace/schema.ts';

const ROWS = ['all', ...POOLS] as const;

/** One statistic in its three rows: all, large_pool, small_pool. */
class Stat {
  readonly current = [0, 0, 0];
  readonly peak = [0, 0, 0];
  readonly allocated = [0, 0, 0];
  readonly freed = [0, 0, 0];

  add(pool: number, amount: number): void {
    for (const at of [0, pool + 1]) {
      this.current[at] += amount;
      this.allocated[at] += amount;
      if (this.current[at] > this.peak[at]) this.peak[at] = this.current[at];
    }
  }

  take(pool: number, amount: number): void {
    for (const at of [0, pool + 1]) {
      this.current[at] -= amount;
      this.freed[at] += amount;
    }
  }
}

export type MemoryStats = Record<string, number>;

function emit(into: MemoryStats, name: string, stat: Stat): void {
  ROWS.forEach((row, at) => {
    into[`${name}.${row}.current`] = stat.current[at];
    into[`${name}.${row}.peak`] = stat.peak[at];
    into[`${name}.${row}.allocated`] = stat.allocated[at];
    into[`${name}.${row}.freed`] = stat.freed[at];
  });
}

/** "(0, 1)" as memory_stats() writes it in a key: "0_1". */
const poolKey = (id: string): string => id.replace(/[()\s]/g, '').replace(',', '_');

/** Statistics replayed from events that began empty. Sums beyond 2^53 are not told. */
function fromEvents(trace: DeviceTrace): MemoryStats {
  const { events } = trace;
  const requested = new Stat();
  const reserved = new Stat();
  const segment = new Stat();
  const allocation = new Stat();
  const active = new Stat();
  const byPool = new Map<string, Stat>();
  const ofPool = (row: number): Stat | null => {
    const id = recordedPool(trace, row) ?? '';
    if (isDefaultPool(id)) return null;
    const stat = byPool.get(id) ?? new Stat();
    byPool.set(id, stat);
    return stat;
  };
  let ooms = 0;
  let deviceAllocs = 0;
  let deviceFrees = 0;
  for (let row = 0; row < events.length; row++) {
    const pool = events.group[row];
    const size = u64At(events.size, row);
    switch (events.action[row]) {
      case ACTION.alloc:
        requested.add(pool, size);
        allocation.add(pool, 1);
        active.add(pool, 1);
        break;
      case ACTION.free_requested:
        allocation.take(pool, 1);
        break;
      case ACTION.free_completed:
        requested.take(pool, size);
        active.take(pool, 1);
        break;
      case ACTION.segment_alloc:
        segment.add(pool, 1);
        reserved.add(pool, size);
        ofPool(row)?.add(pool, size);
        deviceAllocs++;
        break;
      case ACTION.segment_map:
        reserved.add(pool, size);
        ofPool(row)?.add(pool, size);
        deviceAllocs++;
        break;
      case ACTION.segment_free:
        segment.take(pool, 1);
        reserved.take(pool, size);
        ofPool(row)?.take(pool, size);
        deviceFrees++;
        break;
      case ACTION.segment_unmap:
        reserved.take(pool, size);
        ofPool(row)?.take(pool, size);
        deviceFrees++;
        break;
      case ACTION.oom:
        ooms++;
    }
  }
  const stats: MemoryStats = {};
  emit(stats, 'requested_bytes', requested);
  emit(stats, 'reserved_bytes', reserved);
  emit(stats, 'segment', segment);
  emit(stats, 'allocation', allocation);
  emit(stats, 'active', active);
  // A pool that is gone is no key of memory_stats() any more.
  for (const id of new Set(trace.segments?.pool_id)) {
    const stat = byPool.get(id);
    if (stat !== undefined) emit(stats, `reserved_bytes_by_private_pools.${poolKey(id)}`, stat);
  }
  stats['num_ooms'] = ooms;
  stats['num_device_alloc'] = deviceAllocs;
  stats['num_device_free'] = deviceFrees;
  return stats;
}

/** `current` figures that the final state holds, block sizes included. */
function fromState(trace: DeviceTrace): MemoryStats {
  const { segments, blocks } = trace;
  const stats: MemoryStats = {};
  if (segments === null || blocks === null) return stats;
  const current: Record<string, number[]> = {
    reserved_bytes: [0, 0, 0],
    segment: [0, 0, 0],
    allocated_bytes: [0, 0, 0],
    active_bytes: [0, 0, 0],
    requested_bytes: [0, 0, 0],
    allocation: [0, 0, 0],
    active: [0, 0, 0],
  };
  const add = (name: string, pool: number, amount: number): void => {
    current[name][0] += amount;
    current[name][pool + 1] += amount;
  };
  for (let i = 0; i < segments.length; i++) {
    const pool = segments.pool[i];
    add('reserved_bytes', pool, segments.total_size[i]);
    if (!segments.is_expandable[i]) add('segment', pool, 1);
    for (let b = segments.block_start[i]; b < segments.block_start[i + 1]; b++) {
      const state = blocks.state[b];
      if (state === 2) continue;
      add('active_bytes', pool, blocks.size[b]);
      add('active', pool, 1);
      add('requested_bytes', pool, blocks.requested_size[b]);
      if (state === 0) {
        add('allocated_bytes', pool, blocks.size[b]);
        add('allocation', pool, 1);
      }
    }
  }
  for (const [name, figures] of Object.entries(current)) {
    ROWS.forEach((row, at) => {
      if (!Number.isNaN(figures[at])) stats[`${name}.${row}.current`] = figures[at];
    });
  }
  return stats;
}

/**
 * Keys that a replay tells for certain: all, besides the number of synchronisations (an `empty_cache()` that frees
 * nothing leaves no row) and, where retries look like `empty_cache()`, their number.
 */
function fromReplay(replay: SelfReplay): MemoryStats {
  const stats = { ...replay.stats };
  delete stats['num_sync_all_streams'];
  if (!replay.fidelity.causesCertain) delete stats['num_alloc_retries'];
  return stats;
}

/** Figures of a statistic that contradict each other are none of them exact. */
function contradicts(stats: MemoryStats, key: string): boolean {
  const base = key.slice(0, key.lastIndexOf('.'));
  const figure = (name: string): number | undefined => stats[`${base}.${name}`];
  const [current, peak, allocated, freed] = ['current', 'peak', 'allocated', 'freed'].map(figure);
  if (current === undefined) return false;
  return (
    current < 0 ||
    (peak !== undefined && current > peak) ||
    (allocated !== undefined && freed !== undefined && allocated - freed !== current)
  );
}

/**
 * Statistics whose `current` is another by the events than by the final state, of a recording that began empty: one of
 * the two is damaged. Asked of whole recordings.
 */
export function disagreementsOf(trace: DeviceTrace, fromEmpty: boolean): readonly string[] {
  if (!fromEmpty || trace.cut || trace.events.length === 0) return [];
  const state = fromState(trace);
  const events = fromEvents(trace);
  return Object.keys(state).filter((key) => events[key] !== undefined && events[key] !== state[key]);
}

/**
 * Exact keys only. `fromEmpty`: the recording began with nothing allocated or reserved (aggregate/baseline.ts).
 * `replay`: the allocator led along the recording, used where it followed it to the byte.
 */
export function memoryStatsOf(
  trace: DeviceTrace,
  fromEmpty: boolean,
  replay: SelfReplay | null = null,
): MemoryStats {
  const stats = trace.cut ? {} : fromState(trace);
  const faithful = replay !== null && isFaithful(replay);
  const all = fromEmpty ? { ...fromEvents(trace), ...(faithful ? fromReplay(replay) : {}), ...stats } : stats;
  return Object.fromEntries(
    Object.entries(all)
      .filter(([key, value]) => Number.isSafeInteger(value) && !contradicts(all, key))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
