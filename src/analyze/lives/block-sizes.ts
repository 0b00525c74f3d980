/**
 * Bytes of the block of every life: from the final state where it lives at the end, else from the allocator led along the
 * recording, else the request rounded up by the allocator's rules, which is the least that the block can have.
 */
import { u64Above } from '../../base/u64.ts';
import { pinnedBlockSizes } from '../../aggregate/host-series.ts';
import { isFaithful, type SelfReplay } from '../../replay/replay-result.ts';
import { OP } from '../../replay/requests.ts';
import { roundSize } from '../../replay/rounding.ts';
import type { AllocatorSettings } from '../../replay/settings.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { POOLS } from '../../trace/schema.ts';
import { type Lives, NEVER } from './lives.ts';

export interface BlockSizes {
  /** By life, bytes. */
  readonly size: Float64Array;
  /** 1: the block may be larger. */
  readonly atLeast: Uint8Array;
}

/** Blocks of the final state that are not free, by address. */
function atTheEnd({ blocks, cut }: DeviceTrace, origin: number): Map<number, number> {
  const sizes = new Map<number, number>();
  if (blocks === null || cut) return sizes;
  for (let block = 0; block < blocks.length; block++)
    if (blocks.state[block] !== 2) sizes.set(u64Above(blocks.address, block, origin), blocks.size[block]);
  return sizes;
}

export function blockSizesOf(
  trace: DeviceTrace,
  lives: Lives,
  replay: SelfReplay | null,
  settings: AllocatorSettings,
): BlockSizes {
  const size = Float64Array.from(lives.requested);
  const atLeast = new Uint8Array(lives.length);
  if (trace.producer === 'nsys') return { size, atLeast };
  const final = atTheEnd(trace, lives.origin);
  if (trace.producer === 'torch_host') {
    const byRow = pinnedBlockSizes(trace);
    for (let life = 0; life < lives.length; life++) {
      const row = lives.rowFrom[life] >= 0 ? lives.rowFrom[life] : lives.rowTo[life];
      size[life] = row === NEVER ? (final.get(lives.address[life]) ?? size[life]) : byRow[row];
    }
    return { size, atLeast };
  }
  const made = new Int32Array(lives.rows).fill(-1);
  const faithful = replay !== null && isFaithful(replay);
  if (replay !== null) {
    const { row, allocation, op, length } = replay.requests;
    // Steps of what was there before carry row 0, and are followed by the row's own.
    for (let step = 0; step < length; step++) if (op[step] === OP.alloc) made[row[step]] = allocation[step];
  }
  const small = POOLS.indexOf('small_pool');
  for (let life = 0; life < lives.length; life++) {
    const from = lives.rowFrom[life];
    const told = lives.rowTo[life] === NEVER ? final.get(lives.address[life]) : undefined;
    if (told !== undefined) {
      size[life] = told;
      continue;
    }
    if (from >= 0 && replay !== null && made[from] >= 0) {
      size[life] = Math.max(replay.blockSize[made[from]], roundSize(lives.requested[life], settings));
      atLeast[life] = faithful ? 0 : 1;
      continue;
    }
    size[life] = roundSize(lives.requested[life], settings);
    // Of the small pool, and of expandable segments, whatever is left of a block is split off.
    const splits = lives.group[life] === small || settings.expandableSegments;
    atLeast[life] = splits && (from < 0 || replay === null) ? 0 : 1;
  }
  return { size, atLeast };
}
