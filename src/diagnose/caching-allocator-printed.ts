/** Allocated flat, reserved up and bounded, by the program's own lines or memory summaries: the allocator's cache. */
import { evidence } from './finding.ts';
import { fromTo } from './growth-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, exactSize, size } from './words.ts';

export const printedCachingAllocator: ServerRule = ({ printedGrowth }) =>
  printedGrowth.flatMap(({ allocated, reserved, conclusion, what, device, emptied, source }) => {
    const isCache = conclusion.conclusion === 'caching_allocator' || conclusion.conclusion === 'warm_up';
    const { bound, rises, why, boundBy } = reserved.verdict;
    if (!isCache || bound === null || rises.length === 0) return [];
    const gain = emptied === null ? null : emptied.before - emptied.after;
    const held = allocated.verdict.bound;
    return [
      aboutServer({
        id: 'caching-allocator-printed',
        claim: { kind: 'cache', source: source.id },
        device,
        severity: 'good',
        title: `Reserved memory grew to ${size(bound)} and stayed: the allocator's cache, not a leak`,
        verdict: `${what}: ${conclusion.sentence} Reserved came to ${exactSize(bound)}${
          boundBy === null ? '' : ` (bounded by the ${boundBy.name}: ${size(boundBy.bytes)})`
        }${held === null ? '' : `, allocated is ${exactSize(held)}`}.`,
        confidence: conclusion.confidence,
        confidenceWhy: why.join(' '),
        evidence: [
          ...(emptied === null || gain === null
            ? []
            : [
                evidence(
                  `[${emptied.tag}]: reserved fell from ${exactSize(emptied.before)} to ${exactSize(emptied.after)}.`,
                ),
              ]),
          evidence(`Allocated: ${fromTo(allocated)}`),
          evidence(`Reserved: ${fromTo(reserved)}`),
          ...rises
            .slice(-4)
            .map(({ at, by }) =>
              evidence(`Value ${at + 1} of reserved is ${exactSize(by)} above all before it.`),
            ),
        ],
        remedy: `Nothing has to be done. Where another process needs the memory, ${code('torch.cuda.empty_cache()')} gives cached segments back, at the price of allocating them again.`,
        gainBytes: gain,
        gainHow:
          gain === null
            ? null
            : `measured: the printed lines before and after empty_cache(), each to ${size(reserved.granularity)}`,
        wouldChange:
          'Allocated memory that grows, or reserved memory that rises again without larger requests.',
      }),
    ];
  });
