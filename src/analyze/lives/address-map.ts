/**
 * What lies at which address just after a row: every segment, and in it every block, live or free, without a gap.
 *
 *   segment 0x000, 20 MiB, cudaMalloc   | allocated 3 MiB | waiting 1 MiB | free 16 MiB: pinned |
 *   segment 0x200, 40 MiB, expandable   | allocated 3 MiB | free 37 MiB: 17 MiB pinned by its page, one page whole |
 *
 * Free neighbours always merge, so segments and the blocks that are not free tell the whole state. What a free block can
 * give back: all of it where it is a whole segment of cudaMalloc, else the whole pages of an expandable segment in it.
 * Allocations outside of every known segment (Nsight; a file without a final state) are put together as runs: nothing is
 * said of what lies between them.
 *
 * Long because one walk over addresses fills every column.
 */
import { SMALL_SEGMENT } from '../../replay/settings.ts';
import { POOLS } from '../../trace/schema.ts';
import type { BlockSizes } from './block-sizes.ts';
import type { Lives } from './lives.ts';
import type { SegmentLives } from './segment-lives.ts';

/** State of a block. `free_private`: a free block of a private pool in which a whole segment or page is idle. */
export const MAP_STATES = ['allocated', 'pending', 'free_pinned', 'free_releasable', 'free_private'] as const;
export const MAP_STATE = { allocated: 0, pending: 1, pinned: 2, releasable: 3, idle: 4 } as const;

export const SEGMENT_KINDS = ['segment', 'expandable', 'run'] as const;
const RUN = 2;

/** No life: a free block. */
export const NO_LIFE = -1;

/** Allocations without a segment that lie no further apart are one run: what cudaMalloc rounds to. */
const RUN_GAP = 2 << 20;

/** Sums of one segment, bytes. allocated + pending + pinned + releasable + idle = size (of a run: of its blocks). */
export interface MapSums {
  requested: number;
  /** Of live blocks. */
  allocated: number;
  /** Of blocks that wait for another stream. */
  pending: number;
  /** Free, and not to be given back. */
  pinned: number;
  /** Free, and whole: empty_cache gives it back. */
  releasable: number;
  /** The same in private pools: it stays while their graph lives. */
  idle: number;
}

export interface MapSegment extends MapSums {
  readonly address: number;
  size: number;
  readonly streamIndex: number;
  /** As the `group` column of the event table. */
  readonly group: number;
  /** Number of the private pool; 0: the default pool. */
  readonly pool: number;
  /** Index into SEGMENT_KINDS. */
  readonly kind: number;
  /** Bytes of its pages; 0: it goes back whole. */
  readonly page: number;
  /** Row that made the first of it; -1: before the recording. */
  readonly madeRow: number;
  /** Its blocks: rows [blockFrom, blockTo) of the block columns. */
  readonly blockFrom: number;
  blockTo: number;
}

export interface MapBlocks {
  /** By address. */
  readonly address: Float64Array;
  readonly size: Float64Array;
  /** 0 of free ones. */
  readonly requested: Float64Array;
  /** Index into MAP_STATES. A free block of which a part alone can go back is pinned. */
  readonly state: Uint8Array;
  /** NO_LIFE: free. */
  readonly life: Int32Array;
  /** 1: it may be larger, and what is free behind it smaller. */
  readonly atLeast: Uint8Array;
  /** Bytes of whole segments or pages in a free block. */
  readonly whole: Float64Array;
}

export interface AddressState {
  readonly row: number;
  readonly segments: readonly MapSegment[];
  readonly blocks: MapBlocks;
  readonly count: number;
  /** Live blocks whose size is not known exactly, and live blocks that overlap what lies before them. */
  readonly atLeast: number;
  readonly overlaps: number;
}

/** What a state is made from. */
export interface StateInput {
  readonly lives: Lives;
  readonly sizes: BlockSizes;
  readonly segments: SegmentLives;
  /** Bytes of a page of an expandable segment of the large pool. */
  readonly largePage: number;
}

const SMALL = POOLS.indexOf('small_pool');

export const pageOf = (expandable: number, group: number, largePage: number): number =>
  expandable === 0 ? 0 : group === SMALL ? SMALL_SEGMENT : largePage;

/** Whole pages in [from, to) of a segment whose pages count from `base`: [first, last) addresses. */
export function wholePages(base: number, page: number, from: number, to: number): readonly [number, number] {
  const first = base + Math.ceil((from - base) / page) * page;
  return [first, Math.max(first, base + Math.floor((to - base) / page) * page)];
}

/** Bytes of a free stretch that are a whole segment, or whole pages of one. */
function wholeOf({ address, size, page }: MapSegment, from: number, to: number): number {
  if (page === 0) return from === address && to - from === size ? size : 0;
  const [first, last] = wholePages(address, page, from, to);
  return last - first;
}

/** `pieces` and `live`: what is open just after `row`, each by address. */
export function addressState(
  input: StateInput,
  row: number,
  pieces: ArrayLike<number>,
  live: ArrayLike<number>,
): AddressState {
  const { lives, sizes, segments } = input;
  const most = 2 * live.length + pieces.length + 1;
  const blocks: MapBlocks = {
    address: new Float64Array(most),
    size: new Float64Array(most),
    requested: new Float64Array(most),
    state: new Uint8Array(most),
    life: new Int32Array(most).fill(NO_LIFE),
    atLeast: new Uint8Array(most),
    whole: new Float64Array(most),
  };
  const made: MapSegment[] = [];
  let count = 0;
  let atLeast = 0;
  let overlaps = 0;

  const putFree = (segment: MapSegment, from: number, to: number): void => {
    if (to <= from) return;
    const whole = wholeOf(segment, from, to);
    blocks.address[count] = from;
    blocks.size[count] = to - from;
    blocks.whole[count] = whole;
    const isPrivate = segment.pool > 0;
    blocks.state[count] =
      whole < to - from ? MAP_STATE.pinned : isPrivate ? MAP_STATE.idle : MAP_STATE.releasable;
    segment.pinned += to - from - whole;
    if (isPrivate) segment.idle += whole;
    else segment.releasable += whole;
    segment.blockTo = ++count;
  };
  const putLife = (segment: MapSegment, life: number, from: number, to: number): void => {
    const isPending = lives.rowFreed[life] <= row;
    blocks.address[count] = from;
    blocks.size[count] = to - from;
    blocks.requested[count] = lives.requested[life];
    blocks.state[count] = isPending ? MAP_STATE.pending : MAP_STATE.allocated;
    blocks.life[count] = life;
    blocks.atLeast[count] = sizes.atLeast[life];
    atLeast += sizes.atLeast[life];
    if (isPending) segment.pending += to - from;
    else {
      segment.requested += lives.requested[life];
      segment.allocated += to - from;
    }
    segment.blockTo = ++count;
  };
  const sums = (): MapSums => ({
    requested: 0,
    allocated: 0,
    pending: 0,
    pinned: 0,
    releasable: 0,
    idle: 0,
  });

  let at = 0;
  /** Lives below `end` that no segment holds. */
  const runsBefore = (end: number): void => {
    let run: MapSegment | null = null;
    for (; at < live.length && lives.address[live[at]] < end; at++) {
      const life = live[at];
      const from = lives.address[life];
      const to = from + sizes.size[life];
      if (
        run === null ||
        from > run.address + run.size + RUN_GAP ||
        run.streamIndex !== lives.streamIndex[life] ||
        run.group !== lives.group[life]
      ) {
        run = {
          address: from,
          size: 0,
          streamIndex: lives.streamIndex[life],
          group: lives.group[life],
          pool: 0,
          kind: RUN,
          page: 0,
          madeRow: lives.rowFrom[life],
          blockFrom: count,
          blockTo: count,
          ...sums(),
        };
        made.push(run);
      }
      if (from < run.address + run.size) overlaps++;
      putLife(run, life, from, to);
      run.size = Math.max(run.size, to - run.address);
    }
  };

  for (let piece = 0; piece < pieces.length;) {
    const first = pieces[piece];
    const segment: MapSegment = {
      address: segments.address[first],
      size: segments.size[first],
      streamIndex: segments.streamIndex[first],
      group: segments.group[first],
      pool: segments.pool[first],
      kind: segments.expandable[first],
      page: pageOf(segments.expandable[first], segments.group[first], input.largePage),
      madeRow: segments.madeRow[first],
      blockFrom: count,
      blockTo: count,
      ...sums(),
    };
    for (piece++; segment.kind === 1 && piece < pieces.length; piece++) {
      const next = pieces[piece];
      if (
        segments.expandable[next] === 0 ||
        segments.address[next] !== segment.address + segment.size ||
        segments.streamIndex[next] !== segment.streamIndex ||
        segments.group[next] !== segment.group ||
        segments.pool[next] !== segment.pool
      )
        break;
      segment.size += segments.size[next];
    }
    runsBefore(segment.address);
    (segment as { blockFrom: number }).blockFrom = segment.blockTo = count;
    made.push(segment);
    const end = segment.address + segment.size;
    let from = segment.address;
    for (; at < live.length && lives.address[live[at]] < end; at++) {
      const life = live[at];
      const begins = lives.address[life];
      const ends = Math.min(end, begins + sizes.size[life]);
      if (begins < from) overlaps++;
      putFree(segment, from, begins);
      const shown = Math.max(begins, from);
      if (ends > shown) putLife(segment, life, shown, ends);
      from = Math.max(from, ends);
    }
    putFree(segment, from, end);
  }
  runsBefore(Infinity);
  return { row, segments: made, blocks, count, atLeast, overlaps };
}
