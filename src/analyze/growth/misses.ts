/**
 * What is kept now and then may be the misses of a cache that is never emptied: prefixes, users, shapes. Its keys come
 * back ever more often, so it slows down and has no end in sight, and over a few dozen misses that looks like a line.
 *
 *   iteration      m m h m h h m h h h h m h h h h h h h m h h h h h h h h h h h      m: keeps, h: a key that is there
 *   misses         1 2   3     4         5               6                            about n^0.6, never a line
 *
 * The number of different keys among n that come by Zipf's law goes with n^(1/s), s their exponent (Heaps' law): about
 * n^0.5 to n^0.7. So events that keep something, come irregularly, and run code of their own which keeps all it makes
 * have to show that they do not go like n^0.7, by the exponent's estimate for a process that was watched for a fixed
 * time (Crow, "Reliability analysis for complex, repairable systems", 1974): (k - 1) / sum of ln(n / n_i).
 *
 * Code that also makes what is freed again keeps a reference now and then: no cache. Refuses few events.
 */
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import { u64At } from '../../base/u64.ts';
import type { Lifetimes } from '../lifetimes.ts';
import type { Iterations } from './iterations.ts';
import { instead } from './rest.ts';
import type { GrowthVerdict } from './verdict.ts';

/** Keys by Zipf's law come to this power of the number of requests. */
const ZIPF = 0.7;
/** The second half has this share of the first half's misses: 2^0.7 - 1, and of a cache of n keys after n requests. */
const SECOND_HALF = 2 ** ZIPF - 1;
/** Two-sided 5 % of a standard normal. */
const UNLIKELY_Z = 1.96;
/** Gaps that vary by less than this share of their mean are a rhythm of the program's own. */
const RHYTHM = 0.35;
/** Fewer events are left to what else judges them. */
const FEW = 5;
/** Code of which so much is freed again keeps now and then what it always makes. */
const FREED = 0.1;
/** Of the iterations, more than this share keep something: they may be the events themselves. */
const MOST = 0.9;
/** An iteration that keeps less than this share of what the others keep does not keep. */
const SLIGHT = 0.05;

interface Spread {
  readonly mean: number;
  /** Standard deviation over the mean. */
  readonly variation: number;
}

function spreadOfGaps(places: readonly number[]): Spread {
  const gaps = places.slice(1).map((place, i) => place - places[i]);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const squares = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / (gaps.length - 1);
  return { mean, variation: mean > 0 ? Math.sqrt(squares) / mean : Infinity };
}

export interface Pace {
  /** Events up to n go like n to this power. */
  readonly exponent: number;
  /** Its lower bound, 95 %. */
  readonly least: number;
  /** true: not even keys of many kinds that come back would leave so many events in the second half. */
  readonly goesOn: boolean;
}

/**
 * How events at these places (ascending, above 0, at most `total`) go on; null: they come in a rhythm, or are too few.
 * `rhythm`: gaps that vary by less than this share of their mean are one.
 */
export function paceOfEvents(places: readonly number[], total: number, rhythm = RHYTHM): Pace | null {
  const k = places.length;
  if (k < FEW || spreadOfGaps(places).variation < rhythm) return null;
  const exponent = (k - 1) / places.reduce((sum, place) => sum + Math.log(total / place), 0);
  // Where time runs so that events come evenly, what is left is chance.
  const { variation } = spreadOfGaps(places.map((place) => place ** exponent));
  const least = exponent * (1 - (UNLIKELY_Z * variation) / Math.sqrt(k));
  const first = places.filter((place) => place <= total / 2).length;
  const second = k - first;
  const error = variation * Math.sqrt(second + SECOND_HALF ** 2 * first);
  return {
    exponent,
    least,
    goesOn: least > ZIPF && second - SECOND_HALF * first > UNLIKELY_Z * error,
  };
}

export interface MissesInput {
  readonly trace: DeviceTrace;
  readonly lifetimes: Pick<Lifetimes, 'partner'>;
  readonly iterations: Iterations;
  /** Bytes of an alloc row. */
  readonly sizeOf: (row: number) => number;
}

/** Code: a stack, or a size where none is recorded. */
const keyOf = ({ events }: DeviceTrace, row: number): number =>
  events.stack_index[row] === NONE ? NONE + 1 + u64At(events.size, row) : events.stack_index[row];

/** What each iteration keeps for good, and whether what makes it is made to be kept. */
function keptBy(
  { trace, lifetimes: { partner }, iterations, sizeOf }: MissesInput,
  isOf: (stack: number) => boolean,
): { readonly bytes: Float64Array; readonly always: boolean } {
  const { events } = trace;
  const { rows, count } = iterations;
  const bytes = new Float64Array(count);
  const kept = new Map<number, number>();
  const passing = new Map<number, number>();
  let iteration = 0;
  for (let row = rows[0]; row < rows[count]; row++) {
    while (row >= rows[iteration + 1]) iteration++;
    if (events.action[row] !== ACTION.alloc || !isOf(events.stack_index[row])) continue;
    const key = keyOf(trace, row);
    const size = sizeOf(row);
    if (partner[row] !== NONE) {
      passing.set(key, (passing.get(key) ?? 0) + size);
      continue;
    }
    kept.set(key, (kept.get(key) ?? 0) + size);
    bytes[iteration] += size;
  }
  let all = 0;
  let freed = 0;
  for (const [key, held] of kept) {
    // A size says little of the code that asks for it.
    if (key > NONE) continue;
    all += held;
    freed += passing.get(key) ?? 0;
  }
  return { bytes, always: freed <= FREED * all };
}

export interface Events extends Pace {
  readonly why: string;
}

/** What iterations keep by code of its own, at irregular places: how it goes on, and the words; null: nothing does. */
export function eventsOf(input: MissesInput, isOf: (stack: number) => boolean = () => true): Events | null {
  const { count, work } = input.iterations;
  if (count < FEW) return null;
  const { bytes, always } = keptBy(input, isOf);
  if (!always) return null;
  const usual = bytes.reduce((sum, one) => sum + one, 0) / Math.max(1, bytes.filter((one) => one > 0).length);
  const keeps: number[] = [];
  bytes.forEach((one, i) => {
    if (one > SLIGHT * usual) keeps.push(i);
  });
  // Where nearly every iteration keeps something they may be the misses: what lies between them is told by the work.
  const each = keeps.length > MOST * count;
  if (each && work === undefined) return null;
  const places = each
    ? keeps.map((i) => work!.before[i]).filter((place) => place > 0)
    : keeps.map((i) => i + 0.5);
  const pace = paceOfEvents(places, each ? work!.total : count);
  if (pace === null) return null;
  const when = each
    ? `${keeps.length} times, with more and less of other work between`
    : `in ${keeps.length} of ${count} iterations, at irregular places`;
  const power = (value: number): string => `n^${Math.max(0, value).toFixed(2)}`;
  return {
    ...pace,
    why: `Something is kept ${when}, and always by code that runs only then: that is how a cache fills with what it has not seen before, which slows down. The number of times goes like ${power(pace.exponent)}, at least ${power(pace.least)} (95 %): ${
      pace.goesOn
        ? 'steady so far, but keys that hardly ever come back look the same.'
        : "not enough to tell a leak, n^1, from keys that come back (by Zipf's law about n^0.6)."
    }`,
  };
}

/** A line out of what may be the misses of a cache is none; one that goes on as it began is not sure. */
export function unlessMisses(
  verdict: GrowthVerdict,
  events: Pick<Events, 'goesOn' | 'why'> | null,
): GrowthVerdict {
  if (verdict.kind !== 'linear_leak' || events === null) return verdict;
  const why = [events.why, ...verdict.why];
  if (!events.goesOn) return instead(verdict, 'cannot_tell', 'low', why);
  return {
    ...verdict,
    confidence: verdict.confidence === 'high' ? 'medium' : verdict.confidence,
    why,
    mayBeCache: true,
  };
}
