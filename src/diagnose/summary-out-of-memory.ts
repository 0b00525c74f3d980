/** Out-of-memory errors that a memory summary counts: how many there were it tells, not what was asked for. */
import { count } from '../base/words.ts';
import { evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';

export const summaryOutOfMemory: ServerRule = ({ summaryOoms, ooms: messages }): Finding[] =>
  summaryOoms
    // A message in the same file has the figures.
    .filter(({ source }) => !messages.some((message) => message.source.file === source.file))
    .map(({ source, device, ooms, retries, label, sinceBefore }) =>
      aboutServer({
        id: 'summary-out-of-memory',
        device,
        severity: 'problem',
        title: `${count(ooms, 'out-of-memory error')} by the memory summary`,
        verdict: `${source.file}: PyTorch counts ${count(ooms, 'out-of-memory error')} of device ${device}${
          sinceBefore
            ? `, the first before ${label === '' ? 'a later summary' : `the summary at "${label}"`}`
            : ''
        }, and ${count(retries, 'retry', 'retries')} of cudaMalloc (the cache was given back and it was tried again). What was requested the summary does not tell; its own figures are of the moment at which it was printed, not of the error.`,
        confidence: 'certain',
        confidenceWhy:
          'It is counted by the allocator itself; a program may have caught the error and gone on.',
        evidence: [evidence(`CUDA OOMs: ${ooms}, cudaMalloc retries: ${retries}.`)],
        remedy:
          'The message of the error has the figures ("Tried to allocate ..."); a snapshot has who held the memory: torch.cuda.memory._record_memory_history() at the start, torch.cuda.memory._dump_snapshot(\'snapshot.pickle\') where the error is caught.',
        gainBytes: null,
        gainHow: null,
        wouldChange: 'Nothing: it happened.',
      }),
    );
