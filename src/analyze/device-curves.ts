/** Curves of a device over its rows: bytes after each row. */
import type { Baseline } from '../aggregate/baseline.ts';
import { u64At } from '../base/u64.ts';
import type { SelfReplay } from '../replay/replay-result.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION, HOST_KINDS } from '../trace/schema.ts';
import { passesThrough } from './passing-free.ts';

/** Reserved by PyTorch's allocator; flat where another producer recorded. */
export function reservedCurve({ events, producer }: DeviceTrace, { before }: Baseline): Float64Array {
  const curve = new Float64Array(events.length);
  let now = before.reserved;
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    if (producer !== 'nsys') {
      if (action === ACTION.segment_alloc || action === ACTION.segment_map) now += u64At(events.size, row);
      else if (action === ACTION.segment_free || action === ACTION.segment_unmap)
        now -= u64At(events.size, row);
    }
    curve[row] = now;
  }
  return curve;
}

/** What the program asked for and holds, until its frees complete. */
export function requestedCurve({ events, producer }: DeviceTrace, { before }: Baseline): Float64Array {
  const curve = new Float64Array(events.length);
  let now = before.requested;
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    const counts = producer !== 'nsys' || !HOST_KINDS.includes(events.group[row]);
    if (counts && action === ACTION.alloc) now += u64At(events.size, row);
    else if (counts && (action === ACTION.free_completed || action === ACTION.free))
      now -= u64At(events.size, row);
    curve[row] = now;
  }
  return curve;
}

/** Freed and waiting for other streams. */
export function waitingCurve(trace: DeviceTrace, { curves }: SelfReplay): Float64Array {
  const { active, allocated } = curves;
  return active.map((bytes, row) => {
    const waits = bytes - allocated[row];
    // What waited before this row waits on; the block of this row passes through.
    return waits > 0 && passesThrough(trace, row) ? active[row + 1] - allocated[row + 1] : waits;
  });
}
