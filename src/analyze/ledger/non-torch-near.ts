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
import { upperBound } from '../../base/binary-search.ts';
import { formatDuration } from '../../base/units.ts';
import { type Bounds, meet, plus, point } from '../../base/measured.ts';
import type { NonTorch } from './non-torch.ts';

/** What is known of the device at a moment. */
export interface DeviceSide {
  /** null: nothing. */
  readonly told: NonTorch | null;
  /** Which samples of which file, and how far from the moment; null: none. */
  readonly source: string | null;
  /** The file; absent: none. */
  readonly file?: string;
  /** Free on the device for anyone who asks; absent or null: not known. */
  readonly free?: Bounds | null;
  /** Why nothing is known, where a monitor's log is open and does not tell; undefined: none is. */
  readonly why?: string;
}

/** Just after a row. */
export type DeviceSideAt = (row: number) => DeviceSide;

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
function combine(a: Bounds | null, b: Bounds | null): Bounds | null {
  if (a === null || b === null) return null;
  const [narrow, wide] = widthOf(a) <= widthOf(b) ? [a, b] : [b, a];
  if (meet(a, b) && widthOf(wide) > VAGUE * widthOf(narrow)) return narrow;
  return { least: Math.min(a.least, b.least), most: Math.max(a.most, b.most) };
}

const widthOf = (band: Bounds | null): number => (band === null ? 0 : band.most - band.least);

const canBeOne = (a: Bounds | null, b: Bounds | null): boolean => a === null || b === null || meet(a, b);

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
  canBeOne(a.besidesReserved, b.besidesReserved) &&
  canBeOne(a.nonTorch, b.nonTorch) &&
  canBeOne(a.otherProcesses, b.otherProcesses);

/** Median distance between samples, ns; 0: there are fewer than two. */
function interval(times: Float64Array): number {
  const apart = times.subarray(1).map((time, i) => time - times[i]);
  apart.sort();
  return apart[apart.length >> 1] ?? 0;
}

/** The samples of one monitor within a recording, to be asked for many moments. */
export class NearSamples {
  private readonly times: Float64Array;
  /** Longest distance of a moment from its sample that is no gap of the log. */
  private readonly step: number;

  /**
   * @param samples Ascending (nonTorchOverTime).
   * @param file Of the monitor.
   */
  constructor(
    private readonly samples: readonly NonTorch[],
    private readonly file: string,
  ) {
    this.times = Float64Array.from(samples, ({ momentNs }) => momentNs);
    this.step = MOST_INTERVALS * interval(this.times);
  }

  /** Samples from `first` on in one direction, nearest first, as far as they may tell of the moment. */
  private side(first: number, by: 1 | -1, momentNs: number): NonTorch | null {
    const { samples, step } = this;
    const distance = (i: number): number => Math.abs(samples[i].momentNs - momentNs);
    if (samples[first] === undefined || distance(first) > Math.max(LEAST_GAP_NS, step)) return null;
    const close: NonTorch[] = [];
    for (let i = first; samples[i] !== undefined; i += by) {
      if (i !== first && distance(i) > Math.max(NEAR_NS, step)) break;
      close.push(samples[i]);
    }
    return mostTelling(close);
  }

  /**
   * @param momentNs On the clock of the samples.
   * @param reserved Bytes reserved at the moment.
   */
  at(momentNs: number, reserved: number): DeviceSide {
    const { samples, times, file } = this;
    const next = upperBound(times, momentNs);
    const near = [this.side(next - 1, -1, momentNs), this.side(next, 1, momentNs)].filter(
      (sample) => sample !== null,
    );
    if (near.length === 0) {
      const nearest = times.reduce((least, time) => Math.min(least, Math.abs(time - momentNs)), Infinity);
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
    const apart = near.map(({ momentNs: at }) =>
      at === momentNs
        ? 'at this moment'
        : `${formatDuration(Math.abs(at - momentNs))} ${at < momentNs ? 'before' : 'after'}`,
    );
    return {
      told: {
        ...last,
        momentNs,
        reserved: { least: reserved, most: reserved },
        deviceUsed: besides === null ? null : plus(besides, point(reserved)),
        besidesReserved: besides,
        nonTorch: combine(first.nonTorch, last.nonTorch),
        otherProcesses: combine(first.otherProcesses, last.otherProcesses),
        unknown: [...new Set(near.flatMap(({ unknown }) => unknown))],
      },
      file,
      source: `${file}: ${near.length === 1 ? 'the sample' : 'the samples'} ${apart.join(' and ')}`,
    };
  }
}
