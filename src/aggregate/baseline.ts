/**
 * What was there before the first recorded event: the final state that the snapshot holds, minus everything the
 * events changed. Zero means the recording began with nothing allocated and nothing reserved, so peaks and totals
 * of the recording are those of `memory_stats`.
 */
import { u64At } from '../base/u64.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION, type EventTable } from '../trace/schema.ts';

/** Block sizes are multiples of this (kMinBlockSize); a block is never smaller than its request rounded up to it. */
const MIN_BLOCK = 512;
export const floorSize = (requested: number): number =>
  Math.max(MIN_BLOCK, Math.ceil(requested / MIN_BLOCK) * MIN_BLOCK);

export interface Net {
  requested: number;
  reserved: number;
  segments: number;
  allocatedFloor: number;
  activeFloor: number;
}

export interface Baseline {
  /** Values before row 0. Bytes; segments: number of cudaMalloc'd segments. */
  readonly before: Net;
  /** true: `before` follows from the final state; false: it is the least that keeps every curve at or above zero. */
  readonly known: boolean;
  readonly fromEmpty: boolean;
  /** `fromEmpty`, and the recording does not say that entries were overwritten: it holds all that ever happened. */
  readonly whole: boolean;
}

/** Signed change of each figure over rows [0, n), and the lowest prefix of each. */
function netOf(events: EventTable): { net: Net; lowest: Net } {
  const net: Net = { requested: 0, reserved: 0, segments: 0, allocatedFloor: 0, activeFloor: 0 };
  const lowest: Net = { ...net };
  for (let row = 0; row < events.length; row++) {
    const size = u64At(events.size, row);
    switch (events.action[row]) {
      case ACTION.alloc: {
        const floor = floorSize(size);
        net.requested += size;
        net.allocatedFloor += floor;
        net.activeFloor += floor;
        break;
      }
      case ACTION.free_requested:
        net.allocatedFloor -= floorSize(size);
        if (net.allocatedFloor < lowest.allocatedFloor) lowest.allocatedFloor = net.allocatedFloor;
        break;
      case ACTION.free_completed:
        net.requested -= size;
        net.activeFloor -= floorSize(size);
        if (net.requested < lowest.requested) lowest.requested = net.requested;
        if (net.activeFloor < lowest.activeFloor) lowest.activeFloor = net.activeFloor;
        break;
      case ACTION.segment_alloc:
        net.reserved += size;
        net.segments++;
        break;
      case ACTION.segment_map:
        net.reserved += size;
        break;
      case ACTION.segment_free:
        net.reserved -= size;
        net.segments--;
        if (net.reserved < lowest.reserved) lowest.reserved = net.reserved;
        if (net.segments < lowest.segments) lowest.segments = net.segments;
        break;
      case ACTION.segment_unmap:
        net.reserved -= size;
        if (net.reserved < lowest.reserved) lowest.reserved = net.reserved;
    }
  }
  return { net, lowest };
}

/** The same figures as the final state has them; null where the file has no final state (or an older layout). */
function finalOf(trace: DeviceTrace): Net | null {
  const { segments, blocks } = trace;
  if (segments === null || blocks === null || trace.cut) return null;
  const final: Net = { requested: 0, reserved: 0, segments: 0, allocatedFloor: 0, activeFloor: 0 };
  for (let i = 0; i < segments.length; i++) {
    final.reserved += segments.total_size[i];
    if (!segments.is_expandable[i]) final.segments++;
  }
  for (let i = 0; i < blocks.length; i++) {
    if (blocks.state[i] === 2) continue;
    const requested = blocks.requested_size[i];
    if (Number.isNaN(requested)) return null;
    final.requested += requested;
    final.activeFloor += floorSize(requested);
    if (blocks.state[i] === 0) final.allocatedFloor += floorSize(requested);
  }
  return final;
}

const FIGURES = ['requested', 'reserved', 'segments', 'allocatedFloor', 'activeFloor'] as const;

export function baselineOf(trace: DeviceTrace): Baseline {
  const { net, lowest } = netOf(trace.events);
  const final = finalOf(trace);
  const before: Net = { requested: 0, reserved: 0, segments: 0, allocatedFloor: 0, activeFloor: 0 };
  for (const figure of FIGURES)
    before[figure] = final === null ? 0 - lowest[figure] : final[figure] - net[figure];
  const known = final !== null && FIGURES.every((figure) => before[figure] >= 0);
  if (!known) for (const figure of FIGURES) before[figure] = Math.max(before[figure], 0 - lowest[figure]);
  const fromEmpty = known && trace.events.length > 0 && FIGURES.every((figure) => before[figure] === 0);
  return { before, known, fromEmpty, whole: fromEmpty && trace.ring?.overflowed !== true };
}
