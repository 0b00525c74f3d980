/**
 * Address and time as one picture: each pixel is the share of its reserved bytes that is live, at one exact moment of its
 * column. Addresses at which nothing was ever reserved are left out: what remains is packed, lowest address first.
 *
 *   address   0x000 - 0x200 | 0x900 - 0xa00        packed   0x000 - 0x200 | 0x200 - 0x300
 *
 * A stretch of memory adds to every pixel that it covers from the column at which it begins on, and takes away at the
 * column at which it ended: the cost is lives and the pixels they are high, whatever the number of columns.
 */
import { upperBound } from '../../base/binary-search.ts';
import type { AddressSpace } from './address-space.ts';

export interface AddressTime {
  readonly columns: number;
  readonly rows: number;
  /** [row * columns + column], lowest addresses first. 0: nothing reserved; else 1 + the share that is live in 254ths. */
  readonly shares: Uint8Array;
  /** Stretches of addresses as they are packed: where each begins, in addresses and packed; ends with the sum. */
  readonly address: Float64Array;
  readonly packed: Float64Array;
  readonly bytes: number;
}

/** `moments`: for each column the row just after which it is, ascending; -1: before the first one. */
export function addressTime(space: AddressSpace, moments: Int32Array, rows: number): AddressTime {
  const { segments, lives, sizes } = space;
  const columns = moments.length;
  const { address, packed } = space.stretches;
  const bytes = packed[packed.length - 1];
  const width = columns + 1;
  const live = new Float64Array(width * rows);
  const reserved = new Float64Array(width * rows);
  const pixel = bytes / rows;
  const add = (into: Float64Array, from: number, size: number, first: number, last: number): void => {
    const place = upperBound(address, from) - 1;
    const start = packed[place] + from - address[place];
    const end = start + size;
    for (let y = Math.floor(start / pixel); y < rows && y * pixel < end; y++) {
      const inside = Math.min(end, (y + 1) * pixel) - Math.max(start, y * pixel);
      if (inside <= 0) continue;
      into[y * width + first] += inside;
      into[y * width + last] -= inside;
    }
  };
  /** First column whose moment is at a row or after it. */
  const columnOf = (row: number): number => upperBound(moments, row - 1);
  for (let i = 0; i < segments.length; i++) {
    const [first, last] = [columnOf(segments.rowFrom[i]), columnOf(segments.rowTo[i])];
    if (first < last) add(reserved, segments.address[i], segments.size[i], first, last);
  }
  for (let life = 0; life < lives.length; life++) {
    const [first, last] = [columnOf(lives.rowFrom[life]), columnOf(lives.rowTo[life])];
    if (first < last) add(live, lives.address[life], sizes.size[life], first, last);
  }
  const shares = new Uint8Array(columns * rows);
  for (let y = 0; y < rows; y++) {
    let [here, holds] = [0, 0];
    for (let column = 0; column < columns; column++) {
      here += live[y * width + column];
      holds += reserved[y * width + column];
      // Without segments what is live is all that is known to be reserved, of the pixel's bytes.
      const of = segments.length === 0 ? pixel : Math.max(holds, here);
      const isThere = segments.length === 0 ? here > 0.5 : of > 0.5;
      shares[y * columns + column] = isThere ? 1 + Math.min(254, Math.round((254 * here) / of)) : 0;
    }
  }
  // The stretches are kept, and answers take their arrays with them.
  return { columns, rows, shares, address: address.slice(), packed: packed.slice(), bytes };
}
