/**
 * What of a snapshot is there where its pickle ended early. What was finished lies in the top-level dict; what was
 * not still lies on the value stack:
 *
 *   [top dict, ..., "device_traces", outer list, device 0's list, device 1's list, event, event]
 */
import { LIST, STR } from './pickle-machine.ts';
import { ROLE_EVENT } from './arena.ts';
import { K } from './keys.ts';
import type { SnapshotShape } from './shape.ts';

export interface Extent {
  /** Lists of events, by device. */
  readonly traces: readonly number[];
  /** true: nothing is missing of them. */
  readonly tracesWhole: boolean;
  readonly segmentsWhole: boolean;
}

/** Place on the stack of a list that is the value of `key`; -1 where there is none. */
function placeOf({ machine }: SnapshotShape, key: number): number {
  const { tags, nums, top } = machine;
  for (let i = 0; i + 1 < top; i++)
    if (tags[i] === STR && nums[i] === key && tags[i + 1] === LIST) return i + 1;
  return -1;
}

/** The next key follows: the list before it is finished. */
const isFollowed = ({ machine }: SnapshotShape, place: number): boolean =>
  place >= 0 && place + 1 < machine.top && machine.tags[place + 1] === STR;

export function extentOf(shape: SnapshotShape): Extent {
  const { arena, machine } = shape;
  const segmentsWhole =
    machine.stopped || shape.topSegments >= 0 || isFollowed(shape, placeOf(shape, K.segments));
  if (machine.stopped || shape.topTraces >= 0)
    return {
      traces: shape.topTraces >= 0 ? arena.listsOf(shape.topTraces) : [],
      tracesWhole: true,
      segmentsWhole,
    };
  const place = placeOf(shape, K.device_traces);
  if (place < 0) return { traces: [], tracesWhole: false, segmentsWhole };
  const { tags, nums, top } = machine;
  const traces = arena.listsOf(nums[place]);
  if (isFollowed(shape, place)) return { traces, tracesWhole: true, segmentsWhole };
  for (let i = place + 1; i < top && tags[i] === LIST; i++) traces.push(nums[i]);
  adoptLooseRows(shape, traces);
  return { traces, tracesWhole: false, segmentsWhole };
}

export interface HostExtent {
  /** List of the host's events; null: there is none. */
  readonly trace: number | null;
  /** true: nothing is missing of it. */
  readonly traceWhole: boolean;
  /** List of the host's segments; null: there is none. */
  readonly list: number | null;
  readonly segmentsWhole: boolean;
}

/** The same of pinned host memory, whose events are one list. `devices`: what was found of the devices. */
export function hostExtentOf(shape: SnapshotShape, { traces }: Extent): HostExtent {
  const { machine, topHostSegments, topHostTraces } = shape;
  const find = (known: number, key: number): { list: number | null; whole: boolean } => {
    if (known >= 0) return { list: known, whole: true };
    if (machine.stopped) return { list: null, whole: true };
    const place = placeOf(shape, key);
    return place < 0
      ? { list: null, whole: false }
      : { list: machine.nums[place], whole: isFollowed(shape, place) };
  };
  const trace = find(topHostTraces, K.host_traces);
  const segments = find(topHostSegments, K.host_segments);
  if (!trace.whole && trace.list !== null) adoptLooseRows(shape, [...traces, trace.list]);
  return {
    trace: trace.list,
    traceWhole: trace.whole,
    list: segments.list,
    segmentsWhole: segments.whole,
  };
}

/** Gives the last list the finished events that the cut left on the stack, not yet appended to any. */
function adoptLooseRows({ arena, events }: SnapshotShape, traces: readonly number[]): void {
  const last = traces.at(-1);
  const rows = last === undefined ? null : arena.rowsOf(last, ROLE_EVENT);
  if (last === undefined || rows === null) return;
  const from = traces.reduce((most, list) => Math.max(most, arena.rowsOf(list, ROLE_EVENT)?.[1] ?? 0), 0);
  if (from < events.length)
    arena.setRows(last, ROLE_EVENT, arena.isEmpty(last) ? from : rows[0], events.length);
}
