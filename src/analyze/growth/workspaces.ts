/**
 * Workspaces of cuBLAS among the allocations. PyTorch gives each pair of a cuBLAS handle (one a thread) and a stream a
 * workspace at its first product there, and never takes it back; with cublasLt a smaller one comes right behind it:
 *
 *   alloc  65536     linear      the product's result
 *   alloc  33554432  linear      <- the workspace: 32 MiB on Hopper and later, 8320 KiB before (:4096:2:16:8)
 *   alloc  1048576   linear      <- cublasLt's
 *
 * They follow the streams that are used and not the iterations, and PyTorch has 32 streams of each priority: growth of
 * theirs ends. Taken for one is only what was never freed, came right after another request of the same stack and
 * stream, and is there at most twice on that stream (a thread of the backward pass has a handle of its own). A tensor
 * of exactly that size which is kept once or twice for each stream would look the same.
 */
import { u64At } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import type { Lifetimes } from '../lifetimes.ts';

const SIZES = [32 * 2 ** 20, 8320 * 2 ** 10];
const LT_SIZE = 2 ** 20;
/** Threads that use one stream: the program's, and autograd's. */
const MOST_A_STREAM = 2;
/** From so many on they are a story of their own. */
const MANY = 3;

export interface LibraryWorkspaces {
  readonly has: (row: number) => boolean;
  /** Bytes of them after each of so many rows. */
  readonly held: (rows: number) => Float64Array;
  /** Rows of the large ones, ascending. */
  readonly rows: readonly number[];
  /** Of all, with cublasLt's. */
  readonly bytes: number;
  /** Different streams that have one. */
  readonly streams: number;
  /** true: so many that they look like growth. */
  readonly many: boolean;
}

interface Before {
  readonly row: number;
  readonly stack: number;
}

export function libraryWorkspaces(
  { events, producer }: DeviceTrace,
  { partner }: Pick<Lifetimes, 'partner'>,
): LibraryWorkspaces {
  const found = new Map<number, number[]>();
  const kept = new Map<number, number>();
  const lt = new Map<number, number>();
  const before = new Map<number, Before>();
  if (producer === 'torch')
    for (let row = 0; row < events.length; row++) {
      if (events.action[row] !== ACTION.alloc) continue;
      const stream = events.stream_index[row];
      const stack = events.stack_index[row];
      const size = u64At(events.size, row);
      const last = before.get(stream);
      before.set(stream, { row, stack });
      if (partner[row] !== NONE) continue;
      if (SIZES.includes(size)) {
        kept.set(stream, (kept.get(stream) ?? 0) + 1);
        if (last?.stack !== stack) continue;
        const known = found.get(stream);
        if (known === undefined) found.set(stream, [row]);
        else known.push(row);
      } else if (size === LT_SIZE && last?.stack === stack && found.get(stream)?.at(-1) === last.row)
        lt.set(last.row, row);
    }
  const rows: number[] = [];
  const all = new Set<number>();
  let bytes = 0;
  let streams = 0;
  for (const [stream, some] of found) {
    if (kept.get(stream)! > MOST_A_STREAM) continue;
    streams++;
    for (const row of some) {
      rows.push(row);
      for (const one of [row, lt.get(row)]) {
        if (one === undefined) continue;
        all.add(one);
        bytes += u64At(events.size, one);
      }
    }
  }
  rows.sort((a, b) => a - b);
  const held = (length: number): Float64Array => {
    const curve = new Float64Array(length);
    for (const row of all) curve[row] = u64At(events.size, row);
    for (let row = 1; row < length; row++) curve[row] += curve[row - 1];
    return curve;
  };
  return { has: (row) => all.has(row), held, rows, bytes, streams, many: streams >= MANY };
}
