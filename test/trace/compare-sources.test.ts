/** The comparator of two readings finds a difference planted in any column. */
import { describe, expect, it } from 'vitest';
import type { SourceData } from '../../src/trace/capture.ts';
import { NONE } from '../../src/trace/schema.ts';
import { fixtureBytes, snapshotOf } from '../read/snapshot/fixtures.ts';
import { differenceOf } from './compare-sources.ts';

const read = (name = 'oom.pickle'): Promise<SourceData> => snapshotOf(fixtureBytes(name));

describe('differenceOf', () => {
  it('finds none between two readings of the same bytes', async () => {
    expect(differenceOf(await read(), await read())).toBeNull();
  });

  const columns = {
    events: ['action', 'address', 'size', 'time_ns', 'group', 'stream_index', 'stack_index'],
    segments: [
      'address',
      'total_size',
      'allocated_size',
      'active_size',
      'requested_size',
      'pool',
      'is_expandable',
      'stream_index',
      'stack_index',
      'block_start',
    ],
    blocks: ['address', 'size', 'requested_size', 'state', 'stack_index'],
  } as const;
  const all = Object.entries(columns).flatMap(([table, names]) =>
    names.map((name) => [table, name] as const),
  );

  it.each(all)('finds a difference planted at the end of %s.%s', async (table, name) => {
    const [whole, changed] = [await read(), await read()];
    const rows = (changed.devices[0] as unknown as Record<string, Record<string, Uint32Array>>)[table][name];
    rows[rows.length - 1] = rows[rows.length - 1] === 1 ? 0 : rows[rows.length - 1] ^ 1;
    expect(differenceOf(whole, changed)).toMatch(new RegExp(`^${table}\\.${name}\\[`));
  });

  it.each(['pool', 'compile_context', 'user_metadata', 'action_name', 'forward_stack'] as const)(
    'finds a difference planted in details.%s',
    async (name) => {
      const file = name === 'action_name' ? 'torch214.unknown.pickle' : 'torch214.pickle';
      const [whole, changed] = [await read(file), await read(file)];
      const column = changed.devices[0].details![name]!;
      const none = name === 'forward_stack' ? NONE : 0;
      const row = column.findIndex((value) => value !== none);
      column[row] = none;
      expect(differenceOf(whole, changed)).toMatch(new RegExp(`^details\\.${name}\\[${row}\\]`));
    },
  );

  it('finds one in what is no column', async () => {
    const whole = await read();
    const device = whole.devices[0];
    const changes: readonly [string, SourceData][] = [
      ['producer', { ...whole, producer: 'PyTorch 9' }],
      ['rows', { ...whole, rows: 1 }],
      ['skipped', { ...whole, skipped: 1 }],
      ['warnings', { ...whole, warnings: [{ message: 'x', offset: 1 }] }],
      ['notRecorded', { ...whole, notRecorded: ['x'] }],
      ['settings', { ...whole, settings: whole.settings.slice(1) }],
      ['devices.length', { ...whole, devices: [] }],
      ['ring', { ...whole, devices: [{ ...device, ring: { maxEntries: 5, overflowed: true } }] }],
      ['cut', { ...whole, devices: [{ ...device, cut: true }] }],
      ['device.clock', { ...whole, devices: [{ ...device, clock: 'none' }] }],
      [
        'annotations',
        {
          ...whole,
          devices: [{ ...device, annotations: [{ name: 'a', device: 0, start_ns: 1n, end_ns: null }] }],
        },
      ],
      ['device_free', { ...whole, devices: [{ ...device, device_free: [] }] }],
      ['blocks', { ...whole, devices: [{ ...device, blocks: null }] }],
      ['segments', { ...whole, devices: [{ ...device, segments: null }] }],
    ];
    for (const [field, changed] of changes)
      expect(differenceOf(whole, changed), field).toMatch(new RegExp(`^${field}: `));
  });
});
