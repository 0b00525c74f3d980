/** Reserved grows from iteration to iteration though the program keeps no more: free blocks do not fit. */
import { count } from '../base/words.ts';
import { evidence } from './finding.ts';
import { maskedLeak } from './masked-leak.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { code, exactSize, size } from './words.ts';

/** Free in private pools, as a share of what reserved memory grew by, from which the pools are the cause. */
const POOLS = 0.5;

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
  // What private pools have free no request outside of them can use: that is no piece that does not fit.
  const inPools = facts.privatePools.reduce((sum, pool) => sum + pool.reserved - pool.active, 0);
  const grown = slope * (window === null ? 0 : window[1] - window[0]);
  const byPools = inPools >= POOLS * grown;
  return [
    about(facts, {
      id: 'fragmentation-growth',
      severity: 'risk',
      title: `Reserved memory grows by ${size(slope)} per iteration, allocated does not`,
      verdict: `${
        byPools
          ? `Allocated memory does not grow, reserved memory does, and ${exactSize(inPools)} are free in ${count(facts.privatePools.length, 'private pool')} (CUDA graphs, torch.cuda.MemPool) at the end: graphs that are captured again and again, each with a pool of its own, look like this. Free blocks that do not fit (fragmentation) may be a part of it.`
          : conclusion.sentence
      }${
        until === null || until.iterations < 1
          ? ''
          : ` At this pace ${size(facts.limit?.bytes ?? 0)} is reached in ${count(Math.floor(until.iterations), 'iteration')}; the allocator then gives back what it can before it fails.`
      }`,
      confidence: byPools && conclusion.confidence === 'high' ? 'medium' : conclusion.confidence,
      confidenceWhy: `${byPools ? 'Which pool a segment was taken for is known at the end alone. ' : ''}${reserved.why.join(' ')}`,
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
      remedy: byPools
        ? `Capture graphs once, and let those that never run at the same time share a pool: ${code('torch.cuda.graph(g, pool=first.pool())')}; drop graphs that are no longer replayed. torch.cuda.empty_cache() gives back no pool that a graph holds.`
        : `${code('torch.cuda.empty_cache()')} at a quiet moment starts afresh. Requests of few fixed sizes (padding, buckets) reuse blocks. Whether a setting serves the same requests with less, the findings about settings say.`,
      gainBytes: gain,
      gainHow: gain === null ? null : 'empty_cache() on the state at the end of the recording, replayed',
      wouldChange: 'Iterations without a rise: then it was the cache that warmed up.',
    }),
  ];
};
