/** Requests thrown out for want of KV blocks and computed anew, again and again. */
import { count } from '../base/words.ts';
import { evidence } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { ofEngine, usagesOf, windowText } from './server-usage-words.ts';
import { flagsOf } from './server-flags.ts';
import { code } from './words.ts';

export const preemptionStorm: ServerRule = (facts) =>
  usagesOf(facts).flatMap(({ source, usage }) => {
    const windows = usage.windows.filter(({ state }) => state === 'preempting');
    if (windows.length === 0) return [];
    const times = windows.reduce((sum, { preemptions }) => sum + preemptions, 0);
    const log = facts.servers.find((one) => one.source === source);
    const flags = flagsOf(source);
    const kv = log?.kv.at(-1)?.facts;
    const fits = kv?.concurrency == null ? 0 : Math.floor(kv.concurrency.value - kv.concurrency.error);
    // As few as fit at full length are never preempted; only where that is fewer than now.
    const fewer = fits >= 1 && (kv?.maxNumSeqs == null || fits < kv.maxNumSeqs) ? fits : null;
    return [
      aboutServer({
        id: 'preemption-storm',
        severity: 'problem',
        title: `${count(times, 'preemption')}${ofEngine(usage)}: requests are computed again and again`,
        verdict: `${usage.verdict === 'preempting' ? usage.sentence : 'Requests are preempted again and again for want of KV blocks, and computed anew.'} More requests are admitted than the KV cache holds at their length.`,
        confidence: 'high',
        confidenceWhy: 'The server counts preemptions itself.',
        evidence: windows.slice(0, 3).map((window) => evidence(`${source.file}: ${windowText(window)}`)),
        remedy:
          fewer === null
            ? `Admit fewer at once (${flags.requests}), or give the KV cache more: ${flags.kvDtype}, more GPUs.`
            : `${code(`${flags.requests} ${fewer}`)}: so many of full length fit at once, so none is preempted. Shorter requests let more in.`,
        gainBytes: null,
        gainHow: null,
        wouldChange: 'Fewer or shorter requests.',
      }),
    ];
  });
