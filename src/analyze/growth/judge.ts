/** The verdict on one series of values (growth.ts says which there are): what is tested in which order, and the words. */
import { count, percent } from '../../base/words.ts';
import { mannKendall, median, paceOf, type Points, rSquared, theilSen, thinned } from './statistics.ts';
import { unlessBounded } from './bounded.ts';
import { cameAgain, explainedBy, SLIGHT, withoutWorkspace } from './drivers.ts';
import { beginOf, fewest, keeps, maximum, mostBySingle, risesOf, whyStopped } from './rises.ts';
import { sureOfLine } from './sure-of-line.ts';
import {
  amountOf,
  type GrowthDriver,
  type GrowthKind,
  type GrowthRise,
  type GrowthSeries,
  type GrowthStatistics,
  type GrowthVerdict,
} from './verdict.ts';

/** From so many values on a verdict is given; below only where they leave no doubt. */
const ENOUGH = 5;
/** The last quarter adds less than this share of what the first did: growth slows down. */
const SLOWER = 0.6;
/** One-sided 2.5% of a standard normal. */
const UNLIKELY_SLOWING = 1.96;
/** Trends are tested on at most so many points. */
const MOST_POINTS = 256;

/** The verdict on values that are all there; `index`: their places in the series, for `window` and `rises`. */
export class Judge {
  private readonly x: Float64Array;
  private readonly granularity: number;
  private readonly word: string;
  readonly why: string[] = [];

  constructor(
    private readonly y: Float64Array,
    private readonly index: Uint32Array,
    private readonly series: GrowthSeries,
  ) {
    this.x = Float64Array.from(index);
    this.granularity = series.granularity ?? 0;
    this.word = series.unit ?? 'iteration';
    if (series.startsInside === true)
      this.why.push('The recording begins in the middle: only the visible window is judged.');
  }

  private points(from: number, to: number): Points {
    return thinned({ x: this.x.subarray(from, to), y: this.y.subarray(from, to) }, MOST_POINTS);
  }

  /** Drivers at the values that are there. */
  private drivers(): GrowthDriver[] {
    return (this.series.drivers ?? []).map(({ name, values }) =>
      withoutWorkspace({ name, values: Float64Array.from(this.index, (i) => values[i]) }),
    );
  }

  private statistics(from: number): GrowthStatistics {
    const { x, y } = this.points(from, this.y.length);
    const { tau, p } = mannKendall(y);
    const { slope, high } = theilSen(x, y);
    return {
      n: this.y.length - from,
      slope,
      slopeAtMost: high,
      kendallTau: tau,
      p,
      rSquared: rSquared(x, y),
    };
  }

  private verdict(
    kind: GrowthKind,
    confidence: GrowthVerdict['confidence'],
    from: number,
    told: Partial<GrowthVerdict> & { readonly rises: readonly GrowthRise[] },
  ): GrowthVerdict {
    const { times, startsInside, limit } = this.series;
    const statistics = told.statistics ?? this.statistics(from);
    const last = this.y.length - 1;
    const slope = told.slopePerIteration ?? null;
    const step =
      times === undefined || last <= from
        ? null
        : (times[this.index[last]] - times[this.index[from]]) / (this.index[last] - this.index[from]);
    const left =
      kind === 'linear_leak' && limit !== undefined && slope !== null && slope > 0
        ? Math.max(0, Math.floor((limit - this.y[last]) / slope))
        : null;
    return {
      kind,
      confidence: startsInside === true && confidence === 'high' ? 'medium' : confidence,
      window: last < 0 ? null : [this.index[from], this.index[last]],
      statistics,
      slopePerIteration: slope,
      slopePerSecond: slope === null || step === null || step <= 0 ? null : (slope / step) * 1e9,
      bound: told.bound ?? null,
      boundBy: told.boundBy ?? null,
      untilLimit:
        left === null ? null : { iterations: left, ns: step === null ? null : Math.round(left * step) },
      rises: told.rises.map(({ at, by }) => ({ at: this.index[at], by })),
      why: this.why,
    };
  }

  judge(): GrowthVerdict {
    const { y } = this;
    const n = y.length;
    const rises = n === 0 ? [] : risesOf(y, this.granularity);
    if (n < ENOUGH) return this.few(rises);
    const top = maximum(y);
    if (rises.length === 0) {
      this.why.push(`No value is higher than the first, over ${n} ${this.word}s.`);
      return this.verdict('none', this.bySize(0), 0, { rises, bound: top });
    }
    return unlessBounded(
      this.plateau(rises) ??
        this.steps(rises) ??
        this.trend(rises, beginOf(y, rises, this.granularity, ENOUGH)),
      y,
      this.series,
    );
  }

  /** Fewer than five values: only what leaves no doubt. */
  private few(rises: GrowthRise[]): GrowthVerdict {
    const { y, word } = this;
    const n = y.length;
    const first = n > 1 ? y[1] - y[0] : 0;
    const even = n >= 3 && this.granularity === 0 && y.every((v, i) => i === 0 || v - y[i - 1] === first);
    if (even && first === 0) {
      this.why.push(`Only ${n} ${word}s, but all equal to the byte.`);
      return this.verdict('none', 'low', 0, { rises, bound: y[0] });
    }
    if (even && first > 0 && n >= 4) {
      this.why.push(`Only ${n} ${word}s, but each adds the same to the byte.`);
      return this.verdict('linear_leak', 'low', 0, { rises, slopePerIteration: first });
    }
    this.why.push(`${count(n, word)}: fewer than ${ENOUGH} tell no trend.`);
    return this.verdict('cannot_tell', 'low', 0, { rises });
  }

  private bySize(from: number): GrowthVerdict['confidence'] {
    const n = this.y.length - from;
    return n >= 10 ? 'high' : n >= 6 ? 'medium' : 'low';
  }

  private trendsUp(from: number): boolean {
    const { y } = this.points(from, this.y.length);
    const { tau, p } = mannKendall(y);
    return (p < 0.05 && tau >= 0.6) || (p < 1e-4 && tau >= 0.25);
  }

  /** All rises lie at the beginning, and what follows is flat for longer than any pause between two of them. */
  private plateau(rises: GrowthRise[]): GrowthVerdict | null {
    const { y, word } = this;
    const n = y.length;
    const top = maximum(y);
    // Ripples of the flat part that are small against the whole growth are not part of the growth.
    const ripple = Math.max(this.granularity, 0.01 * (top - y[0]));
    const end = y.findIndex((value) => value >= top - ripple);
    let pause = 0;
    let before = 0;
    for (const { at } of rises) {
      if (at > end) break;
      pause = Math.max(pause, at - before);
      before = at;
    }
    const tail = n - end;
    // Were rises to go on as before, how likely would all of them lie so early? What the first iteration leaves is
    // warm-up by its nature.
    const early = rises.filter(({ at, by }) => at <= end && by > ripple).length;
    const chance = end <= 1 ? 0 : (end / (n - 1)) ** early;
    if (tail < Math.max(4, 2 * pause + 1, 0.4 * n) || this.trendsUp(end)) return null;
    const again = cameAgain(this.drivers(), end);
    // A beginning of a tenth and flat for long after it: said, with low confidence, where chance alone could be it.
    const settled = tail >= 20 && end <= 0.1 * (n - 1);
    if (chance > 0.05 && again === null && !settled) return null;
    // What wavers as much as it grew has not grown.
    const flat = y.subarray(end);
    const wavers = top - flat.reduce((low, value) => Math.min(low, value), Infinity);
    if (top - y[0] < 3 * wavers) return null;
    this.why.push(
      `It grows until ${word} ${this.index[end] + 1} and not in the ${tail - 1} ${word}s after it; no pause between two rises was longer than ${pause}.`,
    );
    const driver = this.drivers().find((one) => explainedBy(one, rises).follows) ?? again;
    let boundBy: GrowthVerdict['boundBy'] = null;
    if (driver !== null) {
      boundBy = { name: driver.name, bytes: maximum(driver.values) };
      this.why.push(
        again === null
          ? `Its rises came with a new ${driver.name}: a larger one may raise it again.`
          : `The last rise came with the ${driver.name}, which came again and raised nothing: a larger one may.`,
      );
    }
    const unsure = chance > 0.05 && again === null;
    return this.verdict(
      'warm_up_plateau',
      unsure ? 'low' : tail >= 10 && chance < 0.005 ? 'high' : 'medium',
      0,
      {
        rises,
        bound: top,
        boundBy,
      },
    );
  }

  /** Rises come with records of a driver, and iterations without a record do not rise. */
  private steps(rises: GrowthRise[]): GrowthVerdict | null {
    const { word } = this;
    const others = this.y.length - 1;
    if (!keeps(this.y, this.granularity)) return null;
    for (const driver of this.drivers()) {
      const { records, most, matching, share, follows } = explainedBy(driver, rises);
      if (!follows) continue;
      if (others - records < 3) {
        this.why.push(
          `Nearly every ${word} has a new ${driver.name}: growth with each cannot be told from growth with the largest.`,
        );
        return this.verdict('cannot_tell', 'low', 0, { rises });
      }
      // How likely as many rises all fall on records where they do not follow them.
      const chance = (records / others) ** matching;
      if (chance > 0.05) continue;
      this.why.push(
        `${matching} of ${rises.length} rises come with a new ${driver.name}, and hold ${percent(share)} of the growth; ${others - records} ${word}s have none.`,
      );
      return this.verdict(
        'steps_with_largest_request',
        chance < 0.005 && matching > 2 ? 'high' : 'medium',
        0,
        {
          rises,
          bound: maximum(this.y),
          boundBy: { name: driver.name, bytes: most },
        },
      );
    }
    return null;
  }

  private trend(rises: GrowthRise[], from: number): GrowthVerdict {
    const { y, word } = this;
    const statistics = this.statistics(from);
    const { n, p, kendallTau } = statistics;
    const top = maximum(y);
    const told = `Mann–Kendall p ${p < 1e-4 ? 'below 0.0001' : p.toFixed(4)}, tau ${kendallTau.toFixed(2)}, R² ${statistics.rSquared.toFixed(3)} over ${n} ${word}s`;
    const inWindow = rises.filter(({ at }) => at > from);
    // Leftovers of one iteration that reach into the next waver by less than this; a leak as small is a line.
    const slight =
      top - y[0] <= SLIGHT * Math.abs(top) && (statistics.kendallTau < 0.9 || statistics.rSquared < 0.95);
    if (slight || !this.trendsUp(from)) {
      if (slight || (p >= 0.05 && kendallTau < 0.4) || kendallTau < 0.2) {
        const kept = keeps(this.y, this.granularity) ? rises : [];
        const unseen = Math.max(0, statistics.slopeAtMost, mostBySingle(kept, y.length - 1));
        this.why.push(
          `It varies ${slight ? 'by less than a thousandth' : 'without an upward trend'}: ${told}. Growth of up to ${amountOf(Math.ceil(unseen), this.series)} per ${word} would not show (95 %).`,
        );
        if (from > 1 && !slight) {
          this.why.push(
            `It rose at ${word} ${this.index[from] + 1}, and not since: another rise may follow.`,
          );
          return this.verdict('cannot_tell', 'low', from, { rises, statistics });
        }
        const small = unseen * n <= 0.05 * Math.abs(top);
        return this.verdict('none', small && n >= 10 && kept.length === 0 ? 'medium' : 'low', from, {
          rises,
          statistics,
          bound: top,
        });
      }
      this.why.push(`It rises, but not steadily enough to be told from single steps: ${told}.`);
      return this.verdict('cannot_tell', 'low', from, { rises, statistics });
    }
    const few = fewest(inWindow, 0.9);
    if (few.length < 3) {
      const at = few.map((rise) => this.index[rise.at] + 1).join(' and ');
      this.why.push(
        `${few.length === 1 ? 'One rise' : count(few.length, 'rise')} at ${word} ${at} ${few.length === 1 ? 'makes' : 'make'} nearly all of the growth: too few to say whether more follow.`,
      );
      return this.verdict('cannot_tell', 'low', from, { rises, statistics });
    }
    return this.shape(rises, from, statistics, told);
  }

  /** Growth by quarters of the window: medians of the quarters, or values where they are few. */
  private quarters(from: number): number[] {
    const { y } = this.points(from, this.y.length);
    const n = y.length;
    return [0, 1, 2, 3].map((k) =>
      median(y.subarray(Math.floor((k * n) / 4), Math.max(Math.floor(((k + 1) * n) / 4), k + 1))),
    );
  }

  private shape(
    rises: GrowthRise[],
    from: number,
    statistics: GrowthStatistics,
    told: string,
  ): GrowthVerdict {
    const { word } = this;
    const n = statistics.n;
    const [q0, q1, q2, q3] = this.quarters(from);
    const total = q3 - q0;
    const ratio = (q3 - q2) / (q1 - q0);
    const bulk = fewest(
      rises.filter(({ at }) => at > from),
      0.95,
    );
    const chance = ((bulk[bulk.length - 1].at - from) / (n - 1)) ** bulk.length;
    if (ratio < 0.1 && q3 - q2 <= 0.05 * total && chance <= 0.05) {
      this.why.push(
        `It comes to an end: the last quarter adds ${percent((q3 - q2) / total)} of the growth (${told}).`,
      );
      return this.verdict('warm_up_plateau', 'medium', from, { rises, statistics, bound: maximum(this.y) });
    }
    const parts = [q1 - q0, q2 - q1, q3 - q2];
    const { y } = this;
    const last = y.length - 1;
    // Few values must lie on a line that has not ended yet.
    const steady =
      n < 8
        ? q2 > q0 && q3 > q1 && y[last] > y[last - 1] && statistics.rSquared >= 0.95
        : parts.every((part) => part >= 0.15 * (total / 3)) && statistics.rSquared >= 0.75;
    if (!steady) {
      this.why.push(`It rises, but not steadily: ${told}.`);
      return this.verdict('cannot_tell', 'low', from, { rises, statistics });
    }
    const inside = rises.filter(({ at }) => at > from);
    // A series that falls back, or rises with most values, has no pauses that say anything.
    const single = keeps(y, this.granularity) && 2 * inside.length <= last - from;
    const stops = single ? whyStopped(inside, from, last) : null;
    if (stops !== null) {
      this.why.push(`It rises, but ${stops} ${word}s: whether more follows cannot be told (${told}).`);
      return this.verdict('cannot_tell', 'low', from, { rises, statistics });
    }
    const pace = paceOf(this.points(from, y.length).y);
    if (Math.min(ratio, pace.ratio) < SLOWER) {
      const less = `the last quarter adds ${percent(ratio)} of what the first did (${told})`;
      if (pace.slower >= -UNLIKELY_SLOWING) {
        this.why.push(`It rises, too unsteadily to say whether it slows down: ${less}.`);
        return this.verdict('cannot_tell', 'low', from, { rises, statistics });
      }
      const late = this.lateSlope(from);
      if (late <= 0) {
        this.why.push(`It rose, and its later half adds nothing: ${less}. A rise now and then may follow.`);
        return this.verdict('cannot_tell', 'low', from, { rises, statistics });
      }
      this.why.push(`Growth slows down: ${less}.`);
      return this.verdict('sub_linear', this.bySize(from) === 'high' ? 'medium' : 'low', from, {
        rises,
        statistics,
        slopePerIteration: late,
      });
    }
    // Rare steps: the median pair may see none of them, the mean sees all.
    const mean = (y[last] - y[from]) / (this.x[last] - this.x[from]);
    const slope = statistics.slope > 0 ? statistics.slope : mean;
    if (ratio > 1.7) this.why.push('Growth gathers speed: the slope is a lower bound of what comes.');
    this.why.push(`Steady growth by Theil–Sen's slope (the median over all pairs): ${told}.`);
    if (from > 0.25 * y.length) this.why.push(`It began after ${count(from, word)} without growth.`);
    else if (from > 0)
      this.why.push(`The first ${from === 1 ? word : count(from, word)} counted as warm-up.`);
    const sure = sureOfLine(pace, single ? inside.length : null, from / y.length, statistics);
    this.why.push(...sure.why);
    return this.verdict('linear_leak', sure.confidence, from, {
      rises,
      statistics,
      slopePerIteration: slope,
    });
  }

  /** Slope of the window's last half: what a slowing growth does now. Rare steps show in the mean alone. */
  private lateSlope(from: number): number {
    const last = this.y.length - 1;
    const middle = (from + this.y.length) >> 1;
    const { x, y } = this.points(middle, this.y.length);
    const { slope } = theilSen(x, y);
    return slope > 0 ? slope : (this.y[last] - this.y[middle]) / (this.x[last] - this.x[middle]);
  }
}
