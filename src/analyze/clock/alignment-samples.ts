/**
 * Alignment where one of the two curves is sampled, as nvidia-smi does once a second while an allocator steps at an
 * instant: two samples that differ mean that the sum of all steps between them was that difference, wherever between
 * them they happened. So a change is matched by interval, and several steps within it count together.
 */
import { lowerBound } from '../../base/binary-search.ts';
import { type Bounds, minus } from '../../base/measured.ts';
import { boundsIn, printedBounds, thinCurve, windowOf, type StepCurve } from '../step-curve.ts';
import {
  bitsOfMatch,
  bitsOfMiss,
  mergeIntervals,
  peaksOf,
  residualOf,
  stretchesOf,
  type Trial,
  type TrialScore,
  type Vote,
} from './alignment-trial.ts';

/** Rows of the reference and changes of the source that are enough: the largest are kept. */
const MOST_REFERENCE_ROWS = 1000;
const MOST_CHANGES = 128;
const MOST_CANDIDATES = 24;
/** Offsets with this much less evidence than the best may still be the right one. */
const SAME_BITS = 4;

/** Row i and i + 1 of the samples, and what changed between them. */
interface Pair {
  readonly row: number;
  readonly change: Bounds;
  readonly isStep: boolean;
  readonly size: number;
}

/**
 * `samples` against `reference`; either may be the finer one. `extraBytes`: by how much a change may differ because
 * the two do not count the same (the driver's pages, a context that grows). Exactness of both is added.
 */
export function sampleTrial(samples: StepCurve, reference: StepCurve, extraBytes: number): Trial {
  return new SampleTrial(samples, reference, extraBytes);
}

/** The same seen from the other side: offsets change their sign. */
export function swapTrial(trial: Trial): Trial {
  return {
    source: trial.reference,
    reference: trial.source,
    hypotheses: trial.hypotheses,
    resolutionNs: trial.resolutionNs,
    candidates: () => trial.candidates().map((offset) => -offset),
    votesAt: (offsetNs) => trial.votesAt(-offsetNs),
    score: (offsetNs) => {
      const score = trial.score(-offsetNs);
      return { ...score, offsetNs: -score.offsetNs };
    },
  };
}

class SampleTrial implements Trial {
  readonly hypotheses: number;
  readonly resolutionNs: number;
  private readonly thin: StepCurve;
  private readonly allowed: number;
  private readonly pairs: readonly Pair[];
  private readonly stretches: readonly Vote[];
  /** By row of a voting change: offsets that it matches at, and the chance of that. */
  private readonly matches = new Map<number, { intervals: [number, number][]; chance: number }>();

  constructor(
    readonly source: StepCurve,
    readonly reference: StepCurve,
    extra: number,
  ) {
    const { curve, errorBytes } = thinCurve(reference, MOST_REFERENCE_ROWS);
    this.thin = curve;
    this.allowed = extra + 2 * errorBytes;
    this.pairs = this.changes();
    const voters = this.pairs
      .filter(({ isStep }) => isStep)
      .sort((a, b) => b.size - a.size)
      .slice(0, MOST_CHANGES);
    const end = reference.endNs - (reference.time_ns[0] ?? 0);
    for (const pair of voters) {
      const span = end + source.time_ns[pair.row + 1] - source.time_ns[pair.row] + 2 * source.slackNs;
      const { intervals, measure } = this.intervalsOf(pair);
      this.matches.set(pair.row, { intervals, chance: Math.min(1, measure / Math.max(span, 1)) });
    }
    const lengths = [...this.matches.values()].flatMap(({ intervals }) =>
      intervals.map(([from, to]) => to - from),
    );
    this.resolutionNs = Math.max(
      1,
      2 * source.slackNs + source.staleNs + source.timeGranularityNs,
      lengths.length === 0 ? 0 : lengths.reduce((sum, length) => sum + length, 0) / lengths.length,
    );
    const span = end + source.endNs - (source.time_ns[0] ?? 0);
    this.hypotheses = Math.max(1, span / this.resolutionNs);
    this.stretches = stretchesOf(
      [...this.matches.values()].flatMap(({ intervals, chance }): Vote[] =>
        intervals.map(([from, to]) => ({ from, to, weight: bitsOfMatch(chance) })),
      ),
    );
  }

  candidates(): number[] {
    return peaksOf(this.stretches, this.resolutionNs, MOST_CANDIDATES);
  }

  votesAt(offsetNs: number): number {
    let bits = 0;
    for (const { intervals, chance } of this.matches.values())
      if (intervals.some(([from, to]) => from <= offsetNs && offsetNs <= to)) bits += bitsOfMatch(chance);
    return bits;
  }

  score(offsetNs: number): TrialScore {
    let bits = 0;
    let matched = 0;
    let of = 0;
    const late: number[] = [];
    // Only what lies within the reference can say anything.
    const { time_ns, slackNs, staleNs, timeGranularityNs } = this.source;
    const reach = slackNs + staleNs + timeGranularityNs;
    const start = (this.thin.time_ns[0] ?? 0) - offsetNs - reach;
    const end = this.thin.endNs - offsetNs + reach;
    for (let i = lowerBound(time_ns, start); i < this.pairs.length && time_ns[i] <= end; i++) {
      const { row, change, isStep } = this.pairs[i];
      const isMatch = this.matchesAt(row, change, offsetNs, slackNs);
      if (isMatch === null) continue;
      const voter = this.matches.get(row);
      const chance = voter?.chance ?? 0.5;
      if (!isStep) {
        if (!isMatch) bits -= bitsOfMiss(0);
        continue;
      }
      of++;
      if (!isMatch) {
        bits -= bitsOfMiss(chance);
        continue;
      }
      matched++;
      bits += voter === undefined ? 0 : bitsOfMatch(chance);
      late.push(this.latenessOf(row, change, offsetNs));
    }
    return {
      offsetNs,
      bits,
      matched,
      of,
      reverse: null,
      residual: residualOf(late),
      uncertaintyNs: this.uncertaintyAt(offsetNs),
    };
  }

  /** How far offsets reach that are the same answer and have about as many votes; they need not be in one piece. */
  private uncertaintyAt(offsetNs: number): number {
    const enough = this.votesAt(offsetNs) - SAME_BITS;
    if (enough <= 0) return Infinity;
    let reach = 0;
    for (const { from, to, weight } of this.stretches) {
      if (weight < enough || Math.abs((from + to) / 2 - offsetNs) > this.resolutionNs) continue;
      reach = Math.max(reach, offsetNs - from, to - offsetNs);
    }
    return reach;
  }

  private changes(): Pair[] {
    const { value } = this.source;
    const pairs: Pair[] = [];
    for (let row = 0; row + 1 < value.length; row++) {
      const change = minus(
        printedBounds(value[row + 1], this.source),
        printedBounds(value[row], this.source),
      );
      const isStep = change.least > this.allowed || change.most < -this.allowed;
      pairs.push({ row, change, isStep, size: Math.abs(value[row + 1] - value[row]) });
    }
    return pairs;
  }

  /** null: the reference tells nothing of one of the two moments. */
  private matchesAt(row: number, change: Bounds, offsetNs: number, slackNs: number): boolean | null {
    const found = this.changeAt(row, offsetNs, slackNs);
    if (found === null) return null;
    return found.least <= change.most + this.allowed && found.most >= change.least - this.allowed;
  }

  /** What the reference may have changed by between the two moments. */
  private changeAt(row: number, offsetNs: number, slackNs: number): Bounds | null {
    const before = this.bandAt(row, offsetNs, slackNs);
    const after = this.bandAt(row + 1, offsetNs, slackNs);
    return before === null || after === null ? null : minus(after, before);
  }

  private bandAt(row: number, offsetNs: number, slackNs: number): Bounds | null {
    const [from, to] = windowOf(this.source, row, slackNs);
    return boundsIn(this.thin, from + offsetNs, to + offsetNs);
  }

  /**
   * All offsets at which a change matches: it can only begin or end where a window meets a step. `measure`: the same
   * length, each stretch of offsets weighed with the share of sizes, half to twice this one, that would match there.
   */
  private intervalsOf({ row, change, size }: Pair): { intervals: [number, number][]; measure: number } {
    const edges: number[] = [];
    const windows = [windowOf(this.source, row), windowOf(this.source, row + 1)].flat();
    for (const time of this.thin.time_ns) for (const edge of windows) edges.push(time - edge);
    for (const edge of windows) edges.push(this.thin.endNs - edge);
    edges.sort((a, b) => a - b);
    const sign = change.least > 0 ? 1 : -1;
    const apart = (change.most - change.least) / 2 + this.allowed;
    const intervals: [number, number][] = [];
    let measure = 0;
    for (let i = 0; i + 1 < edges.length; i++) {
      if (edges[i] === edges[i + 1]) continue;
      const found = this.changeAt(row, (edges[i] + edges[i + 1]) / 2, this.source.slackNs);
      if (found === null) continue;
      const [least, most] = sign > 0 ? [found.least, found.most] : [-found.most, -found.least];
      measure += (edges[i + 1] - edges[i]) * shareOfSizes(least - apart, most + apart, size);
      if (found.least <= change.most + this.allowed && found.most >= change.least - this.allowed)
        intervals.push([edges[i], edges[i + 1]]);
    }
    return { intervals: mergeIntervals(intervals), measure };
  }

  /** The least slack of the two samples' times with which the change matches. */
  private latenessOf(row: number, change: Bounds, offsetNs: number): number {
    if (this.matchesAt(row, change, offsetNs, 0) === true) return 0;
    let low = 0;
    let high = this.source.slackNs;
    for (let i = 0; i < 24; i++) {
      const middle = (low + high) / 2;
      if (this.matchesAt(row, change, offsetNs, middle) === true) high = middle;
      else low = middle;
    }
    return high;
  }
}

/** Share of [size / 2, size * 2], by ratio, that lies in [least, most]. */
function shareOfSizes(least: number, most: number, size: number): number {
  const from = Math.max(least, size / 2);
  const to = Math.min(most, size * 2);
  return from < to ? Math.log2(to / from) / 2 : 0;
}
