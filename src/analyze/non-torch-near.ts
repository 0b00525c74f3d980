/**
 * What is on a device besides PyTorch's caching allocator at one moment of a recording, from the samples of a monitor
 * next to it. A sample is not of that moment: what is besides reserved is taken from the samples before and after, as
 * their range (`combine`), and is said to be of those samples.
 *
 *   samples     used      *                    *
 *   recording   reserved  ___/------\___/------|----   the moment's own reserved bytes
 *                         |<---- before / after --->|  besides = used - reserved at each sample
 *   device used at the moment = reserved at the moment + besides
 */
import { upperBound } from '../base/binary-search.ts';
import { formatDuration } from '../base/units.ts';
import type { NonTorch } from './non-torch.ts';
import type { Band } from './step-curve.ts';

/** What is known of the device at a moment. */
export interface DeviceSide {
  /** null: nothing. */
  readonly told: NonTorch | null;
  /** Which samples of which file, and how far from the moment; null: none. */
  readonly source: string | null;
  /** Free on the device for anyone who asks; absent or null: not known. */
  readonly free?: Band | null;
  /** Why nothing is known, where a monitor's log is open and does not tell; undefined: none is. */
  readonly why?: string;
}

export const NO_DEVICE_SIDE: DeviceSide = { told: null, source: null };

/** A moment further from the next sample than this many intervals of the log lies in a gap of it. */
const MOST_INTERVALS = 2.5;
/** ... and than this: logs of a few samples a second are compared with recordings that are not that exact. */
const LEAST_GAP_NS = 2e9;
/** So far off a sample that tells more may be. */
const NEAR_NS = 1e9;

/** So many times as wide as the other: taken while much was reserved or given back, it tells little. */
const VAGUE = 2;

/**
 * What holds in between, as far as samples on both sides tell: of two that agree the far narrower one; else everything
 * from one to the other, which may have drifted. null where either is not known.
 */
function combine(a: Band | null, b: Band | null): Band | null {
  if (a === null || b === null) return null;
  const [narrow, wide] = widthOf(a) <= widthOf(b) ? [a, b] : [b, a];
  if (meet(a, b) && widthOf(wide) > VAGUE * widthOf(narrow)) return narrow;
  return { least: Math.min(a.least, b.least), most: Math.max(a.most, b.most) };
}

const widthOf = (band: Band | null): number => (band === null ? 0 : band.most - band.least);

const meet = (a: Band | null, b: Band | null): boolean =>
  a === null || b === null || (a.least <= b.most && b.least <= a.most);

const plus = (a: Band, bytes: number): Band => ({ least: a.least + bytes, most: a.most + bytes });

/** How little a sample tells: one that tells whose memory it is comes before all that do not. */
function vaguenessOf({ besidesReserved: besides, nonTorch }: NonTorch): readonly [number, number] {
  return [(besides === null ? 1 : 0) + (nonTorch === null ? 1 : 0), widthOf(besides) + widthOf(nonTorch)];
}

const tellsMore = (one: NonTorch, other: NonTorch): boolean => {
  const [a, b] = [vaguenessOf(one), vaguenessOf(other)];
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
};

/**
 * Of samples, nearest first: one taken while much was reserved or given back tells little, one further off may tell
 * more. It is taken as far as all that are nearer agree with it.
 */
function mostTelling(close: readonly NonTorch[]): NonTorch {
  let best = close[0];
  for (const [i, one] of close.entries()) {
    if (!close.slice(0, i).every((nearer) => agree(nearer, one))) break;
    if (tellsMore(one, best)) best = one;
  }
  return best;
}

const agree = (a: NonTorch, b: NonTorch): boolean =>
  meet(a.besidesReserved, b.besidesReserved) &&
  meet(a.nonTorch, b.nonTorch) &&
  meet(a.otherProcesses, b.otherProcesses);

/** Median distance between samples, ns; 0: there are fewer than two. */
function interval(samples: readonly NonTorch[]): number {
  const apart = samples.slice(1).map((sample, i) => sample.moment_ns - samples[i].moment_ns);
  apart.sort((a, b) => a - b);
  return apart[apart.length >> 1] ?? 0;
}

/**
 * @param samples At each sample of one monitor within the recording, ascending (nonTorchOverTime).
 * @param moment_ns On the same clock.
 * @param reserved Bytes reserved at the moment.
 * @param file Of the monitor.
 */
export function nonTorchNear(
  samples: readonly NonTorch[],
  moment_ns: number,
  reserved: number,
  file: string,
): DeviceSide {
  const step = MOST_INTERVALS * interval(samples);
  const times = Float64Array.from(samples, (sample) => sample.moment_ns);
  const next = upperBound(times, moment_ns);
  const distance = (sample: NonTorch): number => Math.abs(sample.moment_ns - moment_ns);
  const near = [samples.slice(0, next).reverse(), samples.slice(next)].flatMap((side) => {
    if (side.length === 0 || distance(side[0]) > Math.max(LEAST_GAP_NS, step)) return [];
    const close = side.filter((sample, i) => i === 0 || distance(sample) <= Math.max(NEAR_NS, step));
    return [mostTelling(close)];
  });
  if (near.length === 0) {
    const nearest = samples.reduce((least, sample) => Math.min(least, distance(sample)), Infinity);
    return {
      told: null,
      source: null,
      why:
        samples.length === 0
          ? `What the device uses besides PyTorch: no sample of ${file} lies within the recording.`
          : `What the device uses besides PyTorch: the nearest sample of ${file} is ${formatDuration(nearest)} away.`,
    };
  }
  const [first, last] = [near[0], near[near.length - 1]];
  const besides = combine(first.besidesReserved, last.besidesReserved);
  const own = { least: reserved, most: reserved };
  const apart = near.map(({ moment_ns: at }) =>
    at === moment_ns
      ? 'at this moment'
      : `${formatDuration(Math.abs(at - moment_ns))} ${at < moment_ns ? 'before' : 'after'}`,
  );
  return {
    told: {
      ...last,
      moment_ns,
      reserved: own,
      deviceUsed: besides === null ? null : plus(besides, reserved),
      besidesReserved: besides,
      nonTorch: combine(first.nonTorch, last.nonTorch),
      otherProcesses: combine(first.otherProcesses, last.otherProcesses),
      unknown: [...new Set(near.flatMap(({ unknown }) => unknown))],
    },
    source: `${file}: ${near.length === 1 ? 'the sample' : 'the samples'} ${apart.join(' and ')}`,
  };
}
