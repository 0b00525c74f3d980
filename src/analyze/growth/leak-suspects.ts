/**
 * Who leaks: stacks whose allocations are never freed in the recording while more of them live after every
 * iteration. Weights and optimizer state do not: they are there after the first iterations and do not grow.
 *
 *   iteration end   0   1   2   3   4   5
 *   weights         50  50  50  50  50  50      never freed, does not grow: not a suspect
 *   activations     0   0   0   0   0   0       freed: not a suspect
 *   results         1   2   3   4   5   6       grows: one an iteration
 *   conversation    1   1   1   1   1   1       grows, where each is larger than the one before
 *   cache of 3      1   2   3   3   3   3       ends: not a suspect
 *   kept output     1   1   1   2   2   2       one of six outlived the others by far: 'kept', low confidence
 */
import { upperBound } from '../../base/binary-search.ts';
import { u64At } from '../../base/u64.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, HOST_KINDS, NONE } from '../../trace/schema.ts';
import type { Frame, StackTable } from '../../trace/stack-table.ts';
import { classifyGrowth } from './growth.ts';
import { seriesWork } from './series.ts';
import type { GrowthVerdict } from './verdict.ts';
import type { Confidence, Iterations } from './iterations.ts';
import { callerOfLine, commonCaller, groupGrowers, guiltyLine, isForward } from './leak-groups.ts';
import { hintOf, type LeakHint } from './leak-hints.ts';
import type { Lifetimes } from '../lifetimes.ts';
import { frameLabel, holderLabel } from '../user-frames.ts';

/** One stack (and, where none is recorded, one size) that grows. */
export interface LeakPart {
  /** Stack node or NONE. */
  readonly stack: number;
  /** The line of the user's code, as in the list of holders; without a stack, the size. */
  readonly label: string;
  readonly bytesPerIteration: number;
  readonly countPerIteration: number;
  /** Allocations since the first iteration that were never freed. */
  readonly count: number;
  readonly bytes: number;
  /** Rows of the first and last of them. */
  readonly firstRow: number;
  readonly lastRow: number;
}

export interface LeakSuspect extends LeakPart {
  /** 'grows': with the iterations. 'kept': a few outlived all others of their stack; whether more follow is open. */
  readonly kind: 'grows' | 'kept';
  /** The line to look at; null where no stack was recorded, or none of its frames is a line of the program. */
  readonly line: Frame | null;
  /** The line of another function that calls it; null: none is recorded. */
  readonly calledFrom: Frame | null;
  /** What keeps it, as far as the stacks tell; null: they do not. */
  readonly hint: LeakHint | null;
  readonly confidence: Confidence;
  readonly why: readonly string[];
  /** Every stack of it, most bytes per iteration first; one: itself. */
  readonly parts: readonly LeakPart[];
}

export interface LeakReport {
  /** Those that grow before those that were kept, then most bytes per iteration first. */
  readonly suspects: readonly LeakSuspect[];
  /** Why there may be others, or why none can be told. */
  readonly why: readonly string[];
}

export interface LeakOptions {
  /** Bytes of the allocation at a row, where the size of its block is known; else what was asked for. */
  readonly sizeOf?: (row: number) => number;
  /** Allocations that are no line's: a library keeps them (workspaces.ts). */
  readonly isLibrary?: (row: number) => boolean;
}

/** Allocations of one stack that are live across the end of an iteration. */
class Site {
  readonly counts: Float64Array;
  readonly bytes: Float64Array;
  neverCount = 0;
  neverBytes = 0;
  firstRow = NONE;
  lastRow = 0;
  /** Iteration of the first of them that came after iteration 0. */
  firstLate = Infinity;
  freed = 0;
  longest = 0;

  constructor(
    readonly stack: number,
    /** Bytes of each, where no stack tells them apart. */
    readonly size: number | null,
    iterations: number,
  ) {
    this.counts = new Float64Array(iterations + 1);
    this.bytes = new Float64Array(iterations + 1);
  }

  /** Live at the ends of iterations [from, to). */
  live(from: number, to: number, size: number): void {
    this.counts[from]++;
    this.counts[to]--;
    this.bytes[from] += size;
    this.bytes[to] -= size;
  }

  never(row: number, size: number, iteration: number): void {
    this.neverCount++;
    this.neverBytes += size;
    if (this.firstRow === NONE) this.firstRow = row;
    this.lastRow = row;
    if (iteration > 0 && iteration < this.firstLate) this.firstLate = iteration;
  }

  /** From differences to values at the iterations' ends. */
  settle(): void {
    for (let i = 1; i < this.counts.length; i++) {
      this.counts[i] += this.counts[i - 1];
      this.bytes[i] += this.bytes[i - 1];
    }
  }
}

/** Without stacks allocations are told apart by size; more sizes than this are one heap. */
const MOST_SIZES = 4096;

function sitesOf(
  trace: DeviceTrace,
  { partner }: Lifetimes,
  { rows, count }: Iterations,
  sizeOf: (row: number) => number,
  isLibrary: (row: number) => boolean,
): Site[] {
  const { events, producer } = trace;
  // A block that waits for another stream (record_stream) is not kept by the program.
  const givenUp = new Uint32Array(events.length).fill(NONE);
  for (let row = 0; row < events.length; row++)
    if (events.action[row] === ACTION.free_requested && partner[row] !== NONE) givenUp[partner[row]] = row;

  const isAlloc = (row: number): boolean =>
    events.action[row] === ACTION.alloc &&
    !(producer === 'nsys' && HOST_KINDS.includes(events.group[row])) &&
    !isLibrary(row);
  const freedAt = (row: number): number => (partner[row] === NONE ? givenUp[row] : partner[row]);
  const end = rows[count];
  // Keys: stack nodes, and sizes behind them. Only where something was never freed after iteration 0.
  const keyOf = (row: number): number => {
    const stack = events.stack_index[row];
    return stack === NONE ? NONE + 1 + u64At(events.size, row) : stack;
  };
  const keys = new Set<number>();
  for (let row = rows[1]; row < end; row++) if (isAlloc(row) && freedAt(row) === NONE) keys.add(keyOf(row));
  if (keys.size > MOST_SIZES) for (const key of keys) if (key > NONE) keys.delete(key);

  const sites = new Map<number, Site>();
  let iteration = -1;
  for (let row = 0; row < end; row++) {
    while (iteration + 1 < count && row >= rows[iteration + 1]) iteration++;
    if (!isAlloc(row)) continue;
    const freed = freedAt(row);
    const key = keyOf(row);
    if (!keys.has(key)) continue;
    let site = sites.get(key);
    if (site === undefined) {
      site = new Site(events.stack_index[row], key > NONE ? key - NONE - 1 : null, count);
      sites.set(key, site);
    }
    // Gone before the iteration is over.
    if (freed !== NONE && iteration >= 0 && freed < rows[iteration + 1]) {
      site.freed++;
      continue;
    }
    const size = sizeOf(row);
    const from = Math.max(0, iteration);
    const to = freed === NONE ? count : Math.min(count, upperBound(rows, freed) - 1);
    site.live(from, Math.max(from, to), size);
    if (freed === NONE && iteration >= 0) site.never(row, size, iteration);
    else if (freed !== NONE) {
      site.freed++;
      site.longest = Math.max(site.longest, to - from);
    }
  }
  for (const site of sites.values()) site.settle();
  return [...sites.values()];
}

/** Deepest common caller of all that the iterations allocate: the loop lies in it, or in the line it calls. */
function loopNode({ events }: DeviceTrace, stacks: StackTable, { rows, count }: Iterations): number {
  const seen = new Set<number>();
  for (let row = rows[0]; row < rows[count]; row++)
    if (events.action[row] === ACTION.alloc && events.stack_index[row] !== NONE)
      seen.add(events.stack_index[row]);
  return commonCaller(stacks, [...seen]);
}

/** true: stacks were recorded; what has none was requested by a thread that runs no Python. */
function mostHaveStacks({ events }: DeviceTrace): boolean {
  let allocations = 0;
  let known = 0;
  for (let row = 0; row < events.length; row++) {
    if (events.action[row] !== ACTION.alloc) continue;
    allocations++;
    if (events.stack_index[row] !== NONE) known++;
  }
  return 4 * known > allocations;
}

interface Growing extends LeakPart {
  readonly signature: string;
  readonly verdict: GrowthVerdict;
  /** true: not more of them live after each iteration, but larger ones. */
  readonly larger: boolean;
}

/** How a site grows from the end of iteration `from - 1` to the last one's. */
function partOf(stacks: StackTable, site: Site, from: number, count: number): LeakPart {
  const before = Math.max(0, from - 1);
  const over = count - 1 - before;
  const each = (values: Float64Array): number => (values[count - 1] - values[before]) / over;
  return {
    stack: site.stack,
    label:
      site.size === null
        ? holderLabel(stacks, site.stack)
        : `requests of ${site.size} bytes, no stack recorded`,
    bytesPerIteration: each(site.bytes),
    countPerIteration: each(site.counts),
    count: site.neverCount,
    bytes: site.neverBytes,
    firstRow: site.firstRow,
    lastRow: site.lastRow,
  };
}

const isGrowth = ({ kind }: GrowthVerdict): boolean => kind === 'linear_leak' || kind === 'sub_linear';

function growing(stacks: StackTable, site: Site, iterations: Iterations): Growing | null {
  const { count } = iterations;
  const work = seriesWork(iterations);
  const counts = site.counts.subarray(0, count);
  let values = counts;
  let verdict = classifyGrowth({ values, ...work });
  // Three or four iterations: only where each of them adds.
  const few = count >= 3 && count < 5 && values.every((value, i) => i === 0 || value > values[i - 1]);
  const larger = !isGrowth(verdict) && !few;
  if (larger) {
    // As many as before, but larger: made anew in every iteration (torch.cat, a buffer that is extended).
    if (counts[count - 1] > counts[Math.min(1, count - 1)] || count < 5) return null;
    values = site.bytes.subarray(0, count);
    verdict = classifyGrowth({ values, ...work });
    if (!isGrowth(verdict)) return null;
  }
  const part = partOf(stacks, site, verdict.window?.[0] ?? 0, count);
  // What was freed after all is no leak, however it grew.
  const added = counts[count - 1] - counts[0];
  if (part.bytesPerIteration <= 0 || site.neverCount < 0.8 * added) return null;
  const rose: string[] = [];
  for (let i = 1; i < count; i++) rose.push(values[i] > values[i - 1] ? '1' : '0');
  return { ...part, verdict, larger, signature: rose.join('') };
}

/** A few that outlived by far all others of their stack, which come and go in every iteration. */
function kept(stacks: StackTable, site: Site, count: number): LeakPart | null {
  const age = count - 1 - site.firstLate;
  const usual = Math.max(1, site.longest);
  // Without a stack equal sizes are not one site: weights and batches may share a size.
  if (site.size !== null || site.freed < 5 || age < 5 || age <= 3 * usual) return null;
  if (site.freed < 3 * site.neverCount) return null;
  const part = partOf(stacks, site, 0, count);
  return part.bytesPerIteration > 0 ? part : null;
}

const ORDER = ['low', 'medium', 'high'] as const;
const least = (...all: Confidence[]): Confidence => ORDER[Math.min(...all.map((one) => ORDER.indexOf(one)))];

function suspectOf(
  stacks: StackTable,
  stack: number,
  parts: readonly LeakPart[],
  told: Pick<LeakSuspect, 'kind' | 'hint' | 'confidence' | 'why'>,
): LeakSuspect {
  const sum = (of: (part: LeakPart) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const sorted = [...parts].sort((a, b) => b.bytesPerIteration - a.bytesPerIteration);
  const line = guiltyLine(stacks, stack);
  return {
    stack,
    label: line === null ? sorted[0].label : frameLabel(line),
    line,
    calledFrom: line === null ? null : callerOfLine(stacks, stack),
    bytesPerIteration: sum((part) => part.bytesPerIteration),
    countPerIteration: sum((part) => part.countPerIteration),
    count: sum((part) => part.count),
    bytes: sum((part) => part.bytes),
    firstRow: parts.reduce((first, part) => Math.min(first, part.firstRow), NONE),
    lastRow: parts.reduce((last, part) => Math.max(last, part.lastRow), 0),
    parts: sorted.map(
      ({ stack, label, bytesPerIteration, countPerIteration, count, bytes, firstRow, lastRow }) => ({
        stack,
        label,
        bytesPerIteration,
        countPerIteration,
        count,
        bytes,
        firstRow,
        lastRow,
      }),
    ),
    ...told,
  };
}

/**
 * Leak suspects of a device. Bytes are those asked for, unless `sizeOf` knows the blocks. Without iterations, or with
 * fewer than three, none can be told. Linear in the events, plus stacks that keep anything times iterations.
 */
export function leakSuspects(
  trace: DeviceTrace,
  stacks: StackTable,
  lifetimes: Lifetimes,
  iterations: Iterations,
  { sizeOf = (row) => u64At(trace.events.size, row), isLibrary = () => false }: LeakOptions = {},
): LeakReport {
  const { count } = iterations;
  if (count < 3)
    return {
      suspects: [],
      why: [
        count === 0
          ? 'No iterations were found: what grows with them cannot be told.'
          : `${count} iterations are too few to tell what grows with them.`,
      ],
    };
  const why: string[] = [];
  if (iterations.startsInside)
    why.push('The recording begins in the middle: what was kept before it is in no list.');
  const sites = sitesOf(trace, lifetimes, iterations, sizeOf, isLibrary);
  const othersHaveStacks = mostHaveStacks(trace);
  const growers: Growing[] = [];
  const suspects: LeakSuspect[] = [];
  for (const site of sites) {
    const grower = growing(stacks, site, iterations);
    if (grower !== null) {
      growers.push(grower);
      continue;
    }
    const part = kept(stacks, site, count);
    if (part === null) continue;
    suspects.push(
      suspectOf(stacks, site.stack, [part], {
        kind: 'kept',
        hint: null,
        confidence: 'low',
        why: [
          `${site.neverCount} of ${site.neverCount + site.freed} allocations of this stack were never freed, the first for ${count - 1 - site.firstLate} iterations; the others were freed ${site.longest === 0 ? 'in their own' : `at most ${site.longest} later`}. Whether more will be kept cannot be told.`,
        ],
      }),
    );
  }
  for (const { stack, parts } of groupGrowers(stacks, growers, loopNode(trace, stacks, iterations))) {
    const forward = parts.length >= 3 && parts.filter((part) => isForward(stacks, part.stack)).length >= 3;
    const told = [
      `Live after each iteration: ${parts[0].verdict.why.join(' ')}`,
      parts.every(({ larger }) => larger)
        ? 'After each iteration as many allocations live as before, but larger ones: made anew each time (torch.cat, a buffer that is extended).'
        : `None of ${parts.reduce((sum, part) => sum + part.count, 0)} allocations was freed.`,
    ];
    if (parts.length > 1)
      told.push(`${parts.length} stacks grow in the same iterations, all called from this line.`);
    if (forward)
      told.push(
        'They are what a forward pass keeps for its backward pass: an output or loss is kept together with its graph.',
      );
    suspects.push(
      suspectOf(stacks, stack, parts, {
        kind: 'grows',
        hint: forward
          ? 'autograd_graph'
          : stack !== NONE
            ? hintOf(stacks.stack(stack))
            : othersHaveStacks
              ? 'no_python'
              : null,
        confidence: least(
          iterations.confidence,
          count < 5 ? 'low' : 'high',
          ...parts.map(({ verdict }) => verdict.confidence),
        ),
        why: told,
      }),
    );
  }
  suspects.sort(
    (a, b) =>
      Number(a.kind === 'kept') - Number(b.kind === 'kept') || b.bytesPerIteration - a.bytesPerIteration,
  );
  return { suspects, why };
}
