/** What happened in a stretch of a recording, and what is held at its end. */
import { type ExactClass, histogramClasses } from '../../aggregate/histogram-classes.ts';
import { holdersOf, segmentsAt, visitLive } from '../../analyze/live.ts';
import { holderLabel } from '../../analyze/user-frames.ts';
import { ACTION } from '../../trace/schema.ts';
import type { DeviceSession } from '../device-session.ts';
import type { HistogramClass, RangeAnswer, RangeQuery, StreamRow } from '../protocol.ts';

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
  const hasSegments = trace.producer !== 'nsys';
  const holders = holdersOf(trace, lifetimes, earlier, to);
  const segments = hasSegments
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
      address: `0x${segment.address.toString(16)}`,
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
    ranOn: session.ranOn(started, 'histogram'),
  };
}
