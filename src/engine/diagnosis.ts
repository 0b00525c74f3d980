/** What `EngineApi.diagnosis()` answers: findings and what they rest on. Plain data; bytes are exact numbers. */
import type { Finding } from '../diagnose/finding.ts';
import type { ServersDiagnosis } from './server-diagnosis.ts';

export type { Confidence, Evidence, Finding, Severity } from '../diagnose/finding.ts';
export type * from './server-diagnosis.ts';

/** Growth of one figure of one device by iteration. */
export interface GrowthView {
  /** allocated, active, reserved. */
  readonly series: string;
  /** none, warm_up_plateau, steps_with_largest_request, linear_leak, sub_linear, cannot_tell. */
  readonly kind: string;
  readonly confidence: string;
  readonly boundBytes: number | null;
  readonly slopeBytesPerIteration: number | null;
  readonly iterations: number;
  /** Rows of the window judged: first and last; null: none. */
  readonly window: readonly [number, number] | null;
  readonly untilLimit: { readonly iterations: number; readonly ns: number | null } | null;
  /** The statistic in words, with its numbers. */
  readonly statistic: string;
  readonly why: readonly string[];
  /** Value at the end of each iteration, for a small chart. */
  readonly values: readonly number[];
}

export interface IterationsView {
  /** markers, annotations, period, none. */
  readonly method: string;
  readonly count: number;
  readonly confidence: string;
  readonly why: readonly string[];
  /** Row that each iteration begins at, and the row after the last. */
  readonly rows: readonly number[];
  /** Their times, ns from the device's base; where the recording ends with the last iteration, its end. */
  readonly startsNs: readonly number[];
}

export interface DeviceDiagnosis {
  readonly deviceKey: string;
  readonly device: number;
  readonly iterations: IterationsView;
  readonly growth: readonly GrowthView[];
  /** What allocated and reserved together say. */
  readonly conclusion: {
    readonly kind: string;
    readonly confidence: string;
    readonly sentence: string;
  } | null;
}

export interface Diagnosis extends ServersDiagnosis {
  /** Problems first. */
  readonly findings: readonly Finding[];
  readonly devices: readonly DeviceDiagnosis[];
  readonly milliseconds: number;
}
