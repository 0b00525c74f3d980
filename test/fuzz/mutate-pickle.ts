/** Damage to pickles opcode by opcode: the rest stays a pickle, so that the damage reaches what the values mean. */
import type { Mutation } from './mutate-bytes.ts';
import type { Random } from './random.ts';

const line = (bytes: Uint8Array, at: number): number => {
  const end = bytes.indexOf(10, at);
  return end < 0 ? bytes.length : end + 1;
};
const u32 = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);

/** Bytes of the opcode at a place, its argument included. */
function lengthAt(bytes: Uint8Array, at: number): number {
  const op = bytes[at];
  if (at + 9 > bytes.length) return 1;
  if ([0x4b, 0x68, 0x71, 0x80].includes(op)) return 2;
  if (op === 0x4d) return 3;
  if ([0x4a, 0x6a, 0x72].includes(op)) return 5;
  if (op === 0x47 || op === 0x95) return 9;
  if ([0x55, 0x8c, 0x8a, 0x43].includes(op)) return 2 + bytes[at + 1];
  if ([0x58, 0x54, 0x42, 0x8b].includes(op)) return 5 + u32(bytes, at + 1);
  if (op === 0x8d) return 9 + u32(bytes, at + 1);
  if ('FIILSVgp'.includes(String.fromCharCode(op))) return line(bytes, at + 1) - at;
  return 1;
}

/** Starts of the opcodes. */
export function opcodesOf(bytes: Uint8Array): number[] {
  const starts: number[] = [];
  for (let at = 0; at < bytes.length; at += Math.max(1, lengthAt(bytes, at))) starts.push(at);
  return starts;
}

const long = (value: bigint, width: number): Uint8Array => {
  const out = new Uint8Array(2 + width);
  out.set([0x8a, width]);
  for (let i = 0; i < width; i++)
    out[2 + i] = Number((BigInt.asUintN(8 * width, value) >> BigInt(8 * i)) & 0xffn);
  return out;
};
const short = (value: string): Uint8Array => {
  const text = Buffer.from(value, 'utf8').subarray(0, 255);
  return new Uint8Array(Buffer.concat([Buffer.from([0x8c, text.length]), text]));
};

/** Values of every kind, each a whole one. */
const VALUES: readonly Uint8Array[] = [
  Uint8Array.of(0x4e),
  Uint8Array.of(0x88),
  Uint8Array.of(0x4b, 0),
  Uint8Array.of(0x4b, 255),
  Uint8Array.of(0x4a, 0xfb, 0xff, 0xff, 0xff),
  Uint8Array.of(0x4a, 0xff, 0xff, 0xff, 0x7f),
  long(-5n, 8),
  long(2n ** 50n, 8),
  long(2n ** 62n, 8),
  long(2n ** 63n, 9),
  long(2n ** 64n - 1n, 9),
  long(2n ** 100n, 14),
  Uint8Array.of(0x47, 0x40, 0x59, 0, 0, 0, 0, 0, 0),
  Uint8Array.of(0x47, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0),
  Uint8Array.of(0x5d),
  Uint8Array.of(0x7d),
  Uint8Array.of(0x29),
  short(''),
  short('alloc'),
  short('free_completed'),
  short('segment_free'),
  short('\x1b]0;title\x07\nNo problem found'),
  short('\u202egnp.elif'),
  short('<img src=x onerror=alert(1)>'),
  short('__proto__'),
  Uint8Array.of(0x68, 0),
  Uint8Array.of(0x68, 12),
  Uint8Array.of(0x6a, 200, 0, 0, 0),
];

const PUSHES = [0x4b, 0x4d, 0x4a, 0x8a, 0x8c, 0x58, 0x47, 0x4e, 0x88, 0x89, 0x68, 0x6a, 0x49, 0x4c, 0x56];

const splice = (bytes: Uint8Array, from: number, to: number, by: Uint8Array): Uint8Array =>
  new Uint8Array(Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(to)]));

function valueAt(bytes: Uint8Array, random: Random): [number, number] {
  const starts = opcodesOf(bytes);
  const values = starts.filter((at) => PUSHES.includes(bytes[at]));
  const at = random.of(values.length === 0 ? starts : values);
  return [at, at + lengthAt(bytes, at)];
}

const value: Mutation = (bytes, random) => {
  const [from, to] = valueAt(bytes, random);
  return splice(bytes, from, to, random.of(VALUES));
};
const drop: Mutation = (bytes, random) => {
  const at = random.of(opcodesOf(bytes));
  return splice(bytes, at, at + lengthAt(bytes, at), new Uint8Array(0));
};
const add: Mutation = (bytes, random) => {
  const at = random.of(opcodesOf(bytes));
  const op = random.chance(0.5)
    ? Uint8Array.of(
        random.of([
          0x28, 0x2e, 0x30, 0x32, 0x61, 0x65, 0x73, 0x75, 0x74, 0x94, 0x85, 0x86, 0x63, 0x52, 0x62, 0x93,
        ]),
      )
    : random.of(VALUES);
  return splice(bytes, at, at, op);
};
/** Whole opcodes of one place stand at another, too: events doubled, moved, overlapping. */
const repeat: Mutation = (bytes, random) => {
  const starts = opcodesOf(bytes);
  const from = random.below(starts.length);
  const to = Math.min(starts.length - 1, from + 1 + random.below(60));
  const at = random.of(starts);
  return splice(bytes, at, at, bytes.slice(starts[from], starts[to]));
};
const lose: Mutation = (bytes, random) => {
  const starts = opcodesOf(bytes);
  const from = random.below(starts.length);
  const to = Math.min(starts.length - 1, from + 1 + random.below(60));
  return splice(bytes, starts[from], starts[to], new Uint8Array(0));
};

export const PICKLE: readonly Mutation[] = [value, value, value, value, drop, add, repeat, lose];
