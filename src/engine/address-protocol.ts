/** What the address map asks, and what it gets: columns sized by what stands at one moment, pictures sized by pixels. */
import type { MapBlocks } from '../analyze/lives/address-map.ts';
import type { FreeClass } from '../analyze/lives/free-classes.ts';
import type { GroupBy } from '../analyze/lives/life-groups.ts';
import type { LifeRow } from './lives-protocol.ts';
import type { Axis, Range } from './range.ts';

export type { FreeClass };

/** Index of the `state` column of blocks. */
export type BlockState = 'allocated' | 'pending' | 'free_pinned' | 'free_releasable' | 'free_private';
/** `run`: allocations without a segment that lie close together. */
export type SegmentKind = 'segment' | 'expandable' | 'run';

export interface AddressMapQuery {
  readonly device: string;
  /** Just after this row; null: the last one. */
  readonly row: number | null;
  /** Segments that lie in [from, to), "0x7fe134000000"; null: all, where there are few enough of them. */
  readonly addresses: { readonly from: string; readonly to: string } | null;
  readonly colour: GroupBy;
  /** Typed filter: blocks that do not pass are marked. */
  readonly filter: string;
}

/** Bytes: allocated + pending + pinned + releasable + idle = size. */
export interface MapTotals {
  readonly segments: number;
  readonly blocks: number;
  readonly size: number;
  readonly requested: number;
  readonly allocated: number;
  /** Freed, waiting for another stream. */
  readonly pending: number;
  /** Free, and something lives in its segment or page. */
  readonly pinned: number;
  /** Free, and empty_cache gives it back. */
  readonly releasable: number;
  /** Free and whole in private pools. */
  readonly idle: number;
}

/** Segments of one pool, stream and kind. */
export interface MapKind extends MapTotals {
  readonly stream: string;
  readonly pool: string;
  /** Id of the private pool; '': the default pool. */
  readonly poolId: string;
  readonly kind: SegmentKind;
  /** Lowest address and the first one behind it. */
  readonly from: string;
  readonly to: string;
}

/** One row a segment, by address. Addresses are numbers above `origin` * 2^32. */
export interface MapSegmentColumns {
  readonly address: Float64Array;
  readonly size: Float64Array;
  /** Index into `kinds` of the answer: its stream, pool and kind. */
  readonly kind: Uint16Array;
  /** Bytes of its pages; 0: it goes back whole. */
  readonly page: Float64Array;
  /** -1: before the recording. */
  readonly madeRow: Int32Array;
  readonly requested: Float64Array;
  readonly allocated: Float64Array;
  readonly pending: Float64Array;
  readonly pinned: Float64Array;
  readonly releasable: Float64Array;
  readonly idle: Float64Array;
  /** Blocks [blockStart[i], blockStart[i + 1]) are those of segment i. Length: one more. */
  readonly blockStart: Uint32Array;
}

/** `state`: 0 allocated, 1 pending, 2 free_pinned, 3 free_releasable, 4 free_private. `life`: -1: free. */
export interface MapBlockColumns extends MapBlocks {
  /** Index into `colours`; 255: free. */
  readonly group: Uint8Array;
  /** 0: the filter does not let it pass. */
  readonly passes: Uint8Array;
}

/** The largest request that a pool and stream serve without anything new from the driver, bytes. */
export interface LargestFree {
  readonly stream: string;
  readonly pool: string;
  readonly poolId: string;
  readonly request: number;
  /** Address of the block that serves it. */
  readonly address: string;
}

export interface AddressMapAnswer {
  readonly device: string;
  readonly row: number;
  /** ns from base; null: there are no events. */
  readonly xNs: number | null;
  /** Rows of the recording. */
  readonly rows: number;
  /** What happened in the row: action, address, bytes, and the allocation that it begins or ends. */
  readonly event: {
    readonly action: string;
    readonly address: string;
    readonly size: number;
    readonly stream: string;
    readonly life: number | null;
  } | null;
  /** Nearest rows before and after that change segments. */
  readonly segmentRowBefore: number | null;
  readonly segmentRowAfter: number | null;
  readonly origin: number;
  readonly totals: MapTotals;
  readonly kinds: readonly MapKind[];
  readonly segments: MapSegmentColumns;
  readonly blocks: MapBlockColumns;
  /** Not every segment that was asked for is listed: there are too many; ask for a part of the addresses. */
  readonly cut: boolean;
  /** Names of the groups that blocks are coloured by. */
  readonly colours: { readonly by: GroupBy; readonly names: readonly string[]; readonly hasRest: boolean };
  /** What is not exact, in sentences; none: every byte is. */
  readonly notExact: readonly string[];
  /** Free blocks by size class, smallest first. */
  readonly free: readonly FreeClass[];
  readonly largest: readonly LargestFree[];
}

export interface AddressTimeQuery {
  readonly device: string;
  readonly range: Range | null;
  readonly axis: Axis;
  readonly columns: number;
  readonly rows: number;
}

export interface AddressTimeAnswer {
  readonly device: string;
  readonly range: Range;
  readonly columns: number;
  readonly rows: number;
  /** The row just after which each column is. */
  readonly moments: Int32Array;
  /** [row * columns + column], lowest addresses first: 0 nothing reserved, else 1 + share that is live in 254ths. */
  readonly shares: Uint8Array;
  readonly origin: number;
  /** Stretches of addresses, and where each begins when all are packed; `packed` ends with the sum. */
  readonly address: Float64Array;
  readonly packed: Float64Array;
  readonly bytes: number;
}

export interface FreeTimeQuery {
  readonly device: string;
  readonly range: Range | null;
  readonly axis: Axis;
  readonly columns: number;
}

export interface FreeTimeAnswer {
  readonly device: string;
  readonly range: Range;
  readonly columns: number;
  readonly moments: Int32Array;
  /** Smallest size of each class; class i ends where the next begins. */
  readonly classes: readonly number[];
  /** [class * columns + column], bytes and blocks. */
  readonly bytes: Float64Array;
  readonly blocks: Uint32Array;
  /** Of the bytes: in whole segments and pages. */
  readonly whole: Float64Array;
  /** Bytes of the largest free block, by column; 0: nothing is free. */
  readonly largest: Float64Array;
}

export interface HoleQuery {
  readonly device: string;
  readonly row: number | null;
  /** Any address in the free block. */
  readonly address: string;
}

export interface HoleBlock extends LifeRow {
  /** Bytes of its block. */
  readonly size: number;
  readonly pending: boolean;
}

export interface HoleAnswer {
  readonly device: string;
  readonly row: number;
  readonly address: string;
  readonly size: number;
  readonly state: BlockState;
  /** Bytes of it that empty_cache gives back as it is (in private pools: that idle). */
  readonly whole: number;
  readonly poolId: string;
  readonly segment: { readonly address: string; readonly size: number; readonly kind: SegmentKind };
  /** Blocks right before and behind it; null: its segment begins or ends there. */
  readonly before: HoleBlock | null;
  readonly after: HoleBlock | null;
  /** Live blocks of its segment, or of the pages that it shares with them; the largest first, some of them. */
  readonly pins: readonly HoleBlock[];
  readonly pinsTotal: number;
  readonly pinBytes: number;
  /** Bytes that go back once all of them are freed and empty_cache() is called; 0 in private pools. */
  readonly releasedBytes: number;
  /** Bytes of the free block were both neighbours freed. */
  readonly joinedBytes: number;
  /** Row at which the last of the pins ends in the recording, and its time; null: one never does, or there are none. */
  readonly freedRow: number | null;
  readonly freedNs: number | null;
}
