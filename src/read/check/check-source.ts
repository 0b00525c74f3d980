/**
 * The one gate between readers and everything else: figures that cannot be (bounds.ts) do not pass, whatever the format.
 * Each is left out, counted as skipped and told with its place, so that confidence falls with it (source-damage.ts).
 * What a reader reads is not changed by it: a figure passes as it is or not at all.
 */
import type { SourceData } from '../../trace/capture.ts';
import { checkDevice, overlapOf } from './check-device.ts';
import { checkReadings } from './check-readings.ts';
import { checkSummary } from './check-summary.ts';
import { LeftOut } from './left-out.ts';

export function checkSource(data: SourceData): SourceData {
  const left = new LeftOut();
  const devices = data.devices.map((trace) => checkDevice(trace, left));
  const summaries = data.summaries.flatMap((summary) => checkSummary(summary, left) ?? []);
  const readings = data.readings === undefined ? undefined : checkReadings(data.readings, left);
  const overlaps = devices.flatMap((trace) => overlapOf(trace) ?? []);
  if (left.count === 0 && overlaps.length === 0) return data;
  const contradictions = [...(data.contradictions ?? []), ...overlaps];
  const isTold = data.damage !== undefined && left.count > 0;
  return {
    ...data,
    devices,
    summaries,
    ...(readings === undefined ? {} : { readings }),
    skipped: data.skipped + left.count,
    warnings: [
      ...data.warnings,
      ...left.warnings(),
      ...overlaps.map((message) => ({ message: `${message}.`, offset: null })),
    ],
    ...(isTold
      ? {
          damage: [data.damage, `${left.count} figures cannot be and were left out`]
            .filter(Boolean)
            .join(', and '),
        }
      : {}),
    ...(contradictions.length === 0 ? {} : { contradictions }),
  };
}
