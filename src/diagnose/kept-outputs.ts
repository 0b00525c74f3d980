/** A few allocations outlive all others of their stack by far: kept on purpose, or the beginning of a leak. */
import { evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { count, exactSize, size } from './words.ts';

export const keptOutputs: DeviceRule = (facts) => {
  const kept = facts.leaks.suspects.filter(({ kind }) => kind === 'kept');
  if (kept.length === 0) return [];
  const bytes = kept.reduce((sum, suspect) => sum + suspect.bytes, 0);
  return [
    about(facts, {
      id: 'kept-outputs',
      severity: 'risk',
      title: `${size(bytes)} outlive their iterations`,
      verdict: `${count(kept.length, 'stack')} whose allocations are otherwise freed within an iteration kept ${count(
        kept.reduce((sum, suspect) => sum + suspect.count, 0),
        'allocation',
      )} to the end. If more follow, it is a slow leak.`,
      confidence: kept[0].confidence,
      confidenceWhy: kept[0].why.join(' '),
      evidence: kept.slice(0, 5).map(({ label, count: kinds, bytes: held, firstRow, lastRow, stack }) =>
        evidence(`${label}: ${count(kinds, 'allocation')}, ${exactSize(held)}.`, {
          rows: [firstRow, lastRow],
          stack: stack === 0xffffffff ? null : stack,
        }),
      ),
      remedy: `Look at ${kept[0].label}: what holds the result of single iterations?`,
      gainBytes: bytes,
      gainHow: 'what these allocations hold at the end of the recording',
      wouldChange: 'A longer recording: it shows whether more are kept.',
    }),
  ];
};
