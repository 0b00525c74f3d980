/**
 * What the rest of a recording says about growth from iteration to iteration:
 *
 *   what grew is freed before the recording ends         it had an end: no leak, whatever the slope was
 *   the loop ends, and long after it nothing more is     a plateau
 *     kept
 *   the rounds are the layers of one pass that the       cannot tell: a whole step was never repeated
 *     recording ends in
 *
 * The last is told from stacks: all that the rounds allocate is called from one line inside of one module's forward,
 * and (nearly) no line comes back within a round, as those of a model's layers do in a whole step.
 */
import { asBigInt64 } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import type { StackTable } from '../../trace/stack-table.ts';
import type { Lifetimes } from '../lifetimes.ts';
import { workOfFrames } from '../operator-frames.ts';
import { fileNameOf, holderLabel } from '../user-frames.ts';
import type { Iterations } from './iterations.ts';
import { commonCaller } from './leak-groups.ts';
import type { GrowthVerdict } from './verdict.ts';

export interface RestInput {
  readonly trace: DeviceTrace;
  readonly stacks: StackTable;
  readonly lifetimes: Pick<Lifetimes, 'partner'>;
  readonly iterations: Iterations;
  /** Bytes of an alloc row. */
  readonly sizeOf: (row: number) => number;
  /** true: the program uses so many streams that what is reserved follows them (workspaces.ts). */
  readonly newStreams?: boolean;
  /** Of a part of the device (a stream, a line): its alloc rows; absent: all are. */
  readonly isOf?: (row: number) => boolean;
  /** Row of the last request that failed; absent: none did. What an exception unwinds was not given back. */
  readonly failedAt?: number;
}

/** Less than this share of what the window kept lives at the end: it was given back. */
const LEFT = 0.1;
/** Of the growth, so much has to be what the window's own allocations kept. */
const OWN = 0.8;

export interface GivenBack {
  /** What the iterations kept. */
  readonly bytes: number;
  /** Of it, what lives after the last row. */
  readonly left: number;
  /** First and last row at which most of it was freed. */
  readonly rows: readonly [number, number];
}

/** What iterations first to last kept, where it was freed behind them and before the recording ends; else null. */
export function givenBack(
  { trace: { events }, lifetimes: { partner }, iterations: { rows }, sizeOf, isOf, failedAt }: RestInput,
  [first, last]: readonly [number, number],
  grew: number,
): GivenBack | null {
  const end = rows[last + 1];
  if (last < first || grew <= 0 || (failedAt !== undefined && failedAt >= rows[first])) return null;
  // The first word of a free counts.
  const freedAt = new Map<number, number>();
  for (let row = end; row < events.length; row++) {
    const alloc = partner[row];
    if (events.action[row] === ACTION.alloc || alloc === NONE || freedAt.has(alloc)) continue;
    freedAt.set(alloc, row);
  }
  let bytes = 0;
  let left = 0;
  const frees: [row: number, bytes: number][] = [];
  for (let row = rows[first]; row < end; row++) {
    if (events.action[row] !== ACTION.alloc || isOf?.(row) === false) continue;
    const known = partner[row];
    const freed = known === NONE ? (freedAt.get(row) ?? NONE) : Math.min(known, freedAt.get(row) ?? known);
    if (freed < end) continue;
    const size = sizeOf(row);
    bytes += size;
    if (freed === NONE) left += size;
    else frees.push([freed, size]);
  }
  if (bytes < OWN * grew || left > LEFT * bytes) return null;
  frees.sort((a, b) => a[0] - b[0]);
  return { bytes, left, rows: [frees[0][0], frees[frees.length - 1][0]] };
}

/** A rest of this share of the time or rows since the loop began is long. */
const LONG = 0.3;
/** In a rest that stays level, so much of the growth may come on top. */
const LEVEL = 0.05;

/** Whether the loop ended long before the recording did, and nothing more was kept after it. */
export function levelAfter(
  { trace: { events, clock }, iterations: { rows, count }, failedAt }: RestInput,
  curve: Float64Array,
  grew: number,
): { readonly rows: number; readonly share: number } | null {
  const end = rows[count];
  const more = events.length - end;
  if (more < count || (failedAt !== undefined && failedAt >= rows[count - 1])) return null;
  let share = more / (events.length - rows[0]);
  if (clock !== 'none') {
    const times = asBigInt64(events.time_ns);
    const last = times[events.length - 1];
    const all = Number(last - times[rows[0]]);
    if (all > 0) share = Math.max(share, Number(last - times[end - 1]) / all);
  }
  if (share < LONG) return null;
  return curve[events.length - 1] - curve[end - 1] <= LEVEL * grew ? { rows: more, share } : null;
}

const MODULE = /(^|[\\/])torch[\\/]nn[\\/]modules[\\/]module\.py$/;
/** Of the lines of a round, so many come back in it where it is a whole step with layers of its own. */
const COME_BACK = 0.3;
/** Rounds that are looked at for lines that come back. */
const LOOKED_AT = 8;

/** Lines that come again in one iteration with others between, as a share of all in it. */
function comingBack(
  { events }: DeviceTrace,
  lineOf: (stack: number) => string,
  from: number,
  to: number,
): number {
  const runs: string[] = [];
  for (let row = from; row < to; row++) {
    if (events.action[row] !== ACTION.alloc) continue;
    const line = lineOf(events.stack_index[row]);
    if (line !== runs.at(-1)) runs.push(line);
  }
  // A boundary may lie inside of what one line does.
  if (runs.length > 1 && runs[0] === runs.at(-1)) runs.pop();
  const times = new Map<string, number>();
  for (const line of runs) times.set(line, (times.get(line) ?? 0) + 1);
  return times.size === 0 ? 0 : [...times.values()].filter((count) => count > 1).length / times.size;
}

/** true: nothing but work of the backward pass, in C++ (stacks="all") or without any stack among others that have one. */
function isBackward(stacks: StackTable, seen: ReadonlySet<number>): boolean {
  let told = 0;
  for (const stack of seen) {
    if (stack === NONE) continue;
    if (workOfFrames(stacks.stack(stack))?.backward !== true) return false;
    told++;
  }
  return told > 0;
}

/** Where the rounds may be parts of one call of a module, or of one backward pass: which; null: they are not. */
export function onePass({ trace, stacks, iterations }: RestInput): string | null {
  const { events } = trace;
  const { method, rows, count } = iterations;
  if (method !== 'period' || count === 0) return null;
  const seen = new Set<number>();
  for (let row = rows[0]; row < rows[count]; row++)
    if (events.action[row] === ACTION.alloc) seen.add(events.stack_index[row]);
  if (seen.size === 0) return null;
  if (isBackward(stacks, seen)) return 'are parts of a backward pass';
  if (seen.has(NONE)) return null;
  const node = commonCaller(stacks, [...seen]);
  if (node === NONE) return null;
  // A module's call stands above the line: the line is in its forward, or in what that calls.
  const frames = stacks.stack(node);
  const [line] = frames;
  if (!frames.some(({ name, filename }) => MODULE.test(filename) && /_call_impl$/.test(name))) return null;
  const lines = new Map<number, string>();
  const lineOf = (stack: number): string => {
    const known = lines.get(stack) ?? holderLabel(stacks, stack);
    lines.set(stack, known);
    return known;
  };
  const step = Math.max(1, Math.floor(count / LOOKED_AT));
  for (let i = 0; i < count; i += step)
    if (comingBack(trace, lineOf, rows[i], rows[i + 1]) >= COME_BACK) return null;
  return `are called from one line of a module's forward, ${line.name} (${fileNameOf(line)}:${line.line}), and repeat nothing within them`;
}

/** The same verdict as one that says less: `why` takes the place of the reasons, `kind` of the kind. */
export const instead = (
  verdict: GrowthVerdict,
  kind: GrowthVerdict['kind'],
  confidence: GrowthVerdict['confidence'],
  why: readonly string[],
  bound: number | null = null,
): GrowthVerdict => ({
  ...verdict,
  kind,
  confidence,
  why,
  rest: why[0],
  bound,
  boundBy: null,
  slopePerIteration: null,
  slopePerSecond: null,
  untilLimit: null,
});
