/** What `EngineApi.diagnosis()` answers: findings and what they rest on. Plain data; bytes are exact numbers. */
import type { Finding } from '../diagnose/finding.ts';
import type { ServersDiagnosis } from './server-diagnosis.ts';

/** Growth of one figure of one device by iteration. */
export interface GrowthView {
  /** allocated, active, reserved. */
  readonly series: string;
  /** none, warm_up_plateau, steps_with_largest_request, linear_leak, sub_linear, cannot_tell. */
  readonly kind: string;
  readonly confidence: string;
  readonly boundBytes: number | null;
  readonly slopeBytesPerIteration: number | null;
  readonly iterations: number;
  /** Rows of the window judged: first and last; null: none. */
  readonly window: readonly [number, number] | null;
  readonly untilLimit: { readonly iterations: number; readonly ns: number | null } | null;
  /** The statistic in words, with its numbers. */
  readonly statistic: string;
  readonly why: readonly string[];
  /** Value at the end of each iteration, for a small chart. */
  readonly values: readonly number[];
}

export interface IterationsView {
  /** markers, annotations, period, none. */
  readonly method: string;
  readonly count: number;
  readonly confidence: string;
  readonly why: readonly string[];
  /** Row that each iteration begins at, and the row after the last. */
  readonly rows: readonly number[];
  /** Their times, ns from the device's base; where the recording ends with the last iteration, its end. */
  readonly startsNs: readonly number[];
}

/** How sure statements about a device can be, and why no surer. */
export interface QualityView {
  readonly confidence: string;
  /** empty, overwritten, late, unknown, no_events. */
  readonly began: string;
  readonly sentences: readonly string[];
  /** Share of live bytes without a stack; null: nothing was live. */
  readonly shareWithoutFrames: number | null;
  /** Settings in force as an environment line; null: not known. */
  readonly settings: string | null;
}

export interface LedgerPart {
  /** requested, rounding, pending, inactive_split, releasable, private_idle, non_torch, other_processes, unexplained. */
  readonly id: string;
  readonly label: string;
  /** null: not known. */
  readonly bytes: number | null;
  readonly note: string | null;
}

/** Where every reserved byte is at one moment; the parts that are known sum exactly to `reserved`. */
export interface LedgerView {
  /** Just after this row. */
  readonly row: number;
  readonly reserved: number;
  readonly parts: readonly LedgerPart[];
  /** What empty_cache() would give back. */
  readonly emptyCacheBytes: number;
  /** Largest request that would be served, by stream. null: a limit is not known. */
  readonly largest: readonly {
    readonly stream: string;
    readonly fromCache: number;
    readonly withNewSegment: readonly [number, number] | null;
    readonly afterRelease: readonly [number, number] | null;
  }[];
  readonly unknown: readonly string[];
}

/** Live blocks that keep free memory from going back to the driver. */
export interface PinView {
  readonly stack: number | null;
  readonly label: string;
  readonly blocks: number;
  readonly blockBytes: number;
  readonly releasedBytes: number;
  readonly unpinnedBytes: number;
  readonly row: number | null;
}

export interface DeviceDiagnosis {
  readonly deviceKey: string;
  readonly device: number;
  readonly iterations: IterationsView;
  readonly growth: readonly GrowthView[];
  /** What allocated and reserved together say. */
  readonly conclusion: {
    readonly kind: string;
    readonly confidence: string;
    readonly sentence: string;
  } | null;
  readonly quality: QualityView;
  /** At the end of the recording and where most was reserved; empty where the allocator was not replayed. */
  readonly ledgers: readonly { readonly when: 'end' | 'peak'; readonly ledger: LedgerView }[];
  /** At the end: most unpinned bytes first. */
  readonly pins: {
    readonly pinnedBytes: number;
    readonly sharedBytes: number;
    readonly alone: readonly PinView[];
  } | null;
}

export interface Diagnosis extends ServersDiagnosis {
  /** Problems first. */
  readonly findings: readonly Finding[];
  readonly devices: readonly DeviceDiagnosis[];
  readonly milliseconds: number;
}
