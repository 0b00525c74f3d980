/**
 * The first picture of a device: reserved and requested bytes, which follow from the rows. It is there before the
 * allocator is led along the recording, which takes many times as long.
 */
import type { DeviceSession } from '../device-session.ts';
import { pixelRows } from '../pixel-rows.ts';
import type { Preview } from '../protocol.ts';
import { seriesView } from './device.ts';

/** Pixel columns: of a wide page, whose width the engine does not know yet. */
const COLUMNS = 1000;
const SHOWN = ['reserved', 'requested'];

/** null: nothing of the kind was recorded. */
export async function previewOf(session: DeviceSession): Promise<Preview | null> {
  const { aggregate, trace } = session;
  const specs = aggregate.early.filter(({ id }) => SHOWN.includes(id));
  if (session.rows === 0 || specs.length === 0) return null;
  const started = performance.now();
  const axis = trace.clock === 'none' ? 'event' : 'time';
  const { range, x, offsets } = pixelRows(session, { range: null, axis, columns: COLUMNS });
  const series = await Promise.all(
    specs.map(async (spec) => ({ id: spec.id, ...(await aggregate.columns(spec, offsets)) })),
  );
  const count = Uint32Array.from(x, (_, i) => offsets[i + 1] - offsets[i]);
  return {
    device: trace.device,
    rows: session.rows,
    series: specs.map(seriesView),
    answer: { device: session.key, range, x, count, series, ranOn: session.ranOn(started) },
  };
}
