/** Much more reserved than allocated in a program's own lines or memory summary: the allocator's cache, and how to get it back. */
import type { PrintedCache } from '../analyze/server/printed-cache.ts';
import { evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, exactSize, size } from './words.ts';

function findingOf(cache: PrintedCache): Finding {
  const { source, device, place, allocated, reserved, cached, error, tag, fall, peak, summary } = cache;
  const where = [source.file, place].filter((part) => part !== '').join(', ');
  const at = tag === '' ? 'In the last line' : `At "${tag}"`;
  const fell =
    fall === null
      ? ''
      : ` Allocated memory fell from ${size(fall.from)} to ${size(fall.to)}${fall.tag === '' ? '' : ` at "${fall.tag}"`} and what it had was kept.`;
  const again =
    peak === null || peak - allocated < cached / 2
      ? ''
      : ` Up to ${size(peak)} were allocated at once by the same line: where the next step needs that again, the cache is what it takes it from.`;
  const split =
    summary === null
      ? ''
      : ` ${size(summary.pinned)} of it are free parts of blocks in use and stay (non-releasable). Never more than ${size(summary.peakAllocated)} were allocated at once.`;
  return aboutServer({
    id: 'printed-cache',
    claim: { kind: 'cache', source: source.id },
    device,
    severity: 'info',
    title: `${size(cached)} of ${size(reserved)} reserved are the allocator's cache`,
    verdict: `${where}: ${summary === null ? at : error === 0 ? 'by torch.cuda.memory_stats()' : 'by the memory summary'} ${size(reserved)} are reserved and ${size(allocated)} allocated, so ${size(cached)} are cached by PyTorch: no leak, but no other process gets them.${fell}${again}${split}`,
    confidence: 'high',
    confidenceWhy:
      'Both figures are printed by the program; how the cache is cut up only a memory summary or a snapshot tells.',
    evidence: [
      evidence(
        `Reserved ${exactSize(reserved)} - allocated ${exactSize(allocated)} = ${exactSize(cached)}${error === 0 ? '' : `, to ${size(error)}`}.`,
      ),
    ],
    remedy: `${code('torch.cuda.empty_cache()')} ${
      summary === null
        ? `gives up to ${size(cached)} back (get_accelerator().empty_cache() with DeepSpeed), at the price of allocating again`
        : `gives ${size(summary.releasable)} back, at the price of allocating again`
    }; call it once after what freed the memory (an offload, a load, an evaluation), not in every step.`,
    gainBytes: summary?.releasable ?? null,
    gainHow:
      summary === null
        ? null
        : `reserved - active - non-releasable${error === 0 ? '' : ` of the summary, each rounded down to ${size(error)}`}`,
    wouldChange: 'A later line in which allocated memory uses it again.',
  });
}

export const printedCache: ServerRule = ({ printedCaches }) => printedCaches.map(findingOf);
