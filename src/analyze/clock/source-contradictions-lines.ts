/**
 * Contradictions of what has no curve: lines placed by their order (clock-alignment-sequence.ts), and a server's
 * budget against the recording of its process.
 */
import { exactAmount } from '../../base/amounts.ts';
import { formatInteger } from '../../base/units.ts';
import { rankText } from '../../base/rank.ts';
import type { MemoryBudget } from '../../trace/readings.ts';
import type { PlacedLine, RowFigure, SequenceLine } from './alignment-sequence.ts';
import type { Comparison, Contradiction } from './source-contradictions.ts';
import type { StepCurve } from '../step-curve.ts';

const NAMES: Readonly<Record<RowFigure, string>> = {
  reserved: 'reserved bytes',
  requested: 'requested bytes',
  allocated_floor: 'allocated bytes (at least)',
  allocations: 'allocations made',
};

/** `placed`: the answer of placeSequence to `lines`. Times are ns after `commonBaseNs`. */
export function compareLines(
  lines: readonly SequenceLine[],
  placed: readonly PlacedLine[],
  sources: readonly [string, string],
  device: number | null,
  commonBaseNs: bigint,
): Comparison {
  const relative = (ns: bigint | null): number | null => (ns === null ? null : Number(ns - commonBaseNs));
  const contradictions = placed.flatMap(({ name, status, nearest }, i): Contradiction[] => {
    if (status === 'placed' || status === 'outside') return [];
    const before = placed.slice(0, i).findLast((line) => line.status === 'placed');
    const after = placed.slice(i).find((line) => line.status === 'placed');
    const band = nearest === null ? undefined : lines[i].figures[nearest.figure];
    const signed = nearest === null || band === undefined || nearest.value > band.most ? -1 : 1;
    const why =
      status === 'late'
        ? 'the recording has its figures only before the line above it'
        : nearest === null
          ? 'the recording never has its figures'
          : `the recording comes no nearer to it than ${nearest.figure === 'allocations' ? formatInteger(nearest.apart) : exactAmount(nearest.apart)} (${NAMES[nearest.figure]})`;
    return [
      {
        kind: 'never',
        sources,
        device,
        fromNs: relative(before?.fromNs ?? null),
        toNs: relative(after?.toNs ?? null),
        count: 1,
        values:
          nearest === null || band === undefined
            ? []
            : [
                { label: `${name}, ${NAMES[nearest.figure]}`, ...band },
                { label: sources[1], least: nearest.value, most: nearest.value },
              ],
        allowedBytes: band === undefined ? 0 : band.most - band.least,
        differenceBytes: nearest === null ? 0 : signed * nearest.apart,
        sentence: `${sources[0]}, ${name}: ${why}, between the lines around it.`,
      },
    ];
  });
  const outside = placed.filter(({ status }) => status === 'outside').length;
  return { contradictions, compared: placed.length - outside, outside };
}

/** Parts of a budget that PyTorch's caching allocator holds at the same time, once the server runs. */
const HELD = ['weights', 'kv_cache'] as const;

/**
 * A server's printed weights and KV cache against the most that the recording of its process had reserved: both are
 * PyTorch's and stay. Where the recording began late, what was reserved is a lower bound and nothing is said.
 */
export function compareBudget(
  budget: MemoryBudget,
  name: string,
  reserved: { readonly name: string; readonly curve: StepCurve },
): Comparison {
  const parts = HELD.flatMap((id) => budget.parts.filter((part) => part.id === id).slice(-1));
  const { curve } = reserved;
  if (parts.length === 0 || curve.bound !== 'exact' || curve.value.length === 0)
    return { contradictions: [], compared: 0, outside: parts.length };
  const sum = parts.reduce((total, { value }) => total + value, 0);
  const allowed = parts.reduce((total, { granularity }) => total + granularity, 0);
  const peakRow = curve.value.reduce((most, value, row) => (value > curve.value[most] ? row : most), 0);
  const missing = sum - allowed - curve.value[peakRow];
  if (missing <= 0) return { contradictions: [], compared: parts.length, outside: 0 };
  const labels = parts.map(({ label }) => label).join(' and ');
  return {
    contradictions: [
      {
        kind: 'budget_above_reserved',
        sources: [name, reserved.name],
        device: curve.device,
        fromNs: curve.time_ns[peakRow],
        toNs: curve.endNs,
        count: parts.length,
        values: [
          { label: labels, least: sum - allowed, most: sum + allowed },
          { label: 'reserved, at its peak', least: curve.value[peakRow], most: curve.value[peakRow] },
        ],
        allowedBytes: allowed,
        differenceBytes: missing,
        sentence: `${name}${rankText(budget.rank) === '' ? '' : `, ${rankText(budget.rank)}`} names ${exactAmount(missing)} more for ${labels} than ${reserved.name} ever had reserved: another process or rank, or a recording that ended before they were allocated.`,
      },
    ],
    compared: parts.length,
    outside: 0,
  };
}
