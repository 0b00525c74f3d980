/** What was in use before an Nsight recording began, as far as its rows show. */
import type { DeviceTrace } from '../trace/capture.ts';
import { u64At } from '../base/u64.ts';
import { ACTION } from '../trace/schema.ts';

/**
 * Bytes of these kinds (numbers of MEM_KINDS) in use before the first row: what is freed without having been
 * allocated, or, where rows have no addresses to tell that by, the least that keeps the total from falling
 * below zero.
 */
export function bytesBefore({ events, unmatched_frees }: DeviceTrace, kinds: ReadonlySet<number>): number {
  let freed = 0;
  for (const row of unmatched_frees ?? []) {
    if (kinds.has(events.group[row])) freed += u64At(events.size, row);
  }
  let current = 0;
  let lowest = 0;
  for (let row = 0; row < events.length; row++) {
    if (!kinds.has(events.group[row])) continue;
    const size = u64At(events.size, row);
    current += events.action[row] === ACTION.alloc ? size : -size;
    if (current < lowest) lowest = current;
  }
  return Math.max(freed, -lowest);
}
