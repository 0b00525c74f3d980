/** What the page is told of a device before it asks anything: headline figures, curves, and plain sentences. */
import { sum } from '../../base/sum.ts';
import { formatDuration, formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import { ringFacts } from '../../analyze/recording/ring.ts';
import { kindFigures } from '../../analyze/nsys-kinds.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import type { SeriesSpec } from '../../aggregate/series.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import type { DeviceSession } from '../device-session.ts';
import type { DeviceView, HeadlineView, SeriesView } from '../protocol.ts';
import { hostSentences } from './host-sentences.ts';

/** Figures of the final state, NaN where its layout lacks them. */
function finalState(
  session: DeviceSession,
): { allocated: number; active: number; reserved: number; requested: number } | null {
  const { segments } = session.trace;
  if (segments === null || session.trace.cut) return null;
  return {
    allocated: sum(segments.allocated_size),
    active: sum(segments.active_size),
    reserved: sum(segments.total_size),
    // The host allocator leaves it 0: its curve tells the least.
    requested: session.trace.producer === 'torch_host' ? NaN : sum(segments.requested_size),
  };
}

async function headline(session: DeviceSession): Promise<HeadlineView[]> {
  const { aggregate, trace } = session;
  const final = finalState(session);
  const stateOf: Record<string, number | undefined> =
    final === null
      ? {}
      : {
          reserved: final.reserved,
          allocated: final.allocated,
          active: final.active,
          requested: final.requested,
        };
  const labels: Record<string, string> = { allocated: 'Allocated', active: 'Active' };
  const order =
    trace.producer !== 'nsys'
      ? ['allocated', 'active', 'reserved', 'requested']
      : aggregate.series.map(({ id }) => id);
  const views: HeadlineView[] = [];
  for (const id of order) {
    // Where the allocator could not be replayed, a lower bound stands in.
    const spec = aggregate.spec(id) ?? aggregate.spec(`${id}_floor`);
    if (spec === undefined) {
      const note = 'The recording does not tell when a freed block stopped counting as allocated.';
      views.push({
        id,
        label: labels[id] ?? id,
        now: stateOf[id] ?? null,
        peak: null,
        peakRow: null,
        peakAtNs: null,
        peakExact: true,
        note,
      });
      continue;
    }
    const extent = session.rows > 0 ? await aggregate.extent(spec) : null;
    const state = stateOf[id];
    const now =
      state !== undefined && !Number.isNaN(state)
        ? state
        : spec.exact && extent !== null
          ? extent.last
          : null;
    // The final state's blocks are exact: where the bound lies below them, they are the better bound.
    const peakFromState = extent !== null && now !== null && now > extent.peak;
    const peak = extent === null ? null : peakFromState ? now : extent.peak;
    const peakRow = extent === null ? null : peakFromState ? session.rows - 1 : extent.peakRow;
    views.push({
      id,
      label: trace.producer === 'torch' ? (labels[id] ?? spec.label) : spec.label,
      now,
      peak,
      peakRow,
      peakAtNs: peakRow === null ? (peak === null ? null : 0) : session.timeOf(peakRow),
      peakExact: spec.exact,
      note:
        spec.note ??
        (trace.producer !== 'nsys' && !session.baseline.whole
          ? 'Peak within the recording: before it, more may have been in use.'
          : null),
    });
  }
  return views;
}

/** Why frees have no alloc. */
const LOST = {
  unknown: 'it began late, or its ring of entries overflowed (raise max_entries)',
  overflowed: 'they went with what was overwritten (raise max_entries)',
  late: 'they were made before it began',
  cleared: 'they were made before the history was cleared',
} as const;

/** Nothing but the mark that a dump leaves on each device: there are no figures of it. */
const isUnused = ({ trace }: DeviceSession, events: Readonly<Record<string, number>>): boolean =>
  trace.producer === 'torch' &&
  trace.events.length > 0 &&
  trace.segments?.length === 0 &&
  Object.keys(events).every((action) => action === 'snapshot');

async function sentences(
  session: DeviceSession,
  events: Readonly<Record<string, number>>,
): Promise<string[]> {
  const { trace, baseline, aggregate, living } = session;
  const told: string[] = [];
  if (session.rows === 0) {
    told.push(
      trace.producer !== 'nsys'
        ? trace.cut
          ? 'The file is cut before the events of this device.'
          : session.unread
            ? 'Only the state at the end: no event of its history could be read.'
            : 'Only the state at the end: no events were recorded.'
        : 'No memory events were recorded.',
    );
    return told;
  }
  const streams = new Set(trace.events.stream_index).size;
  told.push(
    `${formatInteger(session.rows)} events over ${trace.clock === 'none' ? 'an unknown time' : formatDuration(aggregate.times[session.rows - 1])} on ${count(streams, 'stream')}.`,
  );
  if (trace.producer === 'torch') {
    if (isUnused(session, events))
      told.push(
        'Of this device the file holds nothing but the mark of the dump: as far as it tells, the device was not used.',
      );
    else if (baseline.whole)
      told.push(
        'Recorded from the first allocation: peaks and totals are exact, as in torch.cuda.memory_stats().',
      );
    else if (baseline.fromEmpty)
      told.push('Before the first event nothing was allocated and nothing reserved (from the final state).');
    else if (baseline.known)
      told.push(
        `Before the first event ${formatInteger(baseline.before.requested)} bytes were already requested and ${formatInteger(baseline.before.reserved)} reserved (from the final state): the curves are exact, but peaks before the recording cannot be known.`,
      );
    else
      told.push(
        'What was allocated before the recording cannot be known from this file: curves start from the least that is possible, and peaks are lower bounds.',
      );
    const ring = ringFacts(trace, baseline, living.earlier);
    for (const sentence of [ring.sentence, ring.contradiction]) if (sentence !== null) told.push(sentence);
    if (living.lifetimes.unmatchedFrees > 0)
      told.push(
        `${formatInteger(living.lifetimes.unmatchedFrees)} frees have no alloc in the recording: ${LOST[ring.cause ?? 'unknown']}.`,
      );
    if (session.replayFault !== null) told.push(session.replayFault);
    if (trace.cut) told.push('The file is cut inside the events: what follows the last event is not known.');
    const unused = aggregate.spec('unused');
    const lowest = unused === undefined ? 0 : (await aggregate.extent(unused)).lowest;
    if (lowest < 0)
      told.push(
        `The file contradicts itself: at one moment more is requested than reserved, by ${formatInteger(-lowest)} bytes. Do not trust its curves.`,
      );
    const pending = (events['free_requested'] ?? 0) - (events['free_completed'] ?? 0);
    if (baseline.fromEmpty && pending > 0)
      told.push(
        `${formatInteger(pending)} freed blocks still wait for another stream at the end (record_stream).`,
      );
  }
  if (trace.producer === 'torch_host') told.push(...hostSentences(session));
  if (aggregate.outOfOrder > 0)
    told.push(
      `${formatInteger(aggregate.outOfOrder)} events carry a time before the event ahead of them: they are drawn at that event's time, in file order.`,
    );
  return told;
}

/** A curve without what makes it. */
export const seriesView = ({ id, label, unit, chart, exact, bound, note }: SeriesSpec): SeriesView => ({
  id,
  label,
  unit,
  chart,
  exact,
  bound,
  note,
});

const hasStacks = ({ events, blocks }: DeviceTrace): boolean =>
  events.stack_index.some((node) => node !== NONE) ||
  (blocks?.stack_index.some((node) => node !== NONE) ?? false);

function kernelsView(session: DeviceSession): DeviceView['kernels'] {
  const { kernelTrack } = session;
  if (kernelTrack === null) return null;
  const { from, to } = session.whole('time');
  let inside = 0;
  kernelTrack.visit(from, to, () => inside++);
  const { length } = kernelTrack.table;
  return { count: length, outside: length - inside };
}

export async function deviceView(session: DeviceSession): Promise<DeviceView> {
  const { trace, aggregate } = session;
  const events = session.eventCounts;
  const ooms: { xNs: number; row: number; size: number; deviceFree: number | null }[] = [];
  const free = new Map(trace.device_free);
  for (let row = 0; row < session.rows; row++) {
    if (trace.events.action[row] === ACTION.oom)
      ooms.push({
        xNs: session.timeOf(row),
        row,
        size: aggregate.sizeAt(row),
        deviceFree: free.get(row) ?? null,
      });
  }
  return {
    key: session.key,
    sourceId: session.sourceId,
    device: trace.device,
    producer: trace.producer,
    name: trace.name,
    totalBytes: trace.total_bytes,
    clock: trace.clock,
    base: aggregate.base,
    spanNs: session.rows > 0 ? aggregate.times[session.rows - 1] : 0,
    longestIdleNs: aggregate.longestIdleNs,
    rows: session.rows,
    events,
    streams: trace.streams,
    fromEmpty: session.baseline.whole,
    sentences: await sentences(session, events),
    series: aggregate.series.map(seriesView),
    headline: isUnused(session, events) ? [] : await headline(session),
    annotations: trace.annotations,
    ooms,
    kinds: trace.producer === 'nsys' ? kindFigures(trace) : [],
    hasStacks: hasStacks(trace),
    kernels: kernelsView(session),
  };
}
