/**
 * What PyTorch's allocator keeps reserved and has not allocated: by the last line in which a program prints both, or
 * by its last memory summary.
 *
 *   MA 26.38 GB  CA 26.71 GB
 *   MA  0.58 GB  CA 26.71 GB      26.13 GB are the cache
 *
 * By lines it is the most that empty_cache() can give back, as free parts of blocks in use stay. A summary names
 * those parts (non-releasable), so the rest is exact but for its rounding.
 */
import type { MemorySummary } from '../../trace/capture.ts';
import type { DataTable } from '../../trace/readings.ts';
import type { ReadSource } from '../read-source.ts';
import { placeName, type PrintedGrowth } from './facts-growth.ts';

export interface PrintedCache {
  readonly source: ReadSource;
  readonly device: number | null;
  /** "rank 0"; '' where none is named. */
  readonly place: string;
  readonly allocated: number;
  readonly reserved: number;
  /** Reserved and not allocated, bytes. */
  readonly cached: number;
  /** How far `cached` may be off, both ways. */
  readonly error: number;
  /** Tag of the line, or what stands before the summary; '' for none. */
  readonly tag: string;
  /** The largest fall of allocated before it: from, to and the tag there; null: it did not fall by as much as half of the cache. */
  readonly fall: { readonly from: number; readonly to: number; readonly tag: string } | null;
  /** The most that was allocated by the same line, where it prints that; null: it does not. */
  readonly peak: number | null;
  /** By a summary; null: by lines. */
  readonly summary: {
    /** What empty_cache() gives back. */
    readonly releasable: number;
    readonly pinned: number;
    readonly peakAllocated: number;
  } | null;
}

const LEAST = 2 ** 30;
/** A smaller share of what is reserved is what any allocator has. */
const LEAST_SHARE = 0.25;

const isMuch = (cached: number, reserved: number): boolean =>
  cached >= LEAST && cached >= LEAST_SHARE * reserved;

interface Line {
  readonly tag: string;
  readonly allocated: number;
  readonly reserved: number;
  readonly peak: number | null;
}

/** Lines with both figures, by rank or process. */
function linesByPlace(table: DataTable): Map<string, Line[]> {
  const names = table.columns.map(({ name }) => name);
  const [allocated, reserved] = [names.indexOf('allocated'), names.indexOf('reserved')];
  const peak = names.indexOf('allocated_peak');
  const places = new Map<string, Line[]>();
  if (allocated < 0 || reserved < 0) return places;
  for (const row of table.rows) {
    const [a, r] = [row[allocated], row[reserved]];
    if (typeof a !== 'number' || typeof r !== 'number') continue;
    const labels: Record<string, string> = {};
    for (const name of ['host', 'rank', 'process']) {
      const value = row[names.indexOf(name)];
      if (typeof value === 'string') labels[name] = value;
    }
    const place = placeName(labels);
    const most = row[peak];
    const line = {
      tag: String(row[1]),
      allocated: a,
      reserved: r,
      peak: typeof most === 'number' ? most : null,
    };
    const own = places.get(place);
    if (own === undefined) places.set(place, [line]);
    else own.push(line);
  }
  return places;
}

function fallOf(lines: readonly Line[], cached: number): PrintedCache['fall'] {
  let fall: PrintedCache['fall'] = null;
  lines.forEach(({ allocated, tag }, i) => {
    if (i === 0) return;
    const from = lines[i - 1].allocated;
    if (from - allocated < cached / 2) return;
    if (fall === null || from - allocated > fall.from - fall.to) fall = { from, to: allocated, tag };
  });
  return fall;
}

function cachesOfLines(source: ReadSource): PrintedCache[] {
  const table = source.readings?.tables.find(({ id }) => id === 'memory-lines');
  if (table === undefined) return [];
  const gauges = source.readings?.gauges ?? [];
  const error = ['memory_allocated', 'memory_reserved'].reduce(
    (sum, id) =>
      sum +
      Math.max(0, ...gauges.filter((gauge) => gauge.id === id).map(({ granularity }) => granularity)) / 2,
    0,
  );
  return [...linesByPlace(table)].flatMap(([place, lines]) => {
    const last = lines[lines.length - 1];
    const cached = last.reserved - last.allocated;
    if (!isMuch(cached, last.reserved)) return [];
    return [
      { source, device: null, place, ...last, cached, error, fall: fallOf(lines, cached), summary: null },
    ];
  });
}

const cellOf = ({ rows }: MemorySummary, metric: string): { current: number; peak: number } | null =>
  rows[metric]?.['all'] ?? null;

function cachesOfSummaries(source: ReadSource): PrintedCache[] {
  return [...new Set(source.summaries.map(({ device }) => device))].flatMap((device) => {
    const own = source.summaries.filter((summary) => summary.device === device);
    const last = own[own.length - 1];
    const [allocated, active, reserved, pinned] = [
      'Allocated memory',
      'Active memory',
      'GPU reserved memory',
      'Non-releasable memory',
    ].map((metric) => cellOf(last, metric));
    if (allocated === null || reserved === null) return [];
    const cached = reserved.current - allocated.current;
    if (!isMuch(cached, reserved.current)) return [];
    const known = active !== null && pinned !== null;
    const coarse = Math.max(0, ...Object.values(last.granularity).map(({ current }) => current));
    return [
      {
        source,
        device,
        place: '',
        allocated: allocated.current,
        reserved: reserved.current,
        cached,
        error: coarse,
        tag: last.label ?? '',
        fall: null,
        peak: null,
        summary: known
          ? {
              releasable: reserved.current - active.current - pinned.current,
              pinned: pinned.current,
              peakAllocated: allocated.peak,
            }
          : null,
      },
    ];
  });
}

/** `told`: growth of the same lines that was judged: a leak, or a cache that came to its end, says this better. */
export function printedCaches(
  sources: readonly ReadSource[],
  told: readonly PrintedGrowth[],
): PrintedCache[] {
  const silent = new Set(
    told
      .filter(({ conclusion }) => !['cannot_tell', 'no_growth'].includes(conclusion.conclusion))
      .map(({ source }) => source.id),
  );
  return sources.flatMap((source) =>
    silent.has(source.id) ? [] : [...cachesOfLines(source), ...cachesOfSummaries(source)],
  );
}
