/**
 * Odd set-ups that would make a rule false: restarts inside of one log, two servers in one log, ranks that print one table
 * each, layers of one pass, a trainer beside a server that sleeps, two hosts under one number, counters that reset. Each was
 * a confident answer once.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/engine/protocol.ts';
import { textOf } from './field-for-test.ts';
import { diagnose, MIB, Recording } from './recording.ts';
import {
  budgetLines,
  diagnoseFiles,
  engineLine,
  type Files,
  smiHeader,
  smiRow,
  statsLine,
} from './logs-for-test.ts';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

async function told(files: Files): Promise<ReadonlyMap<string, Finding>> {
  const { findings } = await diagnoseFiles(files);
  return new Map(findings.map((finding) => [finding.id, finding]));
}

const log = (...lines: readonly (string | readonly string[])[]): Files => ({ 'server.log': lines.flat() });
const NEEDS =
  "ValueError: To serve at least one request with the models's max seq len (262144), (24.0 GiB KV cache is needed, which is larger than the available KV cache memory (3.18 GiB). Based on the available memory, the estimated maximum model length is 34736. Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.";
const TOO_LITTLE =
  'ValueError: Free memory on device cuda:0 (23.19/64.0 GiB) on startup is less than desired GPU memory utilization (0.85, 54.4 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.';
const serving = range(30).map((i) => statsLine(10 * i, 20 + i, 5, 0, 200));

describe('restarts inside of one log', () => {
  it.each([
    ['a request too long', [engineLine(), ...budgetLines(), NEEDS]],
    ['too little free', [TOO_LITTLE]],
  ])('a start that was refused (%s) is over where a later one went on', async (_, refused) => {
    const found = await told(log(refused, engineLine(), budgetLines(), serving));
    expect([...found.keys()].filter((id) => /kv-cache-too-small|utilization-edge|refused/.test(id))).toEqual(
      [],
    );
    expect(textOf(found.get('restarts')!)).toContain('an earlier start was refused, and a later one went on');
    // Without a later start it stands.
    const last = await told(log(engineLine(), budgetLines(), refused));
    expect(
      [...last.values()].some(
        ({ severity, confidence }) => severity === 'problem' && confidence === 'certain',
      ),
    ).toBe(true);
  });

  it('two models are two servers or a restart, which the log does not tell', async () => {
    const models = log(
      engineLine().replace("'m'", "'a/embed'"),
      budgetLines({ utilization: 0.3, weights: 5 }),
      engineLine().replace("'m'", "'b/chat'"),
      budgetLines({ utilization: 0.6, weights: 30 }),
      serving,
    );
    const found = (await told(models)).get('restarts')!;
    expect(found.confidence).toBe('low');
    expect(textOf(found)).toMatch(/starts of different models.*a\/embed and b\/chat/s);
    const same = (await told(log(engineLine(), budgetLines(), engineLine(), budgetLines()))).get('restarts')!;
    expect(same.confidence).toBe('high');
  });

  it('a limit of requests is not that of an earlier start', async () => {
    const start = (limit: number): string[] => [
      `[2026-03-20 12:00:00] server_args=ServerArgs(model_path='m', tp_size=1, dp_size=1, mem_fraction_static=0.88, max_running_requests=${limit})`,
      '[2026-03-20 12:00:01 TP0] Load weight begin. avail mem=78.10 GB',
      '[2026-03-20 12:00:05 TP0] Load weight end. type=LlamaForCausalLM, dtype=torch.bfloat16, avail mem=62.30 GB, mem usage=15.80 GB.',
      `[2026-03-20 12:00:09 TP0] max_total_num_tokens=100000, chunked_prefill_size=8192, max_prefill_tokens=16384, max_running_requests=${limit}, context_len=32768, available_gpu_mem=9.30 GB`,
    ];
    const decode = (i: number, running: number, waiting: number): string =>
      `[2026-03-20 12:01:${String(i).padStart(2, '0')} TP0] Decode batch. #running-req: ${running}, #token: 50000, token usage: 0.50, cuda graph: True, gen throughput (token/s): 670.10, #queue-req: ${waiting}, `;
    const changed = log(
      start(64),
      range(20).map((i) => decode(i, 40, 5)),
      start(16),
      range(20).map((i) => decode(20 + i, 9, 0)),
    );
    expect((await told(changed)).has('request-limit')).toBe(false);
    const bound = log(
      start(16),
      range(20).map((i) => decode(i, 16, 5)),
    );
    expect((await told(bound)).get('request-limit')!.confidence).toBe('high');
  });
});

describe('what servers print', () => {
  it('a full cache is not all that requests wait for where the limit of requests is reached', async () => {
    const full = (limit: string, running: number): Files =>
      log(
        engineLine(limit),
        budgetLines(),
        range(30).map((i) => statsLine(10 * i, 96, running, 40, 300)),
      );
    const found = (await told(full('max_num_seqs=16', 16))).get('kv-cache-too-small')!;
    expect([found.confidence, found.confidenceWhy]).toEqual([
      'medium',
      expect.stringContaining('binds as well'),
    ]);
    expect((await told(full('max_num_seqs=64', 16))).get('kv-cache-too-small')!.confidence).toBe('high');
  });

  it('a counter that resets makes no full cache out of one that is half empty', async () => {
    const scrape = (i: number): string[] => [
      `=== 2026-03-20 12:00:${String(i).padStart(2, '0')} ===`,
      'vllm:num_requests_running{model_name="m"} 8',
      'vllm:num_requests_waiting{model_name="m"} 0',
      'vllm:kv_cache_usage_perc{model_name="m"} 0.5',
      `vllm:num_preemptions_total{model_name="m"} ${i < 20 ? 500 + i : i - 20}`,
      `vllm:generation_tokens_total{model_name="m"} ${i < 20 ? 10_000 + 500 * i : 500 * (i - 20)}`,
    ];
    const found = await told({ 'metrics.prom': range(40).flatMap(scrape) });
    expect(found.has('kv-cache-too-small')).toBe(false);
    expect(found.get('preemption-storm')!.title).toContain('38 preemptions');
  });

  it('a second sleep frees nothing, as all is free', async () => {
    const slept = (freed: string, left: string): string =>
      `INFO 03-20 19:50:50 worker.py:99] Sleep mode freed ${freed} GiB memory, ${left} GiB memory is still in use.`;
    const start = [engineLine(), ...budgetLines({ weights: 15.3 })];
    expect(
      (await told(log(start, slept('60.51', '66.31'), slept('0.00', '66.31')))).has('sleep-freed-nothing'),
    ).toBe(false);
    // What is in use, a trainer's part included, is less than half of what would have to be there.
    expect((await told(log(start, slept('0.00', '26.31')))).has('sleep-freed-nothing')).toBe(false);
    expect((await told(log(start, slept('0.00', '86.31')))).get('sleep-freed-nothing')!.confidence).toBe(
      'high',
    );
  });

  it('weights in 8 bits that are widened to 16 look like weights that two ranks do not share', async () => {
    const ranks = (tensor: number): Files =>
      log(
        'INFO 03-20 19:40:40 weight_utils.py:1] Checkpoint size: 66.97 GiB',
        engineLine(`tensor_parallel_size=${tensor}, pipeline_parallel_size=1, quantization=None`),
        range(tensor)
          .map((i) => budgetLines({ weights: 66.5, prefix: `(VllmWorkerProcess pid=${7 + i}) ` }))
          .flat(),
      );
    const two = (await told(ranks(2))).get('tensor-parallel-misuse')!;
    expect([two.confidence, two.confidenceWhy]).toEqual([
      'medium',
      expect.stringContaining('computed in 16'),
    ]);
    expect((await told(ranks(8))).get('tensor-parallel-misuse')!.confidence).toBe('high');
  });

  it('out of memory for another reason makes no setting the cause', async () => {
    const oom =
      'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 94.68 GiB of which 500.00 MiB is free. Process 71 has 40.00 GiB memory in use. Including non-PyTorch memory, this process has 53.50 GiB memory in use. Of the allocated memory 50.00 GiB is allocated by PyTorch, and 200.00 MiB is reserved by PyTorch but unallocated.';
    const found = await told(log(engineLine(), budgetLines({ utilization: 0.95 }), oom));
    expect(found.get('log-out-of-memory')!.confidence).toBe('high');
    expect(found.get('utilization-edge')!.confidence).toBe('medium');
  });
});

describe('lines that are no iterations', () => {
  const line = (tag: string, i: number): string =>
    `${tag} Allocated: ${(1000 + 212.5 * i).toFixed(2)} MB, Reserved: ${(1100 + 214 * i).toFixed(2)} MB`;

  it('layers of one forward pass are no leak; steps are one', async () => {
    const layers = await told({ 'a.log': range(32).map((i) => line(`[after layer ${i}]`, i)) });
    expect(layers.has('linear-leak-printed')).toBe(false);
    expect(textOf(layers.get('printed-rise')!)).toContain('layers or stages of a single pass');
    const steps = await told({ 'a.log': range(32).map((i) => line(`[step ${i}]`, i)) });
    expect(steps.get('linear-leak-printed')!.confidence).toBe('high');
  });

  it('lines without a name may be ranks in turn', async () => {
    const found = await told({ 'a.log': range(8).map((i) => line('', i)) });
    expect(found.get('linear-leak-printed')!.confidence).toBe('low');
    expect(found.get('linear-leak-printed')!.confidenceWhy).toContain('several ranks');
  });

  it('six ranks that print one summary each are no growth', async () => {
    const text = readFileSync(join(import.meta.dirname, '../fixtures/field/T54b-rank.log'), 'utf8');
    const parts = text.split('[rank0]: step ').slice(1);
    const ranks = parts
      .map((part, i) => `[rank0]: step ${part}`.replaceAll('[rank0]', `[rank${i}]`))
      .join('');
    expect((await told({ 'ranks.log': ranks })).has('linear-leak-printed')).toBe(false);
    expect((await told({ 'ranks.log': text })).has('linear-leak-printed')).toBe(true);
  });

  it('a cache that fills by keys that come back is no leak by its lines', async () => {
    const misses = [
      0, 1, 2, 4, 5, 7, 10, 11, 13, 14, 16, 23, 35, 38, 62, 63, 66, 79, 83, 97, 99, 103, 113, 114, 117, 122,
      137, 147, 156, 159,
    ];
    let held = 4000;
    const lines = range(160).map((i) => {
      if (misses.includes(i)) held += 150;
      return `step ${i} Allocated: ${held}.00 MB, Reserved: ${held + 200}.00 MB`;
    });
    expect((await told({ 'a.log': lines })).has('linear-leak-printed')).toBe(false);
  });
});

/** Numbers in [0, 1) that are the same in every run. */
function drawn(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('caches and leaks by printed lines alone', () => {
  const CACHES: readonly (readonly [string, number, (key: number) => number, number])[] = [
    ["prefixes by Zipf's law", 5000, (key) => 1 / (key + 1), 0],
    ['the same beside other memory that comes and goes', 5000, (key) => 1 / (key + 1), 60],
    ['64 keys', 64, () => 1, 0],
    ['512 keys', 512, () => 1, 0],
  ];

  /** A line a request; a key that is new to the cache keeps 24 MB. */
  function cacheLog(keys: number, weightOf: (key: number) => number, noise: number, seed: number): string[] {
    const next = drawn(seed);
    const weights = range(keys).map(weightOf);
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    const seen = new Set<number>();
    return range(60 + 20 * seed).map((i) => {
      let at = next() * all;
      let key = 0;
      while (key < keys - 1 && (at -= weights[key]) > 0) key++;
      seen.add(key);
      const held = 4000 + 24 * seen.size + Math.floor(noise * next());
      return `step ${i} Allocated: ${held}.00 MB, Reserved: ${held + 200}.00 MB`;
    });
  }

  it.each(CACHES)('%s: never a leak for certain, and both causes are named', async (_name, ...cache) => {
    let quiet = 0;
    for (const seed of range(6)) {
      const found = (await told({ 'a.log': cacheLog(...cache, seed) })).get('linear-leak-printed');
      if (found === undefined) {
        quiet++;
        continue;
      }
      expect(['low', 'medium']).toContain(found.confidence);
      expect(found.severity).toBe('risk');
      expect(found.title).toContain('a leak, or a cache that fills');
      expect(textOf(found)).toContain('looks the same');
    }
    expect(quiet).toBeGreaterThanOrEqual(cache[0] === 512 ? 0 : 1);
  });

  it('what is kept at every line is a leak', async () => {
    const lines = range(80).map((i) => `step ${i} Allocated: ${4000 + 24 * i}.00 MB, Reserved: 8000.00 MB`);
    const found = (await told({ 'a.log': lines })).get('linear-leak-printed')!;
    expect([found.severity, found.confidence]).toEqual(['problem', 'high']);
  });
});

describe('GPUs that are not of NVIDIA', () => {
  const message = (backend: string, free: string, allocated: string): string =>
    `torch.OutOfMemoryError: ${backend} out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.91 GiB${free} Of the allocated memory ${allocated} is allocated by PyTorch, and 100.00 MiB is reserved by PyTorch but unallocated.`;
  const oom = async (...parts: Parameters<typeof message>): Promise<Finding> =>
    (await told({ 'oom.txt': message(...parts) })).get('log-out-of-memory')!;

  it('an APU holds memory of the host: no control panel of NVIDIA changes that', async () => {
    const found = await oom('HIP', ' of which 0 bytes is free.', '23.31 GiB');
    expect(textOf(found)).toMatch(/memory of the host is in use as GPU memory \(an integrated GPU or an APU/);
    expect(textOf(found)).not.toMatch(/NVIDIA|Windows/);
  });

  it('what was free is not printed: what PyTorch does not hold may have been, so nothing is called full', async () => {
    const found = await oom('XPU', '.', '10.30 GiB');
    expect(found.confidence).toBe('low');
    expect(textOf(found)).toMatch(
      /How much of that was free, cached in pieces or another process's the message does not say/,
    );
    expect(textOf(found)).not.toMatch(/the memory is full|Room on the device|nvidia-smi/);
    // Where it cannot have been enough, it is.
    expect(textOf(await oom('XPU', '.', '14.90 GiB'))).toContain('the memory is full');
  });

  it('other processes are looked for with the tool of the vendor', async () => {
    const found = await oom('HIP', ' of which 500.00 MiB is free.', '12.00 GiB');
    expect(textOf(found)).toContain('amd-smi');
    expect(textOf(found)).not.toContain('nvidia-smi');
  });
});

describe('an engine without tokens', () => {
  it('a long prefill takes block after block, and is not stuck', async () => {
    const rising = range(20).map((i) => statsLine(10 * i, 5 + 3 * i, 1, 0, 0));
    expect((await told(log(engineLine(), rising))).has('stuck-engine')).toBe(false);
    const still = range(20).map((i) => statsLine(10 * i, 40, 1, 3, 0));
    expect((await told(log(engineLine(), still))).get('stuck-engine')!.confidence).toBe('high');
  });
});

describe('recordings', () => {
  it('graphs captured in each iteration, each with a pool of its own, are no fragments', async () => {
    const program = new Recording({ pools: 50 });
    for (const line of [20, 21, 22]) program.take(`main:2 build:${line}`, 8 * MIB);
    for (const i of range(40)) {
      const x = program.take('serve:44 copy:45', 2 * MIB);
      program.drop(
        ...['norm:31', 'qkv:32', 'mlp:35'].map((line) =>
          program.take(`serve:46 capture:5 run:6 ${line}`, 6 * MIB + 4096 * i, { pool: i + 1 }),
        ),
        x,
      );
      range(6).forEach(() => program.drop(program.take('serve:47 decode:48', MIB)));
    }
    const found = (await diagnose(program.facts())).find(({ id }) => id === 'fragmentation-growth')!;
    expect(found.confidence).toBe('medium');
    expect(found.verdict).toMatch(/40 private pools .*captured again and again, each with a pool of its own/);
    expect(found.remedy).toContain('first.pool()');
  });
});

describe('monitors', () => {
  it('growth is not told apart from a program that loads, and never sure of its cause', async () => {
    const found = await told({
      'smi.csv': [smiHeader, ...range(30).map((i) => smiRow(i, 600 + 1200 * i))],
    });
    const growth = found.get('gauge-growth')!;
    expect(growth.confidence).toBe('medium');
    expect(textOf(growth)).toContain('a program that still loads');
  });

  it('a process that ended is told with what it had', async () => {
    const ended = [...range(20).map((i) => smiRow(i, 30_038)), ...range(5).map((i) => smiRow(20 + i, 2))];
    const found = (await told({ 'smi.csv': [smiHeader, ...ended] })).get('restarts')!;
    expect([found.severity, found.confidence]).toEqual(['info', 'medium']);
    expect(textOf(found)).toMatch(
      /fell to .* at 12:00:20 and did not come back.*ended, or was ended, with 29\.3/s,
    );
    const idle = range(25).map((i) => smiRow(i, 30_038));
    expect((await told({ 'smi.csv': [smiHeader, ...idle] })).has('restarts')).toBe(false);
  });

  it('two hosts under one number are no restarts', async () => {
    const rows = range(120).map((i) => smiRow(Math.floor(i / 2), i % 2 === 0 ? 1500 : 70_000));
    expect((await told({ 'smi.csv': [smiHeader, ...rows] })).has('restarts')).toBe(false);
    const once = range(120).map((i) => smiRow(10 * i, i > 50 && i < 56 ? 300 : 70_000));
    expect((await told({ 'smi.csv': [smiHeader, ...once] })).has('restarts')).toBe(true);
  });
});
