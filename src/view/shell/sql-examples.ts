/** Questions in SQL to begin with: of the tables that a device of this kind has (docs/tables.md). */
import type { DeviceView } from '../../engine/protocol.ts';

export interface SqlExample {
  readonly label: string;
  readonly sql: string;
}

const RECORDING: readonly SqlExample[] = [
  {
    label: 'Lines that asked for most',
    sql: "select frame, count(*) as allocations, sum(size) as bytes\nfrom events\nwhere action = 'alloc'\ngroup by frame\norder by bytes desc\nlimit 20",
  },
  {
    label: 'The largest allocations, with their event',
    sql: "select row, size, stream, frame\nfrom events\nwhere action = 'alloc'\norder by size desc\nlimit 20",
  },
  {
    label: 'Memory that came from the driver, and went back',
    sql: "select row, action, size, stream, frame\nfrom events\nwhere action in ('segment_alloc', 'segment_free', 'segment_map', 'segment_unmap')\norder by row",
  },
  {
    label: 'Free blocks at the end, by segment',
    sql: "select s.segment, s.total_size, s.pool, count(*) as free_blocks, sum(b.size) as free_bytes, max(b.size) as largest\nfrom blocks b\njoin segments s on s.segment = b.segment and s.source = b.source and s.device = b.device\nwhere b.state = 'inactive'\ngroup by s.source, s.device, s.segment\norder by free_bytes desc\nlimit 20",
  },
];

const FIGURES: readonly SqlExample[] = [
  {
    label: 'What the file tells of, and how far it goes',
    sql: 'select gauge, unit, count(*) as samples, min(value) as least, max(value) as most\nfrom gauges\ngroup by gauge, unit\norder by samples desc',
  },
  { label: 'What its lines say happened', sql: 'select kind, text\nfrom log_events\nlimit 50' },
];

const FINDINGS: SqlExample = {
  label: 'Findings',
  sql: 'select severity, confidence, finding, title, gain_bytes\nfrom findings',
};

export const sqlExamples = (device: DeviceView | null): readonly SqlExample[] => [
  ...(device === null ? FIGURES : RECORDING),
  FINDINGS,
];

/** Number of the event that a row of an answer is about: of a column named `row`, where the recording has that event; null: none. */
export function eventOf(
  columns: readonly string[],
  row: readonly (string | number | null)[],
  events: number,
): number | null {
  const at = columns.indexOf('row');
  const value = at < 0 ? null : row[at];
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < events ? value : null;
}
