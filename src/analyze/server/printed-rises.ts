/**
 * Memory that rises from line to line in what a program prints, where that is all that is known: peaks, reserved or
 * allocated alone, a figure of which it is not known what it counts, or too few lines for a verdict on growth.
 *
 *   step: 10 ... memory: 49.66GiB
 *   step: 20 ... memory: 51.90GiB      230 MiB a step, straight
 *   step: 30 ... memory: 54.15GiB
 *
 * Whether it is a leak is not said here. Steps are those of the table of lines, where the lines name them.
 */
import { own as ownOf } from '../../base/lookup.ts';
import type { DataTable } from '../../trace/readings.ts';
import type { Measure } from '../step-curve.ts';
import type { GaugeGrowth, PrintedGrowth } from './facts-growth.ts';
import type { ReadSource } from '../read-source.ts';

export interface PrintedRise {
  readonly growth: GaugeGrowth;
  /** Values of the rising stretch, and what counts them: "step", "epoch", or "line" where none is printed. */
  readonly values: readonly number[];
  readonly per: 'step' | 'epoch' | 'line';
  /** First and last step; ordinals of lines where per is "line". */
  readonly from: number;
  readonly to: number;
  /** Bytes a step, epoch or line: the median of the slopes between all pairs. */
  readonly slope: number;
  /** Steps between two lines; null: not always the same, or not printed. */
  readonly every: number | null;
  /** true: no value is off the straight line by more than a tenth of the rise. */
  readonly straight: boolean;
  /** The device's bytes as the program prints them, and how many steps more they last; null: not known. */
  readonly limit: { readonly bytes: number; readonly steps: number } | null;
  /** true: the figure is the most since the program began, which never falls. */
  readonly neverFalls: boolean;
}

const LEAST_LINES = 4;
/** So many of the steps between two lines go up. */
const UP = 0.75;
/** A rise below this share of where it began is within what batches differ by. */
const LEAST_SHARE = 0.02;
/** More pairs than of so many values tell nothing new. */
const MOST_VALUES = 200;

const COLUMN: Readonly<Record<string, string>> = {
  memory_allocated: 'allocated',
  memory_reserved: 'reserved',
  memory_active: 'active',
  max_memory_allocated: 'allocated_peak',
  max_memory_reserved: 'reserved_peak',
  max_memory_active: 'active_peak',
  'printed.device_used': 'device_used',
  'printed.memory_used': 'used',
  'printed.max_memory_used': 'used_peak',
};

/** The most telling first: what is held, then what was needed, then what was taken. */
const ORDER: readonly Measure[] = ['allocated', 'allocated_peak', 'reserved', 'reserved_peak', 'printed'];

const linesOf = ({ readings }: ReadSource): DataTable | undefined =>
  readings?.tables.find(({ id }) => id === 'memory-lines');

/** Steps of the lines that a series has its values from; null: not all of them name one. */
function stepsOf(
  table: DataTable,
  growth: GaugeGrowth,
): { readonly word: 'step' | 'epoch'; readonly steps: number[] } | null {
  const names = table.columns.map(({ name }) => name);
  const column = names.indexOf(COLUMN[growth.gauge] ?? '');
  const word = names.includes('step') ? 'step' : 'epoch';
  const at = names.indexOf(word);
  if (column < 0 || at < 0) return null;
  const own = table.rows.filter(
    (row) =>
      row[column] !== null &&
      ['rank', 'process', 'host'].every((name) => {
        const label = names.indexOf(name);
        return label < 0 || (row[label] ?? undefined) === ownOf(growth.labels, name);
      }),
  );
  const steps = own.map((row) => row[at]);
  if (steps.length !== growth.values.length || !steps.every((step) => typeof step === 'number')) return null;
  return steps.every((step, i) => i === 0 || step > steps[i - 1]) ? { word, steps } : null;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function slopeOf(at: readonly number[], values: readonly number[]): number {
  const stride = Math.max(1, Math.ceil(values.length / MOST_VALUES));
  const rows = Array.from({ length: Math.ceil(values.length / stride) }, (_, i) => i * stride);
  const slopes = rows.flatMap((i, k) =>
    rows.slice(k + 1).map((j) => (values[j] - values[i]) / (at[j] - at[i])),
  );
  return median(slopes);
}

/** Whether it goes up through to its end: most steps up, and the last third above the second. */
function isRising(values: readonly number[], granularity: number, isFound: boolean): boolean {
  const ups = values.slice(1).filter((value, i) => value > values[i]).length;
  const downs = values.slice(1).filter((value, i) => value < values[i] - granularity).length;
  if (ups < UP * (values.length - 1) || downs > (1 - UP) * (values.length - 1)) return false;
  const third = Math.floor(values.length / 3);
  const mean = (from: number, to: number): number =>
    values.slice(from, to).reduce((sum, value) => sum + value, 0) / (to - from);
  const [first, last] = [values[0], values[values.length - 1]];
  if (last - first <= 3 * granularity) return false;
  // A small rise counts where the verdict on growth finds it, too.
  if (last - first < LEAST_SHARE * Math.abs(first) && !isFound) return false;
  return mean(values.length - third, values.length) - mean(third, values.length - third) > granularity;
}

function riseOf(growth: GaugeGrowth, sources: readonly ReadSource[]): PrintedRise | null {
  const source = sources.find(({ id }) => id === growth.source.id) ?? growth.source;
  const table = linesOf(source);
  const values = Array.from(growth.values);
  if (table === undefined || values.length < LEAST_LINES || values.some(Number.isNaN)) return null;
  const isFound = growth.verdict.kind === 'linear_leak' && growth.verdict.confidence !== 'low';
  if (!isRising(values, growth.granularity, isFound)) return null;
  const named = stepsOf(table, growth);
  const at = named?.steps ?? values.map((_, i) => i + 1);
  const slope = slopeOf(at, values);
  if (!(slope > 0)) return null;
  const gaps = new Set(at.slice(1).map((step, i) => step - at[i]));
  const [first, last] = [values[0], values[values.length - 1]];
  const off = values.map((value, i) => Math.abs(value - first - slope * (at[i] - at[0])));
  const gauges = source.readings?.gauges ?? [];
  const total = gauges.find(({ id }) => id === 'printed.memory_total')?.value.at(-1) ?? null;
  return {
    growth,
    values,
    per: named?.word ?? 'line',
    from: at[0],
    to: at[at.length - 1],
    slope,
    every: named !== null && gaps.size === 1 ? [...gaps][0] : null,
    straight: Math.max(...off) <= 0.1 * (last - first) + growth.granularity,
    limit: total !== null && total > last ? { bytes: total, steps: (total - last) / slope } : null,
    neverFalls: gauges.some(
      ({ id, note }) => id === growth.gauge && (note?.includes('never falls') ?? false),
    ),
  };
}

/** One of each source and rank: the most telling series that rises, unless allocated and reserved together told more. */
export function printedRises(
  growths: readonly GaugeGrowth[],
  told: readonly PrintedGrowth[],
  sources: readonly ReadSource[],
): PrintedRise[] {
  const key = ({ source, device, labels }: Pick<GaugeGrowth, 'source' | 'device' | 'labels'>): string =>
    `${source.id}\n${device}\n${JSON.stringify(labels)}`;
  const taken = new Set(
    told
      .filter(({ conclusion }) => conclusion.conclusion !== 'cannot_tell')
      .map(({ allocated }) => key(allocated)),
  );
  const rises: PrintedRise[] = [];
  for (const measure of ORDER) {
    for (const growth of growths) {
      if (growth.measures !== measure || taken.has(key(growth))) continue;
      const rise = riseOf(growth, sources);
      if (rise === null) continue;
      taken.add(key(growth));
      rises.push(rise);
    }
  }
  return rises;
}
