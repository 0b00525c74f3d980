/**
 * Bytes of the block that each allocation was served with where they are known exactly: by a replay that followed the
 * recording, and for what lives at its end by the final state. NaN where neither tells, so that what is summed over it
 * is exact or says what it leaves out; block-sizes.ts gives the least that such a block can have instead.
 */
import { isFaithful, type SelfReplay } from '../../replay/replay-result.ts';
import { OP } from '../../replay/requests.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { firstMadeAfter, type Lives, NEVER } from './lives.ts';

export interface KnownBlocks {
  /** By life. */
  readonly bytes: Float64Array;
  /** Lives that were freed before the first row and waited for another stream then: no row says so. */
  readonly waiting: ReadonlySet<number>;
}

/** State of a block in the snapshot. */
const [PENDING, FREE] = [1, 2];

/** Allocations from before the recording that were freed already. They come first, each as alloc and free_requested. */
function waitingOf({ requests: { op, row, allocation, length } }: SelfReplay): Set<number> {
  const waiting = new Set<number>();
  for (let step = 0; step + 1 < length && row[step] === 0; step++)
    if (
      op[step] === OP.alloc &&
      op[step + 1] === OP.free_requested &&
      row[step + 1] === 0 &&
      allocation[step] === allocation[step + 1]
    )
      waiting.add(allocation[step]);
  return waiting;
}

/** `replay`: null where there is none; one that left the recording is not used. */
export function knownBlocksOf(lives: Lives, trace: DeviceTrace, replay: SelfReplay | null): KnownBlocks {
  const bytes = new Float64Array(lives.length).fill(NaN);
  const waiting = new Set<number>();
  if (trace.producer !== 'torch') return { bytes, waiting };
  if (replay !== null && isFaithful(replay)) {
    const { op, allocation, row, length, requested } = replay.requests;
    const { blockSize } = replay;
    const waited = waitingOf(replay);
    const endedBy = new Map<number, number>();
    for (let life = 0; life < lives.earlier; life++)
      if (lives.rowTo[life] !== NEVER) endedBy.set(lives.rowTo[life], life);
    // What was there before carries row 0, as what row 0 makes does: the latter comes later among the steps.
    for (let step = length - 1; step >= 0; step--) {
      const at = allocation[step];
      if (op[step] === OP.free_completed) {
        const life = endedBy.get(row[step]);
        if (life === undefined) continue;
        bytes[life] = blockSize[at];
        if (waited.has(at) && lives.rowFreed[life] === lives.rowTo[life]) waiting.add(life);
      } else if (op[step] === OP.alloc) {
        const life = firstMadeAfter(lives, row[step]) - 1;
        if (life < lives.earlier || lives.rowFrom[life] !== row[step] || !Number.isNaN(bytes[life])) continue;
        if (lives.requested[life] === requested[at]) bytes[life] = blockSize[at];
      }
    }
  }
  const { blocks } = trace;
  if (blocks === null) return { bytes, waiting };
  const atEnd = new Map<number, number>();
  for (let life = 0; life < lives.length; life++)
    if (lives.rowTo[life] === NEVER) atEnd.set(lives.address[life], life);
  for (let block = 0; block < blocks.length; block++) {
    if (blocks.state[block] === FREE) continue;
    const high = blocks.address[2 * block + 1] - lives.origin;
    const life = atEnd.get(high * 2 ** 32 + blocks.address[2 * block]);
    if (life === undefined) continue;
    bytes[life] = blocks.size[block];
    if (blocks.state[block] === PENDING && lives.rowFreed[life] === NEVER) waiting.add(life);
  }
  return { bytes, waiting };
}
