/** The largest request that each pool and stream can serve from what is free, by the allocator's own rules. */
import { type AddressState, MAP_STATE, type MapSegment } from '../../analyze/lives/address-map.ts';
import { largestRequestIn } from '../../analyze/ledger/largest.ts';
import { groupNames } from '../../analyze/live.ts';
import { roundSize } from '../../replay/rounding.ts';
import { type AllocatorSettings, SMALL_SIZE } from '../../replay/settings.ts';
import { POOLS } from '../../trace/schema.ts';
import type { LargestFree } from '../address-protocol.ts';
import type { DeviceSession } from '../device-session.ts';
import { addressText } from './lives.ts';

const SMALL = POOLS.indexOf('small_pool');

interface FreeBlock {
  readonly address: number;
  readonly size: number;
  readonly expandable: boolean;
}

/** Bytes that a block serves; 0: it serves none of its pool. Under max_split_size, large blocks serve large requests alone. */
function servedBy({ size, expandable }: FreeBlock, isSmall: boolean, settings: AllocatorSettings): number {
  if (expandable && !settings.expandableSegments) return 0;
  const request = largestRequestIn(isSmall ? Math.min(size, SMALL_SIZE) : size, settings);
  const rounded = roundSize(request, settings);
  if (request === 0 || rounded <= SMALL_SIZE !== isSmall) return 0;
  if (rounded < settings.maxSplitSize && size >= settings.maxSplitSize) return 0;
  if (rounded >= settings.maxSplitSize && size >= rounded + settings.maxNonSplitRounding) return 0;
  return request;
}

/** Largest first; pools and streams that serve nothing are left out. */
export function largestFree(session: DeviceSession, state: AddressState): LargestFree[] {
  const { trace, settings, addressSpace } = session;
  if (trace.producer === 'nsys') return [];
  const { blocks } = state;
  const best = new Map<string, { segment: MapSegment; address: number; request: number }>();
  for (const segment of state.segments)
    for (let at = segment.blockFrom; at < segment.blockTo; at++) {
      if (blocks.state[at] < MAP_STATE.pinned) continue;
      const key = `${segment.pool} ${segment.group} ${segment.streamIndex}`;
      const known = best.get(key);
      const size = blocks.size[at];
      if (known !== undefined && known.request >= size) continue;
      const block = { address: blocks.address[at], size, expandable: segment.page > 0 };
      // Pinned host memory is never split: a block serves a request of its own size at most.
      const request =
        trace.producer === 'torch_host' ? size : servedBy(block, segment.group === SMALL, settings.settings);
      if (request > (known?.request ?? 0)) best.set(key, { segment, address: block.address, request });
    }
  const pools = groupNames(trace);
  return [...best.values()]
    .sort((a, b) => b.request - a.request)
    .map(({ segment, address, request }) => ({
      stream: trace.streams[segment.streamIndex] ?? '',
      pool: pools[segment.group] ?? 'not known',
      poolId: addressSpace.segments.poolIds[segment.pool] ?? '',
      request,
      address: addressText(session, address),
    }));
}
