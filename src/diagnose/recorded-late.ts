/** The recording does not hold the beginning: says what therefore cannot be known. */
import { evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { count, exactSize } from './words.ts';

export const recordedLate: DeviceRule = (facts) => {
  const { baseline, lifetimes } = facts.input;
  if (facts.trace.producer !== 'torch' || baseline.fromEmpty || facts.rows === 0) return [];
  const { before, known } = baseline;
  const unmatched = lifetimes.unmatchedFrees;
  return [
    about(facts, {
      id: 'recorded-late',
      severity: 'info',
      title: 'The recording begins in the middle',
      verdict: `What happened before its first event is lost: earlier peaks, totals and who allocated ${known ? exactSize(before.requested) : 'what was there'} cannot be known. Growth is judged on the visible window alone, and settings are not replayed, as the requests before it are missing.`,
      confidence: 'certain',
      confidenceWhy: 'It follows from the events and the final state.',
      evidence: [
        ...(known
          ? [
              evidence(
                `${exactSize(before.requested)} were asked for and ${exactSize(before.reserved)} reserved before the first event.`,
                { row: 0 },
              ),
            ]
          : [evidence('The file has no final state to count back from.')]),
        ...(unmatched > 0
          ? [evidence(`${count(unmatched, 'free')} of allocations that are not in the recording.`)]
          : []),
      ],
      remedy:
        'Call torch.cuda.memory._record_memory_history(max_entries=10_000_000) before the model is loaded; a ring that is too small drops the oldest entries.',
      gainBytes: null,
      gainHow: null,
      wouldChange: 'A recording from the start of the process.',
    }),
  ];
};
