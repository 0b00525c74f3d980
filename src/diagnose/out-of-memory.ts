/** A request failed: what was asked, what was free, why that was not enough, and what would have been served. */
import { driverAsks, judgeMoment } from './oom-moment.ts';
import { count } from '../base/words.ts';
import type { DeviceFacts, OomMoment } from '../analyze/device-facts.ts';
import { type Evidence, evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { isLeaking, nameOf } from './linear-leak.ts';
import { isInForce } from './settings-tried.ts';
import { code, exactSize, size } from './words.ts';

const TRIED = [
  { name: 'expandable_segments:True', change: { expandableSegments: true } },
  { name: 'roundup_power2_divisions:8', change: { roundupDivisions: new Array<number>(16).fill(8) } },
];

/** What a leak kept has to be this share of what was allocated at the failure. */
const LEAK_SHARE = 0.2;
const OTHER_REASONS =
  'the driver refused it for another reason (mappings that ran out, a limit of the container, an earlier error), or memory came free just then';

/** Why, in words, and whether it follows from the recording. */
function reason(
  facts: DeviceFacts,
  moment: OomMoment,
): { readonly text: string; readonly certain: boolean; readonly headline: string } {
  const { bytes, deviceFree, reserved, allocated, limit, row } = moment;
  const own = `the process had ${exactSize(reserved)} reserved, ${exactSize(allocated)} of it allocated`;
  const { cause, isSure } = judgeMoment({
    bytes,
    deviceFree,
    reserved,
    reservedBefore: facts.reserved.subarray(0, row).reduce((most, one) => Math.max(most, one), 0),
    allowed: allowedBytes(facts),
  });
  const free = exactSize(deviceFree ?? 0);
  const bounds =
    limit === null ? '' : `. The limit is at least ${exactSize(limit[0])} and below ${exactSize(limit[1])}`;
  switch (cause) {
    case 'limit':
      return {
        text: `The device had ${free} free, more than was requested: a limit of the process itself refused it (per_process_memory_fraction in the allocator settings); ${own}${bounds}.`,
        certain: isSure,
        headline: `A limit of the process refused it: ${size(deviceFree ?? 0)} were free`,
      };
    case 'limit_or_refused':
      return {
        text: `The device had ${free} free, more than was requested, so it was neither full nor fragmented: a limit of the process itself refused it (such as set_per_process_memory_fraction), or less likely ${OTHER_REASONS}; ${own}${limit === null ? '' : `. If it was a limit, it is at least ${exactSize(limit[0])} and below ${exactSize(limit[1])}`}.`,
        certain: false,
        headline: `Probably a limit of the process: ${size(deviceFree ?? 0)} were free`,
      };
    case 'refused':
      return {
        text: `The device had ${free} free, more than was requested, so it was neither full nor fragmented; and a limit of the process ${isSure ? 'was not reached' : 'let more be reserved before'}. So ${OTHER_REASONS}; ${own}.`,
        certain: false,
        headline: `The driver refused it with ${size(deviceFree ?? 0)} free`,
      };
    case 'border':
      return {
        text: `The device had ${free} free, more than was requested but less than the segment of ${exactSize(driverAsks(bytes))} that a request of this size takes from the driver; ${own}.`,
        certain: false,
        headline: `${size(deviceFree ?? 0)} were free, less than the segment that it needs`,
      };
    case 'full':
      return {
        text: `The device had only ${free} free; ${own}. The CUDA context, other libraries and other processes hold the rest.`,
        certain: isSure,
        headline: `The GPU was full: ${size(deviceFree ?? 0)} were free`,
      };
    case 'not_recorded':
      return {
        text: `How much the device had free was not recorded; ${own}.`,
        certain: false,
        headline: 'Unknown: how much of the GPU was free was not recorded',
      };
  }
}

/** The limit that the recording's settings set; null: none, or the device's memory is not known. */
function allowedBytes({ settings, trace }: DeviceFacts): number | null {
  const { perProcessMemoryFraction } = settings.settings;
  return perProcessMemoryFraction === null || trace.total_bytes === null
    ? null
    : Math.floor(perProcessMemoryFraction * trace.total_bytes);
}

/** Settings under which the recorded requests are all served, and those that were tried. */
function rescue(
  facts: DeviceFacts,
  moment: OomMoment,
): { readonly served: { readonly name: string; readonly line: string } | null; readonly tried: string[] } {
  const tried: string[] = [];
  if (moment.limit === null) return { served: null, tried };
  for (const { name, change } of TRIED) {
    if (isInForce(facts, change)) continue;
    // Under the least that the limit can be, so that the promise holds whatever it is.
    const result = facts.whatIf(change, moment.limit[0]);
    if (result === null) continue;
    if (result.firstFailure === null && result.rescued > 0)
      return { served: { name, line: facts.lineFor(change) }, tried };
    tried.push(name);
  }
  return { served: null, tried };
}

/** What would have been served at that moment. */
function servedInstead({ largestFree, limit, reserved, row }: OomMoment): Evidence | null {
  const room = limit === null ? 0 : Math.max(0, limit[0] - reserved);
  const most = Math.max(largestFree ?? 0, room);
  if (largestFree === null && limit === null) return null;
  const how =
    room >= (largestFree ?? 0) && room > 0
      ? 'as a new segment below the limit'
      : 'from the cache, on the stream and in the pool of that block';
  return evidence(
    most === 0
      ? 'No request is sure to have been served: nothing was free in the cache.'
      : `Sure to have been served: a request of up to ${exactSize(most)}, ${how}.`,
    { row },
  );
}

export const outOfMemory: DeviceRule = (facts) => {
  const [first] = facts.ooms;
  if (first === undefined) return [];
  const why = reason(facts, first);
  const contradicts = first.allocated > first.reserved;
  const proofs: Evidence[] = [
    evidence(`Requested: ${exactSize(first.bytes)}.`, { row: first.row }),
    evidence(
      contradicts
        ? `Reserved ${exactSize(first.reserved)}, allocated ${exactSize(first.allocated)}: more than is reserved cannot be allocated, so the recording contradicts itself here.`
        : `Reserved ${exactSize(first.reserved)}, allocated ${exactSize(first.allocated)}: ${exactSize(first.reserved - first.allocated)} not allocated, but in no piece that this request could use.`,
      { row: first.row },
    ),
  ];
  if (first.largestFree !== null)
    proofs.push(
      evidence(`Largest free block in the cache: ${exactSize(first.largestFree)}.`, { row: first.row }),
    );
  const instead = servedInstead(first);
  if (instead !== null) proofs.push(instead);
  if (facts.ooms.length > 1)
    proofs.push(
      evidence(`${count(facts.ooms.length, 'request')} failed in all; this is the first.`, {
        rows: [first.row, facts.ooms[facts.ooms.length - 1].row],
      }),
    );
  const { served, tried } = rescue(facts, first);
  const passes = first.limit !== null && first.allocated + first.bytes >= first.limit[1];
  const settings = passes
    ? ' Allocated and request together pass the limit: no allocator setting can serve it.'
    : served !== null
      ? ` With ${served.name} every request is served under the limit (replayed).`
      : tried.length > 0
        ? ` ${tried.length === 1 ? `${tried[0]} would not have prevented this: a request still fails` : `Neither ${tried.join(' nor ')} would have prevented this: a request still fails with each of them`} under the limit (replayed).`
        : '';
  const leak = leakBehind(facts, first, served?.line ?? null);
  return [
    about(facts, {
      id: 'out-of-memory',
      claim: {
        kind: 'oom',
        source: null,
        requested: first.bytes,
        free: first.deviceFree,
        allocated: first.allocated,
      },
      severity: 'problem',
      title: `Out of memory: ${size(first.bytes)} requested${first.deviceFree === null ? '' : `, ${size(first.deviceFree)} free on the device`}`,
      headline: leak === null ? why.headline : `A leak filled the memory: ${size(leak.kept)} were kept`,
      verdict: `${leak === null ? '' : `${leak.text} `}${why.text}${settings}`,
      confidence: contradicts ? 'low' : why.certain ? 'certain' : 'medium',
      confidenceWhy: contradicts
        ? 'What the recording says was allocated is more than what it says was reserved.'
        : why.certain
          ? 'The recording has what was requested and what the device had free at that moment.'
          : first.deviceFree === null
            ? 'What the device had free is not in the recording.'
            : 'What was free excludes a full device; who refused the request is not in the recording.',
      evidence: proofs,
      remedy: leak?.remedy ?? (passes || served === null ? remedyOf(first) : code(served.line)),
      gainBytes: null,
      gainHow: null,
      wouldChange: 'A higher limit, or less allocated when the request comes.',
    }),
  ];
};

/** A leak that filled the memory: no setting ends it, and it comes first. */
function leakBehind(
  facts: DeviceFacts,
  { allocated }: OomMoment,
  setting: string | null,
): { readonly text: string; readonly remedy: string; readonly kept: number } | null {
  const growth = facts.growthOf('allocated')?.atEnd;
  if (!isLeaking(facts) || growth === undefined || growth.confidence === 'low') return null;
  const [line] = facts.leaks.suspects.filter(({ kind }) => kind === 'grows');
  const slope = Math.round(growth.slopePerIteration ?? 0);
  const kept = slope * (facts.iterations.count - 1);
  // A leak that is a small part of what was full is not what filled it.
  if (slope <= 0 || kept < LEAK_SHARE * allocated) return null;
  const named = line === undefined ? '' : ` First to look at: ${nameOf(line)}.`;
  return {
    kept,
    text: `A leak led here: ${size(slope)} more were kept after every iteration, ${size(kept)} over the ${count(facts.iterations.count, 'iteration')} before the failure.${named}`,
    remedy: `End the leak (the finding about it says how): without that, more room only puts the failure off.${setting === null ? '' : ` Until then ${code(setting)} serves the recorded requests.`}`,
  };
}

const remedyOf = ({ deviceFree, bytes }: OomMoment): string =>
  deviceFree !== null && deviceFree >= bytes
    ? 'Raise the limit (torch.cuda.set_per_process_memory_fraction, per_process_memory_fraction in the allocator settings, or --gpu-memory-utilization of a server), or have less allocated at this moment: the finding about who holds most at the peak names the lines.'
    : deviceFree !== null
      ? 'Have less allocated at this moment (the finding about who holds most at the peak names the lines), or free the device of other processes.'
      : 'Have less allocated at this moment: the finding about who holds most at the peak names the lines.';
