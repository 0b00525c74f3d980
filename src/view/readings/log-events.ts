/** What happened, line by line: out of memory, preemptions, sleep, refused starts; the figures in words. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count, list } from '../../base/words.ts';
import type { LogEvent } from '../../engine/protocol.ts';
import type { Clock } from './clock.ts';
import { formatMoment } from './clock.ts';
import type { Fact } from '../device/moment.ts';
import type { TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

const KINDS: Readonly<Record<LogEvent['kind'], string>> = {
  oom: 'Out of memory',
  preemption: 'Preemption',
  sleep: 'Sleep',
  start_refused: 'Start refused',
  other: 'Other',
};

const eventKind = ({ kind }: LogEvent): string => KINDS[kind];

/** In the order in which they are told. */
const FIGURES: readonly (readonly [string, string])[] = [
  ['requested', 'Requested'],
  ['free', 'Free on the device'],
  ['total', 'Device in all'],
  ['process', 'Held by this process'],
  ['allocated', 'Allocated by PyTorch'],
  ['reserved_unallocated', 'Reserved, not allocated'],
  ['private_pools', 'In private pools'],
  ['allowed', 'Allowed'],
  ['left_at_most', 'Left on the device, at most'],
  ['allocated_after', 'Allocated afterwards'],
];

const nameOf = (key: string): string =>
  FIGURES.find(([id]) => id === key)?.[1] ??
  `${key.slice(0, 1).toUpperCase()}${key.slice(1).replaceAll('_', ' ')}`;

/** Known ones first, all others as they come. */
function figures({ figures: all }: LogEvent): (readonly [string, number])[] {
  const order = FIGURES.map(([id]) => id);
  const place = (key: string): number => (order.includes(key) ? order.indexOf(key) : order.length);
  return Object.entries(all).sort(([a], [b]) => place(a) - place(b));
}

/** "2.00 GiB asked for, 1.12 GiB of 79.10 GiB free; PyTorch held 70.01 GiB and 3.20 GiB that nothing used". */
export function eventWords(event: LogEvent, unit: ByteUnit): string {
  const told = event.figures;
  const bytes = (key: string): string | null =>
    key in told ? formatBytes(Math.round(told[key]), unit) : null;
  if (event.kind !== 'oom') return event.text;
  const [asked, free, total] = [bytes('requested'), bytes('free'), bytes('total')];
  const room = free === null ? null : `${free}${total === null ? '' : ` of ${total}`} free`;
  const held = [
    bytes('allocated') === null ? null : `${bytes('allocated')} allocated`,
    bytes('reserved_unallocated') === null
      ? null
      : `${bytes('reserved_unallocated')} reserved but not allocated`,
    bytes('private_pools') === null ? null : `${bytes('private_pools')} in private pools`,
  ].filter((text) => text !== null);
  const words = [asked === null ? null : `${asked} requested`, room]
    .filter((text) => text !== null)
    .join(', ');
  const torch = held.length === 0 ? '' : `${words === '' ? '' : '; '}PyTorch had ${list(held)}`;
  return words + torch === '' ? event.text : words + torch;
}

const whenOf = (event: LogEvent, clock: Clock): string =>
  event.time_ns === null || clock === 'none'
    ? `byte ${formatInteger(event.offset)}`
    : formatMoment(clock, event.time_ns);

export function eventsTable(events: readonly LogEvent[], clock: Clock, unit: ByteUnit): TableModel {
  const devices = events.some(({ device }) => device !== null);
  return {
    caption: 'What happened',
    columns: [
      { id: 'what', label: 'What', numeric: false },
      { id: 'when', label: 'When', numeric: false },
      ...(devices ? [{ id: 'device', label: 'On', numeric: false }] : []),
      { id: 'words', label: 'In words', numeric: false, wraps: true },
    ],
    rows: events.map((event, index) => ({
      key: String(index),
      cells: [
        cell(eventKind(event)),
        cell(whenOf(event, clock), event.offset),
        ...(devices ? [cell(event.device === null ? '–' : `GPU ${event.device}`)] : []),
        cell(eventWords(event, unit), eventWords(event, unit), { title: event.text.slice(0, 2000) }),
      ],
    })),
    total: null,
    sort: null,
  };
}

export interface EventDetail {
  readonly heading: string;
  readonly words: string | null;
  readonly facts: readonly Fact[];
  /** As it stands in the file. */
  readonly text: string;
}

export function eventDetail(event: LogEvent, clock: Clock, unit: ByteUnit): EventDetail {
  const fact = (name: string, value: string, title: string | null = null): Fact => ({
    name,
    value,
    title,
    mono: false,
  });
  return {
    heading: eventKind(event),
    words: event.kind === 'oom' ? 'A request for memory failed. The figures are as printed.' : null,
    facts: [
      ...(event.time_ns === null || clock === 'none'
        ? []
        : [fact('Time', formatMoment(clock, event.time_ns))]),
      ...(event.device === null ? [] : [fact('Device', `GPU ${event.device}`)]),
      ...figures(event).map(([key, value]) =>
        fact(nameOf(key), formatBytes(Math.round(value), unit), `${formatInteger(Math.round(value))} bytes`),
      ),
      fact('At byte', formatInteger(event.offset)),
    ],
    text: event.text,
  };
}

/** Kinds and how often, most serious first: "3 out-of-memory errors, 12 preemptions". */
export function countEvents(events: readonly LogEvent[]): string {
  const kinds = [
    ['oom', 'out-of-memory error', 'out-of-memory errors'],
    ['start_refused', 'refused start', 'refused starts'],
    ['preemption', 'preemption', 'preemptions'],
    ['sleep', 'line about sleep mode', 'lines about sleep mode'],
    ['other', 'other event', 'other events'],
  ] as const;
  return kinds
    .map(([kind, one, many]) => ({ n: events.filter((event) => event.kind === kind).length, one, many }))
    .filter(({ n }) => n > 0)
    .map(({ n, one, many }) => count(n, one, many))
    .join(', ');
}
