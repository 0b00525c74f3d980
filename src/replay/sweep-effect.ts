/**
 * Which settings can differ in effect for given requests: a sweep serves each effect once. Two settings with one
 * effect give the same statistics, key by key; settings that are kept apart may still turn out equal.
 */
import { printAllocConf } from './alloc-conf-print.ts';
import type { Requests } from './requests.ts';
import { roundSize } from './rounding.ts';
import {
  type AllocatorSettings,
  DEFAULT_SETTINGS,
  MIN_LARGE_ALLOC,
  ROUND_LARGE,
  SMALL_SEGMENT,
  SMALL_SIZE,
} from './settings.ts';

/** What a form of `roundup_power2_divisions` makes of the sizes that are asked for. */
interface Rounding {
  /** The first form that was met with this outcome. */
  readonly divisions: readonly number[];
  /** Largest block asked for, bytes. */
  readonly largest: number;
  /** Whether some request shares a segment of `large_segment_size_mb`. */
  readonly shares: boolean;
}

/** Largest segment that cudaMalloc makes. */
const largestSegment = ({ largest, shares }: Rounding, large: number): number =>
  Math.max(
    SMALL_SEGMENT,
    shares ? large : 0,
    largest >= MIN_LARGE_ALLOC ? Math.ceil(largest / ROUND_LARGE) * ROUND_LARGE : 0,
  );

export class Effects {
  private readonly sizes: Float64Array;
  /** By form. */
  private readonly roundings = new Map<string, Rounding>();
  /** By outcome. */
  private readonly outcomes = new Map<string, Rounding>();

  /** `limited`: the process may reserve only so much. */
  constructor(
    requests: Requests,
    readonly limited: boolean,
  ) {
    this.sizes = Float64Array.from(new Set(requests.requested)).sort();
    // No rounding comes first, so that every form that rounds nothing up is told as none.
    this.rounding(DEFAULT_SETTINGS.roundupDivisions);
  }

  private rounding(divisions: readonly number[]): Rounding {
    const form = divisions.join();
    const known = this.roundings.get(form);
    if (known !== undefined) return known;
    const blocks = this.sizes.map((size) => roundSize(size, { roundupDivisions: divisions }));
    const outcome = blocks.join();
    let rounding = this.outcomes.get(outcome);
    if (rounding === undefined) {
      rounding = {
        divisions,
        largest: blocks.reduce((most, size) => Math.max(most, size), 0),
        shares: blocks.some((size) => size > SMALL_SIZE && size < MIN_LARGE_ALLOC),
      };
      this.outcomes.set(outcome, rounding);
    }
    this.roundings.set(form, rounding);
    return rounding;
  }

  /**
   * The settings with the same effect that stand for all of them: what cannot act for these requests is left at its
   * default.
   *
   * - `roundup_power2_divisions` acts by the sizes that requests are rounded up to.
   * - `max_split_size_mb` above every segment acts on no block; expandable segments grow beyond any size.
   * - `max_non_split_rounding_mb` acts on requests of at least max_split_size.
   * - `large_segment_size_mb` acts where requests share segments, and as page size of expandable segments.
   * - `garbage_collection_threshold` is a share of the limit, and expandable segments are not collected.
   */
  canonical(settings: AllocatorSettings): AllocatorSettings {
    const rounding = this.rounding(settings.roundupDivisions);
    const { expandableSegments } = settings;
    const beyond =
      !expandableSegments && settings.maxSplitSize > largestSegment(rounding, settings.largeSegmentSize);
    const maxSplitSize = beyond ? Infinity : settings.maxSplitSize;
    const large = expandableSegments ? rounding.largest > SMALL_SIZE : rounding.shares;
    const largeSegmentSize = large ? settings.largeSegmentSize : DEFAULT_SETTINGS.largeSegmentSize;
    return {
      maxSplitSize,
      maxNonSplitRounding: rounding.largest >= maxSplitSize ? settings.maxNonSplitRounding : largeSegmentSize,
      largeSegmentSize,
      roundupDivisions: rounding.divisions,
      garbageCollectionThreshold:
        this.limited && !expandableSegments ? settings.garbageCollectionThreshold : 0,
      expandableSegments,
      perProcessMemoryFraction: settings.perProcessMemoryFraction,
    };
  }

  /** Equal for settings of one effect. */
  keyOf(settings: AllocatorSettings): string {
    return Object.values(this.canonical(settings)).join(';');
  }
}

/** The string that gives these settings; null: none does (a size that is no whole number of MiB). */
export function confOf(settings: AllocatorSettings): string | null {
  try {
    return printAllocConf(settings);
  } catch (thrown) {
    if (thrown instanceof RangeError) return null;
    throw thrown;
  }
}
