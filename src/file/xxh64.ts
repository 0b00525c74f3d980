/**
 * XXH64 with seed 0 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md): the check sum of zstd frames. The long
 * part runs on 32-bit halves, because BigInt would be slower than the decompression; the end is BigInt.
 */
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const P1_LOW = 0x85ebca87;
const P1_HIGH = 0x9e3779b1;
const P2_LOW = 0x27d4eb4f;
const P2_HIGH = 0xc2b2ae3d;
const MASK = (1n << 64n) - 1n;

const rotate = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (64n - by))) & MASK;
const round = (accumulator: bigint, input: bigint): bigint =>
  (rotate((accumulator + input * P2) & MASK, 31n) * P1) & MASK;

/** Upper 32 bits of the product of two u32. */
function highProduct(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = (Math.imul(a1, b0) >>> 0) + (Math.imul(a0, b0) >>> 16);
  const second = (Math.imul(a0, b1) >>> 0) + (middle & 0xffff);
  return (Math.imul(a1, b1) + (middle >>> 16) + (second >>> 16)) | 0;
}

export class Xxh64 {
  /** Four accumulators, each low word then high word. */
  private readonly lanes: Int32Array;
  /** Less than one stripe of 32 bytes that is not hashed yet. */
  private readonly open = new Uint8Array(32);
  private opened = 0;
  private total = 0n;

  constructor() {
    const words = BigUint64Array.of((P1 + P2) & MASK, P2, 0n, (MASK + 1n - P1) & MASK);
    // Every machine that runs a browser is little-endian: the low word comes first.
    this.lanes = new Int32Array(words.buffer);
  }

  update(bytes: Uint8Array): void {
    this.total += BigInt(bytes.length);
    let at = 0;
    if (this.opened > 0) {
      at = Math.min(32 - this.opened, bytes.length);
      this.open.set(bytes.subarray(0, at), this.opened);
      this.opened += at;
      if (this.opened < 32) return;
      this.stripes(this.open, 0, 32);
      this.opened = 0;
    }
    const end = bytes.length - ((bytes.length - at) % 32);
    this.stripes(bytes, at, end);
    this.opened = bytes.length - end;
    this.open.set(bytes.subarray(end));
  }

  private stripes(bytes: Uint8Array, from: number, to: number): void {
    const { lanes } = this;
    for (let at = from; at < to; at += 32) {
      for (let lane = 0; lane < 8; lane += 2) {
        const i = at + 4 * lane;
        const low = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
        const high = bytes[i + 4] | (bytes[i + 5] << 8) | (bytes[i + 6] << 16) | (bytes[i + 7] << 24);
        // lane += input * P2
        const productLow = Math.imul(low, P2_LOW);
        const productHigh = highProduct(low, P2_LOW) + Math.imul(high, P2_LOW) + Math.imul(low, P2_HIGH);
        const sumLow = (lanes[lane] + productLow) | 0;
        const carry = sumLow >>> 0 < productLow >>> 0 ? 1 : 0;
        const sumHigh = (lanes[lane + 1] + productHigh + carry) | 0;
        // rotate left by 31
        const turnedLow = (sumLow << 31) | (sumHigh >>> 1);
        const turnedHigh = (sumHigh << 31) | (sumLow >>> 1);
        // lane *= P1
        lanes[lane] = Math.imul(turnedLow, P1_LOW);
        lanes[lane + 1] =
          highProduct(turnedLow, P1_LOW) + Math.imul(turnedHigh, P1_LOW) + Math.imul(turnedLow, P1_HIGH);
      }
    }
  }

  /** The hash of everything so far. */
  digest(): bigint {
    const lanes = new BigUint64Array(this.lanes.slice().buffer);
    let hash = P5;
    if (this.total >= 32n) {
      hash = 0n;
      for (let i = 0; i < 4; i++) hash += rotate(lanes[i], [1n, 7n, 12n, 18n][i]);
      hash &= MASK;
      for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * P1 + P4) & MASK;
    }
    hash = (hash + this.total) & MASK;
    const view = new DataView(this.open.buffer);
    let at = 0;
    for (; at + 8 <= this.opened; at += 8)
      hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & MASK;
    if (at + 4 <= this.opened) {
      hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * P1) & MASK), 23n) * P2 + P3) & MASK;
      at += 4;
    }
    for (; at < this.opened; at++)
      hash = (rotate(hash ^ ((BigInt(this.open[at]) * P5) & MASK), 11n) * P1) & MASK;
    hash = ((hash ^ (hash >> 33n)) * P2) & MASK;
    hash = ((hash ^ (hash >> 29n)) * P3) & MASK;
    return hash ^ (hash >> 32n);
  }
}
