import { rankText, settingText } from '../../../src/base/rank.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settingOf, settingsOfStart } from '../../../src/analyze/server/kv-cache-log.ts';
import { messageOf, placeOf } from '../../../src/read/lines/log-prefix.ts';
import { logReader } from '../../../src/read/log.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import type { MemoryBudget } from '../../../src/trace/readings.ts';
import { inputFromBytes, readBytes } from '../open-for-test.ts';

const GIB = 2 ** 30;
const gib = (value: number): number => Math.round(value * GIB);
const fixture = readFileSync(new URL('../../fixtures/log/vllm-v1-tp2.log', import.meta.url), 'utf8');

async function read(text: string): Promise<SourceData> {
  const outcome = await readBytes(logReader, 'server.log', text);
  expect(outcome.error).toBeNull();
  expect(outcome.as?.format).toBe('vllm-log');
  return outcome.data;
}
const partsOf = (budget: MemoryBudget): Record<string, number> =>
  Object.fromEntries(budget.parts.map(({ id, value }) => [id, value]));
const onlyBudget = async (text: string): Promise<Record<string, number>> => {
  const { readings } = await read(text);
  expect(readings?.budgets).toHaveLength(1);
  return partsOf(readings!.budgets[0]);
};

describe('a V1 log of two ranks', () => {
  it('gives each rank its own budget, with what the engine prints for all', async () => {
    const { readings, warnings, producer } = await read(fixture);
    expect(warnings).toEqual([]);
    expect(producer).toBe('vLLM 0.10.2, V1 engine');
    expect(readings!.budgets.map(({ rank }) => rankText(rank))).toEqual(['DP0 TP0', 'DP0 TP1']);
    const [first, second] = readings!.budgets.map(partsOf);
    expect(first).toEqual({
      utilization: 0.9,
      weights: gib(56.93),
      kv_cache: 9320079294,
      cuda_graphs: gib(0.68),
      free_at_start: gib(78.73),
      total: gib(79.18),
      requested: gib(71.26),
      activation_peak: gib(5.58),
      non_torch: gib(0.07),
      kv_cache_tokens: 94720,
      tokens_per_request: 8192,
      max_concurrency: 11.56,
    });
    expect(second).toEqual({
      utilization: 0.9,
      weights: gib(56.93),
      kv_cache: gib(8.6),
      cuda_graphs: gib(0.68),
      kv_cache_tokens: 94720,
      tokens_per_request: 8192,
      max_concurrency: 11.56,
    });
  });

  it('says where each figure stands and how coarse it is', async () => {
    const { readings } = await read(fixture);
    const weights = readings!.budgets[1].parts.find(({ id }) => id === 'weights')!;
    expect(Buffer.from(fixture).toString('utf8', weights.offset, weights.offset + 260)).toMatch(
      /Worker_TP1.*56\.93/,
    );
    expect(weights.granularity).toBeCloseTo(GIB / 1e4, 3);
    expect(readings!.budgets[0].parts.find(({ id }) => id === 'kv_cache')!.granularity).toBe(0);
  });

  it('has the series of the loggers, dated over the turn of the year', async () => {
    const { readings, notRecorded } = await read(`started 2027-01-01\n${fixture}`);
    expect(readings!.clock).toBe('local');
    const usage = readings!.gauges.find(({ id }) => id === 'GPU KV cache usage')!;
    expect([...usage.value]).toEqual([0.117, 0.246]);
    expect(usage).toMatchObject({ unit: 'ratio', granularity: 0.001, labels: { engine: '000' } });
    expect([...usage.time_ns]).toEqual([1798761620000000000n, 1798761630000000000n]);
    expect(notRecorded.join(' ')).toContain('2027, the latest year that is written in this file');
    expect(readings!.gauges.map(({ id }) => id)).toEqual([
      'Avg prompt throughput',
      'Avg generation throughput',
      'Running',
      'Waiting',
      'GPU KV cache usage',
      'Prefix cache hit rate',
    ]);
  });

  it('never tells a key', async () => {
    const { settings } = await read(fixture);
    expect(settings).toContainEqual(['model', 'acme/tiny']);
    expect(JSON.stringify(settings)).not.toMatch(/secret/);
  });

  it('warns where the parts do not add up, and not within the printed digits', async () => {
    const wrong = fixture.replace('5.58 GiB for peak', '6.58 GiB for peak');
    const { warnings } = await read(wrong);
    expect(warnings).toHaveLength(1);
    expect(warnings[0].message).toMatch(
      /budget of DP0 TP0 does not add up: .* is 7\.68 GiB, .* 8\.68 GiB: 1 GiB apart/,
    );
  });

  it('starts another budget with another start', async () => {
    const { readings } = await read(fixture + fixture.replaceAll('56.9300', '30.0000'));
    expect(readings!.budgets.map(({ rank }) => rankText(rank))).toEqual([
      'DP0 TP0',
      'DP0 TP1',
      'DP0 TP0 (start 2)',
      'DP0 TP1 (start 2)',
    ]);
    expect(partsOf(readings!.budgets[3])['weights']).toBe(gib(30));
  });
});

describe('settings', () => {
  const engine = (version: string, words: string): string =>
    `INFO 08-01 10:00:01 [core.py:76] Initializing a V1 LLM engine (v${version}) with config: ${words}`;
  const start = (words: string, checkpoints: readonly string[], weights: string): string =>
    [
      'INFO 08-01 10:00:00 [api_server.py:1801] vLLM API server version 0.10.2',
      "INFO 08-01 10:00:00 [utils.py:326] non-default args: {'model': 'acme/tiny', 'dtype': 'auto', 'max_num_seqs': 8}",
      engine('0.10.2', words),
      ...checkpoints.map((gibs) => `INFO 08-01 10:00:02 [weight_utils.py:849] Checkpoint size: ${gibs} GiB.`),
      `INFO 08-01 10:00:03 [gpu_model_runner.py:1] Model loading took ${weights} GiB and 1.5 seconds`,
    ].join('\n');

  it('are those in force, not those asked for, and of each start', async () => {
    const { settings } = await read(
      [
        start("model='acme/tiny', dtype=torch.bfloat16, quantization=awq, max_seq_len=8192", ['3.50'], '3.4'),
        start("model='acme/big', dtype=torch.float16, quantization=None, max_seq_len=8192", ['9.25'], '9.1'),
      ].join('\n'),
    );
    expect(Object.fromEntries(settings.map(settingText))).toEqual({
      model: 'acme/tiny',
      dtype: 'torch.bfloat16',
      quantization: 'awq',
      max_seq_len: '8192',
      max_num_seqs: '8',
      'Checkpoint size': '3.50 GiB',
      'model (start 2)': 'acme/big',
      'dtype (start 2)': 'torch.float16',
      'quantization (start 2)': 'None',
      'Checkpoint size (start 2)': '9.25 GiB',
    });
    expect(settings).toContainEqual(['dtype', 'torch.float16', 2]);
    expect(Object.fromEntries(settingsOfStart(settings, 2).map(([name, value]) => [name, value]))).toEqual({
      model: 'acme/big',
      dtype: 'torch.float16',
      max_seq_len: '8192',
      max_num_seqs: '8',
      'Checkpoint size': '9.25 GiB',
    });
    expect(settingOf(settingsOfStart(settings, 1), 'quantization')).toBe('awq');
  });

  it('have the checkpoints of a model and of one that drafts, of one rank', async () => {
    const worker = (rank: number): string =>
      ['5.00', '0.75']
        .map(
          (gibs) =>
            `(Worker_TP${rank} pid=3${rank}) INFO 08-01 10:00:02 [weight_utils.py:849] Checkpoint size: ${gibs} GiB.`,
        )
        .join('\n');
    const { settings } = await read(
      `${start('dtype=torch.bfloat16', [], '2.9')}\n${worker(0)}\n${worker(1)}`,
    );
    expect(settings).toContainEqual(['Checkpoint size', '5.75 GiB']);
    expect(settings).toContainEqual(['Checkpoint sizes', '5.00 GiB + 0.75 GiB']);
  });

  it('take the type of K and V from the line that resolves "auto", and the batch from its own line', async () => {
    const { settings } = await read(
      [
        'INFO 08-01 10:00:00 [config.py:2118] Chunked prefill is enabled with max_num_batched_tokens=2048.',
        start('dtype=torch.bfloat16, kv_cache_dtype=auto', [], '3.4'),
        'INFO 08-01 10:00:04 [flashinfer.py:780] FlashInfer resolved query dtypes: prefill=torch.bfloat16, kv_cache_dtype=torch.float8_e4m3fn, arch=sm90',
        'INFO 08-01 10:00:05 [flashinfer.py:780] FlashInfer resolved query dtypes: prefill=torch.bfloat16, kv_cache_dtype=torch.bfloat16, arch=sm90',
      ].join('\n'),
    );
    expect(settings).toContainEqual(['kv_cache_dtype', 'fp8_e4m3']);
    expect(settings).toContainEqual(['max_num_batched_tokens', '2048']);
  });
});

describe('CUDA graphs that are estimated', () => {
  const log = (notice: string, more: readonly string[] = []): Promise<SourceData> =>
    read(
      [
        'INFO 05-03 17:14:20 [gpu_model_runner.py:1] Model loading took 4.50 GiB memory and 3.1 seconds',
        'INFO 05-03 17:14:32 [gpu_model_runner.py:6042] Estimated CUDA graph memory: 0.80 GiB total',
        'INFO 05-03 17:14:33 [gpu_worker.py:440] Available KV cache memory: 62.10 GiB',
        notice,
        ...more,
      ].join('\n'),
    );
  const enabled =
    'INFO 05-03 17:14:33 [gpu_worker.py:455] CUDA graph memory profiling is enabled (default since v0.21.0). The current --gpu-memory-utilization=0.9000 is equivalent to --gpu-memory-utilization=0.8900 without CUDA graph memory profiling. To maintain the same effective KV cache size as before, increase --gpu-memory-utilization to 0.9100. To disable, set VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS=0.';
  const partsIn = ({ readings }: SourceData): MemoryBudget['parts'] => readings!.budgets[0].parts;

  it('are set aside where the log says so; the total follows from their share, with its error', async () => {
    const parts = partsIn(await log(enabled));
    expect(parts.find(({ id }) => id === 'cuda_graphs_estimated')!.label).toBe(
      'CUDA graphs, estimated and set aside',
    );
    const total = parts.find(({ id }) => id === 'total')!;
    // 0.795 to 0.805 GiB are 0.00995 to 0.01005 of it.
    const ends = [0.795 / 0.01005, 0.805 / 0.00995].map((value) => value * GIB);
    expect(total.label).toContain('computed');
    expect(total.value / GIB).toBeCloseTo((ends[0] + ends[1]) / 2 / GIB, 3);
    expect(total.granularity / GIB).toBeCloseTo((ends[1] - ends[0]) / GIB, 3);
    expect(parts.find(({ id }) => id === 'utilization')!.value).toBe(0.9);
  });

  it('are not where profiling is off or comes later, and a share that says too little gives no total', async () => {
    const notices = [
      'WARNING 05-03 17:14:33 [gpu_worker.py:498] CUDA graph memory profiling is disabled (VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS=0). Consider re-enabling it (the default as of v0.21.0) and increasing --gpu-memory-utilization from 0.9000 to 0.9100.',
      'INFO 05-03 17:14:33 [gpu_worker.py:470] In v0.19, CUDA graph memory profiling will be enabled by default (VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS=1). To try it now, set VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS=1 and increase --gpu-memory-utilization from 0.9000 to 0.9100 to maintain the same effective KV cache size.',
    ];
    for (const notice of notices) {
      const parts = partsIn(await log(notice));
      expect(parts.find(({ id }) => id === 'cuda_graphs_estimated')!.label).toBe(
        'CUDA graphs, estimated and not set aside',
      );
      expect(parts.find(({ id }) => id === 'total')!.value / GIB).toBeCloseTo(80, 0);
      // Raised to 1 at most: no share.
      const full = partsIn(await log(notice.replace('to 0.9100', 'to 1.0000')));
      expect(full.some(({ id }) => id === 'total')).toBe(false);
    }
    const coarse = partsIn(await log(enabled.replace('0.8900', '0.8990')));
    expect(coarse.some(({ id }) => id === 'total')).toBe(false);
    const told = partsIn(
      await log(enabled, [
        'INFO 05-03 17:14:40 [gpu_worker.py:857] Free memory on device (78.9/79.1 GiB) on startup. Desired GPU memory utilization is (0.9, 71.19 GiB). Actual usage is 4.5 GiB for weight, 3.2 GiB for peak activation, 0.6 GiB for non-torch memory, and 0.7 GiB for CUDAGraph memory.',
      ]),
    );
    expect(told.filter(({ id }) => id === 'total').map(({ label }) => label)).toEqual(['Total']);
  });
});

describe('lines of other versions', () => {
  it('V0 0.6: the profile line, weights inside the peak of PyTorch, a worker and the driver', async () => {
    const profile = (peak: string, kv: string): string =>
      `INFO 11-18 17:11:01 worker.py:232] Memory profiling results: duration=1.2, total_gpu_memory=44.42GiB, initial_memory_usage=8.19GiB, peak_torch_memory=${peak}GiB, memory_usage_post_profile=8.26GiB, non_torch_memory=0.73GiB, kv_cache_size=${kv}GiB, gpu_memory_utilization=0.90`;
    const { readings, warnings } = await read(
      [
        'INFO 11-18 17:10:46 api_server.py:586] args: Namespace(gpu_memory_utilization=0.9)',
        'INFO 11-18 17:10:46 config.py:1] Initializing an LLM engine (v0.6.4.post1) with config: model=x',
        'INFO 11-18 17:11:00 model_runner.py:1077] Loading model weights took 7.5122 GB',
        '(VllmWorkerProcess pid=7) INFO 11-18 17:11:00 model_runner.py:1077] Loading model weights took 7.5122 GB',
        `(VllmWorkerProcess pid=7) ${profile('7.57', '31.68')}`,
        profile('8.70', '30.55'),
        'INFO 11-18 17:11:01 distributed_gpu_executor.py:57] # GPU blocks: 31284, # CPU blocks: 4096',
      ].join('\n'),
    );
    expect(warnings).toEqual([]);
    expect(readings!.budgets.map(({ rank }) => rankText(rank))).toEqual(['', 'VllmWorkerProcess pid=7']);
    const [driver, worker] = readings!.budgets.map(partsOf);
    expect(driver).toMatchObject({
      total: gib(44.42),
      kv_cache: gib(30.55),
      kv_cache_blocks: 31284,
      cpu_blocks: 4096,
    });
    expect(driver['activation_peak']).toBe(gib(8.7) - gib(7.5122));
    expect(worker).toMatchObject({ kv_cache: gib(31.68), kv_cache_blocks: 31284, non_torch: gib(0.73) });
  });

  it('V0 0.7: the four-part line of the seed, unreadable figures told', async () => {
    const told = (kv: string, total: string, all: string): string =>
      [
        'INFO 03-20 19:40:50 worker.py:267] Memory profiling takes 16.56 seconds',
        `INFO 03-20 19:40:50 worker.py:267] the current vLLM instance can use total_gpu_memory (${total}GiB) x gpu_memory_utilization (0.95) = ${all}GiB`,
        `INFO 03-20 19:40:50 worker.py:267] model weights take 42.59GiB; non_torch_memory takes 2.30GiB; PyTorch activation peak memory takes 1.42GiB; the rest of the memory reserved for KV Cache is ${kv}GiB.`,
      ].join('\n');
    const parts = await onlyBudget(told('43.64', '94.68', '89.95'));
    expect(parts).toMatchObject({ weights: gib(42.59), requested: gib(89.95), kv_cache: gib(43.64) });
    expect(8 * 42.59).toBeCloseTo(340.72);
    expect((8 * parts['weights']) / GIB).toBeCloseTo(340.72, 6);
    const { warnings, skipped } = await read(told('4x.00 ', '9x.00 ', '9x.00 '));
    expect(skipped).toBe(3);
    expect(warnings.map(({ message }) => message)).toEqual([
      'Total is printed as "9x.00", which is no number.',
      'Requested is printed as "9x.00", which is no number.',
      'KV cache is printed as "4x.00", which is no number.',
    ]);
  });

  it.each([
    ['Model loading took 14.9888 GB and 4.1 seconds', { weights: gib(14.9888) }],
    ['Model loading took 69.34 GiB memory and 113.636125 seconds', { weights: gib(69.34) }],
    ['Available KV cache memory: -1.2 GiB', { kv_cache: gib(-1.2) }],
    ['# cuda blocks: 100, # CPU blocks: 7', { kv_cache_blocks: 100, cpu_blocks: 7 }],
    ['# rocm blocks: 100, # CPU blocks: 7', { kv_cache_blocks: 100, cpu_blocks: 7 }],
    [
      'GPU KV cache size: 621,392 tokens, Maximum concurrency for 32,768 tokens per request: 18.96x',
      { kv_cache_tokens: 621392, tokens_per_request: 32768, max_concurrency: 18.96 },
    ],
    ['vllm cache_config_info with initialization after num_gpu_blocks is: 64302', { kv_cache_blocks: 64302 }],
    ['Estimated CUDA graph memory: 0.86 GiB total', { cuda_graphs_estimated: gib(0.86) }],
    [
      'CUDA graph pool memory: 1.02 GiB (actual), 0.86 GiB (estimated), difference: 0.16 GiB (15.7%).',
      { cuda_graphs: gib(1.02), cuda_graphs_estimated: gib(0.86) },
    ],
    [
      'Initial free memory: 23.08 GiB; Requested memory: 0.80 (util), 18.82 GiB',
      { free_at_start: gib(23.08), utilization: 0.8, requested: gib(18.82) },
    ],
    [
      'Initial free memory 111.7 GiB, reserved 37.11 GiB memory for KV Cache as specified by kv_cache_memory_bytes config and skipped memory profiling.',
      { free_at_start: gib(111.7), kv_cache: gib(37.11) },
    ],
    [
      'Memory profiling takes 14.40 seconds. Total non KV cache memory: 10.22GiB; torch peak memory increase: 1.40GiB; non-torch forward increase memory: 0.02GiB; weights memory: 8.80GiB.',
      { other: gib(10.22), activation_peak: gib(1.4), non_torch: gib(0.02), weights: gib(8.8) },
    ],
  ])('%s', async (line, expected) => {
    const prefix = 'INFO 09-28 21:12:43 [v1/worker/gpu_worker.py:297] ';
    expect(await onlyBudget(prefix + line)).toEqual(expected);
  });

  it('0.23: weights and non-torch told as one figure are taken apart', async () => {
    const parts = await onlyBudget(
      [
        'INFO 08-21 18:18:05 [gpu_model_runner.py:5405] Model loading took 55.19 GiB memory and 48.5 seconds',
        'INFO 08-21 18:22:06 [gpu_worker.py:789] Free memory on device (94.05/95.01 GiB) on startup. Desired GPU memory utilization is (0.9, 85.51 GiB). Actual usage is 56.89 GiB for consumed memory (weights + non-torch), 0.76 GiB for peak activation, and 0.32 GiB for CUDAGraph memory. Current kv cache memory in use is 27.85 GiB.',
      ].join('\n'),
    );
    expect(parts['non_torch']).toBe(gib(56.89) - gib(55.19));
    expect(parts['kv_cache']).toBe(gib(27.85));
  });

  it('0.25: the KV cache may leave the estimated graphs out or not', async () => {
    const line = (kv: string): string =>
      [
        'INFO 07-30 07:11:00 [x.py:1] Estimated CUDA graph memory: 0.58 GiB total',
        `INFO 07-30 07:11:20 [gpu_worker.py:857] Free memory on device (15.89/16.0 GiB) on startup. Desired GPU memory utilization is (0.95, 15.2 GiB). Actual usage is 0.88 GiB for weight, 0.26 GiB for peak activation, 0.16 GiB for non-torch memory, and 0.24 GiB for CUDAGraph memory. Current kv cache memory in use is ${kv} GiB.`,
      ].join('\n');
    expect((await read(line('13.9'))).warnings).toEqual([]);
    expect((await read(line('13.33'))).warnings).toEqual([]);
    expect((await read(line('12.33'))).warnings).toHaveLength(1);
  });
});

describe('statistics and events', () => {
  it('V0: swapped, pending, both caches, and the hit rates of the line after', async () => {
    const { readings, producer } = await read(
      [
        'INFO 11-18 17:11:21 metrics.py:449] Avg prompt throughput: 1.5 tokens/s, Avg generation throughput: 2.0 tokens/s, Running: 3 reqs, Swapped: 4 reqs, Pending: 5 reqs, GPU KV cache usage: 6.5%, CPU KV cache usage: 7.0%.',
        'INFO 11-18 17:11:21 metrics.py:465] Prefix cache hit rate: GPU: 12.50%, CPU: 0.00%',
      ].join('\n'),
    );
    expect(producer).toContain('V0');
    const last = Object.fromEntries(readings!.gauges.map(({ id, value }) => [id, value.at(-1)]));
    expect(last).toEqual({
      'Avg prompt throughput': 1.5,
      'Avg generation throughput': 2,
      Running: 3,
      Swapped: 4,
      Pending: 5,
      'GPU KV cache usage': 0.065,
      'CPU KV cache usage': 0.07,
      'Prefix cache hit rate: GPU': 0.125,
      'Prefix cache hit rate: CPU': 0,
    });
  });

  it('lines without a time count up, and a figure of a later version becomes a series too', async () => {
    const line =
      '[loggers.py:123] Engine 001: Avg prompt throughput: 600.0 tokens/s, Avg generation throughput: 77.2 tokens/s, Running: 5 reqs, Waiting: 0 reqs, Preemptions: 2, GPU KV cache usage: 99.3%, MM cache hit rate: 1.0%';
    const { readings, warnings } = await read(`${line}\n${line}`);
    expect(warnings).toEqual([]);
    expect(readings!.clock).toBe('none');
    const preemptions = readings!.gauges.find(({ id }) => id === 'Preemptions')!;
    expect([...preemptions.time_ns]).toEqual([0n, 1n]);
    expect([...preemptions.value]).toEqual([2, 2]);
    expect(preemptions.labels).toEqual({ engine: '001' });
  });

  it('a statistics line cut in its middle keeps what it says', async () => {
    const { readings, warnings } = await read(
      'INFO 01-01 00:00:20 [loggers.py:123] Engine 000: Avg prompt throughput: 600.0 tokens/s, Avg generation thr',
    );
    expect(readings!.gauges).toHaveLength(1);
    expect(warnings[0].message).toContain('"Avg generation thr"');
  });

  it.each([
    [
      'ValueError: Free memory on device cuda:1 (10.5/79.18 GiB) on startup is less than desired GPU memory utilization (0.9, 71.26 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.',
      {
        kind: 'start_refused',
        device: 1,
        figures: { free: gib(10.5), total: gib(79.18), requested: gib(71.26) },
      },
    ],
    [
      "ValueError: To serve at least one request with the models's max seq len (32768), (4.00 GiB KV cache is needed, which is larger than the available KV cache memory (1.25 GiB). Based on the available memory, the estimated maximum model length is 10240.",
      { kind: 'start_refused', figures: { requested: gib(4), free: gib(1.25) } },
    ],
    [
      'ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.',
      { kind: 'start_refused', figures: {} },
    ],
    [
      'INFO 01-01 00:00:00 [gpu_worker.py:9] Sleep mode freed 60.71 GiB memory, 3.70 GiB memory is still in use.',
      { kind: 'sleep', figures: { freed: gib(60.71), in_use: gib(3.7) } },
    ],
    [
      'WARNING 11-18 17:11:21 scheduler.py:1057] Sequence group cmpl-1 is preempted by PreemptionMode.RECOMPUTE mode because there is not enough KV cache space. total_num_cumulative_preemption=51',
      { kind: 'preemption', figures: {} },
    ],
  ])('%s', async (line, expected) => {
    const { readings } = await read(line);
    expect(readings!.events).toHaveLength(1);
    expect(readings!.events[0]).toMatchObject(expected);
    expect(readings!.events[0].text).not.toMatch(/scheduler\.py|gpu_worker/);
  });
});

describe('places and times', () => {
  it.each([
    ['INFO 01-01 00:00:00 [x.py:1] y', '', ''],
    ['(EngineCore pid=3) INFO 01-01 00:00:00 [x.py:1] y', '', ''],
    ['(EngineCore_DP1 pid=3) INFO 01-01 00:00:00 [x.py:1] y', 'DP1', 'DP1'],
    ['(VllmWorker rank=3 pid=9) INFO 01-01 00:00:00 [x.py:1] y', '', 'rank 3'],
    ['(Worker_TP0_EP0 pid=9) INFO 01-01 00:00:00 [x.py:1] y', '', 'TP0 EP0'],
    ['(Worker_DP2_TP1 pid=9) INFO 01-01 00:00:00 [x.py:1] y', 'DP2', 'DP2 TP1'],
    [
      '(RayWorkerWrapper pid=9, ip=10.0.0.2) INFO 01-01 00:00:00 [x.py:1] y',
      '',
      'RayWorkerWrapper pid=9, ip=10.0.0.2',
    ],
  ])('%s', (line, engine, rank) => {
    expect(placeOf(line)).toEqual({ engine, rank });
    expect(messageOf(line)).toBe('y');
  });

  it('without a year anywhere have none, and say so', async () => {
    const { readings, notRecorded } = await read(fixture);
    expect(readings!.gauges[0].time_ns[0]).toBe(BigInt(Date.UTC(1973, 0, 1, 0, 0, 20)) * 1_000_000n);
    expect(notRecorded.join(' ')).toContain('have no year and no time zone; they are shown as printed');
  });

  it('is recognised by its content alone', () => {
    const { head } = inputFromBytes('unknown', fixture);
    expect(logReader.sniff(head).score).toBeGreaterThan(0.9);
  });
});
