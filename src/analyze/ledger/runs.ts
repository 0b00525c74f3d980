/** Where an expandable segment can grow: free blocks and unmapped addresses that follow each other. */
import type { Allocator } from '../../replay/allocator.ts';
import { ALLOCATED, FREE, NO_BLOCK, PENDING, UNMAPPED } from '../../replay/block-table.ts';

/** More than any device has; stands in for "no end". */
export const MOST = 2 ** 50;

/** Bytes, and whether memory is behind them. */
export type Piece = readonly [bytes: number, mapped: boolean];
/** Pieces that one request can take together; the last of all runs is a new range, without an end. */
export type Run = readonly Piece[];

/** Pieces of one segment between its live blocks; with `released`, as they are once every whole free page went back. */
function stretches({ blocks }: Allocator, head: number, page: number, released: boolean): Piece[][] {
  const found: Piece[][] = [[]];
  let from = NaN;
  let free = 0;
  const put = (bytes: number, mapped: boolean): void => {
    const stretch = found[found.length - 1];
    const last = stretch.at(-1);
    if (bytes === 0) return;
    if (last?.[1] === mapped) stretch[stretch.length - 1] = [last[0] + bytes, mapped];
    else stretch.push([bytes, mapped]);
  };
  const endOfFree = (): void => {
    if (free === 0) return;
    const base = blocks.base[head];
    const first = base + Math.ceil((from - base) / page) * page;
    const last = base + Math.floor((from + free - base) / page) * page;
    if (!released || first >= last) put(free, true);
    else {
      put(first - from, true);
      put(last - first, false);
      put(from + free - last, true);
    }
    free = 0;
  };
  for (let block = head; block !== NO_BLOCK; block = blocks.next[block]) {
    const state = blocks.state[block];
    if (state === FREE || (state === PENDING && released)) {
      if (free === 0) from = blocks.address[block];
      free += blocks.size[block];
      continue;
    }
    endOfFree();
    if (state === UNMAPPED) put(blocks.size[block], false);
    else if (state === ALLOCATED || state === PENDING) found.push([]);
  }
  endOfFree();
  return found;
}

/** Runs in the order in which the allocator tries them: each begins at an unmapped piece, or a free one right before. */
export function growingRuns(allocator: Allocator, list: number, released: boolean): Run[] {
  const { blocks } = allocator;
  const page = allocator.pageSize(list);
  const heads = blocks
    .all()
    .filter(
      (block) =>
        blocks.prev[block] === NO_BLOCK && blocks.expandable[block] === 1 && blocks.list[block] === list,
    )
    .sort((a, b) => blocks.address[a] - blocks.address[b]);
  const runs: Run[] = [];
  for (const head of heads)
    for (const stretch of stretches(allocator, head, page, released))
      stretch.forEach(([, mapped], at) => {
        if (!mapped) runs.push(stretch.slice(at > 0 ? at - 1 : at));
      });
  runs.push([[MOST, false]]);
  return runs;
}

/** Most bytes that a request can get in a run when `room` bytes can be mapped, whole pages only. */
export function mostInRun(run: Run, room: number, page: number): number {
  let bytes = 0;
  let left = Math.floor(Math.min(room, MOST) / page) * page;
  for (const [size, mapped] of run) {
    const got = mapped ? size : Math.min(size, left);
    bytes += got;
    if (!mapped) left -= got;
    if (got < size) break;
  }
  return bytes;
}
