/**
 * Where the CUDA graphs of a vLLM server lie: inside what was requested, or beyond it. They are captured after the
 * KV cache has its size (vllm/v1/worker/gpu_worker.py, compile_or_warm_up_model).
 *
 *   V0, V1 up to 0.16   nothing is left for them: they lie beyond the budget
 *   V1 0.17 to 0.20     an estimate is printed; room is left for it only where a switch says so
 *   V1 0.21 and later   room is left for the estimate, by itself or counted into the printed activation peak
 *                       (peak_activation_memory = headroom + cudagraph_memory_estimate_applied)
 *
 * Which it was follows from what the log says of the estimate and from the sum; never from the version alone.
 */
import { amount } from '../../base/amounts.ts';
import { type Measured, lessOf, measuredOf } from '../../base/measured.ts';
import type { BudgetPart, MemoryBudget } from '../../trace/readings.ts';

/**
 * 'within': a step of their own inside of what was requested. 'in_activation': counted into the activation peak.
 * 'beyond': no room was left. 'cannot_tell': the log does not say. 'none': no graphs are printed.
 */
export type GraphsPlace = 'none' | 'within' | 'in_activation' | 'beyond' | 'cannot_tell';

export interface Graphs {
  readonly place: GraphsPlace;
  /** The step inside of what was requested; null: there is none. */
  readonly within: BudgetPart | null;
  /** What they take beyond what was requested, bytes; null: nothing, or it cannot be said. */
  readonly beyond: Measured | null;
  /** "" where there is nothing to say. */
  readonly sentence: string;
}

/** A line that sums weights and non-torch is of a version that may count graphs into the activation peak. */
const SUMMED = 'Weights and non-torch together';

const isZero = ({ value, error }: Measured): boolean => Math.abs(value) <= error;

const partOf = (budget: MemoryBudget, id: BudgetPart['id']): BudgetPart | null =>
  budget.parts.findLast((part) => part.id === id) ?? null;

/** Estimate against what was captured. */
function against(estimate: BudgetPart, actual: BudgetPart | null): Pick<Graphs, 'beyond' | 'sentence'> {
  if (actual === null) return { beyond: null, sentence: '' };
  const over = lessOf(measuredOf(actual), measuredOf(estimate));
  const took = `${amount(estimate.value)} were set aside for CUDA graphs, which took ${amount(actual.value)}`;
  if (isZero(over)) return { beyond: null, sentence: `${took}.` };
  return over.value > 0
    ? { beyond: over, sentence: `${took}: ${amount(over.value)} lie beyond the budget.` }
    : { beyond: null, sentence: `${took}: ${amount(-over.value)} of that stay unused.` };
}

function beyond(actual: BudgetPart, outside: Measured | null): Graphs {
  const of = outside === null ? '' : ` of ${amount(outside.value)} that were not requested`;
  return {
    place: 'beyond',
    within: null,
    beyond: measuredOf(actual),
    sentence: `CUDA graphs took ${amount(actual.value)}${of}: they are captured once the KV cache has its size, and lie outside of the budget.`,
  };
}

const inside = (
  place: 'within' | 'in_activation',
  estimate: BudgetPart,
  actual: BudgetPart | null,
): Graphs => {
  const { beyond: over, sentence } = against(estimate, actual);
  const where = place === 'in_activation' ? 'The activation peak counts what CUDA graphs may take. ' : '';
  return {
    place,
    within: place === 'within' ? estimate : null,
    beyond: over,
    sentence: `${where}${sentence}`.trim(),
  };
};

/**
 * @param rest Requested less weights, non-torch, activation peak and KV cache; null: one of them is not known.
 * @param outside Total less requested; null: not known.
 */
export function graphsOf(budget: MemoryBudget, rest: Measured | null, outside: Measured | null): Graphs {
  const actual = partOf(budget, 'cuda_graphs');
  const estimate = partOf(budget, 'cuda_graphs_estimated');
  const nothing: Graphs = { place: 'none', within: null, beyond: null, sentence: '' };
  if (estimate !== null && !estimate.label.includes('not set aside')) {
    const isSaid = estimate.label.includes('set aside');
    const less = rest === null ? null : lessOf(rest, measuredOf(estimate));
    // An estimate as small as the printed digits fits both ways: the nearer one is taken.
    const closes = less !== null && isZero(less);
    if (closes && rest !== null && (!isZero(rest) || (isSaid && Math.abs(less.value) < Math.abs(rest.value))))
      return inside('within', estimate, actual);
    if (isSaid && rest !== null && isZero(rest)) return inside('in_activation', estimate, actual);
    // The activation peak is not printed, so the estimate cannot be counted in it.
    if (isSaid && partOf(budget, 'activation_peak') === null) return inside('within', estimate, actual);
    return actual === null ? nothing : unknown(actual);
  }
  if (actual === null || actual.value <= 0) return nothing;
  const left = rest === null ? null : lessOf(rest, measuredOf(actual));
  if (rest !== null && left !== null && !isZero(rest) && isZero(left))
    return { place: 'within', within: actual, beyond: null, sentence: '' };
  if (estimate === null && budget.parts.some(({ label }) => label === SUMMED)) return unknown(actual);
  return beyond(actual, outside);
}

const unknown = (actual: BudgetPart): Graphs => ({
  place: 'cannot_tell',
  within: null,
  beyond: null,
  sentence: `CUDA graphs took ${amount(actual.value)}; whether room was left for them, or for how much, the log does not say.`,
});
