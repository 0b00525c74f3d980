/**
 * The part of a diagnosis that is about servers, monitors and logs: budgets, KV cache, usage, requests, clocks.
 * Plain data; bytes are exact numbers, and where a figure was printed with few digits, its error stands beside it.
 */
import type { Bounds, Measured } from '../base/measured.ts';
import type { Rank } from '../base/rank.ts';
import type { ClocksAnswer } from '../analyze/clock/answer.ts';

export type { ClocksAnswer, ClockView, DisagreementView } from '../analyze/clock/answer.ts';

/** One step down. The steps of a waterfall that has a whole sum to it exactly, the remainder included. */
export interface WaterfallStepView {
  /** in_use_before, not_requested, weights, non_torch, activation_peak, cuda_graphs, kv_cache, remainder, available. */
  readonly id: string;
  readonly label: string;
  /** Negative only for a remainder: more was printed than there is. */
  readonly bytes: number;
  readonly errorBytes: number;
  /** What is left of the whole after this step; null: the whole is not known. */
  readonly leftBytes: number | null;
  /** Byte offset of the line that says it; null: computed. */
  readonly offset: number | null;
}

export interface RankWaterfallView {
  readonly rank: Rank;
  readonly producer: string;
  /** 'requested': against total x utilization; 'free': against what was free at the start; 'none': of no whole. */
  readonly basis: 'requested' | 'free' | 'none';
  readonly total: Measured | null;
  /** 0 to 1. */
  readonly utilization: number | null;
  readonly requested: Measured | null;
  readonly inUseBefore: Measured | null;
  /** What the steps are subtracted from. */
  readonly whole: Measured | null;
  readonly steps: readonly WaterfallStepView[];
  readonly remainder: Measured | null;
  readonly addsUp: 'yes' | 'left_over' | 'exceeds' | 'cannot_tell';
  /** CUDA graphs beyond the budget: no room, or too little, was left for them as the KV cache got its size. */
  readonly graphsOnTop: Measured | null;
  /** 'in_activation': room for them is counted into the activation peak. 'none': no graphs are printed. */
  readonly graphsPlace: 'none' | 'within' | 'in_activation' | 'beyond' | 'cannot_tell';
  /** Figures that the log does not print and that would be needed. */
  readonly missing: readonly string[];
  readonly sentence: string;
}

export interface PodStepView {
  /** The ids of waterfall steps, and total, requested, graphs_on_top. */
  readonly id: string;
  readonly label: string;
  /** Ranks whose lines give this figure, and the sum over those. */
  readonly printedRanks: number;
  readonly printed: Measured;
  /** Over all ranks, the silent ones taken as like the others; null: those that print differ. */
  readonly allRanks: Measured | null;
}

export interface PodWaterfallView {
  readonly pod: string;
  /** Which start of the server in this log, from 1. */
  readonly start: number;
  readonly ranks: readonly Rank[];
  readonly rankCount: number;
  readonly steps: readonly PodStepView[];
  readonly addsUp: 'yes' | 'left_over' | 'exceeds' | 'cannot_tell';
  readonly sentence: string;
}

export interface KvCheckView {
  readonly what: string;
  readonly printed: number;
  readonly computed: Bounds;
  readonly agrees: boolean;
}

/** What another setting would change; bytes are those of one rank. */
export interface KvWhatIfView {
  /** "--max-model-len 4096" */
  readonly setting: string;
  readonly bytes: Bounds | null;
  readonly bytesGained: Bounds | null;
  readonly tokens: Bounds | null;
  readonly concurrency: Bounds | null;
  /** null: it can be made; else why it cannot, or cannot be computed. */
  readonly refused: string | null;
  readonly notes: readonly string[];
}

/** The KV cache of one engine and start, from the log and, where it was given, the model's config.json. */
export interface KvView {
  readonly start: number;
  /** "DP1"; "" where there is one. */
  readonly engine: string;
  /** On the rank that has least, which bounds all. */
  readonly bytes: Measured | null;
  readonly leastRank: Rank | null;
  readonly ranks: number;
  readonly tokens: number | null;
  readonly blocks: number | null;
  readonly blockSize: number | null;
  readonly maxModelLen: number | null;
  /** Requests of max-model-len that fit at once, as printed. */
  readonly concurrency: Measured | null;
  readonly bytesPerToken: Bounds | null;
  /** 'mixed': layers keep unlike numbers of tokens, so there is no one number of bytes a token. */
  readonly shape: 'uniform' | 'mixed' | 'unknown';
  readonly kvDtype: string | null;
  readonly tensorParallel: number;
  readonly pipelineParallel: number;
  readonly maxNumSeqs: number | null;
  readonly missing: readonly string[];
  readonly checks: readonly KvCheckView[];
  /** Only what the log (and the config) suffices for, and what it refuses with a reason. */
  readonly whatIfs: readonly KvWhatIfView[];
  /** From config.json; null: none was given. */
  readonly model: {
    /** Why it could not be used; null: it was. */
    readonly error: string | null;
    /** Bytes of one token in all layers, on one rank; null with an error. */
    readonly bytesPerTokenPerRank: number | null;
    /** Tokens in the printed bytes, where the log prints none; null: it does, or they cannot be told. */
    readonly tokens: Bounds | null;
    /** On how many tensor-parallel ranks each KV head is kept. */
    readonly copies: number | null;
    readonly notes: readonly string[];
  } | null;
}

export interface ExtentView {
  readonly first: number;
  readonly last: number;
  readonly min: number;
  readonly max: number;
}

export interface UsageWindowView {
  /** idle, running, filling, full, preempting, stuck, held, unknown. */
  readonly state: string;
  /** Absolute ns on the source's clock. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly samples: number;
  /** Share of the KV cache in use, 0 to 1. */
  readonly usage: ExtentView;
  readonly running: ExtentView | null;
  readonly waiting: ExtentView | null;
  /** Tokens per second. */
  readonly generation: ExtentView | null;
  readonly hitRate: ExtentView | null;
  readonly preemptions: number;
}

export interface UsageView {
  readonly labels: Readonly<Record<string, string>>;
  /** The gravest state, and the one at the end. */
  readonly verdict: string;
  readonly last: string;
  readonly sentence: string;
  readonly prefixCache: string | null;
  /** Series that were not recorded. */
  readonly missing: readonly string[];
  readonly windows: readonly UsageWindowView[];
}

/** One log (or metrics file) of a server. */
export interface ServerView {
  readonly sourceId: number;
  readonly file: string;
  readonly producer: string;
  readonly waterfalls: readonly RankWaterfallView[];
  /** Sums by host and start of the server. */
  readonly pods: readonly PodWaterfallView[];
  /** GPUs of one pod as set by hand; null: as many as the log names. */
  readonly gpusPerPod: number | null;
  /** Text of config.json as it was given; null: none. */
  readonly modelConfig: string | null;
  /** Why that text could not be used at all; null: it could, or none was given. */
  readonly modelError: string | null;
  /** tensor x pipeline x data parallel, where the log prints them; null: it does not. */
  readonly worldSize: number | null;
  /** The sum over all ranks of the last start; null: the world size is not printed, or is that of one pod. */
  readonly whole: PodWaterfallView | null;
  readonly kv: readonly KvView[];
  readonly usage: readonly UsageView[];
}

export interface SpreadView {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
}

export interface RequestBucketView {
  readonly name: 'S' | 'M' | 'L' | 'XL';
  readonly above: number;
  /** null: no upper bound. */
  readonly upTo: number | null;
  readonly count: number;
  /** 0 to 1. */
  readonly share: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly tokens: SpreadView | null;
  /** Steps of memory that are this class's alone, their sum and the largest, bytes. */
  readonly steps: number;
  readonly growth: number;
  readonly largestStep: number | null;
  readonly before: SpreadView | null;
  readonly after: SpreadView | null;
  readonly waiting: SpreadView | null;
  readonly running: SpreadView | null;
}

/** Requests of one request log by size, against one series of memory. */
export interface RequestBucketsView {
  readonly sourceId: number;
  readonly file: string;
  /** Where the memory is from, in words; null: counts and tokens only. */
  readonly memory: string | null;
  readonly join: 'clock' | 'tag' | 'none';
  readonly by: 'input' | 'output' | 'total';
  readonly buckets: readonly RequestBucketView[];
  readonly mixed: { readonly steps: number; readonly requests: number; readonly growth: number };
  readonly idle: { readonly steps: number; readonly growth: number };
  /** The sum of all growth above, exactly; null without memory. */
  readonly growth: number | null;
  readonly granularity: number;
  readonly uncertain: number;
  readonly unclassified: number;
  readonly notes: readonly string[];
}

/** Growth of a figure that a monitor, a log or summaries print. */
export interface GaugeGrowthView {
  readonly sourceId: number;
  readonly file: string;
  readonly gauge: string;
  readonly label: string;
  readonly device: number | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: number;
  /** none, warm_up_plateau, steps_with_largest_request, linear_leak, sub_linear, cannot_tell. */
  readonly kind: string;
  readonly confidence: string;
  readonly boundBytes: number | null;
  readonly slopeBytesPerSample: number | null;
  readonly slopeBytesPerSecond: number | null;
  readonly why: readonly string[];
}

/** What a log does not say and its reader may know. */
export interface ServerGiven {
  /** GPUs of one pod; null: as many as the log names. */
  readonly gpusPerPod: number | null;
  /** Text of the model's config.json; null: none. */
  readonly modelConfig: string | null;
}

export interface ServersDiagnosis extends ClocksAnswer {
  readonly servers: readonly ServerView[];
  readonly requests: readonly RequestBucketsView[];
  readonly gaugeGrowth: readonly GaugeGrowthView[];
}
