/**
 * Stream-ordered memory pools of an Nsight trace, one by one. A pool's utilized bytes are part of the device's
 * memory usage; what the pool holds beyond them is reserved and free.
 */
import { asBigUint64, setI64, u64At } from '../base/u64.ts';
import type { DeviceTrace, PoolTable } from '../trace/capture.ts';
import { ACTION, NONE } from '../trace/schema.ts';
import type { SeriesSpec } from './series.ts';

export interface NsysPool {
  /** "pool 0x302000000"; with its process where several have one at the same address. */
  readonly name: string;
  /** Rows of the pool table, ascending. */
  readonly rows: Uint32Array;
  /** Utilized bytes before the first of them. */
  readonly before: number;
}

/** Utilized bytes before a row: what the event changed is taken back. */
function utilizedBefore({ events }: DeviceTrace, pools: PoolTable, row: number): number {
  const event = pools.event_row?.[row] ?? NONE;
  if (event === NONE) return pools.utilized[row];
  const size = u64At(events.size, event);
  return Math.max(0, pools.utilized[row] + (events.action[event] === ACTION.alloc ? -size : size));
}

export function poolsOf(trace: DeviceTrace): NsysPool[] {
  const { pools } = trace;
  if (pools === null) return [];
  const words = pools.pool_address;
  const found: { readonly first: number; readonly rows: number[] }[] = [];
  const isPoolOf = (first: number, row: number): boolean =>
    words[2 * first] === words[2 * row] &&
    words[2 * first + 1] === words[2 * row + 1] &&
    pools.process_index?.[first] === pools.process_index?.[row];
  for (let row = 0; row < pools.length; row++) {
    // A handful of pools: a search is quicker than a key made of 96 bits.
    const known = found.find(({ first }) => isPoolOf(first, row));
    if (known) known.rows.push(row);
    else found.push({ first: row, rows: [row] });
  }
  const addresses = asBigUint64(words);
  const nameOf = (row: number): string => `pool 0x${addresses[row].toString(16)}`;
  return found.map(({ first, rows }) => {
    const isShared = found.some(
      (other) => other.first !== first && addresses[other.first] === addresses[first],
    );
    return {
      name: isShared ? `${nameOf(first)} (process ${pools.process_index?.[first] ?? 0})` : nameOf(first),
      rows: Uint32Array.from(rows),
      before: utilizedBefore(trace, pools, first),
    };
  });
}

/** A column of the pool table as the value after every event of the device, carried on between them. */
function carried(trace: DeviceTrace, pool: NsysPool, column: Float64Array, before: number): Uint32Array {
  const { events } = trace;
  const eventRow = trace.pools?.event_row;
  const values = new Uint32Array(2 * events.length);
  let value = before;
  let next = 0;
  for (let row = 0; row < events.length; row++) {
    // A pool's own row (created, trimmed) has no event: it shows with the next one.
    while (next < pool.rows.length && pendingUpTo(eventRow, pool.rows, next, row)) {
      value = column[pool.rows[next]];
      next++;
    }
    setI64(values, row, value);
  }
  return values;
}

/** true: the next row of the pool belongs at or before `row`. */
function pendingUpTo(
  eventRow: Uint32Array | undefined,
  rows: Uint32Array,
  next: number,
  row: number,
): boolean {
  for (let i = next; i < rows.length; i++) {
    const event = eventRow?.[rows[i]] ?? NONE;
    if (event !== NONE) return event <= row;
  }
  return false;
}

/** Curves of every pool: what is in use of it, and what it holds. */
export function poolSeries(trace: DeviceTrace): SeriesSpec[] {
  const { pools } = trace;
  if (pools === null || pools.event_row === undefined) return [];
  return poolsOf(trace).flatMap((pool): SeriesSpec[] => {
    const common = { unit: 'bytes', chart: 'usage', exact: true, bound: null } as const;
    return [
      {
        ...common,
        id: pool.name,
        label: `${pool.name}, in use (part of memory usage)`,
        note: null,
        initial: pool.before,
        values: () => carried(trace, pool, pools.utilized, pool.before),
      },
      {
        ...common,
        id: `${pool.name} size`,
        label: `${pool.name}, held`,
        note: null,
        initial: 0,
        values: () => carried(trace, pool, pools.size, 0),
      },
    ];
  });
}
