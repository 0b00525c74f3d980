/** One of two devices that are compared: what the comparison needs to know of it, and where its moments are. */
import { u64At } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, HOST_KINDS } from '../../trace/schema.ts';
import type { StackTable } from '../../trace/stack-table.ts';
import type { Lifetimes } from '../lifetimes.ts';
import type { EarlierAllocation } from '../live.ts';

/** Iteration i is rows [rows[i], rows[i + 1]); as analyze/growth finds them. */
export interface Loop {
  readonly rows: Uint32Array;
  readonly count: number;
  /** true: the recording begins inside of the loop, so that its first iteration is not the program's. */
  readonly startsInside: boolean;
}

/** Bytes after each row, and before the first one. */
export interface Curve {
  readonly before: number;
  readonly after: Float64Array;
}

export interface CompareSide {
  readonly trace: DeviceTrace;
  readonly stacks: StackTable;
  readonly lifetimes: Lifetimes;
  readonly earlier: readonly EarlierAllocation[];
  readonly loop: Loop;
  /** Blocks in use; null: the allocator was not replayed to the byte. */
  readonly allocated: Curve | null;
  /** null: the producer does not tell. */
  readonly reserved: Curve | null;
  /** false: what was in use before the recording is a lower bound. */
  readonly known: boolean;
  /** As the file has them. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** Times at which memory went back to the driver, by cause; null: not replayed. */
  readonly releases: Readonly<Record<string, number>> | null;
}

/** "peak": after the first row at which most was asked for and held. "end": after the last one. */
export type Moment = 'peak' | 'end' | { readonly row: number } | { readonly iteration: number };

/** Bytes asked for and held (until their free completed): what the lines of a side sum up to at any row. */
export function requestedOf({ trace, earlier }: CompareSide): Curve {
  const { events, producer } = trace;
  const before = earlier.reduce((sum, { size }) => sum + size, 0);
  const after = new Float64Array(events.length);
  let now = before;
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    if (producer !== 'nsys' || !HOST_KINDS.includes(events.group[row])) {
      if (action === ACTION.alloc) now += u64At(events.size, row);
      else if (action === ACTION.free_completed || action === ACTION.free) now -= u64At(events.size, row);
    }
    after[row] = now;
  }
  return { before, after };
}

/** Value just after a row; -1: before the first one. */
export const valueAt = ({ before, after }: Curve, row: number): number => (row < 0 ? before : after[row]);

/** First row after which the curve is at its highest; -1: before the first row. */
export function peakRow({ before, after }: Curve): number {
  let best = -1;
  let most = before;
  for (let row = 0; row < after.length; row++)
    if (after[row] > most) {
      most = after[row];
      best = row;
    }
  return best;
}

/** The row of a moment; null: the side has no such moment. */
export function rowOf(side: CompareSide, requested: Curve, moment: Moment): number | null {
  const { length } = side.trace.events;
  if (moment === 'peak') return peakRow(requested);
  if (moment === 'end') return length - 1;
  if ('row' in moment) return moment.row >= -1 && moment.row < length ? moment.row : null;
  // The end of an iteration, numbered from 1.
  const { count, rows } = side.loop;
  const at = moment.iteration;
  return Number.isInteger(at) && at >= 1 && at <= count ? rows[at] - 1 : null;
}
