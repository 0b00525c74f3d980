/** The Arrow file of a device's events, read back with Arrow's own reader. */
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { asBigInt64, asBigUint64 } from '../../src/base/u64.ts';
import { traceToArrow } from '../../src/trace/arrow.ts';
import type { DeviceTrace } from '../../src/trace/capture.ts';
import { ACTIONS, NONE, POOLS } from '../../src/trace/schema.ts';
import { StackTable } from '../../src/trace/stack-table.ts';
import { fixtureBytes, snapshotOf } from '../read/snapshot/fixtures.ts';
import { traceOf } from './events-for-test.ts';

async function rowsOf(trace: DeviceTrace, stacks: StackTable): Promise<Record<string, unknown>[]> {
  const table = tableFromIPC(await traceToArrow(trace, stacks));
  expect(table.numRows).toBe(trace.events.length);
  return table.toArray().map((row) => (row as { toJSON(): Record<string, unknown> }).toJSON());
}

/** First row that differs from the columns, in words. */
function wrongRow(
  rows: readonly Record<string, unknown>[],
  trace: DeviceTrace,
  stacks: StackTable,
): string | null {
  const { events } = trace;
  for (let row = 0; row < events.length; row++) {
    const node = events.stack_index[row];
    const frame = node === NONE ? null : stacks.stack(node)[0];
    const expected = {
      time_ns: asBigInt64(events.time_ns)[row],
      action: ACTIONS[events.action[row]],
      address: asBigUint64(events.address)[row],
      size: asBigUint64(events.size)[row],
      stream: trace.streams[events.stream_index[row]],
      pool: POOLS[events.group[row]],
      frame: frame === null ? '(no stack)' : `${frame.name} ${frame.filename}:${frame.line}`,
    };
    for (const [name, value] of Object.entries(expected))
      if (rows[row][name] !== value)
        return `row ${row}, ${name}: ${String(rows[row][name])} is not ${String(value)}`;
    if (Object.keys(rows[row]).length !== Object.keys(expected).length)
      return `row ${row}: ${Object.keys(rows[row]).join()}`;
  }
  return null;
}

describe('traceToArrow', () => {
  it.each(['oom.pickle', 'oom.devices.pickle', 'oom.high.pickle', 'graphs.pickle', 'oom.torch20.pickle'])(
    '%s',
    async (name) => {
      const { devices, stacks } = await snapshotOf(fixtureBytes(name));
      for (const trace of devices) expect(wrongRow(await rowsOf(trace, stacks), trace, stacks)).toBeNull();
    },
  );

  it('keeps every bit of 64, and rows without a stack', async () => {
    const trace = traceOf([
      {
        action: 'alloc',
        address: 0xffff_ffff_ffff_fe00n,
        size: (1n << 63n) + 1n,
        time: 1795252341996097001n,
        stream: 1,
      },
      { action: 'oom', time: -1n & 0xffff_ffff_ffff_ffffn, group: 1 },
    ]);
    const rows = await rowsOf(trace, new StackTable());
    expect(rows[0]).toMatchObject({
      address: 0xffff_ffff_ffff_fe00n,
      size: (1n << 63n) + 1n,
      time_ns: 1795252341996097001n,
      stream: '7',
      frame: '(no stack)',
    });
    expect(rows[1]).toMatchObject({ time_ns: -1n, pool: 'small_pool', action: 'oom' });
    expect(wrongRow(rows, trace, new StackTable())).toBeNull();
  });

  it('a planted difference is found', async () => {
    const { devices, stacks } = await snapshotOf(fixtureBytes('oom.pickle'));
    const rows = await rowsOf(devices[0], stacks);
    rows[77]['size'] = (rows[77]['size'] as bigint) + 1n;
    expect(wrongRow(rows, devices[0], stacks)).toMatch(/^row 77, size/);
  });

  it('no events make an empty table', async () => {
    expect(await rowsOf(traceOf([], { streams: [] }), new StackTable())).toEqual([]);
  });
});
