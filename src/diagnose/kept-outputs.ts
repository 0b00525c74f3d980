/** A few allocations outlive all others of their stack by far: kept on purpose, or the beginning of a leak. */
import { count } from '../base/words.ts';
import { NO_STACK } from '../analyze/user-frames.ts';
import { evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { exactSize, inSentence, size } from './words.ts';

export const keptOutputs: DeviceRule = (facts) => {
  const kept = facts.leaks.suspects.filter(({ kind }) => kind === 'kept');
  if (kept.length === 0) return [];
  const bytes = kept.reduce((sum, suspect) => sum + suspect.bytes, 0);
  const many = kept.reduce((sum, suspect) => sum + suspect.count, 0);
  const [first] = kept;
  return [
    about(facts, {
      id: 'kept-outputs',
      severity: 'risk',
      title: `${size(bytes)} outlive their iterations`,
      verdict: `${count(many, 'allocation')} from ${kept.length === 1 ? inSentence(first.label) : count(kept.length, 'stack')} are still alive at the end, though all others from there are freed within an iteration or so. Kept on purpose (a best result, a cache), or a slow leak if more follow.`,
      confidence: first.confidence,
      confidenceWhy: first.why.join(' '),
      evidence: kept.slice(0, 5).map(({ label, count: allocations, bytes: held, firstRow, lastRow, stack }) =>
        evidence(`${inSentence(label)}: ${count(allocations, 'allocation')}, ${exactSize(held)}.`, {
          row: lastRow,
          rows: [firstRow, lastRow],
          stack: stack === NO_STACK ? null : stack,
        }),
      ),
      remedy: `Look for what holds the result of single iterations of ${inSentence(first.label)}: a list, a "best so far", a log that keeps tensors instead of numbers.`,
      gainBytes: bytes,
      gainHow: 'what these allocations hold at the end of the recording',
      wouldChange: 'A longer recording: it shows whether more are kept.',
    }),
  ];
};
