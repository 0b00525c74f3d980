/** What rules about budgets have in common: the ranks of the last start, and figures with their errors. */
import { type Measured, sumOf } from '../base/measured.ts';
import { rankText } from '../base/rank.ts';
import { rankName } from '../analyze/server/facts-log.ts';
import type { RankWaterfall, WaterfallStepId } from '../analyze/server/waterfall.ts';
import { size } from './words.ts';

/** Sum of the steps of one kind (a draft model's weights are a second step); null: not printed. */
export function stepOf({ steps }: RankWaterfall, id: WaterfallStepId): Measured | null {
  const found = steps.filter((step) => step.id === id);
  return found.length === 0 ? null : sumOf(found.map(({ bytes }) => bytes));
}

/** "42.59 GiB". */
export const measuredSize = ({ value }: Measured): string => size(Math.round(value));

/** " (TP0)"; nothing where the log has one rank. */
export const ofRank = (rank: RankWaterfall): string =>
  rankText(rank.rank) === '' ? '' : ` (${rankName(rank)})`;

/** "72.00 GiB requested: Weights 66.00 GiB, KV cache 2.28 GiB." */
export function stepsText({ steps, requested, whole }: RankWaterfall): string {
  const of = requested ?? whole;
  const parts = steps
    .filter(({ id, bytes }) => bytes.value !== 0 && !(id === 'not_requested' && requested !== null))
    .map(({ label, bytes }) => `${label} ${size(bytes.value)}`)
    .join(', ');
  if (of === null) return `${parts}.`;
  return `${size(of.value)}${requested === null ? '' : ' requested'}: ${parts}.`;
}

/** The rank with most of something; null: none has it. */
export function rankWithMost(
  ranks: readonly RankWaterfall[],
  of: (rank: RankWaterfall) => number | null,
): RankWaterfall | null {
  let best: RankWaterfall | null = null;
  let most = -Infinity;
  for (const rank of ranks) {
    const value = of(rank);
    if (value !== null && value > most) [best, most] = [rank, value];
  }
  return best;
}
