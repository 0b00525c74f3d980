/** Reserved grows from iteration to iteration though the program keeps no more: free blocks do not fit. */
import { count } from '../base/words.ts';
import { evidence } from './finding.ts';
import { maskedLeak } from './masked-leak.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { code, exactSize, size } from './words.ts';

export const fragmentationGrowth: DeviceRule = (facts) => {
  const { conclusion, iterations } = facts;
  const reserved = facts.growthOf('reserved')?.atEnd;
  const allocated = facts.growthOf('allocated')?.atEnd;
  if (conclusion?.conclusion !== 'fragmentation' || reserved === undefined || allocated === undefined)
    return [];
  const slope = Math.round(reserved.slopePerIteration ?? 0);
  // An amount of nothing is no growth to speak of.
  if (slope <= 0) return [];
  // Where a line keeps more behind others' frees, reserved memory grows for it.
  if (maskedLeak(facts).length > 0) return [];
  const until = reserved.untilLimit;
  const { window } = reserved;
  const gain = facts.emptyCacheGain;
  return [
    about(facts, {
      id: 'fragmentation-growth',
      severity: 'risk',
      title: `Reserved memory grows by ${size(slope)} an iteration, allocated does not`,
      verdict: `${conclusion.sentence}${
        until === null || until.iterations < 1
          ? ''
          : ` At this pace ${size(facts.limit?.bytes ?? 0)} is reached in ${count(Math.floor(until.iterations), 'iteration')}; the allocator then gives back what it can before it fails.`
      }`,
      confidence: conclusion.confidence,
      confidenceWhy: reserved.why.join(' '),
      evidence: [
        evidence(
          `Reserved at the ends of ${count(iterations.count, 'iteration')} grows by ${exactSize(slope)} each.`,
          window === null ? {} : { rows: [iterations.rows[window[0]], iterations.rows[window[1] + 1] - 1] },
        ),
        evidence(
          `Allocated between iterations never passes ${exactSize(allocated.bound ?? facts.allocatedPeak.bytes)}.`,
          { row: facts.allocatedPeak.row },
        ),
      ],
      remedy: `${code('torch.cuda.empty_cache()')} at a quiet moment starts afresh. Requests of few fixed sizes (padding, buckets) reuse blocks. Whether a setting serves the same requests with less, the findings about settings say.`,
      gainBytes: gain,
      gainHow: gain === null ? null : 'empty_cache() on the state at the end of the recording, replayed',
      wouldChange: 'Iterations without a rise: then it was the cache that warmed up.',
    }),
  ];
};
