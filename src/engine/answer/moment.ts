/** One event, and every curve's value just after it. */
import { groupName } from '../../analyze/live.ts';
import { asBigInt64, asBigUint64, toJsonInteger, u64At } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, ACTIONS, NONE } from '../../trace/schema.ts';
import type { DeviceSession } from '../device-session.ts';
import type { Axis, MomentAnswer, MomentNote } from '../protocol.ts';

const NOTES: readonly MomentNote[] = ['compile_context', 'user_metadata', 'internal_metadata'];
/** Annotations of one allocation that are told. */
const MOST_ANNOTATIONS = 20;

/** What a row has of a column of texts; null: nothing. */
function textAt({ details }: DeviceTrace, column: MomentNote | 'action_name', row: number): string | null {
  const text = details?.[column]?.[row] ?? 0;
  return details === undefined || text === 0 ? null : details.texts[text];
}

function poolAt({ details }: DeviceTrace, row: number): string | null {
  const pool = details?.pool?.[row] ?? 0;
  return details === undefined || pool === 0 ? null : details.pool_ids[pool - 1];
}

/** What was noted of the allocation that `row` makes or frees, while it lived. */
function annotationsOf(trace: DeviceTrace, row: number, partner: number | null): MomentAnswer['annotations'] {
  const { events, details } = trace;
  if (details?.user_metadata == null) return [];
  const made = events.action[row] === ACTION.alloc ? row : partner;
  if (made === null) return [];
  const end = made === row ? (partner ?? events.length) : row;
  const told: { row: number; text: string }[] = [];
  for (let at = made; at < end && told.length < MOST_ANNOTATIONS; at++) {
    if (events.action[at] !== ACTION.annotate) continue;
    const [low, high] = [events.address[2 * made], events.address[2 * made + 1]];
    if (events.address[2 * at] !== low || events.address[2 * at + 1] !== high) continue;
    const text = textAt(trace, 'user_metadata', at);
    if (text !== null) told.push({ row: at, text });
  }
  return told;
}

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
    pool: poolAt(trace, row),
    actionName: textAt(trace, 'action_name', row),
    notes: NOTES.flatMap((id) => {
      const text = textAt(trace, id, row);
      return text === null ? [] : [{ id, text }];
    }),
    annotations: annotationsOf(trace, row, partnerRow),
    frames: source.stacks.stack(events.stack_index[row]),
    forward: source.stacks.stack(trace.details?.forward_stack?.[row] ?? NONE),
    values,
    partnerRow,
    partnerNs: partnerRow === null ? null : session.timeOf(partnerRow),
  };
}
