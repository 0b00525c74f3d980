/**
 * The loop in a sequence of symbols: an anchor that comes once an iteration, and others that come equally often
 * between any two of its occurrences.
 *
 *   a b b c  a b b b c  a b b c      anchor a (3 times), c constant (once each), b covered (in every iteration)
 *
 * Lengths of iterations may differ (a generation loop runs as long as it likes): it is counts that are compared,
 * not distances. What random traffic would show by chance is reckoned and must be exceeded by far.
 */

/** Symbols that must be in so many of the iterations to belong to the loop. */
const MOST = 0.9;
/** Of symbols that come back, the least share that a loop must hold. */
const LEAST_COVERAGE = 0.4;
/** Of the sequence, the least share that lies inside the loop: filling a model's layers is a loop, too. */
const LEAST_SPAN = 0.3;
/** Largest log of the probability that constant counts are chance. */
const CHANCE = -8;
/** As quiet as the quietest place: so much of the range above it. */
export const QUIET = 0.1;
/** Differences of less than this share of the range make no place quieter. */
const EVEN = 0.02;
/** Fewer anchors than this allow no verdict on growth: such a loop is taken only where there is no other. */
const ENOUGH = 5;

export interface Period {
  /** Positions in the sequence where the anchor stands. */
  readonly anchors: Uint32Array;
  readonly anchor: number;
  /** Symbols that are in (nearly) every iteration, of all that come back. */
  readonly covered: number;
  readonly recurring: number;
  /** Symbols beside the anchor whose count is the same in (nearly) every iteration. */
  readonly constant: number;
  /** Share of the iterations, over those symbols, in which the count is that one: 1 where all are whole. */
  readonly whole: number;
  /** How many of those random traffic would show. */
  readonly expected: number;
  /** By symbol. 0: not of the loop; 1: in (nearly) every iteration; 2: and always equally often. */
  readonly role: Uint8Array;
  /** Share of the sequence inside the loop times share of the symbols, one more or less: 1 where it is all there is. */
  readonly score: number;
}

/** Bytes live at the boundaries of a loop, of those that the recording sees freed. */
export interface Quietness {
  /** At its quietest place. */
  readonly least: number;
  /** At its least quiet one. */
  readonly most: number;
}

interface Positions {
  readonly start: Uint32Array;
  readonly at: Uint32Array;
}

/** Positions of every symbol: those of s are at[start[s], start[s + 1]). */
function positionsOf(symbols: Uint32Array, kinds: number): Positions {
  const start = new Uint32Array(kinds + 1);
  for (const symbol of symbols) start[symbol + 1]++;
  for (let s = 0; s < kinds; s++) start[s + 1] += start[s];
  const next = start.slice(0, kinds);
  const at = new Uint32Array(symbols.length);
  for (let i = 0; i < symbols.length; i++) at[next[symbols[i]]++] = i;
  return { start, at };
}

/** a b a b a b: neither comes twice without the other between. */
function alternate({ start, at }: Positions, a: number, b: number): boolean {
  const count = start[a + 1] - start[a];
  const [first, second] = at[start[a]] < at[start[b]] ? [a, b] : [b, a];
  for (let i = 0; i < count; i++) {
    if (at[start[first] + i] > at[start[second] + i]) return false;
    if (i + 1 < count && at[start[second] + i] > at[start[first] + i + 1]) return false;
  }
  return true;
}

const lnFactorial = (n: number): number => {
  if (n < 2) return 0;
  if (n < 16) {
    let ln = 0;
    for (let i = 2; i <= n; i++) ln += Math.log(i);
    return ln;
  }
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + 1 / (12 * n);
};

/** ln of the probability that `each * boxes` things thrown at random lie `each` in every box. */
const lnChance = (each: number, boxes: number): number => {
  const all = each * boxes;
  return lnFactorial(all) - boxes * lnFactorial(each) - all * Math.log(boxes);
};

/** How well iterations that begin at `anchor` explain the sequence; null: not better than chance. */
function judge(
  symbols: Uint32Array,
  kinds: number,
  positions: Positions,
  anchor: number,
  strict: boolean,
): Period | null {
  const anchors = positions.at.subarray(positions.start[anchor], positions.start[anchor + 1]);
  const full = anchors.length - 1;
  // One iteration more than lies between the anchors: part of it before the first, part of it after the last.
  const span = Math.min(1, ((anchors[full] - anchors[0]) * (full + 1)) / full / symbols.length);
  // A few long gaps do not make a loop of two short ones: it is the usual iteration that counts.
  const lengths = Uint32Array.from({ length: full }, (_, j) => anchors[j + 1] - anchors[j]).sort();
  if ((lengths[full >> 1] * (full + 1)) / symbols.length < LEAST_SPAN) return null;
  const seenIn = new Int32Array(kinds).fill(-1);
  const present = new Uint32Array(kinds);
  const count = new Uint32Array(kinds);
  const total = new Uint32Array(kinds);
  // The count that most iterations share, by Boyer and Moore's vote; checked in the second pass.
  const likely = new Uint32Array(kinds);
  const votes = new Int32Array(kinds);
  const vote = (symbol: number): void => {
    if (votes[symbol] === 0) likely[symbol] = count[symbol];
    votes[symbol] += count[symbol] === likely[symbol] ? 1 : -1;
  };
  const walk = (close: (symbol: number) => void): void => {
    let interval = 0;
    for (let i = anchors[0]; i < anchors[full]; i++) {
      if (i === anchors[interval + 1]) interval++;
      const symbol = symbols[i];
      if (seenIn[symbol] !== interval) {
        if (seenIn[symbol] >= 0) close(symbol);
        seenIn[symbol] = interval;
        count[symbol] = 0;
      }
      count[symbol]++;
    }
    for (let symbol = 0; symbol < kinds; symbol++) if (seenIn[symbol] >= 0) close(symbol);
  };
  walk((symbol) => {
    present[symbol]++;
    total[symbol] += count[symbol];
    vote(symbol);
  });
  const equal = new Uint32Array(kinds);
  seenIn.fill(-1);
  walk((symbol) => {
    if (count[symbol] === likely[symbol]) equal[symbol]++;
  });

  const last = new Uint32Array(kinds);
  for (let i = anchors[full]; i < symbols.length; i++) last[symbols[i]]++;

  const role = new Uint8Array(kinds);
  const most = Math.ceil(MOST * full);
  let covered = 0;
  let recurring = 0;
  let constant = 0;
  let agreeing = 0;
  let expected = 0;
  let ln = 0;
  for (let symbol = 0; symbol < kinds; symbol++) {
    if (present[symbol] + (last[symbol] > 0 ? 1 : 0) < 2) continue;
    recurring++;
    if (present[symbol] < most) continue;
    covered++;
    role[symbol] = symbol === anchor ? 2 : 1;
    if (symbol === anchor) continue;
    expected += Math.exp(lnChance(Math.max(1, Math.round(total[symbol] / full)), full));
    if (equal[symbol] < most) continue;
    role[symbol] = 2;
    constant++;
    agreeing += equal[symbol];
    ln += lnChance(likely[symbol], full);
  }
  const coverage = (strict ? constant + 1 : covered) / recurring;
  if (constant < 3 * expected + 0.5 || ln > CHANCE || coverage < LEAST_COVERAGE) return null;
  return {
    anchors,
    anchor,
    covered,
    recurring,
    constant,
    whole: agreeing / (constant * full),
    expected,
    role,
    score: Math.min(1, coverage + 1 / recurring) * span,
  };
}

/** Anchors worth judging: of each count a few symbols; where many share a count, only such as alternate. */
function candidates(positions: Positions, kinds: number): number[] {
  const byCount = new Map<number, number[]>();
  for (let symbol = 0; symbol < kinds; symbol++) {
    const count = positions.start[symbol + 1] - positions.start[symbol];
    if (count < 3) continue;
    const group = byCount.get(count);
    if (group === undefined) byCount.set(count, [symbol]);
    else group.push(symbol);
  }
  const chosen: number[] = [];
  for (const group of byCount.values()) {
    if (group.length <= 3) {
      chosen.push(...group);
      continue;
    }
    const step = Math.max(1, Math.floor(group.length / 16));
    const sample = group.filter((_, i) => i % step === 0).slice(0, 16);
    chosen.push(
      ...sample.filter((a) => sample.some((b) => b !== a && alternate(positions, a, b))).slice(0, 3),
    );
  }
  return chosen;
}

/** Of anchors to judge, so many at most: each costs two passes. The rarest are the outermost loops. */
const MOST_CANDIDATES = 48;

interface Judged {
  readonly period: Period;
  readonly quiet: Quietness;
}

/**
 * Of loops that hold nearly the same, those at whose boundaries nearly as little is live as at any: the layers of a
 * model come back, too, but between two layers the activations of the first are still there.
 */
function quietest(judged: readonly Judged[]): readonly Judged[] {
  const least = judged.reduce((low, { quiet }) => Math.min(low, quiet.least), Infinity);
  const most = judged.reduce((high, { quiet }) => Math.max(high, quiet.most), 0);
  return judged.filter(({ quiet }) => quiet.least <= least + QUIET * (most - least));
}

/** Where nothing is known of it, every place is as quiet as any other. */
const SILENCE: Quietness = { least: 0, most: 0 };

/**
 * The outermost loop of at least five iterations that holds nearly all symbols that come back; a shorter one where
 * there is no other; null where no loop is told from chance. Among loops that hold nearly the same, and between whose
 * iterations nearly as little is live, the one with the most iterations wins: what happens every tenth step makes no
 * loop of its own. `strict`: only symbols of constant count speak for a loop (sizes that belong to one length of
 * input come back, too, but not in every iteration).
 */
export function findPeriod(
  symbols: Uint32Array,
  kinds: number,
  strict: boolean,
  quietness?: (period: Period) => Quietness,
): Period | null {
  const positions = positionsOf(symbols, kinds);
  let again = 0;
  for (let s = 0; s < kinds; s++) {
    const count = positions.start[s + 1] - positions.start[s];
    if (count >= 3) again += count;
  }
  if (again < LEAST_SPAN * symbols.length) return null;
  const countOf = (symbol: number): number => positions.start[symbol + 1] - positions.start[symbol];
  const found: Period[] = [];
  const all = candidates(positions, kinds).sort((a, b) => countOf(a) - countOf(b));
  for (const anchor of all.slice(0, MOST_CANDIDATES)) {
    const period = judge(symbols, kinds, positions, anchor, strict);
    if (period !== null) found.push(period);
  }
  const long = found.filter(({ anchors }) => anchors.length >= ENOUGH);
  const choice = long.length > 0 ? long : found;
  const best = choice.reduce((most, { score }) => Math.max(most, score), 0);
  const alike = choice.filter(({ score }) => score >= 0.9 * best);
  const good = quietest(alike.map((period) => ({ period, quiet: quietness?.(period) ?? SILENCE })));
  const count = good.reduce((most, { period }) => Math.max(most, period.anchors.length), 0);
  // A stack that the first iteration has once or twice more makes no other loop: later there are as many of it.
  const same = good.filter(({ period }) => period.anchors.length >= MOST * count);
  const constants = same.reduce((most, { period }) => Math.max(most, period.constant), 0);
  const firm = same.filter(({ period }) => period.constant >= MOST * constants);
  const range = firm.reduce((high, { quiet }) => Math.max(high, quiet.most), 0);
  const level = ({ quiet }: Judged): number => Math.round(quiet.least / (EVEN * range || 1));
  const late = ({ period }: Judged): number =>
    period.anchors.reduce((all, at) => all + (2 * at >= symbols.length ? 1 : 0), 0);
  const before = (a: Judged, b: Judged): number =>
    level(a) - level(b) ||
    late(b) - late(a) ||
    b.period.whole - a.period.whole ||
    a.period.anchors[0] - b.period.anchors[0];
  if (firm.length === 0) return null;
  const chosen = firm.reduce((first, one) => (before(one, first) < 0 ? one : first));
  return finer(chosen, long, quietness) ?? chosen.period;
}

/** A finer loop has at least so many times the rounds. */
const FINER = 1.5;
/** Rounds of it in one of the other vary by more than this share of their mean: the other's are events in it. */
const UNEVEN = 0.6;

/** How unevenly rounds that begin at `fine` lie in those that begin at `coarse`: deviation over mean. */
function unevenness(coarse: Uint32Array, fine: Uint32Array): number {
  const counts = new Float64Array(coarse.length - 1);
  let at = 0;
  for (let i = 0; i < counts.length; i++) {
    while (at < fine.length && fine[at] < coarse[i]) at++;
    while (at < fine.length && fine[at] < coarse[i + 1]) {
      counts[i]++;
      at++;
    }
  }
  const mean = counts.reduce((sum, value) => sum + value, 0) / counts.length;
  const squares = counts.reduce((sum, value) => sum + (value - mean) ** 2, 0) / counts.length;
  return mean === 0 ? 0 : Math.sqrt(squares) / mean;
}

/**
 * The loop in which the chosen one's rounds are events: the requests of a server among which the misses of its cache
 * allocate most, come at random, and look like rounds. Between two of its rounds as little is live as between the
 * chosen one's; the tokens of a request, between which its cache is live, are no rounds. null: there is none.
 */
function finer(
  { period, quiet }: Judged,
  all: readonly Period[],
  quietness?: (period: Period) => Quietness,
): Period | null {
  if (quietness === undefined) return null;
  const rounds = all.filter(
    ({ anchors }) =>
      anchors.length >= FINER * period.anchors.length && unevenness(period.anchors, anchors) > UNEVEN,
  );
  const level = quiet.least + QUIET * (quiet.most - quiet.least);
  const calm = rounds.filter((one) => quietness(one).least <= level);
  return calm.length === 0 ? null : calm.reduce((best, one) => (one.score > best.score ? one : best));
}
