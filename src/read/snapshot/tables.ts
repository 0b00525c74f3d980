/** Tables of one device out of the rows of a whole snapshot. */
import { asBigUint64, u64At } from '../../base/u64.ts';
import { upperBound } from '../../base/binary-search.ts';
import type { Annotation } from '../../trace/capture.ts';
import { ACTION, type BlockTable, type EventTable, NONE, type SegmentTable } from '../../trace/schema.ts';
import type { SegmentRow, SnapshotShape } from './shape.ts';

const SMALL_SIZE = 1 << 20; // kSmallSize: requests up to 1 MiB live in the small pool
const SMALL_BUFFER = 2 << 20; // kSmallBuffer: the size of every small segment

/** Pool index in POOLS. */
const LARGE = 0;
const SMALL = 1;

/** Columns of the events [from, to) of the file; `group` is over all of them. */
export function eventsOf({ events }: SnapshotShape, from: number, to: number, group: Uint8Array): EventTable {
  if (events.timed === 0) for (let row = from; row < to; row++) events.time_ns[2 * row] = row - from;
  return {
    length: to - from,
    action: events.action.subarray(from, to),
    address: events.address.subarray(2 * from, 2 * to),
    size: events.size.subarray(2 * from, 2 * to),
    stream_index: events.stream_index.subarray(from, to),
    stack_index: events.stack_index.subarray(from, to),
    time_ns: events.time_ns.subarray(2 * from, 2 * to),
    group: group.subarray(from, to),
  };
}

export function segmentsOf(rows: readonly SegmentRow[]): SegmentTable {
  const length = rows.length;
  const block_start = new Uint32Array(length + 1);
  const address = new Uint32Array(2 * length);
  rows.forEach((row, i) => {
    block_start[i + 1] = block_start[i] + row.blockTo - row.blockFrom;
    address[2 * i] = row.low;
    address[2 * i + 1] = row.high;
  });
  return {
    length,
    address,
    total_size: Float64Array.from(rows, (row) => row.total),
    allocated_size: Float64Array.from(rows, (row) => row.allocated),
    active_size: Float64Array.from(rows, (row) => row.active),
    requested_size: Float64Array.from(rows, (row) => row.requested),
    stream_index: Uint16Array.from(rows, (row) => row.stream),
    pool: Uint8Array.from(rows, (row) => (row.small ? SMALL : LARGE)),
    is_expandable: Uint8Array.from(rows, (row) => (row.expandable ? 1 : 0)),
    pool_id: rows.map((row) => row.poolId),
    stack_index: Uint32Array.from(rows, (row) => row.stack),
    block_start,
  };
}

export function blocksOf(shape: SnapshotShape, rows: readonly SegmentRow[]): BlockTable {
  const length = rows.reduce((sum, row) => sum + row.blockTo - row.blockFrom, 0);
  const { block } = shape;
  const table = {
    length,
    address: new Uint32Array(2 * length),
    size: new Float64Array(length),
    requested_size: new Float64Array(length),
    state: new Uint8Array(length),
    stack_index: new Uint32Array(length),
    ...(block.forward.length === 0 ? {} : { forward_stack: new Uint32Array(length).fill(NONE) }),
  };
  const addresses = asBigUint64(table.address);
  let to = 0;
  for (const row of rows) {
    // Snapshots up to torch 2.0 give blocks no address: they follow one another in the segment.
    let running = (BigInt(row.high) << 32n) | BigInt(row.low);
    for (let from = row.blockFrom; from < row.blockTo; from++, to++) {
      const known = block.low.data[from] !== NONE || block.high.data[from] !== NONE;
      addresses[to] = known ? (BigInt(block.high.data[from]) << 32n) | BigInt(block.low.data[from]) : running;
      // A size that is none: the segment is left out by the gate (read/check).
      running = addresses[to] + BigInt(Math.trunc(block.size.data[from]) || 0);
      table.size[to] = block.size.data[from];
      table.requested_size[to] = block.requested.data[from];
      table.state[to] = block.state.data[from];
      table.stack_index[to] = block.stack.data[from];
      if (table.forward_stack !== undefined && from < block.forward.length)
        table.forward_stack[to] = block.forward.data[from] === 0 ? NONE : block.forward.data[from] - 1;
    }
  }
  return table;
}

/**
 * Fills `group` with the pool of each event. Requests: by size (kSmallSize). Segments made by cudaMalloc: a
 * small one is 2 MiB and a large one at least 20 MiB. Pieces of expandable segments are told by the segment
 * they lie in, where the snapshot still has it; else by the size in which their pool maps (2 or 20 MiB).
 * Source: c10/cuda/CUDACachingAllocator.cpp, get_pool, get_allocation_size, ExpandableSegment.
 */
export function classifyPools(events: EventTable, segments: SegmentTable | null): void {
  const { action, size, group, length } = events;
  const mapped = new Map<number, number>();
  let order: number[] | null = null;
  let starts: number[] = [];
  for (let row = 0; row < length; row++) {
    const bytes = size[2 * row + 1] === 0 ? size[2 * row] : Infinity;
    const what = action[row];
    if (what === ACTION.segment_alloc || what === ACTION.segment_free)
      group[row] = bytes <= SMALL_BUFFER ? SMALL : LARGE;
    else if (what === ACTION.segment_map || what === ACTION.segment_unmap) {
      const at = u64At(events.address, row);
      if (order === null) {
        order = [];
        for (let i = 0; i < (segments?.length ?? 0); i++) if (segments!.is_expandable[i]) order.push(i);
        order.sort((a, b) => u64At(segments!.address, a) - u64At(segments!.address, b));
        starts = order.map((i) => u64At(segments!.address, i));
      }
      const place = upperBound(starts, at) - 1;
      const inside = place >= 0 && at < starts[place] + segments!.total_size[order[place]];
      const pool = inside
        ? segments!.pool[order[place]]
        : what === ACTION.segment_unmap
          ? (mapped.get(at) ?? LARGE)
          : bytes <= SMALL_BUFFER
            ? SMALL
            : LARGE;
      if (what === ACTION.segment_map) mapped.set(at, pool);
      group[row] = pool;
    } else group[row] = bytes <= SMALL_SIZE ? SMALL : LARGE;
  }
}

/** START and END marks of one device as ranges (null: of all of them); ranges of one name nest. */
export function pairAnnotations(marks: SnapshotShape['annotations'], device: number | null): Annotation[] {
  const open = new Map<string, { name: string; device: number; start_ns: bigint; end_ns: bigint | null }[]>();
  const ranges: { name: string; device: number; start_ns: bigint; end_ns: bigint | null }[] = [];
  for (const mark of marks) {
    if (device !== null && mark.device !== device) continue;
    const at = BigInt(mark.timeUs) * 1000n;
    const key = device === null ? `${mark.device} ${mark.name}` : mark.name;
    const stack = open.get(key) ?? [];
    open.set(key, stack);
    if (mark.stage === 'START') {
      const range = { name: mark.name, device: mark.device, start_ns: at, end_ns: null };
      stack.push(range);
      ranges.push(range);
    } else {
      const range = stack.pop();
      if (range !== undefined) range.end_ns = at;
    }
  }
  return ranges;
}
