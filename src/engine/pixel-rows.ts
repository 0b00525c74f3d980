/** Which rows of a device lie in which pixel column of a chart. */
import type { DeviceSession } from './device-session.ts';
import type { Axis, Range } from './range.ts';

/** Columns of the widest chart that is answered. */
const MOST_COLUMNS = 16384;

export interface PixelRows {
  readonly range: Range;
  /** Start of each column on the axis; the last one ends at `range.to`. */
  readonly x: Float64Array;
  /** Column i holds rows [offsets[i], offsets[i + 1]). */
  readonly offsets: Uint32Array;
}

/** A range on another axis than the one asked for is taken as none: the whole recording. */
export function pixelRows(
  session: DeviceSession,
  query: { readonly range: Range | null; readonly axis: Axis; readonly columns: number },
): PixelRows {
  const range =
    query.range !== null && query.range.axis === query.axis ? query.range : session.whole(query.axis);
  const columns = Math.max(1, Math.min(MOST_COLUMNS, Math.round(query.columns)));
  const step = (range.to - range.from) / columns;
  const x = new Float64Array(columns);
  const offsets = new Uint32Array(columns + 1);
  const rowAt = (at: number): number =>
    query.axis === 'event' ? Math.min(Math.max(Math.ceil(at), 0), session.rows) : session.aggregate.rowAt(at);
  for (let i = 0; i < columns; i++) {
    x[i] = range.from + i * step;
    offsets[i] = rowAt(x[i]);
  }
  offsets[columns] = Math.max(offsets[columns - 1], rowAt(range.to));
  return { range, x, offsets };
}
