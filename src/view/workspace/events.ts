/** The tables of allocations and of events as data: which rows are on screen, and what stands in their cells. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type { DeviceView, EventRow, LifeRow, LifeSort } from '../../engine/protocol.ts';
import { formatInstant } from '../parts/words.ts';
import { lifetimeWords } from './life.ts';

export type ListMode = 'allocations' | 'events';

export const ROW_HEIGHT = 26;
/** Browsers draw nothing beyond some ten million pixels: longer lists are scrolled in proportion. */
const MOST_PIXELS = 8_000_000;
/** Rows asked for at once. */
export const PAGE = 200;

export interface ListColumn {
  readonly id: string;
  readonly label: string;
  /** null: cannot be sorted by. */
  readonly sort: LifeSort | null;
  readonly align: 'left' | 'right';
}

const column = (
  id: string,
  label: string,
  sort: LifeSort | null = null,
  align: ListColumn['align'] = 'left',
): ListColumn => ({ id, label, sort, align });

export const COLUMNS: Readonly<Record<ListMode, readonly ListColumn[]>> = {
  allocations: [
    column('size', 'Requested', 'size', 'right'),
    column('line', 'Line'),
    column('made', 'Allocated', 'made', 'right'),
    column('ended', 'Freed', 'ended', 'right'),
    column('lifetime', 'Lifetime', 'lifetime', 'right'),
    column('address', 'Address', 'address'),
    column('stream', 'Stream', 'stream'),
    column('pool', 'Pool'),
  ],
  events: [
    column('row', 'Event', null, 'right'),
    column('when', 'Time', null, 'right'),
    column('action', 'Action'),
    column('size', 'Size', null, 'right'),
    column('address', 'Address'),
    column('stream', 'Stream'),
    column('line', 'Line'),
  ],
};

export interface ListCell {
  readonly text: string;
  /** Exact value, for the title. */
  readonly title: string | null;
}

const cell = (text: string, title: string | null = null): ListCell => ({ text, title });

const instant = (
  ns: number | null,
  row: number | null,
  clock: DeviceView['clock'],
  none: string,
): ListCell =>
  row === null
    ? cell(none)
    : cell(
        clock === 'none' || ns === null ? formatInteger(row) : formatInstant(ns, 1000),
        `event ${formatInteger(row)}`,
      );

const bytes = (size: number, unit: ByteUnit): ListCell =>
  cell(formatBytes(size, unit), `${formatInteger(size)} bytes`);

export const lifeCells = (life: LifeRow, clock: DeviceView['clock'], unit: ByteUnit): ListCell[] => [
  bytes(life.requested, unit),
  life.stack === null ? cell('no stack', life.label) : cell(life.label, life.label),
  instant(life.madeNs, life.madeRow, clock, 'before'),
  instant(life.endedNs, life.endedRow, clock, 'never'),
  cell(life.madeRow === null || life.endedRow === null ? '' : lifetimeWords(life, clock)),
  cell(life.address),
  cell(life.stream),
  cell((life.pool ?? '').replace(/_pool$/, '').replaceAll('_', ' ')),
];

export const eventCells = (event: EventRow, clock: DeviceView['clock'], unit: ByteUnit): ListCell[] => [
  cell(formatInteger(event.row)),
  clock === 'none' ? cell('') : cell(formatInstant(event.xNs, 1000), `${formatInteger(event.xNs)} ns`),
  cell(event.action.replaceAll('_', ' ')),
  bytes(event.size, unit),
  cell(event.address),
  cell(event.stream),
  cell(event.label, event.label),
];

export interface Window {
  /** Height of everything, CSS pixels. */
  readonly height: number;
  /** Rows [first, first + count) are drawn, the first one at `top`. */
  readonly first: number;
  readonly count: number;
  readonly top: number;
}

/** What of a list is on screen. `scrolled`, `room`: CSS pixels. */
export function windowOf(total: number, scrolled: number, room: number): Window {
  const full = total * ROW_HEIGHT;
  const height = Math.min(full, MOST_PIXELS);
  const fits = Math.ceil(room / ROW_HEIGHT) + 2;
  const share = height <= room ? 0 : Math.min(1, Math.max(0, scrolled / (height - room)));
  // Rows scrolled past: to the pixel where every row has its place, else in proportion.
  const past = full <= MOST_PIXELS ? scrolled / ROW_HEIGHT : share * Math.max(0, total - room / ROW_HEIGHT);
  const first = Math.max(0, Math.min(Math.floor(past), Math.max(0, total - fits + 1)));
  const top = full <= MOST_PIXELS ? first * ROW_HEIGHT : scrolled - (past - first) * ROW_HEIGHT;
  return { height, first, count: Math.min(fits, total - first), top };
}

/** Where to scroll to so that a row is on screen. */
export function scrollTo(total: number, row: number, scrolled: number, room: number): number {
  const full = total * ROW_HEIGHT;
  if (full > MOST_PIXELS) {
    const most = Math.max(1, total - room / ROW_HEIGHT);
    const { first, count } = windowOf(total, scrolled, room);
    if (row > first && row < first + count - 3) return scrolled;
    return (Math.min(1, Math.max(0, (row - 2) / most)) * (MOST_PIXELS - room)) | 0;
  }
  const top = row * ROW_HEIGHT;
  if (top < scrolled) return top;
  if (top + ROW_HEIGHT > scrolled + room) return top + ROW_HEIGHT - room;
  return scrolled;
}
