/** Answers to the page's questions about one device: plain data, sized by pixels or by rows on screen. */
import { toJsonInteger, asBigInt64, asBigUint64, u64At } from '../base/u64.ts';
import { holdersOf, groupName, segmentsAt, visitLive } from '../analyze/live.ts';
import { holderLabel } from '../analyze/user-frames.ts';
import { CLASSES, type StreamHistogram } from '../kernel/kernels.ts';
import { ACTION, ACTIONS, NONE } from '../trace/schema.ts';
import type { DeviceSession } from './device-session.ts';
import { pixelRows } from './pixel-rows.ts';
import type {
  Axis,
  HistogramClass,
  MomentAnswer,
  RangeAnswer,
  RangeQuery,
  RanOn,
  StreamRow,
  TimelineAnswer,
  TimelineQuery,
} from './protocol.ts';

const hexAddress = (value: bigint): string => `0x${value.toString(16)}`;

const ranOn = (session: DeviceSession, started: number): RanOn => ({
  where: session.chosen.kernels.name,
  reason: session.chosen.reason,
  milliseconds: performance.now() - started,
});

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
  return { device: session.key, range, x, count, series, ranOn: ranOn(session, started) };
}

export interface ExactClass {
  readonly from: bigint;
  readonly to: bigint;
  readonly count: number;
  readonly bytes: bigint;
}

/** Classes of one stream that hold anything, as [from, to) in bytes. Class 0 holds sizes 0 and 1. */
export function histogramClasses(histogram: StreamHistogram, stream: number): ExactClass[] {
  const bytes = asBigUint64(histogram.bytes);
  const classes: ExactClass[] = [];
  for (let k = 0; k < CLASSES; k++) {
    const at = stream * CLASSES + k;
    if (histogram.count[at] === 0) continue;
    classes.push({
      from: k === 0 ? 0n : 1n << BigInt(k),
      to: 1n << BigInt(k + 1),
      count: histogram.count[at],
      bytes: bytes[at],
    });
  }
  return classes;
}

const inNumbers = ({ from, to, count, bytes }: ExactClass): HistogramClass => ({
  from: Number(from),
  to: Number(to),
  count,
  bytes: Number(bytes),
});

async function streamRows(session: DeviceSession, from: number, to: number): Promise<StreamRow[]> {
  const { trace } = session;
  const histogram = await session.aggregate.histogram(from, to);
  const frees = new Float64Array(trace.streams.length);
  for (let row = from; row < to; row++) {
    const action = trace.events.action[row];
    if (action === ACTION.free_completed || action === ACTION.free) frees[trace.events.stream_index[row]]++;
  }
  const liveBytes = new Float64Array(trace.streams.length);
  const liveCount = new Float64Array(trace.streams.length);
  const { lifetimes, earlier } = session.living;
  visitLive(trace, lifetimes, earlier, to, (_address, size, _stack, stream) => {
    liveBytes[stream] += size;
    liveCount[stream]++;
  });
  const rows: StreamRow[] = [];
  trace.streams.forEach((stream, index) => {
    const classes = histogramClasses(histogram, index).map(inNumbers);
    if (classes.length === 0 && frees[index] === 0 && liveCount[index] === 0) return;
    rows.push({
      stream,
      allocations: classes.reduce((sum, { count }) => sum + count, 0),
      bytes: classes.reduce((sum, { bytes }) => sum + bytes, 0),
      frees: frees[index],
      liveAllocations: liveCount[index],
      liveBytes: liveBytes[index],
      histogram: classes,
    });
  });
  return rows.sort((a, b) => b.bytes - a.bytes);
}

export async function rangeOf(session: DeviceSession, query: RangeQuery): Promise<RangeAnswer> {
  const started = performance.now();
  const { trace, source } = session;
  const [from, to] = session.rowsOf(query.range);
  const streams = await streamRows(session, from, to);
  const { lifetimes, earlier } = session.living;
  const torch = trace.producer === 'torch';
  const holders = holdersOf(trace, lifetimes, earlier, to);
  const segments = torch
    ? segmentsAt(trace, lifetimes, earlier, to).sort(
        (a, b) => b.size - a.size || (a.address < b.address ? -1 : 1),
      )
    : [];
  return {
    device: session.key,
    range: query.range,
    rows: [from, to],
    streams,
    segments: segments.slice(0, query.limit).map((segment) => ({
      address: hexAddress(segment.address),
      size: segment.size,
      stream: trace.streams[segment.streamIndex],
      pool: segment.pool,
      expandable: segment.expandable,
      allocatedAtNs: segment.madeAt === null ? null : session.timeOf(segment.madeAt),
      liveBytes: segment.liveBytes,
      liveAllocations: segment.liveAllocations,
    })),
    segmentsTotal: segments.length,
    holders: holders.slice(0, query.limit).map((holder) => ({
      stack: session.stackOrNull(holder.stack),
      label: holderLabel(source.stacks, holder.stack),
      bytes: holder.bytes,
      allocations: holder.allocations,
      largest: holder.largest,
    })),
    holdersTotal: holders.length,
    liveBytes: holders.reduce((sum, holder) => sum + holder.bytes, 0),
    ranOn: ranOn(session, started),
  };
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
    address: hexAddress(asBigUint64(events.address)[row]),
    size: Number(toJsonInteger(u64At(events.size, row))),
    stream: trace.streams[events.stream_index[row]] ?? '',
    group: groupName(trace, row),
    frames: source.stacks.stack(events.stack_index[row]),
    values,
    partnerRow,
    partnerNs: partnerRow === null ? null : session.timeOf(partnerRow),
  };
}
