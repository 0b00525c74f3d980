/** What is on the device besides PyTorch's allocator, as figures that sum exactly with what is reserved. */
import { type Measured, middleOf } from '../../base/measured.ts';
import { deviceParts, type DeviceParts } from './ledger.ts';
import type { DeviceSideAt } from './non-torch-near.ts';

export interface LedgerPart {
  /** requested, rounding, pending, inactive_split, releasable, private_idle, non_torch, other_processes, unexplained. */
  readonly id: string;
  readonly label: string;
  /** null: not known. */
  readonly bytes: Measured | null;
  readonly note: string | null;
  /** What it is made of; they sum exactly to it. Absent or empty: nothing more is known. */
  readonly children?: readonly LedgerPart[];
}

/** What a monitor tells of the device besides PyTorch, one moment a column; NaN: nothing of that moment. */
export interface OutsideColumns {
  /** The monitor's. */
  readonly file: string;
  /** Bytes in use on the device by anyone; the true figure is within the error, both ways. */
  readonly used: { readonly values: Float64Array; readonly errors: Float64Array };
  /** non_torch, other_processes, unexplained: with what is reserved they sum exactly to `used`. */
  readonly parts: readonly {
    readonly id: string;
    readonly label: string;
    readonly values: Float64Array;
    readonly errors: Float64Array;
  }[];
}

const NOT_KNOWN = 'not known from the open files';

/** What is on the device besides PyTorch, so that with `reserved` it sums to what is used. */
export function outsideParts(
  reserved: number,
  { used, nonTorch, otherProcesses, unexplained }: DeviceParts,
): { readonly used: Measured | null; readonly parts: readonly LedgerPart[] } {
  const part = (id: string, label: string, figure: Measured | null, note: string | null): LedgerPart => ({
    id,
    label,
    bytes: figure,
    note: figure === null ? NOT_KNOWN : note,
  });
  const [whole, own, others] = [used, nonTorch, otherProcesses].map((band) =>
    band === null ? null : middleOf(band),
  );
  // The middle of a sum of ranges is the sum of their middles but for rounding: the rest takes that up.
  const rest =
    whole === null || unexplained === null
      ? null
      : {
          value: whole.value - reserved - (own?.value ?? 0) - (others?.value ?? 0),
          error: middleOf(unexplained).error,
        };
  const shared = own === null && others === null;
  return {
    used: whole,
    parts: [
      part('non_torch', 'Not PyTorch (context, NCCL, libraries)', own, null),
      part('other_processes', 'Other processes', others, null),
      part(
        'unexplained',
        'Unexplained',
        rest,
        rest !== null && Math.abs(rest.value) <= rest.error
          ? 'nothing that is larger than what the sources leave open'
          : shared
            ? "this process's context, NCCL and libraries, and other processes: the open files do not tell them apart"
            : own === null || others === null
              ? 'what the part that is not known holds, and what the driver keeps'
              : null,
      ),
    ],
  };
}

/**
 * The parts besides PyTorch at many moments; null: no open file tells of any of them.
 *
 * @param moments Rows, with the bytes reserved just after each; -1: before the first one, of which nothing is known.
 */
export function outsideColumns(
  moments: readonly { readonly row: number; readonly reserved: number }[],
  sideAt: DeviceSideAt,
): OutsideColumns | null {
  const nothing = (): Float64Array => new Float64Array(moments.length).fill(NaN);
  const used = { values: nothing(), errors: nothing() };
  const parts = new Map<string, OutsideColumns['parts'][number]>();
  let source: string | null = null;
  moments.forEach(({ row, reserved }, i) => {
    if (row < 0) return;
    const side = sideAt(row);
    const told = outsideParts(reserved, deviceParts(reserved, side.told));
    if (told.used === null) return;
    source ??= side.file ?? null;
    used.values[i] = told.used.value;
    used.errors[i] = told.used.error;
    for (const { id, label, bytes } of told.parts) {
      if (bytes === null) continue;
      let part = parts.get(id);
      if (part === undefined) parts.set(id, (part = { id, label, values: nothing(), errors: nothing() }));
      part.values[i] = bytes.value;
      part.errors[i] = bytes.error;
    }
  });
  return source === null ? null : { file: source, used, parts: [...parts.values()] };
}
