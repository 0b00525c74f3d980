/** Memory in private pools (CUDA graphs, torch.cuda.MemPool): reserved for them alone as long as they live. */
import { count, percent } from '../base/words.ts';
import { evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { code, exactSize, size } from './words.ts';

/** Share of what is reserved from which private pools are worth a word. */
const SHARE = 0.05;
const MOST_POOLS = 5;

export const privatePools: DeviceRule = (facts) => {
  const pools = [...facts.privatePools].sort((a, b) => b.reserved - a.reserved);
  const total = pools.reduce((sum, { reserved }) => sum + reserved, 0);
  const reserved = facts.finalReserved;
  if (reserved === null || total < SHARE * reserved || total === 0) return [];
  const gone = facts.gonePools;
  const idle = pools.reduce((sum, pool) => sum + pool.reserved - pool.active, 0);
  return [
    about(facts, {
      id: 'private-pools',
      severity: 'info',
      title: `${size(total)} in private pools`,
      verdict: `${count(pools.length, 'private pool')} (CUDA graphs or torch.cuda.MemPool) hold ${exactSize(total)}, ${percent(total / reserved)} of what is reserved at the end. ${exactSize(idle)} of it is free inside them, and no request outside the pool can use it.`,
      confidence: 'certain',
      confidenceWhy: 'The final state names the pool of every segment.',
      evidence: [
        ...pools
          .slice(0, MOST_POOLS)
          .map((pool) =>
            evidence(
              `Pool ${pool.id}: ${exactSize(pool.reserved)} reserved in ${count(pool.segments, 'segment')}, ${exactSize(pool.reserved - pool.active)} of it free.`,
              facts.rows === 0 ? {} : { row: facts.rows - 1 },
            ),
          ),
        ...gone
          .slice(0, MOST_POOLS)
          .map(({ id, peak, goneRow }) =>
            evidence(
              `Pool ${id} is gone: it held ${exactSize(peak)} at most and gave it back.`,
              goneRow === null ? {} : { row: goneRow },
            ),
          ),
      ],
      remedy:
        pools.length > 1
          ? `CUDA graphs that never run at the same time can share one pool: ${code('torch.cuda.graph(g, pool=first.pool())')}. Capture fewer shapes, and drop graphs that are no longer replayed.`
          : 'Capture fewer shapes, and drop graphs that are no longer replayed.',
      gainBytes: null,
      gainHow: null,
      wouldChange: 'Graphs that are destroyed: what their pools hold goes back with the next empty_cache().',
    }),
  ];
};
