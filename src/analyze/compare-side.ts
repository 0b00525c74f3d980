/** A device as one side of a comparison (compare/), from the facts that are known of it. */
import type { CompareSide, Curve } from './compare/side.ts';
import type { DeviceFacts } from './device-facts.ts';

const curve = (after: Float64Array, before: number): Curve => ({ before, after });

/** `settings`: as the file has them. `recordedBy`: "PyTorch 2.10 or newer". */
export function compareSideOf(
  facts: DeviceFacts,
  settings: readonly (readonly [name: string, value: string])[],
  recordedBy: string,
): CompareSide {
  const { replay, iterations, trace } = facts;
  const { stacks, lifetimes, earlier, baseline } = facts.input;
  return {
    trace,
    stacks,
    lifetimes,
    earlier,
    loop: { rows: iterations.rows, count: iterations.count, startsInside: iterations.startsInside },
    allocated: replay === null ? null : curve(replay.curves.allocated, replay.curves.before[0]),
    reserved: trace.producer === 'nsys' ? null : curve(facts.reserved, baseline.before.reserved),
    known: baseline.known,
    settings: [
      ...settings,
      ...(trace.name === null ? [] : [['device.name', trace.name] as const]),
      ...(trace.total_bytes === null ? [] : [['device.total_bytes', String(trace.total_bytes)] as const]),
      ['recorded by', recordedBy],
    ],
    releases: replay === null ? null : replay.causes,
  };
}
