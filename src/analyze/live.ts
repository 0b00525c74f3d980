/** What is alive just before a row of the events: by stream, by stack, by segment. One pass over columns each. */
import { upperBound } from '../base/binary-search.ts';
import { leastHigh, u64Above, u64At } from '../base/u64.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION, HOST_KINDS, MEM_KINDS, NONE, POOLS } from '../trace/schema.ts';
import { AddressMap, type Lifetimes } from './lifetimes.ts';

/** Pool of segments of pinned host memory. */
const PINNED = 'pinned';

/** One allocation made before the recording. */
export interface EarlierAllocation {
  /** From `originOf` its device on. */
  readonly address: number;
  readonly size: number;
  readonly stack: number;
  readonly streamIndex: number;
  /** Row of its free_completed; Infinity: still live at the end. */
  readonly until: number;
}

/** High word from which addresses of a device are counted here, so that they are exact as numbers. */
const originOf = ({ events, segments }: DeviceTrace): number =>
  Math.min(leastHigh(events.address), segments === null ? Infinity : leastHigh(segments.address));

/** Names by number of the `group` column: pools (PyTorch) or memory kinds. */
export const groupNames = ({ producer }: DeviceTrace): readonly string[] =>
  producer === 'torch' ? POOLS : MEM_KINDS;

const isHost = ({ producer, events }: DeviceTrace, row: number): boolean =>
  producer === 'nsys' && HOST_KINDS.includes(events.group[row]);

/**
 * Allocations made before the recording: blocks that are active at the end and that no event allocated, and
 * frees without an alloc. Their size is the requested one; their stack is known for those in the final state.
 */
export function earlierAllocations(trace: DeviceTrace, { partner }: Lifetimes): EarlierAllocation[] {
  const { events, segments, blocks } = trace;
  const high = originOf(trace);
  const earlier: EarlierAllocation[] = [];
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    if (
      (action === ACTION.free_completed || action === ACTION.free) &&
      partner[row] === NONE &&
      !isHost(trace, row)
    ) {
      earlier.push({
        address: u64Above(events.address, row, high),
        size: u64At(events.size, row),
        stack: NONE,
        streamIndex: events.stream_index[row],
        until: row,
      });
    }
  }
  if (segments === null || blocks === null || trace.cut) return earlier;
  const live = new AddressMap();
  for (let row = 0; row < events.length; row++) {
    if (events.action[row] === ACTION.alloc && partner[row] === NONE)
      live.swap(events.address[2 * row], events.address[2 * row + 1], row);
  }
  for (let i = 0; i < segments.length; i++) {
    for (let b = segments.block_start[i]; b < segments.block_start[i + 1]; b++) {
      if (blocks.state[b] === 2 || live.get(blocks.address[2 * b], blocks.address[2 * b + 1]) !== NONE)
        continue;
      const requested = blocks.requested_size[b];
      earlier.push({
        address: u64Above(blocks.address, b, high),
        size: Number.isNaN(requested) ? blocks.size[b] : requested,
        stack: blocks.stack_index[b],
        streamIndex: segments.stream_index[i],
        until: Infinity,
      });
    }
  }
  return earlier;
}

/** Visits every allocation of the device (Nsight: not the host's) that is alive just before row `at`. `row` is NONE for those made before the recording. */
export function visitLive(
  trace: DeviceTrace,
  { partner }: Lifetimes,
  earlier: readonly EarlierAllocation[],
  at: number,
  visit: (address: number, size: number, stack: number, streamIndex: number, row: number) => void,
): void {
  const { events } = trace;
  const high = originOf(trace);
  for (const one of earlier)
    if (one.until >= at) visit(one.address, one.size, one.stack, one.streamIndex, NONE);
  for (let row = 0; row < at; row++) {
    if (
      events.action[row] !== ACTION.alloc ||
      (partner[row] !== NONE && partner[row] < at) ||
      isHost(trace, row)
    )
      continue;
    visit(
      u64Above(events.address, row, high),
      u64At(events.size, row),
      events.stack_index[row],
      events.stream_index[row],
      row,
    );
  }
}

export interface Holder {
  /** Stack node or NONE. */
  readonly stack: number;
  bytes: number;
  allocations: number;
  largest: number;
}

/** Live allocations by stack, the most bytes first. */
export function holdersOf(
  trace: DeviceTrace,
  lifetimes: Lifetimes,
  earlier: readonly EarlierAllocation[],
  at: number,
): Holder[] {
  const byStack = new Map<number, Holder>();
  visitLive(trace, lifetimes, earlier, at, (_address, size, stack) => {
    let holder = byStack.get(stack);
    if (holder === undefined) byStack.set(stack, (holder = { stack, bytes: 0, allocations: 0, largest: 0 }));
    holder.bytes += size;
    holder.allocations++;
    if (size > holder.largest) holder.largest = size;
  });
  return [...byStack.values()].sort((a, b) => b.bytes - a.bytes || b.allocations - a.allocations);
}

export interface SegmentState {
  readonly address: bigint;
  size: number;
  readonly streamIndex: number;
  /** Name of the pool (PyTorch) or of the memory kind. */
  readonly pool: string;
  readonly expandable: boolean;
  /** Row of its segment_alloc (of its first piece's segment_map); null: before the recording. */
  readonly madeAt: number | null;
  liveBytes: number;
  liveAllocations: number;
}

/**
 * Segments that exist just before row `at`, by address. Pieces of expandable segments that touch are one. Where
 * the recording began in the middle, segments that were there before it come from the final state.
 */
export function segmentsAt(
  trace: DeviceTrace,
  lifetimes: Lifetimes,
  earlier: readonly EarlierAllocation[],
  at: number,
): SegmentState[] {
  const { events, segments } = trace;
  const names = groupNames(trace);
  const high = originOf(trace);
  const pieces: {
    from: number;
    to: number;
    streamIndex: number;
    pool: string;
    expandable: boolean;
    madeAt: number | null;
  }[] = [];
  const remove = (from: number, to: number): void => {
    for (let i = pieces.length - 1; i >= 0; i--) {
      const piece = pieces[i];
      if (piece.to <= from || piece.from >= to) continue;
      pieces.splice(i, 1);
      if (piece.from < from) pieces.push({ ...piece, to: from });
      if (piece.to > to) pieces.push({ ...piece, from: to });
    }
  };
  const add = (row: number, madeAt: number | null): void => {
    const from = u64Above(events.address, row, high);
    const action = events.action[row];
    pieces.push({
      from,
      to: from + u64At(events.size, row),
      streamIndex: events.stream_index[row],
      pool: names[events.group[row]],
      expandable: action === ACTION.segment_map || action === ACTION.segment_unmap,
      madeAt,
    });
  };
  const removeAt = (row: number): void => {
    const from = u64Above(events.address, row, high);
    remove(from, from + u64At(events.size, row));
  };
  // What was there before: the final state, with the recording's events undone from the end.
  if (segments !== null && !trace.cut) {
    for (let i = 0; i < segments.length; i++) {
      const from = u64Above(segments.address, i, high);
      pieces.push({
        from,
        to: from + segments.total_size[i],
        streamIndex: segments.stream_index[i],
        pool: trace.producer === 'torch' ? POOLS[segments.pool[i]] : PINNED,
        expandable: segments.is_expandable[i] === 1,
        madeAt: null,
      });
    }
    for (let row = events.length - 1; row >= 0; row--) {
      const action = events.action[row];
      if (action === ACTION.segment_alloc || action === ACTION.segment_map) removeAt(row);
      else if (action === ACTION.segment_free || action === ACTION.segment_unmap) add(row, null);
    }
  }
  for (let row = 0; row < at; row++) {
    const action = events.action[row];
    if (action === ACTION.segment_free || action === ACTION.segment_unmap) removeAt(row);
    else if (action === ACTION.segment_alloc || action === ACTION.segment_map) add(row, row);
  }
  pieces.sort((a, b) => a.from - b.from);
  const origin = BigInt(high) << 32n;
  const states: SegmentState[] = [];
  const starts: number[] = [];
  for (const piece of pieces) {
    const last = states.at(-1);
    if (
      last !== undefined &&
      piece.expandable &&
      last.expandable &&
      last.pool === piece.pool &&
      last.streamIndex === piece.streamIndex &&
      starts[starts.length - 1] + last.size === piece.from
    )
      last.size += piece.to - piece.from;
    else {
      starts.push(piece.from);
      states.push({
        address: origin + BigInt(piece.from),
        size: piece.to - piece.from,
        streamIndex: piece.streamIndex,
        pool: piece.pool,
        expandable: piece.expandable,
        madeAt: piece.madeAt,
        liveBytes: 0,
        liveAllocations: 0,
      });
    }
  }
  visitLive(trace, lifetimes, earlier, at, (address, size) => {
    const place = upperBound(starts, address) - 1;
    if (place < 0 || address >= starts[place] + states[place].size) return;
    states[place].liveBytes += size;
    states[place].liveAllocations++;
  });
  return states;
}

/** Name of an event's group: the pool (PyTorch) or the memory kind (Nsight). */
export const groupName = (trace: DeviceTrace, row: number): string =>
  groupNames(trace)[trace.events.group[row]];
