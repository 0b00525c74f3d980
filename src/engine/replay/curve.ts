/** Reserved bytes by pixel column: as recorded, and as a what-if has them. */
import { lowerBound } from '../../base/binary-search.ts';
import type { Requests } from '../../replay/requests.ts';
import type { DeviceSession } from '../device-session.ts';
import { pixelRows } from '../pixel-rows.ts';
import type { CurveView, WhatIfAnswer, WhatIfQuery } from '../replay-protocol.ts';

const emptyCurve = (columns: number): CurveView => ({
  first: new Float64Array(columns),
  min: new Float64Array(columns),
  max: new Float64Array(columns),
  last: new Float64Array(columns),
});

/** `reserved`: after each step. Columns without steps hold the value carried into them. */
function stepColumns(requests: Requests, reserved: Float64Array, offsets: Uint32Array): CurveView {
  const count = offsets.length - 1;
  const curve = emptyCurve(count);
  let step = lowerBound(requests.row, offsets[0]);
  let carried = step > 0 ? reserved[step - 1] : 0;
  for (let i = 0; i < count; i++) {
    const end = lowerBound(requests.row, offsets[i + 1], step);
    let [min, max] = step < end ? [Infinity, -Infinity] : [carried, carried];
    curve.first[i] = step < end ? reserved[step] : carried;
    for (; step < end; step++) {
      carried = reserved[step];
      if (carried < min) min = carried;
      if (carried > max) max = carried;
    }
    curve.min[i] = min;
    curve.max[i] = max;
    curve.last[i] = carried;
  }
  return curve;
}

export async function reservedColumns(
  session: DeviceSession,
  query: NonNullable<WhatIfQuery['curve']>,
  requests: Requests,
  reserved: Float64Array,
): Promise<NonNullable<WhatIfAnswer['curve']>> {
  const { range, x, offsets } = pixelRows(session, query);
  const spec = session.aggregate.spec('reserved');
  return {
    range,
    x,
    recorded: spec === undefined ? emptyCurve(x.length) : await session.aggregate.columns(spec, offsets),
    replayed: stepColumns(requests, reserved, offsets),
  };
}
