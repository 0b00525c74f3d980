/**
 * The waterfalls of a pod's ranks, added up: 8 x 42.59 GiB of weights are 340.72 GiB.
 *
 * A log often prints figures of some ranks only. The sum of what was printed is one number; what the pod takes if
 * the others are like those that print is another, and only given where all that print agree. Neither is mixed.
 *
 * Steps that are taken as alike need not be: a rank with less KV cache had more of something that it does not print.
 * What the sums then leave of the total is the remainder, so that the steps of a pod always make up its total.
 */
import { type Measured, canEqual, lessOf, sumOf, timesOf } from '../../base/measured.ts';
import { type Rank, rankText } from '../../base/rank.ts';
import type { AddsUp, RankWaterfall, WaterfallStepId } from './waterfall.ts';

export interface PodStep {
  readonly id: WaterfallStepId | 'total' | 'requested' | 'graphs_on_top';
  readonly label: string;
  /** Ranks whose log lines give this figure. */
  readonly printedRanks: number;
  /** Sum over those, in bytes. */
  readonly printed: Measured;
  /** Sum over all ranks of the pod, those that print nothing taken as like the others; null: they differ. */
  readonly allRanks: Measured | null;
}

export interface PodWaterfall {
  /** Address of the host where the log names it; '' for the host that wrote the log. */
  readonly pod: string;
  /** Which start of the server in this log, from 1. */
  readonly start: number;
  readonly ranks: readonly Rank[];
  /** GPUs of the pod: as told, else as many as the log names. */
  readonly rankCount: number;
  readonly steps: readonly PodStep[];
  readonly addsUp: AddsUp;
  readonly sentence: string;
  /** true: the log says how many ranks the server has, and every one of them is in this sum. */
  readonly isWholeServer: boolean;
}

export interface PodOptions {
  /** Ranks of the whole server, as the log tells; null: it does not. */
  readonly worldSize?: number | null;
  /** GPUs of one pod, where the log names fewer ranks than there are. */
  readonly ranksPerPod?: number;
  /** true: all ranks of a start are one, wherever they are. */
  readonly whole?: boolean;
}

const ORDER: readonly (readonly [PodStep['id'], string])[] = [
  ['total', 'Total'],
  ['in_use_before', 'In use before the server'],
  ['not_requested', 'Not requested (1 - utilization)'],
  ['requested', 'Requested'],
  ['weights', 'Weights'],
  ['non_torch', 'Non-torch memory'],
  ['activation_peak', 'Activation peak'],
  ['cuda_graphs', 'CUDA graphs'],
  ['kv_cache', 'KV cache'],
  ['remainder', 'Remainder'],
  ['available', 'Available when ready'],
  ['graphs_on_top', 'CUDA graphs beyond the budget'],
];
/** Not a step down from the total. */
const ASIDE: ReadonlySet<PodStep['id']> = new Set(['total', 'requested', 'remainder', 'graphs_on_top']);

/** One rank's figure: several steps of one name (a draft model's weights) are one sum. */
function figureOf(rank: RankWaterfall, id: PodStep['id']): Measured | null {
  if (id === 'total') return rank.total ?? rank.whole;
  if (id === 'requested') return rank.requested;
  if (id === 'graphs_on_top') return rank.graphsOnTop;
  if (id === 'remainder') return rank.remainder;
  const steps = rank.steps.filter((step) => step.id === id);
  if (steps.length === 0) return null;
  return sumOf(steps.map(({ bytes }) => bytes));
}

function stepOf(ranks: readonly RankWaterfall[], count: number, id: PodStep['id'], label: string): PodStep[] {
  const figures = ranks.flatMap((rank) => figureOf(rank, id) ?? []);
  if (figures.length === 0) return [];
  const printed = sumOf(figures);
  const alike = figures.every((figure) => canEqual(figure, figures[0]));
  const mean = {
    value: printed.value / figures.length,
    error: Math.max(...figures.map(({ error }) => error)),
  };
  const allRanks = figures.length === count ? printed : alike ? timesOf(mean, count) : null;
  return [{ id, label, printedRanks: figures.length, printed, allRanks }];
}

/** All steps of a pod, the remainder as what they leave of its total. */
function stepsOf(members: readonly RankWaterfall[], count: number): PodStep[] {
  const whole = wholeLabel(members);
  const steps = ORDER.flatMap(([id, label]) => {
    if (id === 'cuda_graphs') return stepOf(members, count, id, graphsLabel(members) ?? label);
    if (id !== 'total') return stepOf(members, count, id, label);
    return whole === null ? [] : stepOf(members, count, id, whole);
  });
  const total = steps.find(({ id }) => id === 'total')?.allRanks ?? null;
  const down = steps.filter(({ id }) => !ASIDE.has(id));
  const known = down.flatMap(({ allRanks }) => allRanks ?? []);
  const rest = total === null || known.length < down.length ? null : lessOf(total, sumOf(known));
  const printed = steps.find(({ id }) => id === 'remainder');
  if (rest === null) return steps.map((step) => (step === printed ? { ...step, allRanks: null } : step));
  const left: PodStep = {
    id: 'remainder',
    label: labelOf(members, rest),
    printedRanks: printed?.printedRanks ?? 0,
    printed: printed?.printed ?? { value: 0, error: 0 },
    // Errors of the ranks' own remainders hold the total's and every step's once.
    allRanks: printed?.printedRanks === count ? { ...rest, error: printed.printed.error } : rest,
  };
  const at = ORDER.findIndex(([id]) => id === 'remainder');
  const before = steps.filter(({ id }) => ORDER.findIndex(([one]) => one === id) < at);
  const after = steps.filter(({ id }) => ORDER.findIndex(([one]) => one === id) > at);
  return [...before, left, ...after];
}

/** Named as the ranks name it where they agree. */
function labelOf(members: readonly RankWaterfall[], rest: Measured): string {
  const labels = new Set(members.map(({ steps }) => steps.find(({ id }) => id === 'remainder')?.label ?? ''));
  const [label] = labels;
  if (labels.size === 1 && label !== '') return label;
  return Math.abs(rest.value) <= rest.error ? 'Rounding of the printed digits' : 'Not printed by every rank';
}

/** "NPU graphs" where all ranks call them so; null: they are CUDA's, or called in several ways. */
function graphsLabel(members: readonly RankWaterfall[]): string | null {
  const labels = members.flatMap(({ steps }) =>
    steps
      .filter(({ id }) => id === 'cuda_graphs')
      .map((step) => /^[A-Z]+ graphs/.exec(step.label)?.[0] ?? ''),
  );
  const [first] = labels;
  return labels.length > 0 && first !== '' && labels.every((label) => label === first) ? first : null;
}

/** What the steps of these ranks are taken from. */
function wholeLabel(members: readonly RankWaterfall[]): string | null {
  const labels = new Set(
    members.flatMap(({ total, whole, basis }) =>
      total !== null ? 'Total' : whole === null ? [] : basis === 'free' ? 'Free at the start' : 'Requested',
    ),
  );
  return labels.size === 1 ? [...labels][0] : null;
}

function worst(ranks: readonly RankWaterfall[]): AddsUp {
  for (const verdict of ['exceeds', 'left_over', 'cannot_tell'] as const) {
    if (ranks.some(({ addsUp }) => addsUp === verdict)) return verdict;
  }
  return 'yes';
}

/** "DP0 TP1: ..."; without a name where one rank prints. */
const ofRank = (rank: RankWaterfall, ranks: readonly RankWaterfall[]): string =>
  ranks.length === 1 || rankText(rank.rank) === ''
    ? rank.statement
    : `${rankText(rank.rank)}: ${rank.statement}`;

function sentenceOf(ranks: readonly RankWaterfall[], count: number, verdict: AddsUp): string {
  const told = `${ranks.length} of ${count} ranks`;
  const silent = count - ranks.length;
  const who = silent > 0 ? `${told} print a budget; the other ${silent} are not in this log. ` : '';
  const good = ranks.filter(({ addsUp }) => addsUp === 'yes').length;
  if (verdict === 'yes') return `${who}The budget of every printed rank adds up.`;
  const bad = ranks.filter(({ addsUp }) => addsUp === 'left_over' || addsUp === 'exceeds');
  // A server that prints what was free claims no sum.
  if (bad.length > 0 && bad.every(({ basis }) => basis === 'free')) return `${who}${ofRank(bad[0], ranks)}`;
  if (bad.length > 0) {
    return `${who}${bad.length} of ${ranks.length} budgets do not add up: ${ofRank(bad[0], ranks)}`;
  }
  const open = ranks.find(({ addsUp }) => addsUp === 'cannot_tell');
  const why = open === undefined ? '' : ` ${ofRank(open, ranks)}`;
  // Of a single budget, why it cannot says all.
  if (ranks.length === 1) return `${who}${why.trim()}`;
  return `${who}${good} of ${ranks.length} budgets can be added up.${why}`;
}

/** Sums by pod and start of the server, in bytes. */
export function podWaterfalls(ranks: readonly RankWaterfall[], options: PodOptions = {}): PodWaterfall[] {
  const pods = new Map<string, { pod: string; start: number; ranks: RankWaterfall[] }>();
  for (const rank of ranks) {
    const { start } = rank.rank;
    const pod = options.whole === true ? '' : rank.rank.pod;
    const key = `${start}\n${pod}`;
    const group = pods.get(key) ?? { pod, start, ranks: [] };
    group.ranks.push(rank);
    pods.set(key, group);
  }
  return [...pods.values()].map(({ pod, start, ranks: members }) => {
    const count = Math.max(options.ranksPerPod ?? 0, members.length);
    const addsUp = worst(members);
    return {
      pod,
      start,
      ranks: members.map(({ rank }) => rank),
      rankCount: count,
      steps: stepsOf(members, count),
      addsUp,
      sentence: sentenceOf(members, count, addsUp),
      isWholeServer: members.length === count && count === options.worldSize,
    };
  });
}
