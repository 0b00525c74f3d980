/** The model's last state against the final state that the snapshot holds: segments and blocks, by address. */
import { u64Above } from '../base/u64.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import type { Allocator } from './allocator.ts';
import { ALLOCATED, FREE, NO_BLOCK, PENDING } from './block-table.ts';

export interface StateDifference {
  readonly segments: number;
  readonly segmentsEqual: number;
  readonly blocks: number;
  /** Blocks whose address, size, requested size and state are equal. */
  readonly blocksEqual: number;
  /** Bytes of the blocks that differ. */
  readonly bytesDifferent: number;
  /** First differences in words. */
  readonly examples: readonly string[];
}

const STATE_OF = [ALLOCATED, PENDING, FREE];
const EXAMPLES = 5;

/** null: the file has no final state, or it tells of a later moment than the last row. */
export function compareFinalState(
  { segments, blocks: theirs, cut }: DeviceTrace,
  { index, blocks }: Allocator,
  origin: number,
): StateDifference | null {
  if (segments === null || theirs === null || cut || index === null) return null;
  let segmentsEqual = 0;
  let blocksEqual = 0;
  let bytesDifferent = 0;
  const examples: string[] = [];
  for (let i = 0; i < segments.length; i++) {
    let equal = true;
    for (let b = segments.block_start[i]; b < segments.block_start[i + 1]; b++) {
      const address = u64Above(theirs.address, b, origin);
      const block = index.get(address);
      const requested = theirs.requested_size[b];
      const same =
        block !== NO_BLOCK &&
        blocks.size[block] === theirs.size[b] &&
        blocks.state[block] === STATE_OF[theirs.state[b]] &&
        (theirs.state[b] === 2 || Number.isNaN(requested) || blocks.requested[block] === requested);
      if (same) blocksEqual++;
      else {
        equal = false;
        bytesDifferent += theirs.size[b];
        if (examples.length < EXAMPLES)
          examples.push(
            `0x${(BigInt(origin) * 4294967296n + BigInt(address)).toString(16)}: ${theirs.size[b]} B in the snapshot, ${
              block === NO_BLOCK ? 'no block' : `${blocks.size[block]} B`
            } in the replay`,
          );
      }
    }
    if (equal) segmentsEqual++;
  }
  return {
    segments: segments.length,
    segmentsEqual,
    blocks: theirs.length,
    blocksEqual,
    bytesDifferent,
    examples,
  };
}
