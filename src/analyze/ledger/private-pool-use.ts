/** Private pools (CUDA graphs, MemPool) in the final state of a snapshot, and those that its events name besides. */
import { type PoolCurve, privatePoolCurves } from '../../aggregate/private-pool-series.ts';
import { isDefaultPool } from '../../replay/pools.ts';
import type { DeviceTrace } from '../../trace/capture.ts';

/** A private pool as the final state has it, bytes. */
export interface PrivatePoolUse {
  readonly id: string;
  readonly reserved: number;
  readonly active: number;
  readonly segments: number;
}

/** Pools that were given back in the recording, most at their peak first; empty where events do not name pools. */
export const gonePools = (trace: DeviceTrace): PoolCurve[] =>
  (privatePoolCurves(trace) ?? []).filter(({ goneRow, peak }) => goneRow !== null && peak > 0);

/** In the order in which their first segments stand; empty where there is no final state. */
export function privatePoolUse({ segments, cut }: DeviceTrace): PrivatePoolUse[] {
  const pools = new Map<string, { id: string; reserved: number; active: number; segments: number }>();
  if (segments === null || cut) return [];
  for (let i = 0; i < segments.length; i++) {
    const id = segments.pool_id[i];
    if (isDefaultPool(id)) continue;
    const pool = pools.get(id) ?? { id, reserved: 0, active: 0, segments: 0 };
    pool.reserved += segments.total_size[i];
    pool.active += segments.active_size[i];
    pool.segments++;
    pools.set(id, pool);
  }
  return [...pools.values()];
}
