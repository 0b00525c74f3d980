/** Tables of a recording as record batches: over the readers' own memory, every bit of 64, nulls where nothing is. */
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { asBigInt64, asBigUint64 } from '../../src/base/u64.ts';
import { arrowWriter, RecordBatches, schemaOf } from '../../src/trace/arrow.ts';
import type { DeviceTrace, SourceData } from '../../src/trace/capture.ts';
import { ACTIONS, BLOCK_STATES, NONE, POOLS } from '../../src/trace/schema.ts';
import { sourceData } from '../../src/trace/source-data.ts';
import { metadataOf, tablesOf } from '../../src/trace/table/all.ts';
import type { Table } from '../../src/trace/table/column.ts';
import type { TableSource } from '../../src/trace/table/source.ts';
import { fixtureBytes, snapshotOf } from '../read/snapshot/fixtures.ts';
import { traceOf } from './events-for-test.ts';
import { type Cells, cellsOf, firstDifference } from './table-cells.ts';

const sourceOf = (data: SourceData, number = 0): TableSource => ({
  ...{ number, file: `rank${number}.pickle`, format: 'torch-snapshot', data },
  devices: data.devices,
});
const made = (traces: readonly DeviceTrace[], number = 0): TableSource =>
  sourceOf(sourceData({ producer: 'test', devices: traces }), number);

const tableOf = (name: string, sources: readonly TableSource[]): Table =>
  tablesOf(sources).find(({ declaration }) => declaration.name === name)!;

/** Through a file of Arrow and back. */
function rowsOf(name: string, sources: readonly TableSource[]): Cells[] {
  const table = tableOf(name, sources);
  const parts: Uint8Array[] = [];
  const writer = arrowWriter(table, metadataOf(name, sources), (bytes) => parts.push(bytes.slice()));
  for (const batch of table.batches()) writer.batch(batch);
  writer.finish();
  const read = tableFromIPC(Buffer.concat(parts));
  expect(read.numRows).toBe(table.rows);
  return read.toArray().map((row) => (row as { toJSON(): Cells }).toJSON());
}

/** What newer versions write beside, worked out row by row. */
function detailsOf({ details }: DeviceTrace, row: number): Cells {
  const text = (column: Uint32Array | null | undefined): string | null => {
    const index = column?.[row] ?? 0;
    return index === 0 ? null : details!.texts[index];
  };
  const pool = details?.pool?.[row] ?? 0;
  const forward = details?.forward_stack?.[row] ?? NONE;
  return {
    pool_id: pool === 0 ? null : details!.pool_ids[pool - 1],
    compile_context: text(details?.compile_context),
    user_metadata: text(details?.user_metadata),
    internal_metadata: text(details?.internal_metadata),
    action_name: text(details?.action_name),
    forward_stack: forward === NONE ? null : forward,
  };
}

/** Events worked out from the columns themselves. */
function eventsOf({ number, file, data }: TableSource): Cells[] {
  return data.devices.flatMap((trace) => {
    const { events } = trace;
    return Array.from({ length: events.length }, (_, row): Cells => {
      const node = events.stack_index[row];
      const frame = node === NONE ? null : data.stacks.stack(node)[0];
      return {
        source: number,
        file,
        device: trace.device,
        row,
        time_ns: asBigInt64(events.time_ns)[row],
        action: ACTIONS[events.action[row]],
        address: asBigUint64(events.address)[row],
        size: asBigUint64(events.size)[row],
        stream: trace.streams[events.stream_index[row]],
        pool: trace.producer === 'torch' ? POOLS[events.group[row]] : null,
        memory_kind: trace.producer === 'torch' ? null : 'pinned',
        stack: frame === null ? null : node,
        frame: frame === null ? null : `${frame.name} ${frame.filename}:${frame.line}`,
        device_free: trace.device_free.find(([at]) => at === row)?.[1] ?? null,
        ...detailsOf(trace, row),
      };
    });
  });
}

describe('events', () => {
  it.each([
    'oom.pickle',
    'oom.devices.pickle',
    'oom.high.pickle',
    'graphs.pickle',
    'oom.torch20.pickle',
    'torch214.pickle',
    'torch214.unknown.pickle',
  ])('%s', async (name) => {
    const source = sourceOf(await snapshotOf(fixtureBytes(name)));
    expect(firstDifference(rowsOf('events', [source]), eventsOf(source))).toBeNull();
  });

  it('of two files with streams, frames and stacks of their own', async () => {
    const sources = [
      sourceOf(await snapshotOf(fixtureBytes('graphs.pickle')), 0),
      sourceOf(await snapshotOf(fixtureBytes('oom.devices.pickle')), 1),
      sourceOf(await snapshotOf(fixtureBytes('torch214.ring.pickle')), 2),
      sourceOf(await snapshotOf(fixtureBytes('torch214.unknown.pickle')), 3),
    ];
    expect(firstDifference(rowsOf('events', sources), sources.flatMap(eventsOf))).toBeNull();
    // A dictionary that a second file widens does not disturb the first one's codes.
    const turned = [...sources].reverse();
    expect(firstDifference(rowsOf('events', turned), turned.flatMap(eventsOf))).toBeNull();
  });

  it('keep every bit of 64, and rows without a stack', () => {
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
    const rows = rowsOf('events', [made([trace])]);
    expect(rows[0]).toMatchObject({
      address: 0xffff_ffff_ffff_fe00n,
      size: (1n << 63n) + 1n,
      time_ns: 1795252341996097001n,
      stream: '7',
      frame: null,
    });
    expect(rows[1]).toMatchObject({ time_ns: -1n, pool: 'small_pool', action: 'oom' });
  });

  it('more than a batch of them, and a device that begins in the middle of one', () => {
    const many = Array.from({ length: 131_072 + 9 }, (_, row) => ({ action: 'alloc' as const, size: row }));
    const sources = [
      made([traceOf(many), traceOf(many.slice(0, 5), { device: 3, streams: ['9', '0', '7'] })]),
    ];
    expect(firstDifference(rowsOf('events', sources), sources.flatMap(eventsOf))).toBeNull();
  });

  it('a planted difference is found', async () => {
    const source = sourceOf(await snapshotOf(fixtureBytes('oom.pickle')));
    const expected = eventsOf(source);
    for (const name of Object.keys(expected[77])) {
      const rows = rowsOf('events', [source]);
      rows[77][name] = rows[77][name] === 5 ? 6 : 5;
      expect(firstDifference(rows, expected)).toMatch(new RegExp(`^row 77, ${name}: `));
    }
    expect(firstDifference(expected.slice(1), expected)).toBe('139 rows, not 140');
    expect(firstDifference([{}], [expected[0]])).toMatch(/^row 0: columns/);
  });

  it('none make an empty table', () => {
    expect(rowsOf('events', [made([traceOf([], { streams: [] })])])).toEqual([]);
    expect(rowsOf('events', [])).toEqual([]);
  });
});

it('segments and blocks are those of the snapshot', async () => {
  const source = sourceOf(await snapshotOf(fixtureBytes('graphs.pickle')));
  const [{ segments, blocks, streams }] = source.devices;
  const rows = rowsOf('segments', [source]);
  for (const [row, cells] of rows.entries())
    expect(cells).toMatchObject({
      segment: row,
      address: asBigUint64(segments!.address)[row],
      total_size: segments!.total_size[row],
      stream: streams[segments!.stream_index[row]],
      pool: POOLS[segments!.pool[row]],
      is_expandable: segments!.is_expandable[row] === 1,
      pool_id: segments!.pool_id[row],
    });
  expect(new Set(rows.map(({ pool_id }) => pool_id)).size).toBeGreaterThan(1);
  const own = rowsOf('blocks', [source]);
  expect(own.map(({ state }) => state)).toEqual(Array.from(blocks!.state, (state) => BLOCK_STATES[state]));
  // Blocks of a segment fill it.
  for (const { segment, total_size } of rows)
    expect(
      own.reduce((sum, block) => sum + (block['segment'] === segment ? (block['size'] as number) : 0), 0),
    ).toBe(total_size);
});

it('stacks can be followed to their outermost caller', async () => {
  const { stacks, ...rest } = await snapshotOf(fixtureBytes('oom.pickle'));
  const rows = rowsOf('stacks', [sourceOf({ stacks, ...rest })]);
  for (let node = 0; node < stacks.length; node++) {
    const frames: string[] = [];
    for (let at: number | null = node; at !== null; at = rows[at]['parent'] as number | null)
      frames.push(`${String(rows[at]['name'])} ${String(rows[at]['filename'])}:${String(rows[at]['line'])}`);
    expect(frames).toEqual(
      stacks.stack(node).map(({ name, filename, line }) => `${name} ${filename}:${line}`),
    );
  }
});

it('lie over the memory that the reader filled', async () => {
  const source = sourceOf(await snapshotOf(fixtureBytes('graphs.pickle')));
  const [{ events, segments, blocks }] = source.devices;
  const buffersOf = (name: string): Record<string, unknown> => {
    const table = tableOf(name, [source]);
    const [first] = table.batches();
    const batch = new RecordBatches(schemaOf(table.declaration, new Map())).of(first);
    return Object.fromEntries(
      batch.schema.fields.map((field, at) => [
        field.name,
        (batch.data.children[at].values as Uint8Array).buffer,
      ]),
    );
  };
  const { time_ns, address, size, action, stream, pool, stack } = buffersOf('events');
  expect(
    [time_ns, address, size, action, stream, pool, stack].map((buffer) => buffer !== undefined),
  ).not.toContain(false);
  expect(time_ns).toBe(events.time_ns.buffer);
  expect(address).toBe(events.address.buffer);
  expect(size).toBe(events.size.buffer);
  expect(action).toBe(events.action.buffer);
  expect(stream).toBe(events.stream_index.buffer);
  expect(pool).toBe(events.group.buffer);
  expect(stack).toBe(events.stack_index.buffer);
  expect(buffersOf('segments')['total_size']).toBe(segments!.total_size.buffer);
  expect(buffersOf('blocks')['size']).toBe(blocks!.size.buffer);
});

it('the memory is the same before and after cells are read', async () => {
  const source = sourceOf(await snapshotOf(fixtureBytes('oom.devices.pickle')));
  const table = tableOf('events', [source]);
  expect(firstDifference(cellsOf(table), eventsOf(source))).toBeNull();
  expect(firstDifference(cellsOf(table), eventsOf(source))).toBeNull();
});
