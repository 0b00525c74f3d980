/**
 * Pinned host memory of a snapshot (PyTorch 2.14 and newer, `record_pinned_host_memory=True`): `host_segments` and
 * `host_traces` as a device of their own. A block of the host allocator is a segment, taken whole and never split.
 * Source: aten/src/ATen/core/CachingHostAllocator.h; torch/csrc/cuda/memory_snapshot.cpp.
 *
 * Not in the file: the bytes asked for. Events and blocks carry the size of the block, a power of two.
 */
import { type DeviceTrace, HOST_DEVICE } from '../../trace/capture.ts';
import { MEM_KINDS } from '../../trace/schema.ts';
import { ROLE_EVENT, ROLE_SEGMENT } from './arena.ts';
import { type Extent, hostExtentOf } from './cut.ts';
import { pinnedRoundLimit } from './settings.ts';
import type { SegmentRow, SnapshotShape } from './shape.ts';
import { blocksOf, eventsOf, pairAnnotations, segmentsOf } from './tables.ts';

const PINNED = MEM_KINDS.indexOf('pinned');

export interface HostPart {
  /** null: the file holds no pinned memory. */
  readonly trace: DeviceTrace | null;
  /** Rows of `shape.segments` that are the host's. */
  readonly owns: (segment: SegmentRow) => boolean;
}

/** `group`: a column over all events of the file, filled for those of the host here. */
export function hostPart(shape: SnapshotShape, extent: Extent, group: Uint8Array): HostPart {
  const { arena, events, segments } = shape;
  const { trace, traceWhole, list, segmentsWhole } = hostExtentOf(shape, extent);
  const [from, to] = (trace === null ? null : arena.rowsOf(trace, ROLE_EVENT)) ?? [0, 0];
  const [first, end] = (list === null ? null : arena.rowsOf(list, ROLE_SEGMENT)) ?? [0, 0];
  const listed = new Set(segments.slice(first, end));
  const owns = (segment: SegmentRow): boolean => segment.device < 0 || listed.has(segment);
  if (segmentsWhole)
    for (const segment of segments)
      if (segment.device === HOST_DEVICE && !listed.has(segment)) arena.malformed++;
  if (from === to && listed.size === 0) return { trace: null, owns };
  group.fill(PINNED, from, to);
  const untimed = events.timed === 0;
  const own = [...listed];
  const details = shape.details.of(from, to);
  return {
    trace: {
      device: HOST_DEVICE,
      producer: 'torch_host',
      name: null,
      total_bytes: null,
      clock: untimed ? 'none' : 'wall',
      streams: shape.names.streams,
      events: eventsOf(shape, from, to, group),
      ...(details === undefined ? {} : { details }),
      cut: !traceWhole,
      segments: segmentsWhole ? segmentsOf(own) : null,
      blocks: segmentsWhole ? blocksOf(shape, own) : null,
      // Of whichever device a mark is: it is the program's.
      annotations: pairAnnotations(shape.annotations, null),
      pools: null,
      device_free: [],
      symbols: [],
      pinned: { roundLimit: pinnedRoundLimit(shape) },
    },
    owns,
  };
}
