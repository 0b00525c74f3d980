/**
 * What logs, monitors and reports tell that is no allocation event: figures over time, budgets, tables, events.
 * Every number is what was printed; `granularity` says how coarsely.
 */
import type { Rank } from '../base/rank.ts';
import type { VllmMemoryPrint } from './vllm-memory.ts';

/** A figure over time: nvidia-smi, DCGM, a server's loggers, `[tag] Allocated` lines. */
export interface Gauge {
  /** Stable and of the producer's own words: "memory.used", "DCGM_FI_DEV_FB_USED", "vllm:gpu_cache_usage_perc". */
  readonly id: string;
  readonly label: string;
  readonly unit:
    | 'bytes'
    | 'ratio'
    | 'count'
    | 'tokens'
    | 'per_second'
    | 'tokens_per_second'
    | 'nanoseconds'
    | 'watts'
    | 'celsius'
    | 'megahertz';
  /** GPU index where the producer names one. */
  readonly device: number | null;
  /** Everything else that tells this series from its neighbours: pod, uuid, rank, engine. */
  readonly labels: Readonly<Record<string, string>>;
  /** Absolute ns on the source's clock (Readings.clock), ascending; ordinals where there is none. */
  readonly time_ns: BigInt64Array;
  /** NaN: a sample is missing ("[N/A]", a blank sentinel, a gap). */
  readonly value: Float64Array;
  /** Width of the last printed digit, in the unit above; 0: exact. */
  readonly granularity: number;
  /** true: counted from an unknown start, so that values below 0 are meant. */
  readonly is_difference?: boolean;
  /** What a reader of the curve must know: "time the memory bus was busy, not how full the memory is". */
  readonly note: string | null;
}

export interface TableColumn {
  readonly name: string;
  readonly unit: 'text' | 'bytes' | 'nanoseconds' | 'count' | 'percent' | 'number';
}

/** A table as a report prints it. Cells in the column's unit; null: empty there. */
export interface DataTable {
  readonly id: string;
  readonly title: string;
  /** What the table is and is not: "transfers, not memory in use". */
  readonly note: string | null;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** One figure of a budget, with the place in the file that says it. */
export interface BudgetPart {
  readonly id:
    | 'total'
    | 'utilization'
    | 'requested'
    | 'weights'
    | 'non_torch'
    | 'activation_peak'
    | 'cuda_graphs'
    | 'cuda_graphs_estimated'
    | 'kv_cache'
    | 'kv_cache_blocks'
    | 'cpu_blocks'
    | 'kv_cache_tokens'
    | 'max_concurrency'
    | 'free_at_start'
    | 'tokens_per_request'
    | 'requests_at_once'
    | 'available'
    | 'other';
  readonly label: string;
  /** Bytes, except: utilization (0 to 1), *_blocks, *_tokens, tokens_per_request and requests_at_once (counts), max_concurrency (a ratio). */
  readonly value: number;
  readonly granularity: number;
  /** Byte offset of the line. */
  readonly offset: number;
}

/** The memory budget that a server printed for one rank (one GPU). */
export interface MemoryBudget {
  readonly rank: Rank;
  readonly producer: string;
  readonly parts: readonly BudgetPart[];
}

/** Something that happened at one line: out of memory, preemption, sleep, a refused start. */
export interface LogEvent {
  readonly kind: 'oom' | 'preemption' | 'sleep' | 'start_refused' | 'other';
  /** null: the line carries no time. */
  readonly time_ns: bigint | null;
  readonly device: number | null;
  /** Out of memory: whose allocator failed where it is not PyTorch's; 'host': the machine's own memory. */
  readonly allocator?: 'xla' | 'tensorflow' | 'paddle' | 'ggml' | 'driver' | 'library' | 'host' | 'other';
  readonly text: string;
  /** Bytes by name, as printed: { requested, free, total, allocated, reserved_unallocated, process, private_pools, allowed }. */
  readonly figures: Readonly<Record<string, number>>;
  readonly offset: number;
}

export interface Readings {
  /** 'wall': Unix time; 'local': a wall clock without a zone, taken as UTC; 'none': ordinals. */
  readonly clock: 'wall' | 'local' | 'none';
  readonly gauges: readonly Gauge[];
  readonly tables: readonly DataTable[];
  readonly budgets: readonly MemoryBudget[];
  readonly events: readonly LogEvent[];
  /** vLLM's own snapshots and profiling results, in the order of the text; absent where there are none. */
  readonly vllm_memory?: readonly VllmMemoryPrint[];
}
