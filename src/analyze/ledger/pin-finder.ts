/**
 * Who pins free memory: for each free byte that cannot go back to the driver, the live blocks in its segment (or in
 * its page of an expandable segment), ranked by stack: "free 3 MiB here (these 4 blocks), and 1.2 GiB goes back".
 *
 *   segment of 20 MiB | a 1 MiB | free 19 MiB |             held by a alone: free 1 MiB, 20 MiB goes back
 *   segment of 20 MiB | a 1 MiB | b 2 MiB | free 17 MiB |   held by a and b together
 *
 * Exact for what one stack holds alone. Where several hold a segment together, a set of stacks is chosen greedily:
 * what it gives back is exact too, that no better set exists is not claimed.
 *
 * Blocks that only wait for other streams pin nothing: empty_cache waits for them. Private pools are left out: nothing
 * of them goes back while their graph lives.
 */
import { NONE } from '../../trace/schema.ts';
import type { AllocatorState } from '../../replay/replay-result.ts';
import { type ReleaseUnit, releaseUnits } from './empty-cache-units.ts';
import { greedySets, type StackSet } from './pin-finder-sets.ts';

/** What freeing some blocks, then `empty_cache()`, gives back. */
export interface PinRelease {
  /** Blocks to free, by number in the model, ascending addresses; blocks of the holders that pin nothing are not among them. */
  readonly blocks: readonly number[];
  /** Bytes of these blocks. */
  readonly blockBytes: number;
  /** Bytes that go back to the driver, more than empty_cache gives without freeing them. */
  readonly releasedBytes: number;
  /** Of them: bytes that are free already, and pinned by these blocks. */
  readonly unpinnedBytes: number;
  /** Segments and pages that go back. */
  readonly units: number;
}

/** Allocations of one stack; without a stack, of one size. */
export interface PinHolder {
  /** Stack node, or NONE. */
  readonly stack: number;
  /** Bytes asked for, where no stack tells allocations apart; else null. */
  readonly requested: number | null;
}

export interface Pin extends PinRelease {
  readonly holder: PinHolder;
  /** First row at which one of the blocks was allocated; null: all of them before the recording. */
  readonly firstRow: number | null;
}

/** Several stacks that hold segments together. */
export interface PinSet extends PinRelease {
  readonly holders: readonly PinHolder[];
}

export interface PinReport {
  /** Free bytes of the default pool that cannot go back now, even after waiting for other streams. */
  readonly pinnedBytes: number;
  /** Of them: held by one stack alone; by several together. Sums to pinnedBytes. */
  readonly aloneBytes: number;
  readonly sharedBytes: number;
  /** Free bytes beside live blocks of private pools; not part of pinnedBytes. */
  readonly privateBytes: number;
  /** What each stack pins alone, most unpinned bytes first. Freed together they give back at least the sum. */
  readonly alone: readonly Pin[];
  /**
   * Chosen greedily; each row holds the holders of the row before and more, so the last gives back the most. Counts
   * what these stacks pin alone, too.
   */
  readonly greedy: readonly PinSet[];
  /** true: not every set of stacks that holds a segment was tried. */
  readonly greedyCut: boolean;
}

/** `most`: rows of the greedy choice. `units`: of the same moment, where the caller has them already. */
export function findPins(
  state: AllocatorState,
  most: number = 8,
  units: readonly ReleaseUnit[] = releaseUnits(state.allocator),
): PinReport {
  const holding = new Holding(state, units);
  const alone = new Map<number, StackSet>();
  const shared = new Map<string, StackSet>();
  let aloneBytes = 0;
  let sharedBytes = 0;
  let privateBytes = 0;
  for (const unit of units) {
    if (unit.allocated.length === 0) continue;
    if (unit.pool > 0) {
      privateBytes += unit.freeBytes;
      continue;
    }
    const free = freeOf(unit, holding);
    if (free === 0) continue;
    const holders = holding.holdersOf(unit);
    const known = holders.length === 1 ? alone.get(holders[0]) : shared.get(holders.join());
    const set = known ?? { holders, freeBytes: 0, units: [] };
    set.freeBytes += free;
    set.units.push(unit);
    if (holders.length === 1) {
      aloneBytes += free;
      alone.set(holders[0], set);
    } else {
      sharedBytes += free;
      shared.set(holders.join(), set);
    }
  }
  const pins = [...alone.values()].map((set): Pin => {
    const release = holding.release(set.units);
    const rows = release.blocks
      .map((block) => state.allocationOf(block)?.row ?? NaN)
      .filter((row) => !Number.isNaN(row));
    return {
      ...release,
      holder: holding.holders[set.holders[0]],
      firstRow: rows.length === 0 ? null : rows.reduce((a, b) => Math.min(a, b)),
    };
  });
  const greedy = greedySets([...shared.values()], alone, most);
  return {
    pinnedBytes: aloneBytes + sharedBytes,
    aloneBytes,
    sharedBytes,
    privateBytes,
    alone: pins.sort((a, b) => b.unpinnedBytes - a.unpinnedBytes || b.releasedBytes - a.releasedBytes),
    greedy: greedy.steps.map(({ holders, units: held }) => ({
      ...holding.release(held),
      holders: holders.map((holder) => holding.holders[holder]),
    })),
    greedyCut: greedy.cut,
  };
}

/** Bytes of a unit that are free once other streams are done. */
const freeOf = (unit: ReleaseUnit, holding: Holding): number =>
  unit.freeBytes + unit.pending.reduce((sum, block) => sum + holding.inside(block, unit), 0);

/** Which blocks lie in which units, and whose they are. */
class Holding {
  readonly holders: PinHolder[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly holderOf = new Map<number, number>();
  /** Units of the default pool that each live block lies in. */
  private readonly unitsOf = new Map<number, ReleaseUnit[]>();

  constructor(
    private readonly state: AllocatorState,
    units: readonly ReleaseUnit[],
  ) {
    for (const unit of units) {
      if (unit.pool > 0) continue;
      for (const block of unit.allocated) {
        const known = this.unitsOf.get(block);
        if (known === undefined) this.unitsOf.set(block, [unit]);
        else known.push(unit);
      }
    }
  }

  inside(block: number, unit: ReleaseUnit): number {
    const { address, size } = this.state.allocator.blocks;
    return (
      Math.min(address[block] + size[block], unit.address + unit.bytes) -
      Math.max(address[block], unit.address)
    );
  }

  private number(block: number): number {
    let holder = this.holderOf.get(block);
    if (holder !== undefined) return holder;
    const { blocks } = this.state.allocator;
    const stack = this.state.allocationOf(block)?.stack ?? NONE;
    const requested = stack === NONE ? blocks.requested[block] : null;
    const key = `${stack} ${requested}`;
    holder = this.numbers.get(key);
    if (holder === undefined) {
      holder = this.holders.push({ stack, requested }) - 1;
      this.numbers.set(key, holder);
    }
    this.holderOf.set(block, holder);
    return holder;
  }

  /** Holders of a unit by number, ascending, each once. */
  holdersOf(unit: ReleaseUnit): number[] {
    return [...new Set(unit.allocated.map((block) => this.number(block)))].sort((a, b) => a - b);
  }

  /** What freeing every live block of these units gives back: these, and what else the same blocks alone lie in. */
  release(units: Iterable<ReleaseUnit>): PinRelease {
    const { address, size } = this.state.allocator.blocks;
    const freed = new Set<number>();
    for (const unit of units) for (const block of unit.allocated) freed.add(block);
    const emptied = new Set<ReleaseUnit>();
    for (const block of freed)
      for (const unit of this.unitsOf.get(block)!)
        if (unit.allocated.every((other) => freed.has(other))) emptied.add(unit);
    let blockBytes = 0;
    let releasedBytes = 0;
    let unpinnedBytes = 0;
    for (const block of freed) blockBytes += size[block];
    for (const unit of emptied) {
      releasedBytes += unit.bytes;
      unpinnedBytes += freeOf(unit, this);
    }
    return {
      blocks: [...freed].sort((a, b) => address[a] - address[b]),
      blockBytes,
      releasedBytes,
      unpinnedBytes,
      units: emptied.size,
    };
  }
}
