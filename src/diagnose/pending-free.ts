/** Memory that the program let go of and that cannot be used again, because another stream may still use it (record_stream). */
import { evidence } from './finding.ts';
import { about, type DeviceRule, isWorth } from './device-rule.ts';
import { exactSize, percent, size } from './words.ts';

/** Share of the reserved peak from which waiting blocks are worth a word. */
const SHARE = 0.05;

export const pendingFree: DeviceRule = (facts) => {
  const { replay } = facts;
  if (replay === null) return [];
  const { active, allocated } = replay.curves;
  const peak = facts.peakOf(facts.waiting ?? new Float64Array(0));
  const reserved = facts.reservedPeak.bytes;
  if (!isWorth(peak.bytes, reserved) || peak.bytes < SHARE * reserved) return [];
  const last = facts.rows - 1;
  const now = active[last] - allocated[last];
  const growth = facts.conclusion?.conclusion === 'pending_free';
  return [
    about(facts, {
      id: 'pending-free',
      severity: growth || now >= peak.bytes / 2 ? 'problem' : 'risk',
      title: `${size(peak.bytes)} freed but waiting for another stream`,
      verdict: `Up to ${exactSize(peak.bytes)} (${percent(peak.bytes / reserved)} of the reserved peak) were freed by the program and could not be used again: record_stream marks them as used by another stream, and the allocator waits until that stream has passed. New requests take new segments meanwhile.${
        growth ? ' It grows with every iteration: the side stream falls behind.' : ''
      }`,
      confidence: 'certain',
      confidenceWhy: 'Both moments, free_requested and free_completed, are in the recording.',
      evidence: [
        evidence(`Most bytes waiting: ${exactSize(peak.bytes)}.`, { row: peak.row }),
        evidence(`Waiting after the last event: ${exactSize(now)}.`, { row: last }),
      ],
      remedy:
        'Instead of tensor.record_stream(side): keep the tensor until side.synchronize() or an event of it, or let the main stream wait (torch.cuda.current_stream().wait_stream(side)) before it is dropped.',
      gainBytes: now > 0 ? now : null,
      gainHow: now > 0 ? 'bytes waiting after the last event; they become free for other requests' : null,
      wouldChange: 'A side stream that keeps up: then frees complete at once.',
    }),
  ];
};
