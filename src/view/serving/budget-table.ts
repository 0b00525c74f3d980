/** Every printed figure of the budgets: a line a figure and a column a rank, turned round where there are many ranks. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger, formatNumber } from '../../base/units.ts';
import { rankText } from '../../base/rank.ts';
import type { BudgetPart, MemoryBudget } from '../../engine/protocol.ts';
import type { BudgetBar } from './budget.ts';
import { printsSteps } from './budget.ts';
import { describeGranularity } from '../parts/quantity.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

/** Columns of ranks beside each other; more become lines. */
const MOST_COLUMNS = 8;

const ORDER: readonly BudgetPart['id'][] = [
  'total',
  'utilization',
  'requested',
  'free_at_start',
  'weights',
  'non_torch',
  'activation_peak',
  'cuda_graphs_estimated',
  'cuda_graphs',
  'kv_cache',
  'kv_cache_blocks',
  'cpu_blocks',
  'kv_cache_tokens',
  'tokens_per_request',
  'requests_at_once',
  'max_concurrency',
  'available',
  'other',
];
const COUNTS: ReadonlySet<BudgetPart['id']> = new Set([
  'kv_cache_blocks',
  'cpu_blocks',
  'kv_cache_tokens',
  'tokens_per_request',
  'requests_at_once',
]);

export function partText({ id, value }: Pick<BudgetPart, 'id' | 'value'>, unit: ByteUnit): string {
  if (id === 'utilization') return formatNumber(value, 4);
  if (id === 'max_concurrency') return `${formatNumber(value)}×`;
  return COUNTS.has(id) ? formatInteger(value) : formatBytes(Math.round(value), unit);
}

function partTitle(part: BudgetPart, unit: ByteUnit): string {
  const { id, value, granularity, offset } = part;
  const plain = id === 'utilization' || id === 'max_concurrency' || COUNTS.has(id);
  const exact = plain ? formatNumber(value, 6) : `${formatInteger(Math.round(value))} bytes`;
  const coarse = plain ? '' : describeGranularity(granularity, 'bytes', unit);
  return [exact, coarse, `at byte ${formatInteger(offset)} of the file`]
    .filter((text) => text !== '')
    .join(', ');
}

interface Line {
  readonly label: string;
  readonly cells: readonly Cell[];
}

/** The last figure of a label, earlier ones in its title; where each line is a step of its own, all of them. */
function partCell(parts: readonly BudgetPart[], steps: boolean, unit: ByteUnit): Cell {
  const last = parts.at(-1);
  if (last === undefined) return cell('–', -Infinity, { title: 'not printed' });
  const texts = parts.map((part) => partText(part, unit));
  if (steps && parts.length > 1) {
    const sum = parts.reduce((total, { value }) => total + value, 0);
    return cell(texts.join(' + '), sum, { title: parts.map((part) => partTitle(part, unit)).join('; ') });
  }
  const earlier = texts.slice(0, -1);
  const before = earlier.length === 0 ? '' : `; printed before: ${earlier.join(', ')}`;
  return cell(partText(last, unit), last.value, { title: partTitle(last, unit) + before });
}

function linesOf(budgets: readonly MemoryBudget[], bars: readonly BudgetBar[], unit: ByteUnit): Line[] {
  const lines = ORDER.flatMap((id): Line[] => {
    const labels = [
      ...new Set(
        budgets.flatMap(({ parts }) => parts.filter((part) => part.id === id).map(({ label }) => label)),
      ),
    ];
    return labels.map((label) => ({
      label,
      cells: budgets.map((budget) =>
        partCell(
          budget.parts.filter((part) => part.id === id && part.label === label),
          printsSteps(budget),
          unit,
        ),
      ),
    }));
  });
  if (bars.some(({ unexplained }) => unexplained !== null)) {
    lines.push({
      label: bars.some(({ claimed }) => claimed) ? 'Unexplained (computed)' : 'Not printed (computed)',
      cells: bars.map(({ unexplained, apart }) => {
        if (unexplained === null) return cell('–', -Infinity, { title: 'Not every part was printed.' });
        const bytes = Math.round(unexplained);
        const sign = bytes < 0 ? '−' : '';
        const title = `${formatInteger(bytes)} bytes${apart ? '' : ', within the printed digits'}`;
        return cell(apart ? sign + formatBytes(Math.abs(bytes), unit) : '0', bytes, { title });
      }),
    });
  }
  return lines;
}

/** In a log of several processes, the driver is the one that puts no name before its lines. */
const UNNAMED = 'Driver';
/** A budget's rank among so many budgets; `alone`: what stands for the only one. */
export const budgetName = (rank: string, all: number, alone: string): string =>
  rank !== '' ? rank : all === 1 ? alone : UNNAMED;

export function budgetTable(
  budgets: readonly MemoryBudget[],
  bars: readonly BudgetBar[],
  unit: ByteUnit,
): TableModel {
  const lines = linesOf(budgets, bars, unit);
  const names = budgets.map(({ rank }) => budgetName(rankText(rank), budgets.length, 'Printed'));
  const caption = 'Memory budget as printed';
  if (budgets.length <= MOST_COLUMNS) {
    return {
      caption,
      columns: [
        { id: 'figure', label: 'Figure', numeric: false },
        ...names.map((label, index) => ({ id: `rank${index}`, label, numeric: true })),
      ],
      rows: lines.map(({ label, cells }, index) => ({
        key: String(index),
        cells: [cell(label, index), ...cells],
      })),
      total: null,
      sort: null,
    };
  }
  return {
    caption,
    columns: [
      { id: 'rank', label: 'Rank', numeric: false },
      ...lines.map(({ label }, index) => ({ id: `figure${index}`, label, numeric: true })),
    ],
    rows: names.map((name, rank) => ({
      key: String(rank),
      cells: [cell(name), ...lines.map(({ cells }) => cells[rank])],
    })),
    total: null,
    sort: null,
  };
}
