/** An open source as far as it is no recording: what the facts of servers, logs and monitors are worked out from. */
import type { Bounds } from '../base/measured.ts';
import type { MemorySummary, Setting } from '../trace/capture.ts';
import type { Readings } from '../trace/readings.ts';

/** What a log does not say and its reader may know. */
export interface GivenFacts {
  readonly gpusPerPod: number | null;
  /** Text of config.json. */
  readonly modelConfig: string | null;
}

/** One open source, as far as it is no recording. */
export interface ReadSource {
  readonly id: number;
  readonly file: string;
  readonly format: string | null;
  readonly producer: string;
  readonly settings: readonly Setting[];
  readonly readings: Readings | null;
  readonly summaries: readonly MemorySummary[];
  readonly given: GivenFacts;
}

/** Two sources that disagree, with the bytes and a sentence (source-contradictions.ts). */
export interface Disagreement {
  readonly kind: string;
  readonly files: readonly [string, string];
  readonly device: number | null;
  readonly count: number;
  readonly allowedBytes: number;
  readonly differenceBytes: number;
  /** What each source says where they are furthest apart: bytes, at least and at most. */
  readonly values: readonly (Bounds & { readonly label: string })[];
  readonly sentence: string;
}

export interface ServerFactsInput {
  readonly sources: readonly ReadSource[];
  /** Add to the times of a source for the common clock; null: not known. */
  readonly offsetOf: (sourceId: number) => bigint | null;
  /** File of the recording that the lines of a source have their place in; null: none is open. */
  readonly recordingOf: (sourceId: number) => string | null;
  readonly contradictions: readonly Disagreement[];
  readonly observations: readonly Disagreement[];
}
