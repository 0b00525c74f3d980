/**
 * How much memory reading a file will take, told from its size and first bytes before it is read. Factors are measured
 * (docs/formats.md, large files): they tell an order, and are used to warn of what will not fit, never to refuse.
 */
import { formatBytes } from './units.ts';

export const HEAD_NEEDED = 16;
/** The size of what a gzip holds stands in its last bytes. */
export const TAIL_NEEDED = 4;

const GIB = 2 ** 30;

/** Memory of what is read for each byte of the file, peak of reading and of the first answers. */
const SNAPSHOT = 5;
const SQLITE = 2;
/** Parquet and Arrow are packed and read by column. */
const COLUMNS = 3;
/** Streamed: of a log or a trace little is kept. */
const STREAMED = 0.15;
/** Below this nothing is said: it fits anywhere. */
const LEAST = GIB;

export interface MemoryNeed {
  readonly bytes: number;
  /** "a PyTorch snapshot". */
  readonly kind: string;
}

const begins = (head: Uint8Array, ...bytes: readonly number[]): boolean =>
  bytes.every((byte, at) => head[at] === byte);

/** `head`, `tail`: the first and last bytes of the file. */
export function memoryNeed(size: number, head: Uint8Array, tail: Uint8Array): MemoryNeed {
  if (begins(head, 0x1f, 0x8b)) {
    // The size modulo 2^32: a recording shrinks to a fifth or less.
    const stored = tail.length === 4 ? new DataView(tail.buffer, tail.byteOffset).getUint32(0, true) : 0;
    const held = stored >= size ? stored : 5 * size;
    return { bytes: held * SNAPSHOT, kind: 'a gzip, if it holds a PyTorch snapshot' };
  }
  if (begins(head, 0x28, 0xb5, 0x2f, 0xfd))
    return { bytes: 5 * size * SNAPSHOT, kind: 'a zstd file, if it holds a PyTorch snapshot' };
  if (begins(head, 0x50, 0x4b, 3, 4)) return { bytes: size * SNAPSHOT, kind: 'a zip' };
  if (begins(head, 0x53, 0x51, 0x4c, 0x69, 0x74, 0x65))
    return { bytes: size * SQLITE, kind: 'an SQLite export' };
  if (begins(head, 0x50, 0x41, 0x52, 0x31) || begins(head, 0x41, 0x52, 0x52, 0x4f, 0x57))
    return { bytes: size * COLUMNS, kind: 'a table of columns' };
  // A pickle of protocol 2 or later, or one of text.
  if ((head[0] === 0x80 && head[1] <= 5) || begins(head, 0x28, 0x64) || begins(head, 0x7d, 0x71))
    return { bytes: size * SNAPSHOT, kind: 'a PyTorch snapshot' };
  return { bytes: size * STREAMED, kind: 'text' };
}

/** What a page may say before it reads; null: it fits, or nothing is known against it. */
export function fitsInBrowser(need: MemoryNeed, deviceGib: number | undefined): string | null {
  // Browsers name 8 (GiB) for machines with that and more; without a figure that much is taken to be there.
  const has = (deviceGib ?? 8) * GIB;
  if (need.bytes < LEAST || need.bytes <= has / 2) return null;
  const will = need.bytes > has && deviceGib !== undefined && deviceGib < 8 ? 'will not fit' : 'may not fit';
  const machine =
    deviceGib === undefined
      ? 'and how much there is the browser does not tell'
      : `and this machine has ${deviceGib >= 8 ? 'at least ' : ''}${deviceGib} GiB`;
  return `This ${will}: ${need.kind} of this size takes about ${formatBytes(need.bytes, 'binary')} of memory, ${machine}. If the page ends, read it with the command line (vramscope analyze FILE), or record less: a smaller max_entries, fewer stacks, a shorter run.`;
}

/** What the command says before it reads; null: it fits. `total`: memory that this process may use. */
export function fitsInProcess(need: MemoryNeed, total: number): string | null {
  if (need.bytes < LEAST || need.bytes <= 0.8 * total) return null;
  return `needs about ${formatBytes(need.bytes, 'binary')} of memory (${need.kind} of this size), and this process may use ${formatBytes(total, 'binary')}: it will not fit. Read it on a machine with more, or record less (a smaller max_entries, fewer stacks, a shorter run).`;
}
