/** The rules about servers, monitors and logs, in the order in which their findings are of equal weight. */
import type { ServerFacts } from '../analyze/server-facts.ts';
import { printedCachingAllocator } from './caching-allocator-printed.ts';
import { contradiction } from './contradiction.ts';
import { vllmContradiction } from './contradiction-vllm.ts';
import { failedAllocation } from './failed-allocation.ts';
import type { Finding } from './finding.ts';
import { gaugeGrowth } from './gauge-growth.ts';
import { gaugePlateau } from './gauge-plateau.ts';
import { highUsage } from './high-usage.ts';
import { kvCacheTooSmall } from './kv-cache-too-small.ts';
import { kvUsageExpected } from './kv-usage-expected.ts';
import { printedLinearLeak } from './linear-leak-printed.ts';
import { logOutOfMemory } from './log-out-of-memory.ts';
import { migSliceTooSmall } from './mig-slice-too-small.ts';
import { otherOutOfMemory } from './other-out-of-memory.ts';
import { otherProcesses } from './other-processes.ts';
import { preemptionStorm } from './preemption-storm.ts';
import { requestLimit } from './request-limit.ts';
import { restarts } from './restarts.ts';
import { printedCache } from './printed-cache.ts';
import { printedRise } from './printed-rise.ts';
import { serverRefused } from './server-refused.ts';
import type { ServerRule } from './server-rule.ts';
import { sleepFreedNothing } from './sleep-freed-nothing.ts';
import { sleepShared } from './sleep-shared.ts';
import { staticMemoryEdge } from './static-memory-edge.ts';
import { stuckEngine } from './stuck-engine.ts';
import { summaryOutOfMemory } from './summary-out-of-memory.ts';
import { tensorParallelMisuse } from './tensor-parallel-misuse.ts';
import { unlistedMemory } from './unlisted-memory.ts';
import { utilizationEdge } from './utilization-edge.ts';
import { weightsTooLarge } from './weights-too-large.ts';

const SERVER_RULES: readonly ServerRule[] = [
  logOutOfMemory,
  otherOutOfMemory,
  summaryOutOfMemory,
  failedAllocation,
  serverRefused,
  sleepFreedNothing,
  printedLinearLeak,
  gaugeGrowth,
  printedRise,
  stuckEngine,
  weightsTooLarge,
  utilizationEdge,
  staticMemoryEdge,
  kvCacheTooSmall,
  preemptionStorm,
  requestLimit,
  tensorParallelMisuse,
  migSliceTooSmall,
  otherProcesses,
  unlistedMemory,
  restarts,
  contradiction,
  vllmContradiction,
  highUsage,
  printedCachingAllocator,
  printedCache,
  sleepShared,
  gaugePlateau,
  kvUsageExpected,
];

/** Where nobody is there to be told. */
function passOn(thrown: unknown): never {
  throw thrown;
}

/**
 * All findings, unsorted; `pause` is awaited between rules, so that long work gives way.
 *
 * @param onFault Told of a rule that throws: the others still have their say.
 */
export async function diagnoseServers(
  facts: ServerFacts,
  pause: () => Promise<void>,
  onFault: (thrown: unknown) => void = passOn,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const rule of SERVER_RULES) {
    try {
      findings.push(...rule(facts));
    } catch (thrown) {
      onFault(thrown);
    }
    await pause();
  }
  return findings;
}
