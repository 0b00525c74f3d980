/**
 * Where cudaMalloc puts a segment, because best fit breaks ties between equal blocks by address. Measured on driver
 * 580 (H100, H200), not documented by NVIDIA: address space is taken in chunks of whole 32 MiB, each new one
 * below the others or in the highest hole that is larger than it; a segment goes into the newest chunk with room,
 * there into the smallest gap that fits, at its low end. A chunk that is empty goes back.
 *
 * Others take addresses, too: libraries load kernels, the process maps files. What they did is told by an
 * `AddressHistory` (address-history.ts) and happens here at the rows that it names.
 */
import type { AddressSpace } from './allocator.ts';
import { type AddressRange, withinRange, withoutRange, withRange } from './address-ranges.ts';

export const CHUNK = 32 << 20;

export const chunkFloor = (bytes: number): number => Math.floor(bytes / CHUNK) * CHUNK;
export const chunkCeiling = (bytes: number): number => Math.ceil(bytes / CHUNK) * CHUNK;

/** What others did with addresses; `from` and `to` are theirs in the recording, bytes. */
export type OthersEvent = {
  /** Before the step that comes from this row of the events, or a later one. */
  readonly row: number;
  readonly from: number;
  readonly to: number;
} & (
  | {
      /** A chunk of theirs has room at [from, to). `born`: its age among the chunks, as the row at which one was made. */
      readonly kind: 'opened';
      readonly born: number;
      /** Name of the chunk among those of the history. */
      readonly name: string;
    }
  /** They allocated as cudaMalloc does, `to - from` bytes wherever there is room. */
  | { readonly kind: 'allocated' }
  /** They took [from, to) in chunks, where nothing lies. */
  | { readonly kind: 'took' }
  /** They gave back what they had taken of [from, to) in chunks. */
  | { readonly kind: 'gave' }
  /** They made a chunk of their own, `to - from` bytes wherever chunks go. */
  | { readonly kind: 'reserved' }
  /** They took address space at [from, to), where no chunk is. */
  | { readonly kind: 'mapped' }
  /** Chunks may lie in [from, to) from now on, where none is. */
  | { readonly kind: 'unmapped' }
);

export interface AddressHistory {
  /** Chunks lie below it, bytes. */
  readonly top: number;
  /** Ascending rows. */
  readonly events: readonly OthersEvent[];
}

export interface Chunk {
  readonly start: number;
  readonly end: number;
  /** Row at which it was made: the newest chunk is looked into first. */
  readonly born: number;
  /** Free ranges. */
  gaps: AddressRange[];
  /** What others took of it. */
  taken: AddressRange[];
  /** true: others are in it, so it never goes back. */
  held: boolean;
  /** Name of a chunk of others; null: made for a segment. */
  readonly name: string | null;
}

const TOP = 2 ** 46;
/** Where a process without a recorded cudaMalloc is taken to begin: it has one chunk, 6 MiB of which are the driver's. */
export const USUAL_HISTORY: AddressHistory = {
  top: TOP,
  events: [{ kind: 'opened', row: 0, from: TOP + (6 << 20), to: TOP + CHUNK, born: -1, name: 'first' }],
};

const LOWEST = -(2 ** 48);

export class DriverAddresses implements AddressSpace {
  /** Oldest first. */
  readonly chunks: Chunk[] = [];
  /** Where new chunks may lie. */
  private holes: AddressRange[];
  /** Low ends of holes that take a chunk of their own size. */
  private readonly exact = new Set<number>();
  private readonly events: readonly OthersEvent[];
  private next = 0;
  private now = 0;
  private nextRange: number;

  constructor({ top, events }: AddressHistory) {
    this.holes = [[LOWEST, top]];
    this.events = events;
    // Expandable segments get ranges of their own, far from the chunks and ascending.
    this.nextRange = chunkFloor(top) + 2 ** 47;
    this.reach(0);
  }

  /** Tells that what follows comes from `row`: what others did until then has happened. */
  reach(row: number): void {
    this.now = row;
    while (this.next < this.events.length && this.events[this.next].row <= row)
      this.apply(this.events[this.next++]);
  }

  /** Chunk and gap that a segment of `bytes` goes into; null: it needs a new chunk. */
  roomFor(bytes: number): { readonly chunk: Chunk; readonly gap: AddressRange } | null {
    for (let i = this.chunks.length - 1; i >= 0; i--) {
      const chunk = this.chunks[i];
      let best: AddressRange | null = null;
      for (const gap of chunk.gaps) {
        const size = gap[1] - gap[0];
        if (size >= bytes && (best === null || size < best[1] - best[0])) best = gap;
      }
      if (best !== null) return { chunk, gap: best };
    }
    return null;
  }

  /** Where `segment` would put `bytes`. */
  addressFor(bytes: number): number {
    return this.roomFor(bytes)?.gap[0] ?? this.placeFor(chunkCeiling(bytes));
  }

  segment(bytes: number): number {
    const room = this.roomFor(bytes);
    if (room !== null) {
      const { chunk, gap } = room;
      chunk.gaps = withoutRange(chunk.gaps, gap[0], gap[0] + bytes);
      return gap[0];
    }
    const size = chunkCeiling(bytes);
    const start = this.placeFor(size);
    this.holes = withoutRange(this.holes, start, start + size);
    const gaps: AddressRange[] = size > bytes ? [[start + bytes, start + size]] : [];
    this.add({ start, end: start + size, born: this.now, gaps, taken: [], held: false, name: null });
    return start;
  }

  /** Start of a new chunk of `size`: the top of the highest hole that is larger. */
  placeFor(size: number): number {
    for (let i = this.holes.length - 1; i >= 0; i--) {
      const [from, to] = this.holes[i];
      const start = chunkFloor(to) - size;
      if (start >= from && (to - from > size || this.exact.has(from))) return start;
    }
    // More than all address space: only requests that no device can serve come here.
    return LOWEST - size;
  }

  chunkAt(address: number): Chunk | undefined {
    return this.chunks.find(({ start, end }) => start <= address && address < end);
  }

  /** Whether a new chunk may lie at [from, to). */
  isOpen(from: number, to: number): boolean {
    return this.holes.some(([start, end]) => start <= from && to <= end);
  }

  release(address: number, bytes: number): void {
    const chunk = this.chunkAt(address);
    if (chunk === undefined) return;
    chunk.gaps = withRange(chunk.gaps, address, address + bytes);
    if (!chunk.held && isEmpty(chunk)) this.giveBack(chunk);
  }

  range(bytes: number): number {
    const start = this.nextRange;
    this.nextRange += chunkCeiling(bytes);
    return start;
  }

  apply(event: OthersEvent): void {
    const { from, to } = event;
    switch (event.kind) {
      case 'opened':
        this.opened(event);
        break;
      case 'allocated': {
        const at = this.segment(to - from);
        const chunk = this.chunkAt(at);
        if (chunk === undefined) break;
        chunk.held = true;
        chunk.taken = withRange(chunk.taken, at, at + to - from);
        break;
      }
      case 'took':
        for (const chunk of this.chunks)
          for (const [start, end] of withinRange(chunk.gaps, from, to)) {
            chunk.gaps = withoutRange(chunk.gaps, start, end);
            chunk.taken = withRange(chunk.taken, start, end);
            chunk.held = true;
          }
        break;
      case 'gave':
        for (const chunk of this.chunks)
          for (const [start, end] of withinRange(chunk.taken, from, to)) {
            chunk.taken = withoutRange(chunk.taken, start, end);
            chunk.gaps = withRange(chunk.gaps, start, end);
          }
        break;
      // Mappings of others need not end at whole chunks: a hole below them is a little larger than it seems.
      case 'reserved': {
        const start = this.placeFor(to - from);
        this.holes = withoutRange(this.holes, start + 1, start + to - from);
        break;
      }
      case 'mapped':
        this.holes = withoutRange(this.holes, from + 1, to);
        break;
      case 'unmapped':
        for (const [start, end] of this.outsideChunks(from, to)) {
          this.holes = withRange(this.holes, start, end);
          this.exact.add(start);
        }
    }
  }

  private opened({ from, to, born, name }: OthersEvent & { kind: 'opened' }): void {
    // Room that reaches up to an empty chunk of theirs was one chunk with it, and that has gone back as a whole.
    const above = this.chunks.find((chunk) => chunk.start === to && chunk.name !== null);
    if (above !== undefined && isEmpty(above)) {
      this.giveBack(above);
      this.holes = withRange(this.holes, from, above.end);
      return;
    }
    for (const [start, end] of this.outsideChunks(from, to)) {
      this.holes = withoutRange(this.holes, start, end);
      this.add({ start, end, born, gaps: [[start, end]], taken: [], held: true, name });
    }
  }

  private outsideChunks(from: number, to: number): readonly AddressRange[] {
    let left: AddressRange[] = [[from, to]];
    for (const { start, end } of this.chunks) left = withoutRange(left, start, end);
    return left;
  }

  private add(chunk: Chunk): void {
    let at = this.chunks.length;
    while (at > 0 && this.chunks[at - 1].born > chunk.born) at--;
    this.chunks.splice(at, 0, chunk);
  }

  private giveBack(chunk: Chunk): void {
    this.chunks.splice(this.chunks.indexOf(chunk), 1);
    this.holes = withRange(this.holes, chunk.start, chunk.end);
  }
}

const isEmpty = ({ gaps, start, end }: Chunk): boolean =>
  gaps.length === 1 && gaps[0][0] === start && gaps[0][1] === end;
