/** Sums of a server's budgets over its ranks, as `analyze --json` prints them (docs/cli.md). */
import { withAmounts } from '../../base/amounts.ts';
import type { Measured } from '../../base/measured.ts';
import { rankText, startText } from '../../base/rank.ts';
import type { PodWaterfall } from '../../analyze/server/waterfall-pods.ts';
import type { Diagnosis } from '../diagnosis.ts';

/** Bytes with the most that the true figure can be away; 0: exact. */
export interface AnalysisMeasured {
  readonly bytes: number;
  readonly error_bytes: number;
}

/** The budgets of all ranks of one host and start, added up; or of the whole server. */
export interface AnalysisBudgetSum {
  readonly source: number | null;
  /** host: the ranks of one host; server: all ranks, where the log prints how many there are. */
  readonly scope: 'host' | 'server';
  /** Address of the host; "": the one that wrote the log. */
  readonly pod: string;
  /** "start 2" where the server started more than once. */
  readonly start: string;
  readonly ranks: readonly string[];
  readonly rank_count: number;
  readonly steps: readonly {
    /** The ids of a rank's steps, and total, requested, graphs_on_top. */
    readonly id: string;
    readonly label: string;
    readonly printed_ranks: number;
    /** Sum over the ranks that print it. */
    readonly printed: AnalysisMeasured;
    /** Sum over all, the silent ones taken as like the others; null: those that print differ. */
    readonly all_ranks: AnalysisMeasured | null;
  }[];
  /** yes, left_over, exceeds, cannot_tell. */
  readonly adds_up: string;
  readonly sentence: string;
}

const measured = ({ value, error }: Measured): AnalysisMeasured => ({
  bytes: value,
  error_bytes: Math.ceil(error),
});

const sumOf = (
  source: number | null,
  scope: AnalysisBudgetSum['scope'],
  { pod, start, ranks, rankCount, steps, addsUp, sentence }: PodWaterfall,
): AnalysisBudgetSum => ({
  source,
  scope,
  pod,
  start: startText(start),
  ranks: ranks.map(rankText),
  rank_count: rankCount,
  steps: steps.map(({ id, label, printedRanks, printed, allRanks }) => ({
    id,
    label,
    printed_ranks: printedRanks,
    printed: measured(printed),
    all_ranks: allRanks === null ? null : measured(allRanks),
  })),
  adds_up: addsUp,
  sentence: withAmounts(sentence, 'binary'),
});

/** `sourceOf`: index into `sources` of a source id. */
export const budgetSumsOf = (
  { servers }: Diagnosis,
  sourceOf: (id: number) => number | null,
): AnalysisBudgetSum[] =>
  servers.flatMap(({ sourceId, pods, whole }) => [
    ...pods.map((pod) => sumOf(sourceOf(sourceId), pod.isWholeServer ? 'server' : 'host', pod)),
    ...(whole === null ? [] : [sumOf(sourceOf(sourceId), 'server', whole)]),
  ]);
