/**
 * A budget as a waterfall: what is left of the whole after each step, from the whole down.
 *
 *   whole          ████████████████████  94.68
 *   not requested                    ██   4.73
 *   weights                 █████████    42.59
 *   KV cache       █████████             43.64
 *   graphs beyond                    █    0.68   in what was not requested, and no step down
 */
import { withAmounts } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type { Measured } from '../../base/measured.ts';
import type { WaterfallStep } from '../../engine/protocol.ts';
import type { CurveColor } from '../parts/palette.ts';

/** A step of one rank, of a sum, or beside them. */
export interface DrawnStep extends Pick<WaterfallStep, 'label' | 'bytes'> {
  readonly id: string;
  readonly note?: string;
}

/** One rank's budget, or the sums of several. */
export interface WaterfallView {
  /** "TP0", "TP0 to TP7, each"; "": the only one. */
  readonly rank: string;
  /** What the steps are taken from; null: not known, and they are taken from their own sum. */
  readonly total: Measured | null;
  /** "free at the start"; "" or missing: the total of the device. */
  readonly totalWord?: string;
  readonly steps: readonly DrawnStep[];
  /** CUDA graphs for which no room was left, or too little. */
  readonly beyond?: DrawnStep | null;
  /** false: the steps need not make up the whole, so none stands on the one before it. */
  readonly addsUp?: boolean;
  /** The sum in words, whether it adds up, what is missing; "": nothing to say. */
  readonly statement?: string;
}

/** 'rest': what no line explains. 'rounding': a remainder within the printed digits. 'aside': not the server's. */
export type WaterfallTone = 'part' | 'aside' | 'rest' | 'rounding' | 'beyond';

export interface WaterfallRow {
  readonly id: string;
  readonly label: string;
  /** "42.59 GiB", "−0.10 GiB". */
  readonly text: string;
  readonly title: string;
  readonly left: number;
  readonly width: number;
  readonly tone: WaterfallTone;
  /** The colour that this part has wherever budgets are drawn; null: none of its own. */
  readonly color: CurveColor | null;
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

const COLORS: Readonly<Record<string, CurveColor>> = {
  weights: 'blue',
  non_torch: 'gold',
  activation_peak: 'orange',
  cuda_graphs: 'purple',
  graphs_on_top: 'purple',
  kv_cache: 'green',
  in_use_before: 'brown',
};
const ASIDE: ReadonlySet<string> = new Set(['not_requested', 'in_use_before', 'available']);

const signed = (bytes: number, unit: ByteUnit): string =>
  `${bytes < 0 ? '−' : ''}${formatBytes(Math.abs(Math.round(bytes)), unit)}`;

/** Digits that mean little are said to: "2.41 GiB ± 1.40 GiB". */
const COARSE = 0.02;
const COARSE_TOTAL = 0.002;

function measured({ value, error }: Measured, unit: ByteUnit, label = ''): string {
  // What came free is named so: a step below zero would say it twice.
  const text = signed(value < 0 && label.startsWith('Came free') ? -value : value, unit);
  return error > COARSE * Math.abs(value) ? `${text} ± ${signed(Math.ceil(error), unit)}` : text;
}

function titleOf({ bytes: { value, error }, note = '' }: DrawnStep, unit: ByteUnit): string {
  const open = error < 0.5 ? '' : ` ± ${signed(Math.ceil(error), unit)} (printed digits)`;
  const exact = `${value < 0 ? '−' : ''}${formatInteger(Math.abs(Math.round(value)))} bytes${open}`;
  return [exact, note].filter((one) => one !== '').join('. ');
}

function toneOf({ id, bytes }: DrawnStep): WaterfallTone {
  if (id !== 'remainder') return ASIDE.has(id) ? 'aside' : 'part';
  return Math.abs(bytes.value) <= bytes.error ? 'rounding' : 'rest';
}

/** Drawn where it lies: in what was not requested, from where the requested share ends. */
function beyondRow(beyond: DrawnStep, from: number, whole: number, unit: ByteUnit): WaterfallRow {
  const ends = [from, from + beyond.bytes.value].map((at) => Math.min(1, Math.max(0, at / whole)));
  return {
    id: beyond.id,
    label: beyond.label,
    text: measured(beyond.bytes, unit),
    title: titleOf(beyond, unit),
    left: ends[0],
    width: ends[1] - ends[0],
    tone: 'beyond',
    color: COLORS[beyond.id] ?? null,
    negative: false,
    rest: '',
  };
}

export function waterfallModel(
  { rank, total: told, totalWord = '', steps, beyond = null, addsUp = true, statement }: WaterfallView,
  unit: ByteUnit,
): WaterfallModel {
  const total = told?.value ?? null;
  const sum = steps.reduce((all, { bytes }) => all + bytes.value, 0);
  const whole = Math.max(1, total ?? sum);
  let left = total ?? sum;
  let error = 0;
  const rows = steps.map((step): WaterfallRow => {
    const { id, label } = step;
    const { value } = step.bytes;
    const before = addsUp ? left : value;
    left = before - value;
    error += step.bytes.error;
    const ends = [before, left].map((at) => Math.min(1, Math.max(0, at / whole)));
    const tone = toneOf(step);
    // What rounding makes of nothing is nothing.
    const rest = Math.abs(left) <= error ? 'nothing left' : `${signed(left, unit)} left`;
    return {
      id,
      label,
      text: tone === 'rounding' ? signed(value, unit) : measured(step.bytes, unit, label),
      title: titleOf(step, unit),
      left: Math.min(...ends),
      width: Math.abs(ends[0] - ends[1]),
      tone,
      color: tone === 'part' || id === 'in_use_before' ? (COLORS[id] ?? null) : null,
      negative: value < 0 && tone === 'rest',
      rest: addsUp && tone !== 'rounding' ? rest : '',
    };
  });
  if (beyond !== null) {
    const outside = steps.find(({ id }) => id === 'not_requested')?.bytes.value ?? 0;
    rows.push(beyondRow(beyond, addsUp ? (total ?? sum) - outside : 0, whole, unit));
  }
  // A total that was printed has an error of its last digit; one that was computed, more.
  const open =
    told !== null && told.error > COARSE_TOTAL * told.value ? ` ± ${signed(told.error, unit)}` : '';
  const text = total === null ? null : formatBytes(Math.round(total), unit) + open;
  return {
    rank,
    total: text === null || totalWord === '' ? text : `${text} ${totalWord}`,
    rows,
    statement: withAmounts(statement ?? '', unit),
  };
}
