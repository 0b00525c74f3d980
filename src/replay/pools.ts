/** What a recording tells of streams and private pools (CUDA graphs, `torch.cuda.MemPool`). */
import { u64Above } from '../base/u64.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION } from '../trace/schema.ts';

/** "(0, 0)", or nothing in older snapshots. */
export const isDefaultPool = (poolId: string): boolean => poolId === '' || poolId === '(0, 0)';

/** Rank of each stream by its handle: the order in which the allocator visits them. */
export const streamRanks = (streams: readonly string[]): number[] => {
  const handle = (name: string): bigint => (/^\d+$/.test(name) ? BigInt(name) : 0n);
  const order = [...streams.keys()].sort((a, b) => {
    const [x, y] = [handle(streams[a]), handle(streams[b])];
    return x < y ? -1 : x > y ? 1 : a - b;
  });
  const rank = new Array<number>(streams.length);
  order.forEach((stream, at) => (rank[stream] = at));
  return rank;
};

export interface PrivatePools {
  /** Ids; a pool's number is its place here plus 1, 0 is the default pool. */
  readonly ids: readonly string[];
  /** Pool number by the row that made a segment (or mapped pages); absent: the default pool. */
  readonly byRow: ReadonlyMap<number, number>;
}

const takes = (action: number): boolean => action === ACTION.segment_alloc || action === ACTION.segment_map;

/** Private pool "(a, b)" that a row says it is about, "" for the default pool; null: it does not say. */
export function recordedPool({ details }: DeviceTrace, row: number): string | null {
  const pool = details?.pool?.[row] ?? 0;
  return details === undefined || pool === 0 ? null : details.pool_ids[pool - 1];
}

/**
 * PyTorch from 2.12 on writes the pool with every event. Older versions name private pools in the final state alone: a
 * segment is known to belong to one if it is still there at the end.
 */
export function privatePoolsOf(trace: DeviceTrace, origin: number): PrivatePools {
  return trace.details?.pool == null ? poolsAtEnd(trace, origin) : poolsByEvent(trace);
}

function poolsByEvent(trace: DeviceTrace): PrivatePools {
  const { events, segments, cut } = trace;
  const ids: string[] = [];
  const numberOf = (id: string): number => {
    const known = ids.indexOf(id);
    return known < 0 ? ids.push(id) : known + 1;
  };
  const byRow = new Map<number, number>();
  for (let row = 0; row < events.length; row++) {
    const id = recordedPool(trace, row);
    if (id === null || isDefaultPool(id)) continue;
    const pool = numberOf(id);
    if (takes(events.action[row])) byRow.set(row, pool);
  }
  // Pools from before the recording that no event is about.
  if (segments !== null && !cut) for (const id of segments.pool_id) if (!isDefaultPool(id)) numberOf(id);
  return { ids, byRow };
}

function poolsAtEnd({ segments, events, cut }: DeviceTrace, origin: number): PrivatePools {
  const ids: string[] = [];
  const byRow = new Map<number, number>();
  if (segments === null || cut || segments.pool_id.every(isDefaultPool)) return { ids, byRow };
  const last = new Map<number, number>();
  for (let row = 0; row < events.length; row++) {
    if (takes(events.action[row])) last.set(u64Above(events.address, row, origin), row);
  }
  for (let i = 0; i < segments.length; i++) {
    if (isDefaultPool(segments.pool_id[i])) continue;
    const known = ids.indexOf(segments.pool_id[i]);
    const pool = known < 0 ? ids.push(segments.pool_id[i]) : known + 1;
    const from = u64Above(segments.address, i, origin);
    const to = from + segments.total_size[i];
    if (segments.is_expandable[i] === 0) {
      const row = last.get(from);
      if (row !== undefined) byRow.set(row, pool);
    } else {
      for (const [address, row] of last) if (address >= from && address < to) byRow.set(row, pool);
    }
  }
  return { ids, byRow };
}
