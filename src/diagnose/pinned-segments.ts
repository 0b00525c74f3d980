/** A few live blocks keep much free memory from going back to the driver. */
import { holderLabel, NO_STACK } from '../analyze/user-frames.ts';
import { formatBytes } from '../base/units.ts';
import { evidence } from './finding.ts';
import { about, type DeviceRule, isWorth, pressureOn } from './device-rule.ts';
import { count, exactSize, inSentence, size } from './words.ts';

export const pinnedSegments: DeviceRule = (facts) => {
  const { pins } = facts;
  const reserved = facts.finalReserved;
  if (pins === null || reserved === null || !isWorth(pins.pinnedBytes, reserved)) return [];
  const nameOf = ({ stack, requested }: { stack: number; requested: number | null }): string =>
    stack === NO_STACK
      ? `allocations of ${formatBytes(requested ?? 0, 'binary')} without a stack`
      : inSentence(holderLabel(facts.input.stacks, stack));
  const [best] = pins.alone;
  // Freeing a lot to win a little is no advice.
  const worth =
    best !== undefined && isWorth(best.unpinnedBytes, reserved) && best.unpinnedBytes > best.blockBytes;
  return [
    about(facts, {
      id: 'pinned-segments',
      // Where memory is not short it explains why empty_cache() gives back so little.
      severity: worth && pressureOn(facts).short ? 'risk' : 'info',
      title: worth
        ? `Free ${size(best.blockBytes)} here, ${size(best.releasedBytes)} goes back: ${nameOf(best.holder)}`
        : `${size(pins.pinnedBytes)} are free but pinned by live blocks`,
      verdict: `At the end ${exactSize(pins.pinnedBytes)} of reserved memory are free and cannot go back to the driver, because something live lies in the same segment${
        pins.sharedBytes > 0 ? ` (${exactSize(pins.sharedBytes)} of it held by several stacks together)` : ''
      }.${
        worth
          ? ` ${count(best.blocks.length, 'block')} from ${nameOf(best.holder)}, ${exactSize(best.blockBytes)} in all, ${best.blocks.length === 1 ? 'pins' : 'pin'} ${exactSize(best.unpinnedBytes)} of it alone.`
          : ''
      }`,
      confidence: 'certain',
      confidenceWhy: 'The allocator was replayed to the recorded final state, block by block.',
      evidence: pins.alone
        .slice(0, 5)
        .map((pin) =>
          evidence(
            `${nameOf(pin.holder)}: ${count(pin.blocks.length, 'block')}, ${exactSize(pin.blockBytes)}, ${pin.blocks.length === 1 ? 'pins' : 'pin'} ${exactSize(pin.unpinnedBytes)} in ${count(pin.units, 'segment')}.`,
            { row: pin.firstRow, stack: pin.holder.stack === NO_STACK ? null : pin.holder.stack },
          ),
        ),
      remedy: worth
        ? `Allocate what lives long (${nameOf(best.holder)}) before the first large request, or copy it once at a quiet moment, then torch.cuda.empty_cache().`
        : null,
      gainBytes: worth ? best.releasedBytes : null,
      gainHow: worth ? 'these blocks freed and empty_cache() called on the replayed final state' : null,
      wouldChange:
        'Another moment: what lives between requests pins other segments than what lives at the end.',
    }),
  ];
};
