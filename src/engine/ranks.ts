/**
 * Which of many ranks are unlike the others, and at which line of the program. Ranks of one job do the same, so that the
 * median of a figure is what one of them should have; how far the others usually are from it (the median of their
 * distances) is the measure. A rank that is much farther than that is an outlier, whatever it is that makes it one.
 *
 *   allocated at the peak   10.0  10.1  10.0  10.0  14.2 GiB     median 10.0, usual distance 0.0: the last is an outlier
 *
 * Refuses to judge fewer than four ranks, and distances that are small beside the figure itself.
 */

/** Ranks below this number have no usual distance. */
const FEWEST = 4;
/** Usual distances beyond which a figure is another one; 1.4826 makes the median distance comparable to a standard deviation. */
const FAR = 5;
const SCALE = 1.4826;
/** Of the median: less is noise, whatever the others do. */
const LEAST_SHARE = 0.01;
/** Bytes: less is noise. */
const LEAST_BYTES = 8 * 2 ** 20;

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export interface Distance {
  /** Bytes from the median, with their sign. */
  readonly bytes: number;
  /** In usual distances; Infinity: all others are alike to the byte. */
  readonly distance: number;
}

/** For each value; null: it is like the others. */
export function outliersOf(values: readonly number[]): (Distance | null)[] {
  if (values.length < FEWEST) return values.map(() => null);
  const median = medianOf(values);
  const usual = SCALE * medianOf(values.map((value) => Math.abs(value - median)));
  const least = Math.max(LEAST_BYTES, LEAST_SHARE * median);
  return values.map((value) => {
    const bytes = value - median;
    if (Math.abs(bytes) < least || Math.abs(bytes) <= FAR * usual) return null;
    return { bytes, distance: usual === 0 ? Infinity : Math.abs(bytes) / usual };
  });
}

export interface LineOfRank {
  readonly place: string;
  readonly bytes: number;
}

/** The line that is farthest from what it holds in the median of all ranks, in the direction of `sign`; null: none is. */
export function lineOf(
  ranks: readonly (readonly LineOfRank[])[],
  rank: number,
  sign: number,
): { readonly place: string; readonly bytes: number } | null {
  const held = ranks.map((lines) => new Map(lines.map(({ place, bytes }) => [place, bytes])));
  // What this rank has not and most others have counts, too.
  const places = new Set(held.flatMap((lines) => [...lines.keys()]));
  let farthest: { place: string; bytes: number } | null = null;
  for (const place of places) {
    const bytes = (held[rank].get(place) ?? 0) - medianOf(held.map((lines) => lines.get(place) ?? 0));
    if (Math.sign(bytes) !== Math.sign(sign)) continue;
    if (farthest === null || Math.abs(bytes) > Math.abs(farthest.bytes)) farthest = { place, bytes };
  }
  return farthest;
}
