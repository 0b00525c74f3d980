/** Lines that programs print about themselves: totals, tensors, requests. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { logReader } from '../../../src/read/log.ts';
import type { Format } from '../../../src/read/reader.ts';
import { inputFromBytes, readBytes } from '../open-for-test.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/log/${name}`, import.meta.url), 'utf8');

async function read(format: Format, text: string) {
  const outcome = await readBytes(logReader, 'job.log', text);
  expect(outcome.error).toBeNull();
  expect(outcome.as?.format).toBe(format);
  return outcome.data;
}

describe('[tag] Allocated: ... | Reserved: ...', () => {
  it('of the recording, decimal as report_gpu_memory() divides', async () => {
    const { readings, notRecorded, rows, warnings } = await read('memory-lines', fixture('serve.report.log'));
    expect(warnings).toEqual([]);
    expect(rows).toBe(21);
    const [allocated, reserved] = readings!.gauges;
    // memory_stats of the same moment says 3122950144.
    expect(Math.abs(allocated.value[19] - 3122950144)).toBeLessThanOrEqual(allocated.granularity / 2);
    expect(allocated.granularity).toBe(100_000);
    expect(reserved.value.at(-1)).toBe(3756000000);
    expect(readings!.tables[0].rows[20]).toEqual([20, 'after_empty_cache', 3123000000, 3756000000]);
    expect(notRecorded[0]).toContain('powers of 1000: in these units, and not in the others, all 6');
    expect(readings!.clock).toBe('none');
  });

  it('tells by the steps of 2 MiB where MB means 2^20', async () => {
    const line = (reserved: number): string =>
      `[t] Allocated: 100.5 MB | Reserved: ${reserved.toFixed(1)} MB`;
    const { readings, notRecorded } = await read('memory-lines', [312, 414, 530].map(line).join('\n'));
    expect(notRecorded[0]).toContain('powers of 1024');
    expect(readings!.gauges[1].value[0]).toBe(312 * 2 ** 20);
    const few = await read('memory-lines', line(312));
    expect(few.notRecorded[0]).toContain('do not tell');
    expect(few.readings!.gauges[1].value[0]).toBe(312e6);
  });

  it('in other words and with times', async () => {
    const { readings } = await read(
      'memory-lines',
      '2026-08-01T23:37:38Z step 1 cuda:1 GPU memory allocated: 1.50 GiB, reserved: 2.00 GiB\n2026-08-01T23:37:39Z step 2 cuda:1 allocated=2.50GiB reserved=4.00GiB',
    );
    expect(readings!.clock).toBe('wall');
    expect(readings!.gauges[0]).toMatchObject({ device: 1, unit: 'bytes' });
    expect([...readings!.gauges[1].value]).toEqual([2 * 2 ** 30, 4 * 2 ** 30]);
    expect(readings!.gauges[0].time_ns[1]).toBe(1785627459000000000n);
  });
});

describe('listings of tensors', () => {
  const listing = [
    'Tensor: torch.Size([8192, 256]) torch.float32 cuda:0',
    'Parameter: torch.Size([8192, 256]) torch.float32 cuda:0',
    'Tensor: torch.Size([8192, 256]) torch.float32 cuda:0',
    'Tensor: torch.Size([]) torch.int64 cuda:1',
    'Tensor: torch.Size([0, 5]) torch.bool cuda:1',
  ];

  it('are counted by shape, type and device, the largest first', async () => {
    const { readings, rows } = await read('tensor-listing', `after request 1\n${listing.join('\n')}\n`);
    expect(rows).toBe(5);
    const [tensors, listings] = readings!.tables;
    const one = 8192 * 256 * 4;
    expect(tensors.rows).toEqual([
      [1, 'Tensor', '[8192, 256]', 'float32', 'cuda:0', 2, one, 2 * one],
      [1, 'Parameter', '[8192, 256]', 'float32', 'cuda:0', 1, one, one],
      [1, 'Tensor', '[]', 'int64', 'cuda:1', 1, 8, 8],
      [1, 'Tensor', '[0, 5]', 'bool', 'cuda:1', 1, 0, 0],
    ]);
    expect(listings.rows).toEqual([[1, 'after request 1', 5, 3 * one + 8]]);
  });

  it('are kept apart, and make curves', async () => {
    const text = `request 1\n${listing.join('\n')}\n\nrequest 2\n${[...listing, listing[0]].join('\n')}`;
    const { readings } = await read('tensor-listing', text);
    expect(readings!.tables[1].rows.map((row) => row.slice(0, 3))).toEqual([
      [1, 'request 1', 5],
      [2, 'request 2', 6],
    ]);
    const count = readings!.gauges.find(({ id, device }) => id === 'tensors' && device === 0)!;
    expect([...count.value]).toEqual([3, 4]);
  });

  it('of other scripts: classes, no dtype, no known dtype', async () => {
    const { readings, warnings, notRecorded } = await read(
      'tensor-listing',
      [
        "<class 'torch.nn.parameter.Parameter'> torch.Size([256])",
        "<class 'torch.Tensor'> torch.Size([3, 4]) torch.bfloat16 cuda:0",
        'Tensor: torch.Size([2]) torch.float128x cuda:0',
      ].join('\n'),
    );
    expect(readings!.tables[0].rows).toEqual([
      [1, 'Tensor', '[3, 4]', 'bfloat16', 'cuda:0', 1, 24, 24],
      [1, 'Parameter', '[256]', null, null, 1, null, null],
      [1, 'Tensor', '[2]', 'float128x', 'cuda:0', 1, null, null],
    ]);
    expect(warnings[0].message).toContain('torch.float128x');
    expect(notRecorded.join(' ')).toContain('print obj.dtype');
  });

  it('are no error messages about shapes', async () => {
    const { error } = await readBytes(
      logReader,
      'x',
      'size mismatch for w: copying a param with shape torch.Size([3]) from checkpoint, the shape in current model is torch.Size([4]).',
    );
    expect(error?.code).toBe('unrecognised');
  });
});

describe('request logs', () => {
  it('of the recording', async () => {
    const { readings, rows } = await read('request-log', fixture('serve.requests.log'));
    expect(rows).toBe(10);
    expect(readings!.tables[0].columns.map(({ name }) => name)).toEqual([
      'time',
      'since the first',
      'input_tokens',
      'output_tokens',
      'id',
      'batch',
      'status',
    ]);
    expect(readings!.tables[0].rows[2]).toEqual([
      '2026-11-21 09:12:34',
      2_000_000_000,
      1500,
      12,
      'req-2',
      '1',
      'ok',
    ]);
    expect([...readings!.gauges[0].value].slice(0, 3)).toEqual([3000, 700, 1500]);
    expect(readings!.gauges[0].time_ns[0]).toBe(1795252352000000000n);
  });

  it('in any order and quoted; what is no count is told', async () => {
    const { readings, warnings, skipped } = await read(
      'request-log',
      'a user="x y" output_tokens=5, input_tokens=7\nb input_tokens=many output_tokens=6',
    );
    expect(readings!.tables[0].rows).toEqual([
      [null, null, 7, 5, 'x y'],
      [null, null, null, 6, null],
    ]);
    expect(skipped).toBe(1);
    expect(warnings[0].message).toBe('input_tokens=many is no count.');
  });
});

it.each(['serve.report.log', 'serve.requests.log'])('%s is recognised by its content alone', (name) => {
  expect(logReader.sniff(inputFromBytes('unknown', fixture(name)).head).score).toBeGreaterThanOrEqual(0.8);
});
