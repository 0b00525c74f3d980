/** What a snapshot tells of memory_stats, compared with what PyTorch's memory_stats() said at the same moment. */
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import { type MemoryStats, memoryStatsOf } from '../../../src/analyze/recording/memory-stats.ts';
import type { DeviceTrace } from '../../../src/trace/capture.ts';

/** Statistics of which every key must be told where the recording began with nothing. */
const COMPLETE = /^(requested_bytes|reserved_bytes|segment)\./;

export const toldOf = (trace: DeviceTrace): MemoryStats => memoryStatsOf(trace, baselineOf(trace).fromEmpty);

/** Keys that are wrong or missing, in words. */
export function compareStats(
  told: Readonly<Record<string, number>>,
  recorded: Readonly<Record<string, number>>,
): string[] {
  const faults = Object.entries(told)
    .filter(([key, value]) => recorded[key] !== value)
    .map(([key, value]) => `${key}: told ${value}, recorded ${recorded[key]}`);
  for (const key of Object.keys(recorded))
    if (COMPLETE.test(key) && !(key in told)) faults.push(`${key}: not told`);
  return faults;
}
