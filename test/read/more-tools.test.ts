/**
 * Monitors of other vendors, screens of monitors, trackers' tables and servers' budgets (test/fixtures/tools). The
 * fixtures are written after what the programs' sources print; their figures are made up.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { say, type Said } from '../field/field.ts';

const TOOLS = join(import.meta.dirname, '../fixtures/tools');
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const of = (name: string): Promise<Said> => say(join(TOOLS, name));

const seriesOf = ({ json }: Said, id: string): Readonly<Record<string, readonly (number | null)[]>> =>
  Object.fromEntries(
    json.series
      .filter((one) => one.id === id)
      .map(({ device, samples }) => [String(device), samples.map(([, value]) => value)]),
  );

describe('devices', () => {
  it.each([
    ['hl-smi.txt', 'hl-smi', { 0: [52480 * MIB], 1: [768 * MIB] }, { 0: [98304 * MIB], 1: [98304 * MIB] }],
    ['hl-q.csv', 'nvidia-smi', { 0: [52480 * MIB], 1: [768 * MIB] }, { 0: [98304 * MIB], 1: [98304 * MIB] }],
    ['xpu-stats.txt', 'xpu-smi', { 0: [12034 * MIB] }, {}],
    ['nvtop.json', 'nvtop', { 0: [20971520000], 1: [515899392] }, { 0: [25757220864], 1: [25757220864] }],
    ['nvtop.txt', 'nvtop', { 0: [Math.round(61.2 * GIB)] }, { 0: [80 * GIB] }],
    ['nvitop.txt', 'nvitop', { 0: [Math.round(61.2 * GIB)] }, { 0: [Math.round(79.35 * GIB)] }],
  ])('%s', async (name, producer, used, total) => {
    const said = await of(name);
    expect(said.code).toBe(0);
    expect(said.json.sources[0].producer).toBe(producer);
    expect(seriesOf(said, 'memory.used')).toEqual(used);
    expect(seriesOf(said, 'memory.total')).toEqual(total);
    expect(said.json.sources).toHaveLength(1);
  });

  it("names the processes of hl-smi's second table", async () => {
    const { json } = await of('hl-smi.txt');
    expect(json.tables[0].rows).toEqual([['0', '41237', 'python3', 51712 * MIB]]);
  });
});

describe("trackers' tables", () => {
  it.each([
    ['wandb-panel.csv', { 0: [2_000_000_000, 2_100_000_000, 2_200_000_000] }, 'none'],
    [
      'wandb-events.csv',
      {
        0: [20_000_000_000, 21_000_000_000, 22_000_000_000],
        1: [1_000_000_000, 1_000_000_000, 1_000_000_000],
      },
      'wall',
    ],
    ['mlflow.csv', { 0: [20_971_500_000, 21_000_000_000] }, 'wall'],
  ])('%s', async (name, used, clock) => {
    const said = await of(name);
    expect(seriesOf(said, 'memory.used')).toEqual(used);
    expect(said.json.series.map((one) => one.clock)).toContain(clock);
    // The bus, shares and the host are not memory in use.
    expect(new Set(said.json.series.map(({ id }) => id))).toEqual(new Set(['memory.used']));
  });

  it("Lightning's DeviceStatsMonitor is PyTorch's own figures", async () => {
    const said = await of('lightning.csv');
    expect(seriesOf(said, 'memory_allocated')).toEqual({ null: [null, 1610612736, 1710612736, 1810612736] });
    expect(seriesOf(said, 'max_memory_allocated')).toEqual({
      null: [null, 1810612736, 1810612736, 1910612736],
    });
  });
});

describe('budgets of servers', () => {
  const parts = ({ json }: Said): Readonly<Record<string, number>> =>
    Object.fromEntries(json.budgets[0].parts.map(({ label, value }) => [label, value]));

  it('TensorRT-LLM: GB is 2^30', async () => {
    const said = await of('trtllm.log');
    expect(said.json.sources[0].producer).toBe('TensorRT-LLM');
    expect(parts(said)).toEqual({
      'Engine (weights)': 15318 * MIB,
      'Execution context (activations)': 1213.25 * MIB,
      'Runtime buffers': Math.round(2.18 * GIB),
      Decoder: Math.round(3.36 * MIB),
      Total: Math.round(79.11 * GIB),
      'Available before the KV cache': Math.round(60.11 * GIB),
      'KV cache, blocks': 4607,
      'KV cache': Math.round(53.99 * GIB),
      'KV cache, tokens': 294848,
    });
    // What was taken for one purpose is no level of the device.
    expect(said.json.series).toEqual([]);
  });

  it('TGI: tokens, and that bytes are not printed', async () => {
    const said = await of('tgi.log');
    expect(parts(said)).toEqual({ 'KV cache, tokens': 121517 });
    expect(said.json.sources[0].not_recorded.join()).toContain('not its bytes');
  });

  it('LMDeploy: blocks times their size, rounded down', async () => {
    const said = await of('lmdeploy.log');
    expect(parts(said)).toMatchObject({ 'KV cache': 5120 * 8 * MIB, 'KV cache, blocks': 5120 });
    expect(said.json.budgets[0].parts.find(({ id }) => id === 'kv_cache')?.granularity).toBe(5120 * MIB);
  });
});
