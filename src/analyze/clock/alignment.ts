/**
 * One clock for all sources: the offset of each to a reference, found from the steps that their curves have in
 * common, never guessed. What a user sets wins, and is marked so. Clocks are taken to run at one speed.
 *
 *   source           clock     offset            how
 *   serve.pickle     wall      0                 reference
 *   nvidia-smi.log   local     -2 h              found: UTC+02:00, 3 of 4 steps
 *   report.nsys-rep  session   1795252437.716 s  found: 211 of 212 steps, median residual 40 µs
 *   requests.log     local     not found         no curve of bytes; -2 h is suggested
 */
import { formatDuration } from '../../base/units.ts';
import { seconds } from '../../base/words.ts';
import { alignPair, type Candidate, fitOf, type PairOutcome } from './alignment-pair.ts';
import type { Residual } from './alignment-trial.ts';
import type { StepCurve } from '../step-curve.ts';

export type ClockKind = 'wall' | 'local' | 'session' | 'none';

export interface ClockSource {
  readonly name: string;
  /** 'wall': Unix time; 'local': a wall clock without a zone, as if it were UTC; 'session': since a profiler's start. */
  readonly clock: ClockKind;
  /** Absolute ns on the source's own clock that the times of its curves count from. */
  readonly baseNs: bigint;
  readonly curves: readonly StepCurve[];
  /** Offset to Unix time that the file itself names (Nsight's session start). */
  readonly statedNs?: bigint | null;
  /** Offset that the user has set; it is taken as it is. */
  readonly overrideNs?: bigint | null;
}

export interface Alignment {
  readonly source: string;
  /** Source whose curve it was matched with. */
  readonly reference: string | null;
  /**
   * reference: the common clock is its. override: set by the user. found: from the steps. stated: named by the file,
   * the steps do not tell. assumed: a wall clock at its word, the steps do not tell. ambiguous: two offsets explain
   * the steps about as well. not found: neither.
   */
  readonly status: 'reference' | 'override' | 'found' | 'stated' | 'assumed' | 'ambiguous' | 'not found';
  /** Add to the source's times to get the common clock; null: not known. */
  readonly offsetNs: bigint | null;
  /** The offset is within this, both ways; null: not known. */
  readonly uncertaintyNs: number | null;
  /** Minutes east of UTC of the source's time zone, where the offset is that of a zone and nothing besides. */
  readonly zoneMinutes: number | null;
  /** Steps of the source that the reference has at this offset, of those in the time that both tell of. */
  readonly matched: number;
  readonly of: number;
  readonly residual: Residual | null;
  /** Evidence in bits: 10 is a thousand to one. 0 where steps had no say. */
  readonly bits: number;
  readonly runnerUp: { readonly offsetNs: bigint; readonly bits: number; readonly matched: number } | null;
  readonly confidence: 'high' | 'medium' | 'low' | 'none';
  /** Names of the curves that were matched, the source's first, and their GPU indices. */
  readonly curves: readonly [string, string] | null;
  readonly devices: readonly [number | null, number | null] | null;
  /** Offset that is likely for another reason and was not applied. */
  readonly suggestedNs: bigint | null;
  readonly sentence: string;
}

const MINUTE = 60_000_000_000n;
const QUARTER = 15n * MINUTE;
/** Time zones lie between UTC-12 and UTC+14, in quarters of an hour. */
const ZONES = Array.from({ length: 26 * 4 + 1 }, (_, i) => (BigInt(i) - 48n) * QUARTER);
const HIGH_BITS = 15;

/**
 * Sources that one is compared with, in the order in which they were placed: the ranks of a job are a thousand files, and
 * each against each would be a million comparisons. A wall clock needs few; another one may agree with one file alone.
 */
const MOST_COMPARED = 8;
const MOST_COMPARED_UNKNOWN = 64;

const CLOCK_ORDER: readonly ClockKind[] = ['wall', 'local', 'session', 'none'];

/** The source whose clock is the common one: a wall clock before others, then one with every step, then the most. */
export function chooseReference(sources: readonly ClockSource[]): ClockSource | null {
  const rank = ({ clock, curves }: ClockSource): number[] => [
    CLOCK_ORDER.indexOf(clock),
    curves.some(({ kind }) => kind === 'event') ? 0 : 1,
    -Math.max(0, ...curves.map(({ value }) => value.length)),
  ];
  const able = sources.filter(({ clock, curves }) => clock !== 'none' && curves.length > 0);
  const sorted = able
    .map((source) => ({ source, rank: rank(source) }))
    .sort((a, b) => a.rank.map((value, i) => value - b.rank[i]).find((apart) => apart !== 0) ?? 0);
  return sorted[0]?.source ?? null;
}

const blank = (source: string): Alignment => ({
  source,
  reference: null,
  status: 'not found',
  offsetNs: null,
  uncertaintyNs: null,
  zoneMinutes: null,
  matched: 0,
  of: 0,
  residual: null,
  bits: 0,
  runnerUp: null,
  confidence: 'none',
  curves: null,
  devices: null,
  suggestedNs: null,
  sentence: '',
});

/** One alignment for each source, in their order. */
export function alignClocks(sources: readonly ClockSource[]): Alignment[] {
  return new Aligner(sources).run();
}

class Aligner {
  private readonly done = new Map<ClockSource, Alignment>();
  private readonly tried = new Map<ClockSource, Map<ClockSource, PairOutcome>>();
  private readonly reference: ClockSource | null;

  constructor(private readonly sources: readonly ClockSource[]) {
    this.reference = chooseReference(sources);
  }

  run(): Alignment[] {
    const { reference } = this;
    if (reference !== null) this.done.set(reference, this.asReference(reference));
    for (const source of this.sources)
      if (source.overrideNs != null && source !== reference)
        this.done.set(source, this.asOverride(source, source.overrideNs, reference));
    this.takeAll();
    // Sources taken at their word come after those with evidence, and others may be found through them.
    for (const source of this.sources)
      if (!this.done.has(source) && this.atItsWord(source) !== null)
        this.done.set(source, this.withoutSteps(source, reference));
    this.takeAll();
    for (const source of this.sources)
      if (!this.done.has(source)) this.done.set(source, this.withoutSteps(source, reference));
    return this.sources.map((source) => this.withSuggestion(source, this.done.get(source)!));
  }

  private asReference({ name, clock, overrideNs }: ClockSource): Alignment {
    const what = { wall: 'Unix time', local: 'a wall clock without a zone', session: "a profiler's clock" };
    const common = { ...blank(name), uncertaintyNs: 0, confidence: 'high' } as const;
    if (overrideNs != null)
      return {
        ...common,
        status: 'override',
        offsetNs: overrideNs,
        sentence: `${name} is the reference, set to ${offsetText(overrideNs)} by hand.`,
      };
    const sentence = `${name} is the reference: its clock (${what[clock as keyof typeof what]}) is the common one.`;
    return { ...common, status: 'reference', offsetNs: 0n, sentence };
  }

  private asOverride(source: ClockSource, offsetNs: bigint, reference: ClockSource | null): Alignment {
    const to = reference === null ? null : (this.done.get(reference)?.offsetNs ?? null);
    const fit =
      reference === null || to === null
        ? null
        : fitOf(source.curves, reference.curves, relative(source, reference, offsetNs - to));
    return {
      ...blank(source.name),
      ...(fit === null || reference === null ? {} : evidence(fit, reference)),
      status: 'override',
      offsetNs,
      uncertaintyNs: 0,
      sentence:
        fit === null
          ? `${source.name}: ${offsetText(offsetNs)}, set by hand.`
          : `${source.name}: ${offsetText(offsetNs)}, set by hand; ${fit.score.matched} of ${fit.score.of} steps match.`,
    };
  }

  private takeAll(): void {
    let isTaken = true;
    while (isTaken) isTaken = this.takeBest();
  }

  /** Fixes the source with the most evidence against any that is fixed; false: there is none left. */
  private takeBest(): boolean {
    let best: { source: ClockSource; to: ClockSource; outcome: PairOutcome; candidate: Candidate } | null =
      null;
    for (const source of this.sources) {
      if (this.done.has(source) || source.clock === 'none') continue;
      let compared = 0;
      for (const [to, { offsetNs }] of this.done) {
        if (offsetNs === null || to.clock === 'none') continue;
        if (++compared > (source.clock === 'wall' ? MOST_COMPARED : MOST_COMPARED_UNKNOWN)) break;
        const outcome = this.outcomeOf(source, to, offsetNs);
        if (outcome.best === null) continue;
        if (best === null || outcome.best.bits > best.candidate.bits)
          best = { source, to, outcome, candidate: outcome.best };
      }
    }
    if (best === null) return false;
    this.done.set(best.source, this.asFound(best.source, best.to, best.outcome, best.candidate));
    return true;
  }

  private outcomeOf(source: ClockSource, to: ClockSource, offsetNs: bigint): PairOutcome {
    const known = this.tried.get(source) ?? new Map<ClockSource, PairOutcome>();
    const before = known.get(to);
    if (before !== undefined) return before;
    const expected = this.expectedOf(source).map((common) => relative(source, to, common - offsetNs));
    const outcome = alignPair(source.curves, to.curves, expected);
    this.tried.set(source, known.set(to, outcome));
    return outcome;
  }

  /** Offsets to the common clock that the clocks themselves suggest. */
  private expectedOf({ clock, statedNs }: ClockSource): readonly bigint[] {
    const common = this.reference?.clock;
    if (statedNs != null) return common === 'wall' ? [statedNs] : [];
    if (clock === common && clock !== 'session') return [0n, ...(clock === 'local' ? ZONES : [])];
    return clock === 'local' && common === 'wall' ? ZONES.map((zone) => -zone) : [];
  }

  private asFound(source: ClockSource, to: ClockSource, outcome: PairOutcome, found: Candidate): Alignment {
    const through = this.done.get(to)!;
    const base = through.offsetNs ?? 0n;
    const absolute = (candidate: Candidate): bigint =>
      base + BigInt(Math.round(candidate.score.offsetNs)) + to.baseNs - source.baseNs;
    const { runnerUp } = outcome;
    const offsetNs = absolute(found);
    const expected = this.expectedOf(source);
    const isZone = source.clock === 'local' && expected.includes(offsetNs) && offsetNs % QUARTER === 0n;
    const margin = runnerUp === null ? Infinity : found.score.bits - runnerUp.score.bits;
    return {
      ...blank(source.name),
      ...evidence(found, to),
      status: 'found',
      offsetNs,
      uncertaintyNs: (through.uncertaintyNs ?? 0) + (isZone ? 0 : found.score.uncertaintyNs),
      zoneMinutes: isZone && this.isWall() ? Number(-offsetNs / MINUTE) : null,
      runnerUp:
        runnerUp === null
          ? null
          : { offsetNs: absolute(runnerUp), bits: runnerUp.bits, matched: runnerUp.score.matched },
      confidence: found.bits >= HIGH_BITS && margin >= 2 * 4 && found.score.matched >= 3 ? 'high' : 'medium',
      sentence: this.foundText(source, offsetNs, isZone, found),
    };
  }

  private isWall(): boolean {
    return this.reference?.clock === 'wall';
  }

  private foundText(source: ClockSource, offsetNs: bigint, isZone: boolean, { score }: Candidate): string {
    const steps = matchText(score);
    if (source.clock === 'wall' && offsetNs === 0n)
      return `${source.name}: its clock is the common one; ${steps}.`;
    if (isZone && this.isWall()) return `${source.name}: times of ${zoneText(-offsetNs)}; ${steps}.`;
    const off = source.clock === 'wall' ? 'its clock is off, ' : '';
    const within = Number.isFinite(score.uncertaintyNs) ? ` ± ${formatDuration(score.uncertaintyNs)}` : '';
    return `${source.name}: ${off}${offsetText(offsetNs)}${within}, found from the curves; ${steps}.`;
  }

  private withoutSteps(source: ClockSource, reference: ClockSource | null): Alignment {
    const outcomes = [...(this.tried.get(source) ?? [])].map(([to, outcome]) => ({ to, outcome }));
    const common = { ...blank(source.name), reference: reference?.name ?? null };
    const why = whyNot(source, outcomes);
    const ambiguous = outcomes.find(({ outcome }) => outcome.isAmbiguous);
    const atWord = this.atItsWord(source);
    if (atWord !== null) {
      const fit =
        reference === null
          ? null
          : fitOf(source.curves, reference.curves, relative(source, reference, atWord));
      return {
        ...common,
        ...(fit === null || reference === null ? {} : evidence(fit, reference)),
        status: source.clock === 'wall' ? 'assumed' : 'stated',
        offsetNs: atWord,
        confidence: 'low',
        sentence:
          source.clock === 'wall'
            ? `${source.name}: its clock is taken at its word; ${why}.`
            : `${source.name}: ${offsetText(atWord)}, as the file says; ${why}.`,
      };
    }
    if (ambiguous !== undefined) {
      const { closest, runnerUp } = ambiguous.outcome;
      const through = this.done.get(ambiguous.to)?.offsetNs ?? 0n;
      const absolute = (candidate: Candidate): bigint =>
        through + BigInt(Math.round(candidate.score.offsetNs)) + ambiguous.to.baseNs - source.baseNs;
      return {
        ...common,
        ...(closest === null ? {} : evidence(closest, ambiguous.to)),
        status: 'ambiguous',
        suggestedNs: closest === null ? null : absolute(closest),
        runnerUp:
          runnerUp === null
            ? null
            : { offsetNs: absolute(runnerUp), bits: runnerUp.bits, matched: runnerUp.score.matched },
        sentence: `${source.name}: not found. ${closest === null ? 'An offset' : offsetText(absolute(closest))} and ${runnerUp === null ? 'another' : offsetText(absolute(runnerUp))} explain the steps about as well.`,
      };
    }
    return { ...common, sentence: `${source.name}: not found; ${why}.` };
  }

  /** Offset that the source claims for itself; null: it claims none. */
  private atItsWord({ clock, statedNs }: ClockSource): bigint | null {
    if (!this.isWall()) return null;
    return clock === 'wall' ? 0n : (statedNs ?? null);
  }

  /** Logs of one machine have one zone: what another was found to have is likely, and not more. */
  private withSuggestion(source: ClockSource, alignment: Alignment): Alignment {
    if (alignment.status !== 'not found' || source.clock !== 'local') return alignment;
    for (const [other, { status, offsetNs, zoneMinutes }] of this.done) {
      if (other.clock !== 'local' || offsetNs === null) continue;
      if (status !== 'override' && (status !== 'found' || zoneMinutes === null)) continue;
      const what = zoneMinutes === null ? offsetText(offsetNs) : zoneText(-offsetNs);
      return {
        ...alignment,
        suggestedNs: offsetNs,
        sentence: `${alignment.sentence} If it is of the same machine as ${other.name}: ${what}.`,
      };
    }
    return alignment;
  }
}

/** An offset between two clocks as one between the curves' own times. */
const relative = (source: ClockSource, to: ClockSource, offsetNs: bigint): number =>
  Number(source.baseNs + offsetNs - to.baseNs);

function evidence({ score, bits, source, reference }: Candidate, to: ClockSource): Partial<Alignment> {
  return {
    reference: to.name,
    matched: score.matched,
    of: score.of,
    residual: score.residual,
    bits,
    curves: [source.label, reference.label],
    devices: [source.device, reference.device],
  };
}

/** "3 of 4 steps match, ...". */
function matchText({ matched, of, residual, reverse }: Candidate['score']): string {
  const steps = `${matched} of ${of} steps match`;
  if (residual === null) return steps;
  if (reverse !== null)
    return `${steps}, ${formatDuration(residual.medianNs)} apart in the median, ${formatDuration(residual.maxNs)} at most`;
  return residual.maxNs === 0
    ? `${steps}, each between the two samples that show it`
    : `${steps}, at most ${formatDuration(residual.maxNs)} outside of the samples that show them`;
}

function whyNot(source: ClockSource, tried: readonly { readonly outcome: PairOutcome }[]): string {
  if (source.clock === 'none') return 'it carries no times';
  if (source.curves.length === 0) return 'it has no curve of bytes to compare';
  if (source.curves.every(({ value }) => value.length < 2)) return 'its curves have no step';
  const closest = tried
    .map(({ outcome }) => outcome.closest)
    .filter((one) => one !== null)
    .sort((a, b) => b.bits - a.bits)[0];
  if (closest === undefined) return 'nothing in its curves matches those of the others';
  const { matched, of } = closest.score;
  return of === 0
    ? 'no step of its curves lies in the time that the others tell of'
    : `the best offset matches ${matched} of ${of} steps, too few to tell`;
}

/** "UTC", "UTC+05:45". */
export function zoneText(eastNs: bigint): string {
  if (eastNs === 0n) return 'UTC';
  const minutes = Number((eastNs < 0n ? -eastNs : eastNs) / MINUTE);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `UTC${eastNs < 0n ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

const FROM_EPOCH_NS = 10n ** 17n;

/** "+3 h 12 min 7.5 s"; an offset that turns a session's times into dates in seconds since 1970. */
export function offsetText(offsetNs: bigint): string {
  const sign = offsetNs < 0n ? '-' : '+';
  const size = offsetNs < 0n ? -offsetNs : offsetNs;
  if (size >= FROM_EPOCH_NS)
    return `${sign}${size / 10n ** 9n}.${String(size % 10n ** 9n).padStart(9, '0')} s`;
  const hours = size / (60n * MINUTE);
  const minutes = (size % (60n * MINUTE)) / MINUTE;
  const parts = [
    ...(hours > 0n ? [`${hours} h`] : []),
    ...(minutes > 0n ? [`${minutes} min`] : []),
    ...(size % MINUTE > 0n || size === 0n ? [seconds(size % MINUTE, 6)] : []),
  ];
  return sign + parts.join(' ');
}

/** What shifts a curve of the source (shiftCurve) to times after `commonBaseNs`; null: its offset is not known. */
export function shiftOf(source: ClockSource, alignment: Alignment, commonBaseNs: bigint): number | null {
  if (alignment.offsetNs === null) return null;
  return Number(source.baseNs + alignment.offsetNs - commonBaseNs);
}
