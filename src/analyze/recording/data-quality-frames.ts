/** How much of what was allocated carries a stack: of everything recorded, and of what lives at the end. */
import { u64At } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import type { Lifetimes } from '../lifetimes.ts';
import { type EarlierAllocation, visitLive } from '../live.ts';

/** Bytes as asked for. */
export interface Coverage {
  readonly allocations: number;
  readonly allocationsWithout: number;
  readonly bytes: number;
  readonly bytesWithout: number;
}

export interface FrameCoverage {
  readonly recorded: Coverage;
  readonly liveAtEnd: Coverage;
}

/** Share of the bytes without frames, 0 to 1; 0 where there is nothing. */
export const shareWithout = ({ bytes, bytesWithout }: Coverage): number =>
  bytes === 0 ? 0 : bytesWithout / bytes;

export function coverageOf(
  trace: DeviceTrace,
  lifetimes: Lifetimes,
  earlier: readonly EarlierAllocation[],
): FrameCoverage {
  const { events } = trace;
  const none = { allocations: 0, allocationsWithout: 0, bytes: 0, bytesWithout: 0 };
  const recorded = { ...none };
  const liveAtEnd = { ...none };
  const count = (into: typeof none, size: number, stack: number): void => {
    into.allocations++;
    into.bytes += size;
    if (stack !== NONE) return;
    into.allocationsWithout++;
    into.bytesWithout += size;
  };
  for (let row = 0; row < events.length; row++)
    if (events.action[row] === ACTION.alloc)
      count(recorded, u64At(events.size, row), events.stack_index[row]);
  visitLive(trace, lifetimes, earlier, events.length, (_address, size, stack) =>
    count(liveAtEnd, size, stack),
  );
  return { recorded, liveAtEnd };
}
