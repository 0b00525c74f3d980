/** A ledger as rows with bars: parts of a whole, some with parts of their own. What is not known has no bar. */
import { withAmounts } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { percent } from '../../base/words.ts';
import { type Bounds, exactly } from '../../base/measured.ts';
import type { LedgerPart, LedgerView } from '../../engine/protocol.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

export interface LedgerRow {
  readonly id: string;
  readonly label: string;
  /** 0: a part of the whole; 1: a part of such a part; and so on. */
  readonly depth: number;
  /** "1.07 GiB", "1.07 GiB ± 512.00 KiB", "not known". */
  readonly text: string;
  /** "1,145,044,992 bytes"; "" where it is not known. */
  readonly title: string;
  /** Where its bar begins and how long it is, as shares of the whole; null where there is none. */
  readonly bar: { readonly left: number; readonly width: number } | null;
  /** "23.4 %" of the whole; "" where it is not known. */
  readonly share: string;
  readonly note: string;
}

export interface LedgerModel {
  readonly rows: readonly LedgerRow[];
  /** "4.56 GiB"; null where the whole is not known. */
  readonly total: string | null;
  readonly totalTitle: string;
  /** Said where the known parts do not make up the whole; null: they do, or it cannot be said. */
  readonly apart: string | null;
}

const errorText = (bytes: number, unit: ByteUnit): string =>
  bytes === 0 ? '' : ` ± ${formatBytes(bytes, unit)}`;

/** `total`: bytes of the whole; null: not known, and bars are shares of what is. */
export function ledgerModel(parts: readonly LedgerPart[], total: number | null, unit: ByteUnit): LedgerModel {
  const sum = parts.reduce((all, { bytes }) => all + (bytes?.value ?? 0), 0);
  const whole = Math.max(total ?? 0, sum, 1);
  const rows: LedgerRow[] = [];
  const add = (siblings: readonly LedgerPart[], depth: number, from: number): void => {
    let left = from;
    for (const { id, label, bytes: told, note, children } of siblings) {
      const bytes = told?.value ?? null;
      const error = told?.error ?? 0;
      const within = error === 0 ? '' : `, within ${formatInteger(error)} both ways`;
      rows.push({
        id,
        label,
        depth,
        text: bytes === null ? 'not known' : formatBytes(bytes, unit) + errorText(error, unit),
        title: bytes === null ? '' : `${formatInteger(bytes)} bytes${within}`,
        bar: bytes === null || bytes <= 0 ? null : { left: left / whole, width: bytes / whole },
        share: bytes === null || total === null ? '' : percent(bytes / whole),
        note: withAmounts(note ?? '', unit),
      });
      add(children ?? [], depth + 1, left);
      left += bytes ?? 0;
    }
  };
  add(parts, 0, 0);
  const complete = total !== null && parts.every(({ bytes }) => bytes !== null);
  const rest = (total ?? 0) - sum;
  return {
    rows,
    total: total === null ? null : formatBytes(total, unit),
    totalTitle: total === null ? '' : `${formatInteger(total)} bytes`,
    apart:
      !complete || rest === 0
        ? null
        : `The parts are ${formatBytes(Math.abs(rest), unit)} ${rest > 0 ? 'less' : 'more'} than the whole.`,
  };
}

/** What the ledger shows. */
export interface LedgerInput {
  readonly parts: readonly LedgerPart[];
  /** Bytes of the whole; null: not known. */
  readonly total: number | null;
}

/** Parts of the device that PyTorch's allocator has no part in. */
const OUTSIDE: ReadonlySet<string> = new Set(['non_torch', 'other_processes', 'unexplained']);

/**
 * What is reserved, part by part; what else is on the device stands beside it where something is known of it. `stream`:
 * the one that the inactive split is seen from; null: the one that the engine chose.
 */
export function ledgerInput(view: LedgerView, stream: string | null = null): LedgerInput {
  const { reserved, used } = view;
  const seen = view.splitFor.find((one) => one.stream === stream);
  const parts = view.parts.map((part) =>
    part.id === 'inactive_split' && seen !== undefined ? { ...part, children: seen.parts } : part,
  );
  const inside = parts.filter(({ id }) => !OUTSIDE.has(id));
  const outside = parts.filter(({ id }) => OUTSIDE.has(id));
  if (used === null && outside.every(({ bytes }) => bytes === null))
    return { parts: inside, total: reserved };
  const whole = {
    id: 'reserved',
    label: 'Reserved by PyTorch',
    bytes: exactly(reserved),
    note: null,
    children: inside,
  };
  return { parts: [whole, ...outside], total: used?.value ?? null };
}

/** Where the inactive split is seen from; null: there is none, or one stream alone. */
export function splitChoice(
  { splitFor, splitWhy }: LedgerView,
  stream: string | null,
): { readonly streams: readonly string[]; readonly current: string; readonly why: string } | null {
  if (splitFor.length < 2) return null;
  const [first] = splitFor;
  const current = splitFor.find((one) => one.stream === stream) ?? first;
  return {
    streams: splitFor.map((one) => one.stream),
    current: current.stream,
    why: current === first ? splitWhy : '',
  };
}

/** Free memory by pool, stream and size class. */
export function freeTable({ free }: LedgerView, unit: ByteUnit): TableModel {
  const figure = (value: number): Cell =>
    cell(formatBytes(value, unit), value, { title: `${formatInteger(value)} bytes` });
  const all = free.map((one) => one.splitBytes + one.pageBytes + one.wholeBytes);
  const largest = Math.max(1, ...all);
  const pages = free.some(({ pageBytes }) => pageBytes > 0);
  return {
    caption: 'Free memory by pool, stream and size class',
    columns: [
      { id: 'pool', label: 'Pool', numeric: false },
      { id: 'stream', label: 'Stream', numeric: false },
      { id: 'class', label: 'Requests', numeric: false },
      { id: 'split', label: 'Beside something live', numeric: true },
      ...(pages ? [{ id: 'pages', label: 'The same on expandable pages', numeric: true }] : []),
      { id: 'whole', label: 'Whole segments and pages', numeric: true },
      { id: 'all', label: 'Free', numeric: true },
    ],
    rows: free.map(({ pool, stream, small, splitBytes, pageBytes, wholeBytes }, index) => ({
      key: `${pool} ${stream} ${String(small)}`,
      cells: [
        cell(pool === '' ? 'default' : `private ${pool}`),
        cell(stream, stream, { mono: true }),
        cell(small ? 'up to 1 MiB' : 'over 1 MiB'),
        figure(splitBytes),
        ...(pages ? [figure(pageBytes)] : []),
        figure(wholeBytes),
        { ...figure(all[index]), share: all[index] / largest },
      ],
    })),
    total: null,
    sort: { column: 'all', direction: 'descending' },
  };
}

/** What would succeed at that moment, and what is not known, a sentence each. */
export function ledgerWords(
  { largest, emptyCacheBytes, deviceFrom, unknown }: LedgerView,
  unit: ByteUnit,
): string[] {
  const bytes = (value: number): string => formatBytes(value, unit);
  const range = ({ least, most }: Bounds): string =>
    least === most ? bytes(least) : `${bytes(least)} at least, ${bytes(most)} at most`;
  return [
    `empty_cache() would give back ${bytes(emptyCacheBytes)}.`,
    ...largest.map(({ stream, fromCache, withNewSegment, afterRelease }) => {
      const more = [
        withNewSegment === null ? '' : `, with a new segment ${range(withNewSegment)}`,
        afterRelease === null ? '' : `, after the cache is released ${range(afterRelease)}`,
      ].join('');
      return `Largest request that would be served on stream ${stream}: ${bytes(fromCache)} from the cache${more}.`;
    }),
    ...(deviceFrom === null ? [] : [`What is told of the device is from ${deviceFrom}.`]),
    ...unknown,
  ];
}
