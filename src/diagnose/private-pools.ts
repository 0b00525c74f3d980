/** Memory in private pools (CUDA graphs, torch.cuda.MemPool): reserved for them alone as long as they live. */
import { evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { count, exactSize, percent, size } from './words.ts';

/** Share of what is reserved from which private pools are worth a word. */
const SHARE = 0.05;

export const privatePools: DeviceRule = (facts) => {
  const pools = facts.privatePools;
  const total = pools.reduce((sum, { reserved }) => sum + reserved, 0);
  const reserved = facts.finalReserved;
  if (reserved === null || total < SHARE * reserved || total === 0) return [];
  const idle = pools.reduce((sum, pool) => sum + pool.reserved - pool.active, 0);
  return [
    about(facts, {
      id: 'private-pools',
      severity: 'info',
      title: `${size(total)} in private pools`,
      verdict: `${count(pools.length, 'private pool')} (CUDA graphs or torch.cuda.MemPool) hold ${exactSize(total)}, ${percent(total / reserved)} of what is reserved. ${exactSize(idle)} of it is free inside them: other requests cannot use it and empty_cache() does not give it back while the graphs live.`,
      confidence: 'certain',
      confidenceWhy: 'The final state names the pool of every segment.',
      evidence: pools.map((pool) =>
        evidence(
          `Pool ${pool.id}: ${exactSize(pool.reserved)} reserved in ${count(pool.segments, 'segment')}, ${exactSize(pool.active)} active.`,
        ),
      ),
      remedy:
        pools.length > 1
          ? 'Let graphs that never run at the same time share a pool: torch.cuda.graph(g, pool=first.pool()).'
          : 'Drop graphs that are no longer replayed; capture fewer batch sizes.',
      gainBytes: null,
      gainHow: null,
      wouldChange: 'Graphs that are destroyed: their pools go back with the next empty_cache().',
    }),
  ];
};
