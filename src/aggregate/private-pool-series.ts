/**
 * Curves of private pools (CUDA graphs, torch.cuda.MemPool): what all of them have reserved, and what each of the
 * largest has. Only where the recording names the pool of its events (PyTorch 2.12 and newer).
 */
import { setI64, u64At } from '../base/u64.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION } from '../trace/schema.ts';
import type { Baseline } from './baseline.ts';
import type { SeriesSpec } from './series.ts';

/** Pools with a curve of their own; more would not be told apart. */
const MOST_POOLS = 4;

export interface PoolCurve {
  /** "(0, 1)". */
  readonly id: string;
  /** Bytes reserved before the first event, at most, and after the last. */
  readonly before: number;
  readonly peak: number;
  readonly now: number;
  /** Row after which most was reserved; -1: before the first one. */
  readonly peakRow: number;
  /** Row after which nothing was reserved any more; null: it still is, or never was. */
  readonly goneRow: number | null;
}

/** Signed bytes by which a row changes what is reserved, in its pool and in all. */
export function reservedBy({ events }: Pick<DeviceTrace, 'events'>, row: number): number {
  const action = events.action[row];
  if (action === ACTION.segment_alloc || action === ACTION.segment_map) return u64At(events.size, row);
  if (action === ACTION.segment_free || action === ACTION.segment_unmap) return -u64At(events.size, row);
  return 0;
}

/** Every private pool that an event or the final state names, most at its peak first; null: events do not name pools. */
export function privatePoolCurves(trace: DeviceTrace): PoolCurve[] | null {
  const { details, events, segments, cut } = trace;
  if (details?.pool == null) return null;
  const { pool, pool_ids } = details;
  const net = new Map<string, number>();
  const lowest = new Map<string, number>();
  const rows: number[] = [];
  for (let row = 0; row < events.length; row++) {
    const id = pool[row] === 0 ? '' : pool_ids[pool[row] - 1];
    if (id === '') continue;
    const change = reservedBy(trace, row);
    if (change === 0) continue;
    rows.push(row);
    const now = (net.get(id) ?? 0) + change;
    net.set(id, now);
    lowest.set(id, Math.min(lowest.get(id) ?? 0, now));
  }
  const final = new Map<string, number>();
  if (segments !== null && !cut)
    for (let i = 0; i < segments.length; i++) {
      const id = segments.pool_id[i];
      if (id !== '') final.set(id, (final.get(id) ?? 0) + segments.total_size[i]);
    }
  const curves = new Map<string, { -readonly [K in keyof PoolCurve]: PoolCurve[K] }>();
  for (const id of new Set([...net.keys(), ...final.keys()])) {
    const least = 0 - (lowest.get(id) ?? 0);
    const known = segments !== null && !cut;
    const before = known ? Math.max((final.get(id) ?? 0) - (net.get(id) ?? 0), least) : least;
    curves.set(id, { id, before, peak: before, now: before, peakRow: -1, goneRow: null });
  }
  for (const row of rows) {
    const curve = curves.get(pool_ids[pool[row] - 1])!;
    curve.now += reservedBy(trace, row);
    if (curve.now > curve.peak) {
      curve.peak = curve.now;
      curve.peakRow = row;
    }
    curve.goneRow = curve.now === 0 ? row : null;
  }
  return [...curves.values()].sort((a, b) => b.peak - a.peak);
}

export function privatePoolSeries(trace: DeviceTrace, { known }: Baseline): SeriesSpec[] {
  const curves = privatePoolCurves(trace);
  if (curves === null || curves.length === 0) return [];
  const { events } = trace;
  const { pool, pool_ids } = trace.details!;
  const deltas = (counts: (id: string) => boolean) => (): Uint32Array => {
    const words = new Uint32Array(2 * events.length);
    const wanted = Uint8Array.from(pool_ids, (id) => (id !== '' && counts(id) ? 1 : 0));
    for (let row = 0; row < events.length; row++)
      if (pool![row] !== 0 && wanted[pool![row] - 1] === 1) setI64(words, row, reservedBy(trace, row));
    return words;
  };
  const common = {
    unit: 'bytes',
    chart: 'usage',
    exact: known,
    bound: known ? null : 'lower',
    note: known ? null : 'What the pools held before the recording is not known.',
  } as const;
  const all: SeriesSpec = {
    id: 'private_pools',
    label: 'Reserved in private pools',
    ...common,
    initial: curves.reduce((sum, { before }) => sum + before, 0),
    deltas: deltas(() => true),
  };
  if (curves.length === 1) return [{ ...all, label: `Reserved in private pool ${curves[0].id}` }];
  return [
    all,
    ...curves.slice(0, MOST_POOLS).map(({ id, before }) => ({
      id: `private_pool ${id}`,
      label: `Private pool ${id}`,
      ...common,
      initial: before,
      deltas: deltas((other) => other === id),
    })),
  ];
}
