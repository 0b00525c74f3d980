/** Every rule about logs has a case where it must fire and one, close to it, where it must not. */
import { describe, expect, it } from 'vitest';
import {
  budgetLines,
  diagnoseFiles,
  engineLine,
  findingsOf,
  GIB,
  MIB,
  migTable,
  smiHeader,
  smiRow,
  statsLine,
} from './logs-for-test.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('weights-too-large', () => {
  it('fires where weights leave little for the KV cache', async () => {
    const [found] = await findingsOf('weights-too-large', {
      'vllm.log': budgetLines({ total: 80, weights: 66 }),
    });
    expect(found.severity).toBe('risk');
    expect(found.title).toContain('91.7 %');
    expect(found.remedy).toContain('--tensor-parallel-size 2');
    expect(found.evidence[1].text).toBe(
      '72 GiB requested: Weights 66 GiB, Non-torch memory 2.3 GiB, Activation peak 1.42 GiB, KV cache 2.28 GiB.',
    );
    expect(found.gainBytes).toBeNull();
  });

  it('does not name quantised weights where they are quantised', async () => {
    const [found] = await findingsOf('weights-too-large', {
      'vllm.log': [
        engineLine('quantization=awq, kv_cache_dtype=auto'),
        ...budgetLines({ total: 80, weights: 66 }),
      ],
    });
    expect(found.remedy).toContain('quantised already (awq)');
  });

  it('is silent where something else than the weights leaves little', async () => {
    expect(
      await findingsOf('weights-too-large', { 'vllm.log': budgetLines({ total: 80, weights: 50, kv: 5 }) }),
    ).toEqual([]);
  });

  it('is silent at 70 %', async () => {
    expect(
      await findingsOf('weights-too-large', { 'vllm.log': budgetLines({ total: 80, weights: 50 }) }),
    ).toEqual([]);
  });
});

describe('utilization-edge', () => {
  it('fires above 0.9, with the bytes that 0.9 leaves free', async () => {
    const [found] = await findingsOf('utilization-edge', {
      'vllm.log': budgetLines({ utilization: 0.95 }),
    });
    expect(found.severity).toBe('risk');
    expect(found.remedy).toBe('--gpu-memory-utilization 0.9');
    // 0.05 of 94.7 GiB, less what the printed digits leave open.
    expect(found.gainBytes! / GIB).toBeCloseTo(0.05 * 94.68, 2);
  });

  it('does not at 0.9', async () => {
    expect(await findingsOf('utilization-edge', { 'vllm.log': budgetLines() })).toEqual([]);
  });

  it('is a problem where the log ends in an out-of-memory error', async () => {
    const files = {
      'vllm.log': [
        ...budgetLines({ utilization: 0.95 }),
        'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1 GiB. GPU 0 has a total capacity of 94.7 GiB of which 0.5 GiB is free. Process 7 has 94.1 GiB memory in use. Of the allocated memory 93 GiB is allocated by PyTorch, and 200 MiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.',
      ],
    };
    const [found] = await findingsOf('utilization-edge', files);
    expect(found.severity).toBe('problem');
  });

  it('names the largest utilization that starts, where one did not', async () => {
    const [found] = await findingsOf('utilization-edge', {
      'vllm.log':
        'ERROR 03-20 19:40:50 core.py:1] ValueError: Free memory on device cuda:0 (60.10/79.1 GiB) on startup is less than desired GPU memory utilization (0.9, 71.2 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.\n',
    });
    expect(found.severity).toBe('problem');
    // 60.10 / 79.10 = 0.7598
    expect(found.remedy).toContain('--gpu-memory-utilization 0.75');
  });

  it('raises it only where there is room above', async () => {
    const refusal =
      'ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.';
    const low = await findingsOf('utilization-edge', {
      'vllm.log': [...budgetLines({ utilization: 0.5, kv: 0.1 }), `ERROR 03-20 19:40:51 x.py:1] ${refusal}`],
    });
    expect(low[0].remedy).toContain('--gpu-memory-utilization 0.9: 37.9');
    const high = await findingsOf('utilization-edge', {
      'vllm.log': [...budgetLines({ kv: 0.1 }), `ERROR 03-20 19:40:51 x.py:1] ${refusal}`],
    });
    expect(high[0].remedy).not.toMatch(/^--gpu-memory-utilization/);
  });
});

describe('kv-cache-too-small', () => {
  const kvLines = (concurrency: string): string[] => [
    'INFO 03-20 19:40:51 kv_cache_utils.py:637] GPU KV cache size: 60,000 tokens',
    `INFO 03-20 19:40:51 kv_cache_utils.py:640] Maximum concurrency for 8,192 tokens per request: ${concurrency}x`,
  ];

  it('fires where a start was refused, with what was needed and what was left', async () => {
    const [found] = await findingsOf('kv-cache-too-small', {
      'vllm.log':
        "ERROR 03-20 19:40:50 core.py:1] ValueError: To serve at least one request with the models's max seq len (131072), (16 GiB KV cache is needed, which is larger than the available KV cache memory (9.49 GiB). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.\n",
    });
    expect(found.severity).toBe('problem');
    expect(found.verdict).toContain('16 GiB');
    expect(found.verdict).toContain('9.49 GiB');
  });

  it('fires where the cache is full and requests wait, and names only what was computed', async () => {
    const [found] = await findingsOf('kv-cache-too-small', {
      'vllm.log': [
        engineLine('kv_cache_dtype=auto'),
        ...budgetLines(),
        ...kvLines('7.32'),
        ...range(12).map((i) => statsLine(10 * i, 98, 30, 40, 200)),
      ],
    });
    expect(found.severity).toBe('risk');
    expect(found.remedy).toContain('--kv-cache-dtype fp8');
    expect(found.evidence.map(({ text }) => text).join(' ')).toContain('7.32 requests of that length');
  });

  it('does not where the cache is full and none waits', async () => {
    expect(
      await findingsOf('kv-cache-too-small', {
        'vllm.log': [
          engineLine(),
          ...budgetLines(),
          ...kvLines('7.32'),
          ...range(12).map((i) => statsLine(10 * i, 98, 30, 0, 200)),
        ],
      }),
    ).toEqual([]);
  });

  it('names the length that the server itself has worked out', async () => {
    const [found] = await findingsOf('kv-cache-too-small', {
      'vllm.log':
        "ERROR 03-20 19:40:50 core.py:1] ValueError: To serve at least one request with the models's max seq len (131072), (16 GiB KV cache is needed, which is larger than the available KV cache memory (9.49 GiB). Based on the available memory, the estimated maximum model length is 77,744. Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.\n",
    });
    expect(found.remedy).toMatch(/^--max-model-len 77744, the longest that fits/);
  });

  it('speaks of a server in the words of that server', async () => {
    const full = (second: number): string =>
      `[2026-08-01 23:50:${String(second).padStart(2, '0')} TP0] Decode batch. #running-req: 30, #token: 146000, token usage: 0.98, cuda graph: True, gen throughput (token/s): 170.39, #queue-req: 12, `;
    const findings = (
      await diagnoseFiles({
        'sglang.log': [
          "[2026-08-01 23:37:38] server_args=ServerArgs(model_path='acme/tiny', context_length=65536, tp_size=1)",
          '[2026-08-01 23:40:12 TP0] max_total_num_tokens=148717, chunked_prefill_size=8192, max_prefill_tokens=16384, max_running_requests=2048, context_len=65536, available_gpu_mem=26 GB',
          ...range(12).map((i) => full(4 * i)),
        ],
      })
    ).findings.filter(({ id }) => id === 'kv-cache-too-small');
    expect(findings).toHaveLength(1);
    const told = JSON.stringify(findings);
    expect(told).toContain('--context-length');
    expect(told).not.toMatch(/--max-model-len|--max-num-seqs|--gpu-memory-utilization/);
  });

  it('fires below one request of full length, and not at one', async () => {
    const of = (concurrency: string): Promise<readonly unknown[]> =>
      findingsOf('kv-cache-too-small', {
        'vllm.log': [engineLine(), ...budgetLines(), ...kvLines(concurrency)],
      });
    expect(await of('0.80')).toHaveLength(1);
    expect(await of('1.00')).toEqual([]);
  });
});

describe('tensor-parallel-misuse', () => {
  const ranks = (
    weights: readonly number[],
    checkpoint: number,
    settings = 'tensor_parallel_size=2',
  ): string[] => [
    engineLine(`${settings}, pipeline_parallel_size=1`),
    `INFO 03-20 19:40:45 weight_utils.py:1] Checkpoint size: ${checkpoint.toFixed(2)} GiB. Available RAM: 400 GiB.`,
    ...weights.flatMap((one, i) =>
      budgetLines({ weights: one, prefix: i === 0 ? '' : `(VllmWorkerProcess pid=${i}) ` }),
    ),
  ];

  it('fires where each rank holds all weights', async () => {
    const [found] = await findingsOf('tensor-parallel-misuse', { 'vllm.log': ranks([60, 60], 60) });
    expect(found.severity).toBe('problem');
    expect(found.gainBytes! / GIB).toBeCloseTo(30, 1);
  });

  it('does not where they are split', async () => {
    expect(await findingsOf('tensor-parallel-misuse', { 'vllm.log': ranks([30.1, 30.1], 60) })).toEqual([]);
  });

  it('fires where ranks are uneven, and not by stages of a pipeline', async () => {
    const [found] = await findingsOf('tensor-parallel-misuse', { 'vllm.log': ranks([30, 40], 70) });
    expect(found.title).toContain('30 GiB to 40 GiB');
    const log = ranks([30, 40], 70).map((line) =>
      line.replace('pipeline_parallel_size=1', 'pipeline_parallel_size=2'),
    );
    expect(await findingsOf('tensor-parallel-misuse', { 'vllm.log': log })).toEqual([]);
  });

  it('fires where ranks are more than KV heads, by the config of the model', async () => {
    const config = (kvHeads: number): string =>
      JSON.stringify({
        num_hidden_layers: 32,
        num_attention_heads: 32,
        num_key_value_heads: kvHeads,
        hidden_size: 4096,
        torch_dtype: 'bfloat16',
      });
    const files = { 'vllm.log': ranks([10, 10], 20, 'tensor_parallel_size=8') };
    const of = (kvHeads: number): ReturnType<typeof findingsOf> =>
      findingsOf('tensor-parallel-misuse', files, { gpusPerPod: null, modelConfig: config(kvHeads) });
    const [found] = await of(4);
    expect(found.title).toBe('Each KV head is kept 2 times');
    expect(found.remedy).toContain('--tensor-parallel-size 4');
    expect(await of(8)).toEqual([]);
  });
});

describe('other-processes', () => {
  const apps = (...rows: string[]): Record<string, string[]> => ({
    'apps.csv': ['timestamp, gpu_uuid, pid, process_name, used_gpu_memory [MiB]', ...rows],
  });
  const at = (second: string, pid: number, name: string, mebibytes: number): string =>
    `2026/03/20 12:00:${second}.000, GPU-11111111-2222-3333-4444-555555555555, ${pid}, ${name}, ${mebibytes} MiB`;

  it('fires where two hold memory at once, with what the other holds', async () => {
    const [found] = await findingsOf(
      'other-processes',
      apps(
        at('01', 100, 'python', 60000),
        at('01', 200, 'notebook', 9000),
        at('02', 100, 'python', 60100),
        at('02', 200, 'notebook', 9000),
      ),
    );
    expect(found.gainBytes).toBe(9000 * MIB);
    expect(found.remedy).toContain('ps -fp 200');
    expect(found.remedy).not.toContain('kill');
  });

  it('does not for a desktop of 40 MiB, nor for one process after the other', async () => {
    expect(
      await findingsOf('other-processes', apps(at('01', 100, 'python', 60000), at('01', 9, 'Xorg', 40))),
    ).toEqual([]);
    const one = apps(
      at('01', 100, 'python', 60000),
      at('02', 100, 'python', 60000),
      at('05', 200, 'python', 59000),
      at('06', 200, 'python', 59000),
    );
    expect(await findingsOf('other-processes', one)).toEqual([]);
    // That is a restart.
    expect(await findingsOf('restarts', one)).toHaveLength(1);
  });

  it('fires where much was in use before the server took anything', async () => {
    const line = (free: string): string =>
      `INFO 03-20 19:40:50 gpu_worker.py:1] Initial free memory: ${free} GiB; Requested memory: 0.90 (util), 71.2 GiB`;
    const of = (free: string): ReturnType<typeof findingsOf> =>
      findingsOf('other-processes', {
        'vllm.log': [
          engineLine('', '0.10.0'),
          `DEBUG 03-20 19:40:49 gpu_worker.py:1] worker init memory snapshot: torch_peak=0.0GiB, free_memory=${free}GiB, total_memory=79.10GiB`,
          line(free),
        ],
      });
    expect((await of('70.00'))[0].title).toContain('9.1 GiB');
    expect(await of('78.60')).toEqual([]);
  });
});

describe('a GPU with MIG instances', () => {
  const apps = (gi: string): string =>
    `|    0    ${gi}    0            21198      C   ./gpu_burn                     7484MiB |\n|    0    ${gi}    0            21180      C   /root/memhog                   2296MiB |`;

  it('processes of one instance are listed once', async () => {
    const table = `Tue Jul 14 09:00:43 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 590.48.01              Driver Version: 590.48.01      CUDA Version: 13.1     |
+-----------------------------------------------------------------------------------------+
| Processes:                                                                              |
|  GPU   GI   CI              PID   Type   Process name                        GPU Memory |
|        ID   ID                                                               Usage      |
|=========================================================================================|
${apps('2')}
+-----------------------------------------------------------------------------------------+
`;
    expect(await findingsOf('other-processes', { 'smi.txt': table })).toHaveLength(1);
  });
});

describe('restarts', () => {
  const smi = (used: readonly number[]): Record<string, string[]> => ({
    'smi.csv': [smiHeader, ...used.map((one, i) => smiRow(10 * i, one))],
  });

  it('fires where the use falls to nothing and comes back', async () => {
    const [found] = await findingsOf('restarts', smi([70000, 70000, 500, 4, 30000, 69000]));
    expect(found.title).toBe('Restarted once');
    expect(found.evidence[0].text).toContain('68.4 GiB');
  });

  it('does not where a cache was emptied, or where it ends for good', async () => {
    expect(await findingsOf('restarts', smi([70000, 70000, 25000, 60000, 70000]))).toEqual([]);
    const [ended] = await findingsOf('restarts', smi([70000, 70000, 500, 4, 4, 4]));
    expect([ended.severity, ended.title]).toEqual(['info', expect.stringContaining('did not come back')]);
  });

  it('leaves how it grew before to be judged, without what came after', async () => {
    const rising = Array.from({ length: 60 }, (_, i) => 20_000 + 500 * i);
    const flat = Array.from({ length: 60 }, (_, i) => 20_000 + 100 * Math.min(i, 4));
    const gone = [3, 3, 3, 3, 3, 3];
    const [grown] = await findingsOf('gauge-growth', smi([...rising, ...gone]));
    expect(grown.title).toContain('grows by 500 MiB a sample');
    expect(grown.evidence[0].text).toMatch(/^60 values, from 19\.5 GiB .* to 48\.3 GiB /);
    // It has ended: it comes to no limit any more.
    expect(grown.verdict).not.toContain('the limit is reached');
    expect((await findingsOf('gauge-growth', smi(rising)))[0].verdict).toContain('the limit is reached');
    const [stayed] = await findingsOf('gauge-plateau', smi([...flat, ...gone]));
    expect(stayed.verdict).toContain('stayed near that until it was given back.');
    expect((await findingsOf('gauge-plateau', smi(flat)))[0].verdict).toContain(
      'stayed near that to the end.',
    );
  });

  it('does not where the server was put to sleep', async () => {
    const used = smi([70000, 70000, 500, 4, 30000, 69000]);
    const sleep =
      'INFO 03-20 12:00:20 gpu_worker.py:1] Sleep mode freed 67 GiB memory, 0.49 GiB memory is still in use.';
    expect(await findingsOf('restarts', { ...used, 'vllm.log': [...budgetLines(), sleep] })).toEqual([]);
  });

  it('fires where a server starts again in its log', async () => {
    const once = [engineLine(), ...budgetLines()];
    expect(await findingsOf('restarts', { 'vllm.log': once })).toEqual([]);
    const [found] = await findingsOf('restarts', { 'vllm.log': [...once, ...once] });
    expect(found.confidence).toBe('high');
    expect(found.evidence[0].text).toContain('started twice');
  });
});

describe('mig-slice-too-small', () => {
  it('fires where the instance is full, and says what the whole GPU has', async () => {
    const [found] = await findingsOf('mig-slice-too-small', { 'smi.txt': migTable(40000) });
    expect(found.severity).toBe('risk');
    expect(found.gainBytes).toBe((81559 - 40448) * MIB);
  });

  it('does not where it has room', async () => {
    expect(await findingsOf('mig-slice-too-small', { 'smi.txt': migTable(30000) })).toEqual([]);
  });

  it('is a problem where a message has the instance as its capacity', async () => {
    const oom = (total: string): string =>
      `torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 12 GiB. GPU 0 has a total capacity of ${total} GiB of which 9 GiB is free. Process 7 has 30 GiB memory in use. Of the allocated memory 29 GiB is allocated by PyTorch, and 100 MiB is reserved by PyTorch but unallocated. See documentation for Memory Management\n`;
    const [found] = await findingsOf('mig-slice-too-small', {
      'smi.txt': migTable(30000),
      'oom.txt': oom('39.25'),
    });
    expect(found.severity).toBe('problem');
    expect(
      await findingsOf('mig-slice-too-small', { 'smi.txt': migTable(30000), 'oom.txt': oom('79.18') }),
    ).toEqual([]);
  });
});

describe('usage of the KV cache', () => {
  const log = (rows: readonly string[]): Record<string, string[]> => ({
    'vllm.log': [engineLine(), ...rows],
  });
  const full = range(12).map((i) => statsLine(10 * i, 20 + 6.5 * i, 30, 0, 300));

  it('that climbs and stays while tokens are made is expected', async () => {
    const rows = [...full, ...range(10).map((i) => statsLine(120 + 10 * i, 96, 30, 0, 300))];
    const [found] = await findingsOf('kv-usage-expected', log(rows));
    expect(found.severity).toBe('good');
    expect(found.remedy).toBeNull();
    expect(await findingsOf('stuck-engine', log(rows))).toEqual([]);
  });

  it('that stays with nothing made is a stuck engine, and not expected', async () => {
    const rows = [...full, ...range(10).map((i) => statsLine(120 + 10 * i, 96, 0, 9, 0))];
    const [found] = await findingsOf('stuck-engine', log(rows));
    expect(found.severity).toBe('problem');
    expect(found.verdict).toContain('lasts to the end');
    expect(await findingsOf('kv-usage-expected', log(rows))).toEqual([]);
  });

  it('with preemptions again and again is a storm; two are none', async () => {
    const preempt = (second: number, total: number): string =>
      statsLine(second, 99, 30, 5, 100).replace(
        /metrics.*$/,
        `scheduler.py:1] Sequence group ${total} is preempted by PreemptionMode.RECOMPUTE mode because there is not enough KV cache space. total_num_cumulative_preemption=${total}`,
      );
    const storm = range(12).flatMap((i) => [
      preempt(10 * i + 1, 1 + 10 * i),
      statsLine(10 * i + 2, 99, 30, 5, 100),
    ]);
    const [found] = await findingsOf('preemption-storm', log(storm));
    expect(found.severity).toBe('problem');
    const calm = [
      statsLine(0, 99, 30, 5, 100),
      preempt(1, 1),
      ...range(10).map((i) => statsLine(10 + 10 * i, 99, 30, 5, 100)),
    ];
    expect(await findingsOf('preemption-storm', log(calm))).toEqual([]);
  });
});

describe('high-usage', () => {
  const smi = (seconds: number, used: number): string[] => [
    smiHeader,
    smiRow(0, 40000),
    ...range(seconds / 10 + 1).map((i) => smiRow(10 + 10 * i, used)),
  ];

  it('fires from five minutes above 90 % on', async () => {
    const [found] = await findingsOf('high-usage', { 'smi.csv': smi(360, 75000) });
    expect(found.severity).toBe('risk');
    expect(found.title).toContain('6.0 minutes');
  });

  it('does not at four minutes, nor at 89 %', async () => {
    expect(await findingsOf('high-usage', { 'smi.csv': smi(240, 75000) })).toEqual([]);
    expect(await findingsOf('high-usage', { 'smi.csv': smi(360, 72500) })).toEqual([]);
  });

  it('explains it where a server fills the GPU by intent', async () => {
    const [found] = await findingsOf('high-usage', { 'smi.csv': smi(360, 75000), 'vllm.log': budgetLines() });
    expect(found.severity).toBe('info');
    expect(found.remedy).toBeNull();
  });
});

describe('growth in printed lines', () => {
  const lines = (of: (i: number) => readonly [number, number], count = 24): Record<string, string[]> => ({
    'report.log': range(count).map((i) => {
      const [allocated, reserved] = of(i);
      return `[request_${i}] Allocated: ${(allocated * 1.048576).toFixed(1)} MB | Reserved: ${(reserved * 1.048576).toFixed(1)} MB`;
    }),
  });

  it('allocated that grows with every line is a leak', async () => {
    const [found] = await findingsOf(
      'linear-leak-printed',
      lines((i) => [100 + 35 * i, 128 + 36 * i]),
    );
    expect(found.severity).toBe('problem');
    expect(found.title).toMatch(/grows by 35 MiB per line/);
    expect(found.gainBytes).toBeNull();
  });

  it('growth that slows down is called no leak, in lines or by a monitor', async () => {
    const slowing = (i: number): number => Math.round(100 + 900 * Math.sqrt(i));
    const files = {
      ...lines((i) => [slowing(i), slowing(i) + 64], 60),
      'smi.csv': [smiHeader, ...range(60).map((i) => smiRow(10 * i, 2000 + slowing(i)))],
    };
    for (const id of ['linear-leak-printed', 'gauge-growth', 'gauge-plateau'])
      expect(await findingsOf(id, files)).toEqual([]);
  });

  it('allocated flat and reserved up and bounded is the cache', async () => {
    const files = lines((i) => [100, 200 + 100 * Math.min(i, 4)]);
    expect(await findingsOf('linear-leak-printed', files)).toEqual([]);
    const [found] = await findingsOf('caching-allocator-printed', files);
    expect(found.severity).toBe('good');
    // 600 MiB, as it was printed to a tenth of a megabyte.
    expect(found.title).toContain('600 MiB');
  });

  it('a device whose use goes on growing is a risk; one that is flat is nothing', async () => {
    const smi = (of: (i: number) => number): Record<string, string[]> => ({
      'smi.csv': [smiHeader, ...range(40).map((i) => smiRow(10 * i, of(i)))],
    });
    const [found] = await findingsOf(
      'gauge-growth',
      smi((i) => 20000 + 100 * i),
    );
    expect(found.severity).toBe('risk');
    expect(
      await findingsOf(
        'gauge-growth',
        smi(() => 20000),
      ),
    ).toEqual([]);
  });
});

describe('log-out-of-memory', () => {
  const oom = (told: {
    asked?: string;
    free?: string;
    process?: string;
    allocated?: string;
    unallocated?: string;
    extra?: string;
  }): Record<string, string> => ({
    'oom.txt': `torch.OutOfMemoryError: CUDA out of memory. Tried to allocate ${told.asked ?? '2 GiB'}. GPU 0 has a total capacity of 79.2 GiB of which ${told.free ?? '500 MiB'} is free. ${told.extra ?? ''}Including non-PyTorch memory, this process has ${told.process ?? '78.6 GiB'} memory in use. Of the allocated memory ${told.allocated ?? '77 GiB'} is allocated by PyTorch, and ${told.unallocated ?? '200 MiB'} is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  See documentation for Memory Management\n`,
  });

  it('names expandable segments only where much is reserved and unallocated', async () => {
    const [found] = await findingsOf('log-out-of-memory', oom({ unallocated: '5 GiB', allocated: '72 GiB' }));
    expect(found.remedy).toContain('expandable_segments:True');
    const [little] = await findingsOf('log-out-of-memory', oom({}));
    expect(little.remedy).not.toContain('expandable_segments');
    expect(little.verdict).toContain('cannot help');
  });

  it('free and cached together can be enough: then the advice of the message is not refused', async () => {
    const asked = { asked: '600 MiB', unallocated: '200 MiB' };
    const [apart] = await findingsOf('log-out-of-memory', oom(asked));
    expect(apart.remedy).toContain('PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True');
    expect(apart.verdict).toContain(
      '200 MiB are reserved and not allocated, and 500 MiB more could be taken',
    );
    // 200 + 500 MiB are less than 800: no setting makes a piece of that size.
    const [less] = await findingsOf('log-out-of-memory', oom({ ...asked, asked: '800 MiB' }));
    expect(less.remedy).not.toContain('expandable_segments');
    expect(less.verdict).toContain('expandable_segments, as the message advises, cannot help');
  });

  it('expandable segments are not advised to a server that sleeps, without saying so', async () => {
    const { 'oom.txt': text } = oom({ unallocated: '5 GiB', allocated: '72 GiB' });
    const sleep =
      'INFO 03-20 12:00:20 gpu_worker.py:1] Sleep mode freed 67 GiB memory, 0.49 GiB memory is still in use.';
    const of = async (...lines: string[]): Promise<string> =>
      (
        await findingsOf('log-out-of-memory', {
          'vllm.log': [engineLine(), ...budgetLines(), ...lines, `ERROR 03-20 12:10:00 engine.py:1] ${text}`],
        })
      )[0].remedy!;
    expect(await of(sleep)).toContain('sleep mode, which does not work with expandable segments');
    expect(await of()).not.toContain('sleep mode');
  });

  it('other processes: what they hold by the figures', async () => {
    const [found] = await findingsOf('log-out-of-memory', oom({ process: '40 GiB', allocated: '39 GiB' }));
    expect(found.remedy).toContain('other processes');
    // 79.18 - 500 MiB - 40.00, each figure at its least favourable rounding, less what the driver may keep.
    expect(found.verdict).toContain('other processes hold 37.9 GiB at least');
    // Nobody is named, and the driver's part is not known: what would come back is no figure.
    expect(found.gainBytes).toBeNull();
    const [named] = await findingsOf(
      'log-out-of-memory',
      oom({
        process: '40 GiB',
        allocated: '39 GiB',
        extra: 'Process 71 has 38.5 GiB memory in use. ',
      }),
    );
    expect(named.confidence).toBe('high');
    expect(named.gainBytes! / GIB).toBeGreaterThan(38.49);
    expect(named.gainBytes! / GIB).toBeLessThan(38.5);
  });

  it('a limit of the process itself', async () => {
    const [found] = await findingsOf(
      'log-out-of-memory',
      oom({ free: '70 GiB', process: '8.5 GiB', allocated: '7.9 GiB', extra: '8 GiB allowed; ' }),
    );
    expect(found.remedy).toContain('set_per_process_memory_fraction');
    expect(found.verdict).toContain('8 GiB');
  });

  it('a request larger than the GPU', async () => {
    const [found] = await findingsOf('log-out-of-memory', oom({ asked: '120 GiB' }));
    expect(found.verdict).toContain('can never fit');
  });

  it('is silent about a log without one', async () => {
    expect(await findingsOf('log-out-of-memory', { 'vllm.log': budgetLines() })).toEqual([]);
  });
});
