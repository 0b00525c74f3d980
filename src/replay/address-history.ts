/**
 * What others did with a process's addresses while it was recorded, from where its segments really came to lie. The
 * rule of driver-addresses.ts is led through the recording; where it would put a segment elsewhere, others must have
 * taken or given back addresses before. The least that explains it becomes an event. What-ifs are served in the same
 * history, so that the recorded settings give the recorded addresses again.
 *
 * Not certain: how far a chunk of others reaches beyond what segments filled, and when within its window something
 * happened. Some of it differs from run to run of one program. What no event explains is counted.
 *
 * Long because every kind of explanation looks at the same state: the model, what is behind and what is ahead.
 */
import {
  type AddressHistory,
  CHUNK,
  type Chunk,
  chunkCeiling,
  chunkFloor,
  DriverAddresses,
  type OthersEvent,
  USUAL_HISTORY,
} from './driver-addresses.ts';

/** A segment made (cudaMalloc) or given back (cudaFree) in the recording. */
export interface RecordedSegment {
  readonly row: number;
  readonly address: number;
  /** Bytes. */
  readonly bytes: number;
  readonly made: boolean;
}

export interface InferredHistory extends AddressHistory {
  /** Segments that came to lie elsewhere than any event explains. */
  readonly unexplained: number;
}

/** The driver gives addresses in whole units of this. */
const GRAIN = 2 << 20;
/** Room further away than this is no part of a chunk of others. */
const FAR = 2 ** 30;
/** Explanations tried for one segment. */
const TRIES = 60;
/** Age of a chunk that was there before any segment. */
const FIRST = -1;
/** Bound of the work over a recording of many segments: segments squared times passes. */
const WORK = 2e8;
const PASSES = 100;
/** Real programs have some twenty events; who has more than this many tells nothing by them. */
const MOST_EVENTS = 1000;

/** What is decided about chunks of others, by name; a pass that finds better starts again. */
interface Decisions {
  /** Age, as the row at which the chunk was made. */
  readonly born: Map<string, number>;
  /** Where its room ends. */
  readonly end: Map<string, number>;
  /** A chunk that looked like one made for a segment. */
  readonly theirs: Set<string>;
}

/** An event and the first row that it may have happened before. */
interface Placed {
  readonly event: OthersEvent;
  readonly earliest: number;
}

export function inferHistory(segments: readonly RecordedSegment[]): InferredHistory {
  const first = segments.find(({ made }) => made);
  if (first === undefined) return { ...USUAL_HISTORY, unexplained: 0 };
  const floor = chunkFloor(first.address);
  const top = first.address > floor ? floor : first.address + chunkCeiling(first.bytes);
  const decisions: Decisions = { born: new Map(), end: new Map(), theirs: new Set() };
  const passes = Math.min(PASSES, Math.floor(WORK / segments.length ** 2));
  for (let pass = 0; ; pass++) {
    const lead = new Lead(segments, top, decisions, pass < passes);
    const placed = lead.run();
    if (placed !== null) return scheduled(segments, top, placed, lead.unexplained);
  }
}

/** A decision was changed: the pass starts again. */
const AGAIN = Symbol('again');

class Lead {
  private readonly space: DriverAddresses;
  private readonly placed: Placed[] = [];
  private at = 0;
  unexplained = 0;
  /** Row of the last segment made or given back; of the last chunk that was the lowest of all. */
  private lastRow = -2;
  private lastLowest = -2;
  private lowest = Infinity;
  /** Row at which a chunk was last seen to be used as the model says, by its start. */
  private readonly agreed = new Map<number, number>();
  /** Name of a chunk that was made for a segment, by its start. */
  private readonly madeFor = new Map<number, string>();
  /** Where a chunk of others has been filled up to, by name. */
  private readonly filled = new Map<string, number>();

  constructor(
    private readonly segments: readonly RecordedSegment[],
    private readonly top: number,
    private readonly decisions: Decisions,
    private readonly mayDecide: boolean,
  ) {
    this.space = new DriverAddresses({ top, events: [] });
  }

  /** null: a decision was changed. */
  run(): Placed[] | null {
    for (this.at = 0; this.at < this.segments.length; this.at++) {
      const { row, address, bytes, made } = this.segments[this.at];
      if (made) {
        if (this.led(row, address, bytes) === AGAIN) return null;
      } else {
        const chunk = this.space.chunkAt(address);
        if (chunk !== undefined) this.agreed.set(chunk.start, row);
        this.space.release(address, bytes);
      }
      this.lastRow = row;
    }
    return this.placed;
  }

  private led(row: number, address: number, bytes: number): typeof AGAIN | undefined {
    const { space } = this;
    space.reach(row + 1);
    for (
      let tries = 0;
      tries < TRIES && this.placed.length < MOST_EVENTS && space.addressFor(bytes) !== address;
      tries++
    ) {
      const home = space.chunkAt(address);
      const found =
        home === undefined
          ? this.explainChunk(row, address, bytes)
          : this.explainWithin(row, address, bytes, home);
      if (found === AGAIN) return AGAIN;
      if (!found) break;
    }
    if (space.addressFor(bytes) !== address) {
      this.unexplained++;
      return;
    }
    const fresh = space.roomFor(bytes) === null;
    space.segment(bytes);
    if (fresh) {
      this.madeFor.set(address, `${row} ${address}`);
      if (address < this.lowest) {
        this.lowest = address;
        this.lastLowest = row;
      }
    }
    const chunk = space.chunkAt(address);
    if (chunk !== undefined) this.agreed.set(chunk.start, row);
  }

  /** The segment lies in a chunk that is known. true: something was explained. */
  private explainWithin(row: number, address: number, bytes: number, home: Chunk): boolean | typeof AGAIN {
    const gap = home.gaps.find(([from, to]) => from <= address && address + bytes <= to);
    if (gap === undefined) return this.explainReturn(row, address, bytes, home);
    if (gap[0] < address) {
      this.took(gap[0], address, row);
      return true;
    }
    const room = this.space.roomFor(bytes);
    if (room === null) return false;
    const { chunk } = room;
    if (this.shorten(chunk, room.gap, bytes)) return AGAIN;
    // A chunk of others is looked into too early: it is older than this one.
    if (this.mayDecide && chunk.name !== null && chunk !== home && chunk.born >= home.born) {
      this.decisions.born.set(chunk.name, home.born - 0.5);
      return AGAIN;
    }
    this.took(room.gap[0], room.gap[1] - bytes + GRAIN, row);
    return true;
  }

  /** The segment lies where others were, in a chunk that is known. */
  private explainReturn(row: number, address: number, bytes: number, home: Chunk): boolean | typeof AGAIN {
    const name = this.madeFor.get(home.start);
    if (this.mayDecide && name !== undefined && address + bytes > home.end) {
      if (this.decisions.theirs.has(name)) return false;
      this.decisions.theirs.add(name);
      return AGAIN;
    }
    const to = Math.max(Math.min(home.end, this.filledFrom(address + bytes)), address + bytes);
    this.add({ kind: 'gave', row, from: address, to }, this.lastRow + 2);
    return home.gaps.some(([from, end]) => from <= address && address + bytes <= end);
  }

  /** The segment lies in no chunk that is known. */
  private explainChunk(row: number, address: number, bytes: number): boolean | typeof AGAIN {
    const { space } = this;
    const size = chunkCeiling(bytes);
    const name = `${row} ${address}`;
    const filled = this.filledFrom(address + bytes);
    if (address % CHUNK !== 0 || filled > address + size || this.decisions.theirs.has(name)) {
      this.opened(row, address, filled, name);
      return true;
    }
    const room = space.roomFor(bytes);
    if (room !== null) {
      if (this.shorten(room.chunk, room.gap, bytes)) return AGAIN;
      this.took(room.gap[0], room.gap[1] - bytes + GRAIN, row);
      return true;
    }
    const place = space.placeFor(size);
    if (place > address && space.isOpen(address, address + size)) {
      this.reserved(row, address + size, place + size);
      return true;
    }
    this.add({ kind: 'unmapped', row, from: address, to: address + size }, this.lastLowest + 2);
    const preferred = space.addressFor(bytes);
    if (preferred > address)
      this.add(
        { kind: 'mapped', row, from: Math.max(address + size, preferred), to: preferred + size },
        this.lastRow + 2,
      );
    return true;
  }

  /** A chunk of others with room from here to what is known to be used above. */
  private opened(row: number, from: number, filled: number, name: string): void {
    const { chunks } = this.space;
    const above = Math.min(...chunks.map(({ start }) => start).filter((start) => start >= filled));
    // Chunks are whole: with nothing known above, its room ends where the chunk does.
    let to = above - from <= FAR ? above : chunkCeiling(filled);
    let sure = filled;
    for (let i = this.at; i < this.segments.length; i++) {
      const { address, bytes, made } = this.segments[i];
      if (made && address > from && address < to && this.space.chunkAt(address) === undefined)
        sure = Math.max(sure, address + bytes);
    }
    sure = Math.min(sure, to);
    const end = this.decisions.end.get(name);
    if (end !== undefined) to = Math.max(sure, Math.min(to, end));
    this.filled.set(name, sure);
    // Above all chunks of segments lies what the process had before it made any.
    const first = from >= this.top;
    const born = this.decisions.born.get(name) ?? (first ? FIRST : this.lastRow + 2);
    this.add({ kind: 'opened', row, from, to, born, name }, first ? 0 : row);
  }

  /** The end of what later segments fill without a break, upwards from `end`, outside known chunks. */
  private filledFrom(end: number): number {
    let to = end;
    for (let i = this.at + 1; i < this.segments.length; i++) {
      const { address, bytes, made } = this.segments[i];
      if (made && address === to && this.space.chunkAt(to) === undefined) to += bytes;
    }
    return to;
  }

  /** A segment does not use room that a chunk of others was only supposed to have: it has no such room. */
  private shorten({ name, end }: Chunk, [from, to]: readonly [number, number], bytes: number): boolean {
    const sure = name === null ? undefined : this.filled.get(name);
    if (!this.mayDecide || name === null || sure === undefined) return false;
    if (to !== end || sure >= to || from + bytes <= sure) return false;
    this.decisions.end.set(name, sure);
    return true;
  }

  private took(from: number, to: number, row: number): void {
    const { space } = this;
    const earliest = (this.agreed.get(space.chunkAt(from)?.start ?? NaN) ?? this.lastRow) + 2;
    const asSegment = space.roomFor(to - from)?.gap[0] === from;
    this.add({ kind: asSegment ? 'allocated' : 'took', row, from, to }, earliest);
  }

  private reserved(row: number, from: number, to: number): void {
    const asChunk = this.space.placeFor(to - from) === from;
    this.add({ kind: asChunk ? 'reserved' : 'mapped', row, from, to }, this.lastLowest + 2);
  }

  private add(event: OthersEvent, earliest: number): void {
    this.placed.push({ event, earliest });
    this.space.apply(event);
  }
}

/** How many of the segments come to lie elsewhere. */
function misplaced(segments: readonly RecordedSegment[], history: AddressHistory): number {
  const space = new DriverAddresses(history);
  let wrong = 0;
  for (const { row, address, bytes, made } of segments) {
    // The request that a segment is made for comes a row later.
    space.reach(row + (made ? 1 : 0));
    if (!made) space.release(address, bytes);
    else if (space.segment(bytes) !== address) wrong++;
  }
  return wrong;
}

/** Moves events to the first row that they may have happened before, as far as the recording stays as it is. */
function scheduled(
  segments: readonly RecordedSegment[],
  top: number,
  placed: readonly Placed[],
  unexplained: number,
): InferredHistory {
  const rows = placed.map(({ event }) => event.row);
  const history = (): AddressHistory => ({
    top,
    events: placed
      .map(({ event }, at): OthersEvent => ({ ...event, row: rows[at] }))
      .sort((a, b) => a.row - b.row),
  });
  if (segments.length ** 2 > WORK) return { ...history(), unexplained };
  const least = misplaced(segments, history());
  if (placed.length * segments.length ** 2 <= WORK)
    for (const [at, { event, earliest }] of placed.entries()) {
      if (earliest >= event.row) continue;
      rows[at] = earliest;
      if (misplaced(segments, history()) > least) rows[at] = event.row;
    }
  return { ...history(), unexplained: least };
}
