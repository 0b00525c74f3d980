/** The recording does not hold the beginning, or nothing but its end: says what therefore cannot be known. */
import { ringFacts } from '../analyze/recording/ring.ts';
import { count } from '../base/words.ts';
import type { DeviceFacts } from '../analyze/device-facts.ts';
import { evidence, type Evidence, type Finding } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { code, exactSize, size } from './words.ts';

const RECORD_EARLIER = `Call ${code('torch.cuda.memory._record_memory_history()')} before the model is loaded. A ring that is too small drops the oldest entries: leave max_entries out, or make it larger.`;

const BEFORE = `Call ${code('torch.cuda.memory._record_memory_history()')} before the model is loaded.`;
/** Where the recording itself says what happened. */
const REMEDY = {
  overflowed: 'Leave max_entries out of _record_memory_history(), or make it larger: its ring overflowed.',
  late: `${BEFORE} Its ring is large enough.`,
  cleared: `${BEFORE} Do not clear the history (clear_history) on the way. Its ring is large enough.`,
} as const;

/** A snapshot without history: segments and blocks at one moment. */
function stateOnly(facts: DeviceFacts): Finding[] {
  const { segments, cut } = facts.trace;
  if (segments === null || cut || segments.length === 0) return [];
  const { total_size, allocated_size, active_size } = segments;
  const sum = (column: Float64Array): number => column.reduce((all, bytes) => all + bytes, 0);
  const reserved = sum(total_size);
  const privateIds = new Set(facts.privatePools.map(({ id }) => id));
  // Whole segments that nothing lives in; of an expandable segment also the pages, which the table does not tell.
  const idle = total_size.reduce(
    (all, bytes, at) => all + (active_size[at] === 0 && !privateIds.has(segments.pool_id[at]) ? bytes : 0),
    0,
  );
  const unread = facts.input.unread === true;
  const more = unread ? 'Copy the file again, whole: its history may be in it.' : RECORD_EARLIER;
  return [
    about(facts, {
      id: 'recorded-late',
      severity: 'info',
      title: unread
        ? 'Only the last state could be read, no events'
        : 'Only one moment was recorded, no events',
      verdict: `${exactSize(reserved)} are reserved, ${exactSize(sum(allocated_size))} of it allocated. How it came to that, whether it grows and which lines hold it cannot be known: ${unread ? 'no event of the history could be read' : 'the history was not recorded'}.`,
      confidence: unread ? 'medium' : 'certain',
      confidenceWhy: unread
        ? 'A part of the file could not be read.'
        : 'The file holds segments and blocks, and no events.',
      evidence: [
        evidence(
          `${count(segments.length, 'segment')}; ${exactSize(idle)} in segments in which nothing lives, which empty_cache() would give back.`,
        ),
      ],
      remedy:
        idle > 0
          ? `${code('torch.cuda.empty_cache()')} gives ${size(idle)} back. To know more: ${more}`
          : more,
      gainBytes: idle > 0 ? idle : null,
      gainHow: idle > 0 ? 'whole segments in which nothing lives, private pools left out' : null,
      wouldChange: 'A recording from the start of the process.',
    }),
  ];
}

export const recordedLate: DeviceRule = (facts) => {
  const { baseline, lifetimes } = facts.input;
  if (facts.trace.producer !== 'torch') return [];
  if (facts.rows === 0) return stateOnly(facts);
  if (baseline.whole) return [];
  const { before, known } = baseline;
  const unmatched = lifetimes.unmatchedFrees;
  const growth =
    facts.iterations.count === 0
      ? 'no iterations are found in what is left, so that growth cannot be judged'
      : 'growth is judged on the visible window alone';
  const proofs: Evidence[] = [
    known
      ? evidence(
          `Before the first event ${exactSize(before.requested)} were requested and alive, and ${exactSize(before.reserved)} reserved.`,
          { row: 0 },
        )
      : evidence('There is no final state to count back from.', { row: 0 }),
  ];
  const { cause, sentence, contradiction } = ringFacts(facts.trace, baseline, facts.input.earlier);
  for (const told of [sentence, contradiction]) if (told !== null) proofs.push(evidence(told));
  if (unmatched > 0) proofs.push(evidence(`${count(unmatched, 'free')} of allocations that are not in it.`));
  // A cut file may have begun empty: only frees of the unknown prove that it did not.
  const certain = known || unmatched > 0;
  return [
    about(facts, {
      id: 'recorded-late',
      severity: 'info',
      title: certain
        ? 'The recording begins in the middle'
        : 'Whether the recording holds the beginning is not known',
      verdict: baseline.fromEmpty
        ? `What happened before its first event is lost, though it had all been given back by then: earlier peaks and totals cannot be known; ${growth}.`
        : `${certain ? 'What happened before its first event is lost' : 'What happened before its first event, if anything, is lost'}: earlier peaks, totals and who allocated ${known ? exactSize(before.requested) : 'what was there'} cannot be known; ${growth}; and other settings are not replayed, as the requests before it are missing.`,
      confidence: certain ? 'certain' : 'medium',
      confidenceWhy: certain
        ? 'It follows from the events and the final state.'
        : 'Nothing in the events contradicts a beginning at zero, and nothing proves it.',
      evidence: proofs,
      remedy: cause === null ? RECORD_EARLIER : REMEDY[cause],
      gainBytes: null,
      gainHow: null,
      wouldChange: 'A recording from the start of the process.',
    }),
  ];
};
