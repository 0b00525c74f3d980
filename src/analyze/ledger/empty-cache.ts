/**
 * What `torch.cuda.empty_cache()` would give back to the driver at one moment, to the byte. It first waits for every
 * block that another stream still uses (`record_stream`), so those count as free. Outside of a capture only: while a
 * CUDA graph is captured, blocks wait until its end.
 */
import type { Allocator } from '../../replay/allocator.ts';
import { isFreeAfterWaiting, type ReleaseUnit, releaseUnits } from './empty-cache-units.ts';

export interface EmptyCacheGain {
  /** Bytes that go back. */
  readonly bytes: number;
  /** Of them: what goes back only because the call waits for blocks that other streams still use. */
  readonly bytesAfterWaiting: number;
  /** Segments of cudaMalloc and their bytes; pages of expandable segments and theirs. */
  readonly segments: number;
  readonly segmentBytes: number;
  readonly pages: number;
  readonly pageBytes: number;
  /**
   * Bytes of private pools in which nothing lives. They go back too if the pool's graph and every other user of it are
   * gone, which the recording does not tell; not part of `bytes`.
   */
  readonly privateBytes: number;
}

/** `units`: of the same moment, where the caller has them already. */
export function emptyCacheGain(
  { allocator }: { readonly allocator: Allocator },
  units: readonly ReleaseUnit[] = releaseUnits(allocator),
): EmptyCacheGain {
  const gain = {
    bytes: 0,
    bytesAfterWaiting: 0,
    segments: 0,
    segmentBytes: 0,
    pages: 0,
    pageBytes: 0,
    privateBytes: 0,
  };
  for (const unit of units) {
    if (!isFreeAfterWaiting(unit)) {
      if (unit.allocated.length === 0) gain.privateBytes += unit.bytes;
      continue;
    }
    gain.bytes += unit.bytes;
    if (unit.pending.length > 0) gain.bytesAfterWaiting += unit.bytes;
    if (unit.expandable) {
      gain.pages++;
      gain.pageBytes += unit.bytes;
    } else {
      gain.segments++;
      gain.segmentBytes += unit.bytes;
    }
  }
  return gain;
}
