/** Memory that rises from line to line of a program's own output, where these lines alone do not tell what it is. */
import { count, list } from '../base/words.ts';
import type { Measure } from '../analyze/step-curve.ts';
import { placeName } from '../analyze/server/facts-growth.ts';
import type { PrintedRise } from '../analyze/server/printed-rises.ts';
import { evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, exactSize, size } from './words.ts';

const WHAT: Partial<Record<Measure, string>> = {
  allocated: 'Allocated memory',
  allocated_peak: 'The peak of allocated memory',
  reserved: 'Reserved memory',
  reserved_peak: 'The peak of reserved memory',
};

/** What else makes this figure rise. */
const CAUSES: Partial<Record<Measure, string>> = {
  allocated: 'a leak, or a cache of the program that fills',
  allocated_peak: 'a leak, or larger batches and longer sequences one after the other',
  reserved:
    'a leak, the largest batch so far (the allocator keeps what it once needed), or its cache in pieces',
  reserved_peak: "a leak, larger batches and longer sequences, or the allocator's cache",
};

const nameOf = ({ growth }: PrintedRise): string => WHAT[growth.measures] ?? growth.label;

function verdictOf(rise: PrintedRise): string {
  const { growth, values, per, from, to, slope, limit } = rise;
  const where = [growth.source.file, placeName(growth.labels)].filter((part) => part !== '').join(', ');
  const span =
    per === 'line' ? `over ${count(values.length, 'line')}` : `from ${per} ${from} to ${per} ${to}`;
  const pace = `${size(slope)} per ${per}${rise.straight ? ', in a straight line' : ''}`;
  const first = `${where}: ${nameOf(rise)} rises from ${size(values[0])} to ${size(values[values.length - 1])} ${span}, ${pace}.`;
  const until =
    limit === null
      ? ''
      : ` At this pace the ${size(limit.bytes)} of the device are reached after about ${count(Math.round(limit.steps), `further ${per}`)}.`;
  const fall = rise.neverFalls
    ? ' The figure is the most since the program began: it cannot fall, and what raised it may be over.'
    : '';
  const rest = growth.verdict.rest === undefined ? '' : ` ${growth.verdict.rest}`;
  return `${first}${until}${fall}${rest} What it is these lines do not tell: ${CAUSES[growth.measures] ?? 'a leak, a cache, or larger batches'}.`;
}

/** A pace that a verdict on growth found, too, is more than a few rising figures. */
const confidenceOf = ({ growth, straight, neverFalls }: PrintedRise): 'low' | 'medium' =>
  growth.verdict.kind === 'linear_leak' && growth.verdict.confidence === 'high' && straight && !neverFalls
    ? 'medium'
    : 'low';

const MOST_RANKS = 8;

function findingOf(rises: readonly PrintedRise[]): Finding {
  const [rise] = rises;
  const { growth, slope, every, per } = rise;
  const pace =
    every !== null && every > 1
      ? `${size(slope * every)} every ${every} ${per}s`
      : `${size(slope)} per ${per}`;
  const more = rises.slice(1);
  return aboutServer({
    id: 'printed-rise',
    device: growth.device,
    severity: 'risk',
    title: `${nameOf(rise)} rises by ${pace}`,
    verdict: `${verdictOf(rise)}${
      more.length === 0
        ? ''
        : ` So it does on ${count(more.length, 'more rank')}: ${list(more.slice(0, MOST_RANKS).map(({ growth: { labels } }) => placeName(labels)))}${more.length > MOST_RANKS ? ', ...' : ''}.`
    }`,
    confidence: confidenceOf(rise),
    confidenceWhy: `${count(rise.values.length, 'line')}; that it rises is printed, why it does is not.`,
    evidence: rises
      .slice(0, MOST_RANKS)
      .map(({ growth: one, values }) =>
        evidence(
          `${[one.label, placeName(one.labels)].filter((part) => part !== '').join(', ')}: ${exactSize(values[0])} in the first line, ${exactSize(values[values.length - 1])} in the last, each to ${size(one.granularity)}.`,
        ),
      ),
    remedy: `A snapshot tells who holds it: ${code('torch.cuda.memory._record_memory_history()')} at the start of the program, torch.cuda.memory._dump_snapshot('snapshot.pickle') after some more ${per}s. Print torch.cuda.memory_allocated() after each ${per}, too: if that is flat, it is no leak.`,
    gainBytes: null,
    gainHow: null,
    wouldChange: 'Lines further on that stay level, or allocated memory beside them.',
  });
}

/** true: the program's own allocated memory grows steadily, which linear-leak-printed says. */
export const isLeak = ({ growth }: PrintedRise): boolean =>
  growth.measures === 'allocated' &&
  growth.verdict.kind === 'linear_leak' &&
  growth.verdict.confidence !== 'low';

export const printedRise: ServerRule = ({ printedRises }) => {
  const groups = new Map<string, PrintedRise[]>();
  for (const rise of printedRises) {
    if (isLeak(rise)) continue;
    const key = `${rise.growth.source.id} ${rise.growth.gauge} ${rise.growth.device}`;
    groups.set(key, [...(groups.get(key) ?? []), rise]);
  }
  return [...groups.values()].map(findingOf);
};
