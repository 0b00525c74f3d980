/**
 * What crosses the border for the allocator replayed: plain data, small. Bytes and counts are numbers, exact to 2^53;
 * Infinity: no limit. Steps are the program's requests in order; rows are those of the event table.
 */
import type { AllocConfNote } from '../replay/alloc-conf-reader.ts';
import type { SettingOrigin } from '../replay/alloc-conf-snapshot.ts';
import type { Edit } from '../replay/edits.ts';
import type { Fidelity } from '../replay/replay-result.ts';
import type { ReleaseCause } from '../replay/release-cause.ts';
import type { Requests } from '../replay/requests.ts';
import type { AllocatorSettings } from '../replay/settings.ts';
import type { SiteRanking, SiteRow } from '../replay/sites.ts';
import type { SweepConclusion } from '../replay/sweep-conclusion.ts';
import type { SweepLimits, SweepRow } from '../replay/sweep.ts';
import type { ReplayPlace, WhatIfResult } from '../replay/what-if.ts';
import type { Range } from './range.ts';

/** Keys as `torch.cuda.memory_stats()` has them. */
export type MemoryStatsView = Readonly<Record<string, number>>;

/** Settings as the page shows them. */
export interface SettingsView {
  /** "": the defaults; null: no string gives these settings. */
  readonly conf: string | null;
  readonly values: AllocatorSettings;
}

/** The settings that a recording was made under. */
export interface RecordedSettings extends SettingsView {
  /** Where each comes from: a field of the snapshot, its string, or the default for want of both. */
  readonly origins: Readonly<Record<keyof AllocatorSettings, SettingOrigin>>;
  /** Changed after the start of the process. */
  readonly changed: readonly (keyof AllocatorSettings)[];
  /** PyTorch's message about the recorded string, where it could not be read. */
  readonly confError: string | null;
}

/** The model left alone under the recorded settings: what every what-if rests on. */
export interface Unled {
  readonly stats: MemoryStatsView;
  readonly reservedPeak: number;
  /** That less the recorded peak, bytes. */
  readonly reservedPeakDifference: number;
  /** Largest difference of what is reserved after any row, bytes, and where. */
  readonly largestDifference: number;
  readonly largestDifferenceRow: number | null;
  /** Keys of memory_stats compared with the recording's. */
  readonly keys: number;
  /** Those that differ; null: memory was in use before the recording, so totals are not comparable. */
  readonly differentKeys: readonly string[] | null;
}

export interface ReplayAnswer {
  readonly device: string;
  /** What the snapshot itself tells of memory_stats. */
  readonly recorded: MemoryStatsView;
  /** What the model counts, led along the recording. */
  readonly stats: MemoryStatsView;
  /** true: the recording began empty, so that peaks and totals are those of memory_stats. */
  readonly fromEmpty: boolean;
  readonly fidelity: Fidelity;
  /** Every row found its place, and the model ends in the snapshot's last state. */
  readonly faithful: boolean;
  readonly unled: Unled;
  readonly settings: RecordedSettings;
  /** Bytes [at least, less than] of the limit that requests met; null: none was met. */
  readonly limitBounds: readonly [number, number] | null;
  /** Why segments went back, and how often. */
  readonly causes: Readonly<Record<ReleaseCause, number>>;
  readonly requests: number;
  readonly steps: number;
  /** What can be trusted and what cannot, in plain words. */
  readonly sentences: readonly string[];
}

/** Which allocations an edit means: one stack, all stacks through a node of the stack tree, or a group by its label. */
export type SiteSelector =
  { readonly stack: number } | { readonly through: number } | { readonly label: string };

export type SiteEdit = Edit & { readonly site: SiteSelector };

export interface ReplayLimits {
  /** Bytes that the process may reserve (set_per_process_memory_fraction); null: no limit. */
  readonly cap: number | null;
  /** Bytes that the card can give to the allocator: its memory less the context and other processes; null: enough. */
  readonly capacity: number | null;
}

export interface WhatIfQuery extends ReplayLimits {
  readonly device: string;
  /** A PYTORCH_CUDA_ALLOC_CONF string, or settings; null: those recorded. */
  readonly settings: string | AllocatorSettings | null;
  /** Rows after which empty_cache() is called besides. */
  readonly emptyCacheAfter: readonly number[];
  readonly edits: readonly SiteEdit[];
  /** Pixel columns of the curves over a range (null: the whole recording); null: no curves. */
  readonly curve: {
    readonly range: Range | null;
    readonly axis: Range['axis'];
    readonly columns: number;
  } | null;
}

/** A curve by pixel column, bytes. */
export interface CurveView {
  readonly first: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly last: Float64Array;
}

export interface WhatIfAnswer {
  readonly device: string;
  readonly settings: SettingsView;
  readonly stats: MemoryStatsView;
  /** The first request that was served in the recording and fails here. */
  readonly firstFailure: (NonNullable<WhatIfResult['firstFailure']> & { readonly xNs: number }) | null;
  /** Requests that failed in the recording and are served here. */
  readonly rescued: number;
  /** Allocations that the edits touch, each counted once an edit. */
  readonly edited: number;
  /** Reserved bytes, recorded and replayed; null where not asked for. */
  readonly curve: {
    readonly range: Range;
    readonly x: Float64Array;
    readonly recorded: CurveView;
    readonly replayed: CurveView;
  } | null;
  readonly sentences: readonly string[];
}

export interface SitesQuery extends ReplayLimits {
  /** Names the work for `cancel`; numbers are shared with `open`. */
  readonly job: number;
  readonly device: string;
  readonly settings: string | AllocatorSettings | null;
  /** Sites to try, the largest at the peak first; each serves all requests twice. */
  readonly most: number;
}

export type SitesAnswer = SiteRanking & {
  readonly device: string;
  /** false: nothing of the recording has a stack, so that there is one site. */
  readonly hasStacks: boolean;
};

export interface SweepQuery extends ReplayLimits {
  /** Names the work for `cancel`; numbers are shared with `open`. */
  readonly job: number;
  readonly device: string;
}

/** Of sites and sweeps. `total` grows where a sweep goes on from its best settings. */
export interface ReplayProgress {
  readonly job: number;
  readonly done: number;
  readonly total: number;
  /** The setting that was served last. */
  readonly row: SweepRow | null;
}

export interface SweepAnswer extends SweepConclusion {
  readonly device: string;
  /** The first is under the recorded settings. */
  readonly rows: readonly SweepRow[];
  /** Workers that served them. */
  readonly workers: number;
  readonly milliseconds: number;
}

/** Whether PyTorch takes a string, while it is typed. */
export type ConfAnswer =
  | (SettingsView & {
      readonly ok: true;
      /** Names that change nothing about blocks and segments. */
      readonly ignored: readonly string[];
      readonly notes: readonly AllocConfNote[];
      /** "PYTORCH_CUDA_ALLOC_CONF=..." */
      readonly line: string | null;
    })
  | {
      readonly ok: false;
      /** As PyTorch prints it. */
      readonly message: string;
      readonly problem: string;
      /** Character offset in the text. */
      readonly offset: number;
      readonly advice: string | null;
    };

/** What a worker needs to serve a device's requests by itself. */
export interface SweepWork {
  readonly requests: Requests;
  readonly place: ReplayPlace;
  readonly limits: SweepLimits;
}

export type { AllocatorSettings, Edit, SiteRow, SweepRow };
