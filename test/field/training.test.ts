/** What training loops print (kind 7), and one memory summary: the expectations of the field, written out. */
import { describe, expect, it } from 'vitest';
import { finding, say, steps, valuesOf } from './field.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const gib = (values: readonly number[]): number[] => values.map((value) => Math.round(value * GIB));

describe('T01 Megatron-LM', () => {
  it('keeps ranks and four figures a line apart, in MiB', async () => {
    const said = await say('T01-megatron-memory-lines.log');
    expect(said.code).toBe(0);
    expect(said.json.sources[0]).toMatchObject({ format: 'memory-lines', rows: 2 });
    expect(said.json.sources[0].producer).toContain('allocated and reserved memory, printed by Megatron-LM');
    expect(valuesOf(said, 'memory_allocated', '0')).toEqual([3429011968]);
    expect(valuesOf(said, 'max_memory_allocated', '0')).toEqual([5945835520]);
    expect(valuesOf(said, 'memory_reserved', '0')).toEqual([6717177856]);
    expect(valuesOf(said, 'max_memory_reserved', '0')).toEqual([6717177856]);
    expect(valuesOf(said, 'memory_allocated', '1')).toEqual([3158354432]);
    expect(valuesOf(said, 'memory_reserved', '1')).toEqual([6176112640]);
    expect(steps(said, 'step')).toEqual([10, 10]);
    expect(said.json.series).toHaveLength(8);
  });
});

describe('T02 DeepSpeed', () => {
  it('says that 26.1 GiB are the cache, since when, and how to get them back', async () => {
    const said = await say('T02-deepspeed-see-memory-usage.log');
    expect(said.code).toBe(0);
    expect(valuesOf(said, 'memory_allocated')).toEqual(gib([26.38, 0.58, 0.58]));
    expect(valuesOf(said, 'memory_reserved')).toEqual(gib([26.71, 26.71, 26.71]));
    expect(valuesOf(said, 'max_memory_allocated')).toEqual(gib([26.38, 26.38, 0.58]));
    const most = said.json.series.find(({ id }) => id === 'max_memory_reserved');
    expect(most?.granularity).toBe(GIB);
    expect(steps(said, 'tag').filter((tag) => tag !== '')).toEqual([
      'Before creating fp16 partitions',
      'DeepSpeedZeRoOffload initialize [end]',
      'before forward 1',
    ]);
    expect(said.json.series.filter(({ labels }) => labels['device_type'] === 'CPU')).toHaveLength(1);
    const cache = finding(said, 'printed-cache');
    expect(cache.verdict).toContain('26.1 GiB are cached by PyTorch: no leak');
    expect(cache.verdict).toContain(
      'fell from 26.4 GiB to 594 MiB at "DeepSpeedZeRoOffload initialize [end]"',
    );
    expect(cache.remedy).toContain('get_accelerator().empty_cache()');
  });
});

describe('T04 torchtitan', () => {
  it('says the pace of the reserved peak and when the card is full', async () => {
    const said = await say('T04-torchtitan.log');
    expect(said.code).toBe(0);
    expect(valuesOf(said, 'max_memory_reserved', '0')).toEqual(gib([49.66, 51.9, 54.15, 56.4, 58.65, 60.9]));
    expect(valuesOf(said, 'printed.memory_total')).toEqual(gib([95]));
    const rise = finding(said, 'printed-rise');
    expect(rise.title).toBe('The peak of reserved memory rises by 2.25 GiB every 10 steps');
    expect(rise.verdict).toContain('after about 152 further steps');
    expect(rise).toMatchObject({ severity: 'risk', confidence: 'low' });
    expect(said.text).not.toMatch(/allocated memory grows/i);
  });
});

describe('T36 Ultralytics', () => {
  it('reads GPU_mem by epoch and says which unit and why', async () => {
    const said = await say('T36-ultralytics.log');
    expect(valuesOf(said, 'memory_reserved')).toEqual(gib([7.51, 9.02, 10.6, 12.1, 13.6, 15.1]));
    expect(steps(said, 'epoch')).toEqual([1, 2, 3, 4, 5, 6]);
    expect(finding(said, 'printed-rise').title).toBe('Reserved memory rises by 1.52 GiB per epoch');
    expect(finding(said, 'printed-rise')).toMatchObject({ confidence: 'low' });
    expect(said.text).toContain('YOLOv5 and YOLOv7 divide by 10^9');
    expect(said.json.log_events.map(({ kind }) => kind)).toEqual(['oom']);
  });
});

describe('T37 mmengine', () => {
  it('reads the peak in MiB by iteration', async () => {
    const said = await say('T37-mmengine.log');
    expect(said.code).toBe(0);
    expect(valuesOf(said, 'max_memory_allocated')).toEqual(
      [3816, 4102, 4390, 4678].map((value) => value * MIB),
    );
    expect(steps(said, 'step')).toEqual([50, 100, 150, 200]);
    const rise = finding(said, 'printed-rise');
    expect(rise.title).toMatch(/rises by 288 MiB every 50 steps/);
    expect(rise.confidence).toBe('low');
  });
});

describe('T43 vLLM, DeepSpeed and sleep in one log', () => {
  it('reads both', async () => {
    const said = await say('T43-vllm-deepspeed-sleep.log');
    expect(valuesOf(said, 'memory_allocated')).toEqual(gib([41.54]));
    expect(valuesOf(said, 'max_memory_allocated')).toEqual(gib([46.18]));
    expect(valuesOf(said, 'memory_reserved')).toEqual(gib([50.92]));
    expect(said.text).not.toContain('Not understood');
    expect(said.json.log_events[0]).toMatchObject({ kind: 'sleep' });
  });
});

describe('T22 one memory summary with an error', () => {
  it('says the errors, the retries and what empty_cache() gives back', async () => {
    const said = await say('T22-one-summary-with-oom.txt', '--fail-on', 'oom');
    expect(said.code).toBe(1);
    expect(said.text).toContain('1 out-of-memory error of device 0, and 3 retries of cudaMalloc');
    expect(finding(said, 'printed-cache')).toMatchObject({ gain_bytes: 10_038_018_048 });
    expect(finding(said, 'printed-cache').verdict).toContain(
      'Never more than 4.76 GiB were allocated at once',
    );
  });
});
