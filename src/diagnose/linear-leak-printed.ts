/** Allocated memory that a program's own lines, or its memory summaries, show to grow without an end: a leak. */
import { placeName, type PrintedGrowth } from '../analyze/server/facts-growth.ts';
import type { GrowthVerdict } from '../analyze/growth/verdict.ts';
import type { PrintedRise } from '../analyze/server/printed-rises.ts';
import { evidence, type Finding } from './finding.ts';
import { fromTo, untilLimitText } from './growth-words.ts';
import { isLeak } from './printed-rise.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, size } from './words.ts';

const REMEDY = `A snapshot names the line: ${code('torch.cuda.memory._record_memory_history()')} at the start of the program, torch.cuda.memory._dump_snapshot('snapshot.pickle') after some requests. empty_cache() gives none of it back.`;

/** Two causes that the same lines show: both are named. */
const OR_CACHE =
  ' It rises now and then: a cache that is never emptied (prefixes, users, shapes) looks the same while most of what comes is new to it.';
const words = ({ mayBeCache }: GrowthVerdict): Pick<Finding, 'severity'> & { what: string; also: string } =>
  mayBeCache === true
    ? { severity: 'risk', what: 'a leak, or a cache that fills', also: OR_CACHE }
    : { severity: 'problem', what: 'a leak', also: '' };

function findingOf({ allocated, reserved, conclusion, what, device, source }: PrintedGrowth): Finding[] {
  const { verdict } = allocated;
  const slope = verdict.slopePerIteration;
  if (conclusion.conclusion !== 'leak' || slope === null) return [];
  return [
    aboutServer({
      id: 'linear-leak-printed',
      device,
      claim: { kind: 'leak', source: source.id },
      severity: words(verdict).severity,
      title: `Allocated memory grows by ${size(slope)} per line: ${words(verdict).what}`,
      verdict: `${what}: ${conclusion.sentence}${words(verdict).also}${untilLimitText(verdict)} Which allocations these are the lines do not tell.`,
      confidence: conclusion.confidence,
      confidenceWhy: verdict.why.join(' '),
      evidence: [evidence(`Allocated: ${fromTo(allocated)}`), evidence(`Reserved: ${fromTo(reserved)}`)],
      remedy: REMEDY,
      gainBytes: null,
      gainHow: null,
      wouldChange: 'Allocated memory that falls back after a request.',
    }),
  ];
}

/** Allocated memory that is printed without what is reserved. */
function alone({ growth }: PrintedRise): Finding {
  const { verdict, source, device } = growth;
  const what = [source.file, placeName(growth.labels)].filter((part) => part !== '').join(', ');
  return aboutServer({
    id: 'linear-leak-printed',
    device,
    claim: { kind: 'leak', source: source.id },
    severity: words(verdict).severity,
    title: `Allocated memory grows by ${size(verdict.slopePerIteration ?? 0)} per line: ${words(verdict).what}`,
    verdict: `${what}: Allocated memory grows steadily and nothing in these lines bounds it.${words(verdict).also}${untilLimitText(verdict)} Which allocations these are the lines do not tell.`,
    confidence: verdict.confidence,
    confidenceWhy: verdict.why.join(' '),
    evidence: [evidence(`Allocated: ${fromTo(growth)}`)],
    remedy: REMEDY,
    gainBytes: null,
    gainHow: null,
    wouldChange: 'Allocated memory that falls back after a request.',
  });
}

export const printedLinearLeak: ServerRule = ({ printedGrowth, printedRises }) => [
  ...printedGrowth.flatMap(findingOf),
  ...printedRises.filter(isLeak).map(alone),
];
