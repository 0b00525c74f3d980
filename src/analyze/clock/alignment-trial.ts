/**
 * What aligning two curves comes down to: offsets to try, and how well each explains the steps of both.
 *
 * The score is the evidence in bits. A step of the source that the reference makes, too, counts log2(0.9 / p), where
 * p is its chance to match at a random offset: a rare size at a sharp time tells much, one of fifty equal steps
 * little. A step that does not match counts against.
 */
import type { StepCurve } from '../step-curve.ts';

/** Where the offset is right, a step is nevertheless missing about this often (other processes, lazy loading). */
const MISSES = 0.1;
/** No single step proves more than this. */
const MOST_BITS = 20;

export interface Residual {
  readonly medianNs: number;
  readonly maxNs: number;
}

export interface TrialScore {
  /** Add to a time of the source's to get the reference's. Refined where the steps are sharp enough. */
  readonly offsetNs: number;
  readonly bits: number;
  /** Steps of the source, in the time that both tell of, that the reference has, too. */
  readonly matched: number;
  readonly of: number;
  /** The same for the reference's steps, where both curves have every step; null: one of them is sampled. */
  readonly reverse: { readonly matched: number; readonly of: number } | null;
  /** How far matched steps lie apart; between samples: outside of the interval in which it must have been. */
  readonly residual: Residual | null;
  /** The offset is within this, both ways. */
  readonly uncertaintyNs: number;
}

export interface Trial {
  readonly source: StepCurve;
  readonly reference: StepCurve;
  /** Offsets that most steps vote for, best first. */
  candidates(): readonly number[];
  /** Bits of the steps that vote for an offset, nothing counted against it: quick, to choose whom to score. */
  votesAt(offsetNs: number): number;
  score(offsetNs: number): TrialScore;
  /** How many offsets, told apart, could be tried: the price of the best of them. */
  readonly hypotheses: number;
  /** Offsets nearer to each other than this are the same answer. */
  readonly resolutionNs: number;
}

export const bitsOfMatch = (chance: number): number =>
  Math.min(MOST_BITS, Math.max(0, Math.log2((1 - MISSES) / Math.max(chance, 1e-9))));

export const bitsOfMiss = (chance: number): number => Math.max(0, Math.log2((1 - chance) / MISSES));

export function residualOf(apart: readonly number[]): Residual | null {
  if (apart.length === 0) return null;
  const sorted = apart.map(Math.abs).sort((a, b) => a - b);
  return { medianNs: Math.round(medianOf(sorted)), maxNs: Math.round(sorted[sorted.length - 1]) };
}

/** Median of ascending numbers, at least one. */
export function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Offsets [from, to] at which one step matches; `weight`: its bits. */
export interface Vote {
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

/** All stretches of offsets between two borders of votes, ascending, with the weight of the votes for them. */
export function stretchesOf(votes: readonly Vote[]): Vote[] {
  const edges: { at: number; change: number }[] = [];
  for (const { from, to, weight } of votes)
    edges.push({ at: from, change: weight }, { at: to, change: -weight });
  // At one offset beginnings come first: intervals that touch overlap.
  edges.sort((a, b) => a.at - b.at || b.change - a.change);
  const stretches: Vote[] = [];
  let weight = 0;
  for (let i = 0; i + 1 < edges.length; i++) {
    weight += edges[i].change;
    stretches.push({ from: edges[i].at, to: edges[i + 1].at, weight });
  }
  return stretches;
}

/** The middles of the stretches with the most weight, at least `apart` from each other, best first. */
export function peaksOf(stretches: readonly Vote[], apart: number, most: number): number[] {
  const tops = stretches
    .filter(({ weight }, i) => {
      const before = i === 0 ? 0 : stretches[i - 1].weight;
      const after = i + 1 === stretches.length ? 0 : stretches[i + 1].weight;
      return weight > before && weight > after;
    })
    .map(({ from, to, weight }) => ({ middle: (from + to) / 2, weight }))
    .sort((a, b) => b.weight - a.weight || a.middle - b.middle);
  const chosen: number[] = [];
  for (const { middle } of tops) {
    if (chosen.length === most) break;
    if (chosen.every((other) => Math.abs(other - middle) >= apart)) chosen.push(middle);
  }
  return chosen;
}

/** Overlapping intervals of one step made one: a step votes once for an offset. Ascending. */
export function mergeIntervals(intervals: readonly (readonly [number, number])[]): [number, number][] {
  const sorted = intervals.map(([from, to]): [number, number] => [from, to]).sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

export const lengthOf = (intervals: readonly (readonly [number, number])[]): number =>
  intervals.reduce((sum, [from, to]) => sum + to - from, 0);
