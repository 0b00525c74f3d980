/**
 * Curves of pinned host memory: what the host allocator took and holds, what of it the program uses, what it asked for.
 * A block is never split: 3 MiB asked for take and use a block of 4 MiB. PyTorch records the block and not the request,
 * so that of a power of two only the least that can have been asked for is known, half of it and a byte.
 * Source: aten/src/ATen/core/CachingHostAllocator.h, `allocate`, `record_trace`.
 */
import { sum } from '../base/sum.ts';
import { asBigUint64, setI64, u64At } from '../base/u64.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION } from '../trace/schema.ts';
import type { Baseline } from './baseline.ts';
import type { SeriesSpec } from './series.ts';

/** Bytes of the block that each alloc and free is about; of other rows their own size. */
export function pinnedBlockSizes({ events, segments }: DeviceTrace): Float64Array {
  const addresses = asBigUint64(events.address);
  const sizeAt = new Map<bigint, number>();
  if (segments !== null) {
    const at = asBigUint64(segments.address);
    for (let i = 0; i < segments.length; i++) sizeAt.set(at[i], segments.total_size[i]);
  }
  const sizes = new Float64Array(events.length);
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    const own = u64At(events.size, row);
    if (action === ACTION.segment_alloc) sizeAt.set(addresses[row], own);
    const isBlock =
      action === ACTION.alloc || action === ACTION.free_requested || action === ACTION.free_completed;
    sizes[row] = isBlock ? Math.max(own, sizeAt.get(addresses[row]) ?? 0) : own;
  }
  return sizes;
}

/** The least that can have been asked for where a block of `size` bytes was given. `roundLimit`: see DeviceTrace.pinned. */
export function askedAtLeast(size: number, roundLimit: number): number {
  const isPower = size > 0 && Number.isInteger(Math.log2(size));
  return isPower && size / 2 < roundLimit ? Math.floor(size / 2) + 1 : size;
}

/** Whether requests stand in the events beside the sizes of blocks: no version of PyTorch writes them yet. */
export const hasPinnedRequests = ({ events }: DeviceTrace, sizes: Float64Array): boolean =>
  sizes.some((size, row) => events.action[row] === ACTION.alloc && u64At(events.size, row) < size);

type SizeOf = (row: number) => number;

/** Change at each row, and what was there before so that the end is `final`; null: the least that keeps it above zero. */
function curveOf(
  { events }: DeviceTrace,
  plus: number,
  minus: number,
  sizeOf: SizeOf,
  final: number | null,
): { initial: number; deltas: () => Uint32Array } {
  let net = 0;
  let lowest = 0;
  const signOf = (row: number): number =>
    events.action[row] === plus ? 1 : events.action[row] === minus ? -1 : 0;
  for (let row = 0; row < events.length; row++) {
    const sign = signOf(row);
    if (sign === 0) continue;
    net += sign * sizeOf(row);
    if (net < lowest) lowest = net;
  }
  return {
    initial: Math.max(final === null ? 0 : final - net, 0 - lowest),
    deltas: () => {
      const deltas = new Uint32Array(2 * events.length);
      for (let row = 0; row < events.length; row++) {
        const sign = signOf(row);
        if (sign !== 0) setI64(deltas, row, sign * sizeOf(row));
      }
      return deltas;
    },
  };
}

export function hostSeries(trace: DeviceTrace, { known }: Baseline): SeriesSpec[] {
  const { segments, blocks, cut, events } = trace;
  const state = segments === null || blocks === null || cut ? null : { segments, blocks };
  const sizes = pinnedBlockSizes(trace);
  const blockSize: SizeOf = (row) => sizes[row];
  const recorded = hasPinnedRequests(trace, sizes);
  const roundLimit = trace.pinned?.roundLimit ?? Infinity;
  const asked: SizeOf = recorded
    ? (row) => u64At(events.size, row)
    : (row) => askedAtLeast(sizes[row], roundLimit);
  /** Of what lives in the last state: the blocks say it, as far as there are any. */
  const finalBlocks = (isCounted: (state: number) => boolean): number => {
    let total = 0;
    for (let i = 0; i < (state?.blocks.length ?? 0); i++)
      if (isCounted(state!.blocks.state[i])) total += state!.blocks.size[i];
    return total;
  };
  const finalAsked = (): number => {
    let total = 0;
    for (let i = 0; i < (state?.blocks.length ?? 0); i++)
      if (state!.blocks.state[i] !== 2)
        total += recorded ? state!.blocks.requested_size[i] : askedAtLeast(state!.blocks.size[i], roundLimit);
    return total;
  };
  const unknownNote = known
    ? null
    : 'What was pinned before the recording is not known: the curve starts from the least that is possible.';
  const exactly = { exact: known, bound: known ? null : ('lower' as const), note: unknownNote };
  const usage = { unit: 'bytes', chart: 'usage' } as const;
  return [
    {
      id: 'reserved',
      label: 'Pinned',
      ...usage,
      ...exactly,
      ...curveOf(
        trace,
        ACTION.segment_alloc,
        ACTION.segment_free,
        blockSize,
        state && sum(state.segments.total_size),
      ),
    },
    {
      id: 'active',
      label: 'In use, or waiting for a copy',
      ...usage,
      ...exactly,
      ...curveOf(
        trace,
        ACTION.alloc,
        ACTION.free_completed,
        blockSize,
        state && finalBlocks((one) => one !== 2),
      ),
    },
    {
      id: 'allocated',
      label: 'In use',
      ...usage,
      ...exactly,
      ...curveOf(
        trace,
        ACTION.alloc,
        ACTION.free_requested,
        blockSize,
        state && finalBlocks((one) => one === 0),
      ),
    },
    {
      id: 'requested',
      label: recorded ? 'Requested' : 'Requested (at least)',
      ...usage,
      exact: recorded && known,
      bound: recorded && known ? null : 'lower',
      note: recorded
        ? unknownNote
        : 'PyTorch records the block that was given and not the request. It rounds requests up to a power of two: of a block of 4 MiB at least 2 MiB and a byte were requested.',
      ...curveOf(trace, ACTION.alloc, ACTION.free_completed, asked, state && finalAsked()),
    },
  ];
}
