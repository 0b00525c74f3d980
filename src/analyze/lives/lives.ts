/**
 * The lives of allocations: each from the row at which it came to be to the row at which it ended. Everything that is
 * true at a moment or over a range is a question to these columns.
 *
 *   life | address | requested | row_from | row_freed | row_to
 *   0    | 0x10    | 512       | -1       | 7         | 9        made before the recording
 *   1    | 0x400   | 2048      | 0        | 4         | 4
 *   2    | 0x400   | 1024      | 5        | never     | never    the address again, a second life
 *
 * Alive just after row r: row_from <= r < row_to. Freed and waiting for another stream: row_freed <= r < row_to.
 * Order: lives from before the recording first, then by row_from. Nsight: the device's own memory, not the host's.
 */
import { leastHigh, u64Above, u64At } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, HOST_KINDS, NONE } from '../../trace/schema.ts';
import { type EarlierAllocation } from '../live.ts';
import { AddressMap, type Lifetimes } from '../lifetimes.ts';

/** Stands in `rowFreed` and `rowTo` of what no row of the recording ended. */
export const NEVER = 0x7fffffff;

/** Stands in `group` where the pool is not known. */
export const NO_GROUP = 0xff;

export interface Lives {
  readonly length: number;
  /** Lives from before the recording: the first ones. */
  readonly earlier: number;
  /** Rows of the recording. */
  readonly rows: number;
  /** High word from which addresses count, so that they are exact as numbers: address + origin * 2^32. */
  readonly origin: number;
  readonly address: Float64Array;
  /** Bytes; of pinned host memory the block, where the request was not recorded. */
  readonly requested: Float64Array;
  /** Index into the device's `streams`. */
  readonly streamIndex: Uint16Array;
  /** Node of the stack tree, or NONE. */
  readonly stack: Uint32Array;
  /** The `group` column of the event table, or NO_GROUP. */
  readonly group: Uint8Array;
  /** Row of its alloc; -1: before the recording. */
  readonly rowFrom: Int32Array;
  /** Row of its free_requested, or of what ended it where there is none; -1: freed before the recording; NEVER. */
  readonly rowFreed: Int32Array;
  /** Row that ended it; NEVER. */
  readonly rowTo: Int32Array;
}

/** Blocks of the final state that wait for other streams, by address. */
function pendingAtTheEnd({ blocks, cut }: DeviceTrace): AddressMap {
  const pending = new AddressMap();
  if (blocks === null || cut) return pending;
  for (let i = 0; i < blocks.length; i++)
    if (blocks.state[i] === 1) pending.swap(blocks.address[2 * i], blocks.address[2 * i + 1], i);
  return pending;
}

export function livesOf(
  trace: DeviceTrace,
  { partner }: Lifetimes,
  earlier: readonly EarlierAllocation[],
): Lives {
  const { events, segments } = trace;
  const isHost = (row: number): boolean =>
    trace.producer === 'nsys' && HOST_KINDS.includes(events.group[row]);
  let made = 0;
  for (let row = 0; row < events.length; row++)
    if (events.action[row] === ACTION.alloc && !isHost(row)) made++;
  const length = earlier.length + made;
  const origin = Math.min(
    leastHigh(events.address),
    segments === null ? Infinity : leastHigh(segments.address),
  );
  const lives = {
    length,
    earlier: earlier.length,
    rows: events.length,
    origin,
    address: new Float64Array(length),
    requested: new Float64Array(length),
    streamIndex: new Uint16Array(length),
    stack: new Uint32Array(length),
    group: new Uint8Array(length),
    rowFrom: new Int32Array(length),
    rowFreed: new Int32Array(length).fill(NEVER),
    rowTo: new Int32Array(length).fill(NEVER),
  };
  // Of lives from before the recording the row that ended them is known, and so is the life by that row.
  const endedAt = new Map<number, number>();
  earlier.forEach((one, life) => {
    lives.address[life] = one.address;
    lives.requested[life] = one.size;
    lives.streamIndex[life] = one.streamIndex;
    lives.stack[life] = one.stack;
    lives.group[life] = one.until === Infinity ? NO_GROUP : events.group[one.until];
    lives.rowFrom[life] = -1;
    if (one.until === Infinity) return;
    endedAt.set(one.until, life);
    lives.rowTo[life] = lives.rowFreed[life] = one.until;
  });
  const waiting = new AddressMap();
  const waits = pendingAtTheEnd(trace);
  const asksFirst = events.action.includes(ACTION.free_requested);
  const lifeOf = new Uint32Array(events.length);
  let life = earlier.length;
  for (let row = 0; row < events.length; row++) {
    switch (events.action[row]) {
      case ACTION.alloc:
        if (isHost(row)) break;
        lifeOf[row] = life;
        lives.address[life] = u64Above(events.address, row, origin);
        lives.requested[life] = u64At(events.size, row);
        lives.streamIndex[life] = events.stream_index[row];
        lives.stack[life] = events.stack_index[row];
        lives.group[life] = events.group[row];
        lives.rowFrom[life++] = row;
        break;
      case ACTION.free_requested:
        if (partner[row] === NONE) waiting.swap(events.address[2 * row], events.address[2 * row + 1], row);
        else if (lives.rowFreed[lifeOf[partner[row]]] === NEVER) lives.rowFreed[lifeOf[partner[row]]] = row;
        break;
      case ACTION.free_completed:
      case ACTION.free: {
        if (partner[row] === NONE) {
          const asked = waiting.swap(events.address[2 * row], events.address[2 * row + 1], NONE);
          const ended = endedAt.get(row);
          if (ended !== undefined && asked !== NONE) lives.rowFreed[ended] = asked;
          // Where frees are recorded as asked for and this one was not: that was before the recording.
          else if (ended !== undefined && asksFirst) lives.rowFreed[ended] = -1;
        } else if (!isHost(partner[row])) {
          const ended = lifeOf[partner[row]];
          if (lives.rowFreed[ended] === NEVER) lives.rowFreed[ended] = row;
          lives.rowTo[ended] = row;
        }
      }
    }
  }
  // Freed before the recording's end and not ended by it: what waits in the final state, without an alloc of its own.
  for (let at = 0; at < earlier.length; at++) {
    if (lives.rowTo[at] !== NEVER) continue;
    const [low, high] = [lives.address[at] % 2 ** 32, Math.floor(lives.address[at] / 2 ** 32) + origin];
    const asked = waiting.get(low, high);
    if (asked !== NONE) lives.rowFreed[at] = asked;
    else if (waits.get(low, high) !== NONE) lives.rowFreed[at] = -1;
  }
  return lives;
}

/** Whether a life is alive just after a row (-1: before the first one). */
export const isAliveAfter = ({ rowFrom, rowTo }: Lives, life: number, row: number): boolean =>
  rowFrom[life] <= row && row < rowTo[life];

/** First life that was made after `row`: lives made by then are those before it. Length + 1 answers, by binary search. */
export function firstMadeAfter({ rowFrom, length }: Lives, row: number): number {
  let [from, to] = [0, length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (rowFrom[middle] <= row) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The life that a row of the recording begins or ends (alloc, free_requested, free_completed, free); null: none. */
export function lifeOfRow(
  lives: Lives,
  partner: Uint32Array,
  action: Uint8Array,
  row: number,
): number | null {
  if (action[row] === ACTION.alloc) {
    const life = firstMadeAfter(lives, row) - 1;
    return life >= 0 && lives.rowFrom[life] === row ? life : null;
  }
  if (![ACTION.free_requested, ACTION.free_completed, ACTION.free].includes(action[row])) return null;
  if (partner[row] !== NONE) return lifeOfRow(lives, partner, action, partner[row]);
  for (let life = 0; life < lives.earlier; life++)
    if (lives.rowTo[life] === row || lives.rowFreed[life] === row) return life;
  return null;
}
