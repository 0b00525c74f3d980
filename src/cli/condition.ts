/** One condition of --fail-on: what of a run meets it, and of what it cannot be told. */
import type { Analysis } from '../engine/document/analysis.ts';
import type { AnalysisBaseline } from '../engine/document/baseline.ts';

export interface Condition {
  readonly text: string;
  /** What of the analysis meets it; empty: nothing. */
  readonly met: (analysis: Analysis, baseline?: AnalysisBaseline | null) => readonly string[];
  /** Of what it cannot be told; empty: of all it can. */
  readonly open: (analysis: Analysis, baseline?: AnalysisBaseline | null) => readonly string[];
  /** true: it is about a baseline, which has to be given. */
  readonly needsBaseline?: boolean;
}
