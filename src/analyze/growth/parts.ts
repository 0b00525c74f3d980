/**
 * Growth by iteration of the parts of a device: what each stream holds, what each line of code holds, and what is
 * reserved for each stream. The device's own verdict says that something grows; these say which part does, and which
 * part of one that is flat as a whole grows while another shrinks.
 *
 * A part's bytes are those of allocations made in the recording, from the alloc to the free that the program asked
 * for: what lived before the recording is no part of any change but its end.
 */
import { u64At } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, HOST_KINDS, NONE } from '../../trace/schema.ts';
import { growthOfIterations, type IterationGrowth, type IterationGrowthOptions } from './series.ts';
import type { Iterations } from './iterations.ts';
import type { Lifetimes } from '../lifetimes.ts';

export interface GrowthPart {
  readonly by: 'stream' | 'line';
  /** The stream, or the line of code. */
  readonly name: string;
  /** One of the stacks of a line, the one with most bytes at the end; null: of a stream. */
  readonly stack: number | null;
  readonly series: 'allocated' | 'reserved';
  readonly growth: IterationGrowth;
}

export interface GrowthPartsInput {
  readonly trace: DeviceTrace;
  readonly lifetimes: Lifetimes;
  readonly iterations: Iterations;
  /** Bytes of an alloc row. */
  readonly sizeOf: (row: number) => number;
  /** "forward (model.py:97)" of a stack node. */
  readonly labelOf: (stack: number) => string;
  readonly options: IterationGrowthOptions;
}

/** Lines of code that are judged, at most: those that changed most and those that hold most. */
const MOST_LINES = 12;
/** Streams that are judged, at most: those that grew most, then those that asked for most. */
const MOST_STREAMS = 16;

type Group = (row: number) => number;

/** Walks the rows once: `change(group, bytes, row)` wherever bytes of a group come or go. */
function walk(
  { trace, lifetimes, sizeOf }: GrowthPartsInput,
  groupOf: Group,
  change: (group: number, bytes: number, row: number) => void,
): void {
  const { events, producer } = trace;
  const { partner } = lifetimes;
  const gone = new Uint8Array(events.length);
  for (let row = 0; row < events.length; row++) {
    if (producer === 'nsys' && HOST_KINDS.includes(events.group[row])) continue;
    const action = events.action[row];
    if (action === ACTION.alloc) change(groupOf(row), sizeOf(row), row);
    else if (action === ACTION.free_requested || action === ACTION.free_completed || action === ACTION.free) {
      const alloc = partner[row];
      if (alloc === NONE || gone[alloc] === 1) continue;
      gone[alloc] = 1;
      change(groupOf(alloc), -sizeOf(alloc), row);
    }
  }
}

/** Curves of some groups, bytes after each row; made one after the other, as they are as long as the recording. */
function* curvesOf(
  input: GrowthPartsInput,
  groupOf: Group,
  groups: readonly number[],
): Generator<readonly [group: number, curve: Float64Array]> {
  const place = new Map(groups.map((group, i) => [group, i]));
  const rows: number[][] = groups.map(() => []);
  const bytes: number[][] = groups.map(() => []);
  walk(input, groupOf, (group, change, row) => {
    const i = place.get(group);
    if (i === undefined) return;
    rows[i].push(row);
    bytes[i].push(change);
  });
  const curve = new Float64Array(input.trace.events.length);
  for (const [i, group] of groups.entries()) {
    let held = 0;
    let at = 0;
    for (const [change, row] of rows[i].entries()) {
      curve.fill(held, at, row);
      held += bytes[i][change];
      at = row;
    }
    curve.fill(held, at);
    yield [group, curve];
  }
}

/** Indices of the streams to judge, ascending. */
function chosenStreams(input: GrowthPartsInput): number[] {
  const { events, streams } = input.trace;
  const all = streams.map((_, stream) => stream);
  if (all.length <= MOST_STREAMS) return all;
  const change = new Float64Array(streams.length);
  const asked = new Float64Array(streams.length);
  walk(
    input,
    (row) => events.stream_index[row],
    (stream, bytes) => {
      change[stream] += bytes;
      asked[stream] += Math.max(0, bytes);
    },
  );
  all.sort((a, b) => change[b] - change[a] || asked[b] - asked[a]);
  return all.slice(0, MOST_STREAMS).sort((a, b) => a - b);
}

/** Bytes of a stream's segments in the last state; -Infinity: there is none. */
function reservedAtEnd({ segments, cut }: GrowthPartsInput['trace'], stream: number): number {
  if (segments === null || cut) return -Infinity;
  let bytes = 0;
  for (let i = 0; i < segments.length; i++)
    if (segments.stream_index[i] === stream) bytes += segments.total_size[i];
  return bytes;
}

function ofStreams(input: GrowthPartsInput): GrowthPart[] {
  const { trace, iterations, options } = input;
  const { events, streams, producer } = trace;
  if (streams.length < 2) return [];
  const groups = chosenStreams(input);
  const parts: GrowthPart[] = [];
  for (const [group, curve] of curvesOf(input, (row) => events.stream_index[row], groups)) {
    if (curve.every((bytes) => bytes === 0)) continue;
    const growth = growthOfIterations(curve, iterations, options);
    parts.push({ by: 'stream', name: streams[group], stack: null, series: 'allocated', growth });
  }
  // One that is used is the device.
  if (parts.length < 2) return [];
  if (producer === 'nsys') return parts;
  const curve = new Float64Array(events.length);
  for (const group of groups) {
    let held = 0;
    let lowest = 0;
    let touched = false;
    for (let row = 0; row < events.length; row++) {
      if (events.stream_index[row] === group) {
        const action = events.action[row];
        const sign =
          action === ACTION.segment_alloc || action === ACTION.segment_map
            ? 1
            : action === ACTION.segment_free || action === ACTION.segment_unmap
              ? -1
              : 0;
        if (sign !== 0) {
          held += sign * u64At(events.size, row);
          lowest = Math.min(lowest, held);
          touched = true;
        }
      }
      curve[row] = held;
    }
    if (!touched) continue;
    // What the stream had before: so that it ends with what it has, and is never below 0.
    const before = Math.max(reservedAtEnd(trace, group) - held, -lowest);
    if (before !== 0) for (let row = 0; row < events.length; row++) curve[row] += before;
    const growth = growthOfIterations(curve, iterations, options);
    parts.push({ by: 'stream', name: streams[group], stack: null, series: 'reserved', growth });
  }
  return parts;
}

interface Line {
  readonly group: number;
  readonly name: string;
  /** Bytes at the first iteration's beginning, and at the last one's end. */
  before: number;
  end: number;
  stack: number;
  /** Most bytes of one stack at the end. */
  most: number;
}

function ofLines(input: GrowthPartsInput): GrowthPart[] {
  const { trace, iterations, labelOf, options } = input;
  const { stack_index } = trace.events;
  const lines = new Map<string, Line>();
  const lineOfStack = new Map<number, Line>();
  const lineOf = (stack: number): Line => {
    const known = lineOfStack.get(stack);
    if (known !== undefined) return known;
    const name = stack === NONE ? '' : labelOf(stack);
    let line = lines.get(name);
    if (line === undefined)
      lines.set(name, (line = { group: lines.size, name, before: 0, end: 0, stack, most: 0 }));
    lineOfStack.set(stack, line);
    return line;
  };
  const [first, last] = [iterations.rows[0], iterations.rows[iterations.count]];
  const atEnd = new Map<number, number>();
  walk(
    input,
    (row) => stack_index[row],
    (stack, change, row) => {
      const line = lineOf(stack);
      if (row < first) line.before += change;
      if (row >= last) return;
      line.end += change;
      atEnd.set(stack, (atEnd.get(stack) ?? 0) + change);
    },
  );
  for (const [stack, bytes] of atEnd) {
    const line = lineOf(stack);
    if (bytes <= line.most) continue;
    line.most = bytes;
    line.stack = stack;
  }
  const named = [...lines.values()].filter(({ name }) => name !== '');
  const by = (value: (line: Line) => number): Line[] =>
    named.filter((line) => value(line) > 0).sort((a, b) => value(b) - value(a));
  const chosen = new Set([
    ...by(({ before, end }) => Math.abs(end - before)).slice(0, MOST_LINES - 4),
    ...by(({ end }) => end).slice(0, 4),
  ]);
  const byGroup = new Map([...chosen].map((line) => [line.group, line]));
  const curves = curvesOf(input, (row) => lineOf(stack_index[row]).group, [...byGroup.keys()]);
  const parts: GrowthPart[] = [];
  for (const [group, curve] of curves) {
    const { name, stack } = byGroup.get(group)!;
    const growth = growthOfIterations(curve, iterations, options);
    parts.push({ by: 'line', name, stack, series: 'allocated', growth });
  }
  return parts;
}

/** Streams first, in their order; then lines, those that changed most first. Empty where no iterations were found. */
export const growthParts = (input: GrowthPartsInput): readonly GrowthPart[] =>
  input.iterations.count === 0 ? [] : [...ofStreams(input), ...ofLines(input)];
