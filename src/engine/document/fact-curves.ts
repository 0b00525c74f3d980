/** The rows of `curves` and `iterations`. */
import type { Row } from '../../trace/table/column.ts';
import { CURVE_COLUMNS, type CURVES, type ITERATIONS } from '../../trace/table/facts.ts';
import type { DeviceSession } from '../device-session.ts';
import { pixelRows } from '../pixel-rows.ts';
import { whole } from './fact-ranks.ts';

type CurveRow = Omit<Row<typeof CURVES.fields>, 'source' | 'file'>;
type IterationRow = Omit<Row<typeof ITERATIONS.fields>, 'source' | 'file'>;

/** Series by what a producer calls what is taken from the driver, and what the program holds of it. */
const RESERVED = ['reserved', 'device'];
const ALLOCATED = ['allocated'];

export async function curveRows(session: DeviceSession): Promise<readonly CurveRow[]> {
  if (session.rows === 0) return [];
  const axis = session.trace.clock === 'none' ? 'event' : 'time';
  const { x: begins, offsets } = pixelRows(session, { range: null, axis, columns: CURVE_COLUMNS });
  const of = async (ids: readonly string[]) => {
    const spec = ids.map((id) => session.aggregate.spec(id)).find((one) => one !== undefined);
    return spec === undefined ? null : await session.aggregate.columns(spec, offsets);
  };
  const [reserved, allocated] = [await of(RESERVED), await of(ALLOCATED)];
  return Array.from(begins, (x, column) => ({
    device: session.trace.device,
    column,
    begin_ns: axis === 'event' ? null : whole(x),
    events: offsets[column + 1] - offsets[column],
    reserved_min: whole(reserved?.min[column] ?? null),
    reserved_max: whole(reserved?.max[column] ?? null),
    reserved_last: whole(reserved?.last[column] ?? null),
    allocated_min: whole(allocated?.min[column] ?? null),
    allocated_max: whole(allocated?.max[column] ?? null),
    allocated_last: whole(allocated?.last[column] ?? null),
  }));
}

export function iterationRows(session: DeviceSession): readonly IterationRow[] {
  const facts = session.facts();
  const { rows, times_ns, count } = facts.iterations;
  const { allocated } = facts;
  const reserved = session.trace.producer === 'nsys' ? null : facts.reserved;
  const most = (curve: Float64Array, from: number, to: number): bigint => {
    let highest = curve[from];
    for (let row = from + 1; row < to; row++) if (curve[row] > highest) highest = curve[row];
    return BigInt(Math.round(highest));
  };
  return Array.from({ length: count }, (_, at) => {
    const [from, to] = [rows[at], rows[at + 1]];
    return {
      device: session.trace.device,
      iteration: at + 1,
      first_row: BigInt(from),
      last_row: BigInt(to - 1),
      begin_ns: session.trace.clock === 'none' ? null : times_ns[at],
      allocated_max: most(allocated, from, to),
      allocated_end: BigInt(Math.round(allocated[to - 1])),
      reserved_max: reserved === null ? null : most(reserved, from, to),
      reserved_end: reserved === null ? null : whole(reserved[to - 1]),
    };
  });
}
