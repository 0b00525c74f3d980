/** Readings of every source in the form of the documented object. */
import { toJsonInteger } from '../../base/u64.ts';
import { rankText } from '../../base/rank.ts';
import type { Gauge, Readings } from '../../trace/readings.ts';
import { vllmMemoryAccounts } from '../../analyze/server/vllm-memory-words.ts';
import type { Analysis, AnalysisSeries } from './analysis.ts';
import { vllmMemoryOf } from './vllm-memory.ts';

function seriesOf(source: number, clock: Readings['clock'], gauge: Gauge): AnalysisSeries {
  const { id, label, unit, device, labels, granularity, note, time_ns, value } = gauge;
  const samples = Array.from(
    value,
    (one, i) => [toJsonInteger(time_ns[i]), Number.isNaN(one) ? null : one] as const,
  );
  return { source, id, label, unit, device, labels, clock, granularity, note, samples };
}

/** `all[i]`: the readings of source i, undefined where it has none. */
export function readingsOf(
  all: readonly (Readings | undefined)[],
): Pick<Analysis, 'series' | 'tables' | 'budgets' | 'log_events' | 'vllm_memory'> {
  const each = all.flatMap((readings, source) => (readings === undefined ? [] : [{ source, readings }]));
  return {
    series: each.flatMap(({ source, readings }) =>
      readings.gauges.map((gauge) => seriesOf(source, readings.clock, gauge)),
    ),
    tables: each.flatMap(({ source, readings }) => readings.tables.map((table) => ({ source, ...table }))),
    budgets: each.flatMap(({ source, readings }) =>
      readings.budgets.map(({ rank, producer, parts }) => ({
        source,
        rank: rankText(rank),
        producer,
        parts: parts.map(({ id, label, value, granularity }) => ({ id, label, value, granularity })),
      })),
    ),
    log_events: each.flatMap(({ source, readings }) =>
      readings.events.map(({ kind, time_ns, device, text, figures }) => ({
        source,
        kind,
        time_ns: time_ns === null ? null : toJsonInteger(time_ns),
        device,
        text,
        figures: Object.fromEntries(
          Object.entries(figures).map(([name, value]) => [
            name,
            Number.isInteger(value) ? toJsonInteger(BigInt(value)) : value,
          ]),
        ),
      })),
    ),
    vllm_memory: each.flatMap(({ source, readings }) =>
      vllmMemoryAccounts(readings.vllm_memory ?? [], readings.budgets).map((account) =>
        vllmMemoryOf(source, account),
      ),
    ),
  };
}
