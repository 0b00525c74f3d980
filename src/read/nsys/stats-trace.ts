/**
 * Rows of `cuda_gpu_trace`: the first of them are kept, and a table sums all of them by operation, exactly as far
 * as they are printed. Also the same trace as Pipit (https://github.com/hpcgroup/pipit) writes it, with a row when
 * an operation begins and another when it ends:
 *   Name,streamId,type,bytes,Trace Type,Event Type,Timestamp (ns),_matching_event,_matching_timestamp,...
 */
import type { DataTable } from '../../trace/readings.ts';
import { cellOf, type StatsColumn } from './stats-columns.ts';

/** Operations beyond this are summed as one. */
const MOST_OPERATIONS = 20_000;
const OTHERS = '(further operations)';

interface Sum {
  count: number;
  ns: number;
  bytes: number;
  sized: number;
  first: number;
  last: number;
}

export class GpuTraceSums {
  private readonly sums = new Map<string, Sum>();

  add(name: string, start: number, duration: number, bytes: number | null): void {
    const key = this.sums.size < MOST_OPERATIONS || this.sums.has(name) ? name : OTHERS;
    let sum = this.sums.get(key);
    if (sum === undefined) {
      sum = { count: 0, ns: 0, bytes: 0, sized: 0, first: Infinity, last: -Infinity };
      this.sums.set(key, sum);
    }
    sum.count++;
    sum.ns += duration;
    if (bytes !== null) {
      sum.bytes += bytes;
      sum.sized++;
    }
    sum.first = Math.min(sum.first, start);
    sum.last = Math.max(sum.last, start + duration);
  }

  table(id: string, note: string): DataTable | null {
    if (this.sums.size === 0) return null;
    return {
      id: `${id}.sums`,
      title: 'Kernels, copies and fills, summed by operation',
      note: `All rows of the file are in these sums. ${note}`,
      columns: [
        { name: 'Operation', unit: 'text' },
        { name: 'Count', unit: 'count' },
        { name: 'Total Time', unit: 'nanoseconds' },
        { name: 'Bytes moved or filled', unit: 'bytes' },
        { name: 'First start', unit: 'nanoseconds' },
        { name: 'Last end', unit: 'nanoseconds' },
      ],
      rows: [...this.sums]
        .sort(([, a], [, b]) => b.ns - a.ns)
        .map(([name, { count, ns, bytes, sized, first, last }]) => [
          name,
          count,
          ns,
          // Sums of printed decimals: whole bytes.
          sized === 0 ? null : Math.round(bytes),
          first,
          last,
        ]),
    };
  }
}

/** Where the columns of a trace are; -1: not there. */
export interface TraceColumns {
  readonly name: number;
  readonly start: number;
  readonly duration: number;
  readonly bytes: number;
}

export function traceColumns(columns: readonly StatsColumn[]): TraceColumns | null {
  const at = (name: string): number => columns.findIndex((column) => column.name === name);
  const found = { name: at('Name'), start: at('Start'), duration: at('Duration'), bytes: at('Bytes') };
  return found.name < 0 || found.start < 0 || found.duration < 0 ? null : found;
}

/** Adds one row; false: it has no readable start and duration. */
export function addTraceRow(
  sums: GpuTraceSums,
  at: TraceColumns,
  cells: readonly (string | number | null)[],
): boolean {
  const start = cells[at.start];
  const duration = cells[at.duration];
  if (typeof start !== 'number' || typeof duration !== 'number') return false;
  const bytes = at.bytes < 0 ? null : cells[at.bytes];
  sums.add(String(cells[at.name] ?? ''), start, duration, typeof bytes === 'number' ? bytes : null);
  return true;
}

export const PIPIT_COLUMNS: readonly StatsColumn[] = [
  { name: 'Start', unit: 'nanoseconds', scale: 1 },
  { name: 'Duration', unit: 'nanoseconds', scale: 1 },
  { name: 'Bytes', unit: 'bytes', scale: 1 },
  { name: 'Strm', unit: 'text', scale: 1 },
  { name: 'Name', unit: 'text', scale: 1 },
];

export const isPipitHeader = (header: readonly string[]): boolean =>
  ['Name', 'Event Type', 'Timestamp (ns)', '_matching_timestamp'].every((name) => header.includes(name));

/** A row of Pipit's table as one of PIPIT_COLUMNS. 'end': it says when an operation ends, which its begin says too. */
export function pipitRow(
  header: readonly string[],
  cells: readonly string[],
): readonly (string | number | null)[] | 'end' | null {
  const cell = (name: string): string => cells[header.indexOf(name)] ?? '';
  const event = cell('Event Type');
  if (event === 'Leave') return 'end';
  const start = cellOf(PIPIT_COLUMNS[0], cell('Timestamp (ns)'));
  const end = cellOf(PIPIT_COLUMNS[0], cell('_matching_timestamp'));
  if (event !== 'Enter' || typeof start !== 'number' || typeof end !== 'number') return null;
  return [start, end - start, cellOf(PIPIT_COLUMNS[2], cell('bytes')), cell('streamId'), cell('Name')];
}
