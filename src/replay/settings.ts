/**
 * The settings of PyTorch's caching allocator that decide which block a request gets.
 * Source of names, defaults and constants: c10/core/AllocatorConfig.h and c10/cuda/CUDACachingAllocator.cpp (2.11).
 */

/** Every block size is a multiple of this. */
export const MIN_BLOCK = 512;
/** Largest request that the small pool serves. */
export const SMALL_SIZE = 1 << 20;
/** Segment size of the small pool; page size of its expandable segments. */
export const SMALL_SEGMENT = 2 << 20;
/** Requests from here on get a segment of their own size, rounded up to ROUND_LARGE. */
export const MIN_LARGE_ALLOC = 10 << 20;
export const ROUND_LARGE = 2 << 20;
/** Default segment size of the large pool; page size of its expandable segments. */
export const LARGE_SEGMENT = 20 << 20;
/** Number of size classes of `roundup_power2_divisions`: 1 MiB, 2 MiB, ... 32 GiB. */
export const ROUNDUP_CLASSES = 16;

export interface AllocatorSettings {
  /** Bytes; Infinity: every block may be split. */
  readonly maxSplitSize: number;
  /** Bytes that an oversize block may be larger than its request. */
  readonly maxNonSplitRounding: number;
  /** Bytes. */
  readonly largeSegmentSize: number;
  /** Divisions between powers of two by size class (ROUNDUP_CLASSES of them); 0 and 1: no rounding up. */
  readonly roundupDivisions: readonly number[];
  /** Share of the memory limit from which unused segments are given back; 0: never. Acts only under a limit. */
  readonly garbageCollectionThreshold: number;
  readonly expandableSegments: boolean;
  /** Share of the device's memory that the process may reserve; null: no limit. */
  readonly perProcessMemoryFraction: number | null;
}

export const DEFAULT_SETTINGS: AllocatorSettings = {
  maxSplitSize: Infinity,
  maxNonSplitRounding: LARGE_SEGMENT,
  largeSegmentSize: LARGE_SEGMENT,
  roundupDivisions: new Array<number>(ROUNDUP_CLASSES).fill(0),
  garbageCollectionThreshold: 0,
  expandableSegments: false,
  perProcessMemoryFraction: null,
};
