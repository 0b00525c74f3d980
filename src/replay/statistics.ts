/** The statistics of `torch.cuda.memory_stats()` that follow from allocation traffic. Bytes and counts, exact to 2^53. */

export const METRICS = [
  'allocation',
  'allocated_bytes',
  'active',
  'active_bytes',
  'requested_bytes',
  'segment',
  'reserved_bytes',
  'inactive_split',
  'inactive_split_bytes',
] as const;
export type Metric = (typeof METRICS)[number];

/** Row of each metric's figures: 3 * number, then all, large_pool, small_pool. */
export const METRIC = Object.fromEntries(METRICS.map((name, index) => [name, 3 * index])) as Record<
  Metric,
  number
>;
const ROWS = ['all', 'large_pool', 'small_pool'] as const;
const FIGURES = ['current', 'peak', 'allocated', 'freed'] as const;

/** Counts without pools: oversize allocations and segments have all four figures, too. */
const OVERSIZE = 3 * METRICS.length;
export const OVERSIZE_ALLOCATIONS = OVERSIZE;
export const OVERSIZE_SEGMENTS = OVERSIZE + 1;

/** Keys as `memory_stats()` has them. */
export type ReplayStats = Record<string, number>;

export class Statistics {
  readonly current = new Float64Array(OVERSIZE + 2);
  readonly peak = new Float64Array(OVERSIZE + 2);
  readonly allocated = new Float64Array(OVERSIZE + 2);
  readonly freed = new Float64Array(OVERSIZE + 2);
  allocRetries = 0;
  ooms = 0;
  syncAllStreams = 0;
  deviceAllocs = 0;
  deviceFrees = 0;

  /** Adds to one figure without pools. */
  raise(row: number, amount: number): void {
    const now = (this.current[row] += amount);
    if (now > this.peak[row]) this.peak[row] = now;
    this.allocated[row] += amount;
  }

  lower(row: number, amount: number): void {
    this.current[row] -= amount;
    this.freed[row] += amount;
  }

  /** Adds to a metric (METRIC) in all pools and in one: `small` 1 or 0. */
  add(metric: number, small: number, amount: number): void {
    this.raise(metric, amount);
    this.raise(metric + 1 + small, amount);
  }

  take(metric: number, small: number, amount: number): void {
    this.lower(metric, amount);
    this.lower(metric + 1 + small, amount);
  }

  /** Every key and its figure. */
  toStats(): ReplayStats {
    const stats: ReplayStats = {};
    const put = (name: string, row: number): void => {
      for (const figure of FIGURES) stats[`${name}.${figure}`] = this[figure][row];
    };
    METRICS.forEach((metric) => ROWS.forEach((row, at) => put(`${metric}.${row}`, METRIC[metric] + at)));
    put('oversize_allocations', OVERSIZE_ALLOCATIONS);
    put('oversize_segments', OVERSIZE_SEGMENTS);
    stats['num_alloc_retries'] = this.allocRetries;
    stats['num_ooms'] = this.ooms;
    stats['num_sync_all_streams'] = this.syncAllStreams;
    stats['num_device_alloc'] = this.deviceAllocs;
    stats['num_device_free'] = this.deviceFrees;
    return stats;
  }
}
