import { exactMeasured, formatMeasured } from '../../../src/base/measured.ts';
import { describe, expect, it } from 'vitest';
import { vllmMemoryAccounts } from '../../../src/analyze/server/vllm-memory-words.ts';
import { logReader } from '../../../src/read/log.ts';
import type { TableModel } from '../../../src/view/parts/table.ts';
import { vllmMemoryModel, type VllmMemoryModel } from '../../../src/view/serving/vllm-memory.ts';
import { readBytes } from '../../read/open-for-test.ts';

const GIB = 2 ** 30;

describe('bytes of few digits', () => {
  it('are shown with no more digits than were printed', () => {
    const printed = { value: Math.round(0.02 * GIB), error: GIB / 200 + 0.5 };
    expect(formatMeasured(printed, 'binary')).toBe('0.02 GiB');
    expect(formatMeasured(printed, 'decimal')).toBe('0.02 GB');
    expect(formatMeasured({ ...printed, value: -printed.value }, 'binary')).toBe('−0.02 GiB');
    expect(formatMeasured({ ...printed, value: -1 }, 'binary')).toBe('0.00 GiB');
    expect(formatMeasured({ value: 80 * GIB, error: GIB / 200 }, 'binary')).toBe('80.00 GiB');
    expect(formatMeasured({ value: 512 * 2 ** 20, error: 2 ** 19 + 0.5 }, 'binary')).toBe('512.00 MiB');
  });

  it('are shown in their best unit where every byte is known', () => {
    expect(formatMeasured({ value: 20 * 2 ** 20, error: 0 }, 'binary')).toBe('20 MiB');
    expect(formatMeasured({ value: -3 * 2 ** 20, error: 0.5 }, 'binary')).toBe('−3 MiB');
    expect(exactMeasured({ value: 9232221491, error: 0 })).toBe('9,232,221,491 bytes');
    expect(exactMeasured({ value: -2048, error: 99.5 })).toBe('−2,048 ± 100 bytes (printed digits)');
  });
});

async function modelOf(...lines: string[]): Promise<VllmMemoryModel> {
  const { data } = await readBytes(logReader, 'unknown', lines.join('\n'));
  const { vllm_memory: prints = [], budgets } = data.readings!;
  return vllmMemoryModel(vllmMemoryAccounts(prints, budgets)[0], 'binary');
}
const drawn = ({ columns, rows }: TableModel): string[] => [
  columns.map(({ label }) => label).join(' | '),
  ...rows.map(({ cells }) => cells.map(({ text }) => text).join(' | ')),
];

const CREATE =
  'MemorySnapshot(torch_peak=0, cuda_memory=1073741824, torch_memory=0, non_torch_memory=1073741824, timestamp=100.0, auto_measure=True)';
const BEFORE =
  'MemorySnapshot(torch_peak=2147483648, cuda_memory=3758096384, torch_memory=2147483648, non_torch_memory=1610612736, timestamp=101.0, auto_measure=True)';
const AFTER =
  'MemorySnapshot(torch_peak=4294967296, cuda_memory=5368709120, torch_memory=3221225472, non_torch_memory=2147483648, timestamp=104.5, auto_measure=True)';

describe("vLLM's own memory figures", () => {
  it('are tables of what is there, and of no field that is nowhere', async () => {
    const { tables } = await modelOf(CREATE, BEFORE, AFTER, 'weights_memory=2147483648');
    expect(tables.map(({ caption }) => caption)).toEqual([
      'Snapshots',
      'Differences: after less before',
      "vLLM's three categories",
      'What is not KV cache',
    ]);
    expect(drawn(tables[0])).toEqual([
      'Snapshot | Line | torch_peak | cuda_memory | torch_memory | non_torch_memory',
      'snapshot 1: before creation | 1 | 0 B | 1 GiB | 0 B | 1 GiB',
      'snapshot 2: before profiling | 2 | 2 GiB | 3.5 GiB | 2 GiB | 1.5 GiB',
      'snapshot 3: after profiling | 3 | 4 GiB | 5 GiB | 3 GiB | 2 GiB',
    ]);
    expect(drawn(tables[1])[2]).toBe('Profiling | 3.5 | 2 GiB | 1.5 GiB | 1 GiB | 512 MiB');
    expect(drawn(tables[2]).slice(-2)).toEqual([
      'snapshot 3 | 1 GiB | 3 GiB | 1 GiB | 5 GiB',
      'At the peak of profiling | 1 GiB | 4 GiB | 1 GiB | 6 GiB',
    ]);
    expect(drawn(tables[3])).toEqual([
      'Figure | Computed | Printed',
      'Weights |  | 2 GiB',
      'Activation peak | 2 GiB | ',
      'Non-torch increase | 1 GiB | ',
      'Not KV cache: weights + activation peak + non-torch increase | 5 GiB | ',
    ]);
  });

  it('hold the printed total against its own terms where there are no snapshots', async () => {
    const { tables } = await modelOf(
      'Memory profiling takes 14.40 seconds. Total non KV cache memory: 10.22GiB; torch peak memory increase: 1.40GiB; non-torch forward increase memory: 0.02GiB; weights memory: 8.80GiB.',
    );
    expect(tables).toHaveLength(1);
    expect(drawn(tables[0])).toEqual([
      'Figure | Computed | Printed',
      'Weights |  | 8.80 GiB',
      'Activation peak |  | 1.40 GiB',
      'Non-torch increase |  | 0.02 GiB',
      'Not KV cache: weights + activation peak + non-torch increase | 10.22 GiB | 10.22 GiB',
    ]);
  });

  it('of the newer rule have no computed total where the peak is not printed', async () => {
    const { tables } = await modelOf(
      'Memory profiling takes 31.20 seconds. Total non KV cache memory: 63.53GiB; torch peak memory increase: 2.04GiB; total consumed (from mem_get_info): 61.49GiB; weights memory: 55.87GiB.',
    );
    expect(drawn(tables[0]).slice(-2)).toEqual([
      'Consumed: free before creation less free after profiling |  | 61.49 GiB',
      'Not KV cache: consumed + peak over what stays allocated |  | 63.53 GiB',
    ]);
  });

  it('tell on hover how closely a figure is known', async () => {
    const { tables } = await modelOf('before torch_peak=0.0GiB, free_memory=22.94GiB, total_memory=23.53GiB');
    const [, , , free] = tables[0].rows[0].cells;
    expect(free).toMatchObject({
      text: '22.94 GiB',
      title: '24,631,637,443 ± 5,368,710 bytes (printed digits)',
    });
  });
});
