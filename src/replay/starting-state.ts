/**
 * What the allocator held before the first recorded event: the final state of the snapshot with every event undone.
 * Free neighbours always merge, so segments and active blocks tell the whole state. One thing cannot be known: how
 * much larger than its request a large block was that was freed during the recording and allocated before it
 * (at most 1 MiB, where the allocator did not split the rest off); it is taken as its request rounded up.
 */
import { leastHigh, u64Above, u64At } from '../base/u64.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION, NONE } from '../trace/schema.ts';
import { recordedPool } from './pools.ts';

export interface StartingBlock {
  readonly address: number;
  /** Bytes; NaN: only its request is known. */
  readonly size: number;
  readonly requested: number;
  /** true: freed by the program, waiting for other streams. */
  readonly pending: boolean;
  readonly stack: number;
}

export interface StartingRange {
  readonly address: number;
  readonly bytes: number;
  readonly streamIndex: number;
  /** 1: small pool. */
  readonly small: number;
  readonly expandable: boolean;
  /** "(0, 0)" or "": the default pool. */
  readonly poolId: string;
}

export interface StartingState {
  /** Ascending addresses. */
  readonly ranges: readonly StartingRange[];
  /** Ascending addresses. */
  readonly blocks: readonly StartingBlock[];
}

/** High word that every address of the device is counted from, so that it is exact as a number. */
export const addressOrigin = ({ events, segments }: DeviceTrace): number =>
  Math.min(leastHigh(events.address), segments === null ? Infinity : leastHigh(segments.address));

/** null: the file has no final state to start from. */
export function startingState(trace: DeviceTrace): StartingState | null {
  const { events, segments, blocks, cut } = trace;
  if (segments === null || blocks === null || cut) return null;
  const high = addressOrigin(trace);
  const ranges = new Map<number, StartingRange>();
  const live = new Map<number, StartingBlock>();
  for (let i = 0; i < segments.length; i++) {
    const address = u64Above(segments.address, i, high);
    ranges.set(address, {
      address,
      bytes: segments.total_size[i],
      streamIndex: segments.stream_index[i],
      small: segments.pool[i],
      expandable: segments.is_expandable[i] === 1,
      poolId: segments.pool_id[i],
    });
    for (let b = segments.block_start[i]; b < segments.block_start[i + 1]; b++) {
      if (blocks.state[b] === 2) continue;
      const at = u64Above(blocks.address, b, high);
      const requested = blocks.requested_size[b];
      live.set(at, {
        address: at,
        size: blocks.size[b],
        requested: Number.isNaN(requested) ? blocks.size[b] : requested,
        pending: blocks.state[b] === 1,
        stack: blocks.stack_index[b],
      });
    }
  }
  const cutOut = (from: number, to: number): void => {
    for (const range of [...ranges.values()]) {
      const end = range.address + range.bytes;
      if (end <= from || range.address >= to) continue;
      ranges.delete(range.address);
      if (range.address < from) ranges.set(range.address, { ...range, bytes: from - range.address });
      if (end > to) ranges.set(to, { ...range, address: to, bytes: end - to });
    }
  };
  for (let row = events.length - 1; row >= 0; row--) {
    const address = u64Above(events.address, row, high);
    const size = u64At(events.size, row);
    switch (events.action[row]) {
      case ACTION.alloc:
        live.delete(address);
        break;
      case ACTION.free_completed:
        live.set(address, { address, size: NaN, requested: size, pending: true, stack: NONE });
        break;
      case ACTION.free_requested: {
        const block = live.get(address);
        if (block !== undefined) live.set(address, { ...block, pending: false });
        break;
      }
      case ACTION.segment_alloc:
        ranges.delete(address);
        break;
      case ACTION.segment_map:
        cutOut(address, address + size);
        break;
      case ACTION.segment_free:
      case ACTION.segment_unmap:
        ranges.set(address, {
          address,
          bytes: size,
          streamIndex: events.stream_index[row],
          small: events.group[row],
          expandable: events.action[row] === ACTION.segment_unmap,
          poolId: recordedPool(trace, row) ?? '',
        });
    }
  }
  return {
    ranges: [...ranges.values()].sort((a, b) => a.address - b.address),
    blocks: [...live.values()].sort((a, b) => a.address - b.address),
  };
}
