/**
 * A free block and what keeps it from going back: the live blocks in its segment, or on the pages of an expandable
 * segment that it shares with them, and what freeing all of them, then `empty_cache()`, gives back.
 */
import { type AddressState, MAP_STATE, type MapSegment } from './address-map.ts';
import { type Lives, NEVER } from './lives.ts';

export interface Hole {
  readonly segment: MapSegment;
  /** Its place among the blocks of the state. */
  readonly block: number;
  /** Blocks before and behind it in the segment; null: the segment begins or ends there. */
  readonly before: number | null;
  readonly after: number | null;
  /** Live blocks that pin it, by address: places among the blocks. Blocks that wait for streams pin nothing. */
  readonly pins: readonly number[];
  readonly pinBytes: number;
  /** Bytes that go back if these are freed and empty_cache() is called, beyond what it gives without; 0 in private pools. */
  readonly releasedBytes: number;
  /** Bytes of the free block if both its neighbours were freed. */
  readonly joinedBytes: number;
  /** Row at which the last of the pins ends in the recording; null: one of them never does, or there are none. */
  readonly freedRow: number | null;
}

/** Place of the block that holds an address; null: none does. */
export function blockAt(
  { segments, blocks }: AddressState,
  address: number,
): readonly [MapSegment, number] | null {
  for (const segment of segments) {
    if (address < segment.address || address >= segment.address + segment.size) continue;
    for (let at = segment.blockFrom; at < segment.blockTo; at++)
      if (blocks.address[at] <= address && address < blocks.address[at] + blocks.size[at])
        return [segment, at];
  }
  return null;
}

/** null: no free block lies there. */
export function holeAt(state: AddressState, lives: Lives, address: number): Hole | null {
  const found = blockAt(state, address);
  if (found === null || state.blocks.state[found[1]] < MAP_STATE.pinned) return null;
  const [segment, block] = found;
  const { blocks } = state;
  const { blockFrom, blockTo } = segment;
  const page = segment.page === 0 ? segment.size : segment.page;
  /** Units that a block lies on: [first, last]. */
  const unitsOf = (at: number): readonly [number, number] => [
    Math.floor((blocks.address[at] - segment.address) / page),
    Math.floor((blocks.address[at] + blocks.size[at] - 1 - segment.address) / page),
  ];
  const isLive = (at: number): boolean => blocks.state[at] === MAP_STATE.allocated;
  const [first, last] = unitsOf(block);
  const pins: number[] = [];
  for (let at = blockFrom; at < blockTo; at++) {
    const [from, to] = unitsOf(at);
    if (isLive(at) && from <= last && to >= first) pins.push(at);
  }
  const before = block > blockFrom ? block - 1 : null;
  const after = block + 1 < blockTo ? block + 1 : null;
  return {
    segment,
    block,
    before,
    after,
    pins,
    pinBytes: pins.reduce((sum, at) => sum + blocks.size[at], 0),
    releasedBytes: segment.pool > 0 ? 0 : released(),
    joinedBytes: joined(),
    freedRow: freedRow(),
  };

  function released(): number {
    const freed = new Set(pins);
    // Units that hold a live block: whether each of them is freed.
    const empties = new Map<number, boolean>();
    for (let at = blockFrom; at < blockTo; at++) {
      if (!isLive(at)) continue;
      const [from, to] = unitsOf(at);
      for (let unit = from; unit <= to; unit++)
        empties.set(unit, (empties.get(unit) ?? true) && freed.has(at));
    }
    let bytes = 0;
    for (const [unit, empty] of empties) if (empty) bytes += Math.min(page, segment.size - unit * page);
    return bytes;
  }

  function joined(): number {
    let bytes = blocks.size[block];
    for (const step of [-1, 1]) {
      let at = block + step;
      if (at < blockFrom || at >= blockTo) continue;
      bytes += blocks.size[at];
      at += step;
      if (at >= blockFrom && at < blockTo && blocks.state[at] >= MAP_STATE.pinned) bytes += blocks.size[at];
    }
    return bytes;
  }

  function freedRow(): number | null {
    const rows = pins.map((at) => lives.rowTo[blocks.life[at]]);
    return rows.length === 0 || rows.includes(NEVER) ? null : rows.reduce((a, b) => Math.max(a, b));
  }
}
