/**
 * Requests by size against memory, S to XL by tokens. The growth of all rows is the growth of the series, exactly:
 * what no class can be charged with alone has rows of its own.
 */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger, formatNumber } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { RequestBucketsView, RequestBucket, Spread } from '../../engine/protocol.ts';
import { formatGranularity, formatQuantity } from '../parts/quantity.ts';
import { rangeText } from './serving.ts';
import type { Cell, Column, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

export interface RequestsModel {
  /** Where the memory is from. */
  readonly memory: string;
  readonly words: readonly string[];
  readonly table: TableModel;
}

const NONE = cell('–', -Infinity);

function change(bytes: number, unit: ByteUnit): Cell {
  const sign = bytes > 0 ? '+' : bytes < 0 ? '−' : '';
  const size = Math.abs(Math.round(bytes));
  return cell(`${sign}${formatBytes(size, unit)}`, bytes, { title: `${sign}${formatInteger(size)} bytes` });
}

function spread(one: Spread | null, text: (value: number) => string): Cell {
  if (one === null) return NONE;
  const { min, mean, max } = one;
  return cell(
    rangeText({ least: min, most: max }, text),
    mean,
    min === max ? {} : { title: `mean ${text(mean)}` },
  );
}

const boundsText = ({ above, upTo }: RequestBucket): string =>
  upTo === null ? `above ${formatInteger(above)}` : `${formatInteger(above + 1)} to ${formatInteger(upTo)}`;

const BY_WORDS: Readonly<Record<RequestBucketsView['bounds']['by'], string>> = {
  input: 'tokens of the prompt',
  output: 'tokens of the answer',
  total: 'tokens of prompt and answer',
};

const JOIN_WORDS: Readonly<Record<RequestBucketsView['join'], string>> = {
  clock: 'Memory and requests are joined by their times.',
  tag: 'Memory is printed before and after each request.',
  none: 'No series of memory goes with these requests: their counts and tokens are all that is known.',
};

function rowsOf(told: RequestBucketsView, columns: readonly Column[], unit: ByteUnit): TableModel['rows'] {
  const bytes = (value: number): string => formatBytes(Math.round(value), unit);
  const number = (value: number): string => formatNumber(value, 0);
  const row = (key: string, cells: Readonly<Record<string, Cell>>) => ({
    key,
    cells: columns.map(({ id }) => (Object.hasOwn(cells, id) ? cells[id] : NONE)),
  });
  const { buckets, mixed, idle } = told;
  const rows = buckets.map((one, index) => {
    // A class without a step of its own did not grow by nothing: nothing is known of it.
    const alone = one.steps > 0;
    return row(one.name, {
      name: cell(one.name, index),
      bounds: cell(boundsText(one), one.above),
      count: cell(formatInteger(one.count), one.count, {
        title: formatQuantity(one.share, 'ratio', unit),
        share: one.share,
      }),
      tokens: spread(one.tokens, number),
      before: spread(one.before, bytes),
      after: spread(one.after, bytes),
      steps: cell(formatInteger(one.steps), one.steps),
      growth: alone ? change(one.growth, unit) : NONE,
      largest: one.largestStep === null ? NONE : change(one.largestStep, unit),
      waiting: spread(one.waiting, formatNumber),
      running: spread(one.running, formatNumber),
    });
  });
  const more = [
    ...(mixed.steps === 0
      ? []
      : [
          row('mixed', {
            name: cell('several classes', buckets.length),
            count: cell(formatInteger(mixed.requests), mixed.requests, {
              title: 'counted in their classes above',
            }),
            steps: cell(formatInteger(mixed.steps), mixed.steps),
            growth: change(mixed.growth, unit),
          }),
        ]),
    ...(idle.steps === 0
      ? []
      : [
          row('idle', {
            name: cell('no request', buckets.length + 1),
            steps: cell(formatInteger(idle.steps), idle.steps),
            growth: change(idle.growth, unit),
          }),
        ]),
  ];
  return [...rows, ...(told.memory === null ? [] : more)];
}

export function requestsModel(told: RequestBucketsView, unit: ByteUnit): RequestsModel {
  const { by } = told.bounds;
  const { memory, join, buckets, growth, granularity, uncertain, unclassified, notes } = told;
  const queued = (key: 'waiting' | 'running'): boolean => buckets.some((one) => one[key] !== null);
  const columns: Column[] = [
    { id: 'name', label: 'Class', numeric: false },
    { id: 'bounds', label: 'Tokens of the class', numeric: true },
    { id: 'count', label: 'Requests', numeric: true },
    { id: 'tokens', label: 'Tokens of a request', numeric: true },
    ...(memory === null
      ? []
      : [
          { id: 'before', label: 'Before', numeric: true },
          { id: 'after', label: 'After', numeric: true },
          { id: 'steps', label: 'Steps', numeric: true },
          { id: 'growth', label: 'Growth', numeric: true },
          { id: 'largest', label: 'Largest step', numeric: true },
        ]),
    ...(queued('waiting') ? [{ id: 'waiting', label: 'Waiting', numeric: true }] : []),
    ...(queued('running') ? [{ id: 'running', label: 'Running', numeric: true }] : []),
  ];
  const digit = formatGranularity(granularity, 'bytes', unit);
  return {
    memory: memory ?? 'No memory beside them',
    words: [
      `Classes by ${BY_WORDS[by]}. ${JOIN_WORDS[join]}`,
      growth === null ? '' : `All growth sums to ${change(growth, unit).text}.`,
      memory === null || digit === ''
        ? ''
        : `It is printed to ${digit}, so each step may be off by that much.`,
      uncertain === 0
        ? ''
        : `${count(uncertain, 'request')} may belong to the step beside: the printed second also holds a sample of the memory.`,
      unclassified === 0 ? '' : `${count(unclassified, 'request')} without a count of tokens: in no class.`,
      ...notes,
    ].filter((text) => text !== ''),
    table: {
      caption: `Requests by size: ${memory ?? 'counts and tokens'}`,
      columns,
      rows: rowsOf(told, columns, unit),
      total: null,
      sort: null,
    },
  };
}
