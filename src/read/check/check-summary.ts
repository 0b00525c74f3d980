/**
 * Figures of printed summaries: a row with one that cannot be, or with a current above its peak, is left out; a summary
 * of a device that cannot be is left out as a whole.
 */
import { emptyTable } from '../../base/lookup.ts';
import type { MemorySummary, SummaryCell } from '../../trace/capture.ts';
import { MOST_COUNT, MOST_DEVICE, spelled, whyNot } from '../../base/bounds.ts';
import type { LeftOut } from './left-out.ts';

const FIGURES = ['current', 'peak', 'allocated', 'freed'] as const;

function faultOf(cell: SummaryCell, width: SummaryCell): string | null {
  for (const name of FIGURES) {
    // Not more exact than that: totals of long runs pass any device's size.
    const why = whyNot(cell[name], MOST_COUNT);
    if (why !== null) return `${name} ${spelled(cell[name])} is ${why}`;
  }
  return cell.current >= cell.peak + Math.max(width.current, width.peak)
    ? `current ${spelled(cell.current)} is above its peak ${spelled(cell.peak)}`
    : null;
}

const NO_WIDTH: SummaryCell = { current: 0, peak: 0, allocated: 0, freed: 0 };

/** null: it is left out. */
export function checkSummary(summary: MemorySummary, left: LeftOut): MemorySummary | null {
  const { offset, device } = summary;
  if (!Number.isInteger(device) || device < 0 || device > MOST_DEVICE) {
    left.add('summaries', () => `the one of device ${String(device)}`, offset);
    return null;
  }
  let isChanged = false;
  const count = (name: 'ooms' | 'retries'): number => {
    const why = whyNot(summary[name], MOST_COUNT);
    if (why === null) return summary[name];
    isChanged = true;
    left.add(`numbers of ${name}`, () => `${spelled(summary[name])} of GPU ${device} is ${why}`, offset);
    return 0;
  };
  const [ooms, retries] = [count('ooms'), count('retries')];
  const rows = emptyTable<Record<string, SummaryCell>>();
  for (const [metric, byRow] of Object.entries(summary.rows)) {
    for (const [row, cell] of Object.entries(byRow)) {
      const fault = faultOf(cell, summary.granularity[metric] ?? NO_WIDTH);
      if (fault === null) (rows[metric] ??= emptyTable())[row] = cell;
      else {
        isChanged = true;
        left.add('rows of summaries', () => `${metric}, ${row}, of GPU ${device}: ${fault}`, offset);
      }
    }
  }
  return isChanged ? { ...summary, ooms, retries, rows } : summary;
}
