/**
 * What vLLM's own snapshots and profiling results of one rank say together: each snapshot's identities, differences of
 * those that belong together, the three categories, non-KV = weights + activation peak + non-torch increase, and
 * whether all of that agrees with what vLLM printed. Bytes; figures printed in GiB keep the error of their digits.
 */
import { type Measured, lessOf, measuredOf, sumOf } from '../../base/measured.ts';
import type { Rank } from '../../base/rank.ts';
import type { MemoryBudget } from '../../trace/readings.ts';
import type { PrintedSnapshot, VllmMemoryPrint } from '../../trace/vllm-memory.ts';
import { rolesOf, type SnapshotRole } from './vllm-memory-roles.ts';
import {
  checkProfiling,
  checkSnapshot,
  impossibleIn,
  isBelowZero,
  isSame,
  kvCacheMemory,
  memoryCategories,
  profileArithmetic,
  resultOf,
  snapshotOf,
  subtractSnapshots,
  type MemoryCategories,
  type ProfilingArithmetic,
  type ProfilingCheck,
  type SnapshotCheck,
  type VllmMemorySnapshot,
  type VllmProfilingResult,
} from './vllm-memory-snapshot.ts';

export interface AccountSnapshot {
  /** As the text calls it; "snapshot 2" where it does not. */
  readonly name: string;
  readonly role: SnapshotRole;
  /** What told the role: its name, or its place among the others; null: nothing did. */
  readonly roleFrom: 'label' | 'order' | null;
  readonly line: number;
  readonly offset: number;
  readonly snapshot: VllmMemorySnapshot;
  readonly checks: readonly SnapshotCheck[];
  /** null: there is no snapshot from before the instance was created, or a field is missing. */
  readonly categories: MemoryCategories | null;
}

export interface AccountDifference {
  /** Indexes into the snapshots: `to` less `from`. */
  readonly from: number;
  readonly to: number;
  readonly name: string;
  readonly difference: VllmMemorySnapshot;
}

export interface AccountResult {
  readonly line: number;
  readonly offset: number;
  readonly result: VllmProfilingResult;
  /** Whether it is the sum of its own terms; null: too few are printed. */
  readonly check: ProfilingCheck | null;
}

export interface AccountProfiling extends ProfilingArithmetic {
  /** Printed total less this sum; null: no total is printed for this rule. */
  readonly printed: { readonly apart: Measured; readonly holds: boolean } | null;
}

/** While the profiling run was at its peak: torch is the weights and the activation peak. */
export interface PeakCategories {
  readonly others: Measured;
  readonly torch: Measured;
  readonly nonTorch: Measured;
  readonly sum: Measured;
}

/** What is left for the KV cache: requested - non-KV (- CUDA graphs, where vLLM set their estimate aside). */
export interface AccountKv {
  readonly requested: Measured;
  readonly nonKvCacheMemory: Measured;
  readonly graphs: Measured | null;
  readonly kvCache: Measured;
  readonly printed: Measured | null;
  /** null: no KV cache is printed. */
  readonly holds: boolean | null;
}

export interface VllmMemoryAccount {
  readonly rank: Rank;
  readonly snapshots: readonly AccountSnapshot[];
  readonly differences: readonly AccountDifference[];
  readonly results: readonly AccountResult[];
  /** Sums that can be; what cannot is among the problems. */
  readonly profiling: readonly AccountProfiling[];
  readonly peak: PeakCategories | null;
  readonly kv: AccountKv | null;
  /** What cannot be right, in sentences. */
  readonly problems: readonly string[];
  /** How it was read, and what holds. */
  readonly statements: readonly string[];
  /** What is not known, and where it would be. */
  readonly missing: readonly string[];
}

/** An account before anything is said of it, and what the weights took. */
export interface AccountFigures {
  /** Sums with a term, or as a whole, below 0 where it cannot be. */
  readonly impossible: readonly ProfilingArithmetic[];
  readonly figures: Omit<VllmMemoryAccount, 'problems' | 'statements' | 'missing'>;
  readonly weights: Measured | null;
}

const PAIRS: readonly (readonly [SnapshotRole, SnapshotRole, string])[] = [
  ['before_create', 'before_profile', 'Creating the instance and loading the model'],
  ['before_profile', 'after_profile', 'Profiling'],
  ['before_create', 'after_profile', 'From before creation to after profiling'],
];

function differencesOf(snapshots: readonly AccountSnapshot[]): AccountDifference[] {
  const differ = (from: number, to: number, name: string): AccountDifference => ({
    from,
    to,
    name,
    difference: subtractSnapshots(snapshots[to].snapshot, snapshots[from].snapshot),
  });
  const last = (role: SnapshotRole): number => snapshots.findLastIndex((one) => one.role === role);
  const profiled = PAIRS.flatMap(([before, after, name]) => {
    const [from, to] = [last(before), last(after)];
    return from < 0 || to < 0 ? [] : [differ(from, to, name)];
  });
  const plain = snapshots.flatMap(({ role, name }, to) => {
    if (role !== 'after') return [];
    const from = snapshots.findLastIndex((one, index) => index < to && one.role === 'before');
    return from < 0 ? [] : [differ(from, to, `${name} less ${snapshots[from].name}`)];
  });
  if (profiled.length + plain.length > 0) return [...profiled, ...plain];
  // Nothing says which belong together: each against the one before it.
  const moments = snapshots.flatMap(({ role }, index) => (role === 'difference' ? [] : [index]));
  return moments
    .slice(1)
    .map((to, at) => differ(moments[at], to, `${snapshots[to].name} less ${snapshots[moments[at]].name}`));
}

function snapshotsOf(prints: readonly PrintedSnapshot[]): AccountSnapshot[] {
  const roles = rolesOf(prints.map(({ label }) => label));
  const read = prints.map(snapshotOf);
  const at = roles.findLastIndex(({ role }) => role === 'before_create');
  return prints.map(({ label, line, offset }, index) => {
    const { role, from } = roles[index];
    return {
      name: label === '' ? `snapshot ${index + 1}` : label,
      role,
      roleFrom: from,
      line,
      offset,
      snapshot: read[index],
      checks: checkSnapshot(read[index]),
      categories: at < 0 || role === 'difference' ? null : memoryCategories(read[at], read[index]),
    };
  });
}

/** The last figure that the budget of this rank has for it. */
function budgetFigure(
  budget: MemoryBudget | undefined,
  id: MemoryBudget['parts'][number]['id'],
): Measured | null {
  const part = budget?.parts.findLast((one) => one.id === id);
  return part === undefined ? null : measuredOf(part);
}

function profilingOf(
  snapshots: readonly AccountSnapshot[],
  weights: Measured | null,
  printed: AccountResult | undefined,
): AccountProfiling[] {
  const of = (role: SnapshotRole): VllmMemorySnapshot | undefined =>
    snapshots.findLast((one) => one.role === role)?.snapshot;
  const beforeCreate = of('before_create');
  const beforeProfile = of('before_profile');
  const afterProfile = of('after_profile');
  if (beforeCreate === undefined || beforeProfile === undefined || afterProfile === undefined) return [];
  const total = printed?.result.non_kv_cache_memory ?? null;
  const ruleOfPrinted = printed?.result.total_consumed == null ? 'increase' : 'consumed';
  return profileArithmetic({ beforeCreate, beforeProfile, afterProfile, weights }).map((one) => ({
    ...one,
    printed:
      total === null || one.rule !== ruleOfPrinted
        ? null
        : {
            apart: lessOf(total, one.nonKvCacheMemory),
            holds: isSame(total, one.nonKvCacheMemory),
          },
  }));
}

function peakOf(
  snapshots: readonly AccountSnapshot[],
  weights: Measured | null,
  result: VllmProfilingResult | undefined,
  profiling: readonly AccountProfiling[],
): PeakCategories | null {
  const others =
    snapshots.findLast(({ role }) => role === 'before_create')?.snapshot.non_torch_memory ?? null;
  const terms = profiling.find(({ rule }) => rule === 'increase')?.terms;
  const activation = terms?.[1].bytes ?? result?.torch_peak_increase ?? null;
  const nonTorch = terms?.[2].bytes ?? result?.non_torch_increase ?? null;
  if (others === null || weights === null || activation === null || nonTorch === null) return null;
  const torch = sumOf([weights, activation]);
  const sum = sumOf([others, torch, nonTorch]);
  return isBelowZero(others) || isBelowZero(torch) || isBelowZero(sum)
    ? null
    : { others, torch, nonTorch, sum };
}

function kvOf(budget: MemoryBudget | undefined, nonKv: Measured | null): AccountKv | null {
  const requested = budgetFigure(budget, 'requested');
  if (requested === null || nonKv === null) return null;
  const isOrdered = budget?.parts.some(({ id, label }) => id === 'kv_cache' && label !== 'KV cache');
  const printed = isOrdered === true ? null : budgetFigure(budget, 'kv_cache');
  const graphs = budgetFigure(budget, 'cuda_graphs_estimated');
  const by = (aside: Measured | null): AccountKv => {
    const kvCache = kvCacheMemory(requested, nonKv, aside);
    const holds = printed === null ? null : isSame(kvCache, printed);
    return { requested, nonKvCacheMemory: nonKv, graphs: aside, kvCache, printed, holds };
  };
  // An estimate of the graphs is printed whether it was set aside or not.
  const without = by(null);
  return graphs === null || without.holds !== false ? without : by(graphs);
}

export function accountFigures(
  rank: Rank,
  prints: readonly VllmMemoryPrint[],
  budget: MemoryBudget | undefined,
): AccountFigures {
  const snapshots = snapshotsOf(prints.flatMap((one) => (one.kind === 'snapshot' ? [one] : [])));
  const read = prints.flatMap((one) => (one.kind === 'result' ? [one] : []));
  const results = read.map((one): AccountResult => {
    const result = resultOf(one);
    return { line: one.line, offset: one.offset, result, check: checkProfiling(result) };
  });
  const given = results.findLast(({ result }) => result.weights_memory !== null)?.result.weights_memory;
  const weights = given ?? budgetFigure(budget, 'weights');
  const whole = results.findLast(({ result }) => result.non_kv_cache_memory !== null);
  const computed = profilingOf(snapshots, weights, whole);
  const profiling = computed.filter((one) => impossibleIn(one).length === 0);
  const nonKv = whole?.result.non_kv_cache_memory ?? profiling[0]?.nonKvCacheMemory ?? null;
  const figures = {
    rank,
    snapshots,
    differences: differencesOf(snapshots),
    results,
    profiling,
    peak: peakOf(snapshots, weights, whole?.result, profiling),
    kv: kvOf(budget, nonKv),
  };
  return { figures, weights, impossible: computed.filter((one) => impossibleIn(one).length > 0) };
}
