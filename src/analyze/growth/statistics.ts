/**
 * Robust statistics of a short series: Theil and Sen's slope (the median of all pairs' slopes), Mann and Kendall's
 * test for a monotone trend with correction for ties, R² of the least-squares line, and whether the pace holds. O(n²) for the first two:
 * callers thin a series to a few hundred points (`thinned`).
 */

/** Median; NaN of nothing. Sorts a copy. */
export function median(values: Float64Array | readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export interface Slope {
  readonly slope: number;
  /** Ends of the 95% interval by Kendall's distribution (Sen 1968), without correction for ties. */
  readonly low: number;
  readonly high: number;
}

/** Median slope over all pairs, in y per x; 0 for fewer than two points. `x` strictly ascending. */
export function theilSen(x: Float64Array, y: Float64Array): Slope {
  const n = y.length;
  const slopes = new Float64Array((n * (n - 1)) / 2);
  let count = 0;
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) slopes[count++] = (y[j] - y[i]) / (x[j] - x[i]);
  if (count === 0) return { slope: 0, low: 0, high: 0 };
  slopes.sort();
  const half = 1.96 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const at = (rank: number): number => slopes[Math.min(count - 1, Math.max(0, Math.round(rank)))];
  const middle = count >> 1;
  return {
    slope: count % 2 === 1 ? slopes[middle] : (slopes[middle - 1] + slopes[middle]) / 2,
    low: at((count - half) / 2 - 1),
    high: at((count + half) / 2),
  };
}

/** R² of the least-squares line; 1 where y does not vary at all. */
export function rSquared(x: Float64Array, y: Float64Array): number {
  const n = y.length;
  let [mx, my] = [0, 0];
  for (let i = 0; i < n; i++) {
    mx += x[i] / n;
    my += y[i] / n;
  }
  let [sxx, sxy, syy] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    sxx += (x[i] - mx) ** 2;
    sxy += (x[i] - mx) * (y[i] - my);
    syy += (y[i] - my) ** 2;
  }
  return syy === 0 ? 1 : sxy ** 2 / (sxx * syy);
}

/** Probability that a standard normal variable is beyond |z| on either side (Abramowitz and Stegun 7.1.26: error below 2e-7). */
function twoSided(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.min(1, poly * Math.exp(-x * x));
}

/** Permutations of n by number of inversions. */
function byInversions(n: number): number[] {
  let counts = [1];
  for (let k = 2; k <= n; k++) {
    const next = new Array<number>((k * (k - 1)) / 2 + 1).fill(0);
    counts.forEach((count, inversions) => {
      for (let more = 0; more < k; more++) next[inversions + more] += count;
    });
    counts = next;
  }
  return counts;
}

export interface Trend {
  /** Pairs that rise less pairs that fall. */
  readonly s: number;
  /** Kendall's tau-b: 1 rises always, -1 falls always, 0 neither; 0 where all values are equal. */
  readonly tau: number;
  /** Two-sided probability of |s| without a trend: exact up to 10 values without ties, normal beyond. */
  readonly p: number;
}

export function mannKendall(y: Float64Array): Trend {
  const n = y.length;
  let s = 0;
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) s += Math.sign(y[j] - y[i]);
  const ties = new Map<number, number>();
  for (const value of y) ties.set(value, (ties.get(value) ?? 0) + 1);
  let tiedPairs = 0;
  let correction = 0;
  for (const t of ties.values()) {
    tiedPairs += (t * (t - 1)) / 2;
    correction += t * (t - 1) * (2 * t + 5);
  }
  const pairs = (n * (n - 1)) / 2;
  const tau = pairs === tiedPairs ? 0 : s / Math.sqrt(pairs * (pairs - tiedPairs));
  if (n < 2 || pairs === tiedPairs) return { s, tau, p: 1 };
  if (n <= 10 && tiedPairs === 0) {
    const counts = byInversions(n);
    const all = counts.reduce((sum, count) => sum + count, 0);
    const fewest = (pairs - Math.abs(s)) / 2;
    const tail = counts.slice(0, fewest + 1).reduce((sum, count) => sum + count, 0);
    return { s, tau, p: Math.min(1, (2 * tail) / all) };
  }
  const variance = (n * (n - 1) * (2 * n + 5) - correction) / 18;
  const z = s === 0 ? 0 : (s - Math.sign(s)) / Math.sqrt(variance);
  return { s, tau, p: twoSided(z) };
}

export interface Pace {
  /** What a step of the second half adds, over what one of the first does. */
  readonly ratio: number;
  /** Welch's statistic for the difference, about standard normal where there is none: below 0 it slows down. */
  readonly slower: number;
  /** The same against half the pace: above 0 the second half adds more than half of what the first does. */
  readonly halved: number;
}

/**
 * Whether growth keeps its pace, from what each step adds in the first and the second half. Steps that waver about a
 * line are taken for steps of their own: the test then sees less than there is, never more.
 */
export function paceOf(y: Float64Array): Pace {
  const half = (y.length - 1) >> 1;
  const partOf = (from: number): { mean: number; error: number } => {
    const mean = (y[from + half] - y[from]) / half;
    let squares = 0;
    for (let i = from; i < from + half; i++) squares += (y[i + 1] - y[i] - mean) ** 2;
    return { mean, error: half < 2 ? Infinity : squares / (half - 1) / half };
  };
  const first = partOf(0);
  const second = partOf(y.length - 1 - half);
  const against = (share: number): number => {
    const difference = second.mean - share * first.mean;
    // Differences of equal steps are exact: any at all is one.
    return difference === 0 ? 0 : difference / Math.sqrt(second.error + share ** 2 * first.error);
  };
  return { ratio: second.mean / first.mean, slower: against(1), halved: against(0.5) };
}

export interface Points {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** At most `most` points: medians of equal runs of neighbours. The same arrays where they are few enough. */
export function thinned({ x, y }: Points, most: number): Points {
  if (y.length <= most) return { x, y };
  const tx = new Float64Array(most);
  const ty = new Float64Array(most);
  for (let k = 0; k < most; k++) {
    const from = Math.floor((k * y.length) / most);
    const to = Math.floor(((k + 1) * y.length) / most);
    tx[k] = median(x.subarray(from, to));
    ty[k] = median(y.subarray(from, to));
  }
  return { x: tx, y: ty };
}
