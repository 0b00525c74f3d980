/**
 * One source against one reference: which of their curves can be compared, which offsets come into question, and
 * whether the steps name one of them. Nothing is accepted that chance would give as well: the score of the best
 * offset is charged with the number of offsets tried.
 */
import { EventTrial } from './alignment-events.ts';
import { sampleTrial, swapTrial } from './alignment-samples.ts';
import type { Trial, TrialScore } from './alignment-trial.ts';
import type { Measure, StepCurve } from '../step-curve.ts';

/** Two sources' records of one event of one process: call against call, and with the clocks' own jitter. */
const EVENT_SLACKS_NS = [100e3, 1e6];
/**
 * The driver hands out pages of 2 MiB and a context grows by some while a model runs (kernels loaded when first
 * called), so a step of the device's use may differ from one of the allocator's by two of them.
 */
const DRIVER_BYTES = 4 << 20;
/** An offset this near to one that was expected is that one, the clocks being a little apart. */
const NEAR_NS = 3e9;

/** Of a hundred time zones only those that most steps vote for are scored. */
const MOST_EXPECTED = 8;

const LEAST_BITS = 7;
const LEAST_MATCHED = 3;
/** Other processes, and a context that grows, make steps that the allocator does not. */
const LEAST_SHARE = 0.5;
/**
 * Two records of every step: nearly all that one side has must be in the other (Nsight's holds what libraries
 * allocate besides), and at the looser slack nearly all of both. Another run of the same program matches in many.
 */
const LEAST_SHARE_EVENTS = 0.9;
/** An offset that was expected (a wall clock's zero, a whole time zone) needs less: few others were tried. */
const LEAST_BITS_EXPECTED = 5;
const LEAST_MATCHED_EXPECTED = 2;
/** Times more likely than the runner-up, in bits, to be the answer. */
const LEAST_MARGIN = 4;
/** The steps overrule an expected offset from this much more evidence on. */
const OVERRULING_BITS = 10;

export interface Candidate {
  readonly score: TrialScore;
  /** Bits left after paying for the offsets that were tried. */
  readonly bits: number;
  readonly source: StepCurve;
  readonly reference: StepCurve;
  /** The expected offset that this is, or is near to; null: found by the steps alone. */
  readonly expectedNs: number | null;
}

export interface PairOutcome {
  /** null: no offset explains the steps. */
  readonly best: Candidate | null;
  /** Best other offset that was scored; null: there was none. */
  readonly runnerUp: Candidate | null;
  /** true: the runner-up explains the steps about as well. */
  readonly isAmbiguous: boolean;
  /** Best fit even where it was not accepted, to say how far the search came. */
  readonly closest: Candidate | null;
}

export const NOTHING: PairOutcome = { best: null, runnerUp: null, isAmbiguous: false, closest: null };

/** Bytes by which steps of these two measures may differ; null: they cannot be compared. */
function extraBytes(a: Measure, b: Measure): number | null {
  if (a === b) return 0;
  const both = [a, b];
  if (both.includes('allocated')) return null;
  return both.includes('device_used') || both.includes('process_used') ? DRIVER_BYTES : 0;
}

/** The ways in which two curves can be tried; none where they count different things. */
function trialsOf(source: StepCurve, reference: StepCurve): Trial[] {
  const extra = extraBytes(source.measures, reference.measures);
  if (extra === null || source.value.length < 2 || reference.value.length < 2) return [];
  if (source.kind === 'event' && reference.kind === 'event')
    return EVENT_SLACKS_NS.map((slack) => new EventTrial(source, reference, slack));
  // The finer one is the reference; of two sampled ones either serves.
  return source.kind === 'sample'
    ? [sampleTrial(source, reference, extra)]
    : [swapTrial(sampleTrial(reference, source, extra))];
}

function pairsOf(
  sources: readonly StepCurve[],
  references: readonly StepCurve[],
  sameDevice: boolean,
): Trial[] {
  return sources.flatMap((source) =>
    references.flatMap((reference) => {
      const isSame =
        source.device === null || reference.device === null || source.device === reference.device;
      return isSame === sameDevice ? trialsOf(source, reference) : [];
    }),
  );
}

const overlaps = ({ source, reference }: Trial, offsetNs: number): boolean =>
  source.time_ns[0] + offsetNs <= reference.endNs && source.endNs + offsetNs >= reference.time_ns[0];

function candidatesOf(trial: Trial, expected: readonly number[], trials: number): Candidate[] {
  const { source, reference } = trial;
  const possible = expected.filter((offset) => overlaps(trial, offset));
  const make = (askedNs: number, hypotheses: number, expectedNs: number | null): Candidate => {
    const score = trial.score(askedNs);
    return { score, bits: score.bits - Math.log2(hypotheses * trials), source, reference, expectedNs };
  };
  const likely =
    possible.length <= MOST_EXPECTED
      ? possible
      : possible
          .map((offset) => ({ offset, bits: trial.votesAt(offset) }))
          .sort((a, b) => b.bits - a.bits)
          .slice(0, MOST_EXPECTED)
          .map(({ offset }) => offset);
  const candidates = likely.map((offset) => make(offset, possible.length, offset));
  for (const offset of trial.candidates()) {
    const near = possible.find((one) => Math.abs(one - offset) <= NEAR_NS);
    if (near === undefined) candidates.push(make(offset, trial.hypotheses, null));
    else {
      const hypotheses = possible.length * Math.max(1, (2 * NEAR_NS) / trial.resolutionNs);
      candidates.push(make(offset, Math.min(hypotheses, trial.hypotheses), near));
    }
  }
  return candidates;
}

function hasEnough({ matched, of, reverse, residual }: TrialScore): boolean {
  const share = matched / Math.max(of, 1);
  if (reverse === null) return share >= LEAST_SHARE;
  const other = reverse.matched / Math.max(reverse.of, 1);
  const isLoose = residual !== null && residual.maxNs > EVENT_SLACKS_NS[0];
  const fewest = Math.min(share, other);
  return (
    Math.max(share, other) >= LEAST_SHARE_EVENTS && fewest >= (isLoose ? LEAST_SHARE_EVENTS : LEAST_SHARE)
  );
}

function isAccepted({ score, bits, expectedNs }: Candidate): boolean {
  if (!hasEnough(score)) return false;
  return expectedNs === null
    ? bits >= LEAST_BITS && score.matched >= LEAST_MATCHED
    : bits >= LEAST_BITS_EXPECTED && score.matched >= LEAST_MATCHED_EXPECTED;
}

function choose(all: readonly Candidate[], resolution: (candidate: Candidate) => number): PairOutcome {
  const sorted = [...all].sort((a, b) => b.bits - a.bits);
  const accepted = sorted.filter(isAccepted);
  const byExpectation = accepted.find(({ expectedNs }) => expectedNs !== null);
  const bySteps = accepted.find(({ expectedNs }) => expectedNs === null);
  const isOverruled =
    byExpectation === undefined ||
    (bySteps !== undefined && bySteps.bits >= byExpectation.bits + OVERRULING_BITS);
  const best = (isOverruled ? bySteps : byExpectation) ?? null;
  if (best === null) return { ...NOTHING, closest: sorted[0] ?? null };
  const runnerUp =
    sorted.find(
      (other) =>
        Math.abs(other.score.offsetNs - best.score.offsetNs) > Math.max(resolution(best), resolution(other)),
    ) ?? null;
  // What was not expected must not make an expected offset doubtful unless the steps alone overrule it.
  const isRival = runnerUp !== null && (best.expectedNs === null) === (runnerUp.expectedNs === null);
  const isAmbiguous = isRival && best.score.bits - runnerUp.score.bits < LEAST_MARGIN;
  return { best: isAmbiguous ? null : best, runnerUp, isAmbiguous, closest: best };
}

/**
 * Offset from `sources` (curves of one source, times after its base) to `references`. `expected`: offsets that
 * clocks or the file itself suggest. Curves of the same GPU index are tried first; an index may be renumbered
 * (CUDA_VISIBLE_DEVICES), so all others are where those do not match.
 */
export function alignPair(
  sources: readonly StepCurve[],
  references: readonly StepCurve[],
  expected: readonly number[],
): PairOutcome {
  let outcome = NOTHING;
  for (const sameDevice of [true, false]) {
    const trials = pairsOf(sources, references, sameDevice);
    if (trials.length === 0) continue;
    const resolutions = new Map<Candidate, number>();
    const all = trials.flatMap((trial) => {
      const candidates = candidatesOf(trial, expected, trials.length);
      for (const candidate of candidates) resolutions.set(candidate, trial.resolutionNs);
      return candidates;
    });
    const found = choose(all, (candidate) => resolutions.get(candidate) ?? 0);
    if (found.best !== null || found.isAmbiguous) return found;
    if (outcome.closest === null) outcome = found;
  }
  return outcome;
}

/** How well one given offset explains the steps, by the pair of curves that tells most; null: none can be compared. */
export function fitOf(
  sources: readonly StepCurve[],
  references: readonly StepCurve[],
  offsetNs: number,
): Candidate | null {
  let best: Candidate | null = null;
  for (const trial of pairsOf(sources, references, true)) {
    const score = trial.score(offsetNs);
    if (score.of === 0 || (best !== null && best.score.matched >= score.matched)) continue;
    best = {
      score,
      bits: score.bits,
      source: trial.source,
      reference: trial.reference,
      expectedNs: offsetNs,
    };
  }
  return best;
}
