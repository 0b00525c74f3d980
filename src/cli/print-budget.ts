/** Budgets of servers step by step as text for a terminal: each rank, ranks alike once, and the sums of several. */
import { formatBytes } from '../base/units.ts';
import type { AnalysisBudgetSum } from '../engine/document/budget.ts';
import type { Analysis, AnalysisWaterfall } from '../engine/document/analysis.ts';

/** Steps of a sum that are not steps down. */
const ASIDE: ReadonlySet<string> = new Set(['total', 'requested', 'graphs_on_top']);
const BEYOND = 'CUDA graphs beyond the budget';

interface Step {
  readonly label: string;
  readonly bytes: number;
  readonly error: number;
}

const size = (bytes: number): string =>
  `${bytes < 0 ? '-' : ''}${formatBytes(Math.abs(Math.round(bytes)), 'binary')}`;

/** Digits that mean little are said to. */
function sizeWithError({ label, bytes, error }: Step): string {
  // What came free is named so: a step below zero would say it twice.
  const shown = bytes < 0 && label.startsWith('Came free') ? -bytes : bytes;
  return error > 0.02 * Math.abs(bytes) ? `${size(shown)} ± ${size(Math.ceil(error))}` : size(shown);
}

function stepLines(steps: readonly Step[]): string[] {
  const width = Math.max(0, ...steps.map(({ label }) => label.length));
  return steps.map((step) => `    ${step.label.padEnd(width)}  ${sizeWithError(step)}`);
}

function rankLines(ranks: readonly AnalysisWaterfall[]): string[] {
  const [{ rank, total_bytes: total, steps, graphs_beyond_bytes: beyond, sentence }] = ranks;
  const names =
    ranks.length > 3 ? [ranks[0].rank, '...', ranks[ranks.length - 1].rank] : ranks.map((one) => one.rank);
  const name = ranks.length > 1 ? `${names.join(', ')}, each (${ranks.length} ranks)` : rank;
  return [
    `  ${[name, total === null ? '' : size(total)].filter((one) => one !== '').join(': ') || 'budget'}`,
    ...stepLines([
      ...steps.map(({ label, bytes, error_bytes: error }) => ({ label, bytes, error })),
      ...(beyond === null ? [] : [{ label: BEYOND, bytes: beyond, error: 0 }]),
    ]),
    `    ${sentence}`,
  ];
}

function sumLines(sum: AnalysisBudgetSum): string[] {
  const { scope, pod, start, rank_count: count, steps, sentence } = sum;
  const down = steps.filter(({ id }) => !ASIDE.has(id) || id === 'graphs_on_top');
  const total = steps.find(({ id }) => id === 'total');
  // What was printed and what all ranks take if the others are alike are two sums: never a mixture.
  const alike = [...down, ...(total === undefined ? [] : [total])].every((step) => step.all_ranks !== null);
  const figure = (step: (typeof steps)[number]): { bytes: number; error: number } => {
    const { bytes, error_bytes: error } = alike ? (step.all_ranks ?? step.printed) : step.printed;
    return { bytes, error };
  };
  // A sum is not named after ranks that are not in it.
  const printing = Math.max(0, ...steps.map(({ printed_ranks }) => printed_ranks));
  const named =
    scope === 'server' ? 'the whole server' : pod === '' ? 'all ranks of this host' : `host ${pod}`;
  const where =
    printing >= count
      ? named
      : alike
        ? `${named}, were all ranks like the ${printing === 1 ? 'one that prints' : `${printing} that print`}`
        : `${printing === 1 ? '1 rank that prints' : `${printing} ranks that print`}, of ${named}`;
  const whole = total === undefined ? '' : `: ${size(figure(total).bytes)}`;
  const shown = down.filter(({ id }) => alike || id !== 'remainder');
  const assumed = shown.some((step) => alike && step.printed_ranks < count && step.id !== 'remainder');
  return [
    `  ${[where, start].filter((one) => one !== '').join(', ')} (${count} ranks)${whole}`,
    ...stepLines(
      shown.map((step) => ({
        // Of a sum that is printed, no step may pass for one of all its ranks.
        label:
          !alike && step.printed_ranks < printing
            ? `${step.label} (${step.printed_ranks} of ${printing} ranks print it)`
            : step.label,
        ...figure(step),
      })),
    ),
    `    ${sentence}`,
    ...(assumed ? ['    Ranks that do not print a figure are taken as like those that do.'] : []),
  ];
}

/** Lines of all budgets; none where no server printed one. */
export function budgetLines({
  budget,
  budget_sums: sums,
}: Pick<Analysis, 'budget' | 'budget_sums'>): string[] {
  const groups = new Map<string, AnalysisWaterfall[]>();
  for (const one of budget.filter(({ steps }) => steps.length > 0)) {
    // The sums name the start of their ranks.
    const start = sums.find(({ source, ranks }) => source === one.source && ranks.includes(one.rank))?.start;
    const key = JSON.stringify({ ...one, rank: start ?? '' });
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  const lines = [
    ...sums.filter(({ rank_count: count }) => count > 1).flatMap(sumLines),
    ...[...groups.values()].flatMap(rankLines),
  ];
  return lines.length === 0 ? [] : ['', 'Budget step by step', ...lines];
}
