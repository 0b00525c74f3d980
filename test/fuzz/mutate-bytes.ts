/** Damage to bytes of any kind: what a bad copy, a full disk or a wrong tool does. */
import type { Random } from './random.ts';

export type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

const EDGES = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xffffn,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
  2n ** 64n - 5n,
];

const concat = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** A stretch [from, to), short more often than long. */
function stretch(bytes: Uint8Array, random: Random): [number, number] {
  const from = random.below(bytes.length + 1);
  const most = random.chance(0.7) ? 16 : bytes.length;
  return [from, Math.min(bytes.length, from + 1 + random.below(most))];
}

const flip: Mutation = (bytes, random) => {
  const out = bytes.slice();
  for (let n = 1 + random.below(4); n > 0; n--) out[random.below(out.length)] ^= 1 << random.below(8);
  return out;
};

const set: Mutation = (bytes, random) => {
  const out = bytes.slice();
  out[random.below(out.length)] = random.next();
  return out;
};

/** An integer of 1 to 8 bytes at its edge, little or big end first. */
const edge: Mutation = (bytes, random) => {
  const out = bytes.slice();
  const width = random.of([1, 2, 4, 8]);
  const at = random.below(out.length);
  const value = random.of(EDGES);
  for (let i = 0; i < width && at + i < out.length; i++) {
    const byte = random.chance(0.7) ? i : width - 1 - i;
    out[at + i] = Number((value >> BigInt(8 * byte)) & 0xffn);
  }
  return out;
};

export const cut: Mutation = (bytes, random) => bytes.slice(0, Math.max(1, random.below(bytes.length)));
const cutNearEnd: Mutation = (bytes, random) =>
  bytes.slice(0, Math.max(1, bytes.length - 1 - random.below(64)));

const hole: Mutation = (bytes, random) => {
  const [from, to] = stretch(bytes, random);
  return concat(bytes.subarray(0, from), bytes.subarray(to));
};

const double: Mutation = (bytes, random) => {
  const [from, to] = stretch(bytes, random);
  return concat(bytes.subarray(0, to), bytes.subarray(from));
};

const swap: Mutation = (bytes, random) => {
  const out = bytes.slice();
  const [from, to] = stretch(bytes, random);
  out.copyWithin(random.below(out.length), from, to);
  return out;
};

const fill: Mutation = (bytes, random) => {
  const out = bytes.slice();
  const [from, to] = stretch(bytes, random);
  return out.fill(random.of([0, 0xff, 0x20, 0x41]), from, to);
};

const noise: Mutation = (bytes, random) => {
  const [from] = stretch(bytes, random);
  const more = Uint8Array.from({ length: 1 + random.below(32) }, () => random.next());
  return concat(bytes.subarray(0, from), more, bytes.subarray(from));
};

export const BYTES: readonly Mutation[] = [
  flip,
  flip,
  set,
  edge,
  edge,
  cut,
  cutNearEnd,
  hole,
  double,
  swap,
  fill,
  noise,
];
