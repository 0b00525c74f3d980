/** Events of a log and tables of reports, in words and units. */
import { describe, expect, it } from 'vitest';
import type { DataTable, LogEvent } from '../../../src/engine/protocol.ts';
import { dataTable } from '../../../src/view/readings/data-table.ts';
import { countEvents, eventDetail, eventsTable, eventWords } from '../../../src/view/readings/log-events.ts';
import { arrangeRows } from '../../../src/view/parts/table.ts';

const GIB = 2 ** 30;

/** 37 seconds apart, each on a GPU of its own. */
const oom = (i: number): LogEvent => ({
  kind: 'oom',
  time_ns: 1_795_252_713_000_000_000n + BigInt(37 * i) * 1_000_000_000n,
  device: i,
  text: `CUDA out of memory. Tried to allocate 2.00 GiB. GPU ${i} has a total capacity of 79.18 GiB of which 1.12 GiB is free.`,
  figures: {
    requested: 2 * GIB,
    free: 1.12 * GIB,
    total: 79.18 * GIB,
    process: 78.04 * GIB,
    allocated: 70.01 * GIB,
    reserved_unallocated: 3.2 * GIB,
  },
  offset: 1_048_576 + 700 * i,
});

/** A column of every unit; every 97th request has no output. */
const REQUESTS: DataTable = {
  id: 'requests',
  title: 'Requests',
  note: null,
  columns: [
    { name: 'Request', unit: 'text' },
    { name: 'Input tokens', unit: 'count' },
    { name: 'Output tokens', unit: 'count' },
    { name: 'Duration', unit: 'nanoseconds' },
    { name: 'Cache hits', unit: 'percent' },
    { name: 'KV bytes', unit: 'bytes' },
  ],
  rows: Array.from({ length: 20_000 }, (_, i) => {
    const mixed = (Math.imul(i + 1, 0x9e3779b1) >>> 0) / 2 ** 32;
    const output = i % 97 === 0 ? null : Math.round(20 + 900 * mixed);
    return [
      `cmpl-${i}`,
      Math.round(200 + 7000 * mixed),
      output,
      Math.round(1e8 + 4e9 * mixed),
      100 * mixed,
      2 ** 20 + i,
    ];
  }),
};

describe('an out-of-memory error', () => {
  it('is told in words', () => {
    expect(eventWords(oom(0), 'binary')).toBe(
      '2 GiB requested, 1.12 GiB of 79.2 GiB free; PyTorch had 70 GiB allocated and 3.2 GiB reserved but not allocated',
    );
    expect(eventWords({ ...oom(0), figures: { requested: 2 ** 20 } }, 'binary')).toBe('1 MiB requested');
    expect(eventWords({ ...oom(0), figures: {}, text: 'out of memory' }, 'binary')).toBe('out of memory');
  });

  it('has every figure in the panel, unknown ones too, and its text', () => {
    const event: LogEvent = { ...oom(3), figures: { strange_pool: 5, free: 7 } };
    const { heading, facts, text } = eventDetail(event, 'local', 'binary');
    expect(heading).toBe('Out of memory');
    expect(facts.map(({ name, value }) => `${name} ${value}`)).toEqual([
      'Time 2026-11-21 09:20:24',
      'Device GPU 3',
      'Free on the device 7 B',
      'Strange pool 5 B',
      'At byte 1,050,676',
    ]);
    expect(text).toContain('Tried to allocate 2.00 GiB');
  });
});

it('events are counted by kind, the worst first, and stand at their time or their byte', () => {
  const slept: LogEvent = {
    ...oom(0),
    kind: 'sleep',
    time_ns: null,
    device: null,
    text: 'Sleep mode freed',
    figures: {},
  };
  expect(countEvents([slept, oom(0), oom(1)])).toBe('2 out-of-memory errors, 1 line about sleep mode');
  const rows = eventsTable([slept, oom(0)], 'local', 'binary').rows.map(({ cells }) =>
    cells.map(({ text }) => text),
  );
  expect(rows[0]).toEqual(['Sleep', 'byte 1,048,576', '–', 'Sleep mode freed']);
  expect(rows[1].slice(0, 3)).toEqual(['Out of memory', '2026-11-21 09:18:33', 'GPU 0']);
});

describe('a table of a report', () => {
  const model = dataTable(REQUESTS, 'binary');

  it('has its units, and a dash where there is nothing', () => {
    const [row] = arrangeRows(model, null).take(1);
    expect(row.cells.map(({ text }) => text)).toEqual([
      'cmpl-0',
      expect.stringMatching(/^[\d,]+$/),
      '–',
      expect.stringMatching(/ (s|ms)$/),
      expect.stringMatching(/ %$/),
      expect.stringMatching(/ [KM]iB$/),
    ]);
  });

  it('sorts all of its rows, not those on screen; nothing comes last', () => {
    const down = arrangeRows(model, { column: '1', direction: 'descending' });
    const most = Math.max(...REQUESTS.rows.map((row) => row[1] as number));
    expect(down.length).toBe(20_000);
    expect(down.take(1)[0].cells[1].sort).toBe(most);
    const output = arrangeRows(model, { column: '2', direction: 'descending' }).take(20_000);
    expect(output.at(-1)?.cells[2].text).toBe('–');
  });

  it('gives room to long text', () => {
    const named: DataTable = {
      id: 'x',
      title: 'Kernels',
      note: null,
      columns: [
        { name: 'Time', unit: 'percent' },
        { name: 'Name', unit: 'text' },
      ],
      rows: [[12.345, 'void cutlass::device_kernel<at::native::something_long>']],
    };
    expect(dataTable(named, 'binary').columns.map(({ wide }) => wide)).toEqual([false, true]);
    expect(arrangeRows(dataTable(named, 'binary'), null).take(1)[0].cells[0].text).toBe('12.35 %');
  });
});
