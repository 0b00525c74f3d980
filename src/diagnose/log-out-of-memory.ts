/**
 * An out-of-memory message by its own figures: what was asked, what was free, who had the rest, and which remedy
 * follows. The advice that the message itself ends with holds only where much is reserved and unallocated.
 */
import { oomFigureBand, reservedOfOom } from '../analyze/ledger/non-torch-oom.ts';
import type { LoggedOom, ServerFacts } from '../analyze/server-facts.ts';
import { evidence, type Evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, count, size } from './words.ts';

interface Figures {
  readonly requested: number | null;
  readonly free: number | null;
  readonly total: number | null;
  readonly process: number | null;
  readonly allocated: number | null;
  readonly unallocated: number | null;
  readonly allowed: number | null;
}

function figuresOf({ figures }: LoggedOom['event']): Figures {
  const of = (name: string): number | null => figures[name] ?? null;
  const allocated = of('allocated');
  const reserved = of('reserved');
  return {
    requested: of('requested'),
    free: of('free'),
    total: of('total'),
    process: of('process'),
    allocated,
    unallocated:
      of('reserved_unallocated') ?? (reserved === null || allocated === null ? null : reserved - allocated),
    allowed: of('allowed'),
  };
}

/** What others hold by the message: named processes, else what is neither free nor this process's. Least, as printed. */
function othersOf(oom: LoggedOom, { total, free, process }: Figures): number | null {
  const named = Object.entries(oom.event.figures).filter(([name]) => /^process \d+$/.test(name));
  if (named.length > 0) return named.reduce((sum, [, bytes]) => sum + oomFigureBand(bytes).least, 0);
  if (total === null || free === null || process === null) return null;
  return Math.max(0, oomFigureBand(total).least - oomFigureBand(free).most - oomFigureBand(process).most);
}

interface Cause {
  readonly verdict: string;
  readonly remedy: string;
  readonly gainBytes: number | null;
  readonly gainHow: string | null;
}

/** What the process could still take from the driver, within its own limit; null: the message does not say. */
function roomOf(
  { event }: LoggedOom,
  { free, allowed }: Figures,
): { readonly least: number; readonly most: number } | null {
  const reserved = reservedOfOom(event.figures);
  const limits = [
    ...(free === null ? [] : [oomFigureBand(free)]),
    ...(allowed === null || reserved === null
      ? []
      : [
          {
            least: Math.max(0, oomFigureBand(allowed).least - reserved.most),
            most: Math.max(0, oomFigureBand(allowed).most - reserved.least),
          },
        ]),
  ];
  if (limits.length === 0) return null;
  return {
    least: Math.min(...limits.map(({ least }) => least)),
    most: Math.min(...limits.map(({ most }) => most)),
  };
}

/** The advice that a message ends with holds only where what is cached, in one piece, would be enough. */
function noAdviceOf(
  { event }: LoggedOom,
  { requested, unallocated }: Figures,
  room: ReturnType<typeof roomOf>,
): string {
  if (unallocated === null || requested === null || room === null) return '';
  if (oomFigureBand(unallocated).most + room.most >= oomFigureBand(requested).least) return '';
  const advised = /expandable_segments|max_split_size_mb/.exec(event.text)?.[0];
  return ` Only ${size(unallocated)} are reserved and unallocated; with all that could still be taken that is less than was asked for: ${
    advised === undefined
      ? 'no allocator setting can help'
      : `${advised}, as the message advises, cannot help`
  }.`;
}

/** The driver and a second context keep some hundred MiB that nobody can give back. */
const LEAST_OTHERS = 1 << 30;

/** The first cause that by itself would have been enough; in the order of how sure they are. */
function causeOf(oom: LoggedOom, figures: Figures, expandable: boolean | null, sleeps: boolean): Cause {
  const { requested, free, total, unallocated, allowed, allocated } = figures;
  const room = roomOf(oom, figures);
  const others = othersOf(oom, figures);
  const none = { gainBytes: null, gainHow: null };
  const noAdvice = noAdviceOf(oom, figures, room);
  if (requested === null)
    return {
      verdict: 'The message gives no figures.',
      remedy: 'A snapshot at the moment of the error tells who holds the memory.',
      ...none,
    };
  if (total !== null && requested > total)
    return {
      verdict: `${size(requested)} were asked for at once and the GPU has ${size(total)}: it can never fit.${noAdvice}`,
      remedy: 'Find the tensor: a mask of length times length, a batch put together wrongly.',
      ...none,
    };
  const apart = room !== null && room.least < requested ? room.least : 0;
  if (unallocated !== null && unallocated + apart >= requested) {
    const why =
      unallocated >= requested
        ? `${size(unallocated)} are reserved and not allocated, more than the ${size(requested)} that were asked for, but in no one piece that fits: fragmentation.`
        : `${size(unallocated)} are reserved and not allocated, and ${size(((room?.least ?? 0) + (room?.most ?? 0)) / 2)} more could be taken: together enough for the ${size(requested)} that were asked for, but in no one piece: fragmentation.`;
    if (expandable === true)
      return {
        verdict: `${why} Expandable segments are in force already, so blocks of other pools or streams keep it apart.`,
        remedy:
          'Record a snapshot: it names the blocks that keep the cache apart. `torch.cuda.empty_cache()` before the large request gives back what no block holds.',
        ...none,
      };
    // vllm/device_allocator/cumem.py refuses to start with both.
    if (sleeps)
      return {
        verdict: why,
        remedy: `The server uses sleep mode, which does not work with expandable segments. Without --enable-sleep-mode: ${code('PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True')}`,
        ...none,
      };
    return {
      verdict: why,
      remedy: `${expandable === null ? 'Unless it is set already, which the log does not say: ' : ''}${code('PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True')}`,
      ...none,
    };
  }
  if (allowed !== null && free !== null && free >= requested)
    return {
      verdict: `${size(free)} were free on the GPU, more than was asked for: the process's own limit of ${size(allowed)} refused it.${noAdvice}`,
      remedy: 'Raise torch.cuda.set_per_process_memory_fraction (or what sets it), or allocate less.',
      ...none,
    };
  if (free !== null && others !== null && others >= LEAST_OTHERS && free + others >= requested)
    return {
      verdict: `${size(free)} were free; other processes hold ${size(others)} at least. Without them the request had been served.${noAdvice}`,
      remedy: 'End the other processes on this GPU, or move one of them.',
      gainBytes: others,
      gainHow:
        'total less free less this process, or the processes that the message names; each as printed, rounded down',
    };
  if (free !== null && free >= requested)
    return {
      verdict: `${size(free)} were free when the message was written, more than the ${size(requested)} asked for: a limit of the process, or memory that another process gave back just then.${noAdvice}`,
      remedy: 'Look for set_per_process_memory_fraction, and for other processes that come and go.',
      ...none,
    };
  const rest = total === null || allocated === null ? null : total - allocated;
  if (free === null && unallocated === null && rest !== null && rest >= requested)
    return {
      verdict: `PyTorch had ${size(allocated ?? 0)} of ${size(total ?? 0)} allocated; ${size(rest)} were not, more than the ${size(requested)} that were asked for. How much of that was free, cached in pieces or another process's the message does not say.`,
      remedy:
        'nvidia-smi tells whether another process is on the GPU, torch.cuda.memory_summary() how much is cached; if nearly all is allocated at every such moment, allocate less.',
      ...none,
    };
  return {
    verdict: `${size(requested)} were asked for${free === null ? '' : ` and ${size(free)}${total === null ? '' : ` of ${size(total)}`} were free`}${allocated === null ? '' : `; PyTorch had ${size(allocated)} allocated and in use`}: the memory is full.${noAdvice}`,
    remedy:
      'Allocate less at once: smaller batches or contexts (--max-num-batched-tokens, --max-num-seqs of a server), a lower --gpu-memory-utilization so that activations have room, quantised weights; a snapshot tells who holds the most.',
    ...none,
  };
}

function proofs({ event, source, times }: LoggedOom, figures: Figures): Evidence[] {
  const reserved = reservedOfOom(event.figures);
  const rows: [string, number | null][] = [
    ['asked for', figures.requested],
    ['free', figures.free],
    ['total', figures.total],
    ['in use by this process', figures.process],
    ['allocated by PyTorch', figures.allocated],
    ['reserved and unallocated', figures.unallocated],
    ['allowed', figures.allowed],
  ];
  const told = rows.flatMap(([name, bytes]) => (bytes === null ? [] : [`${name} ${size(bytes)}`]));
  return [
    evidence(`${source.file}: ${told.join(', ')}.`),
    ...(reserved === null
      ? []
      : [
          evidence(
            `PyTorch had reserved ${size(reserved.least)} to ${size(reserved.most)} by these figures.`,
          ),
        ]),
    ...(times > 1 ? [evidence(`The message stands ${times} times in the log, word for word.`)] : []),
  ];
}

const MOST = 5;

export const logOutOfMemory: ServerRule = ({ ooms, expandableSegments, servers }: ServerFacts): Finding[] =>
  ooms.slice(0, MOST).map((oom) => {
    const figures = figuresOf(oom.event);
    // One file can be several sources: the server's lines, and the message among them.
    const sleeps = servers.some((log) => log.source.file === oom.source.file && log.sleeps.length > 0);
    const cause = causeOf(oom, figures, expandableSegments, sleeps);
    const more = ooms.length > MOST && oom === ooms[MOST - 1];
    return aboutServer({
      id: 'log-out-of-memory',
      claim: {
        kind: 'oom',
        source: oom.source.id,
        requested: figures.requested,
        free: figures.free,
        allocated: figures.allocated,
      },
      device: oom.event.device,
      severity: 'problem',
      title:
        figures.requested === null ? 'Out of memory' : `Out of memory: ${size(figures.requested)} asked for`,
      confidence: figures.requested === null ? 'low' : 'high',
      confidenceWhy:
        'The figures are those of the message, rounded to two decimals; what was where in the cache it does not tell.',
      evidence: [
        ...proofs(oom, figures),
        ...(more ? [evidence(`${count(ooms.length - MOST, 'more message')} of other figures.`)] : []),
      ],
      wouldChange: 'A snapshot of the same moment.',
      ...cause,
    });
  });
