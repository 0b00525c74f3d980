/** All open sources on one clock, as the page shows it: a row a clock, what contradicts, what is worth knowing. */
import { withAmounts } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatDuration, formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { ClocksAnswer, SourceClock, Disagreement, Severity } from '../../engine/protocol.ts';
import { exactOffset, writeOffset } from './clock-offset.ts';
import { formatMoment } from '../readings/clock.ts';
import { formatInstant } from '../parts/words.ts';

/** Something to write into an offset: as text, and as what is sent. */
export interface Offer {
  readonly text: string;
  readonly offsetNs: bigint;
}

/** Sources of one file that were dated together are one row. */
export interface ClockRow {
  readonly key: string;
  readonly sources: readonly number[];
  readonly file: string;
  /** "wall clock". */
  readonly clock: string;
  readonly clockTitle: string;
  readonly status: string;
  /** false: its place on the common clock is not known. */
  readonly known: boolean;
  /** Why it is trusted so far: "confidence: high"; null: nothing was judged. */
  readonly confidence: string | null;
  readonly offset: string;
  /** Every digit; "" where it is not known. */
  readonly offsetTitle: string;
  /** "within 1.00 s"; null: exact or not known. */
  readonly within: string | null;
  /** "12 of 14 steps". */
  readonly matched: string;
  readonly matchedTitle: string;
  readonly sentence: string;
  readonly byHand: boolean;
  /** false: it carries no times that could be moved. */
  readonly editable: boolean;
  /** What stands in the input: the offset that was set by hand, else nothing. */
  readonly written: string;
  readonly suggestion: Offer | null;
}

export interface DisagreementRow {
  readonly severity: Severity;
  readonly title: string;
  readonly sentence: string;
  /** "GPU 0, from ... to ..., 12 samples". */
  readonly where: string;
  readonly values: readonly { readonly label: string; readonly text: string; readonly title: string }[];
}

export interface ClocksModel {
  readonly rows: readonly ClockRow[];
  /** "3 of 4 have their place on it." */
  readonly placed: string;
  /** That, and what was compared. */
  readonly summary: string;
  readonly contradictions: readonly DisagreementRow[];
  readonly observations: readonly DisagreementRow[];
  /** "40 samples compared, none contradicts."; with contradictions, how many were compared. */
  readonly compared: string;
  /** Somebody should look: a contradiction, an offset that could be known and is not, or one set by hand. */
  readonly needsCare: boolean;
}

const CLOCK: Readonly<Record<SourceClock['clock'], readonly [words: string, title: string]>> = {
  wall: ['wall clock', 'Times of day with their zone, or Unix time.'],
  local: ['local time', 'Times of day without a zone.'],
  session: ['since a start', 'Times since a profiler began, not times of day.'],
  none: ['no times', 'Its lines carry no times.'],
};

const STATUS: Readonly<Record<string, string>> = {
  reference: 'the reference',
  override: 'set by hand',
  found: 'found from the curves',
  inside: 'found: fits in one time zone only',
  placed: 'placed by what its lines print',
  stated: 'as the file says',
  assumed: 'taken at its word',
  ambiguous: 'not known: several offsets fit',
  'not found': 'not found',
};

const TITLE: Readonly<Record<string, string>> = {
  used_below_reserved: 'Less in use than was reserved',
  different: 'Two sources say different figures',
  never: 'A printed figure that never was',
  budget_above_reserved: 'More budgeted than was ever reserved',
  non_torch_change: "Memory besides PyTorch's changed at once",
  non_torch_drift: "Memory besides PyTorch's drifts",
  constant_difference: 'Two sources count differently, always by as much',
};

/** Best first: the common clock is the best that there is. */
const CLOCK_ORDER: readonly SourceClock['clock'][] = ['wall', 'local', 'session'];

/** null: there is nothing to bring onto one clock. */
export function clocksModel(answer: ClocksAnswer, unit: ByteUnit): ClocksModel | null {
  const { clocks, compared } = answer;
  if (clocks.length < 2) return null;
  const rows = rowsOf(clocks);
  const common = commonClock(clocks);
  const shown = (one: Disagreement, severity: Severity): DisagreementRow =>
    disagreement(one, severity, common, unit);
  const contradictions = answer.contradictions.map((one) => shown(one, 'risk'));
  const placed = placedWords(rows);
  const said = comparedWords(compared, contradictions.length);
  return {
    rows,
    placed,
    summary: `${placed} ${said}`,
    contradictions,
    observations: answer.observations.map((one) => shown(one, 'info')),
    compared: said,
    needsCare:
      contradictions.length > 0 ||
      rows.some(
        ({ known, editable, byHand, suggestion }) => (!known && editable) || byHand || suggestion !== null,
      ),
  };
}

function rowsOf(clocks: readonly SourceClock[]): ClockRow[] {
  // Sentences name the clock that they are about, so that unlike clocks of files of one name stay apart.
  const groups = new Map<string, SourceClock[]>();
  for (const clock of clocks) {
    const key = groupKey(clock);
    groups.set(key, [...(groups.get(key) ?? []), clock]);
  }
  return [...groups].map(([key, group]) =>
    clockRow(
      key,
      group[0],
      group.map(({ sourceId }) => sourceId),
    ),
  );
}

const groupKey = ({ file, clock, sentence }: SourceClock): string => `${file}\n${clock}\n${sentence}`;

function clockRow(key: string, view: SourceClock, sources: readonly number[]): ClockRow {
  const { status, offsetNs, suggestedNs } = view;
  const [clock, clockTitle] = CLOCK[view.clock];
  const byHand = status === 'override';
  const known = offsetNs !== null || status === 'placed';
  return {
    key,
    sources,
    file: view.file,
    clock,
    clockTitle,
    status: view.clock === 'none' && !known ? 'has no place on a clock' : (STATUS[status] ?? status),
    known,
    confidence:
      byHand || status === 'reference' || view.confidence === 'none'
        ? null
        : `confidence: ${view.confidence}`,
    offset: view.offsetText ?? (status === 'placed' ? 'none needed' : 'not known'),
    offsetTitle: offsetNs === null ? '' : exactOffset(offsetNs),
    within:
      offsetNs === null || byHand || view.uncertaintyNs === null || view.uncertaintyNs === 0
        ? null
        : `within ${formatDuration(view.uncertaintyNs)}`,
    ...matchedOf(view),
    sentence: ownSentence(view),
    byHand,
    editable: view.clock !== 'none',
    written: byHand && offsetNs !== null ? writeOffset(offsetNs) : '',
    suggestion:
      suggestedNs === null
        ? null
        : { text: view.suggestedText ?? writeOffset(suggestedNs), offsetNs: suggestedNs },
  };
}

/** The row begins with the file's name already. */
function ownSentence({ file, sentence }: SourceClock): string {
  const rest = sentence.startsWith(`${file}: `) ? sentence.slice(file.length + 2) : sentence;
  // A sentence that goes on with a file's name keeps the name as it is written.
  return rest === sentence ? rest : rest.replace(/^[a-z](?=[a-z]* )/, (first) => first.toUpperCase());
}

function matchedOf({ status, matched, of, residual, reference }: SourceClock): {
  readonly matched: string;
  readonly matchedTitle: string;
} {
  if (of === 0) return { matched: '–', matchedTitle: 'No steps of its curves could be matched.' };
  const what = status === 'placed' ? 'line' : 'step';
  const apart =
    residual === null
      ? ''
      : `, apart by ${formatDuration(residual.medianNs)} in the median and ${formatDuration(residual.maxNs)} at most`;
  return {
    matched: `${formatInteger(matched)} of ${count(of, what)}`,
    matchedTitle: reference === null ? '' : `Matched with ${reference}${apart}.`,
  };
}

function commonClock(clocks: readonly SourceClock[]): SourceClock['clock'] {
  const reference = clocks.find(({ status }) => status === 'reference');
  if (reference !== undefined) return reference.clock;
  // The reference itself was set by hand.
  const placed = clocks.filter(({ offsetNs }) => offsetNs !== null);
  return CLOCK_ORDER.find((kind) => placed.some(({ clock }) => clock === kind)) ?? 'none';
}

function placedWords(rows: readonly ClockRow[]): string {
  const known = rows.filter((row) => row.known).length;
  const byHand = rows.filter((row) => row.byHand).length;
  const hand = byHand === 0 ? '' : `, ${byHand} set by hand`;
  return known === rows.length
    ? `${rows.length === 2 ? 'Both' : `All ${rows.length}`} have their place on it${hand}.`
    : `${known} of ${rows.length} ${known === 1 ? 'has its' : 'have their'} place on it${hand}.`;
}

/** What is compared are samples of monitors and lines of logs. */
function comparedWords(compared: number, contradictions: number): string {
  if (compared === 0 && contradictions === 0) return 'Nothing of one file could be compared with another.';
  const samples = `${count(compared, 'sample')} compared`;
  return contradictions === 0
    ? `${samples}, none contradicts.`
    : `${samples}, ${count(contradictions, 'contradiction')}.`;
}

function disagreement(
  one: Disagreement,
  severity: Severity,
  common: SourceClock['clock'],
  unit: ByteUnit,
): DisagreementRow {
  const bytes = (value: number): string => formatBytes(value, unit);
  const value = (
    label: string,
    least: number,
    most: number,
    text = bytes,
  ): DisagreementRow['values'][number] => ({
    label,
    // The title tells ends apart that read alike.
    text: text(least) === text(most) ? text(least) : `${text(least)} to ${text(most)}`,
    title: least === most ? exactBytes(least) : `${formatInteger(least)} to ${exactBytes(most)}`,
  });
  const rounded = bytes(Math.abs(one.differenceBytes));
  return {
    severity,
    title: TITLE[one.kind] ?? one.kind.replaceAll('_', ' '),
    sentence: withAmounts(one.sentence, unit),
    where: whereWords(one, common),
    values: [
      ...one.values.map(({ label, least, most }) => value(label, least, most)),
      value('more than can be explained', one.differenceBytes, one.differenceBytes, () =>
        one.differenceBytes < 0 ? `-${rounded}` : rounded,
      ),
      value('rounding and times explain', one.allowedBytes, one.allowedBytes),
    ],
  };
}

const exactBytes = (value: number): string => `${formatInteger(value)} bytes`;

function whereWords(
  { device, fromNs, toNs, count: samples }: Disagreement,
  common: SourceClock['clock'],
): string {
  const moment = (ns: bigint): string =>
    common === 'session' ? formatInstant(Number(ns)) : formatMoment(common, ns);
  const times =
    fromNs === null
      ? []
      : [toNs === null || toNs === fromNs ? `at ${moment(fromNs)}` : `${moment(fromNs)} to ${moment(toNs)}`];
  return [
    ...(device === null ? [] : [`GPU ${device}`]),
    ...times,
    `seen ${samples === 1 ? 'once' : `${formatInteger(samples)} times`}`,
  ].join(', ');
}
