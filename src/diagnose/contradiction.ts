/** Two sources that cannot both be right. Whatever rests on both is doubtful until it is settled. */
import type { Disagreement } from '../analyze/read-source.ts';
import { count } from '../base/words.ts';
import { evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { exactSize, size } from './words.ts';

/** One finding for a pair of files and kind: their rows are evidence. */
function groups(all: readonly Disagreement[]): Disagreement[][] {
  const found = new Map<string, Disagreement[]>();
  for (const one of all) {
    const key = `${one.kind}\n${one.files.join('\n')}\n${one.device ?? ''}`;
    found.set(key, [...(found.get(key) ?? []), one]);
  }
  return [...found.values()];
}

/** Sentences of other places shown one by one. */
const MOST_OTHERS = 4;

const between = (least: number, most: number): string =>
  least === most ? exactSize(least) : `${exactSize(least)} to ${exactSize(most)}`;

function findingOf(group: readonly Disagreement[]): Finding {
  const worst = group.reduce((most, one) =>
    Math.abs(one.differenceBytes) > Math.abs(most.differenceBytes) ? one : most,
  );
  const others = group.filter((one) => one !== worst);
  const [first, second] = worst.files;
  return aboutServer({
    id: 'contradiction',
    device: worst.device,
    severity: 'risk',
    title: `${first} and ${second} contradict each other by ${size(Math.abs(Math.round(worst.differenceBytes)))}`,
    verdict: `${worst.sentence} They may be of different runs, processes or GPUs, or the clock of one is wrong: what rests on both is doubtful.`,
    confidence: 'high',
    confidenceWhy: `What rounding and the times of samples explain (${size(Math.round(worst.allowedBytes))}) is allowed for.`,
    evidence: [
      ...worst.values.map(({ label, least, most }) => evidence(`${label}: ${between(least, most)}.`)),
      ...others.slice(0, MOST_OTHERS).map(({ sentence }) => evidence(sentence)),
      ...(others.length > MOST_OTHERS
        ? [evidence(`${count(others.length - MOST_OTHERS, 'more place')}.`)]
        : []),
    ],
    remedy: 'Check that both are of the same run and GPU, and the offset of their clocks.',
    gainBytes: null,
    gainHow: null,
    wouldChange: 'Another offset between their clocks, or another device.',
  });
}

export const contradiction: ServerRule = ({ input }) => groups(input.contradictions).map(findingOf);
