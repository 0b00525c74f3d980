/**
 * Why a recording shows segments going back to the driver. The rows do not say; what follows them, the stacks and the
 * order in which the model itself would give segments back do.
 */
import { u64Above, u64At } from '../base/u64.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION, NONE } from '../trace/schema.ts';
import type { Allocator } from './allocator.ts';
import { NO_BLOCK } from './block-table.ts';
import { availableRelease, collectionPasses, wholeRelease } from './release-plan.ts';
import { roundSize, segmentSize } from './rounding.ts';
import { type AllocatorSettings, SMALL_SIZE } from './settings.ts';

/** A failed request's last resort; garbage collection; oversize segments for one request; `torch.cuda.empty_cache()`. */
export type ReleaseCause = 'retry' | 'collection' | 'available' | 'empty_cache';

export interface CauseOfRelease {
  readonly cause: ReleaseCause;
  /** false: another cause would leave the same rows. */
  readonly certain: boolean;
  /** First row after the run of releases. */
  readonly end: number;
  /** Where a request failed: the limit is below this many bytes; Infinity: it is not known that one did. */
  readonly limitBelow: number;
}

const isRelease = (action: number): boolean =>
  action === ACTION.segment_free || action === ACTION.segment_unmap;
const isGrowth = (action: number): boolean =>
  action === ACTION.segment_alloc || action === ACTION.segment_map;

/** End of the run of releases at `row`; completed frees between two releases belong to it. */
function endOfRun({ events }: DeviceTrace, row: number): number {
  let end = row + 1;
  for (let at = row + 1; at < events.length; at++) {
    if (isRelease(events.action[at])) end = at + 1;
    else if (events.action[at] !== ACTION.free_completed) break;
  }
  return end;
}

/** The request that the run belongs to, if any: the next alloc or oom before anything else the program did. */
function nextRequest({ events }: DeviceTrace, end: number): { row: number; grew: boolean } | null {
  let grew = false;
  for (let row = end; row < events.length; row++) {
    const action = events.action[row];
    if (action === ACTION.alloc || action === ACTION.oom) return { row, grew };
    if (isGrowth(action)) grew = true;
    else if (action !== ACTION.free_completed) return null;
  }
  return null;
}

/**
 * `allocator` as it is before row `row`; `low`: the most that was ever reserved; `assume`: what is taken where a retry
 * and `empty_cache()` would leave the same rows.
 */
export function releaseCause(
  trace: DeviceTrace,
  row: number,
  allocator: Allocator,
  settings: AllocatorSettings,
  origin: number,
  { low, assume }: { readonly low: number; readonly assume: 'retry' | 'empty_cache' },
): CauseOfRelease {
  const { events } = trace;
  const end = endOfRun(trace, row);
  const byProgram = (certain: boolean): CauseOfRelease => ({
    cause: 'empty_cache',
    certain,
    end,
    limitBelow: Infinity,
  });
  const request = nextRequest(trace, end);
  if (request === null) return byProgram(true);
  const failed = events.action[request.row] === ACTION.oom;
  const size = failed
    ? u64At(events.size, request.row)
    : roundSize(u64At(events.size, request.row), settings);
  const bytes = allocator.reserved + segmentSize(size, settings);
  let certain = failed;
  if (!failed) {
    if (!request.grew) return byProgram(true);
    const stack = events.stack_index[row];
    const asked = events.stack_index[request.row];
    if (stack !== NONE && asked !== NONE) {
      if (stack !== asked) return byProgram(true);
      certain = true;
    } else if (settings.garbageCollectionThreshold === 0 && bytes <= low) return byProgram(false);
  }

  const { blocks } = allocator;
  const list = allocator.listOf(0, size <= SMALL_SIZE ? 1 : 0, events.stream_index[request.row]);
  const seen: number[] = [];
  for (let at = row; at < end; at++)
    if (events.action[at] === ACTION.segment_free) seen.push(u64Above(events.address, at, origin));
  const addresses = (planned: readonly number[]): number[] => planned.map((block) => blocks.address[block]);
  const startsWith = (whole: readonly number[], from: number, part: readonly number[]): boolean =>
    part.length <= whole.length - from && part.every((address, i) => whole[from + i] === address);

  let at = 0;
  let cause: ReleaseCause | null = null;
  if (settings.garbageCollectionThreshold > 0) {
    for (const pass of collectionPasses(allocator)) {
      const planned = addresses(pass);
      if (!startsWith(seen, at, planned)) break;
      at += planned.length;
      cause = 'collection';
      if (at === seen.length) break;
    }
  }
  if (at < seen.length && settings.maxSplitSize !== Infinity && allocator.bestFit(list, size) === NO_BLOCK) {
    const released = new Set(seen.slice(0, at));
    const plan = availableRelease(allocator, list, size);
    const planned = addresses(plan.blocks).filter((address) => !released.has(address));
    if (planned.length > 0 && startsWith(seen, at, planned)) {
      at += planned.length;
      cause = 'available';
    }
  }
  if (at === seen.length && cause !== null && !failed)
    return { cause, certain, end, limitBelow: cause === 'available' ? bytes : Infinity };
  // What a retry leaves behind: no whole segment at all. Otherwise something else gave these back.
  const gone = new Set(seen);
  const all = addresses(wholeRelease(allocator)).every((address) => gone.has(address));
  if (!all && !failed) return byProgram(false);
  if (!certain && assume === 'empty_cache') return byProgram(false);
  return { cause: 'retry', certain, end, limitBelow: bytes };
}
