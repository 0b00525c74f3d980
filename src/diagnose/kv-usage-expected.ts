/** KV-cache usage climbs and stays while tokens are made: what a KV cache is for. No memory grows by it. */
import { percent } from '../base/words.ts';
import { evidence } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { ofEngine, usagesOf, windowText } from './server-usage-words.ts';

export const kvUsageExpected: ServerRule = (facts) =>
  usagesOf(facts).flatMap(({ source, usage }) => {
    // The gravest state of all: with a stuck or preempting engine that rule speaks.
    if (usage.verdict !== 'full' && usage.verdict !== 'filling') return [];
    const windows = usage.windows.filter(({ state }) => state === usage.verdict);
    const peak = windows.reduce((most, window) => Math.max(most, window.usage.max), 0);
    return [
      aboutServer({
        id: 'kv-usage-expected',
        severity: 'good',
        title: `KV-cache usage up to ${percent(peak)}${ofEngine(usage)}: expected`,
        verdict: `${usage.statement} Usage is the share of blocks that requests hold; the bytes of all blocks were allocated at the start.`,
        confidence: usage.missing.length === 0 ? 'high' : 'medium',
        confidenceWhy:
          usage.missing.length === 0
            ? 'Requests, throughput and usage were recorded side by side.'
            : `Not recorded: ${usage.missing.join(', ')}.`,
        evidence: [
          ...windows.slice(0, 3).map((window) => evidence(`${source.file}: ${windowText(window)}`)),
          ...(usage.prefixCache === null ? [] : [evidence(usage.prefixCache)]),
        ],
        remedy: null,
        gainBytes: null,
        gainHow: null,
        wouldChange: 'The same usage with requests there and no token made: then the engine is stuck.',
      }),
    ];
  });
