/**
 * Which allocation is live at an address: a hash table with open addressing in typed arrays, one entry per
 * live allocation and no object. The owner is the context of a process: the same address may be live in
 * several processes at once.
 */
const EMPTY = 0xffffffff;

export class LiveAllocations {
  private mask = 4095;
  private count = 0;
  /** Low word, high word, owner, row: four numbers a slot; row EMPTY: free slot. */
  private slots = new Uint32Array(4 * 4096).fill(EMPTY);

  get size(): number {
    return this.count;
  }

  /** Remembers `row` at an address; the row that was live there and is replaced, or -1. */
  add(low: number, high: number, owner: number, row: number): number {
    const slot = this.find(low, high, owner);
    const before = this.slots[4 * slot + 3];
    this.slots[4 * slot] = low;
    this.slots[4 * slot + 1] = high;
    this.slots[4 * slot + 2] = owner;
    this.slots[4 * slot + 3] = row;
    if (before !== EMPTY) return before;
    if (++this.count * 2 > this.mask) this.grow();
    return -1;
  }

  /** Forgets what is live at an address; its row, or -1 where nothing is. */
  remove(low: number, high: number, owner: number): number {
    let hole = this.find(low, high, owner);
    const row = this.slots[4 * hole + 3];
    if (row === EMPTY) return -1;
    this.count--;
    // Entries behind the hole move up where their own place is not between it and them.
    for (
      let slot = (hole + 1) & this.mask;
      this.slots[4 * slot + 3] !== EMPTY;
      slot = (slot + 1) & this.mask
    ) {
      const home = this.home(this.slots[4 * slot], this.slots[4 * slot + 1], this.slots[4 * slot + 2]);
      if (((slot - home) & this.mask) < ((slot - hole) & this.mask)) continue;
      this.slots.copyWithin(4 * hole, 4 * slot, 4 * slot + 4);
      hole = slot;
    }
    this.slots[4 * hole + 3] = EMPTY;
    return row;
  }

  private home(low: number, high: number, owner: number): number {
    // Addresses are multiples of 256 or more: their low bits say nothing, the multiplications spread the rest.
    let h =
      Math.imul(low ^ (low >>> 15), 0x2c1b3c6d) ^
      Math.imul(high + 0x9e3779b9, 0x85ebca6b) ^
      Math.imul(owner, 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 13), 0x297a2d39);
    return (h ^ (h >>> 16)) & this.mask;
  }

  /** Slot of the key, or the free one where it belongs. */
  private find(low: number, high: number, owner: number): number {
    const { slots, mask } = this;
    let slot = this.home(low, high, owner);
    while (slots[4 * slot + 3] !== EMPTY) {
      if (slots[4 * slot] === low && slots[4 * slot + 1] === high && slots[4 * slot + 2] === owner) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private grow(): void {
    const old = this.slots;
    this.mask = 2 * this.mask + 1;
    this.slots = new Uint32Array(4 * (this.mask + 1)).fill(EMPTY);
    for (let i = 0; i < old.length; i += 4) {
      if (old[i + 3] === EMPTY) continue;
      this.slots.set(old.subarray(i, i + 4), 4 * this.find(old[i], old[i + 1], old[i + 2]));
    }
  }
}
