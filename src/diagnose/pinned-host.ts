/** Pinned host memory at the end: what is held, by how much the blocks exceed the requests, what could go back. */
import { pinnedUse } from '../analyze/ledger/pinned-use.ts';
import { count } from '../base/words.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { evidence } from './finding.ts';
import { code, exactSize, size } from './words.ts';

export const pinnedHost: DeviceRule = (facts) => {
  const use = pinnedUse(facts.trace);
  if (use === null) return [];
  const { allocated, pending, idle, askedAtLeast: least } = use;
  const used = allocated.bytes + pending.bytes;
  const blocks = allocated.blocks + pending.blocks + idle.blocks;
  const at = facts.rows === 0 ? {} : { row: facts.rows - 1 };
  return [
    about(facts, {
      id: 'pinned-host',
      severity: 'info',
      title: `${size(used + idle.bytes)} of the machine's memory are pinned`,
      verdict: `PyTorch holds ${exactSize(used + idle.bytes)} of pinned host memory in ${count(blocks, 'block')} at the end; ${exactSize(used)} are in use${
        pending.bytes > 0 ? ' or wait for a copy' : ''
      }${
        idle.bytes > 0
          ? ` and ${exactSize(idle.bytes)} free, kept for the next request of that size. No other program can have them, and they cannot be paged out.`
          : '.'
      }`,
      confidence: 'certain',
      confidenceWhy: 'The final state names every block.',
      evidence: [
        evidence(
          least < used
            ? `Blocks are powers of two: of ${exactSize(used)} in use at least ${exactSize(least)} were requested; PyTorch does not record how much more.`
            : `All ${exactSize(used)} in use were requested.`,
          at,
        ),
        ...(pending.bytes > 0
          ? [
              evidence(
                `${exactSize(pending.bytes)} in ${count(pending.blocks, 'block')} are freed and wait for a copy to end.`,
                at,
              ),
            ]
          : []),
      ],
      remedy:
        idle.bytes > 0
          ? `${code('torch._C._host_emptyCache()')} gives the free blocks back. Where a request lies just above a power of two, a little less takes half the block.`
          : null,
      gainBytes: idle.bytes > 0 ? idle.bytes : null,
      gainHow: idle.bytes > 0 ? 'free blocks of pinned host memory, given back to the machine' : null,
      wouldChange: 'Another moment: blocks in use then may be free now.',
    }),
  ];
};
