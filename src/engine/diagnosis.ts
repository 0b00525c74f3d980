/** What `Engine.diagnosis()` answers: findings and what they rest on. Plain data; bytes are exact numbers. */
import type { Bounds, Measured } from '../base/measured.ts';
import type { WithoutStack } from '../analyze/without-stack.ts';
import type { LedgerPart } from '../analyze/ledger/outside.ts';
import type { Finding } from '../diagnose/finding.ts';
import type { Fault } from './faults.ts';
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
  /** The statistic in words, with its numbers; amounts as base/amounts.ts writes them. */
  readonly statistic: string;
  /** Amounts as in `statistic`. */
  readonly why: readonly string[];
  /** Value at the end of each iteration, for a small chart. */
  readonly values: readonly number[];
}

/** Growth of what one stream or one line of code holds. */
export interface GrowthPartView extends Omit<GrowthView, 'untilLimit' | 'values'> {
  readonly by: 'stream' | 'line';
  /** The stream, or "forward  model.py:97". */
  readonly name: string;
  /** A stack of the line; null: of a stream. */
  readonly stack: number | null;
  /** Bytes at the end of the first and of the last iteration; of a line without what lived before the recording. */
  readonly first: number;
  readonly last: number;
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

/** Free bytes of one pool, stream and size class. */
export interface FreeView {
  /** Id of the private pool; "": the default pool. */
  readonly pool: string;
  readonly stream: string;
  /** Of the pool for requests up to 1 MiB. */
  readonly small: boolean;
  /** Beside something live or waiting: in segments of cudaMalloc, and on pages of expandable segments. */
  readonly splitBytes: number;
  readonly pageBytes: number;
  /** Of segments and pages in which nothing is left. */
  readonly wholeBytes: number;
}

/** The inactive split as one stream sees it that asks for memory of the default pool. */
export interface StreamSplitView {
  readonly stream: string;
  /** The parts of the inactive split, without those that have nothing. */
  readonly parts: readonly LedgerPart[];
}

/**
 * Where every byte is at one moment. The first six parts sum exactly to `reserved`; with what is known of the last
 * three they sum exactly to `used`.
 */
export interface LedgerView {
  /** Just after this row. */
  readonly row: number;
  readonly reserved: number;
  /** In use on the whole device by anyone; null: no source tells. */
  readonly used: Measured | null;
  /** Which samples of which file tell of the device, and how far from the moment they are; null: none. */
  readonly deviceFrom: string | null;
  readonly parts: readonly LedgerPart[];
  /** The inactive split by stream; the first one is in `parts`. */
  readonly splitFor: readonly StreamSplitView[];
  /** Why it is the first: "asked and got an out-of-memory error", "holds most". */
  readonly splitWhy: string;
  /** Most bytes first; they sum to inactive_split, releasable and private_idle. */
  readonly free: readonly FreeView[];
  /** What empty_cache() would give back. */
  readonly emptyCacheBytes: number;
  /** Largest request that would be served, by stream. null: a limit is not known. */
  readonly largest: readonly {
    readonly stream: string;
    readonly fromCache: number;
    readonly withNewSegment: Bounds | null;
    readonly afterRelease: Bounds | null;
  }[];
  readonly unknown: readonly string[];
}

/** Allocations of one stack; without a stack, of one size. */
export interface PinHolderView {
  readonly stack: number | null;
  /** With amounts as base/amounts.ts writes them. */
  readonly label: string;
}

/** What freeing some blocks, then `empty_cache()`, gives back. */
export interface PinReleaseView {
  readonly blocks: number;
  readonly blockBytes: number;
  /** Bytes that go back to the driver, more than empty_cache gives without freeing them. */
  readonly releasedBytes: number;
  /** Of them: bytes that are free already, and pinned by these blocks. */
  readonly unpinnedBytes: number;
}

/** Live blocks of one stack that keep free memory from going back to the driver, by themselves. */
export interface PinView extends PinHolderView, PinReleaseView {
  /** First row at which one of them was allocated; null: all of them before the recording. */
  readonly row: number | null;
}

/** Stacks that hold segments together; each row holds those of the row before and more. */
export interface PinTogetherView extends PinReleaseView {
  /** Stacks that this row adds. */
  readonly added: readonly PinHolderView[];
  /** Stacks of this row and those before. */
  readonly holders: number;
}

/** Who keeps free memory of the default pool from going back, at one moment. */
export interface PinsView {
  /** Just after this row. */
  readonly row: number;
  /** Free bytes that cannot go back, even after waiting for other streams. The next two sum to it. */
  readonly pinnedBytes: number;
  /** Of them: held by one stack alone; by several together. */
  readonly aloneBytes: number;
  readonly sharedBytes: number;
  /** Free bytes beside live blocks of private pools; not part of pinnedBytes. */
  readonly privateBytes: number;
  /** Most unpinned bytes first. */
  readonly alone: readonly PinView[];
  /** Stacks that pin something alone; `alone` may hold only the first of them. */
  readonly aloneTotal: number;
  /** Chosen greedily: that no better set exists is not claimed. */
  readonly together: readonly PinTogetherView[];
  /** true: not every set of stacks was tried. */
  readonly togetherCut: boolean;
}

export interface DeviceDiagnosis {
  readonly deviceKey: string;
  readonly device: number;
  readonly iterations: IterationsView;
  readonly growth: readonly GrowthView[];
  /** By stream, where there are several, and by line of code: those that changed most and those that hold most. */
  readonly growthParts: readonly GrowthPartView[];
  /** What allocated and reserved together say. */
  readonly conclusion: {
    readonly kind: string;
    readonly confidence: string;
    readonly sentence: string;
  } | null;
  readonly quality: QualityView;
  /**
   * At the end of the recording, where most was reserved, and at the first out-of-memory error, where there was one;
   * empty where the allocator was not replayed.
   */
  readonly ledgers: readonly { readonly when: 'end' | 'peak' | 'oom'; readonly ledger: LedgerView }[];
  /** At the end; null: the allocator was not replayed. */
  readonly pins: PinsView | null;
  /** Live memory without a stack where most was allocated; null: at least half of the bytes have one. */
  readonly withoutStack: WithoutStack | null;
}

export interface Diagnosis extends ServersDiagnosis {
  /** Problems first. */
  readonly findings: readonly Finding[];
  readonly devices: readonly DeviceDiagnosis[];
  /** Steps that failed; all else is told. */
  readonly faults: readonly Fault[];
  readonly milliseconds: number;
}
