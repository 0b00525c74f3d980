/** Figures of logs, monitors and reports: what cannot be becomes a gap in its curve, an empty cell, or is not there. */
import type {
  BudgetPart,
  DataTable,
  Gauge,
  LogEvent,
  MemoryBudget,
  Readings,
  TableColumn,
} from '../../trace/readings.ts';
import type { VllmMemoryPrint } from '../../trace/vllm-memory.ts';
import {
  MOST_ASKED,
  MOST_BYTES,
  MOST_COUNT,
  MOST_DEVICE,
  MOST_SHARE,
  spelled,
  whyNot,
} from '../../base/bounds.ts';
import type { LeftOut } from './left-out.ts';

const MOST_OF_UNIT: Readonly<Partial<Record<Gauge['unit'], number>>> = {
  bytes: MOST_BYTES,
  ratio: MOST_SHARE,
};

/** Temperatures may be below 0. */
const isSigned = ({ unit, is_difference }: Gauge): boolean => unit === 'celsius' || is_difference === true;

function checkGauge(gauge: Gauge, left: LeftOut): Gauge {
  const { value, unit, granularity } = gauge;
  const most = MOST_OF_UNIT[unit] ?? MOST_COUNT;
  const slack = isSigned(gauge) ? most : granularity;
  let good: Float64Array | null = null;
  for (let i = 0; i < value.length; i++) {
    const one = value[i];
    if ((one >= 0 && one <= most) || Number.isNaN(one)) continue;
    const why = whyNot(one, most, slack);
    if (why === null) continue;
    good ??= value.slice();
    good[i] = NaN;
    left.add(
      `samples of ${gauge.label}`,
      () => `sample ${i + 1}: ${spelled(one)} ${unit === 'ratio' ? '' : `${unit} `}is ${why}`,
    );
  }
  return good === null ? gauge : { ...gauge, value: good };
}

const isDevice = (device: number | null): boolean =>
  device === null || (Number.isInteger(device) && device >= 0 && device <= MOST_DEVICE);

const MOST_OF_COLUMN: Readonly<Record<TableColumn['unit'], number>> = {
  text: 0,
  bytes: MOST_COUNT,
  nanoseconds: MOST_COUNT,
  count: MOST_COUNT,
  percent: Infinity,
  number: Infinity,
};

function checkTable(table: DataTable, left: LeftOut): DataTable {
  const faultOf = (value: string | number | null, { unit }: TableColumn): string | null => {
    if (typeof value !== 'number') return null;
    const isPlain = unit === 'percent' || unit === 'number' || unit === 'nanoseconds';
    return whyNot(value, MOST_OF_COLUMN[unit], isPlain ? Infinity : 0);
  };
  let isChanged = false;
  const rows = table.rows.map((row, at) => {
    if (!row.some((value, c) => faultOf(value, table.columns[c]) !== null)) return row;
    isChanged = true;
    return row.map((value, c) => {
      const why = faultOf(value, table.columns[c]);
      if (why === null) return value;
      left.add(
        `cells of ${table.title}`,
        () => `row ${at + 1}, ${table.columns[c].name}: ${spelled(value as number)} is ${why}`,
      );
      return null;
    });
  });
  return isChanged ? { ...table, rows } : table;
}

/** Parts of a budget that are amounts of memory; others are what is left over, and may be below 0. */
const AMOUNTS: readonly BudgetPart['id'][] = ['total', 'requested', 'free_at_start'];
const COUNTS: readonly BudgetPart['id'][] = [
  'kv_cache_blocks',
  'cpu_blocks',
  'kv_cache_tokens',
  'tokens_per_request',
  'requests_at_once',
  'max_concurrency',
];

function checkBudget(budget: MemoryBudget, left: LeftOut): MemoryBudget {
  const parts = budget.parts.filter(({ id, label, value, granularity, offset }) => {
    const most = id === 'utilization' ? MOST_SHARE : COUNTS.includes(id) ? MOST_COUNT : MOST_BYTES;
    const mustBe = AMOUNTS.includes(id) || COUNTS.includes(id) || id === 'utilization';
    const why = whyNot(value, most, mustBe ? granularity : most);
    if (why !== null) left.add('figures of budgets', () => `${label}: ${spelled(value)} is ${why}`, offset);
    return why === null;
  });
  return parts.length === budget.parts.length ? budget : { ...budget, parts };
}

function checkEvent(event: LogEvent, left: LeftOut): LogEvent {
  if (!isDevice(event.device)) {
    const told = String(event.device);
    left.add('numbers of devices', () => `that of an event: ${told}`, event.offset);
    return checkEvent({ ...event, device: null }, left);
  }
  const figures = Object.entries(event.figures).filter(([name, value]) => {
    const why = whyNot(value, name === 'requested' ? MOST_ASKED : MOST_BYTES);
    if (why !== null)
      left.add('figures of events', () => `${name}: ${spelled(value)} bytes is ${why}`, event.offset);
    return why === null;
  });
  return figures.length === Object.keys(event.figures).length
    ? event
    : { ...event, figures: Object.fromEntries(figures) };
}

/**
 * Fields of vLLM's prints that cannot be below 0: amounts, and what torch's peak rose by, since a peak only rises.
 * `non_torch_increase` and `total_consumed` can: others give memory back.
 */
const VLLM_AMOUNT =
  /^(torch_peak|torch_allocated|free_memory|total_memory|cuda_memory|torch_memory|weights_memory|non_kv_cache_memory|torch_peak_increase|transient_peak_headroom)$/;

function checkPrint<T extends VllmMemoryPrint>(print: T, left: LeftOut): T {
  const all = Object.entries(print.fields) as [string, { value: number; granularity: number }][];
  const fields = all.filter(([name, { value, granularity }]) => {
    const why = whyNot(value, MOST_BYTES, VLLM_AMOUNT.test(name) ? granularity : MOST_BYTES);
    if (why !== null)
      left.add("figures of vLLM's memory", () => `${name}: ${spelled(value)} bytes is ${why}`, print.offset);
    return why === null;
  });
  return fields.length === all.length ? print : { ...print, fields: Object.fromEntries(fields) };
}

export function checkReadings(readings: Readings, left: LeftOut): Readings {
  const { gauges, vllm_memory: prints } = readings;
  const placed = gauges.filter(({ device, label, value }) => {
    if (isDevice(device)) return true;
    left.add('numbers of devices', () => `${label} (${value.length} samples): ${String(device)}`);
    return false;
  });
  return {
    ...readings,
    gauges: placed.map((gauge) => checkGauge(gauge, left)),
    tables: readings.tables.map((table) => checkTable(table, left)),
    budgets: readings.budgets.map((budget) => checkBudget(budget, left)),
    events: readings.events.map((event) => checkEvent(event, left)),
    ...(prints === undefined ? {} : { vllm_memory: prints.map((print) => checkPrint(print, left)) }),
  };
}
