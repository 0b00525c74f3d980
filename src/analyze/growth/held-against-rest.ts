/**
 * The verdicts on a device's series, held against the rest of the recording (rest.ts). Reserved memory follows
 * allocated: where allocated had an end, so had what reserved memory had to hold for it.
 */
import { percent } from '../../base/words.ts';
import { exactAmount } from '../../base/amounts.ts';
import { eventsOf, unlessMisses } from './misses.ts';
import { givenBack, instead, levelAfter, onePass, type RestInput } from './rest.ts';
import type { IterationGrowth } from './series.ts';
import type { GrowthVerdict } from './verdict.ts';

const grows = ({ kind }: GrowthVerdict): boolean =>
  kind === 'linear_leak' || kind === 'sub_linear' || kind === 'cannot_tell';

const mayLeak = ({ kind }: GrowthVerdict): boolean => kind === 'linear_leak' || kind === 'sub_linear';

/** A rise that is worth asking about: this share of the most. */
const RISE = 0.01;

export interface SeriesGrowth {
  readonly series: 'allocated' | 'active' | 'reserved';
  readonly growth: IterationGrowth;
}

const grewOver = ({ values: { end } }: IterationGrowth, [first, last]: readonly [number, number]): number =>
  end[last] - end[first];

const most = (values: Float64Array): number =>
  values.reduce((high, value) => Math.max(high, value), -Infinity);

/** Back to less than this share of the growth. */
const FELL_BACK = 0.1;
/** In so many iterations at the end. */
const LAST_FEW = 3;

/** Rose to its most and fell back in the last iterations: given back before the recording ends. */
function fellBack({ values: { end } }: IterationGrowth): { readonly at: number; readonly by: number } | null {
  const n = end.length;
  let at = 0;
  for (let i = 1; i < n; i++) if (end[i] >= end[at]) at = i;
  const grew = end[at] - end[0];
  const left = end[n - 1] - end[0];
  return at < n - 1 && at >= n - 1 - LAST_FEW && n > 2 * LAST_FEW && grew > 0 && left <= FELL_BACK * grew
    ? { at, by: end[at] - end[n - 1] }
    : null;
}

/** Growth that was given back before the recording ends; null: it was not. */
function ended(input: RestInput, growth: IterationGrowth, what: string): GrowthVerdict | null {
  const verdict = growth.atEnd;
  const { window } = verdict;
  if (!grows(verdict) || window === null) return null;
  const { count } = input.iterations;
  const top = most(growth.values.end);
  const fell = fellBack(growth);
  if (fell !== null && fell.by >= RISE * top)
    return instead(
      verdict,
      'warm_up_plateau',
      'low',
      [
        `${what} rose until iteration ${fell.at + 1} of ${count}, and then ${exactAmount(fell.by)} was given back before the recording ends: it had an end.`,
        ...verdict.why,
      ],
      top,
    );
  const grew = grewOver(growth, window);
  if (grew < RISE * top) return null;
  // All iterations, where what the first of them kept (warm-up) went, too.
  const whole = givenBack(input, [0, window[1]], grew);
  const back = whole ?? givenBack(input, [window[0] + 1, window[1]], grew);
  if (back !== null) {
    const [from, to] = back.rows;
    const over = whole === null ? window[1] - window[0] : window[1] + 1;
    return instead(
      verdict,
      'warm_up_plateau',
      back.left === 0 ? 'medium' : 'low',
      [
        `What ${over} iterations kept, ${exactAmount(back.bytes)}, was given back before the recording ends: in events ${from} to ${to} of ${input.trace.events.length}${back.left === 0 ? '' : `, all but ${exactAmount(back.left)}`}. It grew and had an end.`,
        ...verdict.why,
      ],
      top,
    );
  }
  return null;
}

/** Rounds that may be the layers of one pass tell no growth; null: they are no such. */
function ofOnePass(
  input: RestInput,
  verdict: GrowthVerdict,
  passOf = (): string | null => onePass(input),
): GrowthVerdict | null {
  const pass = mayLeak(verdict) ? passOf() : null;
  if (pass === null) return null;
  return instead(verdict, 'cannot_tell', 'low', [
    `All ${input.iterations.count} rounds ${pass}: they may be the layers of a single pass that the recording ends in. A whole step was not seen twice, and ${input.failedAt === undefined ? 'what they kept was not given back' : 'what a failure gives back is no end of it'}.`,
    ...verdict.why,
  ]);
}

/** The verdict on what a stream or a line of code holds, held against the rest as that on the device is. `passOf`: onePass. */
export const partAgainstRest = (
  input: RestInput,
  growth: IterationGrowth,
  passOf: () => string | null,
): GrowthVerdict =>
  ended(input, growth, 'What it holds') ?? ofOnePass(input, growth.atEnd, passOf) ?? growth.atEnd;

function ofAllocated(input: RestInput, growth: IterationGrowth, curve: Float64Array): GrowthVerdict {
  const verdict = growth.atEnd;
  const { window } = verdict;
  const { count } = input.iterations;
  const over = ended(input, growth, 'Allocated memory');
  if (over !== null) return over;
  if (!mayLeak(verdict) || window === null) return verdict;
  const top = most(growth.values.end);
  const grew = grewOver(growth, window);
  if (grew < RISE * top) return verdict;
  const level = levelAfter(input, curve, grew);
  if (level !== null)
    return instead(
      verdict,
      'warm_up_plateau',
      'medium',
      [
        `The loop of ${count} rounds ended, and in the ${level.rows} events after it (${percent(level.share)} of the recording since it began) nothing more was kept.`,
        ...verdict.why,
      ],
      top,
    );
  const pass = ofOnePass(input, verdict);
  if (pass !== null) return pass;
  return unlessMisses(verdict, eventsOf(input));
}

/** What reserved did while allocated grew and had an end, or may be one pass, is no question of its own. */
function ofReserved(
  verdict: GrowthVerdict,
  allocated: GrowthVerdict,
  before: GrowthVerdict,
  newStreams: boolean,
): GrowthVerdict {
  if (newStreams && mayLeak(verdict) && !mayLeak(allocated))
    return instead(verdict, 'cannot_tell', 'low', [
      'The program goes on to ever new streams, and each has a cache of its own: reserved memory follows their number, which ends where streams are used again.',
      ...verdict.why,
    ]);
  if (allocated === before || !grows(verdict)) return verdict;
  return allocated.kind === 'cannot_tell'
    ? instead(verdict, 'cannot_tell', 'low', [
        `Reserved memory followed allocated memory. ${allocated.why[0]}`,
      ])
    : instead(
        verdict,
        'warm_up_plateau',
        'low',
        [`Reserved memory grew with allocated memory, whose growth had an end. ${allocated.why[0]}`],
        verdict.bound,
      );
}

/** `allocated`: its curve over the rows. */
export function heldAgainstRest<T extends SeriesGrowth>(
  input: RestInput,
  all: readonly T[],
  allocated: Float64Array,
): T[] {
  const first = all.find(({ series }) => series === 'allocated');
  if (first === undefined) return [...all];
  const before = first.growth.atEnd;
  const after = ofAllocated(input, first.growth, allocated);
  return all.map((one) => ({
    ...one,
    growth: {
      ...one.growth,
      atEnd:
        one.series === 'allocated'
          ? after
          : ofReserved(one.growth.atEnd, after, before, input.newStreams === true),
    },
  }));
}
