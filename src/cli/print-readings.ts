/** Text form of what logs, monitors and reports tell: budgets, figures over time, tables, events. */
import { formatBytes, formatInteger } from '../base/units.ts';
import { count, percent } from '../base/words.ts';
import { rankText } from '../base/rank.ts';
import type { BudgetPart, DataTable, Gauge, LogEvent, MemoryBudget, Readings } from '../engine/protocol.ts';

/** A value in its unit, as many digits as a terminal line bears. */
function inUnit(value: number, unit: string): string {
  if (Number.isNaN(value)) return 'missing';
  if (unit === 'bytes') return formatBytes(value, 'binary');
  if (unit === 'ratio') return percent(value);
  if (Number.isInteger(value)) return formatInteger(value);
  return value.toFixed(2);
}

const COUNTS: ReadonlySet<BudgetPart['id']> = new Set([
  'kv_cache_blocks',
  'cpu_blocks',
  'kv_cache_tokens',
  'tokens_per_request',
  'requests_at_once',
]);

function partText({ id, label, value }: BudgetPart): string {
  if (id === 'utilization') return `${label} ${value}`;
  if (id === 'max_concurrency') return `${label} ${value}x`;
  return `${label} ${inUnit(value, COUNTS.has(id) ? 'count' : 'bytes')}`;
}

/** Budgets that print the same, once: "budget of TP1 and 6 more alike (TP2, TP3, ...)". */
function budgetLines(budgets: readonly MemoryBudget[]): string[] {
  const groups = new Map<string, MemoryBudget[]>();
  for (const budget of budgets) {
    const key = [budget.rank.start, budget.producer, ...budget.parts.map(partText)].join('\n');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [budget]);
    else group.push(budget);
  }
  return [...groups.values()].flatMap((group) => {
    const [{ producer, parts }] = group;
    const [rank, last] = [group[0], group[group.length - 1]].map((one) => rankText(one.rank));
    const more =
      group.length === 1
        ? ''
        : group.length === 2
          ? ` and ${last}, alike`
          : ` to ${last}, ${group.length} ranks alike`;
    return [
      `budget${rank === '' ? '' : ` of ${rank}`}${more} (${producer}):`,
      ...parts.map((part) => `  ${partText(part)}`),
    ];
  });
}

function gaugeLine({ label, unit, device, labels, value, note }: Gauge): string {
  const where = [
    ...(device === null ? [] : [`GPU ${device}`]),
    ...Object.entries(labels).map(([name, text]) => `${name}=${text}`),
  ];
  let least = Infinity;
  let most = -Infinity;
  let last = NaN;
  for (const one of value) {
    if (Number.isNaN(one)) continue;
    least = Math.min(least, one);
    most = Math.max(most, one);
    last = one;
  }
  const told = Number.isNaN(last)
    ? 'no value'
    : `${inUnit(least, unit)} to ${inUnit(most, unit)}, last ${inUnit(last, unit)}`;
  return `  ${label}${where.length === 0 ? '' : ` (${where.join(', ')})`}: ${told}, ${count(value.length, 'sample')}${note === null ? '' : ` [${note}]`}`;
}

const tableLine = ({ title, rows, note }: DataTable): string =>
  `table "${title}": ${count(rows.length, 'row')}${note === null ? '' : ` [${note}]`}`;

const eventLine = ({ kind, device, text }: LogEvent): string =>
  `${kind}${device === null ? '' : ` on GPU ${device}`}: ${text}`;

/** Most series printed: the rest is counted. */
const MOST_GAUGES = 24;

export function readingsLines({ budgets, gauges, tables, events }: Readings): string[] {
  const lines = budgetLines(budgets);
  if (gauges.length > 0)
    lines.push(`${gauges.length} figures over time:`, ...gauges.slice(0, MOST_GAUGES).map(gaugeLine));
  if (gauges.length > MOST_GAUGES) lines.push(`  and ${gauges.length - MOST_GAUGES} more (--json has all)`);
  lines.push(...tables.map(tableLine), ...events.map(eventLine));
  return lines;
}
