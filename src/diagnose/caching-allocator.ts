/** Reserved grows, allocated does not: the cache of the allocator, and where it ends. */
import { count } from '../base/words.ts';
import { evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { code, exactSize, size } from './words.ts';

export const cachingAllocator: DeviceRule = (facts) => {
  const { conclusion } = facts;
  if (conclusion?.conclusion !== 'caching_allocator' && conclusion?.conclusion !== 'warm_up') return [];
  const reserved = facts.growthOf('reserved')!.atEnd;
  const allocated = facts.growthOf('allocated')!.atEnd;
  if (reserved.rises.length === 0) return [];
  const gain = facts.emptyCacheGain;
  const steps = reserved.kind === 'steps_with_largest_request';
  const bound = reserved.bound ?? facts.reservedPeak.bytes;
  const { rows } = facts.iterations;
  const after = facts.iterations.count - 1 - reserved.rises[reserved.rises.length - 1].at;
  return [
    about(facts, {
      id: 'caching-allocator',
      severity: 'good',
      title: `Reserved memory${facts.workspaces.many ? ', without the workspaces of cuBLAS,' : ''} grew to ${size(bound)}${steps ? '' : ' and stayed'}: the allocator's cache, no leak`,
      verdict: `${
        allocated.rest ??
        `What the program holds between iterations ${allocated.kind === 'none' ? 'stays at' : 'ends at'} ${exactSize(allocated.bound ?? facts.allocatedPeak.bytes)}.`
      } Reserved memory grew to ${exactSize(bound)} ${
        allocated.rest !== undefined
          ? 'with it, and the caching allocator keeps its segments'
          : allocated.kind === 'warm_up_plateau' && reserved.kind === 'warm_up_plateau'
            ? 'with what the program came to hold (a cache that filled, state made at first use), and the caching allocator keeps its segments'
            : 'because the caching allocator keeps the segments that the largest iteration needed'
      }${
        reserved.boundBy === null
          ? ''
          : ` (bounded by the ${reserved.boundBy.name}: ${size(reserved.boundBy.bytes)})`
      }. It is reused; it grows again only where requests need more at once.`,
      confidence: conclusion.confidence,
      confidenceWhy: reserved.why.join(' '),
      evidence: [
        ...reserved.rises.slice(-4).map(({ at, by }) =>
          evidence(`Iteration ${at + 1}: reserved ended ${exactSize(by)} higher than after any before.`, {
            row: rows[at + 1] - 1,
            rows: [rows[at], rows[at + 1] - 1],
          }),
        ),
        evidence(
          `${after === 0 ? '' : `No rise in the ${count(after, 'iteration')} after that. `}Most ever reserved: ${exactSize(facts.reservedPeak.bytes)}.`,
          { row: facts.reservedPeak.row },
        ),
      ],
      remedy: `Nothing has to be done. Where another process needs the memory, ${code('torch.cuda.empty_cache()')} gives cached segments back, at the price of allocating them again.`,
      gainBytes: gain,
      gainHow: gain === null ? null : 'empty_cache() on the state at the end of the recording, replayed',
      wouldChange:
        'Allocated that grows from iteration to iteration, or reserved that goes on stepping up with the same requests.',
    }),
  ];
};
