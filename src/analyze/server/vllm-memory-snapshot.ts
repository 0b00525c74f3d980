/**
 * vLLM's own arithmetic of memory: `MemorySnapshot` before, after and their difference, its three categories, and
 * `MemoryProfilingResult`. All figures in bytes. Source: vllm/utils/mem_utils.py (before 0.12: vllm/utils/__init__.py).
 *
 *   1. what anything other than this vLLM instance uses
 *   2. what torch uses in this instance (reserved: torch.cuda.memory_reserved)
 *   3. what this instance uses, but not through torch (NCCL, attention workspaces)
 *
 *   before creating it   1: 1 GiB   2: 0 GiB   3: 0   GiB
 *   after profiling      1: 1 GiB   2: 3 GiB   3: 1   GiB   -> 5 GiB are in use
 *
 * A field that a version does not have is null, and so is what would need it.
 */
import { type Measured, canEqual, lessOf, measuredOf, sumOf } from '../../base/measured.ts';
import type { SnapshotField } from '../../base/vllm-fields.ts';
import type { PrintedProfiling, PrintedSnapshot } from '../../trace/vllm-memory.ts';

/** What `MemorySnapshot.measure()` reads, in bytes; fields are named as vLLM prints them. */
export interface VllmMemorySnapshot {
  /** memory_stats()["allocated_bytes.all.peak"] */
  readonly torch_peak: Measured | null;
  /** memory_stats()["allocated_bytes.all.current"], since the versions that print "total consumed". */
  readonly torch_allocated: Measured | null;
  /** mem_get_info()[0]; on devices that share the host's memory, what the host has available. */
  readonly free_memory: Measured | null;
  readonly total_memory: Measured | null;
  /** In use on the device by anyone: total - free. */
  readonly cuda_memory: Measured | null;
  /** memory_reserved() */
  readonly torch_memory: Measured | null;
  /** cuda_memory - torch_memory */
  readonly non_torch_memory: Measured | null;
  /** Unix time in seconds. */
  readonly timestamp_s: number | null;
}

export function snapshotOf({
  fields,
  timestamp_s,
}: Pick<PrintedSnapshot, 'fields' | 'timestamp_s'>): VllmMemorySnapshot {
  return fieldsBy((name) => {
    const printed = fields[name];
    return printed === undefined ? null : measuredOf(printed);
  }, timestamp_s);
}

const fieldsBy = (
  of: (field: SnapshotField) => Measured | null,
  timestamp_s: number | null,
): VllmMemorySnapshot => ({
  torch_peak: of('torch_peak'),
  torch_allocated: of('torch_allocated'),
  free_memory: of('free_memory'),
  total_memory: of('total_memory'),
  cuda_memory: of('cuda_memory'),
  torch_memory: of('torch_memory'),
  non_torch_memory: of('non_torch_memory'),
  timestamp_s,
});

/** To the byte where both are exact; else within what their digits leave open. */
export const isSame = (one: Measured, other: Measured): boolean =>
  one.error === 0 && other.error === 0 ? one.value === other.value : canEqual(one, other);

/** Whatever the digits leave open, it is below 0. */
export const isBelowZero = ({ value, error }: Measured): boolean => value < -error;

const minus = (one: Measured | null, other: Measured | null): Measured | null =>
  one === null || other === null ? null : lessOf(one, other);

/** `MemorySnapshot.__sub__`: every field of `after` less that of `before`. */
export function subtractSnapshots(after: VllmMemorySnapshot, before: VllmMemorySnapshot): VllmMemorySnapshot {
  const [from, to] = [before.timestamp_s, after.timestamp_s];
  return fieldsBy(
    (field) => minus(after[field], before[field]),
    from === null || to === null ? null : to - from,
  );
}

export interface SnapshotCheck {
  readonly identity:
    'cuda_memory = total_memory - free_memory' | 'non_torch_memory = cuda_memory - torch_memory';
  /** Left side less right side, in bytes. */
  readonly apart: Measured;
  readonly holds: boolean;
}

/** The two identities inside a snapshot, where its fields allow: a figure mistyped or of another device breaks them. */
export function checkSnapshot(snapshot: VllmMemorySnapshot): SnapshotCheck[] {
  const { cuda_memory, total_memory, free_memory, non_torch_memory, torch_memory } = snapshot;
  const checks = [
    ['cuda_memory = total_memory - free_memory', cuda_memory, minus(total_memory, free_memory)],
    ['non_torch_memory = cuda_memory - torch_memory', non_torch_memory, minus(cuda_memory, torch_memory)],
  ] as const;
  return checks.flatMap(([identity, left, right]) =>
    left === null || right === null
      ? []
      : [{ identity, apart: lessOf(left, right), holds: isSame(left, right) }],
  );
}

/** The three categories of memory at one moment, in bytes. Their sum is `cuda_memory` of that moment. */
export interface MemoryCategories {
  readonly others: Measured;
  readonly torch: Measured;
  readonly nonTorch: Measured;
  readonly sum: Measured;
  /** Whether the sum is what the device had in use; null: the snapshot does not say. */
  readonly addsUp: boolean | null;
}

/**
 * The categories at `moment`, given the snapshot from before the instance was created. vLLM takes that one after NCCL
 * is up (since 0.10): the context and NCCL's buffers of this very instance then count as "others".
 */
export function memoryCategories(
  beforeCreate: VllmMemorySnapshot,
  moment: VllmMemorySnapshot,
): MemoryCategories | null {
  const others = beforeCreate.non_torch_memory;
  const torch = moment.torch_memory;
  const nonTorch = minus(moment.non_torch_memory, others);
  if (others === null || torch === null || nonTorch === null) return null;
  const sum = sumOf([others, torch, nonTorch]);
  if (isBelowZero(others) || isBelowZero(sum)) return null;
  const used = moment.cuda_memory;
  return { others, torch, nonTorch, sum, addsUp: used === null ? null : isSame(sum, used) };
}

/**
 * How a version counts what is not KV cache:
 * 'increase' (0.7 and later): weights + increase of torch's peak + increase of non-torch memory.
 * 'consumed' (newer ones, 0.29 among them): free before - free after + torch's peak over what is still allocated.
 */
export type ProfilingRule = 'increase' | 'consumed';

/** Terms that may be below 0: others give memory back. What torch's peak rose by, and the weights, cannot. */
const SIGNED_TERMS: readonly string[] = ['non-torch increase', 'consumed'];

/** What of a sum cannot be, since an amount is never below 0: its terms by name, or "the sum". */
export const impossibleIn = ({ nonKvCacheMemory, terms }: ProfilingArithmetic): string[] => [
  ...terms.flatMap(({ name, bytes }) => (isBelowZero(bytes) && !SIGNED_TERMS.includes(name) ? [name] : [])),
  ...(isBelowZero(nonKvCacheMemory) ? ['the sum'] : []),
];

export interface ProfilingArithmetic {
  readonly rule: ProfilingRule;
  /** Everything but the KV cache, in bytes: the sum of `terms`. */
  readonly nonKvCacheMemory: Measured;
  readonly terms: readonly { readonly name: string; readonly bytes: Measured }[];
}

export interface ProfilingInput {
  readonly beforeCreate: VllmMemorySnapshot;
  readonly beforeProfile: VllmMemorySnapshot;
  readonly afterProfile: VllmMemorySnapshot;
  /** Bytes that loading the model took, as the server prints it. */
  readonly weights: Measured | null;
}

const ruleOf = (
  rule: ProfilingRule,
  terms: readonly (readonly [name: string, bytes: Measured | null])[],
): ProfilingArithmetic[] => {
  const known = terms.flatMap(([name, bytes]) => (bytes === null ? [] : [{ name, bytes }]));
  if (known.length < terms.length) return [];
  return [{ rule, nonKvCacheMemory: sumOf(known.map(({ bytes }) => bytes)), terms: known }];
};

/** What `memory_profiling()` computes from its three snapshots, by each rule that the fields allow. */
export function profileArithmetic(input: ProfilingInput): ProfilingArithmetic[] {
  const { beforeCreate, beforeProfile, afterProfile, weights } = input;
  return [
    ...ruleOf('increase', [
      ['weights', weights],
      ['activation peak', minus(afterProfile.torch_peak, beforeProfile.torch_peak)],
      ['non-torch increase', minus(afterProfile.non_torch_memory, beforeCreate.non_torch_memory)],
    ]),
    ...ruleOf('consumed', [
      ['consumed', minus(beforeCreate.free_memory, afterProfile.free_memory)],
      ['peak over what stays allocated', minus(afterProfile.torch_peak, afterProfile.torch_allocated)],
    ]),
  ];
}

/** `MemoryProfilingResult` under its own names, in bytes; what was not printed is null. */
export interface VllmProfilingResult {
  readonly profile_time_s: number | null;
  readonly non_kv_cache_memory: Measured | null;
  readonly torch_peak_increase: Measured | null;
  readonly non_torch_increase: Measured | null;
  readonly total_consumed: Measured | null;
  /** torch's peak over what is still allocated after profiling; never in the printed line. */
  readonly transient_peak_headroom: Measured | null;
  readonly weights_memory: Measured | null;
}

export function resultOf({
  fields,
  profile_time_s,
}: Pick<PrintedProfiling, 'fields' | 'profile_time_s'>): VllmProfilingResult {
  const of = (name: keyof typeof fields): Measured | null => {
    const printed = fields[name];
    return printed === undefined ? null : measuredOf(printed);
  };
  return {
    profile_time_s,
    non_kv_cache_memory: of('non_kv_cache_memory'),
    torch_peak_increase: of('torch_peak_increase'),
    non_torch_increase: of('non_torch_increase'),
    total_consumed: of('total_consumed'),
    transient_peak_headroom: of('transient_peak_headroom'),
    weights_memory: of('weights_memory'),
  };
}

export interface ProfilingCheck {
  readonly rule: ProfilingRule;
  /** Of the printed terms; null: one of them is not printed. */
  readonly sum: Measured | null;
  /** Total as printed less its terms as far as they are printed, in bytes. */
  readonly apart: Measured;
  readonly holds: boolean;
}

/**
 * Whether the printed total is the sum of the printed terms: non-KV = weights + activation peak + non-torch increase.
 * Versions that have "total consumed" add the transient peak to that, which the line does not print: the total is
 * then at least what was consumed. null: too few figures to say anything.
 */
export function checkProfiling(result: VllmProfilingResult): ProfilingCheck | null {
  const { non_kv_cache_memory, weights_memory, torch_peak_increase, non_torch_increase } = result;
  const { total_consumed, transient_peak_headroom } = result;
  if (non_kv_cache_memory === null) return null;
  if (total_consumed !== null) {
    const sum =
      transient_peak_headroom === null ? total_consumed : sumOf([total_consumed, transient_peak_headroom]);
    const apart = lessOf(non_kv_cache_memory, sum);
    const holds =
      transient_peak_headroom === null ? apart.value >= -apart.error : isSame(non_kv_cache_memory, sum);
    return { rule: 'consumed', sum: transient_peak_headroom === null ? null : sum, apart, holds };
  }
  if (weights_memory !== null && torch_peak_increase !== null && non_torch_increase !== null) {
    const sum = sumOf([weights_memory, torch_peak_increase, non_torch_increase]);
    return {
      rule: 'increase',
      sum,
      apart: lessOf(non_kv_cache_memory, sum),
      holds: isSame(non_kv_cache_memory, sum),
    };
  }
  return null;
}

/** Bytes for the KV cache: requested - non-KV - what was set aside for CUDA graphs. */
export const kvCacheMemory = (
  requested: Measured,
  nonKv: Measured,
  graphsSetAside: Measured | null = null,
): Measured => lessOf(requested, graphsSetAside === null ? nonKv : sumOf([nonKv, graphsSetAside]));
