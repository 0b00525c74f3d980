/**
 * How large a block and a segment the caching allocator makes for a request.
 * Sizes are bytes as numbers, exact up to 2^53.
 * Source: round_size, roundup_power2_next_division and get_allocation_size of c10/cuda/CUDACachingAllocator.cpp and
 * AcceleratorAllocatorConfig::roundup_power2_divisions(size) of c10/core/AllocatorConfig.cpp (2.11).
 */
import type { AllocatorSettings } from './settings.ts';
import {
  MIN_BLOCK,
  MIN_LARGE_ALLOC,
  ROUND_LARGE,
  ROUNDUP_CLASSES,
  SMALL_SEGMENT,
  SMALL_SIZE,
} from './settings.ts';

/** Power of two of the first class of `roundup_power2_divisions`: 1 MiB. */
const FIRST_CLASS_LOG2 = 20;
const TWO_32 = 4294967296;

/** Whole part of log2 of an integer from 1 to 2^53; Math.log2 is not exact near powers of two. */
export const floorLog2 = (n: number): number =>
  n < TWO_32 ? 31 - Math.clz32(n) : 63 - Math.clz32(Math.floor(n / TWO_32));

/** Least multiple of `unit` that is >= `size`. */
const roundUp = (size: number, unit: number): number => {
  const rest = size % unit;
  return rest === 0 ? size : size - rest + unit;
};

/** Index into `roundupDivisions` for a request: below 2 MiB the first class, from 32 GiB on the last. */
export const roundupClass = (size: number): number =>
  Math.min(Math.max(floorLog2(size) - FIRST_CLASS_LOG2, 0), ROUNDUP_CLASSES - 1);

/** From here on 512 times the divisions is 0 in the 64 bits that PyTorch multiplies in. */
const MOST_DIVISIONS = 2 ** 55;

/**
 * Bytes of the block that a request of `size` bytes gets before any splitting: a multiple of 512, at least 512.
 * Under `roundup_power2_divisions` the space between two powers of two is cut into that many steps, unless
 * a step would be below 512 bytes.
 */
export function roundSize(size: number, settings: Pick<AllocatorSettings, 'roundupDivisions'>): number {
  if (size < MIN_BLOCK) return MIN_BLOCK;
  const divisions = settings.roundupDivisions[roundupClass(size)];
  if (divisions <= 1) return roundUp(size, MIN_BLOCK);
  if (divisions >= MOST_DIVISIONS) return roundUp(size, 2 ** floorLog2(size));
  return roundUp(size, size > MIN_BLOCK * divisions ? 2 ** floorLog2(size) / divisions : MIN_BLOCK);
}

/**
 * Bytes of the segment that is reserved for a block of `size` bytes (already rounded) where none is free.
 * `large_segment_size_mb` moves only the size of segments, not the 10 MiB below which requests share one.
 * Does not hold for expandable segments, which grow by pages.
 */
export function segmentSize(size: number, settings: Pick<AllocatorSettings, 'largeSegmentSize'>): number {
  if (size <= SMALL_SIZE) return SMALL_SEGMENT;
  if (size < MIN_LARGE_ALLOC) return settings.largeSegmentSize;
  return roundUp(size, ROUND_LARGE);
}
