/**
 * A comparison in words: first the one sentence that names the line, then what else is known. Where no line differs, what
 * differs instead is named (a setting, the way memory went back to the driver, the order of requests), and where nothing
 * does, that is said. Amounts stay numbers until the reader's unit is known (base/amounts.ts).
 */
import { amount } from '../../base/amounts.ts';
import { formatInteger, formatNumber } from '../../base/units.ts';
import { count, list, percent } from '../../base/words.ts';
import type { Both, Comparison, LineDifference } from './compare.ts';
import type { Onset } from './onset.ts';
import type { Moment } from './side.ts';

/** "forward (model.py:97)" of "forward  model.py:97". */
const inSentence = (label: string): string => {
  const at = label.indexOf('  ');
  return at < 0 ? label : `${label.slice(0, at)} (${label.slice(at + 2)})`;
};

export const placeOf = ({ a, b }: Pick<LineDifference, 'a' | 'b'>): string => (b ?? a)!.label;

/** A line as a sentence names it; what has no line is no code. */
const named = (line: LineDifference): string =>
  (line.b ?? line.a)!.frame === null ? placeOf(line) : `\`${inSentence(placeOf(line))}\``;

const moreOrLess = (difference: number): string =>
  `${amount(Math.abs(difference))} ${difference < 0 ? 'less' : 'more'}`;

const allocationsMore = (n: number): string =>
  `${count(Math.abs(n), 'allocation')} ${n < 0 ? 'fewer' : 'more'}`;

/** Of fewer a rate is not told: two may be chance. */
const FEWEST = 3;

/** How the line adds up over the iterations; null: it does not, or too seldom to say. */
function everyIteration({ allocations, allocationsPerIteration: each }: Onset): string | null {
  const size = Math.abs(each);
  const sign = each < 0 ? 'fewer' : 'more';
  if (Math.abs(allocations) < FEWEST || size < 0.005 || Math.sign(allocations) !== Math.sign(each))
    return null;
  if (size < 0.95) return `about one allocation ${sign} kept in every ${Math.round(1 / size)} iterations`;
  const whole = Math.round(size);
  const isWhole = Math.abs(size - whole) < 0.05;
  const many = !isWhole
    ? `${formatNumber(size, 1)} allocations`
    : whole === 1
      ? 'one allocation'
      : count(whole, 'allocation');
  return `${many} ${sign} kept in each iteration`;
}

/** What the line does otherwise in B; the part behind the colon. */
function how({ a, b, bytes, allocations, onset }: LineDifference): string {
  const from =
    onset === null
      ? ''
      : onset.since === 0
        ? ', from before the first iteration on'
        : `, from iteration ${onset.since} on`;
  const grows = onset === null ? null : everyIteration(onset);
  if (grows !== null && onset!.since > 0) return `${grows}${from}`;
  if (a === null || bytes.a === 0) return `${count(allocations.b, 'allocation')} that A does not hold${from}`;
  if (b === null || bytes.b === 0) return `${count(allocations.a, 'allocation')} that B does not hold${from}`;
  if (allocations.difference !== 0)
    return `${allocationsMore(allocations.difference)} (${allocations.b} instead of ${allocations.a})${from}`;
  return `${count(allocations.b, 'allocation')} as in A, ${amount(bytes.b)} instead of ${amount(bytes.a)}${from}`;
}

const momentWords = (moment: Moment): string =>
  moment === 'peak' ? 'at its peak' : moment === 'end' ? 'at its end' : 'at the moment asked for';

const isSame = (a: Moment, b: Moment): boolean => JSON.stringify(a) === JSON.stringify(b);

/** When B holds more or less: at the moment of both, or at its own against another one of A. */
const whenWords = ([a, b]: readonly [Moment, Moment]): string =>
  isSame(a, b) ? momentWords(b) : `${momentWords(b)} than A ${momentWords(a)}`;

const sameWords = ([a, b]: readonly [Moment, Moment]): string =>
  isSame(a, b)
    ? `A and B hold the same ${momentWords(a).replace(/its (peak|end)/, 'their $1s')}`
    : `B holds as much ${momentWords(b)} as A ${momentWords(a)}`;

/** The line that the sentence names, by what it explains. */
function leading(lines: readonly LineDifference[], total: number): string | null {
  const [first, second, third] = lines;
  if (first === undefined || first.bytes.difference === 0) return null;
  const share = total === 0 ? NaN : first.bytes.difference / total;
  const part = (line: LineDifference): string => `${named(line)} (${moreOrLess(line.bytes.difference)})`;
  if (share > 0.5 && share <= 1) return `${percent(share)} of it is ${named(first)}: ${how(first)}`;
  const rest = [second, third].filter((line) => line !== undefined && line.bytes.difference !== 0);
  if (share > 0 && share <= 1 && rest.length > 0)
    return `the most of it is ${named(first)}, ${percent(share)}: ${how(first)}; then ${list(rest.map(part))}`;
  return `${named(first)} holds ${moreOrLess(first.bytes.difference)}: ${how(first)}${rest.length === 0 ? '' : `; ${list(rest.map(part))}`}`;
}

const RELEASES: Readonly<Record<string, string>> = {
  empty_cache: 'empty_cache()',
  retry: 'a request that failed at first',
  collection: 'garbage collection of the allocator',
  available: 'oversize segments given back for one request',
};

const valueWords = (value: string | null): string =>
  value === null ? 'not recorded' : value === '' ? 'not set' : `"${value}"`;

const settingWords = ({ name, a, b }: Comparison['settings'][number]): string =>
  `${name} (${valueWords(a)} in A, ${valueWords(b)} in B)`;

/** Those that the allocator acts on, as PyTorch writes them. */
const isOfAllocator = ({ name }: { readonly name: string }): boolean =>
  !name.startsWith('device.') && name !== 'recorded by';

/** What differs beside the lines, most telling first; empty: nothing. */
function otherReasons({ settings, releases, order, streams }: Comparison): string[] {
  const told: string[] = [];
  const allocator = settings.filter(isOfAllocator);
  if (allocator.length > 0)
    told.push(
      `${allocator.length === 1 ? 'another setting' : 'other settings'}: ${list(allocator.map(settingWords))}`,
    );
  for (const { cause, count: times } of releases)
    told.push(
      `memory given back by ${RELEASES[cause] ?? cause} ${count(times.a, 'time')} in A and ${count(times.b, 'time')} in B`,
    );
  if (streams.some(({ bytes }) => bytes.difference !== 0))
    told.push(
      `the streams: ${list(streams.filter(({ bytes }) => bytes.difference !== 0).map(({ stream, bytes }) => `stream ${stream} holds ${moreOrLess(bytes.difference)} in B`))}`,
    );
  if (order !== null)
    told.push(
      order.a === null || order.b === null
        ? `how long they go on: ${order.a === null ? 'B' : 'A'} does from its event ${formatInteger(order.a ?? order.b ?? 0)} on, where the other one has ended`
        : `what is asked for, or in which order, from event ${formatInteger(order.a)} of A and event ${formatInteger(order.b)} of B on`,
    );
  return told;
}

const isZero = (one: Both | undefined): boolean => one === undefined || one.difference === 0;

/** No line holds more or less. */
function withoutLine(comparison: Comparison, moments: readonly [Moment, Moment]): string {
  const [moment] = moments;
  const sameMoment = isSame(...moments);
  const { allocated, reserved, requested } = comparison;
  const figures: string[] = [];
  for (const [name, figure] of [
    ['allocated', allocated],
    ['reserved', reserved],
  ] as const) {
    const one = sameMoment && moment === 'peak' ? figure?.peak : figure?.at;
    if (one !== undefined && one.difference !== 0)
      figures.push(`${name} is ${moreOrLess(one.difference)} in B`);
  }
  const where = sameMoment ? momentWords(moment).replace(/its (peak|end)/, 'their $1s') : whenWords(moments);
  if (figures.length === 0 && isZero(requested.end) && isZero(allocated?.end) && isZero(reserved?.end)) {
    const reasons = otherReasons(comparison);
    return `${sameWords(moments)}, to the byte and in every line${reasons.length === 0 ? '' : `; what differs is ${reasons.join('; ')}`}.`;
  }
  const reasons = otherReasons(comparison);
  const why =
    reasons.length === 0 ? 'Why is not told by the recordings' : `What differs is ${reasons.join('; ')}`;
  const ends = figures.length === 0 ? 'they differ at their ends alone' : list(figures);
  return `No line holds more or less ${where}; ${ends}. ${why}.`;
}

/** Lines that grow alike: fewer may be chance. */
const FEWEST_ALIKE = 3;

/** A batch, a length or a dtype makes all lines of a sample grow by one factor; null: they do not. */
function sameFactor({ lines, requested }: Comparison): string | null {
  const differing = lines.filter(({ bytes }) => bytes.difference !== 0);
  const both = differing.filter(
    ({ a, bytes, allocations }) =>
      a?.frame != null && bytes.a > 0 && bytes.b > 0 && allocations.difference === 0,
  );
  const factors = both.map(({ bytes }) => bytes.b / bytes.a).sort((x, y) => x - y);
  const middle = factors[Math.floor(factors.length / 2)];
  const alike = both.filter(({ bytes }) => Math.abs(bytes.b / bytes.a / middle - 1) < 0.02);
  const share = alike.reduce((sum, { bytes }) => sum + bytes.difference, 0) / requested.at.difference;
  if (alike.length < FEWEST_ALIKE || 2 * alike.length < differing.length || !(share > 0.3)) return null;
  return `${count(alike.length, 'line')} hold ${Number(middle.toFixed(2))} times as much as in A, all by the same factor: ${middle > 1 ? 'a larger batch, longer sequences or a wider dtype do' : 'a smaller batch, shorter sequences or a narrower dtype do'} that.`;
}

export interface ComparisonWords {
  /** One sentence that names the line, or what differs where no line does. */
  readonly sentence: string;
  /** What else is to be known, each a sentence. */
  readonly notes: readonly string[];
}

export function wordsOf(
  comparison: Comparison,
  moments: readonly [Moment, Moment],
  known: readonly [boolean, boolean],
): ComparisonWords {
  const { requested, lines, matched, loops } = comparison;
  const total = requested.at.difference;
  const lead = leading(lines, total);
  const sentence =
    lead === null
      ? withoutLine(comparison, moments)
      : total === 0
        ? `${sameWords(moments)}, but not the same lines do: ${lead}.`
        : `B holds ${moreOrLess(total)} ${whenWords(moments)}: ${lead}.`;
  const notes: string[] = [];
  const factor = lead === null ? null : sameFactor(comparison);
  if (factor !== null) notes.push(factor);
  if (lead !== null && comparison.settings.some(isOfAllocator))
    notes.push(`Settings differ: ${list(comparison.settings.filter(isOfAllocator).map(settingWords))}.`);
  for (const [from, to] of matched.renamed) notes.push(`${from} of A is taken to be ${to} of B.`);
  if (matched.moved > 0)
    notes.push(
      `${count(matched.moved, 'line')} moved; ${matched.moved === 1 ? 'it is' : 'they are'} matched by function, file name and neighbours.`,
    );
  if (typeof loops === 'string') {
    if (lead !== null) notes.push(`From which iteration on a line differs is not told: ${loops}.`);
  } else if (loops.counts[0] !== loops.counts[1])
    notes.push(
      `A has ${count(loops.counts[0], 'iteration')} and B ${loops.counts[1]}: what is kept in each iteration differs by that alone.`,
    );
  known.forEach((is, side) => {
    if (!is)
      notes.push(`What ${'AB'[side]} held before its recording is not known: its figures are lower bounds.`);
  });
  return { sentence, notes };
}
