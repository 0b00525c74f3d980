/** What of a run was judged, and how: the conditions of --fail-on with their outcome. Every format says the same of them. */
import type { Analysis } from '../engine/document/analysis.ts';
import type { AnalysisBaseline } from '../engine/document/baseline.ts';
import type { Condition } from './condition.ts';

export interface Check {
  readonly condition: string;
  /** `not_known`: what would decide it is not in the files. */
  readonly state: 'holds' | 'not_known' | 'passes';
  readonly reasons: readonly string[];
  /** Of what it is not known, and why. */
  readonly not_known: readonly string[];
}

/** What a run tells, as every format prints it. */
export interface Report {
  readonly analysis: Analysis;
  readonly baseline: AnalysisBaseline | null;
  readonly checks: readonly Check[];
}

export const checksOf = (
  conditions: readonly Condition[],
  analysis: Analysis,
  baseline: AnalysisBaseline | null,
): Check[] =>
  conditions.map(({ text, met, open }) => {
    const reasons = met(analysis, baseline);
    const unknown = open(analysis, baseline);
    return {
      condition: text,
      state: reasons.length > 0 ? 'holds' : unknown.length > 0 ? 'not_known' : 'passes',
      reasons,
      not_known: unknown,
    };
  });
