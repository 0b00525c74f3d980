/** Memory that the program let go of and that cannot be used again, because another stream may still use it (record_stream). */
import { percent } from '../base/words.ts';
import { type Evidence, evidence } from './finding.ts';
import { about, type DeviceRule, isWorth } from './device-rule.ts';
import { code, exactSize, size } from './words.ts';

/** Share of the reserved peak from which waiting blocks are worth a word. */
const SHARE = 0.05;

export const pendingFree: DeviceRule = (facts) => {
  const { waiting } = facts;
  if (waiting === null || facts.rows === 0) return [];
  const peak = facts.peakOf(waiting);
  const reserved = facts.reservedPeak.bytes;
  const growing = facts.conclusion?.conclusion === 'pending_free';
  if (!growing && (!isWorth(peak.bytes, reserved) || peak.bytes < SHARE * reserved)) return [];
  const last = facts.rows - 1;
  const now = waiting[last];
  // A few bytes that wait at the end say nothing: frees are always on their way.
  const stuck = now >= peak.bytes / 2;
  const slope = facts.growthOf('active')?.atEnd.slopePerIteration ?? null;
  const proofs: Evidence[] = [
    evidence(`Most bytes waiting at once: ${exactSize(peak.bytes)}.`, { row: peak.row }),
    evidence(
      now === 0 ? 'None waits after the last event.' : `Waiting after the last event: ${exactSize(now)}.`,
      { row: last },
    ),
  ];
  return [
    about(facts, {
      id: 'pending-free',
      severity: growing || stuck ? 'problem' : 'risk',
      title: `${size(peak.bytes)} freed but waiting for another stream`,
      verdict: `Up to ${exactSize(peak.bytes)}, ${percent(peak.bytes / reserved)} of the reserved peak, were freed by the program and could not be used again: record_stream marked them as used by another stream, and the allocator waits until that stream has passed. New requests take new memory meanwhile.${
        growing
          ? ` It grows by ${size(Math.round(slope ?? 0))} per iteration: the other stream falls behind. Not a leak: the program has let go of all of it.`
          : ''
      }`,
      confidence: 'certain',
      confidenceWhy:
        'Both moments are in the recording: when a free was requested, and when it completed. That record_stream is the reason follows from how the allocator works.',
      evidence: proofs,
      remedy: `Instead of tensor.record_stream(side): keep the tensor until the side stream is done with it (side.synchronize(), or an event), or let the main stream wait before it is dropped: ${code('torch.cuda.current_stream().wait_stream(side)')}.`,
      gainBytes: stuck ? now : null,
      gainHow: stuck ? 'bytes waiting after the last event: other requests could use them' : null,
      wouldChange: 'A side stream that keeps up: then frees complete at once.',
    }),
  ];
};
