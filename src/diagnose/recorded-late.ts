/** The recording does not hold the beginning: says what therefore cannot be known. */
import { evidence, type Evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { count, exactSize } from './words.ts';

export const recordedLate: DeviceRule = (facts) => {
  const { baseline, lifetimes } = facts.input;
  if (facts.trace.producer !== 'torch' || baseline.fromEmpty || facts.rows === 0) return [];
  const { before, known } = baseline;
  const unmatched = lifetimes.unmatchedFrees;
  const growth =
    facts.iterations.count === 0
      ? 'no iterations are found in what is left, so that growth cannot be judged'
      : 'growth is judged on the visible window alone';
  const proofs: Evidence[] = [
    known
      ? evidence(
          `Before the first event ${exactSize(before.requested)} were asked for and alive, and ${exactSize(before.reserved)} reserved.`,
          { row: 0 },
        )
      : evidence('There is no final state to count back from.', { row: 0 }),
  ];
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
      verdict: `${certain ? 'What happened before its first event is lost' : 'What happened before its first event, if anything, is lost'}: earlier peaks, totals and who allocated ${known ? exactSize(before.requested) : 'what was there'} cannot be known; ${growth}; and other settings are not replayed, as the requests before it are missing.`,
      confidence: certain ? 'certain' : 'medium',
      confidenceWhy: certain
        ? 'It follows from the events and the final state.'
        : 'Nothing in the events contradicts a beginning at zero, and nothing proves it.',
      evidence: proofs,
      remedy:
        'Call torch.cuda.memory._record_memory_history() before the model is loaded. A ring that is too small drops the oldest entries: leave max_entries out, or make it larger.',
      gainBytes: null,
      gainHow: null,
      wouldChange: 'A recording from the start of the process.',
    }),
  ];
};
