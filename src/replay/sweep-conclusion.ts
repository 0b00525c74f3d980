/** What a sweep tells: the front, the winner as an environment line, and in plain words whether anything helps. */
import { formatBytes, formatInteger } from '../base/units.ts';
import { count, list, percentChange } from '../base/words.ts';
import { allocConfLine } from './alloc-conf-print.ts';
import { paretoFront } from './pareto.ts';
import { confOf, type Effects } from './sweep-effect.ts';
import { POPULAR_ADVICE, settingsOf } from './sweep-grid.ts';
import { type SweepRow, winnerOf } from './sweep.ts';

/** Below this share of the reserved peak a gain is told as none. */
const LEAST_GAIN = 0.01;

/**
 * `helps`: the winner reserves less by LEAST_GAIN or more. `rescues`: the winner serves requests that fail under the
 * settings compared with. `nothing_helps`: neither. `all_fail`: under every setting some request fails.
 */
export type SweepVerdict = 'helps' | 'rescues' | 'nothing_helps' | 'all_fail';

/** A string that is often advised, beside the settings compared with. */
export interface AdviceOutcome {
  readonly conf: string;
  /** Row with the same effect. */
  readonly row: number;
  /** Share of the reserved peak that it adds; negative: saves. */
  readonly change: number;
  /** Whether it fails a request that the settings compared with serve. */
  readonly fails: boolean;
}

export interface SweepConclusion {
  /** Indices of rows, least memory first. */
  readonly front: readonly number[];
  readonly winner: number | null;
  /** "PYTORCH_CUDA_ALLOC_CONF=..."; null: nothing to set. */
  readonly line: string | null;
  readonly verdict: SweepVerdict;
  /** Bytes of reserved peak that the winner saves against row 0; negative where it serves more. */
  readonly gain: number;
  readonly advice: readonly AdviceOutcome[];
  readonly sentences: readonly string[];
}

const both = (bytes: number): string => `${formatBytes(bytes, 'binary')} (${formatInteger(bytes)} bytes)`;
const nameOf = ({ conf }: SweepRow): string =>
  conf === null ? 'the recorded settings' : conf === '' ? 'the defaults' : conf;

/** `rows`: all rounds of one sweep, at least one row; the first is under the settings to compare with. */
export function concludeSweep(rows: readonly SweepRow[], effects: Effects): SweepConclusion {
  const base = rows[0];
  const winner = winnerOf(rows);
  const least = winner === null ? 0 : rows[winner].ooms;
  const counts = (row: SweepRow): boolean => row.firstFailure === null && row.ooms <= least;
  const front = paretoFront(rows, counts);
  const best = winner === null ? null : rows[winner];
  const gain = best === null ? 0 : base.reservedPeak - best.reservedPeak;
  const verdict: SweepVerdict =
    best === null
      ? 'all_fail'
      : !counts(base)
        ? 'rescues'
        : gain >= LEAST_GAIN * base.reservedPeak && gain > 0
          ? 'helps'
          : 'nothing_helps';
  const advice = adviceOutcomes(rows, effects, counts);
  return {
    front,
    winner,
    line: best === null || verdict === 'nothing_helps' || best === base ? null : allocConfLine(best.settings),
    verdict,
    gain,
    advice,
    sentences: [
      ...verdictSentences(rows, best, verdict),
      ...(best === null || verdict === 'nothing_helps' ? [] : olderVersions(rows, best)),
      ...adviceSentences(advice, rows, counts, effects.limited),
    ],
  };
}

function adviceOutcomes(
  rows: readonly SweepRow[],
  effects: Effects,
  counts: (row: SweepRow) => boolean,
): AdviceOutcome[] {
  const base = rows[0];
  const { perProcessMemoryFraction } = base.settings;
  const keys = rows.map(({ settings }) => effects.keyOf(settings));
  const outcomes: AdviceOutcome[] = [];
  for (const conf of POPULAR_ADVICE) {
    const settings = { ...settingsOf(conf), perProcessMemoryFraction };
    const row = keys.indexOf(effects.keyOf(settings));
    if (row < 0 || confOf(settings) === base.conf) continue;
    outcomes.push({
      conf,
      row,
      change: base.reservedPeak === 0 ? 0 : rows[row].reservedPeak / base.reservedPeak - 1,
      fails: counts(base) && !counts(rows[row]),
    });
  }
  return outcomes;
}

function verdictSentences(rows: readonly SweepRow[], best: SweepRow | null, verdict: SweepVerdict): string[] {
  const base = rows[0];
  const tried = `${formatInteger(rows.length)} settings that can differ for these requests`;
  if (best === null) {
    const first = base.firstFailure;
    return [
      `Nothing helps: under each of ${tried}, a request that was served in the recording fails${
        first === null
          ? ''
          : `; under ${nameOf(base)}, first the one of ${both(first.bytes)} at event ${formatInteger(first.row)}`
      }. The memory is too small, not badly cut.`,
    ];
  }
  const failing =
    best.ooms === 0
      ? ''
      : ` ${count(best.ooms, 'request fails', 'requests fail')} under it, as in the recording; no setting serves more.`;
  const change = base.reservedPeak === 0 ? 0 : best.reservedPeak / base.reservedPeak - 1;
  switch (verdict) {
    case 'rescues':
      return [
        `Under ${nameOf(base)} ${count(base.ooms, 'request fails', 'requests fail')}. Of ${tried}, ${nameOf(best)} serves ${best.ooms === 0 ? 'all' : 'most'} with the least memory: ${both(best.reservedPeak)} reserved at the peak.${failing}`,
      ];
    case 'helps':
      return [
        `Of ${tried}, ${nameOf(best)} reserves least: ${both(best.reservedPeak)} at the peak instead of ${both(base.reservedPeak)} under ${nameOf(base)} (${percentChange(change)}), with ${formatInteger(best.calls)} calls of the driver instead of ${formatInteger(base.calls)}.${failing}`,
      ];
    default:
      return [
        best === base || best.reservedPeak === base.reservedPeak
          ? `No setting helps: of ${tried}, none reserves less than ${nameOf(base)}, ${both(base.reservedPeak)} at the peak.${failing}`
          : `No setting helps: of ${tried}, the best, ${nameOf(best)}, saves ${both(base.reservedPeak - best.reservedPeak)} of ${both(base.reservedPeak)} at the peak (${percentChange(change)}), less than 1 %.${failing}`,
      ];
  }
}

/** A sentence for each advice that acts, one for all that do not. */
function adviceSentences(
  advice: readonly AdviceOutcome[],
  rows: readonly SweepRow[],
  counts: (row: SweepRow) => boolean,
  limited: boolean,
): string[] {
  const idle = advice.filter(({ row }) => row === 0).map(({ conf }) => conf);
  const [acts, is] = idle.length === 1 ? ['changes', 'it is'] : ['change', 'they are'];
  const collects = advice.some(({ conf }) => conf.includes('garbage_collection_threshold'));
  return [
    ...advice.filter(({ row }) => row !== 0).map((one) => adviceSentence(one, rows, counts)),
    ...(idle.length === 0
      ? []
      : [
          `The popular ${list(idle)} ${acts} nothing: for these requests ${is} the same as ${nameOf(rows[0])}.`,
        ]),
    ...(collects && !limited
      ? ['garbage_collection_threshold does nothing here: there is no memory limit that it is a share of.']
      : []),
  ];
}

function adviceSentence(
  { conf, row, change, fails }: AdviceOutcome,
  rows: readonly SweepRow[],
  counts: (row: SweepRow) => boolean,
): string {
  const base = rows[0];
  const told = rows[row];
  const failing = `${count(told.ooms, 'request fails', 'requests fail')}`;
  if (fails) return `The popular ${conf} makes it worse: ${failing}.`;
  if (!counts(base))
    return counts(told)
      ? `The popular ${conf} serves them, too: ${both(told.reservedPeak)} at the peak.`
      : `The popular ${conf} does not help: ${failing}.`;
  const calls =
    told.calls === base.calls
      ? 'the same number of calls of the driver'
      : `${formatInteger(told.calls)} calls of the driver instead of ${formatInteger(base.calls)}`;
  const figures = `${both(told.reservedPeak)} instead of ${both(base.reservedPeak)} (${percentChange(change)}), ${calls}`;
  if (told.reservedPeak === base.reservedPeak)
    return `The popular ${conf} does not change the peak: ${both(told.reservedPeak)}, ${calls}.`;
  if (Math.abs(change) < LEAST_GAIN) return `The popular ${conf} hardly changes the peak: ${figures}.`;
  return `The popular ${conf} ${change > 0 ? 'makes it worse' : 'saves memory'}: ${figures}.`;
}

/** Where the winner needs a setting that is new: the best without it. */
function olderVersions(rows: readonly SweepRow[], best: SweepRow): string[] {
  if (best.conf?.includes('large_segment_size_mb') !== true) return [];
  const known = rows.filter(({ conf }) => conf?.includes('large_segment_size_mb') === false);
  const winner = winnerOf(known);
  if (winner === null || known[winner].ooms > best.ooms) return [];
  return [
    `Not every version of PyTorch knows large_segment_size_mb (2.11 does). Without it, ${nameOf(known[winner])} reserves least: ${both(known[winner].reservedPeak)}.`,
  ];
}
