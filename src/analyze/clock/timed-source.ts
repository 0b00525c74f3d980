/**
 * An open source as clocks see it: where its times, curves and printed lines are. It knows nothing of how the source
 * was opened, and of a recorded device no more than its events and their curves.
 */
import type { Baseline } from '../../aggregate/baseline.ts';
import type { DeviceAggregate } from '../../aggregate/device-aggregate.ts';
import type { DeviceTrace, MemorySummary } from '../../trace/capture.ts';
import type { MemoryBudget, Readings } from '../../trace/readings.ts';
import type { ClockKind } from './alignment.ts';

/** One recorded device of a source. */
export interface Recording {
  readonly sourceId: number;
  readonly trace: DeviceTrace;
  readonly baseline: Baseline;
  readonly aggregate: Pick<DeviceAggregate, 'base' | 'spec'>;
  readonly rows: number;
  /** Nanoseconds from the base. */
  timeOf(row: number): number;
}

export interface TimedSource {
  readonly id: number;
  readonly file: string;
  readonly bytes: number;
  readonly recordings: readonly Recording[];
  /** Figures and events that were printed or sampled; null: none. */
  readonly readings: Readings | null;
  readonly summaries: readonly MemorySummary[];
  /** Of the engine that started last, by rank. */
  readonly budgets: readonly MemoryBudget[];
}

export function clockOf({ recordings, readings }: Pick<TimedSource, 'recordings' | 'readings'>): ClockKind {
  const [recording] = recordings;
  return recording === undefined ? (readings?.clock ?? 'none') : recording.trace.clock;
}
