/**
 * The ledger over time, one event a pixel column; what monitors tell of the device besides, at the same events.
 *
 *   rows of a column     reserved   requested
 *   6,418                  4 GiB      3.0 GiB
 *   6,419                  4 GiB      3.9 GiB      <- shown: most is reserved, and of those rows most is asked for
 *   6,420                  4 GiB      2.1 GiB
 *
 * Parts of one row sum exactly to what is reserved; lowest and highest values of different rows would not. What the
 * rows beside it reach is told apart, as the most of each part in the column.
 */
import { count } from '../../base/words.ts';
import { LEDGER_COLUMNS, type LedgerColumn, type LedgerOverTime } from '../../analyze/ledger/over-time.ts';
import { formatInteger } from '../../base/units.ts';
import type { DeviceSession } from '../device-session.ts';
import type { DeviceSideAt } from '../../analyze/ledger/non-torch-near.ts';
import { outsideColumns } from '../../analyze/ledger/outside.ts';
import { pixelRows } from '../pixel-rows.ts';
import type { LedgerColumns, LedgerColumnsQuery } from '../protocol.ts';

/** On the page, parts bear the names that they have in the ledger of one moment. */
const NAMES: Readonly<Record<LedgerColumn, { readonly id: string; readonly label: string }>> = {
  requested: { id: 'requested', label: 'Live (requested)' },
  rounding: { id: 'rounding', label: 'Rounding of blocks' },
  pending: { id: 'pending', label: 'Freed, waiting for other streams' },
  inactiveSplit: { id: 'inactive_split', label: 'Free but pinned (inactive split)' },
  inactivePages: { id: 'inactive_pages', label: 'Free but pinned, on a page' },
  releasable: { id: 'releasable', label: 'Free and releasable' },
  privateIdle: { id: 'private_idle', label: 'Free in private pools' },
};

/** `row`: -1: before the first one. */
const bytesAfter = ({ before, columns }: LedgerOverTime, name: LedgerColumn, row: number): number =>
  row < 0 ? before[name] : columns[name][row];

const reservedAfter = (told: LedgerOverTime, row: number): number =>
  row < 0 ? LEDGER_COLUMNS.reduce((sum, name) => sum + told.before[name], 0) : told.reserved[row];

/** Fails never: where there is no exact ledger, it says why. */
export function ledgerColumns(
  session: DeviceSession,
  query: LedgerColumnsQuery,
  sideAt: DeviceSideAt,
): LedgerColumns {
  const { range, x, offsets } = pixelRows(session, query);
  const told = session.ledgerColumns;
  if (told === null) return { device: session.key, range, x, parts: null, why: whyNone(session) };
  const length = x.length;
  const tallest = session.tallestRows!;
  const shown = tallest.parts;
  const row = new Int32Array(length);
  const reserved = new Float64Array(length);
  const parts = shown.map((name) => ({
    ...NAMES[name],
    values: new Float64Array(length),
    most: new Float64Array(length),
  }));
  for (let i = 0; i < length; i++) {
    const [from, to] = [offsets[i], offsets[i + 1]];
    // A column without events holds what was carried into it.
    row[i] = from < to ? tallest.row(from, to) : tallest.settled(from - 1);
    reserved[i] = reservedAfter(told, row[i]);
    shown.forEach((name, part) => {
      const bytes = bytesAfter(told, name, row[i]);
      parts[part].values[i] = bytes;
      parts[part].most[i] = from < to ? tallest.mostOf(name, from, to) : bytes;
    });
  }
  const last = tallest.settled(offsets[length] - 1);
  const end = {
    row: last,
    reserved: reservedAfter(told, last),
    values: shown.map((name) => bytesAfter(told, name, last)),
  };
  const moments = [...row].map((at, i) => ({ row: at, reserved: reserved[i] }));
  const outside = outsideColumns([...moments, end], sideAt);
  return {
    device: session.key,
    range,
    x,
    parts: { row, reserved, parts, end, unknownSizes: told.unknownSizes, outside },
    why: null,
  };
}

function whyNone({ rows, trace, replay }: DeviceSession): string {
  if (trace.producer === 'torch_host')
    return 'Blocks of pinned host memory are taken whole and never split: there is nothing inside of them to tell apart.';
  if (trace.producer !== 'torch') return "This file does not record PyTorch's allocator.";
  if (rows === 0) return 'The file holds no events.';
  if (replay === null) return 'The recording holds no allocation to replay.';
  const { fidelity } = replay;
  const { unplaced, state } = fidelity;
  const where = [
    unplaced > 0 ? `${count(unplaced, 'row fits', 'rows fit')} no state of it` : null,
    state !== null && state.blocksEqual < state.blocks
      ? `${formatInteger(state.blocks - state.blocksEqual)} of ${formatInteger(state.blocks)} last blocks differ`
      : null,
  ].filter((text) => text !== null);
  return `The allocator could not be led along this recording to the byte: ${where.join(', ')}. What is in the parts is not known.`;
}
