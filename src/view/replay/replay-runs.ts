/** What was recorded beside what was replayed: one run figure by figure, and all runs of a page in one table. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { percent } from '../../base/words.ts';
import type { ReplayAnswer, WhatIfAnswer } from '../../engine/protocol.ts';
import { percentOf, signedBytes, signedInteger } from './replay.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

/** One what-if that was run. */
export interface ReplayRun {
  readonly id: number;
  /** The settings in a line: the string, or "defaults", or "recorded settings". */
  readonly name: string;
  /** What was changed besides, each in a few words. */
  readonly changes: readonly string[];
  /** "PYTORCH_CUDA_ALLOC_CONF=..."; null: no string gives the settings. */
  readonly line: string | null;
  readonly answer: WhatIfAnswer;
}

export type Stats = WhatIfAnswer['stats'];

interface Figure {
  readonly id: string;
  readonly label: string;
  readonly short: string;
  /** Key of `torch.cuda.memory_stats()`. */
  readonly key: string;
  readonly unit: 'bytes' | 'count';
}

const FIGURES: readonly Figure[] = [
  {
    id: 'reserved',
    label: 'Reserved, peak',
    short: 'Reserved peak',
    key: 'reserved_bytes.all.peak',
    unit: 'bytes',
  },
  {
    id: 'allocated',
    label: 'Allocated, peak',
    short: 'Allocated peak',
    key: 'allocated_bytes.all.peak',
    unit: 'bytes',
  },
  {
    id: 'split',
    label: 'Inactive split, peak',
    short: 'Inactive split',
    key: 'inactive_split_bytes.all.peak',
    unit: 'bytes',
  },
  {
    id: 'mallocs',
    label: 'cudaMalloc calls',
    short: 'cudaMalloc',
    key: 'num_device_alloc',
    unit: 'count',
  },
  { id: 'frees', label: 'cudaFree calls', short: 'cudaFree', key: 'num_device_free', unit: 'count' },
  {
    id: 'retries',
    label: 'Retries after a failed cudaMalloc',
    short: 'Retries',
    key: 'num_alloc_retries',
    unit: 'count',
  },
  { id: 'ooms', label: 'Out-of-memory errors', short: 'OOM', key: 'num_ooms', unit: 'count' },
];

/** What runs are compared with. */
export interface Baseline {
  readonly label: string;
  readonly stats: Stats;
  /** Why it is not the recording; null: it is. */
  readonly note: string | null;
}

/**
 * The recording, where the recorded settings replayed give the same figures; else those, for a difference has to come
 * from the settings alone.
 */
export function baselineOf({ stats, unled }: ReplayAnswer): Baseline {
  const same = FIGURES.every(({ key }) => stats[key] === unled.stats[key]);
  return same
    ? { label: 'Recorded', stats, note: null }
    : {
        label: 'Recorded settings',
        stats: unled.stats,
        note: 'Left alone under the recorded settings, the replay does not give the recorded figures: it is compared with what it gives there, so that a difference comes from the settings.',
      };
}

const MISSING = cell('–', -1);

const figureCell = (value: number | undefined, measure: Figure['unit'], unit: ByteUnit): Cell =>
  value === undefined
    ? MISSING
    : measure === 'bytes'
      ? cell(formatBytes(value, unit), value, { title: `${formatInteger(value)} bytes` })
      : cell(formatInteger(value), value);

/** One run against the recording, a figure a row, differences in full. */
export function runTable(
  { stats: recorded, label: against }: Baseline,
  run: ReplayRun,
  unit: ByteUnit,
): TableModel {
  return {
    caption: `${against} and replayed under ${run.name}`,
    columns: [
      { id: 'figure', label: 'Figure', numeric: false },
      { id: 'recorded', label: against, numeric: true },
      { id: 'replayed', label: 'Replayed', numeric: true },
      { id: 'difference', label: 'Difference', numeric: true },
      { id: 'bytes', label: 'in bytes', numeric: true },
      { id: 'percent', label: 'in %', numeric: true },
    ],
    rows: FIGURES.map(({ id, label, key, unit: measure }) => {
      const before = recorded[key];
      const after = run.answer.stats[key];
      const known = before !== undefined && after !== undefined;
      const difference = known ? after - before : 0;
      return {
        key: id,
        cells: [
          cell(label),
          figureCell(before, measure, unit),
          figureCell(after, measure, unit),
          known
            ? cell(
                measure === 'bytes' ? signedBytes(difference, unit) : signedInteger(difference),
                difference,
              )
            : MISSING,
          known && measure === 'bytes' ? cell(signedInteger(difference), difference) : cell('', 0),
          known
            ? cell(percentOf(difference, before), before === 0 ? difference : difference / before)
            : MISSING,
        ],
      };
    }),
    total: null,
    sort: null,
  };
}

export const RECORDED_KEY = 'recorded';

/** All runs, the recording first; a row's key is the number of its run. */
export function runsTable(
  { stats: recorded, label: against }: Baseline,
  runs: readonly ReplayRun[],
  unit: ByteUnit,
): TableModel {
  const before = recorded['reserved_bytes.all.peak'] ?? 0;
  // Of what is compared only here; the blocks themselves are the same but for rounding.
  const figures = FIGURES.filter(({ id }) => id !== 'allocated');
  const row = (key: string, name: string, changes: readonly string[], stats: Stats, isRun: boolean) => {
    const after = stats['reserved_bytes.all.peak'] ?? 0;
    const words = [name, ...changes].join('; ');
    const relative = isRun ? cell(percentOf(after - before, before), after - before) : cell('', 0);
    const [first, ...others] = figures.map(({ key: stat, unit: measure }) =>
      figureCell(stats[stat], measure, unit),
    );
    return { key, cells: [cell(words, words, { title: words }), first, relative, ...others] };
  };
  const [reserved, ...others] = figures.map(({ id, short }) => ({ id, label: short, numeric: true }));
  return {
    caption: 'Runs compared',
    columns: [
      { id: 'run', label: 'Run', numeric: false, breaks: true },
      reserved,
      { id: 'change', label: 'Change', numeric: true },
      ...others,
    ],
    rows: [
      row(RECORDED_KEY, against, [], recorded, false),
      ...runs.map(({ id, name, changes, answer }) => row(String(id), name, changes, answer.stats, true)),
    ],
    total: null,
    sort: null,
  };
}

/** What a run comes to, in one sentence; for who hears the page as well. */
export function runWords(
  { stats: recorded }: Baseline,
  { name, changes, answer }: ReplayRun,
  unit: ByteUnit,
): string {
  const before = recorded['reserved_bytes.all.peak'] ?? 0;
  const after = answer.stats['reserved_bytes.all.peak'] ?? 0;
  const under = `under ${[name, ...changes].join('; ')}`;
  if (after === before)
    return `The reserved peak stays the same, ${formatBytes(after, unit)} to the byte, ${under}.`;
  const apart = Math.abs(after - before);
  const much = `${formatBytes(apart, unit)} (${before === 0 ? '–' : percent(apart / before)})`;
  return `The reserved peak is ${formatBytes(after, unit)} instead of ${formatBytes(before, unit)}, ${much} ${after < before ? 'less' : 'more'}, ${under}.`;
}
