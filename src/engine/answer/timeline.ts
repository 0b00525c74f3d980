/** Curves of a device by pixel column. */
import type { DeviceSession } from '../device-session.ts';
import { pixelRows } from '../pixel-rows.ts';
import type { TimelineAnswer, TimelineQuery } from '../protocol.ts';

export async function timeline(session: DeviceSession, query: TimelineQuery): Promise<TimelineAnswer> {
  const started = performance.now();
  const { aggregate } = session;
  const { range, x, offsets } = pixelRows(session, query);
  const columns = x.length;
  const count = new Uint32Array(columns);
  for (let i = 0; i < columns; i++) count[i] = offsets[i + 1] - offsets[i];
  const specs = query.series.map((id) => aggregate.spec(id)).filter((spec) => spec !== undefined);
  // All at once: on a GPU the questions overlap instead of waiting for one another's answer.
  const series = await Promise.all(
    specs.map(async (spec) => ({ id: spec.id, ...(await aggregate.columns(spec, offsets)) })),
  );
  return { device: session.key, range, x, count, series, ranOn: session.ranOn(started) };
}
