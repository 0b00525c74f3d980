/**
 * What crosses the border between page and worker: plain data only, small, exact. Byte counts are numbers
 * (exact to 2^53); absolute times are bigint nanoseconds; `x` is always relative to the device's `base`:
 * nanoseconds on the time axis, rows on the event axis.
 *
 * Long because it is the one list of all that page and command may know.
 */
import type { TraceErrorData } from '../base/trace-error.ts';
import type { Format } from '../read/reader.ts';
import type { Readings } from '../trace/readings.ts';
import type { Frame } from '../trace/stack-table.ts';
import type { Annotation, MemorySummary, TraceProducer, Warning } from '../trace/capture.ts';
import type { VllmMemoryAccount } from '../analyze/server/vllm-memory-account.ts';
import type { OutsideColumns } from '../analyze/ledger/outside.ts';
import type { Axis, Range } from './range.ts';

export type { Confidence, Evidence, Finding, Severity } from '../diagnose/finding.ts';
export type {
  DeviceDiagnosis,
  Diagnosis,
  FreeView,
  GrowthPartView,
  GrowthView,
  IterationsView,
  LedgerView,
  PinHolderView,
  PinReleaseView,
  PinTogetherView,
  PinView,
  PinsView,
  QualityView,
  StreamSplitView,
} from './diagnosis.ts';
export type {
  GaugeGrowthView,
  KvView,
  RequestBucketsView,
  ServerGiven,
  ServerView,
  ServersDiagnosis,
} from './server-diagnosis.ts';

export type { ClocksAnswer, Disagreement, SourceClock } from '../analyze/clock/answer.ts';
export type { KvCheck } from '../analyze/server/kv-cache-check.ts';
export type { KvWhatIf } from '../analyze/server/kv-cache-what-if.ts';
export type { EngineUsage, Extent, UsageWindow } from '../analyze/server/kv-usage.ts';
export type { RequestBucket, RequestBuckets, Spread } from '../analyze/server/request-buckets.ts';
export type { RankWaterfall, WaterfallStep } from '../analyze/server/waterfall.ts';
export type { PodStep, PodWaterfall } from '../analyze/server/waterfall-pods.ts';
export type {
  AccountDifference,
  AccountSnapshot,
  VllmMemoryAccount,
} from '../analyze/server/vllm-memory-account.ts';
export type { VllmMemorySnapshot } from '../analyze/server/vllm-memory-snapshot.ts';

/** The page and the command line know the columns' world through this file alone. */
export type { BudgetPart, DataTable, Gauge, LogEvent, MemoryBudget, Readings } from '../trace/readings.ts';
export type {
  AllocatorSettings,
  ConfAnswer,
  CurveView,
  Edit,
  RecordedSettings,
  ReplayAnswer,
  ReplayLimits,
  ReplayProgress,
  SettingsView,
  SiteEdit,
  SiteRow,
  SitesAnswer,
  SiteSelector,
  SitesQuery,
  SweepAnswer,
  SweepQuery,
  SweepRow,
  WhatIfAnswer,
  WhatIfQuery,
} from './replay-protocol.ts';

export type {
  CompareAmount,
  CompareBoth,
  CompareFigure,
  CompareLine,
  CompareMoment,
  ComparePlace,
  CompareQuery,
  CompareView,
  OverviewFigure,
  OverviewView,
} from './compare-protocol.ts';

export type { LedgerPart, OutsideColumns } from '../analyze/ledger/outside.ts';
export type {
  AddressMapAnswer,
  AddressMapQuery,
  AddressTimeAnswer,
  AddressTimeQuery,
  BlockState,
  FreeClass,
  FreeTimeAnswer,
  FreeTimeQuery,
  HoleAnswer,
  HoleBlock,
  HoleQuery,
  LargestFree,
  MapBlockColumns,
  MapKind,
  MapSegmentColumns,
  MapTotals,
  SegmentKind,
} from './address-protocol.ts';
export type { GroupBy } from '../analyze/lives/life-groups.ts';
export type { Axis, Range } from './range.ts';
export type {
  EventRow,
  EventsAnswer,
  EventsQuery,
  ExpressionFault,
  LifeAnswer,
  LifeRow,
  LifeSort,
  ListQuery,
  LivesAnswer,
  LivesQuery,
} from './lives-protocol.ts';
export type {
  LifePlace,
  LifePlaceQuery,
  RasterAnswer,
  RasterGroup,
  RasterQuery,
  StackOrder,
} from './raster-protocol.ts';
export type {
  FrameOwner,
  LineAnswer,
  LineOf,
  LineQuery,
  StackMeasure,
  StackTotal,
  StackTreeAnswer,
  StackTreeNodes,
  StackTreeQuery,
  TreeFrame,
} from './stacks-protocol.ts';
export type { Direction } from './stacks-protocol.ts';
export type { TableFormat, TableName, TableQuery, TablesQuery, TableView } from './table-query.ts';

export type GpuMode = 'auto' | 'on' | 'off';

/** Progress of one file. */
export interface Progress {
  readonly job: number;
  readonly file: string;
  /** "reading", "decompressing", "indexing", ... */
  readonly stage: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Once, when all is read and the rest is still being worked out. */
  readonly preview?: Preview;
}

/** What is seen of a device before everything about it is known. */
export interface Preview {
  readonly device: number;
  readonly rows: number;
  readonly series: readonly SeriesView[];
  readonly answer: TimelineAnswer;
}

/** Where an answer was computed, and why there. */
export interface RanOn {
  readonly where: 'cpu' | 'gpu';
  readonly reason: string;
  readonly milliseconds: number;
}

/** One file as the page shows it. */
export interface SourceView {
  readonly id: number;
  readonly file: string;
  readonly format: Format | null;
  readonly formatTitle: string;
  readonly producer: string;
  readonly bytes: number;
  readonly rows: number;
  readonly skipped: number;
  readonly warnings: readonly Warning[];
  readonly notRecorded: readonly string[];
  readonly settings: readonly (readonly [string, string])[];
  readonly error: TraceErrorData | null;
  /** Reading took, milliseconds. */
  readonly milliseconds: number;
  readonly devices: readonly DeviceView[];
  readonly summaries: readonly MemorySummary[];
  /** Figures over time, budgets, tables and events; absent where the file has none. */
  readonly readings?: Readings;
  /** What vLLM's own snapshots and profiling results say, by rank; absent where the file has none. */
  readonly vllmMemory?: readonly VllmMemoryAccount[];
}

/** A curve that can be asked for. */
export interface SeriesView {
  /**
   * PyTorch: requested, reserved, segments, unused, and from the replay allocated, active, inactive_split,
   * largest_free, free_blocks; where there is none, allocated_floor, active_floor, largest_gap, gaps.
   * Nsight: device, managed, ...
   */
  readonly id: string;
  readonly label: string;
  readonly unit: 'bytes' | 'count';
  /** 'usage': the timeline; 'fragmentation': the chart below it. */
  readonly chart: 'usage' | 'fragmentation';
  /** false: a bound or a count of what is visible; `note` says of what and why. */
  readonly exact: boolean;
  /** Where not exact: the true value is at least ('lower') or at most ('upper') this; null: neither can be promised. */
  readonly bound: 'lower' | 'upper' | null;
  readonly note: string | null;
}

/** A headline figure. null where the file does not tell. */
export interface HeadlineView {
  readonly id: string;
  readonly label: string;
  readonly now: number | null;
  readonly peak: number | null;
  /** x of the first moment of the peak on the time axis, ns from base; null where peak is. */
  readonly peakAtNs: number | null;
  readonly peakRow: number | null;
  /** false: `peak` is a lower bound ("at least"). `now` is always exact or null. */
  readonly peakExact: boolean;
  readonly note: string | null;
}

export interface DeviceView {
  /** "<source id>:<device>" */
  readonly key: string;
  readonly sourceId: number;
  readonly device: number;
  readonly producer: TraceProducer;
  readonly name: string | null;
  readonly totalBytes: number | null;
  readonly clock: 'wall' | 'session' | 'none';
  /** Absolute ns of x = 0. */
  readonly base: bigint;
  readonly spanNs: number;
  /** The longest time between two events in a row; absent: not known. */
  readonly longestIdleNs?: number;
  readonly rows: number;
  /** Counts by action. */
  readonly events: Readonly<Record<string, number>>;
  readonly streams: readonly string[];
  /** true: nothing was allocated or reserved when recording began, so peaks and totals are those of memory_stats. */
  readonly fromEmpty: boolean;
  /** Plain words: what is known and what is not. */
  readonly sentences: readonly string[];
  readonly series: readonly SeriesView[];
  readonly headline: readonly HeadlineView[];
  readonly annotations: readonly Annotation[];
  /** x (ns) and bytes asked of out-of-memory events. */
  readonly ooms: readonly {
    readonly xNs: number;
    readonly row: number;
    readonly size: number;
    readonly deviceFree: number | null;
  }[];
  /** Nsight: figures by memory kind and pool. */
  readonly kinds: readonly {
    readonly kind: string;
    readonly current: number;
    readonly peak: number;
    readonly allocated: number;
    readonly freed: number;
    readonly count: number;
  }[];
  /** false: no event and no block of the file has a stack. */
  readonly hasStacks: boolean;
  /** Nsight: kernels that ran on the device; null where none were recorded. */
  readonly kernels: {
    readonly count: number;
    /** Those that ran wholly before the first or after the last memory event: they lie beyond the timeline. */
    readonly outside: number;
  } | null;
}

export interface TimelineQuery {
  readonly device: string;
  readonly series: readonly string[];
  /** null: everything. */
  readonly range: Range | null;
  readonly axis: Axis;
  /** Pixel columns. */
  readonly columns: number;
}

export interface TimelineSeries {
  readonly id: string;
  /** Values per pixel column, exact integers. A column without events holds the value carried into it in all four. */
  readonly first: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly last: Float64Array;
}

export interface TimelineAnswer {
  readonly device: string;
  readonly range: Range;
  /** Start of each pixel column on the axis (ns from base, or row); the last column ends at range.to. */
  readonly x: Float64Array;
  /** Events in each column. */
  readonly count: Uint32Array;
  readonly series: readonly TimelineSeries[];
  readonly ranOn: RanOn;
}

/** Where every reserved byte is over time. */
export interface LedgerColumnsQuery {
  readonly device: string;
  /** null: everything. */
  readonly range: Range | null;
  readonly axis: Axis;
  /** Pixel columns. */
  readonly columns: number;
}

export interface LedgerColumns {
  readonly device: string;
  readonly range: Range;
  /** Start of each pixel column on the axis; the last column ends at range.to. */
  readonly x: Float64Array;
  /**
   * Each column shows one of its rows: the one after which most is reserved, and of those most is asked for; a free that
   * nothing waits for is shown after its second row. Parts of a row sum exactly to `reserved`. null: `why` says why there is nothing exact to show.
   */
  readonly parts: {
    /** Row shown; a column without events shows the one before it; -1: before the first row. */
    readonly row: Int32Array;
    readonly reserved: Float64Array;
    /**
     * requested, rounding, pending, inactive_split, inactive_pages, releasable, private_idle: bytes. Parts that have
     * none in the whole recording are left out.
     */
    readonly parts: readonly {
      readonly id: string;
      readonly label: string;
      readonly values: Float64Array;
      /** The most that the part has in any row of the column; it may be another row than the one shown. */
      readonly most: Float64Array;
    }[];
    /** After the last row of the range, which the last column need not show; `values` as `parts`. */
    readonly end: { readonly row: number; readonly reserved: number; readonly values: readonly number[] };
    /**
     * Large blocks from before the recording, each of them up to 1 MiB larger than taken: while they live, rounding is a
     * lower bound and free parts upper ones. 0: all is exact.
     */
    readonly unknownSizes: number;
    /** The last moment is that of `end`: one more than there are columns. null: no open file tells of the device. */
    readonly outside: OutsideColumns | null;
  } | null;
  readonly why: string | null;
}

/** Kernels in view; only on the time axis. */
export interface KernelsQuery {
  readonly device: string;
  /** Nanoseconds from base. */
  readonly from: number;
  readonly to: number;
  /** Pixel columns. */
  readonly columns: number;
}

export interface KernelSpan {
  /** Index into `names` of the answer. */
  readonly name: number;
  readonly stream: string;
  readonly startNs: number;
  readonly endNs: number;
}

export interface KernelsAnswer {
  readonly device: string;
  readonly from: number;
  readonly to: number;
  /** Start of each pixel column, ns from base; the last one ends at `to`. */
  readonly x: Float64Array;
  /** Share of each column in which at least one kernel ran, 0 to 1. */
  readonly busy: Float64Array;
  /** Kernels that ran at some time in each column. */
  readonly count: Uint32Array;
  /** Index into `kernels` of the longest one of each column, by its whole length; -1 where none ran. */
  readonly longest: Int32Array;
  /** In order of their starts: every kernel in view where `every`, else the longest of each column. */
  readonly kernels: readonly KernelSpan[];
  readonly every: boolean;
  readonly names: readonly string[];
  /** Kernels in view, and the share of it in which at least one ran. */
  readonly total: number;
  readonly busyShare: number;
  /** Names with the most time in view, the first few; their times add up overlaps. */
  readonly shares: readonly { readonly name: number; readonly count: number; readonly ns: number }[];
  /** How many names there are in view. */
  readonly namesTotal: number;
}

export interface HistogramClass {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly bytes: number;
}

export interface StreamRow {
  readonly stream: string;
  readonly allocations: number;
  readonly bytes: number;
  readonly frees: number;
  /** Live at the end of the range (requested bytes). */
  readonly liveAllocations: number;
  readonly liveBytes: number;
  readonly histogram: readonly HistogramClass[];
}

export interface SegmentRow {
  /** "0x7fe134000000" */
  readonly address: string;
  readonly size: number;
  readonly stream: string;
  readonly pool: string;
  readonly expandable: boolean;
  /** When it was made, ns from base; null: before recording began. */
  readonly allocatedAtNs: number | null;
  /** At the end of the range, requested bytes live in it and their number. */
  readonly liveBytes: number;
  readonly liveAllocations: number;
}

/** Who holds memory at the end of the range: live allocations by stack. */
export interface HolderRow {
  /** Node of the stack tree; null: allocated before recording, or without frames. */
  readonly stack: number | null;
  /** The innermost frame of the user's own code, or why there is none. */
  readonly label: string;
  readonly bytes: number;
  readonly allocations: number;
  readonly largest: number;
}

export interface RangeAnswer {
  readonly device: string;
  readonly range: Range | null;
  readonly rows: readonly [number, number];
  readonly streams: readonly StreamRow[];
  readonly segments: readonly SegmentRow[];
  readonly segmentsTotal: number;
  readonly holders: readonly HolderRow[];
  readonly holdersTotal: number;
  /** Requested bytes live at the end of the range. */
  readonly liveBytes: number;
  readonly ranOn: RanOn;
}

export interface RangeQuery {
  readonly device: string;
  readonly range: Range | null;
  /** At most so many rows of segments and holders, the largest first. */
  readonly limit: number;
}

/** One event and every curve's value just after it. */
export type MomentNote = 'compile_context' | 'user_metadata' | 'internal_metadata';

export interface MomentAnswer {
  readonly device: string;
  readonly row: number;
  readonly xNs: number;
  readonly timeNs: bigint;
  readonly action: string;
  readonly address: string;
  readonly size: number;
  readonly stream: string;
  readonly group: string;
  /** Private pool "(0, 1)" that it happened in, "" for the default pool; null: the file does not tell. */
  readonly pool: string | null;
  /** The action as the file has it, where it is none that is known; else null. */
  readonly actionName: string | null;
  /** What the file says of it beside: compiled region, metadata. Those that are there. */
  readonly notes: readonly { readonly id: MomentNote; readonly text: string }[];
  /** What the program noted of the allocation later (annotate events), in order. */
  readonly annotations: readonly { readonly row: number; readonly text: string }[];
  readonly frames: readonly Frame[];
  /** The forward pass that a backward operator belongs to; empty where none was recorded. */
  readonly forward: readonly Frame[];
  readonly values: readonly {
    readonly id: string;
    readonly label: string;
    readonly value: number;
    readonly unit: 'bytes' | 'count';
    readonly exact: boolean;
  }[];
  /** For an alloc: row of its free_completed; for a free: row of its alloc. null: none in the recording. */
  readonly partnerRow: number | null;
  readonly partnerNs: number | null;
}

export interface EngineStatus {
  readonly gpu: 'absent' | 'ready' | 'software' | 'off' | 'lost';
  /** Adapter in words, or why there is none. */
  readonly adapter: string;
  readonly mode: GpuMode;
}
