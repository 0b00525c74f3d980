/**
 * What differs between two devices at one moment of each, and which line of the program does it. The lines hold what was
 * asked for: together they sum up to the difference of `requested` at the moment, to the byte, whatever has no stack
 * included.
 */
import { type FirstDifferent, firstDifferent } from './order.ts';
import { type Amount, type HeldAt, heldAfter } from './held.ts';
import { type SitePair, matchSites, type Matched } from './match-sites.ts';
import { type AlignedLoops, alignLoops, heldByIteration, type Onset, onsetOf } from './onset.ts';
import { type CompareSide, type Curve, type Moment, peakRow, requestedOf, rowOf, valueAt } from './side.ts';
import { type Site, type Sites, sitesOf } from './sites.ts';

/** A figure of both sides. `difference`: B less A. */
export interface Both {
  readonly a: number;
  readonly b: number;
  readonly difference: number;
}

export interface FigureAt {
  /** Each side's own highest value. */
  readonly peak: Both;
  readonly end: Both;
  /** Just after the row of the moment that is compared. */
  readonly at: Both;
}

export interface LineDifference {
  readonly a: Site | null;
  readonly b: Site | null;
  readonly bytes: Both;
  readonly allocations: Both;
  /** null: the loops cannot be aligned, the line is none of those that differ most, or it does not differ at the end. */
  readonly onset: Onset | null;
}

export interface Comparison {
  /** Rows of the moment; -1: before the first one. */
  readonly rows: readonly [a: number, b: number];
  readonly requested: FigureAt;
  /** null: not known of both sides. */
  readonly allocated: FigureAt | null;
  readonly reserved: FigureAt | null;
  /** Lines that hold something at the moment on either side: the largest difference first. */
  readonly lines: readonly LineDifference[];
  readonly streams: readonly { readonly stream: string; readonly bytes: Both; readonly allocations: Both }[];
  /** Sizes of [2^k, 2^(k+1)) bytes. */
  readonly classes: readonly { readonly power: number; readonly bytes: Both; readonly allocations: Both }[];
  readonly settings: readonly {
    readonly name: string;
    readonly a: string | null;
    readonly b: string | null;
  }[];
  readonly releases: readonly { readonly cause: string; readonly count: Both }[];
  readonly matched: Matched;
  /** A string: why iterations cannot be aligned. */
  readonly loops: AlignedLoops | string;
  /** Where requests begin to differ; null: they do not. */
  readonly order: FirstDifferent | null;
}

export const both = (a: number, b: number): Both => ({ a, b, difference: b - a });

/** Lines whose iterations are looked at. */
const MOST_ONSETS = 24;

const settingsThatDiffer = (a: CompareSide, b: CompareSide): Comparison['settings'] => {
  const [left, right] = [new Map(a.settings), new Map(b.settings)];
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((name) => {
    const [one, other] = [left.get(name) ?? null, right.get(name) ?? null];
    return one === other ? [] : [{ name, a: one, b: other }];
  });
};

const releasesThatDiffer = (a: CompareSide, b: CompareSide): Comparison['releases'] =>
  a.releases === null || b.releases === null
    ? []
    : [...new Set([...Object.keys(a.releases), ...Object.keys(b.releases)])].flatMap((cause) => {
        const count = both(a.releases![cause] ?? 0, b.releases![cause] ?? 0);
        return count.difference === 0 ? [] : [{ cause, count }];
      });

function figure(
  curves: readonly [Curve | null, Curve | null],
  rows: readonly [number, number],
): FigureAt | null {
  const [a, b] = curves;
  if (a === null || b === null) return null;
  return {
    peak: both(valueAt(a, peakRow(a)), valueAt(b, peakRow(b))),
    end: both(valueAt(a, a.after.length - 1), valueAt(b, b.after.length - 1)),
    at: both(valueAt(a, rows[0]), valueAt(b, rows[1])),
  };
}

const NOTHING: Amount = { bytes: 0, allocations: 0 };

function grouped<Key>(
  a: ReadonlyMap<Key, Amount>,
  b: ReadonlyMap<Key, Amount>,
): { key: Key; bytes: Both; allocations: Both }[] {
  return [...new Set([...a.keys(), ...b.keys()])]
    .map((key) => {
      const [left, right] = [a.get(key) ?? NOTHING, b.get(key) ?? NOTHING];
      return {
        key,
        bytes: both(left.bytes, right.bytes),
        allocations: both(left.allocations, right.allocations),
      };
    })
    .sort(
      (x, y) =>
        Math.abs(y.bytes.difference) - Math.abs(x.bytes.difference) ||
        y.bytes.b + y.bytes.a - x.bytes.b - x.bytes.a,
    );
}

const labelOf = ({ a, b }: { readonly a: Site | null; readonly b: Site | null }): string => (b ?? a)!.label;

function linesOf(pairs: readonly SitePair[], a: HeldAt, b: HeldAt): LineDifference[] {
  return pairs
    .flatMap((pair): LineDifference[] => {
      const left = (pair.a === null ? undefined : a.bySite.get(pair.a)) ?? NOTHING;
      const right = (pair.b === null ? undefined : b.bySite.get(pair.b)) ?? NOTHING;
      if (left.allocations === 0 && right.allocations === 0) return [];
      const bytes = both(left.bytes, right.bytes);
      return [{ ...pair, bytes, allocations: both(left.allocations, right.allocations), onset: null }];
    })
    .sort(
      (x, y) =>
        Math.abs(y.bytes.difference) - Math.abs(x.bytes.difference) ||
        y.bytes.a + y.bytes.b - x.bytes.a - x.bytes.b ||
        (labelOf(x) < labelOf(y) ? -1 : 1),
    );
}

/** The lines with their onsets, those that differ most. */
function withOnsets(
  lines: readonly LineDifference[],
  sides: readonly [CompareSide, CompareSide],
  sites: readonly [Sites, Sites],
  loops: AlignedLoops,
): LineDifference[] {
  const chosen = lines.slice(0, MOST_ONSETS).filter(({ bytes }) => bytes.difference !== 0);
  const held = ([0, 1] as const).map((side) => {
    const place = new Map(chosen.map((line, i) => [side === 0 ? line.a : line.b, i]));
    const rows = side === 0 ? loops.a : loops.b;
    return heldByIteration(
      sides[side],
      rows,
      chosen.length,
      (stack) => place.get(sites[side].of(stack)) ?? -1,
    );
  });
  return lines.map((line, i) =>
    i < chosen.length ? { ...line, onset: onsetOf(held[0][i], held[1][i]) } : line,
  );
}

/** Matching depends on neither side's being the first: "diff A B" is the negative of "diff B A". */
function matchedEitherWay(a: readonly Site[], b: readonly Site[]): Matched {
  const key = (sites: readonly Site[]): string =>
    sites
      .map(({ label, allocations }) => `${label} ${allocations}`)
      .sort()
      .join();
  if (key(a) <= key(b)) return matchSites(a, b);
  const { pairs, renamed, moved } = matchSites(b, a);
  return {
    pairs: pairs.map(({ a: one, b: other }) => ({ a: other, b: one })),
    renamed: renamed.map(([one, other]) => [other, one]),
    moved,
  };
}

/** null: a side has no such moment. */
export function compareSides(
  a: CompareSide,
  b: CompareSide,
  moments: readonly [Moment, Moment],
): Comparison | null {
  const requested = [requestedOf(a), requestedOf(b)] as const;
  const rowA = rowOf(a, requested[0], moments[0]);
  const rowB = rowOf(b, requested[1], moments[1]);
  if (rowA === null || rowB === null) return null;
  const rows = [rowA, rowB] as const;
  const [sitesA, sitesB] = [sitesOf(a), sitesOf(b)];
  const matched = matchedEitherWay(sitesA.all, sitesB.all);
  const other = new Map(
    matched.pairs.flatMap(({ a: one, b: two }) => (one === null || two === null ? [] : [[one, two]])),
  );
  const [heldA, heldB] = [heldAfter(a, sitesA, rowA), heldAfter(b, sitesB, rowB)];
  const loops = alignLoops(a, b, sitesA, sitesB, other);
  const lines = linesOf(matched.pairs, heldA, heldB);
  return {
    rows,
    requested: figure(requested, rows)!,
    allocated: figure([a.allocated, b.allocated], rows),
    reserved: figure([a.reserved, b.reserved], rows),
    lines: typeof loops === 'string' ? lines : withOnsets(lines, [a, b], [sitesA, sitesB], loops),
    streams: grouped(heldA.byStream, heldB.byStream).map(({ key, ...rest }) => ({ stream: key, ...rest })),
    classes: grouped(heldA.byClass, heldB.byClass).map(({ key, ...rest }) => ({ power: key, ...rest })),
    settings: settingsThatDiffer(a, b),
    releases: releasesThatDiffer(a, b),
    matched,
    loops,
    order: firstDifferent(a, b, sitesA, sitesB, other),
  };
}
