/** What of an address map is not exact, and why, in sentences. */
import { type AddressState, SEGMENT_KINDS } from '../../analyze/lives/address-map.ts';
import { isFaithful } from '../../replay/replay-result.ts';
import { count } from '../../base/words.ts';
import type { DeviceSession } from '../device-session.ts';

export function notExact(session: DeviceSession, state: AddressState): string[] {
  const { trace, replay, replayFault } = session;
  const said: string[] = [];
  if (trace.producer === 'nsys')
    return [
      'Nsight records allocations of the driver, not segments of an allocator: blocks are drawn where they lie, and nothing is said of what is between them.',
    ];
  if (replayFault !== null) said.push(replayFault);
  else if (replay !== null && !isFaithful(replay))
    said.push('The recording does not fit together everywhere: blocks may be other than drawn.');
  if (trace.segments === null || trace.cut)
    said.push(
      'The file has no state at its last event: memory that was reserved before the recording is drawn only where an event tells of it.',
    );
  const outside = state.segments.reduce(
    (sum, { kind, blockFrom, blockTo }) => sum + (SEGMENT_KINDS[kind] === 'run' ? blockTo - blockFrom : 0),
    0,
  );
  if (outside > 0)
    said.push(
      `${count(outside, 'allocation lies', 'allocations lie')} outside of every segment that is known.`,
    );
  if (state.atLeast > 0)
    said.push(
      `${count(state.atLeast, 'block is', 'blocks are')} drawn at the least size that its request can have got: up to 1 MiB more of each may be rounding, and less free.`,
    );
  if (state.overlaps > 0)
    said.push(
      `${count(state.overlaps, 'allocation lies', 'allocations lie')} where another one still is: a free is missing from the recording.`,
    );
  return said;
}
