/**
 * Free blocks of one pool and stream in best-fit order: by size, then by address. Kept in chunks so that an
 * insertion moves at most CHUNK entries however many blocks are free.
 */
const CHUNK = 256;

export class FreeList {
  private readonly chunks: Int32Array[] = [];
  private readonly lengths: number[] = [];
  private spare: Int32Array | null = null;
  /** Number of blocks in the list. */
  count = 0;

  /** `size` and `address` by block; they must not change while a block is in the list. */
  constructor(
    private readonly size: () => Float64Array,
    private readonly address: () => Float64Array,
  ) {}

  /** First place at or after (size, address): chunk and index in it, as chunk * CHUNK + index; -1: none. */
  private find(bytes: number, at: number): number {
    const size = this.size();
    const address = this.address();
    const { chunks, lengths } = this;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const last = chunks[middle][lengths[middle] - 1];
      if (size[last] < bytes || (size[last] === bytes && address[last] < at)) low = middle + 1;
      else high = middle;
    }
    if (low === chunks.length) return -1;
    const chunk = chunks[low];
    let from = 0;
    let to = lengths[low];
    while (from < to) {
      const middle = (from + to) >> 1;
      const block = chunk[middle];
      if (size[block] < bytes || (size[block] === bytes && address[block] < at)) from = middle + 1;
      else to = middle;
    }
    return low * CHUNK + from;
  }

  insert(block: number): void {
    const { chunks, lengths } = this;
    this.count++;
    if (chunks.length === 0) {
      const chunk = this.spare ?? new Int32Array(CHUNK);
      this.spare = null;
      chunk[0] = block;
      chunks.push(chunk);
      lengths.push(1);
      return;
    }
    const place = this.find(this.size()[block], this.address()[block]);
    let at = place < 0 ? chunks.length - 1 : Math.floor(place / CHUNK);
    let index = place < 0 ? lengths[at] : place % CHUNK;
    if (lengths[at] === CHUNK) {
      const half = CHUNK / 2;
      const upper = new Int32Array(CHUNK);
      upper.set(chunks[at].subarray(half));
      chunks.splice(at + 1, 0, upper);
      lengths.splice(at + 1, 0, CHUNK - half);
      lengths[at] = half;
      if (index > half) {
        at++;
        index -= half;
      }
    }
    const chunk = chunks[at];
    // A plain loop: most moves are of a few entries, where the call of copyWithin costs more than they do.
    for (let i = lengths[at]; i > index; i--) chunk[i] = chunk[i - 1];
    chunk[index] = block;
    lengths[at]++;
  }

  /** Takes a block out. Its size and address must be those it was inserted with. Throws where it is not there. */
  remove(block: number): void {
    const place = this.find(this.size()[block], this.address()[block]);
    const at = Math.floor(place / CHUNK);
    const index = place % CHUNK;
    if (place < 0 || this.chunks[at][index] !== block)
      throw new Error(`block ${block} is not in its free list`);
    this.count--;
    if (--this.lengths[at] === 0) {
      // Steady serving empties and fills a list at every free: its last chunk is kept for the next one.
      if (this.chunks.length === 1) this.spare = this.chunks[0];
      this.chunks.splice(at, 1);
      this.lengths.splice(at, 1);
      return;
    }
    const chunk = this.chunks[at];
    const length = this.lengths[at];
    for (let i = index; i < length; i++) chunk[i] = chunk[i + 1];
  }

  /** Smallest block of at least `bytes`, the lowest address first; -1: none. */
  atLeast(bytes: number): number {
    const place = this.find(bytes, -Infinity);
    return place < 0 ? -1 : this.chunks[Math.floor(place / CHUNK)][place % CHUNK];
  }

  /** The block after `block` in order, -1 at the end. */
  after(block: number): number {
    const place = this.find(this.size()[block], this.address()[block]);
    let at = Math.floor(place / CHUNK);
    let index = (place % CHUNK) + 1;
    if (index === this.lengths[at]) {
      at++;
      index = 0;
    }
    return at < this.chunks.length ? this.chunks[at][index] : -1;
  }

  /** The largest block (of equals, the highest address), -1 where the list is empty. */
  largest(): number {
    const at = this.chunks.length - 1;
    return at < 0 ? -1 : this.chunks[at][this.lengths[at] - 1];
  }

  /** All blocks in order. */
  blocks(): number[] {
    const all: number[] = [];
    for (const [at, chunk] of this.chunks.entries())
      for (let i = 0; i < this.lengths[at]; i++) all.push(chunk[i]);
    return all;
  }
}
