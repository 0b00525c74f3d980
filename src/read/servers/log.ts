/** What the log of a serving engine ends as, whichever wrote it: series, budgets, and events with their times. */
import type { Setting, SourceData, Warning } from '../../trace/capture.ts';
import type { LogEvent, MemoryBudget } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import type { VllmMemoryPrint } from '../../trace/vllm-memory.ts';
import type { GaugeSet } from '../lines/gauge-set.ts';
import type { LogTimes, Stamp } from '../lines/log-time.ts';

/** An event whose time is not known before the log's last line: it decides on the year. */
export interface PendingEvent extends Omit<LogEvent, 'time_ns'> {
  readonly stamp: Stamp | null;
}

export interface ServerLog {
  readonly producer: string;
  readonly times: LogTimes;
  readonly gauges: GaugeSet;
  readonly budgets: readonly MemoryBudget[];
  readonly events: readonly PendingEvent[];
  readonly memory?: readonly VllmMemoryPrint[];
  readonly settings: readonly Setting[];
  readonly warnings: readonly Warning[];
  readonly skipped: number;
  /** What the log does not tell and how it could. */
  readonly missing: (hasSeries: boolean) => readonly string[];
}

export function serverLogData(log: ServerLog): SourceData {
  const { producer, times, budgets, events, warnings, skipped, memory = [] } = log;
  const { gauges, clock, notRecorded } = log.gauges.build();
  const assumption = times.assumption();
  // Said with the series where there are any; events alone rest on it, too.
  const said = clock === 'none' && assumption !== null && events.length > 0 ? [assumption] : [];
  return sourceData({
    producer,
    rows:
      log.gauges.samples +
      budgets.reduce((sum, { parts }) => sum + parts.length, 0) +
      events.length +
      memory.length,
    skipped,
    warnings,
    notRecorded: [...notRecorded, ...said, ...log.missing(gauges.length > 0)],
    settings: log.settings,
    readings: {
      clock: clock === 'none' && said.length > 0 ? times.clock : clock,
      gauges,
      budgets,
      events: events.map(({ stamp, ...event }) => ({
        ...event,
        time_ns: stamp === null ? null : times.resolve(stamp),
      })),
      ...(memory.length === 0 ? {} : { vllm_memory: memory }),
    },
  });
}
