/**
 * Why a request of a recording failed, by what the allocator wrote at that row: what was asked, what the device had free
 * (after every cached segment without a block was given back), what was reserved and allocated.
 *
 * The request is of a size that the allocator rounded; what it asks of the driver is a segment: 2 MiB up to 1 MiB, 20 MiB
 * below 10 MiB, whole 2 MiB from there on (get_allocation_size, c10/cuda/CUDACachingAllocator.cpp).
 */
export type MomentCause = 'limit' | 'refused' | 'limit_or_refused' | 'full' | 'border' | 'not_recorded';

export interface Moment {
  /** Bytes asked for, rounded up. */
  readonly bytes: number;
  /** Free on the device; null: not recorded. */
  readonly deviceFree: number | null;
  readonly reserved: number;
  /** Most that was ever reserved before this row. */
  readonly reservedBefore: number;
  /** The process's own limit as the recording's settings tell it, bytes; null: they do not. */
  readonly allowed: number | null;
}

const MIB = 2 ** 20;

/** The least that the driver has to give for a request of this size. */
export function driverAsks(bytes: number): number {
  if (bytes <= MIB) return 2 * MIB;
  if (bytes < 10 * MIB) return 20 * MIB;
  return Math.ceil(bytes / (2 * MIB)) * 2 * MIB;
}

/** `isSure`: it follows from the recording; else it is one of two readings. */
export function judgeMoment(moment: Moment): { readonly cause: MomentCause; readonly isSure: boolean } {
  const { bytes, deviceFree, reserved, reservedBefore, allowed } = moment;
  if (deviceFree === null) return { cause: 'not_recorded', isSure: false };
  // Less than the request itself serves it under no setting; expandable segments may map less than a whole segment.
  if (deviceFree < bytes) return { cause: 'full', isSure: true };
  const asks = driverAsks(bytes);
  if (deviceFree < asks) return { cause: 'border', isSure: false };
  if (allowed !== null)
    return reserved + asks > allowed ? { cause: 'limit', isSure: true } : { cause: 'refused', isSure: true };
  // A limit that let more be reserved before does not refuse this, unless it was lowered in between.
  if (reservedBefore >= reserved + asks) return { cause: 'refused', isSure: false };
  return { cause: 'limit_or_refused', isSure: false };
}
