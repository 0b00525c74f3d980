/**
 * Looks for the loop that judges growth: the last one of the recording that lasts. What a program does first may be a
 * loop of its own that ends, and growth is a question about what goes on:
 *
 *   weights, layer by layer | 35 graphs captured | 80 requests served
 *   ------- a loop -------    ------ a loop ------ ------- judged -------
 *
 * Where the whole shows none (a large start, then little traffic), the later halves of it are looked at.
 */
import { asBigInt64 } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import type { Lifetimes } from '../lifetimes.ts';
import { findPeriod, type Period } from './iteration-period.ts';
import { beginRow, passingBefore, quietness } from './iteration-phase.ts';
import {
  allocationRows,
  depthSymbols,
  pairSymbols,
  requestSymbols,
  stackSymbols,
  type SymbolSequence,
} from './iteration-symbols.ts';
import type { LibraryWorkspaces } from './workspaces.ts';

export interface Found {
  readonly sequence: SymbolSequence;
  readonly period: Period;
  /** Bytes live before each allocation, of those that the recording sees freed. */
  readonly live: Float64Array;
  readonly by: 'stack' | 'request' | 'depth';
}

/** A loop that holds so much of what there is needs no other way of looking. */
const CLEAR = 0.7;
/** From so many stacks on, sizes are not asked. */
const ENOUGH_STACKS = 8;

/** The first way to look at the allocations that clearly shows a loop. Stacks before sizes: sizes follow the input. */
function searched(trace: DeviceTrace, lifetimes: Lifetimes, rows: Uint32Array): Found | null {
  const live = passingBefore(trace, lifetimes, rows);
  let best: Found | null = null;
  let stackKinds = 0;
  for (const by of ['stack', 'request', 'depth'] as const) {
    // How deep an allocation lies says least: only where nothing else shows a loop.
    if (by === 'depth' && best !== null) break;
    const single =
      by === 'stack'
        ? stackSymbols(trace, rows)
        : by === 'request'
          ? requestSymbols(trace, rows)
          : depthSymbols(trace, lifetimes, rows);
    if (single === null || single.kinds < 2) continue;
    // With stacks to go by, sizes would only show loops inside the loop.
    if (by !== 'stack' && stackKinds >= ENOUGH_STACKS) break;
    if (by === 'stack') stackKinds = single.kinds;
    for (const sequence of [single, pairSymbols(single)]) {
      const period = findPeriod(sequence.symbols, sequence.kinds, by !== 'stack', (one) =>
        quietness(sequence, one, live),
      );
      if (period === null || period.score <= (best?.period.score ?? 0)) continue;
      best = { sequence, period, live, by };
      if (period.score >= CLEAR) return best;
    }
  }
  return best;
}

/** A loop whose last round is followed by so many times its longest with nothing but strays of it has ended there. */
const STRAYS = 3;

/** Position after the last allocation of the loop. */
function positionAfter({ sequence, period: { anchors, role } }: Found): number {
  let last = sequence.symbols.length - 1;
  while (role[sequence.symbols[last]] === 0) last--;
  let longest = 0;
  for (let j = 1; j < anchors.length; j++) longest = Math.max(longest, anchors[j] - anchors[j - 1]);
  const final = anchors[anchors.length - 1];
  return last - final > STRAYS * longest ? final + longest : last + 1;
}

/** Row after the last iteration: that of the first allocation that is not the loop's, behind all that are. */
export function endOfLoop(trace: DeviceTrace, found: Found): number {
  const { rows } = found.sequence;
  const after = positionAfter(found);
  return after < rows.length ? beginRow(trace, rows[after]) : trace.events.length;
}

/** Fewer rounds than this are no loop to judge growth by, where an earlier one has more. */
const ENOUGH_ROUNDS = 5;
/** A later loop of fewer rounds than the earlier is the one to judge where it takes this share of both, by time. */
const LASTING = 0.3;
/** In a later part alone a loop has to be plain. */
const MANY_ROUNDS = 10;

/** How long a loop ran: ns, or rows where there is no clock. */
function lengthOf({ events, clock }: DeviceTrace, { sequence, period: { anchors } }: Found): number {
  const [first, last] = [sequence.rows[anchors[0]], sequence.rows[anchors[anchors.length - 1]]];
  if (clock === 'none') return last - first;
  const times = asBigInt64(events.time_ns);
  return Number(times[last] - times[first]);
}

/** A loop that ended before the one that is judged. */
export interface EarlierLoop {
  readonly rounds: number;
  /** Row of its first round's first allocation, and the row behind the last. */
  readonly begin: number;
  readonly end: number;
}

export interface LastLoop {
  readonly found: Found;
  /** Loops before it that ended. */
  readonly earlier: readonly EarlierLoop[];
  /** false: the sequence that was searched begins later than the recording. */
  readonly whole: boolean;
}

/** A loop in the later part of what shows none as a whole. */
function inLaterPart(trace: DeviceTrace, lifetimes: Lifetimes, rows: Uint32Array): Found | null {
  // Without stacks a part tells no more than the whole.
  if (stackSymbols(trace, rows).kinds < ENOUGH_STACKS) return null;
  for (const share of [0.5, 0.75, 0.875]) {
    const part = rows.subarray(Math.floor(share * rows.length));
    const found = searched(trace, lifetimes, part);
    if (found === null || found.period.score < CLEAR || found.period.anchors.length < MANY_ROUNDS) continue;
    if (positionAfter(found) >= 0.9 * part.length) return found;
  }
  return null;
}

export function lastLoop(
  trace: DeviceTrace,
  lifetimes: Lifetimes,
  spaces: LibraryWorkspaces,
): LastLoop | null {
  const rows = spaces.many ? allocationRows(trace).filter((row) => !spaces.has(row)) : allocationRows(trace);
  const first = searched(trace, lifetimes, rows);
  if (first === null) {
    const later = inLaterPart(trace, lifetimes, rows);
    return later === null ? null : { found: later, earlier: [], whole: false };
  }
  const earlier: EarlierLoop[] = [];
  let found = first;
  for (;;) {
    const rest = found.sequence.rows.subarray(positionAfter(found));
    const next = rest.length < 2 * ENOUGH_ROUNDS ? null : searched(trace, lifetimes, rest);
    if (next === null) break;
    const [before, rounds] = [found.period.anchors.length, next.period.anchors.length];
    const lasts = lengthOf(trace, next);
    const outlasts = rounds >= before || lasts >= LASTING * (lasts + lengthOf(trace, found));
    if (rounds < ENOUGH_ROUNDS || !outlasts) break;
    earlier.push({
      rounds: before,
      begin: found.sequence.rows[found.period.anchors[0]],
      end: endOfLoop(trace, found),
    });
    found = next;
  }
  return { found, earlier, whole: earlier.length === 0 };
}
