/** The object that `analyze --json` prints and `<vram-scope>.analysis` resolves to. Documented in docs/cli.md. */
import type { TraceErrorData } from '../base/trace-error.ts';

/** An exact integer: a number up to 2^53, a decimal string beyond. */
export type JsonInteger = number | string;

export interface AnalysisSource {
  readonly file: string;
  /** null: not recognised. */
  readonly format: string | null;
  readonly producer: string;
  readonly bytes: number;
  readonly rows: number;
  readonly skipped: number;
  readonly warnings: readonly string[];
  readonly not_recorded: readonly string[];
  /** Present only where reading failed or ended early. */
  readonly error?: TraceErrorData;
}

export interface AnalysisHistogramClass {
  readonly from: JsonInteger;
  readonly to: JsonInteger;
  readonly count: number;
  readonly bytes: JsonInteger;
}

export interface AnalysisDevice {
  /** Index into `sources`. */
  readonly source: number;
  readonly device: number;
  readonly name: string | null;
  readonly total_bytes: JsonInteger | null;
  readonly span_ns: readonly [JsonInteger, JsonInteger] | null;
  readonly from_empty: boolean;
  readonly events: Readonly<Record<string, number>>;
  readonly memory_stats: Readonly<Record<string, JsonInteger>>;
  readonly streams: readonly {
    readonly stream: string;
    readonly allocations: number;
    readonly bytes: JsonInteger;
    readonly histogram: readonly AnalysisHistogramClass[];
  }[];
  /** Nsight only. */
  readonly kinds?: Readonly<
    Record<string, { current: JsonInteger; peak: JsonInteger; allocated: JsonInteger; freed: JsonInteger }>
  >;
}

export interface AnalysisSummary {
  readonly source: number;
  readonly step: number;
  readonly label: string | null;
  readonly device: number;
  readonly ooms: number;
  readonly retries: number;
  /** Printed figures, rounded down by PyTorch: each means [value, value + granularity of its unit). */
  readonly rows: Readonly<
    Record<
      string,
      Readonly<Record<string, { current: number; peak: number; allocated: number; freed: number }>>
    >
  >;
}

export interface Analysis {
  readonly schema: 1;
  readonly sources: readonly AnalysisSource[];
  readonly devices: readonly AnalysisDevice[];
  readonly summaries: readonly AnalysisSummary[];
}
