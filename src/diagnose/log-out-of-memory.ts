/**
 * An out-of-memory message by its own figures: what was asked, what was free, who had the rest, and which remedy
 * follows. Figures: oom-figures.ts; who is who: oom-others.ts; the cause: oom-causes.ts; its words: oom-words.ts.
 */
import { count } from '../base/words.ts';
import type { Bounds } from '../base/measured.ts';
import type { LoggedOom, ServerFacts } from '../analyze/server-facts.ts';
import { evidence, type Evidence, type Finding } from './finding.ts';
import { judgeOom, type Judged } from './oom-causes.ts';
import { middle, type OomFigures, oomFiguresOf } from './oom-figures.ts';
import { isOtherOom } from './other-out-of-memory.ts';
import { whoIsWho } from './oom-others.ts';
import { type Beside, oomWords } from './oom-words.ts';
import { serverOutOfMemory } from './server-out-of-memory.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, size } from './words.ts';

function proofs({ event, source, times }: LoggedOom, figures: OomFigures, { excluded }: Judged): Evidence[] {
  const { reserved } = figures;
  const rows: [string, Bounds | null][] = [
    ['requested', figures.requested],
    ['free', figures.free],
    ['total', figures.total],
    ['in use by this process', figures.process],
    ['allocated by PyTorch', figures.allocated],
    ['reserved and unallocated', figures.unallocated],
    ['in use beside PyTorch', figures.outside],
    ['allowed', figures.allowed],
  ];
  const told = [
    ...rows.flatMap(([name, range]) => (range === null ? [] : [`${name} ${size(middle(range))}`])),
    ...figures.named.map(({ pid, bytes }) => `process ${pid} ${size(bytes)}`),
  ];
  return [
    ...(told.length === 0
      ? [evidence(`${source.file}: ${event.text}`)]
      : [evidence(`${source.file}: ${told.join(', ')}.`)]),
    ...(reserved === null
      ? []
      : [
          evidence(
            `PyTorch had reserved ${size(reserved.least)} to ${size(reserved.most)} by these figures.`,
          ),
        ]),
    ...excluded.map((one) => evidence(`Excluded. ${one}`)),
    ...(times > 1 ? [evidence(`The message stands ${times} times in the log, word for word.`)] : []),
  ];
}

/** torch checks for 2^60 bytes: a size that became negative, or was computed from one. */
const IS_OVERFLOW = /Tried to allocate more than 1EB/;

function overflow(oom: LoggedOom): Finding {
  return aboutServer({
    id: 'log-out-of-memory',
    claim: { kind: 'oom', source: oom.source.id, requested: null, free: null, allocated: null },
    device: oom.event.device,
    severity: 'problem',
    title: 'Out of memory: more than 2^60 bytes requested',
    verdict:
      'More than 2^60 bytes were requested at once: no memory is that large. The size was computed wrongly, mostly from a negative or uninitialised number; where ranks exchange sizes, from a message of another operation.',
    confidence: 'high',
    confidenceWhy: 'PyTorch checks the size before it looks at the memory.',
    evidence: [evidence(`${oom.source.file}: ${oom.event.text}`)],
    remedy: `Print the shape before the line that the traceback names; with several ranks see that all call the same collectives in the same order (${code('TORCH_DISTRIBUTED_DEBUG=DETAIL')}).`,
    gainBytes: null,
    gainHow: null,
    wouldChange: 'A size that fits the device.',
  });
}

function besideOf(oom: LoggedOom, { expandableSegments, servers }: ServerFacts): Beside {
  // One file can be several sources: the server's lines, and the message among them.
  const logs = servers.filter(({ source }) => source.file === oom.source.file);
  const format = logs.map(({ source }) => source.format);
  const { text } = oom.event;
  const backend = /\b(CUDA|HIP|XPU|MPS|NPU)\b/.exec(text)?.[1] ?? 'CUDA';
  return {
    expandable: expandableSegments,
    sleeps: logs.some(({ sleeps }) => sleeps.length > 0),
    server: format.includes('vllm-log') ? 'vllm' : format.includes('sglang-log') ? 'sglang' : null,
    advised: /expandable_segments|max_split_size_mb/.exec(text)?.[0] ?? null,
    backend,
    variable:
      /PYTORCH_\w{0,20}ALLOC_CONF/.exec(text)?.[0] ??
      (backend === 'XPU' ? 'PYTORCH_ALLOC_CONF' : `PYTORCH_${backend}_ALLOC_CONF`),
  };
}

const MOST = 5;

function findingOf(oom: LoggedOom, ooms: readonly LoggedOom[], facts: ServerFacts): Finding {
  const ofServer = serverOutOfMemory(oom, facts);
  if (ofServer !== null) return ofServer;
  if (IS_OVERFLOW.test(oom.event.text)) return overflow(oom);
  const figures = oomFiguresOf(oom.event);
  const who = whoIsWho(figures);
  const judged = judgeOom(figures, who);
  const said = oomWords(figures, who, judged, besideOf(oom, facts));
  const { requested, free, allocated } = oom.event.figures;
  const more = ooms.length > MOST && oom === ooms[MOST - 1];
  return aboutServer({
    id: 'log-out-of-memory',
    claim: {
      kind: 'oom',
      source: oom.source.id,
      requested: requested ?? null,
      free: free ?? null,
      allocated: allocated ?? null,
    },
    device: oom.event.device,
    severity: 'problem',
    title: requested === undefined ? 'Out of memory' : `Out of memory: ${size(requested)} requested`,
    confidence: judged.confidence,
    confidenceWhy: `${judged.why} The figures are those of the message, rounded to two decimals.`,
    evidence: [
      ...proofs(oom, figures, judged),
      ...(more ? [evidence(`${count(ooms.length - MOST, 'more message')} of other figures.`)] : []),
    ],
    wouldChange: 'A snapshot of the same moment.',
    ...said,
  });
}

/** Two readers may have taken one line of a server: it is told once. */
function onceEach(findings: readonly Finding[], ooms: readonly LoggedOom[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter((finding, at) => {
    const key = `${ooms[at].source.file}\n${finding.title}\n${finding.verdict}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Those of other allocators: other-out-of-memory.ts. */
export const logOutOfMemory: ServerRule = (facts): Finding[] => {
  const ooms = facts.ooms.filter((oom) => !isOtherOom(oom));
  const told = ooms.slice(0, MOST);
  return onceEach(
    told.map((oom) => findingOf(oom, ooms, facts)),
    told,
  );
};
