/**
 * A server's memory budget as a waterfall that adds up exactly, from the device's total down to zero:
 *
 *   total 94.68 = not requested 4.73 + weights 42.59 + non-torch 2.30 + activation peak 1.42 + KV cache 43.64
 *                 + remainder 0.00 (+- 0.03)
 *
 * vLLM tells what it requested (vllm/v1/worker/gpu_worker.py, determine_available_memory):
 *   KV cache = total x gpu_memory_utilization - weights - activation peak - non-torch (- CUDA graphs, estimated)
 * CUDA graphs lie inside or outside of that by version: server-graphs.ts.
 * SGLang tells what was available before and after each step (sglang/srt/model_executor/model_runner.py); what goes
 * between two steps is printed by none of them and is the remainder.
 *
 * All figures in bytes. What the log does not print is named as missing and never filled in. Long because the two
 * servers' steps end in one sum, of which no byte may be lost between files.
 */
import { amount, termAmount } from '../../base/amounts.ts';
import { type Measured, exactly, lessOf, measuredOf, sumOf, timesOf } from '../../base/measured.ts';
import type { Rank } from '../../base/rank.ts';
import type { BudgetPart, MemoryBudget } from '../../trace/readings.ts';
import { graphsOf, type GraphsPlace } from './graphs.ts';

type PartId = BudgetPart['id'];

export type WaterfallStepId =
  | 'in_use_before'
  | 'not_requested'
  | 'weights'
  | 'non_torch'
  | 'activation_peak'
  | 'cuda_graphs'
  | 'kv_cache'
  | 'remainder'
  | 'available';

/** One step down. Steps of a waterfall with a `whole` sum to it exactly, the remainder included. */
export interface WaterfallStep {
  readonly id: WaterfallStepId;
  readonly label: string;
  /** Negative only for a remainder: more was printed than there is. */
  readonly bytes: Measured;
  /** What is left of `whole` after this step; null where the whole is not known. */
  readonly leftBytes: number | null;
  /** Byte offset of the line that says it; null: computed here. */
  readonly offset: number | null;
}

/**
 * 'yes': the remainder is within the printed digits. 'left_over': bytes remain that no line explains.
 * 'exceeds': the parts are more than the whole. 'cannot_tell': a figure is missing.
 */
export type AddsUp = 'yes' | 'left_over' | 'exceeds' | 'cannot_tell';

export interface RankWaterfall {
  readonly rank: Rank;
  readonly producer: string;
  /** 'requested': measured against total x utilization; 'free': against what was free at the start. */
  readonly basis: 'requested' | 'free' | 'none';
  readonly total: Measured | null;
  /** 0 to 1. */
  readonly utilization: number | null;
  readonly requested: Measured | null;
  /** In use on the device before the server took anything (total - free at the start); inside `not_requested`. */
  readonly inUseBefore: Measured | null;
  /** What the steps are subtracted from: total, or where it is not printed, requested or free at the start. */
  readonly whole: Measured | null;
  readonly steps: readonly WaterfallStep[];
  readonly remainder: Measured | null;
  readonly addsUp: AddsUp;
  /** CUDA graphs beyond the budget: no room, or too little, was left for them as the KV cache got its size. */
  readonly graphsOnTop: Measured | null;
  readonly graphsPlace: GraphsPlace;
  /** Figures that the log does not print and that would be needed. */
  readonly missing: readonly PartId[];
  /** Whether the steps add up, in a sentence. */
  readonly statement: string;
  /** Where CUDA graphs lie; "": there is nothing to say. */
  readonly graphsStatement: string;
}

const STEP_LABELS: Readonly<Record<WaterfallStepId, string>> = {
  in_use_before: 'In use before the server',
  not_requested: 'Not requested (1 - utilization)',
  weights: 'Weights',
  non_torch: 'Non-torch memory',
  activation_peak: 'Activation peak',
  cuda_graphs: 'CUDA graphs',
  kv_cache: 'KV cache',
  remainder: 'Remainder',
  available: 'Available when ready',
};
const REMAINDER: Readonly<Record<AddsUp, string>> = {
  yes: 'Rounding of the printed digits',
  left_over: 'Not explained',
  exceeds: 'More than was requested',
  cannot_tell: STEP_LABELS.remainder,
};

/** What vLLM's identity needs. */
const NEEDED = ['weights', 'non_torch', 'activation_peak', 'kv_cache'] as const satisfies readonly PartId[];
const IN_STEPS = [
  'weights',
  'activation_peak',
  'kv_cache',
  'cuda_graphs',
] as const satisfies readonly PartId[];

/**
 * A server that prints what was free before and after each step (SGLang) prints each step once: figures of the same
 * name are several allocations. One that prints what it requested (vLLM) prints a newer figure of the same thing.
 */
const printsSteps = ({ parts }: MemoryBudget): boolean =>
  parts.some(({ id }) => id === 'free_at_start') &&
  parts.some(({ id }) => id === 'available') &&
  !parts.some(({ id }) => id === 'requested');

const lastOf = (budget: MemoryBudget, id: PartId): BudgetPart | null =>
  budget.parts.findLast((part) => part.id === id) ?? null;

const measuredLast = (budget: MemoryBudget, id: PartId): Measured | null => {
  const part = lastOf(budget, id);
  return part === null ? null : measuredOf(part);
};

interface Draft {
  readonly id: WaterfallStepId;
  readonly label: string;
  readonly figure: Measured;
  readonly offset: number | null;
}

const draft = (
  id: WaterfallStepId,
  figure: Measured,
  offset: number | null,
  label = STEP_LABELS[id],
): Draft => ({
  id,
  label,
  figure,
  offset,
});

const withError = ({ value, error }: Measured): string =>
  `${amount(value)}${error < 0.5 ? '' : ` ± ${amount(Math.ceil(error))}`}`;

function judge(remainder: Measured | null): AddsUp {
  if (remainder === null) return 'cannot_tell';
  if (Math.abs(remainder.value) <= remainder.error) return 'yes';
  return remainder.value > 0 ? 'left_over' : 'exceeds';
}

/** Numbers each step with what is left; the whole falls to exactly zero. */
function stepsOf(whole: Measured | null, drafts: readonly Draft[]): WaterfallStep[] {
  let left = whole?.value ?? 0;
  return drafts.map(({ id, label, figure, offset }) => {
    left -= figure.value;
    return {
      id,
      label,
      bytes: figure,
      leftBytes: whole === null ? null : left,
      offset,
    };
  });
}

/** What was not requested. Where requested was computed from the total, their errors are one and the same. */
function outsideOf(budget: MemoryBudget, total: Measured | null, requested: Measured): Measured | null {
  if (total === null) return null;
  const utilization = lastOf(budget, 'utilization');
  const isComputed = lastOf(budget, 'requested')?.label.includes('computed') === true;
  return isComputed && utilization?.granularity === 0
    ? { ...timesOf(total, 1 - utilization.value), value: total.value - requested.value }
    : lessOf(total, requested);
}

function requestedWaterfall(budget: MemoryBudget, requested: Measured): RankWaterfall {
  const total = measuredLast(budget, 'total');
  const start = measuredLast(budget, 'free_at_start');
  const kv = lastOf(budget, 'kv_cache');
  // A KV cache of a given size does not follow from what was requested.
  const ordered = kv !== null && kv.label.includes('as ordered');
  const missing = NEEDED.filter((id) => lastOf(budget, id) === null);
  const found = NEEDED.flatMap((id) => {
    const part = lastOf(budget, id);
    return part === null ? [] : [part];
  });
  const rest = lessOf(requested, sumOf(found.map(measuredOf)));
  const whole = total ?? requested;
  const complete = missing.length === 0 && !ordered;
  const outside = outsideOf(budget, total, requested);
  const graphs = graphsOf(budget, complete ? rest : null, outside);
  const { within } = graphs;
  const remainder = complete ? (within === null ? rest : lessOf(rest, measuredOf(within))) : null;
  const drafts: Draft[] = [
    ...(outside === null ? [] : [draft('not_requested', outside, null)]),
    ...(['weights', 'non_torch', 'activation_peak'] as const).flatMap((id) =>
      found.filter((part) => part.id === id).map((part) => draft(id, measuredOf(part), part.offset)),
    ),
    ...(within === null ? [] : [draft('cuda_graphs', measuredOf(within), within.offset, within.label)]),
    ...(kv === null ? [] : [draft('kv_cache', measuredOf(kv), kv.offset)]),
  ];
  const spent = sumOf(drafts.map(({ figure }) => figure));
  const left = { value: whole.value - spent.value, error: (remainder ?? rest).error };
  const addsUp = judge(remainder);
  return {
    rank: budget.rank,
    producer: budget.producer,
    basis: 'requested',
    total,
    utilization: lastOf(budget, 'utilization')?.value ?? null,
    requested,
    inUseBefore: total === null || start === null ? null : lessOf(total, start),
    whole,
    steps: stepsOf(whole, [
      ...drafts,
      draft('remainder', left, null, missing.length === 0 ? REMAINDER[addsUp] : 'Not printed'),
    ]),
    remainder,
    addsUp,
    graphsOnTop: graphs.beyond,
    graphsPlace: graphs.place,
    missing,
    statement: ordered
      ? 'The KV cache has the size that was ordered; it does not follow from what was requested, so there is nothing to add up.'
      : requestedStatement(requested, found, within, remainder, addsUp, missing) + totalWords(budget),
    graphsStatement: graphs.sentence,
  };
}

const totalWords = (budget: MemoryBudget): string =>
  lastOf(budget, 'total')?.label.includes('computed') === true
    ? ' The total is not printed: it follows from the estimated CUDA graphs and the share of the device that the log says they are.'
    : '';

function requestedStatement(
  requested: Measured,
  found: readonly BudgetPart[],
  within: BudgetPart | null,
  remainder: Measured | null,
  addsUp: AddsUp,
  missing: readonly PartId[],
): string {
  if (remainder === null) return cannot(missing);
  const parts = [...found, ...(within === null ? [] : [within])]
    .map((part) => `${part.label} ${termAmount(part.value)}`)
    .join(' + ');
  const sum = `${termAmount(requested.value)} requested = ${parts}`;
  return `${sum}: ${verdictOf(addsUp, remainder)}`;
}

function verdictOf(addsUp: AddsUp, remainder: Measured, rest = 'is left that no line explains'): string {
  if (addsUp === 'yes')
    return `adds up to what the log printed, within its digits (${withError(remainder)}).`;
  if (addsUp === 'left_over') return `${withError(remainder)} ${rest}.`;
  const over = { value: -remainder.value, error: remainder.error };
  return `the parts are ${withError(over)} more than that.`;
}

/** "KV cache", "non-torch memory". */
const partName = (id: PartId): string => {
  if (id === 'requested') return 'what was requested';
  const label = id in STEP_LABELS ? STEP_LABELS[id as WaterfallStepId] : id.replaceAll('_', ' ');
  return /^[A-Z]{2}/.test(label) ? label : label.slice(0, 1).toLowerCase() + label.slice(1);
};

const cannot = (missing: readonly PartId[]): string =>
  missing.length === 0
    ? 'The log does not print enough to add it up.'
    : `The log does not print ${missing.map(partName).join(', ')}, so it cannot be added up.`;

function freeWaterfall(budget: MemoryBudget, start: Measured, isCut: boolean): RankWaterfall {
  const totalPart = lastOf(budget, 'total');
  // Whole MiB, rounded down by the server: a whole step may be missing, not half of one.
  const total = totalPart === null ? null : { value: totalPart.value, error: totalPart.granularity };
  const last = lastOf(budget, 'available');
  // What is printed after the last line of what is available is not in that figure.
  const isEnd = budget.parts.every(
    ({ id, offset }) => !IN_STEPS.some((step) => step === id) || offset <= (last?.offset ?? -1),
  );
  const end = isEnd && !isCut ? last : null;
  const missing: PartId[] = (['weights', 'kv_cache'] as const).filter((id) => lastOf(budget, id) === null);
  if (end === null) missing.push('available');
  const before = total === null ? null : lessOf(total, start);
  const spent = IN_STEPS.flatMap((id) =>
    budget.parts
      .filter((part) => part.id === id)
      .map((part) => draft(id, measuredOf(part), part.offset, part.label)),
  );
  const taken = sumOf(spent.map(({ figure }) => figure));
  const remainder = end === null || missing.length > 0 ? null : lessOf(lessOf(start, measuredOf(end)), taken);
  const whole = total ?? start;
  const ready = end === null ? [] : [draft('available', measuredOf(end), end.offset, end.label)];
  const drafts = [...(before === null ? [] : [draft('in_use_before', before, null)]), ...spent];
  const left = whole.value - sumOf([...drafts, ...ready].map(({ figure }) => figure)).value;
  const addsUp = judge(remainder);
  return {
    rank: budget.rank,
    producer: budget.producer,
    basis: 'free',
    total,
    utilization: null,
    requested: null,
    inUseBefore: before,
    whole,
    steps: stepsOf(whole, [
      ...drafts,
      draft(
        'remainder',
        { value: left, error: remainder?.error ?? taken.error + start.error },
        null,
        remainder === null
          ? 'Not printed'
          : left < 0
            ? 'Came free between the printed steps'
            : 'Taken between the printed steps',
      ),
      ...ready,
    ]),
    remainder,
    addsUp,
    graphsOnTop: null,
    graphsPlace: budget.parts.some(({ id }) => id === 'cuda_graphs') ? 'within' : 'none',
    missing,
    graphsStatement: '',
    statement:
      remainder === null || end === null
        ? cannot(missing)
        : freeStatement(start, measuredOf(end), taken, addsUp, remainder),
  };
}

/** Every "-" and "=" in it holds by arithmetic. */
function freeStatement(
  start: Measured,
  end: Measured,
  taken: Measured,
  addsUp: AddsUp,
  remainder: Measured,
): string {
  const gone = `${termAmount(start.value)} free at the start - ${termAmount(end.value)} when ready = ${termAmount(start.value - end.value)} gone`;
  if (addsUp === 'exceeds')
    return `${gone}; the printed steps took ${termAmount(taken.value)}, of which ${withError({ value: -remainder.value, error: remainder.error })} came free again between them.`;
  return `${gone}; the printed steps took ${termAmount(taken.value)}: ${verdictOf(addsUp, remainder, 'was taken between them')}`;
}

/** What was printed, where nothing says of how much. */
function loneWaterfall(budget: MemoryBudget): RankWaterfall {
  const isVllm = budget.producer.startsWith('vLLM');
  const graphs = isVllm ? graphsOf(budget, null, null) : null;
  const ids = (['weights', 'non_torch', 'activation_peak', 'cuda_graphs', 'kv_cache'] as const).filter(
    (id) => id !== 'cuda_graphs' || !isVllm,
  );
  const found = ids.flatMap((id) => {
    const part = lastOf(budget, id);
    return part === null ? [] : [draft(id, measuredOf(part), part.offset)];
  });
  const within = graphs?.within ?? null;
  if (within !== null) found.push(draft('cuda_graphs', measuredOf(within), within.offset, within.label));
  const missing: PartId[] = (['requested', ...NEEDED] as const).filter((id) => lastOf(budget, id) === null);
  return {
    rank: budget.rank,
    producer: budget.producer,
    basis: 'none',
    total: measuredLast(budget, 'total'),
    utilization: lastOf(budget, 'utilization')?.value ?? null,
    requested: null,
    inUseBefore: null,
    whole: null,
    steps: stepsOf(null, found),
    remainder: null,
    addsUp: 'cannot_tell',
    graphsOnTop: graphs?.beyond ?? null,
    graphsPlace: graphs?.place ?? 'none',
    missing,
    statement: cannot(missing),
    graphsStatement: graphs?.sentence ?? '',
  };
}

/** The waterfall of one rank (one GPU), in bytes. `isCut`: other ranks of the same start print steps after its last. */
export function rankWaterfall(budget: MemoryBudget, isCut = false): RankWaterfall {
  if (printsSteps(budget))
    return freeWaterfall(budget, measuredLast(budget, 'free_at_start') ?? exactly(0), isCut);
  const requested = measuredLast(budget, 'requested');
  return requested === null ? loneWaterfall(budget) : requestedWaterfall(budget, requested);
}

const stepsIn = ({ parts }: MemoryBudget): number =>
  parts.filter(({ id }) => IN_STEPS.some((step) => step === id)).length;

/** Logs are cut to some ranks' lines: what was free after a rank's last line is not what was left when it was ready. */
export const rankWaterfalls = (budgets: readonly MemoryBudget[]): RankWaterfall[] =>
  budgets.map((budget) =>
    rankWaterfall(
      budget,
      budgets.some(
        (other) =>
          other.rank.start === budget.rank.start &&
          other.producer === budget.producer &&
          stepsIn(other) > stepsIn(budget),
      ),
    ),
  );
