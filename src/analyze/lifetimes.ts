/**
 * Which free belongs to which alloc. Addresses are reused, so identity is address and order.
 *
 *   row | action         | address | partner
 *   0   | alloc          | 0x10    | 2        row of its free_completed, NONE: lives to the end
 *   1   | free_requested | 0x10    | 0        row of its alloc
 *   2   | free_completed | 0x10    | 0
 *   3   | free_completed | 0x99    | NONE     allocated before the recording
 */
import { ACTION, type EventTable, NONE } from '../trace/schema.ts';

/** u64 addresses (two words) to row numbers; open addressing over typed arrays. */
export class AddressMap {
  private low = new Uint32Array(4096);
  private high = new Uint32Array(4096);
  private value = new Uint32Array(4096).fill(NONE);
  private used = new Uint8Array(4096);
  private count = 0;

  private slot(low: number, high: number): number {
    const mask = this.low.length - 1;
    let hash = Math.imul((low >>> 9) ^ Math.imul(high, 0x85ebca6b) ^ (low << 20), 0x9e3779b1);
    hash ^= hash >>> 15;
    let slot = hash & mask;
    while (this.used[slot] !== 0 && (this.low[slot] !== low || this.high[slot] !== high))
      slot = (slot + 1) & mask;
    return slot;
  }

  get(low: number, high: number): number {
    return this.value[this.slot(low, high)];
  }

  /** Sets the value and returns the one before (NONE where there was none). */
  swap(low: number, high: number, value: number): number {
    let slot = this.slot(low, high);
    if (this.used[slot] === 0) {
      if (this.count * 2 >= this.low.length) {
        this.grow();
        slot = this.slot(low, high);
      }
      this.used[slot] = 1;
      this.low[slot] = low;
      this.high[slot] = high;
      this.count++;
    }
    const before = this.value[slot];
    this.value[slot] = value;
    return before;
  }

  private grow(): void {
    const { low, high, value, used } = this;
    const size = low.length * 2;
    this.low = new Uint32Array(size);
    this.high = new Uint32Array(size);
    this.value = new Uint32Array(size).fill(NONE);
    this.used = new Uint8Array(size);
    for (let i = 0; i < low.length; i++) {
      if (used[i] === 0) continue;
      const slot = this.slot(low[i], high[i]);
      this.used[slot] = 1;
      this.low[slot] = low[i];
      this.high[slot] = high[i];
      this.value[slot] = value[i];
    }
  }
}

export interface Lifetimes {
  readonly partner: Uint32Array;
  /** Frees whose alloc is not in the recording (free_completed or free rows). */
  readonly unmatchedFrees: number;
  /** Allocs at an address that was still taken: their earlier free is missing from the recording. */
  readonly doubleAllocs: number;
}

/** `known`: partners that the reader found, where an address alone does not tell (several processes). */
export function lifetimesOf(events: EventTable, known?: Uint32Array): Lifetimes {
  if (known !== undefined) return countKnown(events, known);
  const partner = new Uint32Array(events.length).fill(NONE);
  const live = new AddressMap();
  let unmatchedFrees = 0;
  let doubleAllocs = 0;
  for (let row = 0; row < events.length; row++) {
    const low = events.address[2 * row];
    const high = events.address[2 * row + 1];
    switch (events.action[row]) {
      case ACTION.alloc:
        if (live.swap(low, high, row) !== NONE) doubleAllocs++;
        break;
      case ACTION.free_requested:
        partner[row] = live.get(low, high);
        break;
      case ACTION.free_completed:
      case ACTION.free: {
        const alloc = live.swap(low, high, NONE);
        partner[row] = alloc;
        if (alloc === NONE) unmatchedFrees++;
        else partner[alloc] = row;
      }
    }
  }
  return { partner, unmatchedFrees, doubleAllocs };
}

function countKnown(events: EventTable, partner: Uint32Array): Lifetimes {
  let unmatchedFrees = 0;
  for (let row = 0; row < events.length; row++) {
    const { free_completed, free } = ACTION;
    const isFree = events.action[row] === free_completed || events.action[row] === free;
    if (isFree && partner[row] === NONE) unmatchedFrees++;
  }
  // An alloc over a live one is the reader's to tell: an address may be live in several processes.
  return { partner, unmatchedFrees, doubleAllocs: 0 };
}
