/** A ledger as rows with bars: parts of a whole, some with parts of their own. What is not known has no bar. */
import type { ByteUnit } from '../base/units.ts';
import { formatBytes, formatInteger } from '../base/units.ts';

/** One line of the ledger. Siblings are disjoint. */
export interface LedgerPart {
  readonly id: string;
  readonly label: string;
  /** null: not known. */
  readonly bytes: number | null;
  /** What it is, or why it is not known; "": nothing to say. */
  readonly note: string;
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
        note,
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
