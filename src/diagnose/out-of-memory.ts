/** A request failed: what was asked, what was free, why that was not enough, and what would have been served. */
import type { DeviceFacts, OomMoment } from '../analyze/device-facts.ts';
import { type Evidence, evidence, type Finding } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { exactSize, size } from './words.ts';

/** Why, in words, and whether it follows from the recording. */
function reason(moment: OomMoment): { readonly text: string; readonly certain: boolean } {
  const { bytes, deviceFree, reserved, allocated, limit } = moment;
  const own = `the process had ${exactSize(reserved)} reserved, ${exactSize(allocated)} of it allocated`;
  if (deviceFree !== null && deviceFree >= bytes)
    return {
      text: `The device had ${exactSize(deviceFree)} free, more than was asked: a limit of the process itself refused it (set_per_process_memory_fraction), and ${own}${
        limit === null
          ? ''
          : `. The limit is at least ${exactSize(limit[0])} and below ${exactSize(limit[1])}`
      }.`,
      certain: true,
    };
  if (deviceFree !== null)
    return {
      text: `The device had only ${exactSize(deviceFree)} free; ${own}. What else is on the device holds the rest.`,
      certain: true,
    };
  return { text: `How much the device had free was not recorded; ${own}.`, certain: false };
}

function rescue(
  facts: DeviceFacts,
  moment: OomMoment,
): { readonly name: string; readonly line: string } | null {
  if (moment.limit === null) return null;
  for (const { name, change } of [
    { name: 'expandable_segments:True', change: { expandableSegments: true } },
    { name: 'roundup_power2_divisions:8', change: { roundupDivisions: new Array<number>(16).fill(8) } },
  ]) {
    // Under the least that the limit can be, so that the promise holds whatever it is.
    const served = facts.whatIf(change, moment.limit[0]);
    if (served !== null && served.firstFailure === null && served.rescued > 0)
      return { name, line: facts.lineFor(change) };
  }
  return null;
}

export const outOfMemory: DeviceRule = (facts) => {
  const findings: Finding[] = [];
  const [first] = facts.ooms;
  if (first === undefined) return findings;
  const why = reason(first);
  const cache = first.reserved - first.allocated;
  const proofs: Evidence[] = [
    evidence(`Asked for: ${exactSize(first.bytes)}.`, { row: first.row }),
    evidence(
      `Reserved ${exactSize(first.reserved)}, allocated ${exactSize(first.allocated)}: ${exactSize(cache)} cached and not usable for this request.`,
      { row: first.row },
    ),
  ];
  if (first.largestFree !== null)
    proofs.push(
      evidence(`Largest free block in the cache: ${exactSize(first.largestFree)}.`, { row: first.row }),
    );
  const room = first.limit === null ? null : Math.max(0, first.limit[0] - first.reserved);
  const served = first.largestFree === null ? room : Math.max(first.largestFree, room ?? 0);
  if (served !== null)
    proofs.push(
      evidence(
        `Would have been served: requests up to ${exactSize(served)} at least${room !== null && room >= (first.largestFree ?? 0) ? ' (as a new segment below the limit)' : ' (from the cache, on the right pool and stream)'}.`,
      ),
    );
  if (facts.ooms.length > 1) proofs.push(evidence(`${facts.ooms.length} requests failed in all.`));
  const saved = rescue(facts, first);
  const fits = first.limit !== null && first.allocated + first.bytes > first.limit[1];
  findings.push(
    about(facts, {
      id: 'out-of-memory',
      severity: 'problem',
      title: `Out of memory: ${size(first.bytes)} asked for`,
      verdict: `${why.text}${
        fits ? ' With what was allocated it passes the limit: no allocator setting can serve it.' : ''
      }${saved === null ? '' : ` Replayed under ${saved.name} the request is served within the same limit.`}`,
      confidence: why.certain ? 'certain' : 'medium',
      confidenceWhy: why.certain
        ? 'The allocator wrote what was asked and what was free at that moment.'
        : 'The recording lacks what the device had free.',
      evidence: proofs,
      remedy:
        saved?.line ??
        (first.deviceFree !== null && first.deviceFree >= first.bytes
          ? 'Raise the limit (torch.cuda.set_per_process_memory_fraction, or gpu_memory_utilization of the server), or allocate less: see who holds memory at this moment.'
          : 'Allocate less at this moment (see who holds memory there), or free the device of other processes.'),
      gainBytes: null,
      gainHow: null,
      wouldChange: 'A higher limit, or less allocated when the request comes.',
    }),
  );
  return findings;
};
