/**
 * What the profiled program named itself in a Kineto trace: `ProfilerStep#7` of profiler.step(), each with its time,
 * and the ranges of record_function(), optimizers and collectives, added up by name. Their copies on the GPU's own
 * tracks (gpu_user_annotation) are not read.
 */
import type { DataTable, LogEvent } from '../../trace/readings.ts';

const STEP = 'ProfilerStep#';
/** Steps kept one by one; names added up. Both come from the file. */
const MAX_STEPS = 10_000;
const MAX_NAMES = 500;

interface Step {
  readonly name: string;
  /** As in the trace, without its base. */
  readonly time_ns: bigint;
  readonly nanoseconds: number | null;
  readonly offset: number;
}

interface Range {
  readonly name: string;
  count: number;
  nanoseconds: number;
}

export class ProgramMarks {
  /** Marks read, those left out of the tables included. */
  count = 0;
  private readonly steps: Step[] = [];
  private readonly ranges = new Map<string, Range>();
  private stepsSeen = 0;

  /** `nanoseconds`: how long it took; null: the event does not say. */
  add(name: string, time_ns: bigint, nanoseconds: number | null, offset: number): void {
    this.count++;
    if (name.startsWith(STEP)) {
      if (++this.stepsSeen <= MAX_STEPS) this.steps.push({ name, time_ns, nanoseconds, offset });
      return;
    }
    if (!this.ranges.has(name) && this.ranges.size >= MAX_NAMES) name = 'Others';
    const range = this.ranges.get(name) ?? { name, count: 0, nanoseconds: 0 };
    this.ranges.set(name, range);
    range.count++;
    range.nanoseconds += nanoseconds ?? 0;
  }

  /** The steps as marks on the curves, ascending. */
  events(base_ns: bigint): (LogEvent & { readonly time_ns: bigint })[] {
    return this.inOrder().map(({ name, time_ns, offset }) => ({
      kind: 'other',
      time_ns: time_ns + base_ns,
      device: null,
      text: name,
      figures: {},
      offset,
    }));
  }

  tables(): DataTable[] {
    const tables: DataTable[] = [];
    const steps = this.inOrder();
    if (steps.length > 0) {
      const more = this.stepsSeen > MAX_STEPS ? ` The first ${MAX_STEPS} of ${this.stepsSeen}.` : '';
      tables.push({
        id: 'kineto-steps',
        title: 'Steps of the profiler',
        note: `From one profiler.step() to the next.${more}`,
        columns: [
          { name: 'Step', unit: 'text' },
          { name: 'Since the first', unit: 'nanoseconds' },
          { name: 'Time', unit: 'nanoseconds' },
        ],
        rows: steps.map(({ name, time_ns, nanoseconds }) => [
          name,
          Number(time_ns - steps[0].time_ns),
          nanoseconds,
        ]),
      });
    }
    if (this.ranges.size > 0) {
      const ranges = [...this.ranges.values()].sort(
        (a, b) => b.nanoseconds - a.nanoseconds || b.count - a.count,
      );
      tables.push({
        id: 'kineto-ranges',
        title: 'Ranges that the program named',
        note: 'record_function(), optimizers and collectives. Ranges lie within each other: their times do not add up.',
        columns: [
          { name: 'Name', unit: 'text' },
          { name: 'Count', unit: 'count' },
          { name: 'Time', unit: 'nanoseconds' },
        ],
        rows: ranges.map(({ name, count, nanoseconds }) => [name, count, nanoseconds]),
      });
    }
    return tables;
  }

  private inOrder(): Step[] {
    return this.steps.toSorted((a, b) => (a.time_ns < b.time_ns ? -1 : a.time_ns > b.time_ns ? 1 : 0));
  }
}
