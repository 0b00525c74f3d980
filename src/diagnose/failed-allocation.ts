/**
 * Calls for memory that the driver refused, in a recording of Nsight Systems. The export has the refusal and not the
 * size that was asked for; what the process held is known where it used one device. It says nothing of why memory was
 * short: who else was on the device is not in the export.
 */
import { count } from '../base/words.ts';
import type { LoggedOom, ServerFacts } from '../analyze/server-facts.ts';
import { evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { exactSize, size } from './words.ts';

type LogEvent = LoggedOom['event'];

const isOfHost = ({ allocator }: LogEvent): boolean => allocator === 'host';

/** The first few stand in words; the others are counted. */
const MOST_TOLD = 3;

function heldWords({ figures }: LogEvent): string {
  const { process, total, left_at_most: left } = figures;
  if (process === undefined) return ' Which device was asked, and what was held there, is not in the export.';
  return total === undefined
    ? ` ${size(process)} were held by this process.`
    : ` ${size(process)} of ${size(total)} were held by this process, at most ${exactSize(left)} were left.`;
}

function about(events: readonly LogEvent[]): Finding {
  const [first] = events;
  const onHost = isOfHost(first);
  const wentOn = events.every(({ figures }) => (figures.allocated_after ?? 0) > 0);
  const calls = count(events.length, 'call');
  return aboutServer({
    id: 'failed-allocation',
    device: first.device,
    severity: wentOn ? 'risk' : 'problem',
    title: `Out of memory: ${events.length === 1 ? 'a call for memory failed' : `${calls} for memory failed`}${onHost ? ' (memory of the host)' : ''}`,
    verdict: `${first.text}${onHost ? '' : heldWords(first)}${
      wentOn
        ? ` The program got memory afterwards: an allocator such as PyTorch's gives its cache back and asks again.`
        : ''
    }`,
    confidence: 'certain',
    confidenceWhy:
      'The call returned 2 (cudaErrorMemoryAllocation). Why memory was short is not in the export: other processes, context and libraries are not in it.',
    evidence: [
      ...events.slice(0, MOST_TOLD).map(({ text }) => evidence(text)),
      ...(events.length > MOST_TOLD
        ? [evidence(`${count(events.length - MOST_TOLD, 'more call')} failed.`)]
        : []),
    ],
    remedy: onHost
      ? 'Pin less memory of the host (cudaMallocHost, cudaHostAlloc; pin_memory=True of a DataLoader), or raise the limit of locked memory and of the container.'
      : 'Hold less at this moment. If this process held little of the device, look at what else is on it (nvidia-smi). In PyTorch a snapshot (torch.cuda.memory._record_memory_history) tells which lines hold the memory and what was requested.',
    gainBytes: null,
    gainHow: null,
    wouldChange: 'A return value other than 2.',
  });
}

export const failedAllocation: ServerRule = ({ refusals }: ServerFacts): Finding[] =>
  refusals.flatMap(({ events }) =>
    [events.filter((event) => !isOfHost(event)), events.filter(isOfHost)].flatMap((some) =>
      some.length === 0 ? [] : [about(some)],
    ),
  );
