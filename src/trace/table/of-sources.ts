/** Tables of what belongs to a file and not to a recorded device: stacks, summaries, and what logs and monitors say. */
import { rankText } from '../../base/rank.ts';
import type { Gauge, Readings } from '../readings.ts';
import { NONE } from '../schema.ts';
import type { Column, Row, Table } from './column.ts';
import {
  arrayOf,
  BATCH_ROWS,
  coded,
  cut,
  indices,
  measured,
  Names,
  numbers,
  tableOfRows,
  validWhere,
} from './column.ts';
import { BUDGETS, GAUGES, LOG_EVENTS, REQUESTS, STACKS, SUMMARIES } from './declarations.ts';
import type { ValuesOf } from './fields.ts';
import { Origins, rowNumbers, type TableSource } from './source.ts';

export function stacksTable(sources: readonly TableSource[]): Table<typeof STACKS.fields> {
  return {
    declaration: STACKS,
    rows: sources.reduce((sum, { data }) => sum + data.stacks.length, 0),
    *batches() {
      const origins = new Origins(sources);
      const names = new Names('functions', 'dictionary32');
      const files = new Names('source files', 'dictionary32');
      const codes = sources.map(({ data: { stacks } }) => ({
        name: Uint32Array.from(stacks.frames, ({ name }) => names.code(name)),
        filename: Uint32Array.from(stacks.frames, ({ filename }) => files.code(filename)),
      }));
      for (const [index, source] of sources.entries()) {
        const { stacks } = source.data;
        for (let from = 0; from < stacks.length; from += BATCH_ROWS) {
          const to = Math.min(stacks.length, from + BATCH_ROWS);
          const { parent, frame } = stacks.columns(from, to);
          const lines = Int32Array.from(frame, (one) => stacks.frames[one].line);
          yield {
            length: to - from,
            columns: {
              ...origins.of(source, to - from),
              stack: rowNumbers(from, to),
              parent: indices(parent, NONE),
              name: coded(
                frame.map((one) => codes[index].name[one]),
                names.list,
              ),
              filename: coded(
                frame.map((one) => codes[index].filename[one]),
                files.list,
              ),
              line: numbers(
                lines,
                validWhere(lines.length, (row) => lines[row] === stacks.frames[frame[row]].line),
              ),
            },
          };
        }
      }
    },
  };
}

export const summariesTable = (sources: readonly TableSource[]): Table<typeof SUMMARIES.fields> =>
  tableOfRows(
    SUMMARIES,
    sources.flatMap(({ number, file, data }) =>
      data.summaries.flatMap(({ step, label, device, ooms, retries, offset, rows, granularity }) =>
        Object.entries(rows).flatMap(([metric, pools]) =>
          Object.entries(pools).map(([pool, cell]): Row<typeof SUMMARIES.fields> => {
            const error = granularity[metric];
            return {
              source: number,
              file,
              step,
              label,
              device,
              ooms,
              retries,
              offset,
              metric,
              pool,
              ...cell,
              current_error: error?.current ?? null,
              peak_error: error?.peak ?? null,
              allocated_error: error?.allocated ?? null,
              freed_error: error?.freed ?? null,
            };
          }),
        ),
      ),
    ),
  );

interface GaugeOf {
  readonly source: TableSource;
  readonly clock: Readings['clock'];
  readonly gauge: Gauge;
}

const TEXTS = {
  gauge: ({ gauge }: GaugeOf) => gauge.id,
  label: ({ gauge }: GaugeOf) => gauge.label,
  labels: ({ gauge }: GaugeOf) => JSON.stringify(gauge.labels),
};

/**
 * Samples of all gauges. Times and values of a long one lie where the reader put them; short ones are laid side by
 * side, for a file of thousands of pieces is slow to read.
 */
export function gaugesTable(sources: readonly TableSource[]): Table<typeof GAUGES.fields> {
  const all = sources.flatMap((source): GaugeOf[] => {
    const { readings } = source.data;
    return readings === undefined
      ? []
      : readings.gauges.map((gauge) => ({ source, clock: readings.clock, gauge }));
  });
  return {
    declaration: GAUGES,
    rows: all.reduce((sum, { gauge }) => sum + gauge.value.length, 0),
    *batches() {
      const files = new Names('files', 'dictionary16');
      const units = new Names('units', 'dictionary8');
      const clocks = new Names('clocks', 'dictionary8');
      const texts = {
        gauge: new Names('gauges', 'dictionary32'),
        label: new Names('labels', 'dictionary32'),
        labels: new Names('labels', 'dictionary32'),
      };
      for (const one of all) {
        files.code(one.source.file);
        units.code(one.gauge.unit);
        clocks.code(one.clock);
        for (const name of ['gauge', 'label', 'labels'] as const) texts[name].code(TEXTS[name](one));
      }
      for (const group of groupsOf(all)) {
        const each = <
          T extends 'uint16' | 'int32' | 'float64' | 'dictionary8' | 'dictionary16' | 'dictionary32',
        >(
          type: T,
          value: (one: GaugeOf) => number,
        ): ValuesOf[T] => {
          const column = arrayOf(type, group.rows);
          let at = 0;
          for (const one of group.gauges) column.fill(value(one), at, (at += one.gauge.value.length));
          return column;
        };
        const text = (name: keyof typeof TEXTS): Column<'dictionary32'> =>
          coded(
            each('dictionary32', (one) => texts[name].code(TEXTS[name](one))),
            texts[name].list,
          );
        const devices = each('float64', ({ gauge }) => gauge.device ?? NaN);
        const device = Int32Array.from(devices);
        yield* cut<typeof GAUGES.fields>({
          length: group.rows,
          columns: {
            source: numbers(each('uint16', ({ source }) => source.number)),
            file: coded(
              each('dictionary16', ({ source }) => files.code(source.file)),
              files.list,
            ),
            gauge: text('gauge'),
            label: text('label'),
            unit: coded(
              each('dictionary8', ({ gauge }) => units.code(gauge.unit)),
              units.list,
            ),
            device: numbers(
              device,
              validWhere(group.rows, (row) => device[row] === devices[row]),
            ),
            labels: text('labels'),
            clock: coded(
              each('dictionary8', ({ clock }) => clocks.code(clock)),
              clocks.list,
            ),
            time_ns: numbers(
              group.gauges.length === 1
                ? group.gauges[0].gauge.time_ns
                : joined(new BigInt64Array(group.rows), group.gauges, ({ gauge }) => gauge.time_ns),
            ),
            value: measured(
              group.gauges.length === 1
                ? group.gauges[0].gauge.value
                : joined(new Float64Array(group.rows), group.gauges, ({ gauge }) => gauge.value),
            ),
            granularity: numbers(each('float64', ({ gauge }) => gauge.granularity)),
          },
        });
      }
    },
  };
}

/** Gauges together up to a batch's rows; one that has more is alone. */
function groupsOf(all: readonly GaugeOf[]): { rows: number; gauges: GaugeOf[] }[] {
  const groups: { rows: number; gauges: GaugeOf[] }[] = [];
  for (const one of all) {
    const rows = one.gauge.value.length;
    if (rows === 0) continue;
    const last = groups.at(-1);
    if (last === undefined || last.rows + rows > BATCH_ROWS) groups.push({ rows, gauges: [one] });
    else {
      last.rows += rows;
      last.gauges.push(one);
    }
  }
  return groups;
}

function joined<V extends BigInt64Array | Float64Array>(
  into: V,
  gauges: readonly GaugeOf[],
  part: (one: GaugeOf) => V,
): V {
  let at = 0;
  for (const one of gauges) {
    into.set(part(one) as never, at);
    at += one.gauge.value.length;
  }
  return into;
}

/** Request logs keep their requests as a table of cells (read/request-log.ts), the first columns always the same. */
export const requestsTable = (sources: readonly TableSource[]): Table<typeof REQUESTS.fields> =>
  tableOfRows(
    REQUESTS,
    sources.flatMap(({ number, file, data }) =>
      (data.readings?.tables ?? [])
        .filter(({ id }) => id === 'requests')
        .flatMap(({ columns, rows }) => {
          const at = (name: string): number => columns.findIndex((column) => column.name === name);
          const [time, since, input, output] = [
            'time',
            'since the first',
            'input_tokens',
            'output_tokens',
          ].map(at);
          const known = new Set([time, since, input, output]);
          return rows.map((cells): Row<typeof REQUESTS.fields> => {
            const text = cells[time] ?? null;
            const elapsed = cells[since] ?? null;
            const count = (index: number): number | null => {
              const cell = cells[index] ?? null;
              return typeof cell === 'number' ? cell : null;
            };
            const others = columns.flatMap(({ name }, index) =>
              known.has(index) || (cells[index] ?? null) === null ? [] : [[name, cells[index]] as const],
            );
            return {
              source: number,
              file,
              time: text === null ? null : String(text),
              since_first_ns: typeof elapsed === 'number' ? BigInt(Math.round(elapsed)) : null,
              input_tokens: count(input),
              output_tokens: count(output),
              fields: JSON.stringify(Object.fromEntries(others)),
            };
          });
        }),
    ),
  );

export const budgetsTable = (sources: readonly TableSource[]): Table<typeof BUDGETS.fields> =>
  tableOfRows(
    BUDGETS,
    sources.flatMap(({ number, file, data }) =>
      (data.readings?.budgets ?? []).flatMap(({ rank, producer, parts }) =>
        parts.map(({ id, label, value, granularity, offset }) => ({
          source: number,
          file,
          rank: rankText(rank),
          producer,
          part: id,
          label,
          value,
          granularity,
          offset,
        })),
      ),
    ),
  );

export const logEventsTable = (sources: readonly TableSource[]): Table<typeof LOG_EVENTS.fields> =>
  tableOfRows(
    LOG_EVENTS,
    sources.flatMap(({ number, file, data }) =>
      (data.readings?.events ?? []).map(({ kind, time_ns, device, text, figures, offset }) => ({
        source: number,
        file,
        kind,
        time_ns,
        device,
        text,
        figures: JSON.stringify(figures),
        offset,
      })),
    ),
  );
