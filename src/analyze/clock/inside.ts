/**
 * Times without any curve of bytes (a request log, a server's loggers) against what is on the common clock already:
 * if they all lie inside of it in one time zone and in no other, and chance would seldom do that, they are of that
 * zone.
 *
 *   recording     12:29 |==============| 12:39        (UTC)
 *   request log       12:32 . . .... . 12:39          as UTC: all inside; as UTC+00:15, UTC+01:00, ...: none
 */
import { percent } from '../../base/words.ts';
import { zoneText } from './alignment.ts';

type Span = readonly [first: bigint, last: bigint];

const SECOND = 1_000_000_000n;
const QUARTER = 15n * 60n * SECOND;
/** Whole seconds, and lines that are written after what they tell of. */
const SLACK = 2n * SECOND;
/** Chance that times of another run lie inside in some zone, at most. */
const MOST_CHANCE = 0.05;
const LEAST_MOMENTS = 3;

export interface Inside {
  /** Add to the times for the common clock. */
  readonly offsetNs: bigint;
  readonly sentence: string;
}

/**
 * Times as a zone of Unix time.
 *
 * @param times Span of the source without curves, as if its zone were UTC, and its distinct moments.
 * @param around Span of what is on the common clock.
 */
export function insideOf(
  times: Span,
  moments: number,
  around: Span,
  names: readonly [source: string, around: string],
): Inside | null {
  if (moments < LEAST_MOMENTS) return null;
  const zones = Array.from({ length: 26 * 4 + 1 }, (_, i) => (BigInt(i) - 48n) * QUARTER);
  const fits = zones.filter(
    (zone) => times[0] - zone >= around[0] - SLACK && times[1] - zone <= around[1] + SLACK,
  );
  // Room that the times have inside, of the quarter of an hour that zones are apart.
  const room = around[1] - around[0] + 2n * SLACK - (times[1] - times[0]);
  const chance = Number(room) / Number(QUARTER);
  if (fits.length !== 1 || chance > MOST_CHANCE) return null;
  const [zone] = fits;
  return {
    offsetNs: -zone,
    sentence: `${names[0]}: times of ${zoneText(zone)}; all of them lie inside of ${names[1]} in this time zone and in no other (those of another run would in ${percent(chance)} of cases).`,
  };
}

/** Two wall clocks without a zone that tell of the same time are taken for one. */
export function sameLocalClock(
  times: Span,
  around: Span,
  names: readonly [source: string, around: string],
): Inside | null {
  if (times[1] < around[0] || times[0] > around[1]) return null;
  return {
    offsetNs: 0n,
    sentence: `${names[0]}: taken as of the same time zone as ${names[1]}, whose times it overlaps; neither names a zone.`,
  };
}
