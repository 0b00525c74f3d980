/**
 * Where every byte of a device is at one moment. Parts are disjoint and sum exactly:
 *
 *   device used = reserved                                    + non-torch + other processes + unexplained
 *   reserved    = requested + rounding + pending free + inactive split + releasable + private idle
 *
 * What no source tells is null and named in `unknown`; nothing is shared out by a guess. The torch part comes from the
 * allocator replayed up to the moment and is as exact as that replay is (data-quality.ts says how far).
 *
 * `inactiveSplit` is every free byte that cannot go back to the driver because something lives in its segment of
 * cudaMalloc (what memory_stats calls inactive_split) or in its page of an expandable segment (what memory_stats does
 * not count at all); the two are given apart.
 */
import type { Bounds } from '../../base/measured.ts';
import type { AllocatorState } from '../../replay/replay-result.ts';
import { ALLOCATED, PENDING } from '../../replay/block-table.ts';
import { type EmptyCacheGain, emptyCacheGain } from './empty-cache.ts';
import { type ReleaseUnit, releaseUnits } from './empty-cache-units.ts';
import type { NonTorch } from './non-torch.ts';

/** Free bytes of one pool, stream and size class. */
export interface FreePart {
  /** Id of the private pool; "": the default pool. */
  readonly pool: string;
  /** Index into DeviceTrace.streams. */
  readonly streamIndex: number;
  readonly small: boolean;
  /** Free bytes beside live or pending blocks: of segments of cudaMalloc, and of pages of expandable segments. */
  readonly splitBytes: number;
  readonly pageBytes: number;
  /** Free bytes of segments and pages in which nothing is left. */
  readonly wholeBytes: number;
}

/** Bytes. The first six sum to `reserved`. */
export interface TorchParts {
  /** What the program asked for and holds. */
  readonly requested: number;
  /** What blocks are larger than their request. */
  readonly rounding: number;
  /** Freed by the program, waiting for other streams (`record_stream`). */
  readonly pending: number;
  /** Free, and not releasable: something lives or waits in the same segment or page. */
  readonly inactiveSplit: number;
  /** Whole free segments and pages of the default pool: what empty_cache gives back, besides what it waits for. */
  readonly releasable: number;
  /** Whole free segments and pages of private pools: not releasable while their graph lives. */
  readonly privateIdle: number;
}

/** `inactiveSplit` as seen by one stream that asks for memory of the default pool. Sums to it. */
export interface InactiveSplitFor {
  readonly streamIndex: number;
  /** Of the stream's own blocks: free for its next requests, as far as they fit. */
  readonly ownStream: number;
  /** Held by other streams: this one cannot use them. */
  readonly otherStreams: number;
  /** In private pools: nobody but their graphs can use them. */
  readonly privatePools: number;
}

/** Besides the caching allocator. Ranges, as far as their sources print; null: not known. */
export interface DeviceParts {
  readonly used: Bounds | null;
  /** Context, NCCL and libraries' workspaces of this process. */
  readonly nonTorch: Bounds | null;
  readonly otherProcesses: Bounds | null;
  /** used - reserved - what is known of the other two; null: `used` is not known. */
  readonly unexplained: Bounds | null;
}

/** The part of the ledger that the allocator replayed tells. */
export interface TorchLedger {
  /** The moment: just before this row. */
  readonly row: number;
  readonly reserved: number;
  readonly parts: TorchParts;
  /** `inactiveSplit` in two: as memory_stats counts it, and on pages of expandable segments. */
  readonly inactiveSplitOf: { readonly segments: number; readonly pages: number };
  /** Free bytes by pool, stream and size class, most bytes first; those without any are left out. */
  readonly free: readonly FreePart[];
  readonly emptyCache: EmptyCacheGain;
  /** Bytes of allocated blocks by stream, as DeviceTrace.streams. */
  readonly allocatedByStream: readonly number[];
  /** What is not known, and why. */
  readonly unknown: readonly string[];
}

export interface Ledger extends TorchLedger {
  readonly device: DeviceParts;
}

const NO_MONITOR =
  'What the device uses besides PyTorch (its context, NCCL, workspaces, other processes): open a log of nvidia-smi or DCGM of the same time.';

/**
 * `nonTorch`: what is known of the device besides, at the same moment; null: nothing. `why`: why nothing is known,
 * where nothing is.
 */
export function withDevice(ledger: TorchLedger, nonTorch: NonTorch | null, why: string = NO_MONITOR): Ledger {
  return {
    ...ledger,
    device: deviceParts(ledger.reserved, nonTorch),
    unknown: [...(nonTorch?.unknown ?? [why]), ...ledger.unknown],
  };
}

export function torchLedger(
  state: AllocatorState,
  row: number,
  units: readonly ReleaseUnit[] = releaseUnits(state.allocator),
): TorchLedger {
  const { allocator, privatePools } = state;
  const { blocks } = allocator;
  let requested = 0;
  let allocated = 0;
  let pending = 0;
  const streams = allocator.options.streamRank.length;
  const allocatedByStream = Array.from({ length: streams }, () => 0);
  for (const block of blocks.all()) {
    if (blocks.state[block] === ALLOCATED) {
      requested += blocks.requested[block];
      allocated += blocks.size[block];
      allocatedByStream[blocks.list[block] % streams] += blocks.size[block];
    } else if (blocks.state[block] === PENDING) pending += blocks.size[block];
  }
  let reserved = 0;
  let releasable = 0;
  let privateIdle = 0;
  const split = { segments: 0, pages: 0 };
  const byList = new Map<number, { splitBytes: number; pageBytes: number; wholeBytes: number }>();
  for (const unit of units) {
    reserved += unit.bytes;
    if (unit.freeBytes === 0) continue;
    let free = byList.get(unit.list);
    if (free === undefined) byList.set(unit.list, (free = { splitBytes: 0, pageBytes: 0, wholeBytes: 0 }));
    if (unit.freeBytes === unit.bytes) {
      free.wholeBytes += unit.bytes;
      if (unit.pool === 0) releasable += unit.bytes;
      else privateIdle += unit.bytes;
    } else if (unit.expandable) {
      free.pageBytes += unit.freeBytes;
      split.pages += unit.freeBytes;
    } else {
      free.splitBytes += unit.freeBytes;
      split.segments += unit.freeBytes;
    }
  }
  const total = (part: FreePart): number => part.splitBytes + part.pageBytes + part.wholeBytes;
  const free = [...byList]
    .map(([list, bytes]): FreePart => {
      const pool = allocator.poolOf(list);
      return {
        pool: pool === 0 ? '' : privatePools[pool - 1],
        streamIndex: list % streams,
        small: allocator.smallOf(list) === 1,
        ...bytes,
      };
    })
    .sort((a, b) => total(b) - total(a));
  return {
    row,
    reserved,
    parts: {
      requested,
      rounding: allocated - requested,
      pending,
      inactiveSplit: split.segments + split.pages,
      releasable,
      privateIdle,
    },
    inactiveSplitOf: split,
    free,
    emptyCache: emptyCacheGain(state, units),
    allocatedByStream,
    unknown:
      privateIdle > 0
        ? ['Whether the graphs of the private pools still live: only then their idle memory cannot go back.']
        : [],
  };
}

/** The sum of the six parts: what is reserved. */
export const sumOf = (parts: TorchParts): number =>
  parts.requested +
  parts.rounding +
  parts.pending +
  parts.inactiveSplit +
  parts.releasable +
  parts.privateIdle;

export function inactiveSplitFor(ledger: TorchLedger, streamIndex: number): InactiveSplitFor {
  let ownStream = 0;
  let otherStreams = 0;
  let privatePools = 0;
  for (const part of ledger.free) {
    const bytes = part.splitBytes + part.pageBytes;
    if (part.pool !== '') privatePools += bytes;
    else if (part.streamIndex === streamIndex) ownStream += bytes;
    else otherStreams += bytes;
  }
  return { streamIndex, ownStream, otherStreams, privatePools };
}

/** `told` beside what is reserved at its moment. */
export function deviceParts(reserved: number, told: NonTorch | null): DeviceParts {
  if (told === null) return { used: null, nonTorch: null, otherProcesses: null, unexplained: null };
  const { deviceUsed: used, nonTorch, otherProcesses } = told;
  let unexplained: Bounds | null = null;
  if (used !== null) {
    unexplained = { least: used.least - reserved, most: used.most - reserved };
    for (const part of [nonTorch, otherProcesses])
      if (part !== null)
        unexplained = { least: unexplained.least - part.most, most: unexplained.most - part.least };
  }
  return { used, nonTorch, otherProcesses, unexplained };
}
