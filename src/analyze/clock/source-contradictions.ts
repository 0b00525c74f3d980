/**
 * Where sources on one clock disagree. Every comparison says what was allowed and by how much it was missed, so that
 * a difference that rounding or a sample's time explains is none.
 *
 * Not all that is found is an error of a source: memory that the allocator does not know of and that changes
 * (kernels loaded when first called, NCCL, another process) is a fact worth knowing and has its own kinds.
 */
import { amount, exactAmount } from '../../base/amounts.ts';
import { type Bounds, minus } from '../../base/measured.ts';
import { boundsIn, printedBounds, type StepCurve, windowOf } from '../step-curve.ts';

export type ContradictionKind =
  /** The device is said to use less than PyTorch had reserved on it: one of them is wrong, or of another device. */
  | 'used_below_reserved'
  /** What is used besides reserved changed at once. */
  | 'non_torch_change'
  /** ... and by little, again and again. */
  | 'non_torch_drift'
  /** Two sources print different figures of one thing. */
  | 'different'
  /** ... and always by the same amount: they count differently. */
  | 'constant_difference'
  /** A line has figures that the recording has at no moment between the lines around it. */
  | 'never'
  /** A budget names more than was ever reserved. */
  | 'budget_above_reserved';

export interface Contradiction {
  readonly kind: ContradictionKind;
  /** The one that is doubted first. */
  readonly sources: readonly [string, string];
  readonly device: number | null;
  /** First moment, ns after the common base; null: it has none. Of a change: the last sample before it. */
  readonly fromNs: number | null;
  readonly toNs: number | null;
  /** Samples, lines or events that show it. */
  readonly count: number;
  /** What each source says at that moment. */
  readonly values: readonly (Bounds & { readonly label: string })[];
  /** Bytes that rounding and the times of samples explain. */
  readonly allowedBytes: number;
  /** Bytes beyond what is allowed; of a change, of the change. Signed: the first source less the second. */
  readonly differenceBytes: number;
  readonly sentence: string;
}

export interface Comparison {
  readonly contradictions: readonly Contradiction[];
  /** Samples or lines that could be compared, and those outside of what the other tells of. */
  readonly compared: number;
  readonly outside: number;
}

/** A curve on the common clock, by the name of its source. */
export interface NamedCurve {
  readonly name: string;
  readonly curve: StepCurve;
}

/** A change of what is besides reserved by at least this much at once is told by itself; smaller ones together. */
export const SUDDEN_BYTES = 16 << 20;

/** A difference, without its sign. */
const bytesText = (bytes: number): string => exactAmount(Math.abs(bytes));
const valueOf = (label: string, band: Bounds): Contradiction['values'][number] => ({ label, ...band });

/** Signed distance from range `b` to range `a`; 0 where they meet. */
function apart(a: Bounds, b: Bounds): number {
  if (a.least > b.most) return a.least - b.most;
  return a.most < b.least ? a.most - b.least : 0;
}

interface Paired {
  readonly time_ns: number;
  readonly first: Bounds;
  readonly second: Bounds;
}

/** Each row of the first with what the second can have been in its window. */
function pair(first: StepCurve, second: StepCurve): { pairs: Paired[]; outside: number } {
  const pairs: Paired[] = [];
  for (let row = 0; row < first.value.length; row++) {
    const [from, to] = windowOf(first, row);
    const found = boundsIn(second, from - second.slackNs, to + second.slackNs);
    if (found !== null)
      pairs.push({
        time_ns: first.time_ns[row],
        first: printedBounds(first.value[row], first),
        second: found,
      });
  }
  return { pairs, outside: first.value.length - pairs.length };
}

/**
 * nvidia-smi's (DCGM's) use of the device against what PyTorch reserved on it: the rest is a constant, within the
 * granularity, while nothing else on the card changes.
 */
export function compareUsedWithReserved(used: NamedCurve, reserved: NamedCurve): Comparison {
  const { pairs, outside } = pair(used.curve, reserved.curve);
  const sources = [used.name, reserved.name] as const;
  const device = used.curve.device ?? reserved.curve.device;
  const contradictions: Contradiction[] = [];
  const below = pairs.filter(({ first, second }) => first.most < second.least);
  const worst = below.reduce<Paired | null>(
    (most, one) =>
      most === null || one.second.least - one.first.most > most.second.least - most.first.most ? one : most,
    null,
  );
  if (worst !== null)
    contradictions.push({
      kind: 'used_below_reserved',
      sources,
      device,
      fromNs: below[0].time_ns,
      toNs: below[below.length - 1].time_ns,
      count: below.length,
      values: [valueOf(used.curve.label, worst.first), valueOf(reserved.curve.label, worst.second)],
      allowedBytes: used.curve.granularity,
      differenceBytes: worst.first.most - worst.second.least,
      sentence: `${used.name} says that less of the device is used than ${reserved.name} had reserved on it, by ${bytesText(worst.first.most - worst.second.least)} at least: another device, another time, or another process.`,
    });
  contradictions.push(...changesOf(pairs, used, reserved));
  return { contradictions, compared: pairs.length, outside };
}

/** A stretch of samples that one constant explains. */
interface Level {
  readonly band: Bounds;
  readonly first: Paired;
  readonly last: Paired;
}

/** The fewest constants that explain the differences, in order. */
function levelsOf(pairs: readonly Paired[]): Level[] {
  const levels: Level[] = [];
  for (const one of pairs) {
    const difference = minus(one.first, one.second);
    const level = levels.at(-1);
    const least = Math.max(difference.least, level?.band.least ?? -Infinity);
    const most = Math.min(difference.most, level?.band.most ?? Infinity);
    if (level !== undefined && least <= most)
      levels[levels.length - 1] = { band: { least, most }, first: level.first, last: one };
    else levels.push({ band: difference, first: one, last: one });
  }
  return levels;
}

/** Where the difference is no constant: sudden changes one by one, small ones of one direction together. */
function changesOf(pairs: readonly Paired[], used: NamedCurve, reserved: NamedCurve): Contradiction[] {
  const changes: { before: Level; after: Level; sign: number; isSudden: boolean; count: number }[] = [];
  const levels = levelsOf(pairs);
  for (let i = 1; i < levels.length; i++) {
    const [before, after] = [levels[i - 1], levels[i]];
    const least = apart(after.band, before.band);
    const sign = Math.sign(least);
    const isSudden = Math.abs(least) >= SUDDEN_BYTES;
    const last = changes.at(-1);
    if (last !== undefined && !isSudden && !last.isSudden && last.sign === sign)
      changes[changes.length - 1] = { ...last, after, count: last.count + 1 };
    else changes.push({ before, after, sign, isSudden, count: 1 });
  }
  return changes.map((change) =>
    changeRow(change.isSudden ? 'non_torch_change' : 'non_torch_drift', change, used, reserved),
  );
}

function changeRow(
  kind: 'non_torch_change' | 'non_torch_drift',
  { before, after, count }: { readonly before: Level; readonly after: Level; readonly count: number },
  used: NamedCurve,
  reserved: NamedCurve,
): Contradiction {
  const least = apart(after.band, before.band);
  const width = before.band.most - before.band.least + after.band.most - after.band.least;
  const way = least > 0 ? 'grew' : 'shrank';
  const how = kind === 'non_torch_change' ? 'at once' : `in ${count} ${count === 1 ? 'step' : 'small steps'}`;
  return {
    kind,
    sources: [used.name, reserved.name],
    device: used.curve.device ?? reserved.curve.device,
    fromNs: before.last.time_ns,
    toNs: after.first.time_ns,
    count,
    values: [
      valueOf('besides reserved, before', before.band),
      valueOf('besides reserved, after', after.band),
    ],
    allowedBytes: width,
    differenceBytes: least,
    sentence: `What ${used.name} counts besides the ${amount((after.first.second.least + after.first.second.most) / 2)} that ${reserved.name} had reserved ${way} ${how}, by ${bytesText(least)} at least: kernels or libraries loaded when first called, NCCL, or another process.`,
  };
}

/**
 * Two sources of one figure (DCGM and nvidia-smi, Kineto's totals and a snapshot, printed lines with times and a
 * snapshot). Disagreements that follow each other are one row, with the largest difference. `floor`: the second is a
 * lower bound, so that only less than it is a contradiction.
 */
export function compareCurves(first: NamedCurve, second: NamedCurve, floor = false): Comparison {
  const { pairs, outside } = pair(first.curve, second.curve);
  const isFloor = floor || second.curve.bound === 'lower';
  const apartOf = (one: Paired): number => {
    const difference = apart(one.first, one.second);
    return isFloor ? Math.min(0, difference) : difference;
  };
  const constant = isFloor ? null : constantDifference(pairs, first, second);
  if (constant !== null) return { contradictions: [constant], compared: pairs.length, outside };
  const contradictions: Contradiction[] = [];
  let run: Paired[] = [];
  const endRun = (): void => {
    if (run.length > 0) contradictions.push(differenceRow(run, apartOf, first, second));
    run = [];
  };
  for (const one of pairs) {
    if (apartOf(one) === 0) endRun();
    else run.push(one);
  }
  endRun();
  return { contradictions, compared: pairs.length, outside };
}

/** Three samples that differ by one amount count differently; fewer are a coincidence. */
const LEAST_CONSTANT = 3;

function constantDifference(
  pairs: readonly Paired[],
  first: NamedCurve,
  second: NamedCurve,
): Contradiction | null {
  if (pairs.length < LEAST_CONSTANT || pairs.some((one) => apart(one.first, one.second) === 0)) return null;
  const levels = levelsOf(pairs);
  if (levels.length > 1) return null;
  const { band } = levels[0];
  const least = apart(band, { least: 0, most: 0 });
  if (least === 0) return null;
  return {
    kind: 'constant_difference',
    sources: [first.name, second.name],
    device: first.curve.device ?? second.curve.device,
    fromNs: pairs[0].time_ns,
    toNs: pairs[pairs.length - 1].time_ns,
    count: pairs.length,
    values: [valueOf('difference', band)],
    allowedBytes: first.curve.granularity + second.curve.granularity,
    differenceBytes: least,
    sentence: `${first.name} says ${bytesText(least)} ${least > 0 ? 'more' : 'less'} than ${second.name}, always: they count differently (what the driver keeps for itself is in some figures and not in others).`,
  };
}

function differenceRow(
  run: readonly Paired[],
  apartOf: (one: Paired) => number,
  first: NamedCurve,
  second: NamedCurve,
): Contradiction {
  const worst = run.reduce((most, one) => (Math.abs(apartOf(one)) > Math.abs(apartOf(most)) ? one : most));
  const difference = apartOf(worst);
  return {
    kind: 'different',
    sources: [first.name, second.name],
    device: first.curve.device ?? second.curve.device,
    fromNs: run[0].time_ns,
    toNs: run[run.length - 1].time_ns,
    count: run.length,
    values: [valueOf(first.curve.label, worst.first), valueOf(second.curve.label, worst.second)],
    allowedBytes: worst.first.most - worst.first.least + worst.second.most - worst.second.least,
    differenceBytes: difference,
    sentence: `${first.name} has ${bytesText(difference)} ${difference > 0 ? 'more' : 'less'} than ${second.name} can have had at that time (${first.curve.label.toLowerCase()}).`,
  };
}
