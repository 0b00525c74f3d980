/**
 * The memory budgets that servers print, one per rank and start. What the engine prints once (KV tokens, blocks,
 * concurrency) holds for each of its ranks: it is copied to them, never summed.
 *
 * The parts must add up: KV cache = requested - weights - activation peak - non-torch (- CUDA graphs, estimated).
 * Where they do not, within the printed digits, a warning says by how much.
 */
import { formatBytes, formatInteger } from '../../base/units.ts';
import type { Printed } from '../../base/measured.ts';
import { type Rank, rankText } from '../../base/rank.ts';
import type { Warning } from '../../trace/capture.ts';
import type { BudgetPart, MemoryBudget } from '../../trace/readings.ts';

type PartId = BudgetPart['id'];

/** What the engine prints for all its ranks. */
const ENGINE_WIDE: ReadonlySet<PartId> = new Set([
  'utilization',
  'kv_cache_tokens',
  'kv_cache_blocks',
  'cpu_blocks',
  'max_concurrency',
  'tokens_per_request',
]);
/** Printed for several workers, these are what every rank can hold: the least. */
const LEAST: ReadonlySet<PartId> = new Set(['kv_cache_tokens', 'kv_cache_blocks', 'max_concurrency']);

export class RankBudget {
  readonly parts: BudgetPart[] = [];
  /** false: the server was told how large the KV cache shall be, so it does not follow from the rest. */
  profiled = true;
  /** What the log says of the estimated CUDA graphs: whether room was left, and their share of the device. */
  graphs: { readonly isSetAside: boolean; readonly share: Printed | null } | null = null;

  /** Adds a part; the same figure printed again is one part. */
  add(id: PartId, label: string, figure: Printed | null, offset: number): void {
    if (figure === null) return;
    const at = this.parts.findIndex((part) => part.id === id && (id !== 'other' || part.label === label));
    const part = { id, label, value: figure.value, granularity: figure.granularity, offset };
    if (at < 0) {
      this.parts.push(part);
      return;
    }
    const before = this.parts[at];
    const apart = Math.abs(before.value - figure.value);
    if (apart <= Math.max(before.granularity, figure.granularity) * (1 + 1e-9)) {
      // The same figure with more digits.
      if (figure.granularity < before.granularity) this.parts[at] = part;
      return;
    }
    if (LEAST.has(id)) {
      if (figure.value < before.value) this.parts[at] = part;
      return;
    }
    this.parts.push(part);
  }

  /** The latest figure of this id. */
  last(id: PartId): BudgetPart | undefined {
    return this.parts.findLast((part) => part.id === id);
  }

  labelled(label: string): BudgetPart | undefined {
    return this.parts.findLast((part) => part.label === label);
  }

  get hasMemory(): boolean {
    return this.parts.some((part) => !ENGINE_WIDE.has(part.id));
  }
}

/** Labels of two figures that vLLM prints as one; the part that is in neither is computed from them. */
export const PEAK_TORCH = 'Peak of PyTorch, weights included';
export const CONSUMED = 'Weights and non-torch together';
/** A total that is known no better than this is of no use. */
const COARSEST_TOTAL = 0.05;

/** What follows from the notice about CUDA graphs: whether the estimate counts, and the total of the device. */
function completeGraphs(budget: RankBudget): void {
  const { graphs } = budget;
  const at = budget.parts.findLastIndex(({ id }) => id === 'cuda_graphs_estimated');
  if (graphs === null || at < 0) return;
  const estimate = budget.parts[at];
  const words = graphs.isSetAside ? 'and set aside' : 'and not set aside';
  budget.parts[at] = { ...estimate, label: `CUDA graphs, estimated ${words}` };
  const { share } = graphs;
  if (share === null || budget.last('total') !== undefined) return;
  const low = (estimate.value - estimate.granularity / 2) / (share.value + share.granularity / 2);
  const high = (estimate.value + estimate.granularity / 2) / (share.value - share.granularity / 2);
  const value = Math.round((low + high) / 2);
  if (!(low > 0) || high - low > COARSEST_TOTAL * value) return;
  const label = `Total (computed: estimated CUDA graphs / their share, ${formatBytes(low, 'binary')} to ${formatBytes(high, 'binary')} by the printed digits)`;
  budget.add('total', label, { value, granularity: high - low }, estimate.offset);
}

/** Layers of several kinds (Mamba, linear or windowed attention): the printed tokens are not what the concurrency is of. */
function completeConcurrency(budget: RankBudget): void {
  const tokens = budget.last('kv_cache_tokens');
  const length = budget.last('tokens_per_request');
  const at = budget.parts.findLastIndex(({ id }) => id === 'max_concurrency');
  if (tokens === undefined || length === undefined || at < 0 || length.value <= 0) return;
  const times = budget.parts[at];
  const apart = Math.abs(tokens.value / length.value - times.value);
  if (apart <= Math.max(times.granularity, 0.02 * times.value)) return;
  const served = formatInteger(Math.round(times.value * length.value));
  budget.parts[at] = {
    ...times,
    label: `${times.label} (${served} tokens at once; the layers are of several kinds, and the printed tokens are not what it is of)`,
  };
}

/** What follows from the printed figures, each with "computed" in its label. */
function complete(budget: RankBudget): void {
  completeGraphs(budget);
  completeConcurrency(budget);
  const weights = budget.last('weights');
  const less = (whole: BudgetPart, part: BudgetPart): Printed => ({
    value: whole.value - part.value,
    granularity: whole.granularity + part.granularity,
  });
  const peak = budget.labelled(PEAK_TORCH);
  if (peak !== undefined && weights !== undefined && budget.last('activation_peak') === undefined) {
    const label = 'Activation peak (computed: peak of PyTorch - weights)';
    budget.add('activation_peak', label, less(peak, weights), peak.offset);
  }
  const consumed = budget.labelled(CONSUMED);
  if (consumed !== undefined && weights !== undefined && budget.last('non_torch') === undefined) {
    const label = 'Non-torch memory (computed: consumed - weights)';
    budget.add('non_torch', label, less(consumed, weights), consumed.offset);
  }
  const total = budget.last('total');
  const utilization = budget.last('utilization');
  if (total !== undefined && utilization !== undefined && budget.last('requested') === undefined) {
    const figure = {
      value: Math.round(total.value * utilization.value),
      granularity: total.granularity * utilization.value + utilization.granularity * total.value,
    };
    budget.add('requested', 'Requested (computed: total x utilization)', figure, total.offset);
  }
}

/** The warning where the parts do not add up to the KV cache; null where they do, or where one is not printed. */
function checkIdentity(rank: string, budget: RankBudget): Warning | null {
  const kv = budget.last('kv_cache');
  const requested = budget.last('requested');
  const others = (['weights', 'activation_peak', 'non_torch'] as const).map((id) => budget.last(id));
  if (!budget.profiled || kv === undefined || requested === undefined) return null;
  if (!others.every((part) => part !== undefined)) return null;
  const rest = others.reduce((left, part) => left - part.value, requested.value);
  const estimate = budget.last('cuda_graphs_estimated');
  const slack = [kv, requested, ...others, ...(estimate === undefined ? [] : [estimate])].reduce(
    (sum, part) => sum + part.granularity / 2,
    1,
  );
  const apart = [rest, ...(estimate === undefined ? [] : [rest - estimate.value])].map((value) =>
    Math.abs(value - kv.value),
  );
  const least = Math.min(...apart);
  if (least <= slack) return null;
  const message =
    `The budget${rank === '' ? '' : ` of ${rank}`} does not add up: requested - weights - activation peak - non-torch is ` +
    `${formatBytes(rest, 'binary')}, the KV cache is ${formatBytes(kv.value, 'binary')}: ${formatBytes(least, 'binary')} apart.`;
  return { message, offset: kv.offset };
}

interface Start {
  /** By rank; '' is the engine itself, or the only rank. */
  readonly ranks: Map<string, RankBudget>;
}

const isEngine = (rank: string): boolean => rank === '' || /^DP\d+$/.test(rank);
const ofEngine = (rank: string, engine: string): boolean => engine === '' || rank.startsWith(`${engine} `);

/** Ray names the host of every worker that is not on the driver's. */
const addressOf = (name: string): string => /\bip=([\da-fA-F.:]+)/.exec(name)?.[1] ?? '';

export class BudgetBook {
  private readonly starts: Start[] = [{ ranks: new Map() }];

  /** Which start of the server is being read, from 0. */
  get start(): number {
    return this.starts.length - 1;
  }

  of(rank: string): RankBudget {
    const { ranks } = this.starts[this.starts.length - 1];
    let budget = ranks.get(rank);
    if (budget === undefined) ranks.set(rank, (budget = new RankBudget()));
    return budget;
  }

  /** A rank of the start that is being read. */
  rankOf(name: string): Rank {
    return { name, start: this.starts.length, pod: addressOf(name) };
  }

  /** A server of this engine starts: what it prints is another budget, if this one has begun. */
  begin(engine: string): void {
    const { ranks } = this.starts[this.starts.length - 1];
    const begun = [...ranks].some(
      ([rank, budget]) => (rank === engine || ofEngine(rank, engine)) && budget.hasMemory,
    );
    if (begun) this.starts.push({ ranks: new Map() });
  }

  build(producer: string): { readonly budgets: MemoryBudget[]; readonly warnings: Warning[] } {
    const budgets: MemoryBudget[] = [];
    const warnings: Warning[] = [];
    this.starts.forEach(({ ranks }, start) => {
      const printing = [...ranks].filter(([, budget]) => budget.parts.length > 0);
      const workers = printing.filter(([rank, budget]) => !isEngine(rank) || budget.hasMemory);
      for (const [rank, engine] of printing.filter(([name]) => isEngine(name))) {
        for (const [name, worker] of workers) {
          if (name === rank || !ofEngine(name, rank)) continue;
          for (const part of engine.parts) {
            if (!ENGINE_WIDE.has(part.id)) continue;
            worker.add(part.id, part.label, part, part.offset);
          }
        }
      }
      const told = workers.length > 0 ? workers : printing;
      for (const [name, budget] of told) {
        complete(budget);
        const rank = { name, start: start + 1, pod: addressOf(name) };
        const warning = checkIdentity(rankText(rank), budget);
        if (warning !== null) warnings.push(warning);
        budgets.push({ rank, producer, parts: budget.parts });
      }
    });
    return { budgets, warnings };
  }
}
