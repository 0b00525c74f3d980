/**
 * Stream-ordered memory pools (cudaMallocAsync): the figures that came with allocations and frees, and what
 * happened to the pools themselves, as one table in time order.
 *
 *   time | from                  | printed utilized | utilized after
 *   10   | pool created          | 0                | 0
 *   20   | alloc of 4096, row 3  | 4096             | 4096
 *   30   | free of 4096, row 4   | 4096             | 0        Nsight prints a free's value BEFORE it
 */
import { u64At } from '../../base/u64.ts';
import { whyNotBytes } from '../../base/bounds.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import type { PoolTable } from '../../trace/capture.ts';
import type { RawEvents } from './events.ts';
import { POOLS_TABLE } from './schema.ts';
import type { NsysTables } from './tables.ts';

const CREATED = 1;
const DESTROYED = 2;
const LOCAL = 1;

/** A row of CUDA_GPU_MEMORY_POOL_EVENTS: a pool was created, trimmed or destroyed. */
export interface PoolEvent {
  readonly time: bigint;
  readonly globalPid: number;
  readonly device: number;
  readonly address: bigint;
  readonly operation: number;
  readonly size: number;
  readonly releaseThreshold: number;
  readonly utilized: number;
}

export interface PoolEvents {
  readonly events: PoolEvent[];
  /** Pools imported from other processes: they come without figures. */
  readonly imported: number;
  /** Rows left out because their figures cannot be. */
  readonly impossible: number;
}

export async function readPoolEvents(tables: NsysTables): Promise<PoolEvents> {
  const events: PoolEvent[] = [];
  let imported = 0;
  let impossible = 0;
  if (!tables.names.has(POOLS_TABLE)) return { events, imported, impossible };
  const columns = [
    'start',
    'globalPid',
    'deviceId',
    'address',
    'operationType',
    'poolType',
    'localMemoryPoolReleaseThreshold',
    'localMemoryPoolSize',
    'localMemoryPoolUtilizedSize',
  ];
  for await (const rows of tables.rows(POOLS_TABLE, columns)) {
    while (rows.step()) {
      if (!rows.isNull(5) && rows.int(5) !== LOCAL) {
        imported++;
        continue;
      }
      const isGone = rows.int(4) === DESTROYED;
      const [size, utilized] = isGone ? [0, 0] : [rows.number(7), rows.number(8)];
      if (whyNotBytes(size) !== null || whyNotBytes(utilized) !== null) {
        impossible++;
        continue;
      }
      events.push({
        time: rows.bigint(0),
        globalPid: rows.number(1),
        device: rows.int(2),
        address: BigInt.asUintN(64, rows.bigint(3)),
        operation: rows.int(4),
        releaseThreshold: Number(BigInt.asUintN(64, rows.bigint(6))),
        size,
        utilized,
      });
    }
  }
  events.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  return { events, imported, impossible };
}

/** Indices of the pool rows whose raw rows are on the device, in the order of its rows. */
function inRowOrder(rawRows: Uint32Array, toRow: (rawRow: number) => number): Uint32Array {
  const indices = new Uint32Array(rawRows.length);
  let length = 0;
  let last = -1;
  let isOrdered = true;
  for (let i = 0; i < rawRows.length; i++) {
    const row = toRow(rawRows[i]);
    if (row === NONE) continue;
    isOrdered &&= row > last;
    last = row;
    indices[length++] = i;
  }
  const found = indices.subarray(0, length);
  return isOrdered ? found : found.sort((a, b) => toRow(rawRows[a]) - toRow(rawRows[b]));
}

/** Pools of one device; null where it has none. `toRow`: row of the device's event table of a raw row, or NONE. */
export function buildPools(
  raw: RawEvents,
  toRow: (rawRow: number) => number,
  poolEvents: readonly PoolEvent[],
): PoolTable | null {
  const { pools } = raw;
  const indices = inRowOrder(pools.row.subarray(0, pools.length), toRow);
  const length = indices.length + poolEvents.length;
  if (length === 0) return null;
  const pool_address = new Uint32Array(2 * length);
  const time_ns = new Uint32Array(2 * length);
  const addresses = new BigUint64Array(pool_address.buffer);
  const times = new BigInt64Array(time_ns.buffer);
  const utilized = new Float64Array(length);
  const size = new Float64Array(length);
  const release_threshold = new Float64Array(length);
  const event_row = new Uint32Array(length).fill(NONE);
  const process_index = new Uint16Array(length);
  const addressWords = new Uint32Array(pools.address.buffer);
  const timeWords = new Uint32Array(raw.time.buffer);
  const sizeWords = new Uint32Array(raw.size.buffer);
  let at = 0;
  const addPoolEvent = (event: PoolEvent): void => {
    addresses[at] = event.address;
    times[at] = event.time;
    utilized[at] = event.utilized;
    size[at] = event.size;
    release_threshold[at] = event.releaseThreshold;
    process_index[at] = Math.max(0, raw.processes.indexOf(event.globalPid));
    at++;
  };
  let next = 0;
  for (const i of indices) {
    const row = pools.row[i];
    for (; next < poolEvents.length; next++) {
      const event = poolEvents[next];
      const isBefore =
        event.time < raw.time[row] || (event.time === raw.time[row] && event.operation === CREATED);
      if (!isBefore) break;
      addPoolEvent(event);
    }
    // By words: a bigint a row would cost more than all the rest.
    pool_address[2 * at] = addressWords[2 * i];
    pool_address[2 * at + 1] = addressWords[2 * i + 1];
    time_ns[2 * at] = timeWords[2 * row];
    time_ns[2 * at + 1] = timeWords[2 * row + 1];
    utilized[at] = pools.utilized[i] - (raw.action[row] === ACTION.free ? u64At(sizeWords, row) : 0);
    size[at] = pools.size[i];
    release_threshold[at] = pools.releaseThreshold[i];
    event_row[at] = toRow(row);
    process_index[at] = raw.places[raw.place[row]].process;
    at++;
  }
  for (; next < poolEvents.length; next++) addPoolEvent(poolEvents[next]);
  return { length, pool_address, time_ns, utilized, size, release_threshold, event_row, process_index };
}
