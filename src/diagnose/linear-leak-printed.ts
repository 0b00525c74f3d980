/** Allocated memory that a program's own lines, or its memory summaries, show to grow without an end: a leak. */
import type { PrintedGrowth } from '../analyze/server/facts-growth.ts';
import { evidence, type Finding } from './finding.ts';
import { fromTo, untilLimitText } from './growth-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, size } from './words.ts';

function findingOf({ allocated, reserved, conclusion, what, device, source }: PrintedGrowth): Finding[] {
  const { verdict } = allocated;
  const slope = verdict.slopePerIteration;
  if (conclusion.conclusion !== 'leak' || slope === null) return [];
  return [
    aboutServer({
      id: 'linear-leak-printed',
      device,
      claim: { kind: 'leak', source: source.id },
      severity: 'problem',
      title: `Allocated memory grows by ${size(slope)} a line: a leak`,
      verdict: `${what}: ${conclusion.sentence}${untilLimitText(verdict)} Which allocations these are the lines do not tell.`,
      confidence: conclusion.confidence,
      confidenceWhy: verdict.why.join(' '),
      evidence: [evidence(`Allocated: ${fromTo(allocated)}`), evidence(`Reserved: ${fromTo(reserved)}`)],
      remedy: `A snapshot names the line: ${code('torch.cuda.memory._record_memory_history()')} at the start of the program, torch.cuda.memory._dump_snapshot('snapshot.pickle') after some requests. empty_cache() gives none of it back.`,
      gainBytes: null,
      gainHow: null,
      wouldChange: 'Allocated memory that falls back after a request.',
    }),
  ];
}

export const printedLinearLeak: ServerRule = ({ printedGrowth }) => printedGrowth.flatMap(findingOf);
