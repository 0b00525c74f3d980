/** The object that `analyze --json` prints and `<vram-scope>.analysis` resolves to. Documented in docs/cli.md. */
import type { TraceErrorData } from '../../base/trace-error.ts';
import type { AnalysisBudgetSum } from './budget.ts';
import type { AnalysisLines } from './lines.ts';
import type { AnalysisPins } from './pins.ts';
import type { AnalysisVllmMemory } from './vllm-memory.ts';

/** An exact integer: a number up to 2^53, a decimal string beyond. */
export type JsonInteger = number | string;

export interface AnalysisSource {
  readonly file: string;
  /** null: not recognised. */
  readonly format: string | null;
  readonly producer: string;
  readonly bytes: number;
  readonly rows: number;
  readonly skipped: number;
  readonly warnings: readonly string[];
  readonly not_recorded: readonly string[];
  /** Present only where reading failed or ended early. */
  readonly error?: TraceErrorData;
  /** Present only where a part of the file could not be read or contradicts the rest: what, in words. */
  readonly damage?: string;
}

export interface AnalysisHistogramClass {
  readonly from: JsonInteger;
  readonly to: JsonInteger;
  readonly count: number;
  readonly bytes: JsonInteger;
}

export interface AnalysisDevice {
  /** Index into `sources`. */
  readonly source: number;
  readonly device: number;
  readonly name: string | null;
  readonly total_bytes: JsonInteger | null;
  readonly span_ns: readonly [JsonInteger, JsonInteger] | null;
  readonly from_empty: boolean;
  readonly events: Readonly<Record<string, number>>;
  readonly memory_stats: Readonly<Record<string, JsonInteger>>;
  readonly streams: readonly {
    readonly stream: string;
    readonly allocations: number;
    readonly bytes: JsonInteger;
    readonly histogram: readonly AnalysisHistogramClass[];
  }[];
  /** Pinned host memory only (device -1): keys of host_memory_stats() that the file tells exactly. */
  readonly host_memory_stats?: Readonly<Record<string, JsonInteger>>;
  /** Nsight only. */
  readonly kinds?: Readonly<
    Record<string, { current: JsonInteger; peak: JsonInteger; allocated: JsonInteger; freed: JsonInteger }>
  >;
}

export interface AnalysisSummary {
  readonly source: number;
  readonly step: number;
  readonly label: string | null;
  readonly device: number;
  readonly ooms: number;
  readonly retries: number;
  /** Printed figures, rounded down by PyTorch: each means [value, value + granularity of its unit). */
  readonly rows: Readonly<
    Record<
      string,
      Readonly<Record<string, { current: number; peak: number; allocated: number; freed: number }>>
    >
  >;
}

/** A figure over time as a log or a monitor printed it. */
export interface AnalysisSeries {
  readonly source: number;
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  readonly device: number | null;
  readonly labels: Readonly<Record<string, string>>;
  /** "wall": Unix time; "local": a wall clock without a zone, taken as UTC; "none": ordinals. */
  readonly clock: 'wall' | 'local' | 'none';
  /** Width of the last printed digit; 0: exact. */
  readonly granularity: number;
  readonly note: string | null;
  /** Time (ns or ordinal) and value; null: the sample is missing. */
  readonly samples: readonly (readonly [JsonInteger, number | null])[];
}

export interface AnalysisTable {
  readonly source: number;
  readonly id: string;
  readonly title: string;
  readonly note: string | null;
  readonly columns: readonly { readonly name: string; readonly unit: string }[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

export interface AnalysisBudget {
  readonly source: number;
  readonly rank: string;
  readonly producer: string;
  readonly parts: readonly {
    readonly id: string;
    readonly label: string;
    readonly value: number;
    readonly granularity: number;
  }[];
}

export interface AnalysisEvent {
  readonly source: number;
  readonly kind: string;
  readonly time_ns: JsonInteger | null;
  readonly device: number | null;
  readonly text: string;
  readonly figures: Readonly<Record<string, JsonInteger>>;
}

/** What a rule found (docs/cli.md lists the ids). */
export interface AnalysisFinding {
  readonly id: string;
  /** Index into `sources`; null: about several. */
  readonly source: number | null;
  readonly device: number | null;
  /** problem, risk, info, good. */
  readonly severity: string;
  readonly title: string;
  readonly verdict: string;
  /** certain, high, medium, low. */
  readonly confidence: string;
  readonly confidence_why: string;
  /** Facts, with the row or rows of the device's events to look at. */
  readonly evidence: readonly {
    readonly text: string;
    readonly row: number | null;
    readonly rows: readonly [number, number] | null;
  }[];
  readonly remedy: string | null;
  /** Present only where what it rests on is damaged: what is, in words. */
  readonly damage?: string;
  /** Computed by replay or arithmetic; null: not computed. */
  readonly gain_bytes: number | null;
  readonly gain_how: string | null;
  readonly would_change: string;
}

/** Growth of one figure of a device, of one of its streams, or of a line of code; one value an iteration. */
export interface AnalysisGrowth {
  readonly source: number | null;
  readonly device: number;
  /** device, stream (where there are several), line. */
  readonly by: string;
  /** The stream, or the line of code; null: the device. */
  readonly name: string | null;
  /** allocated, active, reserved. */
  readonly series: string;
  /** none, warm_up_plateau, steps_with_largest_request, linear_leak, sub_linear, cannot_tell. */
  readonly kind: string;
  readonly confidence: string;
  readonly bound_bytes: number | null;
  /** Rounded to whole bytes. */
  readonly slope_bytes_per_iteration: number | null;
  readonly iterations: number;
  /** First and last row judged. */
  readonly window: readonly [number, number] | null;
  readonly statistic: string;
}

/**
 * Where every byte of a device is at one moment. The first six parts sum exactly to `reserved_bytes`; with those of
 * non_torch, other_processes and unexplained that are known they sum exactly to `used_bytes`.
 */
export interface AnalysisLedger {
  readonly source: number | null;
  readonly device: number;
  /** "end" of the recording, or "peak": where most was reserved. */
  readonly when: string;
  /** Just after this row. */
  readonly row: number;
  readonly reserved_bytes: number;
  /** requested, rounding, pending, inactive_split, releasable, private_idle; non_torch, other_processes, unexplained: null where not known. */
  readonly parts: Readonly<Record<string, number | null>>;
  /** In use on the device by anyone; null: no open file tells. */
  readonly used_bytes: number | null;
  /** By part (and "used"): the true figure is within so many bytes, both ways; parts that are exact are not named. */
  readonly error_bytes: Readonly<Record<string, number>>;
  /** Which samples of which file tell of the device, and how far from the moment they are; null: none. */
  readonly device_from: string | null;
  /** Free bytes of one pool ("": the default one), stream and size class; they sum to inactive_split, releasable and private_idle. */
  readonly free: readonly {
    readonly pool: string;
    readonly stream: string;
    /** "small": for requests up to 1 MiB; "large". */
    readonly size_class: string;
    /** Beside something live: in segments of cudaMalloc, on pages of expandable segments. */
    readonly split_bytes: number;
    readonly page_bytes: number;
    /** Of segments and pages in which nothing is left. */
    readonly whole_bytes: number;
  }[];
  /** inactive_split as each stream sees it: own_large, own_small, other_streams, private_pools; they sum to it. Parts without a byte are left out. */
  readonly inactive_split_for: readonly {
    readonly stream: string;
    readonly parts: Readonly<Record<string, number>>;
  }[];
  readonly empty_cache_bytes: number;
  /** Largest request that would be served: [at least, at most]; null: no limit known. */
  readonly largest_request: readonly {
    readonly stream: string;
    readonly from_cache: number;
    readonly with_new_segment: readonly [number, number] | null;
    readonly after_release: readonly [number, number] | null;
  }[];
  readonly unknown: readonly string[];
}

/** A server's memory budget of one rank as a waterfall: what each step takes of the whole. */
export interface AnalysisWaterfall {
  readonly source: number | null;
  readonly rank: string;
  readonly pod: string;
  readonly producer: string;
  /** requested, free, none: what the steps are taken from. */
  readonly basis: string;
  readonly total_bytes: number | null;
  readonly utilization: number | null;
  readonly steps: readonly {
    readonly id: string;
    readonly label: string;
    readonly bytes: number;
    readonly error_bytes: number;
  }[];
  readonly remainder_bytes: number | null;
  /** CUDA graphs for which no room was left, or too little; null: none, or the log does not say. */
  readonly graphs_beyond_bytes: number | null;
  /** none, within, in_activation, beyond, cannot_tell. */
  readonly graphs_place: string;
  /** yes, left_over, exceeds, cannot_tell. */
  readonly adds_up: string;
  readonly sentence: string;
}

/** The clock of a source beside the common one. */
export interface AnalysisClock {
  readonly source: number | null;
  readonly status: string;
  /** Add to the source's times; null: not known. */
  readonly offset_ns: JsonInteger | null;
  readonly uncertainty_ns: number | null;
  readonly confidence: string;
  readonly sentence: string;
}

/** Two sources that cannot both be right. */
export interface AnalysisContradiction {
  readonly kind: string;
  readonly files: readonly [string, string];
  readonly device: number | null;
  readonly difference_bytes: number;
  readonly allowed_bytes: number;
  readonly sentence: string;
}

export interface Analysis {
  readonly schema: 1;
  readonly sources: readonly AnalysisSource[];
  readonly devices: readonly AnalysisDevice[];
  readonly summaries: readonly AnalysisSummary[];
  readonly series: readonly AnalysisSeries[];
  readonly tables: readonly AnalysisTable[];
  readonly budgets: readonly AnalysisBudget[];
  readonly log_events: readonly AnalysisEvent[];
  readonly vllm_memory: readonly AnalysisVllmMemory[];
  /** Problems first. */
  readonly findings: readonly AnalysisFinding[];
  readonly growth: readonly AnalysisGrowth[];
  readonly ledger: readonly AnalysisLedger[];
  /** By line of the program, at the peak of what was asked for; of devices with events or a final state. */
  readonly lines: readonly AnalysisLines[];
  readonly pins: readonly AnalysisPins[];
  readonly budget: readonly AnalysisWaterfall[];
  readonly budget_sums: readonly AnalysisBudgetSum[];
  readonly clocks: readonly AnalysisClock[];
  readonly contradictions: readonly AnalysisContradiction[];
  /** Present only where something failed after reading: a device, a rule, a step. All else is in the object. */
  readonly errors?: readonly TraceErrorData[];
}
