/** Other tools (kind 10), old summaries (kind 12), nvidia-smi by its looks (kind 26). */
import { describe, expect, it } from 'vitest';
import { ownColumn } from '../../src/read/nvidia-smi/columns.ts';
import { say, valuesOf } from './field.ts';

const MIB = 2 ** 20;

describe('T28 AMD', () => {
  it('reads the shares of the concise table and names the way to bytes', async () => {
    const said = await say('T28-rocm-smi.txt');
    expect(said.code).toBe(0);
    expect(said.json.series.map(({ id, device, samples }) => [id, device, samples[0][1]])).toEqual([
      ['memory.used_share', 0, 0.92],
      ['memory.used_share', 1, 0.12],
    ]);
    expect(said.text).toContain('--showmeminfo vram');
  });

  it('reads the bytes of --showmeminfo vram --csv, whatever the order', async () => {
    const said = await say('T28b-rocm-smi-meminfo.csv');
    const of = (id: string, device: number) =>
      said.json.series.find((one) => one.id === id && one.device === device)?.samples[0][1];
    expect(of('memory.used', 0)).toBe(16592142080);
    expect(of('memory.total', 0)).toBe(17163091968);
    expect(of('memory.used', 1)).toBe(26079232);
    expect(of('memory.total', 1)).toBe(67108864);
  });

  it('reads amd-smi, whose MB are MiB', async () => {
    const said = await say('T28c-amd-smi.txt');
    expect(said.code).toBe(0);
    expect(valuesOf(said, 'memory.used')).toEqual([181204 * MIB]);
    expect(valuesOf(said, 'memory.total')).toEqual([196592 * MIB]);
    const process = said.json.series.find(({ id }) => id === 'process.memory.used');
    expect(process).toMatchObject({ device: 0, labels: { pid: '30412', process: 'python' } });
    expect(process?.samples[0][1]).toBe(Math.round(176.4 * 2 ** 30));
  });
});

describe('T45a gpustat', () => {
  it('reads used, total and processes', async () => {
    const said = await say('T45a-gpustat.txt');
    expect(said.code).toBe(0);
    const used = said.json.series.filter(({ id }) => id === 'memory.used');
    expect(used.map(({ device, samples }) => [device, samples[0][1]])).toEqual([
      [0, 78912 * MIB],
      [1, 812 * MIB],
    ]);
    const processes = said.json.series.filter(({ id }) => id === 'process.memory.used');
    expect(processes.map(({ labels, samples }) => [labels['pid'], samples[0][1]])).toEqual([
      ['30412', 61320 * MIB],
      ['30990', 17011 * MIB],
      ['', 4 * MIB],
    ]);
    expect(said.json.findings.map(({ id }) => id)).toContain('other-processes');
  });
});

describe('T21 a summary of torch 1.x', () => {
  it('reads MB as 2^20', async () => {
    const said = await say('T21-memory-summary-mb.txt');
    const [summary] = said.json.summaries;
    expect(summary).toMatchObject({ device: 0, label: 'step 12', ooms: 1, retries: 3 });
    expect(said.text).not.toContain('cannot be read');
    expect(summary.rows['Allocated memory']['all']).toMatchObject({ current: 1062 * MIB, peak: 4877 * MIB });
    expect(summary.rows['GPU reserved memory']['all']).toMatchObject({ current: 13_023_313_920 });
    expect(summary.rows['Non-releasable memory']['all']).toMatchObject({ current: 1_871_708_160 });
  });
});

describe('U36 rows without a header, four GPUs in turn', () => {
  it('are four series of what is used, inferred', async () => {
    const said = await say('U36-headerless-four-gpus.csv');
    const used = said.json.series.filter(({ id }) => id === 'memory.used');
    expect(
      used.map(({ labels, samples }) => [labels['row'], ...new Set(samples.map(([, value]) => value))]),
    ).toEqual([
      ['1 of 4', 9216 * MIB],
      ['2 of 4', 8704 * MIB],
      ['3 of 4', 8960 * MIB],
      ['4 of 4', 11008 * MIB],
    ]);
    expect(said.json.series.some(({ id }) => id === 'memory.total')).toBe(false);
    expect(said.text).toContain('(inferred)');
  });
});

describe('U37 seconds since 1970', () => {
  it('are times', async () => {
    const said = await say('U37-epoch-seconds.csv');
    expect(said.code).toBe(0);
    const used = said.json.series.find(({ id }) => id === 'memory.used');
    expect(used?.samples).toHaveLength(51);
    expect(BigInt(used!.samples[0][0])).toBe(1_764_189_075_000_000_000n);
    expect(used!.samples[0][1]).toBe(MIB);
    expect(BigInt(used!.samples[1][0]) - BigInt(used!.samples[0][0])).toBe(60_000_000_000n);
    expect(Math.max(...used!.samples.map(([, value]) => Number(value)))).toBe(10904 * MIB);
    expect(used!.samples.filter(([, value]) => value === 10586 * MIB)).toHaveLength(40);
  });
});

describe('units in headers of ones own', () => {
  it.each([
    ['GPU Memory Used (MiB)', MIB],
    ['gpu_mem_used_mb', MIB],
    ['memoryUsedMiB', MIB],
    ['vram_used_gib', 1024 * MIB],
    ['mem_used [GB]', 1024 * MIB],
    ['memory_used_bytes', 1],
    ['VRAM Used (B)', 1],
    ['memUsedKB', 1024],
  ])('%s', (name, scale) => {
    expect(ownColumn(name)?.quantity).toMatchObject({ id: 'memory.used', scale });
  });

  it.each(['memory_used', 'cpu_mem_used_mb', 'host_memory_used_gb', 'memory_percent', 'memory_clock_mhz'])(
    '%s is none of a GPU in bytes',
    (name) => {
      expect(ownColumn(name)?.quantity ?? null).toBeNull();
    },
  );
});

describe('U38 a header of ones own', () => {
  it('is read by its words', async () => {
    const said = await say('U38-own-header.log');
    expect(said.code).toBe(0);
    const used = said.json.series.find(({ id }) => id === 'memory.used');
    expect([...new Set(used?.samples.map(([, value]) => value))]).toEqual([604 * MIB, 30038 * MIB, 2 * MIB]);
    expect([...new Set(valuesOf(said, 'memory.total'))]).toEqual([32607 * MIB]);
  });
});
