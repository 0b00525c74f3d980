/**
 * The largest request that would succeed at one moment, on one stream of the default pool: from the cache as it is;
 * with a new segment (or new pages); and after a failed attempt has given the cache back, which is the allocator's last
 * resort before an out-of-memory error. Found by the allocator's own rules of rounding, splitting and best fit.
 *
 * Blocks that wait for other streams may become free before the request: the first figure is then a lower bound.
 * Not in it: memory that other threads or processes take meanwhile, and what memory callbacks (IPC) give back.
 */
import type { Bounds } from '../../base/measured.ts';
import type { Allocator } from '../../replay/allocator.ts';
import { NO_BLOCK } from '../../replay/block-table.ts';
import { roundSize, segmentSize } from '../../replay/rounding.ts';
import { type AllocatorSettings, SMALL_SEGMENT, SMALL_SIZE } from '../../replay/settings.ts';
import { isFreeAfterWaiting, type ReleaseUnit, releaseUnits } from './empty-cache-units.ts';
import { growingRuns, MOST, mostInRun, type Run } from './runs.ts';

/** What the allocator may still take from the driver. */
export interface Room {
  /** Bytes that the process may reserve in all; null: not known (no limit was met, which does not mean that there is none). */
  readonly limit: Bounds | null;
  /** Free bytes of the device; null: not known. */
  readonly deviceFree: Bounds | null;
}

export interface LargestRequest {
  readonly streamIndex: number;
  /** Bytes; without anything new from the driver. 0: none at all. */
  readonly fromCache: number;
  /** The largest with a new segment, or from the cache where that serves more; null: neither limit nor free bytes known. */
  readonly withNewSegment: Bounds | null;
  /** The largest of all: after everything cached went back. null as above. */
  readonly afterRelease: Bounds | null;
  /** Why the upper figures are ranges or null. */
  readonly why: readonly string[];
}

/** Largest request whose block has at most `bytes` (a multiple of 512); 0: none. Rounding never falls as requests grow. */
export function largestRequestIn(bytes: number, settings: AllocatorSettings): number {
  let low = 0;
  let high = bytes;
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2);
    if (roundSize(middle, settings) <= bytes) low = middle;
    else high = middle - 1;
  }
  return low;
}

function fromCache(allocator: Allocator, streamIndex: number): number {
  const { settings } = allocator.options;
  const { blocks } = allocator;
  for (const small of [0, 1]) {
    const list = allocator.listOf(0, small, streamIndex);
    for (const block of allocator.lists[list].blocks().reverse()) {
      if (small === 0 && blocks.size[block] <= SMALL_SIZE) break;
      const most = small === 1 ? Math.min(blocks.size[block], SMALL_SIZE) : blocks.size[block];
      const request = largestRequestIn(most, settings);
      const size = roundSize(request, settings);
      if (request === 0 || size <= SMALL_SIZE !== (small === 1)) continue;
      if (allocator.bestFit(list, size) !== NO_BLOCK) return request;
    }
  }
  return 0;
}

/** Largest request whose new segment has at most `room` bytes. */
function inNewSegment(room: number, settings: AllocatorSettings): number {
  const even = Math.max(0, Math.floor(Math.min(room, MOST) / SMALL_SEGMENT) * SMALL_SEGMENT);
  for (const most of [even, Math.min(even, SMALL_SIZE)]) {
    const request = largestRequestIn(most, settings);
    if (request > 0 && segmentSize(roundSize(request, settings), settings) <= room) return request;
  }
  return 0;
}

/** Largest request served by mapping pages where `free` bytes are left and the process may take `allowed` more. */
function inNewPages(
  allocator: Allocator,
  runs: readonly Run[],
  streamIndex: number,
  free: number,
  allowed: number,
): number {
  const { settings } = allocator.options;
  const page = allocator.pageSize(allocator.listOf(0, 0, streamIndex));
  let best = 0;
  let earlier = 0;
  for (const run of runs) {
    const most = mostInRun(run, free, page);
    // A smaller request goes to an earlier run.
    if (most > earlier) best = Math.max(best, largestRequestIn(most, settings));
    earlier = Math.max(
      earlier,
      run.reduce((sum, [bytes]) => sum + bytes, 0),
    );
  }
  // The limit is checked against the size of a segment, although pages are what is mapped.
  const request = Math.min(best, inNewSegment(allowed, settings));
  const size = roundSize(request, settings);
  if (request > 0 && size > SMALL_SIZE && segmentSize(size, settings) <= allowed) return request;
  return Math.min(free, allowed) >= SMALL_SEGMENT ? largestRequestIn(SMALL_SIZE, settings) : 0;
}

/** `units`: of the same moment, where the caller has them already. */
export function largestRequest(
  { allocator }: { readonly allocator: Allocator },
  streamIndex: number,
  room: Room,
  units: readonly ReleaseUnit[] = releaseUnits(allocator),
): LargestRequest {
  const { settings } = allocator.options;
  const cached = fromCache(allocator, streamIndex);
  const { limit, deviceFree } = room;
  const why: string[] = [];
  if (limit === null)
    why.push('No limit was met or recorded (set_per_process_memory_fraction leaves no trace in a snapshot).');
  if (deviceFree === null) why.push('How much of the device is free at this moment is not known.');
  if (limit === null && deviceFree === null)
    return { streamIndex, fromCache: cached, withNewSegment: null, afterRelease: null, why };
  const reserved = units.reduce((sum, unit) => sum + unit.bytes, 0);
  const back = units.reduce((sum, unit) => (isFreeAfterWaiting(unit) ? sum + unit.bytes : sum), 0);
  const runs = (released: boolean): Run[] =>
    settings.expandableSegments ? growingRuns(allocator, allocator.listOf(0, 0, streamIndex), released) : [];
  const now = runs(false);
  const after = runs(true);
  const withRoom = (under: number, free: number, gain: number): number => {
    const allowed = under - reserved + gain;
    const left = Math.max(0, free + gain);
    return Math.max(
      cached,
      settings.expandableSegments
        ? inNewPages(allocator, gain === 0 ? now : after, streamIndex, left, allowed)
        : inNewSegment(Math.min(allowed, left), settings),
    );
  };
  const band = (gain: number): Bounds => ({
    // Where one of the two is not known, no new segment is certain.
    least: limit === null || deviceFree === null ? cached : withRoom(limit.least, deviceFree.least, gain),
    most: withRoom(limit?.most ?? Infinity, deviceFree?.most ?? Infinity, gain),
  });
  return { streamIndex, fromCache: cached, withNewSegment: band(0), afterRelease: band(back), why };
}
