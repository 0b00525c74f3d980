/** The rules about one device, in the order in which their findings are of equal weight. */
import type { DeviceFacts } from '../analyze/device-facts.ts';
import { betterSetting, prepareTrial } from './better-setting.ts';
import { cachingAllocator } from './caching-allocator.ts';
import { cublasWorkspaces } from './cublas-workspaces.ts';
import type { DeviceRule } from './device-rule.ts';
import type { Finding } from './finding.ts';
import { fragmentationGrowth } from './fragmentation-growth.ts';
import { growthUnclear } from './growth-unclear.ts';
import { keptOutputs } from './kept-outputs.ts';
import { linearLeak } from './linear-leak.ts';
import { maskedLeak } from './masked-leak.ts';
import { outOfMemory } from './out-of-memory.ts';
import { pendingFree } from './pending-free.ts';
import { privatePools } from './private-pools.ts';
import { pinnedHost } from './pinned-host.ts';
import { pinnedSegments } from './pinned-segments.ts';
import { recordedLate } from './recorded-late.ts';
import { settingInForce } from './setting-in-force.ts';
import { whoHolds } from './who-holds.ts';

const DEVICE_RULES: readonly DeviceRule[] = [
  outOfMemory,
  linearLeak,
  maskedLeak,
  pendingFree,
  settingInForce,
  fragmentationGrowth,
  keptOutputs,
  recordedLate,
  cachingAllocator,
  cublasWorkspaces,
  whoHolds,
  // What can be done comes before what cannot be told.
  betterSetting,
  growthUnclear,
  pinnedSegments,
  privatePools,
];

/** Of pinned host memory: it has no cache of segments, no fragments and no settings that are replayed. */
const HOST_RULES: readonly DeviceRule[] = [linearLeak, pinnedHost, whoHolds];

/** Where nobody is there to be told. */
function passOn(thrown: unknown): never {
  throw thrown;
}

const WEIGHT = { problem: 0, risk: 1, info: 2, good: 2 } as const;

/**
 * Problems first, then risks, then what explains; `pause` is awaited between rules, so that long work gives way.
 *
 * @param onFault Told of a rule that throws: the others still have their say. It throws on what is no fault.
 */
export async function diagnoseDevice(
  facts: DeviceFacts,
  pause: () => Promise<void>,
  onFault: (thrown: unknown) => void = passOn,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    await prepareTrial(facts, pause);
  } catch (thrown) {
    onFault(thrown);
  }
  for (const rule of facts.trace.producer === 'torch_host' ? HOST_RULES : DEVICE_RULES) {
    try {
      findings.push(...rule(facts));
    } catch (thrown) {
      onFault(thrown);
    }
    await pause();
  }
  return sortFindings(findings);
}

export const sortFindings = (findings: readonly Finding[]): Finding[] =>
  [...findings].sort((a, b) => WEIGHT[a.severity] - WEIGHT[b.severity]);
