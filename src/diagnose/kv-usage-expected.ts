/**
 * KV-cache usage climbs and stays while tokens are made: what a KV cache is for. No memory grows by it. Said once for each
 * server, whatever its number of ranks or engines; where requests wait on a full cache, that finding says it.
 */
import { count, percent } from '../base/words.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import type { EngineUsage } from '../analyze/server/kv-usage.ts';
import { evidence, type Finding } from './finding.ts';
import { waitsFull } from './kv-cache-too-small.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { ofEngine, rankOf, windowText } from './server-usage-words.ts';

const peakOf = ({ windows, verdict }: EngineUsage): number =>
  windows.reduce((most, { state, usage }) => (state === verdict ? Math.max(most, usage.max) : most), 0);

/** "72.0%", or "56.0% to 72.0%" where ranks differ. */
function rangeText(peaks: readonly number[]): string {
  const [least, most] = [percent(Math.min(...peaks)), percent(Math.max(...peaks))];
  return least === most ? most : `${least} to ${most}`;
}

function findingOf({ source, usage }: ServerLog): Finding[] {
  // The gravest state of all: with a stuck or preempting engine that rule speaks.
  const good = usage.filter(
    (one) => (one.verdict === 'full' || one.verdict === 'filling') && !waitsFull(one),
  );
  if (good.length === 0) return [];
  const [first] = good;
  const most = good.reduce((best, one) => (peakOf(one) > peakOf(best) ? one : best), first);
  const who =
    good.length === 1 ? ofEngine(first) : ` (${count(good.length, 'rank or engine', 'ranks or engines')})`;
  const missing = [...new Set(good.flatMap((one) => one.missing))];
  return [
    aboutServer({
      id: 'kv-usage-expected',
      severity: 'good',
      title: `KV-cache usage up to ${rangeText(good.map(peakOf))}${who}: expected`,
      verdict: `${most.sentence} Usage is the share of blocks that requests hold; the bytes of all blocks were allocated at the start.`,
      confidence: missing.length === 0 ? 'high' : 'medium',
      confidenceWhy:
        missing.length === 0
          ? 'Requests, throughput and usage were recorded side by side.'
          : `Not recorded: ${missing.join(', ')}.`,
      evidence: [
        ...most.windows
          .filter(({ state }) => state === most.verdict)
          .slice(0, 3)
          .map((window) => evidence(`${source.file}${rankOf(most)}: ${windowText(window)}`)),
        ...(most.prefixCache === null ? [] : [evidence(most.prefixCache)]),
      ],
      remedy: null,
      gainBytes: null,
      gainHow: null,
      wouldChange: 'The same usage with requests there and no token made: then the engine is stuck.',
    }),
  ];
}

export const kvUsageExpected: ServerRule = ({ servers }) => servers.flatMap(findingOf);
