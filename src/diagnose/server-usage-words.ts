/** What the rules about KV-cache usage have in common. */
import { count, percent } from '../base/words.ts';
import type { EngineUsage, UsageWindow } from '../analyze/server/kv-usage.ts';
import type { ServerFacts } from '../analyze/server-facts.ts';
import type { ReadSource } from '../analyze/read-source.ts';

export interface UsageOfSource {
  readonly source: ReadSource;
  readonly usage: EngineUsage;
}

export const usagesOf = ({ servers }: ServerFacts): UsageOfSource[] =>
  servers.flatMap(({ source, usage }) => usage.map((one) => ({ source, usage: one })));

/** " of engine 0"; nothing where the log has one. */
export const ofEngine = ({ labels }: EngineUsage): string => {
  const name = labels['engine'] ?? labels['model_name'];
  return name === undefined ? '' : ` (engine ${name})`;
};

/** ", DP0 TP0" where the log has several ranks. */
export const rankOf = ({ labels }: Pick<EngineUsage, 'labels'>): string => {
  const name = labels['rank'] ?? labels['engine'];
  return name === undefined ? '' : `, ${name}`;
};

/** "30", or "20 to 30" where it changed. */
const span = (from: string | number, to: string | number): string =>
  from === to ? String(from) : `${from} to ${to}`;

export function windowText({
  usage,
  running,
  waiting,
  generation,
  samples,
  preemptions,
  state,
}: UsageWindow): string {
  const parts = [
    `${state}: usage ${span(percent(usage.first), percent(usage.last))} over ${count(samples, 'sample')}`,
    running === null ? null : `${span(running.min, running.max)} running`,
    waiting === null ? null : `${span(waiting.min, waiting.max)} waiting`,
    generation === null ? null : `${span(generation.min, generation.max)} tokens/s`,
    preemptions === 0 ? null : `${preemptions} preemptions`,
  ].filter((part) => part !== null);
  return `${parts.join(', ')}.`;
}
