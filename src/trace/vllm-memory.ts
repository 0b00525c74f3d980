/**
 * vLLM's `MemorySnapshot` and `MemoryProfilingResult` as a log or a pasted text holds them
 * (vllm/utils/mem_utils.py; before 0.12 vllm/utils/__init__.py). Bytes, as printed; what is not printed is absent.
 */
import type { Rank } from '../base/rank.ts';
import type { SnapshotField } from '../base/vllm-fields.ts';

export const RESULT_FIELDS = [
  'non_kv_cache_memory',
  'torch_peak_increase',
  'non_torch_increase',
  'total_consumed',
  'transient_peak_headroom',
  'weights_memory',
] as const;
export type ResultField = (typeof RESULT_FIELDS)[number];

/** Bytes, and the width of the last printed digit in bytes; granularity 0: every byte was printed. */
export interface PrintedBytes {
  readonly value: number;
  readonly granularity: number;
}

interface Printed {
  /** As in a budget. */
  readonly rank: Rank;
  /** What the text calls it: "worker init memory snapshot", "before_create"; "" where it has no name. */
  readonly label: string;
  /** 1 for the first line. */
  readonly line: number;
  /** Byte offset of that line. */
  readonly offset: number;
}

export interface PrintedSnapshot extends Printed {
  readonly kind: 'snapshot';
  readonly fields: Readonly<Partial<Record<SnapshotField, PrintedBytes>>>;
  /** Unix time in seconds; null: not printed. */
  readonly timestamp_s: number | null;
}

/** `weights_memory` alone where only that was given. */
export interface PrintedProfiling extends Printed {
  readonly kind: 'result';
  readonly fields: Readonly<Partial<Record<ResultField, PrintedBytes>>>;
  readonly profile_time_s: number | null;
}

export type VllmMemoryPrint = PrintedSnapshot | PrintedProfiling;
