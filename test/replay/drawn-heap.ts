/** A model of the allocator for tests, its segments drawn as text, and a naive walk that checks all it counts. */
import { Allocator } from '../../src/replay/allocator.ts';
import { ALLOCATED, FREE, NO_BLOCK, PENDING, UNMAPPED } from '../../src/replay/block-table.ts';
import { type AllocatorSettings, DEFAULT_SETTINGS } from '../../src/replay/settings.ts';
import { METRICS } from '../../src/replay/statistics.ts';

export const MIB = 2 ** 20;

/** Segments one after the other from 1 GiB on, the lowest hole first; ranges far above. */
class Ascending {
  private readonly taken: [number, number][] = [];
  private ranges = 0;

  segment(bytes: number): number {
    this.taken.sort((a, b) => a[0] - b[0]);
    let at = 1024 * MIB;
    for (const [from, to] of this.taken) {
      if (from - at >= bytes) break;
      at = to;
    }
    this.taken.push([at, at + bytes]);
    return at;
  }

  release(address: number): void {
    this.taken.splice(
      this.taken.findIndex(([from]) => from === address),
      1,
    );
  }

  range(): number {
    return 2 ** 46 + 2 ** 42 * this.ranges++;
  }
}

export interface HeapOptions extends Partial<AllocatorSettings> {
  readonly limit?: number;
  readonly capacity?: number;
  readonly streams?: number;
  readonly pools?: number;
}

export class Heap {
  readonly model: Allocator;

  constructor({ limit, capacity, streams, pools, ...settings }: HeapOptions = {}) {
    this.model = new Allocator({
      settings: { ...DEFAULT_SETTINGS, ...settings },
      limit: limit ?? Infinity,
      capacity: capacity ?? Infinity,
      streamRank: Array.from({ length: streams ?? 1 }, (_, i) => i),
      pools: pools ?? 1,
      space: new Ascending(),
      indexed: true,
    });
  }

  /** Asks for `bytes`; a block's number. */
  ask(bytes: number, stream = 0, pool = 0): number {
    return this.model.malloc(bytes, stream, pool);
  }

  free(...blocks: number[]): void {
    for (const block of blocks) {
      this.model.freeRequested(block);
      this.model.freeCompleted(block);
    }
  }

  get stats(): Record<string, number> {
    return this.model.stats.toStats();
  }

  addressOf(block: number): number {
    return this.model.blocks.address[block];
  }

  sizeOf(block: number): number {
    return this.model.blocks.size[block];
  }

  /** First blocks of all segments and ranges that live or free blocks hang together in. */
  private heads(live: readonly number[]): number[] {
    const { blocks, lists } = this.model;
    const heads = new Set<number>();
    for (const any of [...live, ...lists.flatMap((list) => list.blocks())]) {
      let head = any;
      while (blocks.prev[head] !== NO_BLOCK) head = blocks.prev[head];
      heads.add(head);
    }
    return [...heads].sort((a, b) => blocks.address[a] - blocks.address[b]);
  }

  private *chain(head: number): Generator<number> {
    for (let block = head; block !== NO_BLOCK; block = this.model.blocks.next[block]) yield block;
  }

  /** Segments by address: "[a2 .18]" is one of 20 MiB: 2 allocated, 18 free; "p": pending, "_": unmapped (no size). Sizes in MiB. */
  draw(...live: number[]): string {
    const { blocks } = this.model;
    const mark = new Map([
      [FREE, '.'],
      [ALLOCATED, 'a'],
      [PENDING, 'p'],
    ]);
    const word = (block: number): string =>
      blocks.state[block] === UNMAPPED ? '_' : `${mark.get(blocks.state[block])}${blocks.size[block] / MIB}`;
    return this.heads(live)
      .map((head) => `[${[...this.chain(head)].map(word).join(' ')}]`)
      .join(' ');
  }

  /** What is wrong with the model, given every block it handed out and did not get back; null: nothing. */
  fault(live: readonly number[]): string | null {
    const { blocks, lists, index, stats } = this.model;
    const told = stats.toStats();
    const sums: Record<string, number> = {};
    const count = (metric: string, small: number, amount: number): void => {
      for (const row of ['all', small === 1 ? 'small_pool' : 'large_pool'])
        sums[`${metric}.${row}`] = (sums[`${metric}.${row}`] ?? 0) + amount;
    };
    const free = new Set(lists.flatMap((list) => list.blocks()));
    const seen = new Set<number>();
    for (const head of this.heads(live)) {
      const small = this.model.smallOf(blocks.list[head]);
      if (blocks.expandable[head] === 0) count('segment', small, 1);
      let before = NO_BLOCK;
      for (const block of this.chain(head)) {
        seen.add(block);
        const state = blocks.state[block];
        const [address, bytes] = [blocks.address[block], blocks.size[block]];
        if (bytes <= 0 || (state !== UNMAPPED && bytes % 512 !== 0))
          return `block ${block} of ${bytes} bytes`;
        if (blocks.prev[block] !== before) return `block ${block} is not linked back`;
        if (before !== NO_BLOCK) {
          if (blocks.address[before] + blocks.size[before] !== address) return `a gap before block ${block}`;
          if (blocks.state[before] === state && (state === FREE || state === UNMAPPED))
            return `blocks ${before} and ${block} did not merge`;
          if (blocks.list[before] !== blocks.list[block]) return `block ${block} is in another list`;
        }
        if (index!.get(address) !== block) return `block ${block} is not in the index`;
        if ((state === FREE) !== free.has(block)) return `block ${block} is in the wrong lists`;
        before = block;
        if (state === UNMAPPED) continue;
        count('reserved_bytes', small, bytes);
        if (state === FREE) {
          if (blocks.isSplit(block) && blocks.expandable[block] === 0) {
            count('inactive_split', small, 1);
            count('inactive_split_bytes', small, bytes);
          }
          continue;
        }
        count('active', small, 1);
        count('active_bytes', small, bytes);
        count('requested_bytes', small, blocks.requested[block]);
        if (state === ALLOCATED) {
          count('allocation', small, 1);
          count('allocated_bytes', small, bytes);
        }
      }
    }
    if (live.some((block) => !seen.has(block))) return 'a block that is held is in no segment';
    for (const metric of METRICS)
      for (const row of ['all', 'large_pool', 'small_pool']) {
        const key = `${metric}.${row}`;
        const now = told[`${key}.current`];
        if (now !== (sums[key] ?? 0)) return `${key} is ${now}, the blocks have ${sums[key] ?? 0}`;
        if (told[`${key}.allocated`] - told[`${key}.freed`] !== now) return `${key}: totals`;
        if (told[`${key}.peak`] < now) return `${key}: peak`;
      }
    if (this.model.reserved !== told['reserved_bytes.all.current']) return 'reserved';
    return null;
  }
}
