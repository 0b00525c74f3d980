/** From readings to what buckets are made of: requests with their times, and steps of memory by tag. */
import type { DataTable, Gauge, Readings } from '../../trace/readings.ts';

/** One request of a request log. */
export interface LoggedRequest {
  readonly input: number | null;
  readonly output: number | null;
}

/** A step of memory that a program printed with a tag before and after a request, in bytes. */
export interface TaggedStep {
  /** What is the same in the two tags and in the request's id: "3" of before_request_3 and req-3. */
  readonly key: string;
  readonly before: number;
  readonly after: number;
  /** Another request was between its tags at the same time: the step is not its own. */
  readonly overlaps: boolean;
}

export interface TimedRequest extends LoggedRequest {
  /** Absolute ns on the log's clock; an ordinal where it has none. */
  readonly time_ns: bigint;
}

const gaugeOf = (log: Readings, id: string): Gauge | undefined => log.gauges.find((gauge) => gauge.id === id);

const columnOf = (table: DataTable, name: string): number =>
  table.columns.findIndex((column) => column.name === name);

const numberAt = (row: readonly (string | number | null)[], column: number): number | null => {
  const cell = row[column];
  return typeof cell === 'number' ? cell : null;
};

const sameTimes = (one: Gauge, other: Gauge): boolean =>
  one.time_ns.length === other.time_ns.length && one.time_ns.every((time, i) => time === other.time_ns[i]);

/** Requests of the table: it has those of which one count is missing, too, but not beyond its last row. */
function fromTable(table: DataTable, start_ns: bigint): { requests: TimedRequest[]; untimed: number } {
  const [since, input, output] = ['since the first', 'input_tokens', 'output_tokens'].map((name) =>
    columnOf(table, name),
  );
  const least = table.rows.reduce((low, row) => Math.min(low, numberAt(row, since) ?? Infinity), Infinity);
  let untimed = 0;
  const requests = table.rows.flatMap((row): TimedRequest[] => {
    const offset = numberAt(row, since);
    if (offset === null) {
      untimed++;
      return [];
    }
    // The first row need not be the earliest.
    const time_ns = start_ns + BigInt(Math.round(offset - least));
    return [{ time_ns, input: numberAt(row, input), output: numberAt(row, output) }];
  });
  requests.sort((one, other) => (one.time_ns < other.time_ns ? -1 : one.time_ns > other.time_ns ? 1 : 0));
  return { requests, untimed };
}

/** The requests of a request log in the order of time. */
export function timesOfRequests(log: Readings): {
  readonly requests: readonly TimedRequest[];
  readonly notes: readonly string[];
} {
  const input = gaugeOf(log, 'input_tokens');
  const output = gaugeOf(log, 'output_tokens');
  if (input !== undefined && output !== undefined && sameTimes(input, output)) {
    const requests = Array.from(input.time_ns, (time_ns, i) => ({
      time_ns,
      input: input.value[i],
      output: output.value[i],
    }));
    return { requests, notes: [] };
  }
  const one = input ?? output;
  const table = log.tables.find(({ id }) => id === 'requests');
  if (one === undefined || table === undefined) return { requests: [], notes: ['No requests were logged.'] };
  const start = [input, output].flatMap((gauge) => gauge?.time_ns[0] ?? []);
  const start_ns = start.reduce((least, time) => (time < least ? time : least), start[0]);
  const { requests, untimed } = fromTable(table, start_ns);
  const notes = untimed > 0 ? [`${untimed} requests carry no time and were left out.`] : [];
  const most = Math.max(input?.value.length ?? 0, output?.value.length ?? 0);
  if (most > table.rows.length) notes.push(`Only the first ${table.rows.length} requests are in the table.`);
  return { requests, notes };
}

/** The number at the end: "3" of "before_request_3" and of "req-3". */
const keyOf = (text: string): string | null => /(\d{1,18})\D*$/.exec(text)?.[1] ?? null;

/**
 * Requests of a request log by the number at the end of their id. Null where two have the same: then the tags of
 * another log do not say which is meant.
 */
export function requestsByKey(log: Readings): ReadonlyMap<string, LoggedRequest> | null {
  const table = log.tables.find(({ id }) => id === 'requests');
  if (table === undefined) return null;
  const id = ['id', 'request_id', 'req_id', 'request']
    .map((name) => columnOf(table, name))
    .find((at) => at >= 0);
  if (id === undefined) return null;
  const input = columnOf(table, 'input_tokens');
  const output = columnOf(table, 'output_tokens');
  const requests = new Map<string, LoggedRequest>();
  for (const row of table.rows) {
    const text = row[id];
    const key = text === null ? null : keyOf(String(text));
    if (key === null || requests.has(key)) return null;
    requests.set(key, { input: numberAt(row, input), output: numberAt(row, output) });
  }
  return requests;
}

/**
 * Steps of memory between "[before_request_3] ..." and "[after_request_3] ..." of a program's own lines.
 *
 * @param lines Readings of such lines: their table has the tags.
 * @param column Which figure: 'reserved' or 'allocated'.
 */
export function stepsByTag(lines: Readings, column: 'reserved' | 'allocated'): TaggedStep[] {
  const table = lines.tables.find(({ id }) => id === 'memory-lines');
  if (table === undefined) return [];
  const tag = columnOf(table, 'tag');
  const at = columnOf(table, column);
  const open = new Map<string, { readonly before: number; overlaps: boolean }>();
  const steps: TaggedStep[] = [];
  for (const row of table.rows) {
    const match = /^(before|after)\W*_?(.*)$/i.exec(String(row[tag] ?? ''));
    const value = numberAt(row, at);
    const key = match === null ? null : keyOf(match[2]);
    if (match === null || value === null || key === null) continue;
    if (match[1].toLowerCase() === 'before') {
      for (const other of open.values()) other.overlaps = true;
      open.set(key, { before: value, overlaps: open.size > 0 });
      continue;
    }
    const begun = open.get(key);
    if (begun === undefined) continue;
    open.delete(key);
    steps.push({ key, ...begun, after: value });
  }
  return steps;
}
