/** Stretches of addresses at which something was ever reserved (or, without segments, live), and how they are packed. */
import type { BlockSizes } from './block-sizes.ts';
import type { Lives } from './lives.ts';
import type { SegmentLives } from './segment-lives.ts';

export interface Stretches {
  /** Where each begins, ascending; they neither overlap nor touch. */
  readonly address: Float64Array;
  /** The same when all are laid end to end; ends with the sum of their bytes. */
  readonly packed: Float64Array;
}

export function stretchesOf(segments: SegmentLives, lives: Lives, sizes: BlockSizes): Stretches {
  const many = segments.length + lives.length;
  const from = new Float64Array(many);
  const to = new Float64Array(many);
  for (let i = 0; i < segments.length; i++) {
    from[i] = segments.address[i];
    to[i] = from[i] + segments.size[i];
  }
  for (let i = 0; i < lives.length; i++) {
    from[segments.length + i] = lives.address[i];
    to[segments.length + i] = lives.address[i] + sizes.size[i];
  }
  const order = Uint32Array.from(from.keys()).sort((a, b) => from[a] - from[b]);
  const address: number[] = [];
  const packed: number[] = [];
  let end = -Infinity;
  let sum = 0;
  for (const one of order) {
    if (from[one] > end) {
      if (address.length > 0) sum += end - address[address.length - 1];
      address.push(from[one]);
      packed.push(sum);
      end = to[one];
    } else if (to[one] > end) end = to[one];
  }
  if (address.length > 0) sum += end - address[address.length - 1];
  packed.push(sum);
  return { address: Float64Array.from(address), packed: Float64Array.from(packed) };
}
