/** What `memory_stats()` says exactly, compared with what `memory_summary()` printed at the same moment. */
import type { MemorySummary } from '../../../src/trace/capture.ts';

/** Metric as printed -> key of memory_stats(); from memory_summary() in torch/cuda/memory.py. */
const KEYS: Readonly<Record<string, string>> = {
  'Allocated memory': 'allocated_bytes',
  'Active memory': 'active_bytes',
  'Requested memory': 'requested_bytes',
  'GPU reserved memory': 'reserved_bytes',
  'Non-releasable memory': 'inactive_split_bytes',
  Allocations: 'allocation',
  'Active allocs': 'active',
  'GPU reserved segments': 'segment',
  'Non-releasable allocs': 'inactive_split',
  'Oversize allocations': 'oversize_allocations',
  'Oversize GPU segments': 'oversize_segments',
};

const COLUMNS = ['current', 'peak', 'allocated', 'freed'] as const;

/** Cells that contradict the exact figures, in words; and how many agree. */
export function compareWithStats(
  summary: MemorySummary,
  stats: Readonly<Record<string, number>>,
): { readonly agree: number; readonly wrong: string[] } {
  let agree = 0;
  const wrong: string[] = [];
  for (const [metric, rows] of Object.entries(summary.rows)) {
    const key = KEYS[metric];
    for (const [pool, cells] of Object.entries(rows)) {
      for (const column of COLUMNS) {
        const name = key.startsWith('oversize') ? `${key}.${column}` : `${key}.${pool}.${column}`;
        const exact = stats[name];
        const printed = cells[column];
        const unit = summary.granularity[metric][column];
        if (printed <= exact && exact < printed + unit) agree++;
        else wrong.push(`${metric} / ${pool} / ${column}: printed ${printed} (+${unit}), exact ${exact}`);
      }
    }
  }
  if (summary.ooms !== stats['num_ooms']) wrong.push(`ooms ${summary.ooms}, exact ${stats['num_ooms']}`);
  if (summary.retries !== stats['num_alloc_retries']) {
    wrong.push(`retries ${summary.retries}, exact ${stats['num_alloc_retries']}`);
  }
  return { agree, wrong };
}
