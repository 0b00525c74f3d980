/**
 * The part of a diagnosis that is about servers, monitors and logs: budgets, KV cache, usage, requests, clocks.
 * Plain data; bytes are exact numbers, and where a figure was printed with few digits, its error stands beside it.
 */
import type { Bounds, Measured } from '../base/measured.ts';
import type { Rank } from '../base/rank.ts';
import type { RequestBuckets } from '../analyze/server/request-buckets.ts';
import type { EngineUsage } from '../analyze/server/kv-usage.ts';
import type { KvWhatIf } from '../analyze/server/kv-cache-what-if.ts';
import type { KvCheck } from '../analyze/server/kv-cache-check.ts';
import type { PodWaterfall } from '../analyze/server/waterfall-pods.ts';
import type { RankWaterfall } from '../analyze/server/waterfall.ts';
import type { ClocksAnswer } from '../analyze/clock/answer.ts';

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
  readonly checks: readonly KvCheck[];
  /** Only what the log (and the config) suffices for, and what it refuses with a reason. */
  readonly whatIfs: readonly KvWhatIf[];
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

/** One log (or metrics file) of a server. */
export interface ServerView {
  readonly sourceId: number;
  readonly file: string;
  readonly producer: string;
  readonly waterfalls: readonly RankWaterfall[];
  /** Sums by host and start of the server. */
  readonly pods: readonly PodWaterfall[];
  /** GPUs of one pod as set by hand; null: as many as the log names. */
  readonly gpusPerPod: number | null;
  /** Text of config.json as it was given; null: none. */
  readonly modelConfig: string | null;
  /** Why that text could not be used at all; null: it could, or none was given. */
  readonly modelError: string | null;
  /** tensor x pipeline x data parallel, where the log prints them; null: it does not. */
  readonly worldSize: number | null;
  /** The sum over all ranks of the last start; null: the world size is not printed, or is that of one pod. */
  readonly whole: PodWaterfall | null;
  readonly kv: readonly KvView[];
  readonly usage: readonly EngineUsage[];
}

/** Requests of one request log by size, against one series of memory. */
export interface RequestBucketsView extends RequestBuckets {
  readonly sourceId: number;
  readonly file: string;
  /** Where the memory is from, in words; null: counts and tokens only. */
  readonly memory: string | null;
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
