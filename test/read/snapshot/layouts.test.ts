/** One recording in every dress that a snapshot comes in: protocols, writers, layouts, devices, addresses. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { asBigUint64 } from '../../../src/base/u64.ts';
import { torchSnapshotReader } from '../../../src/read/snapshot/torch-snapshot.ts';
import type { DeviceTrace, SourceData } from '../../../src/trace/capture.ts';
import { ACTION, NONE } from '../../../src/trace/schema.ts';
import { differenceOf } from '../../trace/compare-sources.ts';
import { inputFromPath } from '../open-for-test.ts';
import { fixtureBytes, fixturePath, snapshotOf, withoutFastPath } from './fixtures.ts';

const read = (name: string): Promise<SourceData> => snapshotOf(fixtureBytes(name));

describe('the recording itself', () => {
  it('is what Python says it is', async () => {
    const { data } = { data: await read('oom.pickle') };
    expect(data.producer).toBe('PyTorch 2.10 or newer (by its layout)');
    expect(data.rows).toBe(140);
    expect(data.skipped).toBe(0);
    expect(data.warnings).toEqual([]);
    expect(data.notRecorded).toEqual([]);
    expect(Object.fromEntries(data.settings)).toMatchObject({
      max_split_size: '-1',
      expandable_segments: 'false',
      roundup_power2_divisions: 'off',
    });
    const [device] = data.devices;
    expect(data.devices).toHaveLength(1);
    expect(device.streams).toEqual(['0']);
    expect(asBigUint64(device.events.address)[0]).toBe(140480805339136n);
    expect(asBigUint64(device.events.size)[139]).toBe(314572800n);
    expect(asBigUint64(device.events.time_ns)[0]).toBe(1795252341996097000n);
    expect(device.events.action[139]).toBe(ACTION.oom);
    expect(device.device_free).toHaveLength(1);
    expect(device.device_free[0][0]).toBe(139);
    expect(data.stacks.stack(device.events.stack_index[0])).toEqual([
      { name: 's_oom', filename: '/opt/rec/record.py', line: 194 },
      { name: '<module>', filename: '/opt/rec/record.py', line: 277 },
    ]);
    expect(device.segments?.length).toBe(19);
  });
});

describe('the same content by other writers', () => {
  it.each([
    'oom.p0.pickle',
    'oom.p1.pickle',
    'oom.p2.pickle',
    'oom.p3.pickle',
    'oom.p5.pickle',
    'oom.cpp.pickle',
  ])('%s gives the same tables', async (name) => {
    expect(differenceOf(await read('oom.pickle'), await read(name))).toBeNull();
  });

  it('gives the same tables without the fast path', async () => {
    expect(
      differenceOf(await read('oom.pickle'), await withoutFastPath(() => read('oom.pickle'))),
    ).toBeNull();
  });

  it('is recognised in every one of them', () => {
    const names = ['oom.p0.pickle', 'oom.p1.pickle', 'oom.p2.pickle', 'oom.p3.pickle', 'oom.pickle'];
    for (const name of [
      ...names,
      'oom.p5.pickle',
      'oom.cpp.pickle',
      'oom.torch20.pickle',
      'oom.high.pickle',
    ]) {
      const input = inputFromPath(fixturePath(name));
      expect(torchSnapshotReader.sniff(input.head).score, name).toBeGreaterThan(0.9);
      input.close();
    }
  });

  it('is compressed byte for byte in oom.pickle.gz', () => {
    // How .gz is opened is the engine's business: test/engine.
    expect(readFileSync(fixturePath('oom.pickle.gz')).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
  });
});

describe('the layout of PyTorch up to 2.0', () => {
  it('gives blocks their addresses by their order and their requests by their history', async () => {
    const [whole, old] = [await read('oom.pickle'), await read('oom.torch20.pickle')];
    const except = ['producer', 'device.clock', 'events.time_ns', 'notRecorded', 'settings'];
    // The size asked for of a block that is free, and of a segment, is not in this layout; nor are segments' stacks.
    const unknown = ['blocks.requested_size', 'segments.requested_size', 'segments.stack_index'];
    expect(differenceOf(whole, old, { except: [...except, ...unknown] })).toBeNull();
    expect(differenceOf(whole, old, { except })).toMatch(/requested_size|stack_index/);
    expect(old.producer).toBe('PyTorch before 2.0 (by its layout)');
    expect(old.notRecorded.join(' ')).toContain('No times were recorded');
    const [trace] = old.devices;
    expect(trace.clock).toBe('none');
    expect([...asBigUint64(trace.events.time_ns)]).toEqual(
      Array.from({ length: 140 }, (_, row) => BigInt(row)),
    );
    const blocks = trace.blocks!;
    for (let i = 0; i < blocks.length; i++) {
      const requested = whole.devices[0].blocks!.requested_size[i];
      expect(blocks.requested_size[i]).toBe(blocks.state[i] === 2 ? NaN : requested);
    }
    expect([...trace.segments!.requested_size].every(Number.isNaN)).toBe(true);
    expect([...trace.segments!.stack_index].every((node) => node === NONE)).toBe(true);
  });
});

describe('the layout of PyTorch 2.12', () => {
  it.each(['oom.torch212.pickle', 'oom.torch212.cpp.pickle'])(
    '%s: pool ids change no other column',
    async (name) => {
      const [whole, late] = [await read('oom.pickle'), await read(name)];
      expect(differenceOf(whole, late, { except: ['producer', 'settings', 'details.pool'] })).toBeNull();
      const { details } = late.devices[0];
      expect(details!.pool_ids).toEqual(['']);
      expect(details!.pool!.every((pool) => pool === 1)).toBe(true);
      expect(late.producer).toBe('PyTorch 2.12 or newer (by its layout)');
      expect(late.warnings).toEqual([]);
    },
  );

  it('keeps 2**64 - 1 as it is', async () => {
    const { settings } = await read('oom.torch212.pickle');
    expect(settings.find(([name]) => name === 'max_split_size')?.[1]).toBe('18446744073709551615');
  });
});

describe('several devices in one file', () => {
  it.each(['oom.devices.pickle', 'oom.devices.p0.pickle'])(
    '%s: both as alone, the idle one not drawn',
    async (name) => {
      const [whole, more] = [await read('oom.pickle'), await read(name)];
      expect(more.devices.map(({ device }) => device)).toEqual([0, 2]);
      expect(more.rows).toBe(280);
      expect(more.skipped).toBe(0);
      more.devices.forEach((device) => {
        const alone = { ...more, rows: 140, devices: [{ ...device, device: 0 }] };
        expect(differenceOf(whole, alone, { except: ['annotations', 'producer'] })).toBeNull();
      });
      const at = (device: DeviceTrace): bigint =>
        asBigUint64(device.events.time_ns)[device.device === 0 ? 10 : 20];
      for (const device of more.devices) {
        const start_ns = at(device);
        expect(device.annotations).toEqual([
          { name: 'step', device: device.device, start_ns, end_ns: start_ns + 100_000n },
        ]);
      }
    },
  );
});

describe('addresses beyond 2^53', () => {
  it('are kept to the byte by both writers', async () => {
    const [whole, high] = [await read('oom.pickle'), await read('oom.high.pickle')];
    expect(differenceOf(high, await read('oom.high.cpp.pickle'))).toBeNull();
    expect(differenceOf(high, await withoutFastPath(() => read('oom.high.pickle')))).toBeNull();
    const addresses = (data: SourceData, table: 'events' | 'segments' | 'blocks'): bigint[] => [
      ...asBigUint64(data.devices[0][table]!.address),
    ];
    const shift = 0x4000_7f00_0000_0000n - addresses(whole, 'segments').reduce((a, b) => (a < b ? a : b));
    for (const table of ['segments', 'blocks'] as const)
      expect(addresses(high, table)).toEqual(addresses(whole, table).map((address) => address + shift));
    const events = addresses(high, 'events');
    // An oom event has no address.
    expect(events.slice(0, 139)).toEqual(
      addresses(whole, 'events')
        .slice(0, 139)
        .map((address) => address + shift),
    );
    expect(events.slice(139)).toEqual([0n, ...new Array<bigint>(3).fill(0xffff_ffff_ffff_fe00n)]);
  });
});
