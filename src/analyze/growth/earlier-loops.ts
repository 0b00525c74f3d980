/**
 * What a loop that ended kept for good. Loading weights and capturing graphs keep most of what they allocate; a loop of
 * work (training, before the evaluation that is judged) frees nearly all of it, and what it keeps all the same, from
 * round to round, may be a leak of that phase:
 *
 *   train step | train step | ... | evaluate | evaluate | ...
 *   +1 kept      +1 kept            0          0                 judged: does not grow; 60 of training are still held
 *
 * Optimizer state is no such thing: it is made in the first rounds.
 */
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import type { Lifetimes } from '../lifetimes.ts';
import type { EarlierLoop } from './iteration-search.ts';

/** A loop of work frees so many times the bytes that it keeps. */
const WORK = 4;
/** Of what was kept, so much came after the first third of the loop. */
const LATER = 0.5;
const ENOUGH_ROUNDS = 10;

export interface KeptByLoop {
  readonly loop: EarlierLoop;
  /** Bytes allocated after the first third of the loop and never freed. */
  readonly bytes: number;
  readonly allocations: number;
  /** Stack that kept most of it; NONE: none is recorded. */
  readonly stack: number;
}

export function keptByEarlier(
  { events }: DeviceTrace,
  { partner }: Pick<Lifetimes, 'partner'>,
  loops: readonly EarlierLoop[],
  sizeOf: (row: number) => number,
): KeptByLoop[] {
  const told: KeptByLoop[] = [];
  for (const loop of loops) {
    if (loop.rounds < ENOUGH_ROUNDS) continue;
    const third = loop.begin + Math.floor((loop.end - loop.begin) / 3);
    const byStack = new Map<number, number>();
    let [freed, all, bytes, allocations] = [0, 0, 0, 0];
    for (let row = loop.begin; row < loop.end; row++) {
      if (events.action[row] !== ACTION.alloc) continue;
      const size = sizeOf(row);
      if (partner[row] !== NONE) {
        freed += size;
        continue;
      }
      all += size;
      if (row < third) continue;
      bytes += size;
      allocations++;
      const stack = events.stack_index[row];
      byStack.set(stack, (byStack.get(stack) ?? 0) + size);
    }
    if (bytes === 0 || bytes < LATER * all || freed < WORK * all) continue;
    const [[stack]] = [...byStack].sort((a, b) => b[1] - a[1]);
    told.push({ loop, bytes, allocations, stack });
  }
  return told;
}
