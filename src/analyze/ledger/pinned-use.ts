/** Pinned host memory in the final state of a snapshot: in use, waiting for a copy, free and kept. */
import { askedAtLeast } from '../../aggregate/host-series.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { BLOCK_STATES } from '../../trace/schema.ts';

/** Bytes and blocks. */
export interface PinnedAmount {
  bytes: number;
  blocks: number;
}

export interface PinnedUse {
  readonly allocated: PinnedAmount;
  /** Freed, and a copy may still run. */
  readonly pending: PinnedAmount;
  /** Free, kept for the next request of the size. */
  readonly idle: PinnedAmount;
  /** The least that was asked for of what is not free, bytes. */
  readonly askedAtLeast: number;
}

/** null: there is no final state, or nothing in it. */
export function pinnedUse({ segments, blocks, cut, pinned }: DeviceTrace): PinnedUse | null {
  if (segments === null || blocks === null || cut || blocks.length === 0) return null;
  const roundLimit = pinned?.roundLimit ?? Infinity;
  const amounts = BLOCK_STATES.map((): PinnedAmount => ({ bytes: 0, blocks: 0 }));
  const [allocated, pending, idle] = amounts;
  let least = 0;
  for (let i = 0; i < blocks.length; i++) {
    const amount = amounts[blocks.state[i]];
    amount.bytes += blocks.size[i];
    amount.blocks++;
    if (amount !== idle) least += askedAtLeast(blocks.size[i], roundLimit);
  }
  return { allocated, pending, idle, askedAtLeast: least };
}
