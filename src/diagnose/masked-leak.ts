/**
 * A line keeps more with every iteration while allocated memory as a whole stays level or falls: others give back as
 * much. What they give back was made before the loop as a rule (a data set that is used up, a queue that runs dry), and
 * ends one day; what the line keeps does not.
 *
 * Refuses: where the device's own growth is told, lines whose growth is not plain, and amounts not worth a word.
 */
import { count } from '../base/words.ts';
import type { DeviceFacts } from '../analyze/device-facts.ts';
import type { LeakSuspect } from '../analyze/growth/leak-suspects.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { evidence } from './finding.ts';
import { nameOf, remedyFor, suspectEvidence } from './linear-leak.ts';
import { exactSize, size } from './words.ts';

/** What a line keeps has to be this share of what is allocated at most. */
const WORTH = 0.02;
/** With fewer iterations a line that grows may be one that fills. */
const ENOUGH = 10;

/**
 * Keeps it for good, with every iteration. Gradients without a line come one after the other in a single backward pass,
 * too, while activations go.
 */
const isPlain = ({ kind, confidence, bytesPerIteration, line }: LeakSuspect): boolean =>
  kind === 'grows' && confidence !== 'low' && bytesPerIteration > 0 && line !== null;

/** What the line keeps may be the misses of a cache. */
function mayFill(facts: DeviceFacts, { parts }: LeakSuspect): boolean {
  const stacks = new Set(parts.map(({ stack }) => stack));
  const events = facts.eventsOfStacks((stack) => stacks.has(stack));
  return events !== null && !events.goesOn;
}

export const maskedLeak: DeviceRule = (facts) => {
  const growth = facts.growthOf('allocated');
  const { iterations } = facts;
  if (growth === null || iterations.count < ENOUGH) return [];
  const { kind } = growth.atEnd;
  // What ended, or may be a single pass, ended for its lines, too.
  if (kind !== 'none' && kind !== 'steps_with_largest_request') return [];
  const lines = facts.leaks.suspects.filter(
    (suspect) =>
      isPlain(suspect) && suspect.bytes >= WORTH * facts.allocatedPeak.bytes && !mayFill(facts, suspect),
  );
  const [first] = lines;
  if (first === undefined) return [];
  const { end } = growth.values;
  const change = end[end.length - 1] - end[0];
  const others = first.bytesPerIteration * (iterations.count - 1) - change;
  return [
    about(facts, {
      id: 'masked-leak',
      severity: 'risk',
      title: `A leak behind other frees: one line keeps ${size(Math.round(first.bytesPerIteration))} more per iteration`,
      verdict: `${nameOf(first)} keeps ${exactSize(Math.round(first.bytesPerIteration))} more after every iteration, and none of it was freed. Allocated memory as a whole ${
        change < 0
          ? `fell by ${size(-change)}`
          : change === 0
            ? 'did not change'
            : `grew by ${size(change)} only`
      } over ${count(iterations.count, 'iteration')}, because ${size(Math.round(others))} of other memory was given back in that time. Once there is nothing left to give back, it grows.`,
      confidence: 'medium',
      confidenceWhy: `${first.why.join(' ')} What the others gave back can be a data set that is used up on purpose, with results kept in its place: then it ends with the data.`,
      evidence: [
        ...lines.slice(0, 5).map(suspectEvidence),
        evidence(
          `Allocated: ${exactSize(end[0])} after iteration 1, ${exactSize(end[end.length - 1])} after iteration ${iterations.count}.`,
          { rows: [iterations.rows[0], iterations.rows[iterations.count] - 1] },
        ),
      ],
      remedy: remedyFor(first),
      gainBytes: lines.reduce((sum, { bytes }) => sum + bytes, 0),
      gainHow: 'what the growing stacks hold at the end of the recording',
      wouldChange: 'Frees of these allocations later than the recording, or a line that stops growing.',
    }),
  ];
};
