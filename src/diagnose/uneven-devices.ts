/**
 * Devices of one recording know of each other: where a request failed on one of them, the same lines of code on another tell
 * whether the work is split unevenly, and the others' peaks whether they have room.
 *
 *   update_nodes (models.py:176)   device 1, failed: 2.47 GiB an allocation    device 2: 267.90 MiB
 *
 * It adds to the finding about the failure and gives none of its own. Refuses: lines that are on one device alone, fewer
 * bytes than half of what the failing device held, and differences below a factor of two.
 */
import { list } from '../base/words.ts';
import type { DeviceFacts } from '../analyze/device-facts.ts';
import { holderLabel, NO_STACK } from '../analyze/user-frames.ts';
import { evidence, type Finding } from './finding.ts';
import { exactSize, inSentence, size } from './words.ts';

interface Line {
  bytes: number;
  allocations: number;
}

/** What each line holds where most is allocated. */
function linesOf(facts: DeviceFacts): Map<string, Line> {
  const lines = new Map<string, Line>();
  if (facts.rows === 0) return lines;
  for (const { stack, bytes, allocations } of facts.holdersAfter(facts.allocatedPeak.row)) {
    if (stack === NO_STACK || allocations === 0) continue;
    const label = holderLabel(facts.input.stacks, stack);
    const line = lines.get(label) ?? { bytes: 0, allocations: 0 };
    lines.set(label, { bytes: line.bytes + bytes, allocations: line.allocations + allocations });
  }
  return lines;
}

/** Of what the failing device held, lines that are on the other, too, have to hold this share. */
const SHARED = 0.5;
/** An allocation takes so many times as much as on the other device. */
const UNEVEN = 2;

interface Uneven {
  readonly device: number;
  readonly line: string;
  readonly here: number;
  readonly there: number;
  /** All shared lines together, an allocation each. */
  readonly times: number;
}

/** The other device whose same lines take least an allocation; null: none takes so much less. */
function unevenAgainst(failed: Map<string, Line>, others: readonly DeviceFacts[]): Uneven | null {
  let found: Uneven | null = null;
  const all = [...failed.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  for (const other of others) {
    const lines = linesOf(other);
    const shared = [...failed].flatMap(([label, here]) => {
      const there = lines.get(label);
      if (there === undefined) return [];
      const each = { here: here.bytes / here.allocations, there: there.bytes / there.allocations };
      return [{ label, bytes: here.bytes, ...each }];
    });
    // What is held once on each (weights) is alike; what is larger there makes it no cause here.
    const larger = shared.filter(({ here, there }) => here >= UNEVEN * there);
    const held = larger.reduce((sum, { bytes }) => sum + bytes, 0);
    // Lines that hold nothing are no share of nothing.
    if (held === 0 || held < SHARED * all) continue;
    const first = larger.reduce((most, one) => (one.bytes > most.bytes ? one : most));
    const here = larger.reduce((sum, one) => sum + one.here, 0);
    const times = here / larger.reduce((sum, one) => sum + one.there, 0);
    if (found === null || times > found.times)
      found = { device: other.trace.device, line: first.label, here: first.here, there: first.there, times };
  }
  return found;
}

/** Peaks of the devices that have room by half of what the failing one had; absent where what that is is not known. */
function roomOn(failed: DeviceFacts, others: readonly DeviceFacts[]): string[] {
  const { reservedPeak } = failed;
  return others
    .filter((other) => other.rows > 0 && 2 * other.reservedPeak.bytes <= reservedPeak.bytes)
    .map((other) => `device ${other.trace.device} reserved ${size(other.reservedPeak.bytes)} at most`);
}

/** A failure on another device may have ended the program before a step was over here. */
function cutShort(finding: Finding, all: readonly DeviceFacts[]): Finding {
  const failed = all.filter(({ ooms, input }) => ooms.length > 0 && input.key !== finding.deviceKey);
  if (failed.length === 0) return finding;
  const devices = list(failed.map(({ trace }) => `device ${trace.device}`));
  return {
    ...finding,
    verdict: `${finding.verdict} A request failed on ${devices} of this recording: the program may have ended there, before a step was over here.`,
  };
}

/** The same findings; those about a failure with what the other devices of the recording tell. `all`: of one file. */
export function heldAgainstOthers(findings: readonly Finding[], all: readonly DeviceFacts[]): Finding[] {
  if (all.length < 2) return [...findings];
  return findings.map((finding) => {
    if (finding.id === 'growth-unclear') return cutShort(finding, all);
    if (finding.id !== 'out-of-memory') return finding;
    const failed = all.find(({ input }) => input.key === finding.deviceKey);
    if (failed === undefined) return finding;
    // Its failure tells nothing of room where another device failed as well.
    const others = all.filter((one) => one !== failed && one.ooms.length === 0);
    const uneven = unevenAgainst(linesOf(failed), others);
    if (uneven === null) return finding;
    const room = roomOn(failed, others);
    const { device, line, here, there, times } = uneven;
    return {
      ...finding,
      verdict: `${finding.verdict} The same lines take ${times.toFixed(1)} times as much an allocation here as on device ${device}: the inputs are split unevenly over the devices, or differ.`,
      evidence: [
        ...finding.evidence,
        evidence(
          `${inSentence(line)}: ${exactSize(Math.round(here))} an allocation here, ${exactSize(Math.round(there))} on device ${device}.`,
        ),
      ],
      remedy:
        `${room.length === 0 ? '' : `There is room elsewhere: ${list(room)}. `}Split the work by what it takes (tokens, nodes, pixels), not by the number of items, or keep less of the forward pass on this device (activation checkpointing). ${finding.remedy ?? ''}`.trim(),
    };
  });
}
