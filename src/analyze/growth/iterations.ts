/**
 * Iterations of a device's trace: training steps, requests of a server. From markers where the caller has them
 * (step labels, times of a request log), else from the recording's own annotations, else from what comes back in
 * the sequence of allocations (iteration-period.ts). Warm-up before the first iteration and an iteration cut off
 * by the end of the recording are in none.
 *
 *   rows        0 ......... 60 ...... 219 ...... 378 ....... 6429
 *   iteration   (warm-up)   | 0       | 1        | 2 ...      |      rows = [60, 219, 378, ..., 6429]
 */
import { asBigInt64 } from '../../base/u64.ts';
import { percent } from '../../base/words.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import { annotatedStarts, rowAtTime } from './iteration-marks.ts';
import { beginRow, lastIsComplete, quietStarts } from './iteration-phase.ts';
import { type EarlierLoop, endOfLoop, type Found, type LastLoop, lastLoop } from './iteration-search.ts';
import { libraryWorkspaces } from './workspaces.ts';
import type { Lifetimes } from '../lifetimes.ts';

export type Confidence = 'high' | 'medium' | 'low';

export interface Iterations {
  /** 'none': no loop was found, count is 0. */
  readonly method: 'markers' | 'annotations' | 'period' | 'none';
  readonly count: number;
  /** Iteration i is rows [rows[i], rows[i + 1]). Length: count + 1; empty where there are none. */
  readonly rows: Uint32Array;
  /** Absolute ns of those rows; the last one is the time of the last row inside. Row numbers without a clock. */
  readonly times_ns: BigInt64Array;
  readonly confidence: Confidence;
  /** Plain sentences: what was found, and what speaks against it. */
  readonly why: readonly string[];
  /** Stack node of the allocation that comes once an iteration; NONE where the boundaries are not from stacks. */
  readonly anchorStack: number;
  /** true: the recording begins inside the loop, earlier iterations are lost. */
  readonly startsInside: boolean;
  /** true: the recording ends inside an iteration, which is left out. */
  readonly endsInside: boolean;
  /** Loops before this one, that ended; absent: none. */
  readonly earlier?: readonly EarlierLoop[];
  /** Absent where iterations are marked (it is known what one is), and where all are alike. */
  readonly work?: LoopWork;
}

export interface IterationMarkers {
  /** Absolute ns on the trace's clock at which iterations begin (or end), in any order. */
  readonly times_ns: BigInt64Array;
  /** What they are, for the reader: "12 lines of requests.log". */
  readonly name: string;
}

const nothing = (why: string): Iterations => ({
  method: 'none',
  count: 0,
  rows: new Uint32Array(0),
  times_ns: new BigInt64Array(0),
  confidence: 'low',
  why: [why],
  anchorStack: NONE,
  startsInside: false,
  endsInside: false,
});

function timesOf({ events }: DeviceTrace, rows: Uint32Array): BigInt64Array {
  const times = asBigInt64(events.time_ns);
  return BigInt64Array.from(rows, (row) => times[Math.min(row, events.length - 1)]);
}

/** Boundaries at given times: from the first to the last of them, and to the end of the recording. */
function fromTimes(
  trace: DeviceTrace,
  times: readonly bigint[],
): { rows: Uint32Array; merged: number; outside: number } {
  const { length } = trace.events;
  const all = asBigInt64(trace.events.time_ns);
  const inside = times.filter((time) => time <= all[length - 1]);
  const rows: number[] = [];
  let merged = 0;
  for (const time of inside) {
    const row = rowAtTime(trace.events, time);
    if (row === rows.at(-1)) merged++;
    else rows.push(row);
  }
  rows.push(length);
  return { rows: Uint32Array.from(rows), merged, outside: times.length - inside.length };
}

function fromMarkers(
  trace: DeviceTrace,
  lifetimes: Lifetimes,
  { times_ns, name }: IterationMarkers,
): Iterations | null {
  const sorted = [...times_ns].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const { rows, merged, outside } = fromTimes(trace, sorted);
  if (rows.length < 3) return null;
  const why = [`Iterations begin at ${name}.`];
  if (merged > 0)
    why.push(`${merged} of ${sorted.length} fall between the same two events and count as one.`);
  if (outside > 0) why.push(`${outside} of ${sorted.length} lie after the recording.`);
  return {
    method: 'markers',
    count: rows.length - 1,
    rows,
    times_ns: timesOf(trace, rows),
    confidence: merged + outside === 0 ? 'high' : 'medium',
    why,
    anchorStack: NONE,
    startsInside: rows[0] === 0 && beginsInside(trace, lifetimes),
    endsInside: false,
  };
}

/**
 * What the loop does more often in one iteration than in another (the tokens of a request, the hits between two misses
 * of a cache): allocations of stacks that are in every iteration, but not equally often.
 */
export interface LoopWork {
  /** How many lie before each boundary, from the first one on. Length: count + 1. */
  readonly before: Float64Array;
  /** All of them to the end of the recording, with those behind the last boundary. */
  readonly total: number;
}

function workOf({ sequence, period }: Found, rows: Uint32Array): LoopWork | null {
  const before = new Float64Array(rows.length);
  let total = 0;
  let next = 0;
  for (let i = 0; i < sequence.symbols.length; i++) {
    while (next < rows.length && sequence.rows[i] >= rows[next]) before[next++] = total;
    if (next > 0 && period.role[sequence.symbols[i]] === 1) total++;
  }
  before.fill(total, next);
  return total === 0 ? null : { before, total };
}

/** true: memory was in use before the first row. An allocator that begins takes a segment first. */
const beginsInside = ({ events, producer }: DeviceTrace, { unmatchedFrees }: Lifetimes): boolean =>
  unmatchedFrees > 0 ||
  (producer !== 'nsys' &&
    events.action[0] !== ACTION.segment_alloc &&
    events.action[0] !== ACTION.segment_map);

function fromPeriod(
  trace: DeviceTrace,
  lifetimes: Lifetimes,
  { found, earlier, whole }: LastLoop,
): Iterations {
  const { sequence, period, live, by } = found;
  const starts = quietStarts(sequence, period, live);
  const complete = lastIsComplete(sequence, period, starts);
  const rows = Array.from(starts, (at) => beginRow(trace, sequence.rows[at]));
  if (complete) rows.push(endOfLoop(trace, found));
  const count = rows.length - 1;
  const startsInside = whole && starts[0] === 0 && beginsInside(trace, lifetimes);
  const share = period.covered / period.recurring;
  const what = (n: number): string =>
    `${by === 'depth' ? 'place' : by}${n === 1 ? '' : 's'}${by === 'stack' ? '' : by === 'request' ? ' (stack, size, stream)' : ' (stack, allocations live beside it)'}`;
  const why = [
    `${period.anchors.length} times the same round of allocations: ${period.constant} ${what(period.constant)} ${period.constant === 1 ? 'comes' : 'come'} equally often in every round, where random traffic would show ${period.expected.toFixed(1)}.`,
    `${percent(share)} of the ${period.recurring} ${what(2)} that come back are in (nearly) every round.`,
  ];
  for (const { rounds, end } of earlier)
    why.push(
      `A loop of ${rounds} rounds before it ended at event ${end} (loading, capturing graphs): growth is judged by what goes on after it.`,
    );
  if (startsInside) why.push('The recording begins inside the loop.');
  if (!complete) why.push('The last round is cut off by the end of the recording and left out.');
  const anchorRow = sequence.rows[period.anchors[0]];
  const sure = count >= 5 && period.constant >= 3 && Math.round(100 * share) >= 80;
  return {
    method: 'period',
    count,
    rows: Uint32Array.from(rows),
    times_ns: timesOf(
      trace,
      Uint32Array.from(rows, (row, i) => (i === count ? row - 1 : row)),
    ),
    confidence: sure ? 'high' : count >= 5 ? 'medium' : 'low',
    why,
    anchorStack: by === 'stack' ? trace.events.stack_index[anchorRow] : NONE,
    startsInside,
    endsInside: !complete,
    ...(earlier.length === 0 ? {} : { earlier }),
  };
}

/** How many of the times (ascending) fall alone into an iteration. */
function agreeing({ times_ns, count }: Iterations, times: readonly bigint[]): number {
  if (count === 0) return 0;
  const alone = (shift: bigint): number => {
    let agree = 0;
    let next = 0;
    for (let i = 0; i < count; i++) {
      while (next < times.length && times[next] < times_ns[i] - shift) next++;
      const from = next;
      while (next < times.length && (i === count - 1 || times[next] < times_ns[i + 1] - shift)) next++;
      if (next - from === 1) agree++;
    }
    return agree;
  };
  // A mark set just before the first allocation of its iteration belongs to that one.
  const tenth = (times_ns[count] - times_ns[0]) / BigInt(10 * count);
  return Math.max(alone(0n), alone(tenth));
}

/**
 * Iterations of a device's trace. Markers of the caller are taken as they are. Annotations and what comes back in
 * the allocations are held against each other: where they agree, boundaries are the allocations' (they lie where
 * least memory is live), and where they do not, the annotations'. Linear in the number of events, but for the
 * candidates that are tried (at most 48, two passes over the allocations each).
 */
export function findIterations(
  trace: DeviceTrace,
  lifetimes: Lifetimes,
  markers?: IterationMarkers,
  workspaces = libraryWorkspaces(trace, lifetimes),
): Iterations {
  if (trace.events.length === 0) return nothing('The recording holds no events.');
  const why: string[] = [];
  if (markers !== undefined) {
    const marked = fromMarkers(trace, lifetimes, markers);
    if (marked !== null) return marked;
    why.push(`Fewer than two of ${markers.name} fall into the recording: they were not used.`);
  }
  const loop = lastLoop(trace, lifetimes, workspaces);
  const period = loop === null ? null : fromPeriod(trace, lifetimes, loop);
  const annotated = annotatedStarts(trace);
  if (annotated !== null) {
    const { times, reason, enclose } = annotated;
    const agree = period === null ? 0 : agreeing(period, times);
    if (period !== null && agree >= 0.9 * Math.max(period.count, times.length - 1))
      return {
        ...period,
        confidence: period.count >= 5 ? 'high' : period.confidence,
        why: [...why, ...period.why, `${agree} ${reason} fall one into each.`],
      };
    const { rows: all, merged } = fromTimes(trace, times);
    const rows = enclose ? all : all.subarray(0, -1);
    if (rows.length > 3)
      return {
        method: 'annotations',
        count: rows.length - 1,
        rows,
        times_ns: timesOf(trace, rows),
        confidence: merged === 0 && rows.length > 5 ? 'medium' : 'low',
        why: [
          ...why,
          `Iterations begin at ${times.length} ${reason}.`,
          ...(enclose
            ? []
            : ['What follows the last of them is left out: where its iteration ends is not marked.']),
          period === null
            ? 'The sequence of allocations shows no loop of its own.'
            : `The sequence of allocations shows ${period.count} rounds instead.`,
        ],
        anchorStack: NONE,
        startsInside: rows[0] === 0 && beginsInside(trace, lifetimes),
        endsInside: !enclose,
      };
  }
  if (loop !== null && period !== null) {
    const work = workOf(loop.found, period.rows);
    return { ...period, why: [...why, ...period.why], ...(work === null ? {} : { work }) };
  }
  const none = nothing('No repeating pattern of allocations was found, so growth cannot be judged.');
  return { ...none, why: [...why, ...none.why] };
}

/**
 * Iterations without those from the one on in which a request failed for good: what the exception unwinds is no growth
 * and no end of it. A program that goes on for three iterations after an error has caught it. `failures`: rows.
 */
export function beforeFailure(iterations: Iterations, failures: readonly number[]): Iterations {
  const { rows, count, times_ns } = iterations;
  const last = failures.at(-1);
  if (last === undefined || count === 0 || last < rows[0]) return iterations;
  let at = 0;
  while (at < count && rows[at + 1] <= last) at++;
  if (count - at > 3 || at < 1) return iterations;
  return {
    ...iterations,
    count: at,
    rows: rows.slice(0, at + 1),
    times_ns: times_ns.slice(0, at + 1),
    why: [...iterations.why, `What follows iteration ${at} is left out: a request failed in it.`],
    endsInside: true,
  };
}
