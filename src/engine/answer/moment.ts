/** One event, and every curve's value just after it. */
import { groupName } from '../../analyze/live.ts';
import { asBigInt64, asBigUint64, toJsonInteger, u64At } from '../../base/u64.ts';
import { ACTIONS, NONE } from '../../trace/schema.ts';
import type { DeviceSession } from '../device-session.ts';
import type { Axis, MomentAnswer } from '../protocol.ts';

/** The last event at or before x (the first event for x before all of them); null where there are no events. */
export async function momentAt(session: DeviceSession, axis: Axis, x: number): Promise<MomentAnswer | null> {
  const { aggregate, trace, source } = session;
  const { events } = trace;
  if (session.rows === 0) return null;
  const after = axis === 'event' ? Math.floor(x) + 1 : aggregate.rowAt(Math.floor(x) + 1);
  const row = Math.min(Math.max(after - 1, 0), session.rows - 1);
  const partner = session.living.lifetimes.partner[row];
  const partnerRow = partner === NONE ? null : partner;
  const values = await Promise.all(
    aggregate.series.map(async (spec) => ({
      id: spec.id,
      label: spec.label,
      value: await aggregate.valueAt(spec, row),
      unit: spec.unit,
      exact: spec.exact,
    })),
  );
  return {
    device: session.key,
    row,
    xNs: session.timeOf(row),
    timeNs: asBigInt64(events.time_ns)[row],
    action: ACTIONS[events.action[row]],
    address: `0x${asBigUint64(events.address)[row].toString(16)}`,
    size: Number(toJsonInteger(u64At(events.size, row))),
    stream: trace.streams[events.stream_index[row]] ?? '',
    group: groupName(trace, row),
    frames: source.stacks.stack(events.stack_index[row]),
    values,
    partnerRow,
    partnerNs: partnerRow === null ? null : session.timeOf(partnerRow),
  };
}
