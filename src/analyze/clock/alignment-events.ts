/**
 * Alignment of two curves that are written at every change (a snapshot and Nsight's or Kineto's record of the same
 * process): steps of like size are paired, and each pair votes for the offset between its two times.
 *
 * Sizes that are rare on both sides are asked first: they tell the most and cost the least.
 */
import { lowerBound, upperBound } from '../../base/binary-search.ts';
import { printedBounds, type StepCurve } from '../step-curve.ts';
import {
  bitsOfMatch,
  bitsOfMiss,
  lengthOf,
  medianOf,
  mergeIntervals,
  peaksOf,
  residualOf,
  stretchesOf,
  type Trial,
  type TrialScore,
  type Vote,
} from './alignment-trial.ts';

const MOST_PAIRS = 150_000;
const MOST_CANDIDATES = 32;
/** Steps without a partner of their size count against an offset from this size on; below it, curves differ too often. */
const LARGE_BYTES = 1 << 20;

/** Steps of one curve, ascending by time. */
interface Steps {
  readonly time_ns: Float64Array;
  readonly bytes: Float64Array;
}

function stepsOf({ time_ns, value }: StepCurve): Steps {
  const times: number[] = [];
  const bytes: number[] = [];
  for (let i = 1; i < value.length; i++) {
    if (value[i] === value[i - 1]) continue;
    times.push(time_ns[i]);
    bytes.push(value[i] - value[i - 1]);
  }
  return { time_ns: Float64Array.from(times), bytes: Float64Array.from(bytes) };
}

/** Rows of steps by their size, ascending by time. */
function bySize({ bytes }: Steps): Map<number, number[]> {
  const rows = new Map<number, number[]>();
  bytes.forEach((size, row) => {
    const known = rows.get(size);
    if (known === undefined) rows.set(size, [row]);
    else known.push(row);
  });
  return rows;
}

/** A step of the source and the times of the reference's steps of its size. */
interface Asked {
  readonly timeNs: number;
  readonly partners: Float64Array;
  /** Chance of a match at a random offset. */
  readonly chance: number;
}

export class EventTrial implements Trial {
  readonly hypotheses: number;
  readonly resolutionNs: number;
  private readonly asked: readonly Asked[];
  /** The reference's steps of the sizes that are asked, for what the source lacks. */
  private readonly answering: readonly Asked[];
  private readonly start: number;

  /** `slackNs`: how far apart the two sources' times of one step may lie. */
  constructor(
    readonly source: StepCurve,
    readonly reference: StepCurve,
    private readonly slackNs: number,
  ) {
    const ours = stepsOf(source);
    const theirs = stepsOf(reference);
    const tolerance = widthOf(source) + widthOf(reference);
    this.start = reference.time_ns[0] ?? 0;
    const span = reference.endNs - this.start;
    const pairs = pairSizes(bySize(ours), bySize(theirs), tolerance);
    const reach = 2 * (slackNs + source.timeGranularityNs);
    const ask = (
      from: Steps,
      rows: readonly number[],
      to: Steps,
      partnerRows: readonly number[],
    ): Asked[] => {
      const partners = Float64Array.from(partnerRows, (row) => to.time_ns[row]).sort();
      const windows = Array.from(partners, (time): [number, number] => [time, time + reach]);
      const chance = Math.min(1, lengthOf(mergeIntervals(windows)) / Math.max(span, reach));
      return rows.map((row) => ({ timeNs: from.time_ns[row], partners, chance }));
    };
    this.asked = pairs.flatMap(({ ourRows, theirRows }) => ask(ours, ourRows, theirs, theirRows));
    this.answering = pairs.flatMap(({ ourRows, theirRows }) => ask(theirs, theirRows, ours, ourRows));
    this.resolutionNs = Math.max(1, 2 * reach);
    this.hypotheses = Math.max(1, (span + source.endNs - (source.time_ns[0] ?? 0)) / reach);
  }

  candidates(): number[] {
    const votes = this.asked.flatMap(({ timeNs, partners, chance }): Vote[] => {
      if (partners.length === 0) return [];
      const weight = bitsOfMatch(chance);
      const windows = Array.from(partners, (partner): [number, number] => [
        partner - timeNs - this.slackNs,
        partner - timeNs + this.slackNs,
      ]);
      return mergeIntervals(windows).map(([from, to]) => ({ from, to, weight }));
    });
    return peaksOf(stretchesOf(votes), this.resolutionNs, MOST_CANDIDATES);
  }

  votesAt(offsetNs: number): number {
    const { bits, against } = this.apart(this.asked, offsetNs, this.inReference);
    return bits + against;
  }

  score(askedNs: number): TrialScore {
    // Once more around the median: the best of the votes is a border of the slack as often as its middle.
    const rough = this.apart(this.asked, askedNs, this.inReference);
    const offsetNs = rough.apart.length === 0 ? askedNs : askedNs + medianOf(sortedOf(rough.apart));
    const found = this.apart(this.asked, offsetNs, this.inReference);
    const missing = this.apart(this.answering, -offsetNs, this.inSource);
    const residual = residualOf(found.apart);
    return {
      offsetNs,
      // What the source lacks of the reference's steps counts against, as what the reference lacks of the source's.
      bits: found.bits - missing.against,
      matched: found.apart.length,
      of: found.of,
      reverse: { matched: missing.apart.length, of: missing.of },
      residual,
      uncertaintyNs: residual === null ? Infinity : residual.maxNs,
    };
  }

  private readonly inReference = (time: number): boolean =>
    time >= this.start - this.slackNs && time <= this.reference.endNs + this.slackNs;

  private readonly inSource = (time: number): boolean =>
    time >= (this.source.time_ns[0] ?? 0) - this.slackNs && time <= this.source.endNs + this.slackNs;

  /** How far each step that is told of on both sides lies from the nearest of its size. */
  private apart(
    steps: readonly Asked[],
    offsetNs: number,
    isTold: (time: number) => boolean,
  ): { apart: number[]; of: number; bits: number; against: number } {
    const apart: number[] = [];
    let of = 0;
    let bits = 0;
    let against = 0;
    for (const { timeNs, partners, chance } of steps) {
      const time = timeNs + offsetNs;
      if (!isTold(time)) continue;
      of++;
      const next = lowerBound(partners, time);
      const after = next < partners.length ? partners[next] - time : Infinity;
      const before = next > 0 ? partners[next - 1] - time : -Infinity;
      const nearest = after < -before ? after : before;
      if (Math.abs(nearest) <= this.slackNs) {
        apart.push(nearest);
        bits += bitsOfMatch(chance);
      } else against += bitsOfMiss(chance);
    }
    return { apart, of, bits: bits - against, against };
  }
}

const sortedOf = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

/** How far a difference of two printed values may be from the true one. */
const widthOf = (curve: StepCurve): number => {
  const { least, most } = printedBounds(0, curve);
  return most - least;
};

interface SizePair {
  readonly ourRows: readonly number[];
  readonly theirRows: readonly number[];
}

/** Sizes of either side with the rows of like size on the other, rarest first, and large ones that have none. */
function pairSizes(
  ours: ReadonlyMap<number, readonly number[]>,
  theirs: ReadonlyMap<number, readonly number[]>,
  tolerance: number,
): SizePair[] {
  const sizes = Float64Array.from(theirs.keys()).sort();
  const taken = new Set<number>();
  const found: SizePair[] = [];
  for (const [size, ourRows] of ours) {
    const near = sizes.subarray(lowerBound(sizes, size - tolerance), upperBound(sizes, size + tolerance));
    near.forEach((other) => taken.add(other));
    const theirRows = Array.from(near).flatMap((other) => theirs.get(other) ?? []);
    if (theirRows.length > 0 || Math.abs(size) >= LARGE_BYTES) found.push({ ourRows, theirRows });
  }
  for (const size of sizes)
    if (!taken.has(size) && Math.abs(size) >= LARGE_BYTES)
      found.push({ ourRows: [], theirRows: theirs.get(size) ?? [] });
  const cost = ({ ourRows, theirRows }: SizePair): number => ourRows.length * theirRows.length;
  found.sort((a, b) => cost(a) - cost(b));
  let pairs = 0;
  return found.filter((pair) => (pairs += cost(pair)) <= MOST_PAIRS);
}
