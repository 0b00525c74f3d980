/** Curves of a PyTorch trace: which there are, how exact each is, and its change at every event. */
import { setI64, u64At } from '../base/u64.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION } from '../trace/schema.ts';
import { type Baseline, floorSize } from './baseline.ts';
import { gapsOf } from './gaps.ts';
import type { SeriesSpec } from './series.ts';

/** Adds `size` (u64 words at `row`) or takes it away, as i64 words: exact for every 64-bit value. */
function setDelta(deltas: Uint32Array, sizes: Uint32Array, row: number, negative: boolean): void {
  const low = sizes[2 * row];
  const high = sizes[2 * row + 1];
  deltas[2 * row] = negative ? -low : low;
  deltas[2 * row + 1] = negative ? ~high + (low === 0 ? 1 : 0) : high;
}

/** Bytes requested: alloc to free_completed. */
function requestedDeltas({ events }: DeviceTrace): Uint32Array {
  const deltas = new Uint32Array(2 * events.length);
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    if (action === ACTION.alloc || action === ACTION.free_completed)
      setDelta(deltas, events.size, row, action !== ACTION.alloc);
  }
  return deltas;
}

const reserves = (action: number): boolean =>
  action === ACTION.segment_alloc || action === ACTION.segment_map;
const releases = (action: number): boolean =>
  action === ACTION.segment_free || action === ACTION.segment_unmap;

function reservedDeltas({ events }: DeviceTrace): Uint32Array {
  const deltas = new Uint32Array(2 * events.length);
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    if (reserves(action) || releases(action)) setDelta(deltas, events.size, row, releases(action));
  }
  return deltas;
}

/** Reserved minus requested. */
function unusedDeltas({ events }: DeviceTrace): Uint32Array {
  const deltas = new Uint32Array(2 * events.length);
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    if (reserves(action) || action === ACTION.free_completed) setDelta(deltas, events.size, row, false);
    else if (releases(action) || action === ACTION.alloc) setDelta(deltas, events.size, row, true);
  }
  return deltas;
}

/** Requests rounded up to 512 B, alloc to `free`: the least that the allocator's own figure can be. */
function floorDeltas({ events }: DeviceTrace, free: number): Uint32Array {
  const deltas = new Uint32Array(2 * events.length);
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    if (action === ACTION.alloc) setI64(deltas, row, floorSize(u64At(events.size, row)));
    else if (action === free) setI64(deltas, row, -floorSize(u64At(events.size, row)));
  }
  return deltas;
}

function segmentDeltas({ events }: DeviceTrace): Uint32Array {
  const deltas = new Uint32Array(2 * events.length);
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    if (action === ACTION.segment_alloc) setI64(deltas, row, 1);
    else if (action === ACTION.segment_free) setI64(deltas, row, -1);
  }
  return deltas;
}

const FLOOR_NOTE =
  'A lower bound: the recording holds the bytes requested. Each is rounded up to 512 B here; the allocator may have given a larger block.';
const GAP_NOTE =
  'Free address ranges between allocations inside segments. The end of a block that is larger than its request counts as free, so a free block is at most this large.';

export function torchSeries(trace: DeviceTrace, baseline: Baseline): SeriesSpec[] {
  const { before, known } = baseline;
  const unknownNote = known
    ? null
    : 'What was allocated before the recording is not known: the curve starts from the least that is possible.';
  const exact = known;
  // Some writers leave free_requested out: then nothing tells when an allocation stopped counting as allocated.
  const hasFreeRequested =
    !trace.events.action.includes(ACTION.free_completed) ||
    trace.events.action.includes(ACTION.free_requested);
  const all: SeriesSpec[] = [
    {
      id: 'reserved',
      label: 'Reserved',
      unit: 'bytes',
      chart: 'usage',
      exact,
      bound: exact ? null : 'lower',
      note: unknownNote,
      initial: before.reserved,
      deltas: () => reservedDeltas(trace),
    },
    {
      id: 'active_floor',
      label: 'Active (at least)',
      unit: 'bytes',
      chart: 'usage',
      exact: false,
      bound: 'lower',
      note: FLOOR_NOTE,
      initial: before.activeFloor,
      deltas: () => floorDeltas(trace, ACTION.free_completed),
    },
    {
      id: 'allocated_floor',
      label: 'Allocated (at least)',
      unit: 'bytes',
      chart: 'usage',
      exact: false,
      bound: 'lower',
      note: FLOOR_NOTE,
      initial: before.allocatedFloor,
      deltas: () => floorDeltas(trace, ACTION.free_requested),
    },
    {
      id: 'requested',
      label: 'Requested',
      unit: 'bytes',
      chart: 'usage',
      exact,
      bound: exact ? null : 'lower',
      note: unknownNote,
      initial: before.requested,
      deltas: () => requestedDeltas(trace),
    },
    {
      id: 'unused',
      label: 'Reserved minus requested',
      unit: 'bytes',
      chart: 'fragmentation',
      exact,
      bound: exact ? null : 'lower',
      note: unknownNote,
      initial: before.reserved - before.requested,
      deltas: () => unusedDeltas(trace),
    },
    {
      id: 'segments',
      label: 'Segments (cudaMalloc)',
      unit: 'count',
      chart: 'fragmentation',
      exact,
      bound: exact ? null : 'lower',
      note: unknownNote,
      initial: before.segments,
      deltas: () => segmentDeltas(trace),
    },
  ];
  const series = hasFreeRequested ? all : all.filter(({ id }) => id !== 'allocated_floor');
  if (baseline.fromEmpty) {
    const gaps = lazily(() => gapsOf(trace.events));
    series.push(
      {
        id: 'largest_gap',
        label: 'Largest free range (at most)',
        unit: 'bytes',
        chart: 'fragmentation',
        exact: false,
        bound: 'upper',
        note: GAP_NOTE,
        initial: 0,
        values: () => gaps().largest,
      },
      {
        id: 'gaps',
        label: 'Free ranges',
        unit: 'count',
        chart: 'fragmentation',
        exact: false,
        bound: null,
        note: GAP_NOTE,
        initial: 0,
        values: () => gaps().count,
      },
    );
  }
  return series;
}

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
