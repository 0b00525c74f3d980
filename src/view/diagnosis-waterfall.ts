/**
 * A budget as a waterfall: what is left of the whole after each step, from the whole down.
 *
 *   whole          ████████████████████  94.68
 *   not requested                    ██   4.73
 *   weights                 █████████    42.59
 *   KV cache       █████████             43.64
 */
import type { ByteUnit } from '../base/units.ts';
import { formatBytes, formatInteger } from '../base/units.ts';
import type { PodWaterfallView, ServerView } from '../engine/protocol.ts';
import { count, list } from './words.ts';

export interface WaterfallStep {
  readonly id: string;
  readonly label: string;
  /** Negative only for a remainder: more was printed than there is. */
  readonly bytes: number;
  /** Largest error that the printed digits leave open; 0: exact. */
  readonly errorBytes?: number;
  readonly note?: string;
}

/** One rank's budget. */
export interface WaterfallView {
  readonly rank: string;
  /** What the steps are taken from; null: not known, and they are taken from their own sum. */
  readonly total: number | null;
  readonly steps: readonly WaterfallStep[];
  /** false: the steps need not make up the whole, so none stands on the one before it. */
  readonly addsUp?: boolean;
  /** The sum in words, whether it adds up, what is missing; "": nothing to say. */
  readonly statement?: string;
}

export interface WaterfallRow {
  readonly id: string;
  readonly label: string;
  /** "42.59 GiB", "−0.10 GiB". */
  readonly text: string;
  readonly title: string;
  readonly left: number;
  readonly width: number;
  readonly negative: boolean;
  /** "43.64 GiB left"; "" where that cannot be said. */
  readonly rest: string;
}

export interface WaterfallModel {
  readonly rank: string;
  readonly total: string | null;
  readonly rows: readonly WaterfallRow[];
  readonly statement: string;
}

const signed = (bytes: number, unit: ByteUnit): string =>
  `${bytes < 0 ? '−' : ''}${formatBytes(Math.abs(Math.round(bytes)), unit)}`;

export function waterfallModel(
  { rank, total, steps, addsUp = true, statement }: WaterfallView,
  unit: ByteUnit,
): WaterfallModel {
  const sum = steps.reduce((all, { bytes }) => all + bytes, 0);
  const whole = Math.max(1, total ?? sum);
  let left = total ?? sum;
  const rows = steps.map(({ id, label, bytes, errorBytes = 0, note = '' }): WaterfallRow => {
    const before = addsUp ? left : bytes;
    left = before - bytes;
    const ends = [before, left].map((at) => Math.min(1, Math.max(0, at / whole)));
    const error = errorBytes === 0 ? '' : ` ± ${signed(errorBytes, unit)} (printed digits)`;
    return {
      id,
      label,
      text: signed(bytes, unit),
      title: [`${formatInteger(Math.round(bytes))} bytes${error}`, note]
        .filter((one) => one !== '')
        .join('. '),
      left: Math.min(...ends),
      width: Math.abs(ends[0] - ends[1]),
      negative: bytes < 0,
      rest: addsUp ? `${signed(left, unit)} left` : '',
    };
  });
  return {
    rank,
    total: total === null ? null : formatBytes(Math.round(total), unit),
    rows,
    statement: statement ?? '',
  };
}

/** Steps of a pod that are not steps down. */
const WHOLES: ReadonlySet<string> = new Set(['total', 'requested', 'graphs_on_top']);

function podWaterfall(told: PodWaterfallView): WaterfallView {
  const { pod, start, rankCount, addsUp, sentence } = told;
  const total = told.steps.find(({ id }) => id === 'total');
  const down = told.steps.filter(({ id }) => !WHOLES.has(id));
  // What was printed and what all ranks take if the others are alike are two sums: never a mixture.
  const allAlike = [...down, ...(total === undefined ? [] : [total])].every(
    ({ allRanks }) => allRanks !== null,
  );
  const figure = ({ printed, allRanks }: PodWaterfallView['steps'][number]): typeof printed =>
    allAlike && allRanks !== null ? allRanks : printed;
  const error = down.reduce((sum, step) => sum + figure(step).error, 0);
  const rest = down.reduce(
    (sum, step) => sum - figure(step).value,
    total === undefined ? 0 : figure(total).value,
  );
  const sums = addsUp !== 'cannot_tell' && total !== undefined && Math.abs(rest) <= error + down.length;
  const steps = down.filter(({ id }) => sums || id !== 'remainder');
  const alike = allAlike ? steps.filter(({ printedRanks }) => printedRanks < rankCount) : [];
  const names = [pod === '' ? 'All ranks of this host' : `Host ${pod}`, start].filter((one) => one !== '');
  return {
    rank: `${names.join(', ')} (${count(rankCount, 'rank')})`,
    total: total === undefined ? null : figure(total).value,
    steps: steps.map((step) => ({
      id: step.id,
      label: step.label,
      bytes: figure(step).value,
      errorBytes: figure(step).error,
      note: step.printedRanks < rankCount ? `Printed by ${step.printedRanks} of ${rankCount} ranks` : '',
    })),
    addsUp: sums,
    statement: [
      sentence,
      alike.length === 0
        ? ''
        : `Not printed by every rank, and taken as alike for the others: ${list(alike.map(({ label }) => label))}.`,
    ]
      .filter((one) => one !== '')
      .join(' '),
  };
}

/** Sums of several ranks; a single rank's budget is shown as it was printed. */
export const podWaterfalls = ({ pods }: ServerView): WaterfallView[] =>
  pods.filter(({ rankCount }) => rankCount > 1).map(podWaterfall);
