/** Allocations one by one: a list that is filtered and sorted, and everything of one of them. */
import { groupNames } from '../../analyze/live.ts';
import { isAliveAfter, lifeOfRow, NEVER } from '../../analyze/lives/lives.ts';
import { TraceError } from '../../base/trace-error.ts';
import { asBigUint64, u64At } from '../../base/u64.ts';
import { OP } from '../../replay/requests.ts';
import { ACTION, ACTIONS, NONE } from '../../trace/schema.ts';
import type { DeviceSession } from '../device-session.ts';
import type {
  EventRow,
  EventsAnswer,
  EventsQuery,
  LifeAnswer,
  LifeRow,
  LivesAnswer,
  LivesQuery,
} from '../lives-protocol.ts';

/** Rows that one answer holds at most. */
const MOST_ROWS = 5000;

/** "0x7fe134000000" of an address of the lives. */
export const addressText = (session: DeviceSession, address: number): string =>
  `0x${((BigInt(session.lives.origin) << 32n) + BigInt(address)).toString(16)}`;

export function lifeRow(session: DeviceSession, life: number): LifeRow {
  const { lives, trace } = session;
  const [from, to] = [lives.rowFrom[life], lives.rowTo[life]];
  return {
    life,
    address: addressText(session, lives.address[life]),
    requested: lives.requested[life],
    stream: trace.streams[lives.streamIndex[life]] ?? '',
    pool: groupNames(trace)[lives.group[life]] ?? null,
    label: session.labelOf(lives.stack[life]),
    stack: session.stackOrNull(lives.stack[life]),
    madeRow: from < 0 ? null : from,
    madeNs: from < 0 ? null : session.timeOf(from),
    endedRow: to === NEVER ? null : to,
    endedNs: to === NEVER ? null : session.timeOf(to),
  };
}

const page = (from: number, limit: number, total: number): readonly [number, number] => {
  const first = Math.min(Math.max(0, Math.floor(from)), total);
  return [first, Math.min(total, first + Math.min(Math.max(0, Math.floor(limit)), MOST_ROWS))];
};

export async function livesOn(session: DeviceSession, query: LivesQuery): Promise<LivesAnswer> {
  const { key: device } = session;
  const all = session.lives.length;
  const selected = (await session.selections()).select(query.filter);
  if (!selected.ok) return { device, total: 0, bytes: 0, all, rows: [], fault: selected.fault };
  const { lives, bytes } = selected.selection;
  const order = (await session.selections()).inOrder(lives, query.sort);
  const [first, end] = page(query.from, query.limit, order.length);
  const rows: LifeRow[] = [];
  for (let i = first; i < end; i++)
    rows.push(lifeRow(session, order[query.descending ? order.length - 1 - i : i]));
  return { device, total: lives.length, bytes, all, rows, fault: null };
}

/** Bytes of a life's block: from the final state where it lives at the end, else from the replay; null: not known. */
function blockSize(session: DeviceSession, life: number): number | null {
  const { lives, trace, replay } = session;
  if (trace.producer !== 'torch') return null;
  const { blocks } = trace;
  if (lives.rowTo[life] === NEVER && blocks !== null)
    for (let block = 0; block < blocks.length; block++) {
      const high = blocks.address[2 * block + 1] - lives.origin;
      if (blocks.state[block] !== 2 && high * 2 ** 32 + blocks.address[2 * block] === lives.address[life])
        return blocks.size[block];
    }
  const made = lives.rowFrom[life];
  if (replay === null || made < 0) return null;
  const { row, allocation, op, length } = replay.requests;
  // Steps are in the order of rows; those of what was there before come first and carry row 0.
  for (let step = length - 1; step >= 0; step--)
    if (row[step] === made && op[step] === OP.alloc) return replay.blockSize[allocation[step]];
  return null;
}

/** Throws `internal` for a number that no life has. */
export function lifeOn(session: DeviceSession, life: number): LifeAnswer {
  const { lives, source } = session;
  if (!(life >= 0 && life < lives.length && Number.isInteger(life)))
    throw new TraceError('internal', `there is no allocation ${life}`);
  let [reuse, count, made, alive, aliveBytes] = [0, 0, 0, 0, 0];
  const row = lives.rowFrom[life];
  for (let other = 0; other < lives.length; other++) {
    if (lives.address[other] === lives.address[life]) {
      count++;
      if (other < life) reuse++;
    }
    if (lives.stack[other] !== lives.stack[life]) continue;
    made++;
    if (!isAliveAfter(lives, other, row)) continue;
    alive++;
    aliveBytes += lives.requested[other];
  }
  const freed = lives.rowFreed[life];
  const hasWaited = freed >= 0 && freed !== NEVER && freed !== lives.rowTo[life];
  return {
    device: session.key,
    ...lifeRow(session, life),
    blockSize: blockSize(session, life),
    freedRow: hasWaited ? freed : null,
    reuse,
    lives: count,
    sameStack: { made, alive, aliveBytes },
    frames: lives.stack[life] === NONE ? [] : source.stacks.stack(lives.stack[life]),
  };
}

/** The allocation that a row begins or ends; null: neither. */
export const lifeAt = ({ lives, living, trace }: DeviceSession, row: number): number | null =>
  row >= 0 && row < lives.rows ? lifeOfRow(lives, living.lifetimes.partner, trace.events.action, row) : null;

/** Rows of the recording that begin or end lives that pass. */
async function rowsThatPass(
  session: DeviceSession,
  filter: string,
): Promise<Uint32Array | EventsAnswer['fault']> {
  const selected = (await session.selections()).select(filter);
  if (!selected.ok) return selected.fault;
  const { lives } = session;
  const passes = new Uint8Array(session.rows);
  for (const life of selected.selection.lives) {
    for (const row of [lives.rowFrom[life], lives.rowFreed[life], lives.rowTo[life]])
      if (row >= 0 && row !== NEVER) passes[row] = 1;
  }
  return Uint32Array.from(passes.keys()).filter((row) => passes[row] === 1);
}

export async function eventsOn(session: DeviceSession, query: EventsQuery): Promise<EventsAnswer> {
  const { key: device, rows: all, trace } = session;
  const found = query.filter.trim() === '' ? null : await rowsThatPass(session, query.filter);
  if (found !== null && !(found instanceof Uint32Array))
    return { device, total: 0, all, rows: [], fault: found };
  const total = found?.length ?? all;
  const [first, end] = page(query.from, query.limit, total);
  const rows: EventRow[] = [];
  const { events } = trace;
  for (let i = first; i < end; i++) {
    const row = found === null ? i : found[i];
    rows.push({
      row,
      xNs: session.timeOf(row),
      action: ACTIONS[events.action[row]],
      address: `0x${asBigUint64(events.address)[row].toString(16)}`,
      size: u64At(events.size, row),
      stream: trace.streams[events.stream_index[row]] ?? '',
      label:
        events.action[row] === ACTION.snapshot || events.stack_index[row] === NONE
          ? ''
          : session.labelOf(events.stack_index[row]),
      life: lifeAt(session, row),
    });
  }
  return { device, total, all, rows, fault: null };
}
