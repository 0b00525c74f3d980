/** Columns that hurt: what the tests of the twins and of the GPU run over alike. Deterministic by seed. */
import { setI64 } from '../../src/base/u64.ts';
import { SKIP } from '../../src/kernel/kernels.ts';

/** Elements around the 2048 of a tile of the running totals, and around several of them. */
export const LENGTHS = [0, 1, 2, 3, 255, 2047, 2048, 2049, 4095, 4096, 4097, 10_000, 65_536] as const;

/** Random u32, the same on every machine (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

export const randomBelow = (random: () => number, end: number): number =>
  Math.floor((random() / 2 ** 32) * end);

/** Words of the column whose element i is `element(i)`. */
export function makeColumn(length: number, element: (index: number) => bigint): Uint32Array {
  const words = new Uint32Array(2 * length);
  const view = new BigInt64Array(words.buffer);
  for (let i = 0; i < length; i++) view[i] = element(i);
  return words;
}

export interface ColumnShape {
  readonly name: string;
  readonly make: (length: number, random: () => number) => Uint32Array;
}

/** i64 columns, as deltas of running totals and as values of pixel columns. */
export const COLUMN_SHAPES: readonly ColumnShape[] = [
  {
    name: 'random words',
    make: (length, random) => Uint32Array.from({ length: 2 * length }, random),
  },
  {
    name: 'allocations and frees',
    make: (length, random) => {
      const words = new Uint32Array(2 * length);
      for (let i = 0; i < length; i++) setI64(words, i, (randomBelow(random, 2 ** 31) - 2 ** 30) * 512);
      return words;
    },
  },
  { name: 'all equal', make: (length) => makeColumn(length, () => 7n) },
  { name: 'all zero', make: (length) => new Uint32Array(2 * length) },
  { name: 'past 2^53', make: (length) => makeColumn(length, () => 2n ** 52n - 1n) },
  { name: 'below zero', make: (length) => makeColumn(length, (i) => -(2n ** 40n) - BigInt(i)) },
  { name: 'low words that always carry', make: (length) => makeColumn(length, () => 0xffffffffn) },
  {
    name: 'around zero and both ends',
    make: (length, random) => {
      const ends = [
        0n,
        1n,
        -1n,
        2n ** 63n - 1n,
        -(2n ** 63n),
        2n ** 32n,
        -(2n ** 32n),
        2n ** 31n,
        -(2n ** 31n),
      ];
      return makeColumn(length, () => ends[randomBelow(random, ends.length)]);
    },
  },
  {
    name: 'equal high words',
    make: (length, random) => makeColumn(length, () => (5n << 32n) | BigInt(random())),
  },
];

/** Sizes on both sides of every class, and those that a float would round. */
export const EDGE_SIZES: readonly bigint[] = [
  0n,
  1n,
  ...Array.from({ length: 63 }, (_, k) => 2n ** BigInt(k + 1)).flatMap((power) => [
    power - 1n,
    power,
    power + 1n,
  ]),
  2n ** 64n - 1n,
];

export interface HistogramShape {
  readonly name: string;
  readonly length: number;
  readonly streams: number;
  readonly size: (index: number, random: () => number) => bigint;
  readonly key: (index: number, random: () => number) => number;
  /** Rows; everything where left out. */
  readonly rows?: readonly [number, number];
}

const anySize = (_: number, random: () => number): bigint => BigInt(random()) >> BigInt(random() & 31);

export const HISTOGRAM_SHAPES: readonly HistogramShape[] = [
  { name: 'nothing', length: 0, streams: 3, size: () => 0n, key: () => 0 },
  { name: 'one row', length: 1, streams: 1, size: () => 512n, key: () => 0 },
  { name: 'no stream', length: 100, streams: 0, size: () => 512n, key: () => SKIP },
  { name: 'all skipped', length: 5000, streams: 4, size: anySize, key: () => SKIP },
  {
    name: 'every class',
    length: EDGE_SIZES.length * 3,
    streams: 3,
    size: (i) => EDGE_SIZES[Math.floor(i / 3)],
    key: (i) => i % 3,
  },
  { name: 'one bin', length: 20_000, streams: 1, size: () => 2n ** 31n + 5n, key: () => 0 },
  { name: 'sums past 2^53', length: 9000, streams: 2, size: () => 2n ** 50n + 1n, key: (i) => i & 1 },
  { name: 'sums that wrap', length: 4097, streams: 1, size: () => 2n ** 64n - 1n, key: () => 0 },
  {
    name: 'skewed keys',
    length: 30_000,
    streams: 16,
    size: anySize,
    key: (_, random) => (randomBelow(random, 100) < 97 ? 5 : randomBelow(random, 16)),
  },
  {
    name: 'half skipped, 17 streams',
    length: 30_000,
    streams: 17,
    size: anySize,
    key: (_, random) => (random() & 1 ? SKIP : randomBelow(random, 17)),
  },
  {
    name: '200 streams',
    length: 40_000,
    streams: 200,
    size: anySize,
    key: (_, random) => randomBelow(random, 200),
  },
  {
    name: 'rows inside',
    length: 12_345,
    streams: 5,
    size: anySize,
    key: (_, random) => randomBelow(random, 5),
    rows: [1001, 9001],
  },
  { name: 'no row', length: 100, streams: 2, size: () => 1n, key: () => 1, rows: [50, 50] },
];

/** The columns of a histogram shape. */
export function makeHistogramInput(shape: HistogramShape): {
  readonly sizes: Uint32Array;
  readonly keys: Uint32Array;
  readonly from: number;
  readonly to: number;
} {
  const random = createRandom(17);
  const sizes = makeColumn(shape.length, (i) => BigInt.asIntN(64, shape.size(i, random)));
  const keys = Uint32Array.from({ length: shape.length }, (_, i) => shape.key(i, random));
  const [from, to] = shape.rows ?? [0, shape.length];
  return { sizes, keys, from, to };
}

/** Pixel columns over `length` elements: name and offsets. */
export function makeOffsets(length: number, random: () => number): readonly [string, Uint32Array][] {
  const cuts = Array.from({ length: 39 }, () => randomBelow(random, length + 1)).sort((a, b) => a - b);
  const even = Array.from({ length: 33 }, (_, i) => Math.floor((length * i) / 32));
  return [
    ['no column', new Uint32Array(0)],
    ['no column but a start', new Uint32Array([0])],
    ['one column', new Uint32Array([0, length])],
    ['one empty column', new Uint32Array([0, 0])],
    ['even columns', new Uint32Array(even)],
    ['random columns', new Uint32Array([0, ...cuts, length])],
    ['all in one of many', new Uint32Array([0, 0, 0, length, length, length])],
    ['inside', new Uint32Array([length >> 2, length >> 2, length >> 1, length - (length >> 2)])],
  ];
}

export interface LivesShape {
  readonly name: string;
  readonly lives: number;
  readonly keys: number;
  readonly columns: number;
  readonly size: (index: number, random: () => number) => bigint;
  /** Rows from which spans and moments are drawn; below 0 lies what was there before the recording. */
  readonly rows: readonly [number, number];
  readonly key?: (index: number, random: () => number) => number;
}

export interface LivesInput {
  readonly spans: Uint32Array;
  readonly sizes: Uint32Array;
  readonly keyOf: Uint32Array;
  readonly moments: Int32Array;
}

export const LIVES_SHAPES: readonly LivesShape[] = [
  { name: 'no life', lives: 0, keys: 3, columns: 9, size: () => 512n, rows: [0, 100] },
  { name: 'no moment', lives: 40, keys: 3, columns: 0, size: () => 512n, rows: [0, 100] },
  { name: 'no key', lives: 40, keys: 0, columns: 5, size: () => 512n, rows: [0, 100] },
  { name: 'one moment', lives: 900, keys: 2, columns: 1, size: anySize, rows: [-5, 50] },
  { name: 'all skipped', lives: 900, keys: 2, columns: 30, size: anySize, rows: [0, 50], key: () => SKIP },
  { name: 'moments of one row', lives: 500, keys: 2, columns: 70, size: anySize, rows: [0, 3] },
  {
    name: 'blocks',
    lives: 20_000,
    keys: 44,
    columns: 300,
    size: (_, random) => BigInt(512 * (1 + randomBelow(random, 1 << 20))),
    rows: [-1, 9000],
  },
  {
    name: 'around the threads of a workgroup',
    lives: 3000,
    keys: 5,
    columns: 257,
    size: anySize,
    rows: [-9, 9999],
  },
  {
    name: 'every class',
    lives: EDGE_SIZES.length * 3,
    keys: 3,
    columns: 64,
    size: (i) => EDGE_SIZES[i % EDGE_SIZES.length],
    rows: [0, 400],
  },
  { name: 'sums that wrap', lives: 4000, keys: 1, columns: 40, size: () => 2n ** 64n - 1n, rows: [0, 90] },
  {
    name: 'equal high words',
    lives: 4000,
    keys: 2,
    columns: 100,
    size: (_, random) => (7n << 32n) | BigInt(random()),
    rows: [0, 5000],
  },
  {
    name: 'low words that always carry',
    lives: 4000,
    keys: 2,
    columns: 100,
    size: () => 0xffffffffn,
    rows: [0, 5000],
  },
];

/** Spans end anywhere, also before they begin and at 2^31 - 1 (never); moments repeat. */
export function makeLivesInput({ lives, keys, columns, size, rows, key }: LivesShape): LivesInput {
  const random = createRandom(lives + 31 * columns);
  const row = (): number => rows[0] + randomBelow(random, rows[1] - rows[0]);
  const spans = new Int32Array(2 * lives);
  for (let i = 0; i < lives; i++) {
    spans[2 * i] = row();
    const kind = randomBelow(random, 4);
    spans[2 * i + 1] = kind === 0 ? 2 ** 31 - 1 : kind === 1 ? row() : spans[2 * i] + randomBelow(random, 40);
  }
  return {
    spans: new Uint32Array(spans.buffer),
    sizes: makeColumn(lives, (i) => BigInt.asIntN(64, size(i, random))),
    keyOf: Uint32Array.from({ length: lives }, (_, i) =>
      key === undefined ? randomBelow(random, keys + 1) : key(i, random),
    ),
    moments: Int32Array.from({ length: columns }, row).sort(),
  };
}
