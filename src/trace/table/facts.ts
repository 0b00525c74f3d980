/**
 * The tables of a data set of many sources (`vramscope facts`), declared beside those of one trace. A data set is a
 * folder for each table, split by run and rank as Hive does, one file a source:
 *
 *   DATASET/ranks/run=monday/rank=17/rank17-1f2e3d4c.parquet
 *   DATASET/sites/run=monday/rank=17/rank17-1f2e3d4c.parquet
 *
 * Bytes are whole numbers; what a source does not tell is null. `run` and `rank` are in the path and in no file.
 */
import { BUDGETS, FINDINGS, GAUGES, REQUESTS } from './declarations.ts';
import { declare, field, type Fields, optional } from './fields.ts';

/** Stands in the metadata of every file as `vramscope.facts`: raise it when a name, a type or a meaning changes. */
export const FACTS_VERSION = 1;

const source = field('utf8', 'Path of the file below the folder that was given');
const file = field('dictionary16', 'Name of what was read: the file, or what lies in an archive');
const device = field('int32', 'GPU index');

/** Parts of the ledger that are the allocator's own: exact, and their sum is what is reserved. */
export const EXACT_PARTS = [
  'requested',
  'rounding',
  'pending',
  'inactive_split',
  'releasable',
  'private_idle',
] as const;
/** Parts outside of the allocator, which other files tell within an error. */
export const OUTER_PARTS = ['non_torch', 'other_processes', 'unexplained'] as const;

type Part = (typeof EXACT_PARTS)[number];
type LedgerName<When extends string> = `${When}_${Part}_bytes`;
const ledgerFields = <When extends 'peak' | 'end'>(
  when: When,
): Readonly<Record<LedgerName<When>, ReturnType<typeof optional<'int64'>>>> =>
  Object.fromEntries(
    EXACT_PARTS.map((part) => [
      `${when}_${part}_bytes`,
      optional('int64', `Ledger, ${when === 'peak' ? 'where most was reserved' : 'at the end'}: ${part}`),
    ]),
  ) as Readonly<Record<LedgerName<When>, ReturnType<typeof optional<'int64'>>>>;

export const RANKS = declare(
  'ranks',
  'Every source that was read, one row for each of its devices; one that failed has a row.',
  {
    source,
    file,
    rank_number: optional(
      'int32',
      'Number of the rank, where its path names one: what `rank` of the path sorts by',
    ),
    device: optional('int32', 'GPU index; null: the source tells of no recorded device, or failed'),
    group_label: field(
      'utf8',
      'Group that the rank belongs to, as its path names it (--group, stage, folder); "": none',
    ),
    program: field(
      'utf8',
      'XXH64 of the lines that hold 1 % and more at the peak: ranks that do the same have the same; "": no lines',
    ),
    status: field(
      'dictionary8',
      'whole; damaged: not read to its end, or contradicts itself; failed: nothing was read',
    ),
    why: optional('utf8', 'What is damaged, or why it failed'),
    format: optional('dictionary16', 'Format that was recognised'),
    producer: field('dictionary16', 'Program that wrote it'),
    bytes: field('int64', 'Size of the file'),
    fingerprint: field('utf8', 'SHA-256 of its size, first and last MiB'),
    events: field('int64', 'Events, samples and lines read'),
    skipped: field('int64', 'Of these left out'),
    gpu_name: optional('utf8', 'Name of the GPU'),
    total_bytes: optional('int64', 'Memory of the GPU'),
    exact: field('bool', 'What was held before the recording is known; false: peaks are lower bounds'),
    limit_bytes: optional('int64', 'Most that the process could reserve, where it is known'),
    limit_how: optional('utf8', 'From what'),
    room_bytes: optional('int64', 'limit_bytes less the peak of reserved'),
    requested_peak_bytes: optional('int64', 'Most that was requested and held'),
    requested_peak_row: optional('int64', '`row` of the event after which it was; -1: before the first'),
    requested_end_bytes: optional('int64', 'Requested and held at the end'),
    allocated_peak_bytes: optional('int64', 'Most that was allocated'),
    allocated_end_bytes: optional('int64', 'Allocated at the end'),
    reserved_peak_bytes: optional('int64', 'Most that was reserved'),
    reserved_end_bytes: optional('int64', 'Reserved at the end'),
    ...ledgerFields('peak'),
    ...ledgerFields('end'),
    end_used_bytes: optional(
      'float64',
      'In use on the device by anyone at the end, where another file tells',
    ),
    iterations: optional('int32', 'Iterations that were found; null: no recording of events'),
    growth: optional(
      'dictionary8',
      'Of allocated: none, warm_up_plateau, steps_with_largest_request, linear_leak, sub_linear, cannot_tell; null: no iterations',
    ),
    growth_confidence: optional('dictionary8', 'high, medium or low'),
    growth_bytes_per_iteration: optional('int64', 'Slope of allocated; null: it does not grow'),
    reserved_growth: optional('dictionary8', 'The same of reserved'),
    out_of_memory: field('int32', 'Requests that failed'),
    retries: optional('int64', 'cudaMalloc retries, where the recording is whole'),
  },
);

export const SITES = declare(
  'sites',
  'Lines of the program that hold memory at the peak of what was requested, or at the end, one row a line.',
  {
    source,
    file,
    device,
    place: field(
      'utf8',
      'The line as it is printed: "forward  model.py:97", or what was done where no line is known',
    ),
    function: optional('utf8', 'Function; null: no line is known'),
    path: optional('utf8', 'Source file as it was recorded'),
    line: optional('int32', 'Line'),
    peak_requested_bytes: field(
      'int64',
      'Requested and held at the peak: all rows of a device sum up to requested_peak_bytes',
    ),
    peak_bytes: optional('int64', 'Blocks that these are; null: not replayed'),
    peak_count: field('int64', 'Allocations'),
    end_requested_bytes: field('int64', 'Requested and held at the end'),
    end_bytes: optional('int64', 'Blocks that these are; null: not replayed'),
    end_count: field('int64', 'Allocations'),
    growth: optional('dictionary8', 'How what the line holds grows, where it was judged'),
    growth_bytes_per_iteration: optional('int64', 'Slope, where it grows'),
    stack: field('utf8', 'One stack of the line, innermost frame first, a frame a line'),
    stack_hash: field(
      'utf8',
      'XXH64 of `stack` in hexadecimal: the same in all ranks that run the same code',
    ),
  },
);

/** Columns of a curve: the same number in every recording, so that ranks can be held against each other. */
export const CURVE_COLUMNS = 512;

export const CURVES = declare(
  'curves',
  `Reserved and allocated over time, ${CURVE_COLUMNS} rows a device: equal parts of its time, or of its events where it has no clock.`,
  {
    source,
    file,
    device,
    column: field('int32', `Number of the part, 0 to ${CURVE_COLUMNS - 1}`),
    begin_ns: optional('int64', 'Begin, nanoseconds after the first event; null: no clock'),
    events: field('int32', 'Events in it'),
    reserved_min: optional('int64', 'Bytes; a part without events has what was carried into it'),
    reserved_max: optional('int64', 'Bytes'),
    reserved_last: optional('int64', 'Bytes'),
    allocated_min: optional('int64', 'Bytes; null: not replayed'),
    allocated_max: optional('int64', 'Bytes'),
    allocated_last: optional('int64', 'Bytes'),
  },
);

export const ITERATIONS = declare('iterations', 'Iterations that were found, one row each.', {
  source,
  file,
  device,
  iteration: field('int32', 'Number, from 1'),
  first_row: field('int64', '`row` of its first event'),
  last_row: field('int64', 'Of its last one'),
  begin_ns: optional('int64', 'Begin on the clock of the source; null: no clock'),
  allocated_max: field('int64', 'Bytes; what was requested where the recording was not replayed'),
  allocated_end: field('int64', 'Bytes after its last event'),
  reserved_max: optional('int64', 'Bytes; null: the producer does not tell'),
  reserved_end: optional('int64', 'Bytes after its last event'),
});

/** A table of one trace as a table of many: the number of the file becomes its path. */
const ofMany = <F extends Fields, N extends string>({
  name,
  doc,
  fields,
}: {
  readonly name: N;
  readonly doc: string;
  readonly fields: F;
}) => declare(name, doc, { ...fields, source });

export const FACT_FINDINGS = ofMany(FINDINGS);
export const FACT_REQUESTS = ofMany(REQUESTS);
export const FACT_BUDGETS = ofMany(BUDGETS);
export const FACT_GAUGES = ofMany(GAUGES);

/** In the order in which they are documented; `ranks` is written last: where it is, all is. */
export const FACT_TABLES = [
  RANKS,
  SITES,
  CURVES,
  ITERATIONS,
  FACT_FINDINGS,
  FACT_REQUESTS,
  FACT_BUDGETS,
  FACT_GAUGES,
] as const;

export type FactTable = (typeof FACT_TABLES)[number]['name'];
