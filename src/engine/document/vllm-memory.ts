/** vLLM's own memory figures in the form of the documented object. */
import { amountsIn } from '../../base/amounts.ts';
import type { Measured } from '../../base/measured.ts';
import { rankText } from '../../base/rank.ts';
import type { VllmMemoryAccount } from '../../analyze/server/vllm-memory-account.ts';
import type { MemoryCategories, VllmMemorySnapshot } from '../../analyze/server/vllm-memory-snapshot.ts';
import { SNAPSHOT_FIELDS } from '../../base/vllm-fields.ts';

/** Bytes and the most that the printed digits leave open; 0: exact. */
export interface AnalysisFigure {
  readonly bytes: number;
  readonly error_bytes: number;
}

/** Fields of vLLM's classes by their own names; what is not printed is null. */
export type AnalysisFields = Readonly<Record<string, AnalysisFigure | null>>;

interface AnalysisCategories {
  /** Of anything but this instance, of torch in it, of the rest of it. */
  readonly others: AnalysisFigure;
  readonly torch: AnalysisFigure;
  readonly non_torch: AnalysisFigure;
  readonly sum: AnalysisFigure;
}

/** `MemorySnapshot` and `MemoryProfilingResult` of one rank, and what follows from them. */
export interface AnalysisVllmMemory {
  readonly source: number;
  readonly rank: string;
  readonly snapshots: readonly {
    readonly name: string;
    /** before_create, before_profile, after_profile, before, after, difference, other. */
    readonly role: string;
    /** label, order: what told the role; null: nothing did. */
    readonly role_from: string | null;
    readonly line: number;
    readonly fields: AnalysisFields;
    readonly timestamp_s: number | null;
    readonly checks: readonly {
      readonly identity: string;
      readonly apart: AnalysisFigure;
      readonly holds: boolean;
    }[];
    readonly categories: AnalysisCategories | null;
  }[];
  readonly differences: readonly {
    /** Indexes into `snapshots`: `to` less `from`. */
    readonly from: number;
    readonly to: number;
    readonly name: string;
    readonly fields: AnalysisFields;
    readonly seconds: number | null;
  }[];
  readonly results: readonly {
    readonly line: number;
    readonly fields: AnalysisFields;
    readonly profile_time_s: number | null;
    /** Total less the sum of its terms; null: too few are printed. */
    readonly check: {
      readonly rule: string;
      readonly apart: AnalysisFigure;
      readonly holds: boolean;
    } | null;
  }[];
  /** What is not KV cache, computed from the snapshots. */
  readonly profiling: readonly {
    /** increase, consumed. */
    readonly rule: string;
    readonly non_kv_cache_memory: AnalysisFigure;
    readonly terms: readonly { readonly name: string; readonly bytes: AnalysisFigure }[];
    /** null: no total is printed to hold it against. */
    readonly holds: boolean | null;
  }[];
  readonly peak: AnalysisCategories | null;
  readonly kv_cache: {
    readonly requested: AnalysisFigure;
    readonly graphs: AnalysisFigure | null;
    readonly computed: AnalysisFigure;
    readonly printed: AnalysisFigure | null;
    readonly holds: boolean | null;
  } | null;
  readonly problems: readonly string[];
  readonly statements: readonly string[];
  readonly missing: readonly string[];
}

const figureOf = ({ value, error }: Measured): AnalysisFigure => ({ bytes: value, error_bytes: error });
const maybe = (figure: Measured | null): AnalysisFigure | null => (figure === null ? null : figureOf(figure));

const fieldsOf = (snapshot: VllmMemorySnapshot): AnalysisFields =>
  Object.fromEntries(SNAPSHOT_FIELDS.map((name) => [name, maybe(snapshot[name])]));

const categoriesOf = ({
  others,
  torch,
  nonTorch,
  sum,
}: Omit<MemoryCategories, 'addsUp'>): AnalysisCategories => ({
  others: figureOf(others),
  torch: figureOf(torch),
  non_torch: figureOf(nonTorch),
  sum: figureOf(sum),
});

export const vllmMemoryOf = (source: number, account: VllmMemoryAccount): AnalysisVllmMemory => ({
  source,
  rank: rankText(account.rank),
  snapshots: account.snapshots.map(({ name, role, roleFrom, line, snapshot, checks, categories }) => ({
    name,
    role,
    role_from: roleFrom,
    line,
    fields: fieldsOf(snapshot),
    timestamp_s: snapshot.timestamp_s,
    checks: checks.map(({ identity, apart, holds }) => ({ identity, apart: figureOf(apart), holds })),
    categories: categories === null ? null : categoriesOf(categories),
  })),
  differences: account.differences.map(({ from, to, name, difference }) => ({
    from,
    to,
    name,
    fields: fieldsOf(difference),
    seconds: difference.timestamp_s,
  })),
  results: account.results.map(({ line, result: { profile_time_s, ...figures }, check }) => ({
    line,
    fields: Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, maybe(figure)])),
    profile_time_s,
    check: check === null ? null : { rule: check.rule, apart: figureOf(check.apart), holds: check.holds },
  })),
  profiling: account.profiling.map(({ rule, nonKvCacheMemory, terms, printed }) => ({
    rule,
    non_kv_cache_memory: figureOf(nonKvCacheMemory),
    terms: terms.map(({ name, bytes }) => ({ name, bytes: figureOf(bytes) })),
    holds: printed === null ? null : printed.holds,
  })),
  peak: account.peak === null ? null : categoriesOf(account.peak),
  kv_cache:
    account.kv === null
      ? null
      : {
          requested: figureOf(account.kv.requested),
          graphs: maybe(account.kv.graphs),
          computed: figureOf(account.kv.kvCache),
          printed: maybe(account.kv.printed),
          holds: account.kv.holds,
        },
  ...amountsIn(
    { problems: account.problems, statements: account.statements, missing: account.missing },
    'binary',
  ),
});
