/** Who consumes the memory: the stacks that hold most when most is allocated. */
import { holderLabel as holderLabelOf } from '../analyze/user-frames.ts';
import { evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { count, exactSize, percent, size } from './words.ts';

const NO_STACK = 0xffffffff;

export const whoHolds: DeviceRule = (facts) => {
  if (facts.rows === 0) return [];
  const { row, bytes } = facts.allocatedPeak;
  const holders = facts.holdersAfter(row);
  const total = holders.reduce((sum, holder) => sum + holder.bytes, 0);
  const withStack = holders.filter(({ stack }) => stack !== NO_STACK);
  if (withStack.length === 0 || total === 0) return [];
  const [first] = withStack;
  const known = withStack.reduce((sum, holder) => sum + holder.bytes, 0) / total;
  return [
    about(facts, {
      id: 'who-holds',
      severity: 'info',
      title: `Most memory at the peak: ${holderLabelOf(facts.input.stacks, first.stack)} with ${size(first.bytes)}`,
      verdict: `When most was allocated (${exactSize(bytes)}), ${count(withStack.length, 'stack')} held it; the first ${Math.min(3, withStack.length)} held ${percent(withStack.slice(0, 3).reduce((sum, holder) => sum + holder.bytes, 0) / total)}.`,
      confidence: known > 0.99 ? 'certain' : 'high',
      confidenceWhy:
        known > 0.99
          ? 'Every live byte has its stack.'
          : `${percent(1 - known)} of the live bytes have no stack in the recording.`,
      evidence: withStack
        .slice(0, 5)
        .map((holder) =>
          evidence(
            `${holderLabelOf(facts.input.stacks, holder.stack)}: ${exactSize(holder.bytes)} in ${count(holder.allocations, 'allocation')} (${percent(holder.bytes / total)}).`,
            { row, stack: holder.stack },
          ),
        ),
      remedy: null,
      gainBytes: null,
      gainHow: null,
      wouldChange: 'Another moment: move the cursor to see who holds memory there.',
    }),
  ];
};
