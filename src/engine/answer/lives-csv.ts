/** What a filter lets pass, as a CSV file in pieces: exact integers, one line a row, no cell that a spreadsheet would run. */
import { csvText } from '../../trace/table/text.ts';
import type { DeviceSession } from '../device-session.ts';
import type { ListQuery } from '../lives-protocol.ts';
import { eventsOn, livesOn } from './lives.ts';

const AT_ONCE = 5000;

const line = (cells: readonly (string | number | null)[]): string =>
  `${cells.map((one) => (typeof one === 'string' ? csvText(one) : (one ?? ''))).join(',')}\n`;

const LIVES_HEAD =
  'allocation,requested_bytes,line,allocated_event,allocated_ns,freed_event,freed_ns,address,stream,pool\n';
const EVENTS_HEAD = 'event,time_ns,action,size_bytes,address,stream,line,allocation\n';

/** Pieces of their own memory. A filter that is none gives the header alone. */
export async function listAsCsv(
  session: DeviceSession,
  query: ListQuery,
): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  const encoder = new TextEncoder();
  const pieces = [encoder.encode(query.mode === 'allocations' ? LIVES_HEAD : EVENTS_HEAD)];
  for (let from = 0; ; from += AT_ONCE) {
    const page = { ...query, from, limit: AT_ONCE };
    const [total, lines] =
      query.mode === 'allocations' ? await lifeLines(session, page) : await eventLines(session, page);
    pieces.push(encoder.encode(lines));
    if (from + AT_ONCE >= total) return pieces;
  }
}

type Page = ListQuery & { readonly from: number; readonly limit: number };

async function lifeLines(session: DeviceSession, page: Page): Promise<[number, string]> {
  const { total, rows } = await livesOn(session, page);
  const lines = rows.map((life) =>
    line([
      ...[life.life, life.requested, life.label, life.madeRow, life.madeNs, life.endedRow, life.endedNs],
      ...[life.address, life.stream, life.pool],
    ]),
  );
  return [total, lines.join('')];
}

async function eventLines(session: DeviceSession, page: Page): Promise<[number, string]> {
  const { total, rows } = await eventsOn(session, page);
  const lines = rows.map(({ row, xNs, action, size, address, stream, label, life }) =>
    line([row, xNs, action, size, address, stream, label, life]),
  );
  return [total, lines.join('')];
}
