/** KV blocks are held and nothing comes of it: an engine that is stuck, or blocks that were not released. */
import { percent } from '../base/words.ts';
import { evidence } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { ofEngine, usagesOf, windowText } from './server-usage-words.ts';

export const stuckEngine: ServerRule = (facts) =>
  usagesOf(facts).flatMap(({ source, usage }) => {
    if (usage.verdict !== 'stuck' && usage.verdict !== 'held') return [];
    const isStuck = usage.verdict === 'stuck';
    // An engine that only prefills (disaggregated, embeddings) makes no token, and its prompts show that it works.
    const hasPrompts = usage.windows.some(({ prompt }) => prompt !== null);
    const missing = [...usage.missing, ...(!isStuck || hasPrompts ? [] : ['prompt throughput'])];
    const goesOn = usage.last === usage.verdict;
    const windows = usage.windows.filter(({ state }) => state === usage.verdict);
    const peak = windows.reduce((most, window) => Math.max(most, window.usage.max), 0);
    return [
      aboutServer({
        id: 'stuck-engine',
        severity: isStuck ? 'problem' : 'risk',
        title: isStuck
          ? `The engine is stuck${ofEngine(usage)}: usage ${percent(peak)} and no token made`
          : `KV blocks are held${ofEngine(usage)} although nothing runs: usage ${percent(peak)}`,
        verdict: `${usage.sentence} ${goesOn ? 'It lasts to the end of the log.' : 'It came to an end within the log.'}`,
        confidence: missing.length === 0 ? 'high' : 'medium',
        confidenceWhy:
          missing.length === 0
            ? 'Requests, throughput and usage were recorded, and it lasted longer than a prefill does.'
            : `Not recorded: ${missing.join(', ')}.`,
        evidence: windows.slice(0, 3).map((window) => evidence(`${source.file}: ${windowText(window)}`)),
        remedy: isStuck
          ? 'Memory settings do not help: look for what the engine waits for (a rank that died, NCCL, a KV transfer); py-spy dump of its workers shows where each of them waits. A restart frees the blocks.'
          : 'Look for requests whose client is gone and that were never aborted, and for KV transfers that nobody fetches.',
        gainBytes: null,
        gainHow: null,
        wouldChange: 'Tokens made during that time.',
      }),
    ];
  });
