/**
 * The requests of a recording served again under other settings: what would have been reserved, and at what cost.
 * The program is taken to ask for the same in the same order; its stream order is the recorded one. A request that
 * fails is counted and then left out: a real program would have stopped there.
 */
import { Allocator } from './allocator.ts';
import { NO_BLOCK } from './block-table.ts';
import { type AddressHistory, DriverAddresses } from './driver-addresses.ts';
import { OP, type Requests } from './requests.ts';
import type { AllocatorSettings } from './settings.ts';
import type { ReplayStats } from './statistics.ts';

export interface WhatIf {
  readonly settings: AllocatorSettings;
  /** Bytes the process may reserve; Infinity: no limit. */
  readonly limit: number;
  /** Bytes the device can give; Infinity: enough. */
  readonly capacity: number;
  /** Steps (indices into the requests) after which `empty_cache()` is called besides where the program calls it. */
  readonly emptyCacheAfter?: readonly number[];
  /** Keep what is reserved after every step. */
  readonly curve?: boolean;
}

export interface WhatIfResult {
  readonly stats: ReplayStats;
  /** First request that failed: its step and bytes; null: all were served. */
  readonly firstFailure: { readonly step: number; readonly row: number; readonly bytes: number } | null;
  /** Requests that failed in the recording and are served here. */
  readonly rescued: number;
  /** Bytes reserved after each step, where asked for. */
  readonly reserved: Float64Array | null;
}

export interface ReplayPlace {
  readonly streamRank: readonly number[];
  /** Number of pools, the default one included. */
  readonly pools: number;
  /** What others did with the process's addresses. */
  readonly addresses: AddressHistory;
}

export function whatIf(requests: Requests, place: ReplayPlace, options: WhatIf): WhatIfResult {
  const space = new DriverAddresses(place.addresses);
  const allocator = new Allocator({
    settings: options.settings,
    limit: options.limit,
    capacity: options.capacity,
    streamRank: place.streamRank,
    pools: place.pools,
    space,
    indexed: false,
  });
  const { op, allocation, requested, stream, pool } = requests;
  const blockOf = new Int32Array(requests.allocations).fill(NO_BLOCK);
  const reserved = options.curve === true ? new Float64Array(requests.length) : null;
  const extra = new Set(options.emptyCacheAfter ?? []);
  let firstFailure: WhatIfResult['firstFailure'] = null;
  let rescued = 0;
  for (let step = 0; step < requests.length; step++) {
    const which = allocation[step];
    space.reach(requests.row[step]);
    switch (op[step]) {
      case OP.alloc: {
        const block = allocator.malloc(requested[which], stream[which], pool[which]);
        blockOf[which] = block;
        if (block === NO_BLOCK) firstFailure ??= { step, row: requests.row[step], bytes: requested[which] };
        break;
      }
      case OP.free_requested:
        if (blockOf[which] !== NO_BLOCK) allocator.freeRequested(blockOf[which]);
        break;
      case OP.free_completed:
        // A retry or empty_cache may have completed it before.
        if (blockOf[which] !== NO_BLOCK && allocator.isPending(blockOf[which]))
          allocator.freeCompleted(blockOf[which]);
        blockOf[which] = NO_BLOCK;
        break;
      case OP.empty_cache:
        allocator.emptyCache();
        break;
      case OP.drop_pools:
        for (const pool of requests.dropped.get(requests.row[step]) ?? []) allocator.dropPool(pool);
        break;
      case OP.failed_alloc: {
        const block = allocator.malloc(requested[which], stream[which], pool[which]);
        if (block === NO_BLOCK) break;
        rescued++;
        allocator.freeRequested(block);
        allocator.freeCompleted(block);
      }
    }
    if (extra.has(step)) allocator.emptyCache();
    if (reserved !== null) reserved[step] = allocator.reserved;
  }
  return { stats: allocator.stats.toStats(), firstFailure, rescued, reserved };
}
