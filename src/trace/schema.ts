/**
 * The columnar model. A table is a set of columns of one length; row i of every column belongs together.
 *
 *   EventTable (one per device; file order, which is time order)
 *   row | action         | address        | size    | stream | stack | time_ns (absolute)  | group
 *   0   | segment_alloc  | 0x7fe1_3400_00 | 2097152 | 0      | 17    | 1795252313536412000 | 0
 *   1   | alloc          | 0x7fe1_3400_00 | 2048    | 0      | 17    | 1795252313536449000 | 0
 *
 * 64-bit columns are two u32 words an element (base/u64.ts), exact, and Arrow UInt64/Int64 in memory.
 */

/** Actions of both producers. The index in this list is the number in the `action` column. */
export const ACTIONS = [
  'alloc',
  'free_requested',
  'free_completed',
  'free',
  'segment_alloc',
  'segment_free',
  'segment_map',
  'segment_unmap',
  'snapshot',
  'oom',
  'annotate',
  'user_defined',
  'unknown',
] as const;
export type Action = (typeof ACTIONS)[number];

/** Numbers of the actions, for readers and kernels' hosts: ACTION.alloc === 0, ... */
export const ACTION = Object.fromEntries(ACTIONS.map((name, index) => [name, index])) as Record<
  Action,
  number
>;

/** Nsight's memory kinds (its numbering, not CUPTI's). The `group` column of an Nsight event table. */
export const MEM_KINDS = [
  'pageable',
  'pinned',
  'device',
  'array',
  'managed',
  'device_static',
  'managed_static',
  'unknown',
] as const;
export type MemKind = (typeof MEM_KINDS)[number];

/** Numbers of the kinds that are the host's memory: in no device total, and their device id means nothing. */
export const HOST_KINDS: readonly number[] = [MEM_KINDS.indexOf('pageable'), MEM_KINDS.indexOf('pinned')];

/** Pools of PyTorch's allocator by block size. The `group` column of a PyTorch event table. */
export const POOLS = ['large_pool', 'small_pool'] as const;
export type Pool = (typeof POOLS)[number];

/** No stack, no row. */
export const NONE = 0xffffffff;

export interface EventTable {
  readonly length: number;
  /** Index into ACTIONS. */
  readonly action: Uint8Array;
  /** u64 words. */
  readonly address: Uint32Array;
  /** u64 words, bytes. PyTorch: bytes ASKED FOR at alloc/free, mapped bytes at segment_*. */
  readonly size: Uint32Array;
  /** Index into DeviceTrace.streams. */
  readonly stream_index: Uint16Array;
  /** Node of CaptureStrings' stack tree, or NONE. */
  readonly stack_index: Uint32Array;
  /** i64 words, absolute nanoseconds of the source's clock; row numbers where the source has no clock. */
  readonly time_ns: Uint32Array;
  /** PyTorch's device allocator: index into POOLS. Nsight, pinned host memory: index into MEM_KINDS. */
  readonly group: Uint8Array;
}

/**
 * What newer versions of PyTorch write with events beside all that (2.8 to 2.14). A column is null where no event of
 * the file has such a value; else it has a place for every row.
 */
export interface EventDetails {
  /** Ids of private pools "(a, b)"; "" is the default pool. */
  readonly pool_ids: readonly string[];
  /** Index into `pool_ids` plus 1; 0: not recorded. */
  readonly pool: Uint16Array | null;
  /** What the columns below mean; texts[0] is "", for nothing. */
  readonly texts: readonly string[];
  /** Index into `texts`: the compiled region that the event happened in. */
  readonly compile_context: Uint32Array | null;
  /** Index into `texts`: what the program had set as metadata; of an `annotate` event, the annotation. */
  readonly user_metadata: Uint32Array | null;
  /** Index into `texts`: the same of PyTorch itself. */
  readonly internal_metadata: Uint32Array | null;
  /** Index into `texts`: the action's name where it is none of ACTIONS. */
  readonly action_name: Uint32Array | null;
  /** Node of the stack tree, or NONE: the forward pass that a backward operator belongs to. */
  readonly forward_stack: Uint32Array | null;
}

export interface SegmentTable {
  readonly length: number;
  /** u64 words. */
  readonly address: Uint32Array;
  readonly total_size: Float64Array;
  readonly allocated_size: Float64Array;
  readonly active_size: Float64Array;
  /** NaN where the snapshot's version has no requested sizes. */
  readonly requested_size: Float64Array;
  readonly stream_index: Uint16Array;
  /** Index into POOLS. */
  readonly pool: Uint8Array;
  readonly is_expandable: Uint8Array;
  /** Private pool id "(a, b)"; "" for the default pool. */
  readonly pool_id: readonly string[];
  readonly stack_index: Uint32Array;
  /** Rows [block_start[i], block_start[i + 1]) of the block table belong to segment i. Length: length + 1. */
  readonly block_start: Uint32Array;
}

export const BLOCK_STATES = ['active_allocated', 'active_pending_free', 'inactive'] as const;

export interface BlockTable {
  readonly length: number;
  /** u64 words. */
  readonly address: Uint32Array;
  readonly size: Float64Array;
  /** NaN where unknown. */
  readonly requested_size: Float64Array;
  /** Index into BLOCK_STATES. */
  readonly state: Uint8Array;
  readonly stack_index: Uint32Array;
  /** Node of the forward pass's stack, or NONE; absent where no block of the file has one. */
  readonly forward_stack?: Uint32Array;
}
