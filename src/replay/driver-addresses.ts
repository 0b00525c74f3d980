/**
 * Where cudaMalloc puts a segment, because best fit breaks ties between equal blocks by address. Measured on driver
 * 580 (H100, H200), not documented by NVIDIA: address space is taken in chunks of whole 32 MiB, each new one
 * below the others or in the highest hole that is larger than it; a segment goes into the newest chunk with room,
 * there into the smallest gap that fits, at its low end. A chunk that is empty goes back.
 */
import type { AddressSpace } from './allocator.ts';

const CHUNK = 32 << 20;

interface Chunk {
  readonly start: number;
  readonly end: number;
  /** Free ranges [from, to), ascending. */
  gaps: (readonly [number, number])[];
}

/** Free ranges [from, to) in the driver's own chunks, and the address that new chunks lie below. */
export interface DriverStart {
  readonly gaps: readonly (readonly [number, number])[];
  readonly top: number;
}

const chunkOf = (address: number): number => Math.floor(address / CHUNK) * CHUNK;

/** Where a process without a recorded cudaMalloc is taken to begin: it has one chunk, 6 MiB of which are the driver's. */
const START: DriverStart = { gaps: [[2 ** 46 + (6 << 20), 2 ** 46 + CHUNK]], top: 2 ** 46 };

/**
 * What the driver had before the first segment, from the segments of a recording in the order they were made
 * ([address, bytes]): one that lies in no chunk that the others explain lies in a chunk of the driver's own.
 */
export function driverStart(segments: readonly (readonly [number, number])[]): DriverStart {
  if (segments.length === 0) return START;
  const chunks: [number, number][] = [];
  const gaps: [number, number][] = [];
  for (const [address, bytes] of segments) {
    const start = chunkOf(address);
    if (chunks.some(([from, to]) => from <= address && address < to)) continue;
    if (address > start) gaps.push([address, start + CHUNK]);
    chunks.push([start, start + Math.ceil((address - start + bytes) / CHUNK) * CHUNK]);
  }
  const [first, bytes] = segments[0];
  return { gaps, top: first > chunkOf(first) ? chunkOf(first) : first + Math.ceil(bytes / CHUNK) * CHUNK };
}

export class DriverAddresses implements AddressSpace {
  /** Oldest first. */
  private readonly chunks: Chunk[] = [];
  private readonly top: number;
  private nextRange: number;

  constructor({ gaps, top }: DriverStart) {
    for (const [from, to] of gaps) {
      const start = chunkOf(from);
      this.chunks.push({ start, end: start + CHUNK, gaps: [[from, to]] });
    }
    this.top = top;
    // Expandable segments get ranges of their own, far from the chunks and ascending.
    this.nextRange = chunkOf(top) + 2 ** 47;
  }

  segment(bytes: number): number {
    for (let i = this.chunks.length - 1; i >= 0; i--) {
      const chunk = this.chunks[i];
      let best = -1;
      for (const [at, [from, to]] of chunk.gaps.entries()) {
        if (to - from < bytes) continue;
        if (best < 0 || to - from < chunk.gaps[best][1] - chunk.gaps[best][0]) best = at;
      }
      if (best < 0) continue;
      const [from, to] = chunk.gaps[best];
      if (to - from === bytes) chunk.gaps.splice(best, 1);
      else chunk.gaps[best] = [from + bytes, to];
      return from;
    }
    const size = Math.ceil(bytes / CHUNK) * CHUNK;
    const start = this.place(size);
    const gaps: [number, number][] = size > bytes ? [[start + bytes, start + size]] : [];
    this.chunks.push({ start, end: start + size, gaps });
    return start;
  }

  /** Start of a new chunk: the top of the highest hole that is larger than it, or right below everything. */
  private place(size: number): number {
    const below = this.chunks.filter(({ start }) => start < this.top).sort((a, b) => b.start - a.start);
    let ceiling = this.top;
    for (const { start, end } of below) {
      if (ceiling - end > size) break;
      ceiling = start;
    }
    return ceiling - size;
  }

  release(address: number, bytes: number): void {
    const at = this.chunks.findIndex(({ start, end }) => start <= address && address < end);
    if (at < 0) return;
    const chunk = this.chunks[at];
    const all = [...chunk.gaps, [address, address + bytes] as const].sort((a, b) => a[0] - b[0]);
    const gaps: (readonly [number, number])[] = [];
    for (const gap of all) {
      const last = gaps.at(-1);
      if (last !== undefined && last[1] === gap[0]) gaps[gaps.length - 1] = [last[0], gap[1]];
      else gaps.push(gap);
    }
    chunk.gaps = gaps;
    if (gaps.length === 1 && gaps[0][0] === chunk.start && gaps[0][1] === chunk.end)
      this.chunks.splice(at, 1);
  }

  range(bytes: number): number {
    const start = this.nextRange;
    this.nextRange += Math.ceil(bytes / CHUNK) * CHUNK;
    return start;
  }
}
