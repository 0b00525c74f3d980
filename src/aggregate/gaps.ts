/**
 * Free address ranges inside segments, replayed from the addresses that the events name. A recording holds the
 * bytes asked for and not the block's size, so the tail of a larger block counts as free here: `largest` is an
 * upper bound. Only for recordings that began with nothing reserved.
 *
 *   segment 0x1000..0x5000        gaps after the two allocations
 *   [aaaa|....|bb|..........]     [0x2000, 0x3000) [0x3800, 0x5000)
 */
import { upperBound } from '../base/binary-search.ts';
import { leastHigh, setI64, u64Above, u64At } from '../base/u64.ts';
import { ACTION, type EventTable } from '../trace/schema.ts';
import { floorSize } from './baseline.ts';

/** One segment's free ranges: ascending, disjoint, none touching the next. */
interface Space {
  start: number;
  end: number;
  /** Made of pieces that were mapped. */
  readonly expandable: boolean;
  starts: number[];
  ends: number[];
}

/** Counts of gaps by size, with the largest at hand. */
class SizeBag {
  private readonly counts = new Map<number, number>();
  private heap: number[] = [];
  total = 0;

  add(size: number): void {
    this.total++;
    const count = this.counts.get(size) ?? 0;
    this.counts.set(size, count + 1);
    if (count === 0) this.push(size);
  }

  remove(size: number): void {
    this.total--;
    this.counts.set(size, (this.counts.get(size) ?? 0) - 1);
  }

  /** Largest size present, 0 where there is none. Sizes no longer present leave the heap here. */
  largest(): number {
    while (this.heap.length > 0) {
      const top = this.heap[0];
      const count = this.counts.get(top) ?? 0;
      if (count > 0) return top;
      this.counts.delete(top);
      this.pop();
    }
    return 0;
  }

  private push(size: number): void {
    const { heap } = this;
    let at = heap.push(size) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent] >= size) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = size;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1] > heap[child]) child++;
      if (heap[child] <= last) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
  }
}

class GapReplay {
  readonly sizes = new SizeBag();
  private spaces: Space[] = [];
  private spaceStarts: number[] = [];

  private find(address: number): Space | null {
    const place = upperBound(this.spaceStarts, address) - 1;
    const space = place >= 0 ? this.spaces[place] : null;
    return space !== null && address < space.end ? space : null;
  }

  /** A new segment; a piece mapped next to an expandable one widens it. */
  reserve(start: number, end: number, expandable: boolean): void {
    const joins = (space: Space | null): space is Space => expandable && space !== null && space.expandable;
    const place = upperBound(this.spaceStarts, start);
    const left = place > 0 ? this.spaces[place - 1] : null;
    const right = place < this.spaces.length ? this.spaces[place] : null;
    if (joins(left) && left.end === start) {
      left.end = end;
      this.release(left, start, end);
      if (joins(right) && right.start === end) this.join(left, right, place);
    } else if (joins(right) && right.start === end) {
      right.start = this.spaceStarts[place] = start;
      this.release(right, start, end);
    } else {
      this.spaces.splice(place, 0, { start, end, expandable, starts: [start], ends: [end] });
      this.spaceStarts.splice(place, 0, start);
      this.sizes.add(end - start);
    }
  }

  private join(left: Space, right: Space, rightPlace: number): void {
    this.spaces.splice(rightPlace, 1);
    this.spaceStarts.splice(rightPlace, 1);
    left.end = right.end;
    const touching = left.ends.length > 0 && right.starts.length > 0 && left.ends.at(-1) === right.starts[0];
    if (touching) {
      this.sizes.remove(left.ends.at(-1)! - left.starts.at(-1)!);
      this.sizes.remove(right.ends[0] - right.starts[0]);
      this.sizes.add(right.ends[0] - left.starts.at(-1)!);
      left.ends[left.ends.length - 1] = right.ends[0];
    }
    left.starts.push(...right.starts.slice(touching ? 1 : 0));
    left.ends.push(...right.ends.slice(touching ? 1 : 0));
  }

  /** A segment given back, or a piece of an expandable one unmapped. */
  unreserve(start: number, end: number): void {
    const space = this.find(start);
    if (space === null) return;
    this.take(space, start, end);
    const place = this.spaces.indexOf(space);
    const pieces: Space[] = [];
    const cut = (from: number, to: number): void => {
      if (to <= from) return;
      const inside = space.starts
        .map((gap, i) => [gap, space.ends[i]] as const)
        .filter(([gap]) => gap >= from && gap < to);
      pieces.push({
        start: from,
        end: to,
        expandable: space.expandable,
        starts: inside.map(([gap]) => gap),
        ends: inside.map(([, gapEnd]) => gapEnd),
      });
    };
    cut(space.start, start);
    cut(end, space.end);
    this.spaces.splice(place, 1, ...pieces);
    this.spaceStarts.splice(place, 1, ...pieces.map((piece) => piece.start));
  }

  allocate(start: number, size: number): void {
    const space = this.find(start);
    if (space !== null) this.take(space, start, Math.min(start + size, space.end));
  }

  free(start: number, size: number): void {
    const space = this.find(start);
    if (space !== null) this.release(space, start, Math.min(start + size, space.end));
  }

  /** Takes [start, end) out of the gaps. */
  private take(space: Space, start: number, end: number): void {
    const { starts, ends } = space;
    let place = Math.max(0, upperBound(starts, start) - 1);
    while (place < starts.length && starts[place] < end) {
      const gapStart = starts[place];
      const gapEnd = ends[place];
      if (gapEnd <= start) {
        place++;
        continue;
      }
      this.sizes.remove(gapEnd - gapStart);
      const before = gapStart < start;
      const after = gapEnd > end;
      if (before) this.sizes.add(start - gapStart);
      if (after) this.sizes.add(gapEnd - end);
      if (before && after) {
        ends[place] = start;
        starts.splice(place + 1, 0, end);
        ends.splice(place + 1, 0, gapEnd);
        return;
      }
      if (before) ends[place++] = start;
      else if (after) {
        starts[place] = end;
        return;
      } else {
        starts.splice(place, 1);
        ends.splice(place, 1);
      }
    }
  }

  /** Gives [start, end) to the gaps, merged with its neighbours. */
  private release(space: Space, start: number, end: number): void {
    this.take(space, start, end);
    const { starts, ends } = space;
    const place = upperBound(starts, start);
    const left = place > 0 && ends[place - 1] === start;
    const right = place < starts.length && starts[place] === end;
    if (left) this.sizes.remove(ends[place - 1] - starts[place - 1]);
    if (right) this.sizes.remove(ends[place] - starts[place]);
    if (left && right) {
      ends[place - 1] = ends[place];
      starts.splice(place, 1);
      ends.splice(place, 1);
      this.sizes.add(ends[place - 1] - starts[place - 1]);
    } else if (left) {
      ends[place - 1] = end;
      this.sizes.add(end - starts[place - 1]);
    } else if (right) {
      starts[place] = start;
      this.sizes.add(ends[place] - start);
    } else {
      starts.splice(place, 0, start);
      ends.splice(place, 0, end);
      this.sizes.add(end - start);
    }
  }
}

/** After every event: bytes of the largest free range and the number of free ranges (i64 words). */
export function gapsOf(events: EventTable): { readonly largest: Uint32Array; readonly count: Uint32Array } {
  const replay = new GapReplay();
  const high = leastHigh(events.address);
  const largest = new Uint32Array(2 * events.length);
  const count = new Uint32Array(2 * events.length);
  for (let row = 0; row < events.length; row++) {
    const address = u64Above(events.address, row, high);
    const size = u64At(events.size, row);
    switch (events.action[row]) {
      case ACTION.segment_alloc:
        replay.reserve(address, address + size, false);
        break;
      case ACTION.segment_map:
        replay.reserve(address, address + size, true);
        break;
      case ACTION.segment_free:
      case ACTION.segment_unmap:
        replay.unreserve(address, address + size);
        break;
      case ACTION.alloc:
        replay.allocate(address, floorSize(size));
        break;
      case ACTION.free_completed:
        replay.free(address, floorSize(size));
    }
    setI64(largest, row, replay.sizes.largest());
    count[2 * row] = replay.sizes.total;
  }
  return { largest, count };
}
