/**
 * Out-of-memory errors of a server that say in its own words what it was doing: the message has no figures of PyTorch's, but
 * names the step, and the log has the budget.
 */
import type { LoggedOom, ServerFacts } from '../analyze/server-facts.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import { evidence, type Finding } from './finding.ts';
import { measuredSize, rankWithMost, stepOf } from './server-budget-words.ts';
import { aboutServer } from './server-rule.ts';
import { code, size } from './words.ts';

const WARM_UP = /out of memory occurred when warming up (\w+)(?: \([^)]*\))? with (\d+) dummy requests/;
const WAKE_UP = /out of memory at \S*cumem_allocator/i;

/** Half of what was asked for, and never more than people run. */
const fewer = (requests: number): number =>
  Math.max(1, Math.min(256, 2 ** Math.floor(Math.log2(requests / 2))));

/** What the log of a server says of its KV cache and of the last sleep, with the same file. */
const logOf = ({ source }: LoggedOom, { servers }: ServerFacts): ServerLog | null =>
  servers.find((log) => log.source.file === source.file) ?? null;

/** null: the message is none of a server's own. */
export function serverOutOfMemory(oom: LoggedOom, facts: ServerFacts): Finding | null {
  const { text, device } = oom.event;
  const log = logOf(oom, facts);
  const base = {
    id: 'log-out-of-memory',
    device,
    severity: 'problem',
    gainBytes: null,
    gainHow: null,
    claim: { kind: 'oom', source: oom.source.id, requested: null, free: null, allocated: null },
  } as const;
  const warm = WARM_UP.exec(text);
  if (warm !== null) {
    const [, what, printed] = warm;
    const requests = Number(printed);
    const rank =
      log === null ? null : rankWithMost(log.latest, (one) => stepOf(one, 'kv_cache')?.value ?? null);
    const kv = rank === null ? null : stepOf(rank, 'kv_cache');
    return aboutServer({
      ...base,
      title: `Out of memory while the ${what} was warmed up with ${requests} requests`,
      verdict: `The server ran out of memory warming up the ${what} with ${requests} dummy requests (--max-num-seqs)${kv === null ? '' : `, after the KV cache (${measuredSize(kv)}) had been allocated`}: what ${requests} requests at once need there${what === 'sampler' ? ' (their logits)' : ''} had no room.`,
      confidence: 'certain',
      confidenceWhy: 'The server names the step and the number of requests.',
      evidence: [evidence(`${oom.source.file}: ${text}`)],
      remedy: `${code(`--max-num-seqs ${fewer(requests)}`)} (it was ${requests}), or a lower --gpu-memory-utilization, so that more is left outside of the KV cache.`,
      wouldChange: 'A start that passes the warm-up.',
    });
  }
  if (!WAKE_UP.test(text)) return null;
  const sleep = log?.sleeps.at(-1)?.figures;
  const slept =
    sleep?.['freed'] === undefined || sleep['in_use'] === undefined
      ? ''
      : ` When it fell asleep ${size(sleep['freed'])} were freed and ${size(sleep['in_use'])} stayed in use.`;
  return aboutServer({
    ...base,
    title: 'Out of memory in the allocator of sleep mode',
    verdict: `The server's sleep mode maps weights and KV cache by itself (cumem_allocator); mapping them, at the start or when it woke up, found no room: somebody else has the memory that it wants back, or falling asleep had freed none.${slept}`,
    confidence: 'high',
    confidenceWhy:
      'The file that the error names is the allocator of sleep mode; who holds the memory it does not say.',
    evidence: [evidence(`${oom.source.file}: ${text}`)],
    remedy: `See who is on the GPU when it wakes up (nvidia-smi): the trainer beside it has to give its memory back before (torch.cuda.empty_cache(), offloading), or the server gets a lower --gpu-memory-utilization.`,
    wouldChange: 'A list of processes at the moment of waking up.',
  });
}
