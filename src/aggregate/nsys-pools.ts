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
  const addresses = asBigUint64(pools.pool_address);
  const rowsByPool = new Map<string, number[]>();
  const names = new Map<string, string>();
  const processesOf = new Map<string, Set<number>>();
  for (let row = 0; row < pools.length; row++) {
    const name = `pool 0x${addresses[row].toString(16)}`;
    const process = pools.process_index?.[row] ?? 0;
    const key = `${name} ${process}`;
    names.set(key, name);
    const rows = rowsByPool.get(key);
    if (rows) {
      rows.push(row);
      continue;
    }
    rowsByPool.set(key, [row]);
    processesOf.set(name, (processesOf.get(name) ?? new Set()).add(process));
  }
  return [...rowsByPool].map(([key, rows]) => {
    const name = names.get(key)!;
    const process = pools.process_index?.[rows[0]] ?? 0;
    return {
      name: processesOf.get(name)!.size > 1 ? `${name} (process ${process})` : name,
      rows: Uint32Array.from(rows),
      before: utilizedBefore(trace, pools, rows[0]),
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
