/** Blocks by start address: open addressing over typed arrays, deletions close their gap. */
import { NO_BLOCK } from './block-table.ts';

export class AddressIndex {
  private keys = new Float64Array(4096).fill(-1);
  private values = new Int32Array(4096);
  private mask = 4095;
  private count = 0;

  private slotOf(address: number): number {
    const unit = address / 512;
    let hash = Math.imul(unit | 0, 0x9e3779b1) ^ Math.imul((unit / 4294967296) | 0, 0x85ebca6b);
    hash ^= hash >>> 15;
    return hash & this.mask;
  }

  private find(address: number): number {
    let slot = this.slotOf(address);
    while (this.keys[slot] !== -1 && this.keys[slot] !== address) slot = (slot + 1) & this.mask;
    return slot;
  }

  get(address: number): number {
    const slot = this.find(address);
    return this.keys[slot] === -1 ? NO_BLOCK : this.values[slot];
  }

  set(address: number, block: number): void {
    let slot = this.find(address);
    if (this.keys[slot] === -1) {
      if (++this.count * 2 > this.mask) {
        this.grow();
        slot = this.find(address);
      }
      this.keys[slot] = address;
    }
    this.values[slot] = block;
  }

  remove(address: number): void {
    let hole = this.find(address);
    if (this.keys[hole] === -1) return;
    this.count--;
    for (let at = (hole + 1) & this.mask; this.keys[at] !== -1; at = (at + 1) & this.mask) {
      const home = this.slotOf(this.keys[at]);
      // Moves back only what stays reachable from its home.
      if (((at - home) & this.mask) < ((at - hole) & this.mask)) continue;
      this.keys[hole] = this.keys[at];
      this.values[hole] = this.values[at];
      hole = at;
    }
    this.keys[hole] = -1;
  }

  private grow(): void {
    const { keys, values } = this;
    this.mask = this.mask * 2 + 1;
    this.keys = new Float64Array(this.mask + 1).fill(-1);
    this.values = new Int32Array(this.mask + 1);
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === -1) continue;
      const slot = this.find(keys[i]);
      this.keys[slot] = keys[i];
      this.values[slot] = values[i];
    }
  }
}
