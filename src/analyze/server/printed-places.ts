/**
 * Whether the lines in which a program prints memory are its iterations. A verdict on growth takes each for one:
 *
 *   step 10 ...  step 20 ...               iterations: the lines name steps
 *   [after forward] ... [after forward]    iterations: what a line is of comes again
 *   [after layer 0] ... [after layer 1]    places: each line is of another place of the program, once
 *   Allocated: 1.2 GB ...                  unnamed: several ranks, or places of one pass, look the same
 *
 * Refuses: sources without a table of lines.
 */
import type { ReadSource } from '../read-source.ts';
import { instead } from '../growth/rest.ts';
import type { GrowthVerdict } from '../growth/verdict.ts';

type LinesAre = 'iterations' | 'places' | 'unnamed';

/** What counts rounds, in the words of those who print it. */
const ROUND =
  /(?<![a-z])(?:steps?|iter(?:ation)?s?|it|epochs?|(?:mini_?)?batch(?:es)?|requests?|req|rounds?|samples?|prompts?|episodes?|trials?|turns?|frames?|files?|loops?|i|idx|t)(?![a-z])/i;
/** From so many lines without a name on they are more than the ranks or layers of one program. */
const MANY = 100;

/** `labels`: rank, process and host of the lines in question. */
function whatLinesAre({ readings }: ReadSource, labels: Readonly<Record<string, string>>): LinesAre {
  const table = readings?.tables.find(({ id }) => id === 'memory-lines');
  if (readings === null || table === undefined) return 'iterations';
  const names = table.columns.map(({ name }) => name);
  const own = table.rows.filter((row) =>
    ['rank', 'process', 'host'].every((name) => {
      const at = names.indexOf(name);
      return at < 0 || (row[at] ?? undefined) === labels[name];
    }),
  );
  const step = names.findIndex((name) => name === 'step' || name === 'epoch');
  if (step >= 0 && own.filter((row) => row[step] !== null).length > own.length / 2) return 'iterations';
  const tags = own.map((row) => String(row[names.indexOf('tag')] ?? ''));
  const said = tags.filter((tag) => tag !== '');
  if (said.length < own.length / 2)
    return readings.clock === 'none' && own.length < MANY ? 'unnamed' : 'iterations';
  if (said.some((tag) => ROUND.test(tag))) return 'iterations';
  return new Set(said).size > 0.9 * said.length ? 'places' : 'iterations';
}

/** The verdict on lines of a source as sure as they let it be. They are looked at only where it is one of growth. */
export function asLines(
  verdict: GrowthVerdict,
  source: ReadSource,
  labels: Readonly<Record<string, string>>,
): GrowthVerdict {
  if (verdict.kind !== 'linear_leak' && verdict.kind !== 'sub_linear') return verdict;
  const are = whatLinesAre(source, labels);
  if (are === 'iterations') return verdict;
  if (are === 'places')
    return instead(verdict, 'cannot_tell', 'low', [
      'Each line is of another place of the program, and none comes again: they may be the layers or stages of a single pass.',
      ...verdict.why,
    ]);
  return {
    ...verdict,
    confidence: 'low',
    why: [
      'The lines name no step, time or place: several ranks, or places of a single pass, would look the same.',
      ...verdict.why,
    ],
  };
}
