/** Who keeps free memory from going back, as plain data. */
import type { PinHolder, PinRelease, PinReport } from '../../analyze/ledger/pin-finder.ts';
import { holderLabel } from '../../analyze/user-frames.ts';
import { amount } from '../../base/amounts.ts';
import { NONE } from '../../trace/schema.ts';
import type { StackTable } from '../../trace/stack-table.ts';
import type { PinHolderView, PinReleaseView, PinsView } from '../diagnosis.ts';

/** Stacks that cross to the page. */
const MOST_PINS = 50;

const releaseOf = ({ blocks, blockBytes, releasedBytes, unpinnedBytes }: PinRelease): PinReleaseView => ({
  blocks: blocks.length,
  blockBytes,
  releasedBytes,
  unpinnedBytes,
});

/** `row`: the pins are those just after it. */
export function pinsView(report: PinReport, row: number, stacks: StackTable): PinsView {
  const holderOf = ({ stack, requested }: PinHolder): PinHolderView =>
    stack === NONE
      ? { stack: null, label: `allocations of ${amount(requested ?? 0)} without a stack` }
      : { stack, label: holderLabel(stacks, stack) };
  return {
    row,
    pinnedBytes: report.pinnedBytes,
    aloneBytes: report.aloneBytes,
    sharedBytes: report.sharedBytes,
    privateBytes: report.privateBytes,
    alone: report.alone.slice(0, MOST_PINS).map((pin) => ({
      ...holderOf(pin.holder),
      ...releaseOf(pin),
      row: pin.firstRow,
    })),
    aloneTotal: report.alone.length,
    together: report.greedy.map((set, step) => ({
      ...releaseOf(set),
      // Holders of the step before come first.
      added: set.holders.slice(report.greedy[step - 1]?.holders.length ?? 0).map(holderOf),
      holders: set.holders.length,
    })),
    togetherCut: report.greedyCut,
  };
}
