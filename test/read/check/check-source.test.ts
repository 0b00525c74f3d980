/** The gate between readers and everything else: what cannot be does not pass, what can be passes untouched. */
import { describe, expect, it } from 'vitest';
import { checkSource } from '../../../src/read/check/check-source.ts';
import { MOST_BYTES, MOST_SHARE, whyNot } from '../../../src/base/bounds.ts';
import type { DeviceTrace, SourceData } from '../../../src/trace/capture.ts';
import type { Gauge, Readings } from '../../../src/trace/readings.ts';
import { ACTION, NONE } from '../../../src/trace/schema.ts';
import { sourceData } from '../../../src/trace/source-data.ts';

const read = (readings: Partial<Readings>): SourceData =>
  sourceData({
    producer: 'a log',
    readings: { clock: 'none', gauges: [], tables: [], budgets: [], events: [], ...readings },
  });

const gauge = (value: readonly number[], more: Partial<Gauge> = {}): Gauge => ({
  id: 'memory.used',
  label: 'Memory in use',
  unit: 'bytes',
  device: 0,
  labels: {},
  time_ns: BigInt64Array.from(value, (_, i) => BigInt(i)),
  value: Float64Array.from(value),
  granularity: 0,
  note: null,
  ...more,
});

/** A recording of one segment of 4 MiB with two blocks, and `sizes` allocated one after another. */
function recording(sizes: readonly bigint[], block = 1 << 20, more: Partial<DeviceTrace> = {}): SourceData {
  const length = sizes.length;
  const size = new Uint32Array(BigUint64Array.from(sizes).buffer);
  const trace: DeviceTrace = {
    device: 0,
    producer: 'torch',
    name: null,
    total_bytes: null,
    clock: 'none',
    streams: ['0'],
    events: {
      length,
      action: new Uint8Array(length).fill(ACTION.alloc),
      address: new Uint32Array(2 * length).map((_, i) => (i % 2 === 0 ? 4096 * i : 0)),
      size,
      stream_index: new Uint16Array(length),
      stack_index: new Uint32Array(length).fill(NONE),
      time_ns: new Uint32Array(2 * length),
      group: new Uint8Array(length),
    },
    cut: false,
    segments: {
      length: 1,
      address: new Uint32Array(2),
      total_size: Float64Array.of(4 << 20),
      allocated_size: Float64Array.of(block),
      active_size: Float64Array.of(block),
      requested_size: Float64Array.of(block),
      stream_index: new Uint16Array(1),
      pool: new Uint8Array(1),
      is_expandable: new Uint8Array(1),
      pool_id: [''],
      stack_index: Uint32Array.of(NONE),
      block_start: Uint32Array.of(0, 2),
    },
    blocks: {
      length: 2,
      address: new Uint32Array(4),
      size: Float64Array.of(block, 3 << 20),
      requested_size: Float64Array.of(block, 0),
      state: Uint8Array.of(0, 2),
      stack_index: Uint32Array.of(NONE, NONE),
    },
    annotations: [],
    pools: null,
    device_free: [],
    symbols: [],
    ...more,
  };
  return sourceData({ producer: 'PyTorch', rows: length, devices: [trace] });
}

const words = ({ warnings }: SourceData): string => warnings.map(({ message }) => message).join('\n');

describe('the bounds', () => {
  it('take whole numbers up to what a device can have, and nothing else', () => {
    for (const good of [0, 1, 80 * 2 ** 30, MOST_BYTES]) expect(whyNot(good, MOST_BYTES)).toBeNull();
    for (const bad of [-5, MOST_BYTES + 1, 2 ** 100, NaN, Infinity, -Infinity])
      expect(whyNot(bad, MOST_BYTES)).not.toBeNull();
    expect(whyNot(-0.004, MOST_BYTES, 0.01)).toBeNull();
    expect(whyNot(2147483648, MOST_SHARE)).toContain('share');
  });
});

describe('recordings', () => {
  it('pass as the same object where everything in them can be', () => {
    const whole = recording([512n, 1024n]);
    expect(checkSource(whole)).toBe(whole);
  });

  it.each([
    ['-5', 2n ** 64n - 5n],
    ['2^63', 2n ** 63n],
    ['2^50 + 1', 2n ** 50n + 1n],
  ])('an event of %s bytes is left out, counted, and named with its row and address', (_, size) => {
    const checked = checkSource(recording([512n, size, 1024n], undefined, { device_free: [[2, 77]] }));
    const [{ events, device_free: free }] = checked.devices;
    expect([...events.size]).toEqual([512, 0, 1024, 0]);
    expect([...events.address]).toEqual([0, 0, 16384, 0]);
    expect(free).toEqual([[1, 77]]);
    expect(checked.skipped).toBe(1);
    expect(words(checked)).toContain('event 1 of GPU 0 (address 0x2000)');
  });

  it('a request that failed may be of any size that a program can ask for', () => {
    const data = recording([2n ** 60n]);
    data.devices[0].events.action[0] = ACTION.oom;
    expect(checkSource(data)).toBe(data);
    data.devices[0].events.size[1] = 0xffffffff;
    expect(checkSource(data).devices[0].events.length).toBe(0);
  });

  it.each([
    ['does not fill it', 2 << 20, /do not fill it/],
    ['has more bytes than can be', 2 ** 63, /size of block 0/],
    ['has fewer than none', -5, /below 0/],
  ])('a segment with a block that %s is left out with its blocks', (_, block, why) => {
    const checked = checkSource(recording([512n], block));
    expect(checked.devices[0].segments?.length).toBe(0);
    expect(checked.devices[0].blocks?.length).toBe(0);
    expect(words(checked)).toMatch(why);
  });

  it('a segment that says something else than its blocks is left out', () => {
    const data = recording([512n]);
    data.devices[0].segments!.active_size[0] = 5;
    expect(words(checkSource(data))).toContain(
      'it says that 5 bytes in it are active, and its blocks say 1,048,576',
    );
  });
});

describe('figures of logs and monitors', () => {
  it('an impossible sample is a gap with its place, the others stay', () => {
    const checked = checkSource(read({ gauges: [gauge([1, -5, 3, 2 ** 80, NaN])] }));
    expect([...checked.readings!.gauges[0].value]).toEqual([1, NaN, 3, NaN, NaN]);
    expect(checked.skipped).toBe(2);
    expect(words(checked)).toContain(
      '2 of the samples of Memory in use cannot be and were left out, the first of them: sample 2',
    );
  });

  it('a printed zero below zero passes, and so does what is counted from an unknown start', () => {
    const rounded = read({ gauges: [gauge([-0.004], { granularity: 0.01 })] });
    expect(checkSource(rounded).skipped).toBe(0);
    const summed = read({ gauges: [gauge([-32768], { is_difference: true })] });
    expect(checkSource(summed).skipped).toBe(0);
  });

  it('a share of 2147483648 is none, and device 1e23 is none', () => {
    const share = checkSource(read({ gauges: [gauge([0.5, 2147483648], { unit: 'ratio' })] }));
    expect([...share.readings!.gauges[0].value]).toEqual([0.5, NaN]);
    const device = checkSource(read({ gauges: [gauge([1], { device: 1e23 })] }));
    expect(device.readings!.gauges).toEqual([]);
    expect(device.skipped).toBe(1);
  });

  it('figures of events, budgets and tables go the same way', () => {
    const checked = checkSource(
      read({
        events: [
          {
            kind: 'oom',
            time_ns: null,
            device: 0,
            text: '',
            figures: { requested: 2 ** 60, total: 9.67e24, free: 5 },
            offset: 40,
          },
        ],
        budgets: [
          {
            rank: { name: '', start: 0, host: null } as never,
            producer: 'a server',
            parts: [
              { id: 'total', label: 'Total', value: -1, granularity: 0, offset: 7 },
              { id: 'kv_cache', label: 'KV cache', value: -1, granularity: 0, offset: 8 },
            ],
          },
        ],
        tables: [
          {
            id: 't',
            title: 'Transfers',
            note: null,
            columns: [
              { name: 'Name', unit: 'text' },
              { name: 'Total', unit: 'bytes' },
              { name: 'Ratio', unit: 'number' },
            ],
            rows: [
              ['a', Infinity, -1],
              ['b', 5, 1e308],
            ],
          },
        ],
      }),
    );
    expect(checked.readings!.events[0].figures).toEqual({ requested: 2 ** 60, free: 5 });
    // What is left for the KV cache may be below 0: that is what refuses a start.
    expect(checked.readings!.budgets[0].parts.map(({ id }) => id)).toEqual(['kv_cache']);
    expect(checked.readings!.tables[0].rows).toEqual([
      ['a', null, -1],
      ['b', 5, 1e308],
    ]);
    expect(checked.skipped).toBe(3);
    expect(checked.warnings.map(({ offset }) => offset)).toEqual([null, 7, 40]);
  });

  it('a summary keeps its rows but those with a figure below 0 or a current above its peak', () => {
    const cell = { current: 5, peak: 9, allocated: 20, freed: 15 };
    const one = { current: 1, peak: 1, allocated: 1, freed: 1 };
    const checked = checkSource(
      sourceData({
        producer: 'PyTorch',
        summaries: [
          {
            label: null,
            step: 0,
            device: 0,
            ooms: -1,
            retries: 0,
            offset: 12,
            rows: {
              Good: { all: cell },
              Above: { all: { ...cell, current: 10 } },
              Below: { all: { ...cell, freed: -1 } },
            },
            granularity: { Good: one, Above: one, Below: one },
          },
        ],
      }),
    );
    expect(Object.keys(checked.summaries[0].rows)).toEqual(['Good']);
    expect(checked.summaries[0].ooms).toBe(0);
    expect(checked.skipped).toBe(3);
    expect(words(checked)).toMatch(/current 10 is above its peak 9/);
  });

  it('a summary of a device that cannot be is left out and told', () => {
    const of = (device: number): SourceData =>
      checkSource(
        sourceData({
          producer: 'PyTorch',
          summaries: [
            { label: null, step: 0, device, ooms: 0, retries: 0, offset: 12, rows: {}, granularity: {} },
          ],
        }),
      );
    expect(of(65_535).summaries).toHaveLength(1);
    for (const device of [65_536, 2 ** 53, 18446744073709552000, -1, 0.5]) {
      const checked = of(device);
      expect(checked.summaries).toEqual([]);
      expect(checked.skipped).toBe(1);
      expect(words(checked)).toContain(`the one of device ${device}`);
    }
  });
});
