/** A few live blocks keep much free memory from going back to the driver. */
import { count } from '../base/words.ts';
import { holderLabel, NO_STACK } from '../analyze/user-frames.ts';
import { evidence } from './finding.ts';
import { about, type DeviceRule, isWorth, pressureOn } from './device-rule.ts';
import { code, exactSize, inSentence, size } from './words.ts';

/** "One block of 32 MiB", "3 blocks of 96 MiB in all". */
const pinningBlocks = ({ blocks, blockBytes }: { blocks: { length: number }; blockBytes: number }): string =>
  blocks.length === 1
    ? `One block of ${size(blockBytes)}`
    : `${count(blocks.length, 'block')} of ${size(blockBytes)} in all`;

export const pinnedSegments: DeviceRule = (facts) => {
  const { pins } = facts;
  const reserved = facts.finalReserved;
  if (pins === null || reserved === null || !isWorth(pins.pinnedBytes, reserved)) return [];
  const nameOf = ({ stack, requested }: { stack: number; requested: number | null }): string =>
    stack === NO_STACK
      ? `allocations of ${size(requested ?? 0)} without a stack`
      : inSentence(holderLabel(facts.input.stacks, stack));
  const [best] = pins.alone;
  const told = new Map<string, number>();
  /** Several stacks lead to one line: each says what it pins alone. */
  const labelOf = (holder: { stack: number; requested: number | null }): string => {
    const name = nameOf(holder);
    const before = told.get(name) ?? 0;
    told.set(name, before + 1);
    return before === 0 ? name : `${name}, by another stack`;
  };
  const unit = facts.settings.settings.expandableSegments ? 'page' : 'segment';
  // Freeing a lot to win a little is no advice.
  const worth =
    best !== undefined && isWorth(best.unpinnedBytes, reserved) && best.unpinnedBytes > best.blockBytes;
  return [
    about(facts, {
      id: 'pinned-segments',
      // Where memory is not short it explains why empty_cache() gives back so little.
      severity: worth && pressureOn(facts).short ? 'risk' : 'info',
      title: worth
        ? `${pinningBlocks(best)} from ${nameOf(best.holder)} ${best.blocks.length === 1 ? 'keeps' : 'keep'} ${size(best.unpinnedBytes)} of free memory from being released`
        : `${size(pins.pinnedBytes)} are free but pinned by live blocks`,
      verdict: `At the end ${exactSize(pins.pinnedBytes)} of reserved memory are free and cannot go back to the driver, because something live lies in the same ${unit}${
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
            `${labelOf(pin.holder)}: ${count(pin.blocks.length, 'block')}, ${exactSize(pin.blockBytes)}, ${pin.blocks.length === 1 ? 'pins' : 'pin'} ${exactSize(pin.unpinnedBytes)} in ${count(pin.units, unit)}.`,
            { row: pin.firstRow, stack: pin.holder.stack === NO_STACK ? null : pin.holder.stack },
          ),
        ),
      remedy: worth
        ? `Allocate ${best.blocks.length === 1 ? 'this long-lived tensor' : 'these long-lived tensors'} (${nameOf(best.holder)}) before the first large one. Or free ${best.blocks.length === 1 ? 'it' : 'them'} between batches, call ${code('torch.cuda.empty_cache()')}, and recreate ${best.blocks.length === 1 ? 'it' : 'them'} (net gain ${size(best.releasedBytes - best.blockBytes)}).`
        : null,
      gainBytes: worth ? best.releasedBytes : null,
      gainHow: worth ? 'if these blocks are freed and empty_cache() is called, replayed' : null,
      wouldChange:
        'Another moment: what lives between requests pins other segments than what lives at the end.',
    }),
  ];
};
