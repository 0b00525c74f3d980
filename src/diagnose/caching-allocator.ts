/** Reserved grows, allocated does not: the cache of the allocator, and where it ends. */
import { evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { count, exactSize, size } from './words.ts';

export const cachingAllocator: DeviceRule = (facts) => {
  const { conclusion } = facts;
  if (conclusion?.conclusion !== 'caching_allocator' && conclusion?.conclusion !== 'warm_up') return [];
  const reserved = facts.growthOf('reserved')!.atEnd;
  const allocated = facts.growthOf('allocated')!.atEnd;
  if (reserved.rises.length === 0) return [];
  const gain = facts.emptyCacheGain;
  const bound = reserved.bound ?? facts.reservedPeak.bytes;
  const { rows } = facts.iterations;
  return [
    about(facts, {
      id: 'caching-allocator',
      severity: 'good',
      title: `Reserved memory grew to ${size(bound)} and stayed: the allocator's cache, not a leak`,
      verdict: `What the program holds stays at ${exactSize(allocated.bound ?? facts.allocatedPeak.bytes)} between iterations. Reserved memory grew to ${exactSize(bound)} because the caching allocator keeps the segments that the largest iteration needed${
        reserved.boundBy === null
          ? ''
          : ` (bounded by the ${reserved.boundBy.name}: ${size(reserved.boundBy.bytes)})`
      }. It is reused, and grows again only with a larger request.`,
      confidence: conclusion.confidence,
      confidenceWhy: reserved.why.join(' '),
      evidence: [
        ...reserved.rises.slice(-4).map(({ at, by }) =>
          evidence(`Iteration ${at + 1} ended ${exactSize(by)} higher than any before it.`, {
            rows: [rows[at], rows[at + 1] - 1],
          }),
        ),
        evidence(
          `${count(facts.iterations.count, 'iteration')} (${facts.iterations.method}); reserved peak ${exactSize(facts.reservedPeak.bytes)}.`,
          { row: facts.reservedPeak.row },
        ),
      ],
      remedy:
        'Nothing has to be done. torch.cuda.empty_cache() gives the cached segments back to other processes, at the price of allocating them again.',
      gainBytes: gain,
      gainHow: gain === null ? null : 'empty_cache() on the state at the end of the recording, replayed',
      wouldChange:
        'Allocated that grows from iteration to iteration, or a reserved step without a larger request.',
    }),
  ];
};
