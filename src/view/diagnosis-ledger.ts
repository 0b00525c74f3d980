/** A ledger as rows with bars: parts of a whole, some with parts of their own. What is not known has no bar. */
import type { ByteUnit } from '../base/units.ts';
import { formatBytes, formatInteger } from '../base/units.ts';
import type { LedgerView } from '../engine/protocol.ts';

/** One line of the ledger. Siblings are disjoint. */
export interface LedgerPart {
  readonly id: string;
  readonly label: string;
  /** null: not known. */
  readonly bytes: number | null;
  /** What it is, or why it is not known; null: nothing to say. */
  readonly note: string | null;
  readonly children?: readonly LedgerPart[];
}

export interface LedgerRow {
  readonly id: string;
  readonly label: string;
  /** 0: a part of the whole; 1: a part of such a part. */
  readonly depth: number;
  /** "1.07 GiB", "not known". */
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

/** `total`: bytes of the whole; null: not known, and bars are shares of what is. */
export function ledgerModel(parts: readonly LedgerPart[], total: number | null, unit: ByteUnit): LedgerModel {
  const sum = parts.reduce((all, { bytes }) => all + (bytes ?? 0), 0);
  const whole = Math.max(total ?? 0, sum, 1);
  const rows: LedgerRow[] = [];
  const add = (siblings: readonly LedgerPart[], depth: number, from: number): void => {
    let left = from;
    for (const { id, label, bytes, note, children } of siblings) {
      rows.push({
        id,
        label,
        depth,
        text: bytes === null ? 'not known' : formatBytes(bytes, unit),
        title: bytes === null ? '' : `${formatInteger(bytes)} bytes`,
        bar: bytes === null || bytes <= 0 ? null : { left: left / whole, width: bytes / whole },
        share: bytes === null || total === null ? '' : `${((100 * bytes) / whole).toFixed(1)} %`,
        note: note ?? '',
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

/** What is reserved, part by part; what else is on the device stands beside it where something is known of it. */
export function ledgerInput({ parts, reserved }: LedgerView): LedgerInput {
  const inside = parts.filter(({ id }) => !OUTSIDE.has(id));
  const outside = parts.filter(({ id }) => OUTSIDE.has(id));
  if (outside.every(({ bytes }) => bytes === null)) return { parts: inside, total: reserved };
  const all = [
    { id: 'reserved', label: 'Reserved by PyTorch', bytes: reserved, note: null, children: inside },
    ...outside,
  ];
  const known = all.every(({ bytes }) => bytes !== null);
  return { parts: all, total: known ? all.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0) : null };
}

/** What would succeed at that moment, and what is not known, a sentence each. */
export function ledgerWords({ largest, emptyCacheBytes, unknown }: LedgerView, unit: ByteUnit): string[] {
  const bytes = (value: number): string => formatBytes(value, unit);
  const range = ([least, most]: readonly [number, number]): string =>
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
    ...unknown,
  ];
}
