/** What the readers fill and everything else asks: sources, and the devices each of them tells of. */
import type { BlockTable, EventDetails, EventTable, SegmentTable } from './schema.ts';
import type { Readings } from './readings.ts';
import type { StackTable } from './stack-table.ts';

/** One fact about something dropped, repaired, clamped or missing. `offset` in decompressed bytes. */
export interface Warning {
  readonly message: string;
  readonly offset: number | null;
}

export interface Annotation {
  readonly name: string;
  readonly device: number;
  readonly start_ns: bigint;
  /** null: never closed in this recording. */
  readonly end_ns: bigint | null;
}

/** Who recorded: PyTorch's allocator of a device, its allocator of pinned host memory, or Nsight Systems. */
export type TraceProducer = 'torch' | 'torch_host' | 'nsys';

/** Number of the "device" that is the machine's own memory, as PyTorch numbers it. */
export const HOST_DEVICE = -1;

/** What the recording says of its own ring of entries (newer versions of PyTorch). */
export interface RecordingRing {
  /** Entries it holds at most; Infinity: no limit; null: not told. */
  readonly maxEntries: number | null;
  /** true: older entries were overwritten; null: not told of this device. */
  readonly overflowed: boolean | null;
}

/** One device as one source tells of it. */
export interface DeviceTrace {
  /** HOST_DEVICE: pinned memory of the host. */
  readonly device: number;
  readonly producer: TraceProducer;
  /** GPU model where the source names it. */
  readonly name: string | null;
  readonly total_bytes: number | null;
  /** 'wall': Unix time; 'session': since the profiler's start; 'none': row numbers stand in for times. */
  readonly clock: 'wall' | 'session' | 'none';
  /** Stream names; "0" is the default stream. */
  readonly streams: readonly string[];
  readonly events: EventTable;
  /** Absent where no event has any. */
  readonly details?: EventDetails;
  /** Absent where the recording does not tell. */
  readonly ring?: RecordingRing;
  /** true: the file was cut inside the events, so `segments` tell of a later moment than the last row. */
  readonly cut: boolean;
  /** State at the end, PyTorch only. */
  readonly segments: SegmentTable | null;
  readonly blocks: BlockTable | null;
  readonly annotations: readonly Annotation[];
  /** Nsight: cudaMallocAsync pools, the pool figures that came with events; null elsewhere. */
  readonly pools: PoolTable | null;
  /** Rows whose `device_free` the allocator printed (oom events): [row, bytes]. */
  readonly device_free: readonly (readonly [number, number])[];
  /** Variable names of static symbols, by row (Nsight kinds 5 and 6). */
  readonly symbols: readonly (readonly [number, string])[];
  /** Nsight: rows that free what was in use before recording began, ascending: it is counted from the start. */
  readonly unmatched_frees?: Uint32Array;
  /**
   * Nsight: row of the free of each alloc and of the alloc of each free, NONE where there is none. Found by process
   * and context beside the address: several processes may have the same address at once.
   */
  readonly partner?: Uint32Array;
  /** Pinned host memory: requests of up to `roundLimit` bytes are rounded up to a power of two, larger ones are not. */
  readonly pinned?: { readonly roundLimit: number };
  /** Nsight: kernels that ran on the device, where they were recorded. */
  readonly kernels?: KernelTable;
}

/** Kernels in time order of their starts; they may overlap. */
export interface KernelTable {
  readonly length: number;
  /** i64 words, ns. */
  readonly start_ns: Uint32Array;
  /** i64 words, ns. */
  readonly end_ns: Uint32Array;
  /** Index into `names`. */
  readonly name_index: Uint32Array;
  /** Index into `streams` (of this table: memory events of older exports carry no stream). */
  readonly stream_index: Uint16Array;
  readonly names: readonly string[];
  readonly streams: readonly string[];
}

/** Nsight: state of a stream-ordered memory pool after each pool-backed event. Rows in time order. */
export interface PoolTable {
  readonly length: number;
  /** u64 words. */
  readonly pool_address: Uint32Array;
  /** i64 words, ns. */
  readonly time_ns: Uint32Array;
  /** Bytes AFTER the event (Nsight prints the value before a free; the reader corrects it). */
  readonly utilized: Float64Array;
  readonly size: Float64Array;
  readonly release_threshold: Float64Array;
  /** Row of the event table that a row came with; NONE for what happened to the pool itself (created, trimmed). */
  readonly event_row?: Uint32Array;
  /** Index of the process whose pool it is: pools of several processes may have the same address. */
  readonly process_index?: Uint16Array;
}

/** One cell group of `torch.cuda.memory_summary()`. Bytes or counts as printed times the unit: rounded down. */
export interface SummaryCell {
  readonly current: number;
  readonly peak: number;
  readonly allocated: number;
  readonly freed: number;
}

/** One printed summary. */
export interface MemorySummary {
  /** Whose it is, where its lines say so: { rank: "3" }. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The step marker line before it, or null. */
  readonly label: string | null;
  /** Ordinal in the log, from 0. */
  readonly step: number;
  readonly device: number;
  readonly ooms: number;
  readonly retries: number;
  /** Byte offset of its first line. */
  readonly offset: number;
  /** Metric as printed ("Allocated memory") -> row ("all" | "large_pool" | "small_pool") -> figures. */
  readonly rows: Readonly<Record<string, Readonly<Record<string, SummaryCell>>>>;
  /** Metric -> largest error of its figures: a printed figure f means [f, f + granularity). */
  readonly granularity: Readonly<Record<string, SummaryCell>>;
}

/** As text. `start`, from 2: what a later start of a server has otherwise than the first. */
export type Setting = readonly [name: string, value: string, start?: number];

export interface SourceData {
  /** "PyTorch 2.10 or newer", "Nsight Systems 2023.4.4, schema 3.7.2"; what the content itself shows. */
  readonly producer: string;
  readonly rows: number;
  /** Rows met and not kept; each kind has a warning. */
  readonly skipped: number;
  readonly warnings: readonly Warning[];
  /**
   * What is wrong in the file, as a clause ("3 events contradict the final state"); null: nothing, also where rows were
   * skipped on purpose. Absent: whatever was skipped is damage.
   */
  readonly damage?: string | null;
  /** true: bytes of the file were not read; absent: all were. */
  readonly unread?: true;
  /** Clauses about what contradicts itself in the file although every figure of it can be; absent: nothing. */
  readonly contradictions?: readonly string[];
  /** Plain sentences for the header: what was not recorded, and what to record next time. */
  readonly notRecorded: readonly string[];
  readonly devices: readonly DeviceTrace[];
  readonly summaries: readonly MemorySummary[];
  readonly stacks: StackTable;
  /** Allocator settings and the like. */
  readonly settings: readonly Setting[];
  /** Figures over time, budgets, tables and events of logs, monitors and reports; absent where there are none. */
  readonly readings?: Readings;
}
