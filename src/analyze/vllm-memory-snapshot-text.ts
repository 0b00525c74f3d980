/**
 * Finds vLLM's `MemorySnapshot` and `MemoryProfilingResult` in text that was pasted or logged, as these classes print
 * themselves (vllm/utils/mem_utils.py):
 *
 *   torch_peak=1.2GiB, free_memory=78.5GiB, total_memory=79.1GiB, cuda_memory=0.6GiB, torch_memory=0.0GiB, ...
 *   Memory profiling takes 3.50 seconds. Total non KV cache memory: 9.8GiB; torch peak memory increase: 1.2GiB; ...
 *
 * and as a dataclass of older versions prints itself, in whole bytes: MemorySnapshot(torch_peak=0, cuda_memory=52, ...).
 * format_gib() rounds to two digits and drops zeros at the end: "1.2GiB" is known to 0.01 GiB.
 *
 * Not read: figures in other units, and snapshots with none of the fields.
 */
import { measuredOf, type Measured } from './server-waterfall-figures.ts';
import {
  SNAPSHOT_FIELDS,
  type VllmMemorySnapshot,
  type VllmProfilingResult,
} from './vllm-memory-snapshot.ts';

const GIB = 2 ** 30;
const FIGURE = /^(-?\d{1,20})(?:\.(\d{1,15}))? ?(GiB)?$/;
/** A run of name=value pairs that begins with a snapshot's first field. */
const SNAPSHOT = /\btorch_peak=[^\n]{0,1000}/g;
const PAIR = /\b([a-z_]{3,40})=([^\s,;)]{1,40}(?: GiB)?)/g;
const RESULT = /Total non KV cache memory: ?[^\n]{0,600}/g;
const TIME = /Memory profiling takes (\d+(?:\.\d+)?) seconds\.? *$/;
/** The device's memory in use is named after the platform: cuda_memory, rocm_memory, xpu_memory. */
const DEVICE = /^(?:cuda|rocm|xpu|hip|musa|npu)_memory$/;

export interface FoundSnapshot {
  readonly snapshot: VllmMemorySnapshot;
  /** What stands before it on its line, without time and place of the logger; '' where nothing does. */
  readonly label: string;
  /** Index of its first character. */
  readonly index: number;
}

export interface FoundResult {
  readonly result: VllmProfilingResult;
  readonly index: number;
}

/** A figure in bytes; null: no number. */
function figureOf(text: string): Measured | null {
  const match = FIGURE.exec(text.trim());
  if (match === null) return null;
  if (match[3] === undefined) {
    return match[2] === undefined ? { value: Number(match[1]), error: 0 } : null;
  }
  const decimals = Math.max(match[2]?.length ?? 0, 2);
  const number = Number(`${match[1]}.${match[2] ?? '0'}`);
  return measuredOf({ value: Math.round(number * GIB), granularity: GIB * 10 ** -decimals });
}

function snapshotOf(text: string): VllmMemorySnapshot | null {
  const fields = new Map<string, string>();
  for (const [, name, value] of text.matchAll(PAIR)) {
    const key = DEVICE.test(name) ? 'cuda_memory' : name;
    // The next snapshot of the same line begins again.
    if (fields.has(key)) break;
    fields.set(key, value);
  }
  const of = (name: string): Measured | null => {
    const value = fields.get(name);
    return value === undefined ? null : figureOf(value);
  };
  const timestamp = fields.get('timestamp');
  const known = SNAPSHOT_FIELDS.filter((name) => of(name) !== null);
  if (known.length < 2) return null;
  return {
    torch_peak: of('torch_peak'),
    torch_allocated: of('torch_allocated'),
    free_memory: of('free_memory'),
    total_memory: of('total_memory'),
    cuda_memory: of('cuda_memory'),
    torch_memory: of('torch_memory'),
    non_torch_memory: of('non_torch_memory'),
    timestamp_s: timestamp !== undefined && /^\d+(\.\d+)?$/.test(timestamp) ? Number(timestamp) : null,
  };
}

/** Every snapshot of a text, in its order. */
export function findSnapshots(text: string): FoundSnapshot[] {
  return [...text.matchAll(SNAPSHOT)].flatMap((match) => {
    // Two on one line are two: cut where the second begins.
    const pieces = match[0].split(/(?=\btorch_peak=)/);
    let index = match.index;
    return pieces.flatMap((piece) => {
      const at = index;
      index += piece.length;
      const snapshot = snapshotOf(piece);
      return snapshot === null ? [] : [{ snapshot, label: labelOf(text, at), index: at }];
    });
  });
}

/** "worker init memory snapshot", "before" of `before = MemorySnapshot(`. */
function labelOf(text: string, index: number): string {
  const from = Math.max(text.lastIndexOf('\n', index - 1) + 1, index - 200);
  return text
    .slice(from, index)
    .replace(/^.*?(?:DEBUG|INFO|WARNING|ERROR) \d\d-\d\d [\d:.]+ \[?[^\]\s]{1,200}\] ?/, '')
    .replace(/^.*auto_measure=(?:True|False)[\s,;)]*/, '')
    .replace(/MemorySnapshot\($/, '')
    .replace(/[\s:=(,]+$/, '')
    .trim();
}

const PHRASES = {
  non_kv_cache_memory: /Total non KV cache memory: ?(-?[\d.]+ ?GiB)/,
  torch_peak_increase: /torch peak memory increase: ?(-?[\d.]+ ?GiB)/,
  non_torch_increase: /non-torch forward increase memory: ?(-?[\d.]+ ?GiB)/,
  total_consumed: /total consumed \(from mem_get_info\): ?(-?[\d.]+ ?GiB)/,
  weights_memory: /weights memory: ?(-?[\d.]+ ?GiB)/,
} as const;

/** Every printed profiling result of a text, in its order. */
export function findProfilingResults(text: string): FoundResult[] {
  return [...text.matchAll(RESULT)].map((match) => {
    const of = (pattern: RegExp): Measured | null => {
      const printed = pattern.exec(match[0])?.[1];
      return printed === undefined ? null : figureOf(printed);
    };
    const seconds = TIME.exec(text.slice(Math.max(0, match.index - 80), match.index))?.[1];
    return {
      index: match.index,
      result: {
        profile_time_s: seconds === undefined ? null : Number(seconds),
        non_kv_cache_memory: of(PHRASES.non_kv_cache_memory),
        torch_peak_increase: of(PHRASES.torch_peak_increase),
        non_torch_increase: of(PHRASES.non_torch_increase),
        total_consumed: of(PHRASES.total_consumed),
        weights_memory: of(PHRASES.weights_memory),
      },
    };
  });
}
