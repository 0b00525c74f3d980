/**
 * Texts as monitors and servers write them, made of code and always the same, for readers to read: eight GPUs of
 * nvidia-smi, sixty-four of DCGM by way of Prometheus, a vLLM server of several ranks. All begin at 2026-11-21 09:11:53.
 */
const START = 1_795_252_313_000;
const SMI_SAMPLES = 2500;
const DCGM_SAMPLES = 120;

/** 0 to 1, the same for the same place. */
function noise(a: number, b: number): number {
  let mixed = (Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 7, 0x85ebca6b)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39) >>> 0;
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
}

const at = (milliseconds: number): string => new Date(START + milliseconds).toISOString();

/** One sample a second; GPU 6 is lost from the 900th to the 1,300th, GPU 2 has one spike of 81,000 MiB. */
export function smiText(): string {
  const used = (gpu: number, i: number): number =>
    gpu === 2 && i === 1666
      ? 81_000
      : Math.round(
          4000 +
            6000 * gpu +
            22_000 * (i / SMI_SAMPLES) +
            3000 * Math.sin(i / (45 + 10 * gpu)) +
            300 * noise(i, gpu),
        );
  const row = (gpu: number, i: number): string => {
    const lost = gpu === 6 && i > 900 && i < 1300;
    const busy = Math.round(100 * noise(i >> 4, gpu));
    const bus = Math.round(60 * noise(i >> 4, gpu + 9));
    const memory = lost
      ? '[Unknown Error], [Unknown Error], 81559 MiB'
      : `${used(gpu, i)} MiB, ${81_559 - used(gpu, i)} MiB, 81559 MiB`;
    const rest = `${Math.round(40 + 30 * noise(i >> 7, gpu))}, ${(90 + 400 * noise(i >> 5, gpu)).toFixed(2)} W`;
    const time = at(1000 * i)
      .replace(/-/g, '/')
      .replace('T', ' ')
      .slice(0, 23);
    return `${time}, ${gpu}, ${busy} %, ${bus} %, ${memory}, ${rest}`;
  };
  const header =
    'timestamp, index, utilization.gpu [%], utilization.memory [%], memory.used [MiB], memory.free [MiB], memory.total [MiB], temperature.gpu, power.draw [W]';
  const rows = Array.from({ length: 8 * SMI_SAMPLES }, (_, n) => row(n % 8, n >> 3));
  return `${[header, ...rows].join('\n')}\n`;
}

/** GPU 0 to 7 of pods llama-70b-0 to 7, one sample in 30 seconds; `samples`: of each series. */
export function dcgmText(samples = DCGM_SAMPLES): string {
  const series = (n: number, name: string, value: (i: number) => number): unknown => ({
    metric: {
      __name__: name,
      gpu: String(n % 8),
      UUID: `GPU-${(0x9e3779b9 * (n + 1)).toString(16)}-4242-8842`,
      Hostname: `node-${n >> 3}`,
      pod: `llama-70b-${n >> 3}`,
      namespace: 'serving',
      modelName: 'NVIDIA H100 80GB HBM3',
    },
    values: Array.from({ length: samples }, (_, i) => [START / 1000 + 30 * i, String(value(i))]),
  });
  const result = Array.from({ length: 64 }, (_, n) => [
    series(n, 'DCGM_FI_DEV_FB_USED', (i) =>
      Math.round(20_000 + 800 * n * noise(n, 3) + 9000 * Math.abs(Math.sin(i / 10 + n))),
    ),
    series(n, 'DCGM_FI_DEV_FB_RESERVED', () => 635),
  ]);
  return JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: result.flat() } });
}

/**
 * As vLLM 0.10.2 prints it: 71.26 - 56.93 - 5.58 - 0.07 = 8.68 GiB for the KV cache; rank 5 has 7.38. A report every ten
 * seconds while the cache fills, an out-of-memory error, preemptions.
 */
export function vllmText(ranks: number): string {
  const line = (seconds: number, source: string, text: string): string =>
    `(EngineCore_DP0 pid=20) ${at(1000 * seconds)
      .slice(5, 19)
      .replace('T', ' ')}`.replace(/(\) )(.*)/, `$1INFO $2 [${source}] ${text}`);
  const worker = (rank: number, seconds: number, source: string, text: string): string =>
    ranks === 1
      ? line(seconds, source, text)
      : line(seconds, source, text).replace(') INFO', `) (Worker_TP${rank} pid=${30 + rank}) INFO`);
  const each = (make: (rank: number) => string): string[] => Array.from({ length: ranks }, (_, i) => make(i));
  const kv = (rank: number): string => (rank === 5 ? '7.38' : '8.68');
  const usage = (i: number): number => Math.min(99.7, 10 + 90 * (i / 90) + 8 * noise(i, 1));
  return `${[
    line(0, 'api_server.py:1801', 'vLLM API server version 0.10.2'),
    line(
      1,
      'core.py:76',
      `Initializing a V1 LLM engine (v0.10.2) with config: model='acme/tiny', max_seq_len=8192, tensor_parallel_size=${ranks}`,
    ),
    ...each((rank) =>
      worker(rank, 20, 'gpu_model_runner.py:2392', 'Model loading took 56.9300 GiB and 12.812440 seconds'),
    ),
    ...each((rank) => worker(rank, 28, 'gpu_worker.py:298', `Available KV cache memory: ${kv(rank)} GiB`)),
    line(29, 'kv_cache_utils.py:864', 'GPU KV cache size: 56,896 tokens'),
    line(29, 'kv_cache_utils.py:868', 'Maximum concurrency for 8,192 tokens per request: 6.95x'),
    ...each((rank) =>
      worker(
        rank,
        35,
        'gpu_worker.py:391',
        'Free memory on device (78.40/79.18 GiB) on startup. Desired GPU memory utilization is (0.9, 71.26 GiB). Actual usage is 56.93 GiB for weight, 5.58 GiB for peak activation, 0.07 GiB for non-torch memory, and 0.88 GiB for CUDAGraph memory.',
      ),
    ),
    ...Array.from({ length: 90 }, (_, i) =>
      line(
        40 + 10 * i,
        'loggers.py:123',
        `Engine 000: Avg prompt throughput: ${(9000 * noise(i, 3)).toFixed(1)} tokens/s, Avg generation throughput: ${(1500 + 900 * noise(i, 4)).toFixed(1)} tokens/s, Running: ${Math.round(0.6 * usage(i))} reqs, Waiting: ${i > 60 ? i - 60 : 0} reqs, GPU KV cache usage: ${usage(i).toFixed(1)}%, Prefix cache hit rate: ${(42 + 10 * noise(i, 2)).toFixed(1)}%`,
      ),
    ),
    worker(
      0,
      941,
      'gpu_worker.py:520',
      'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.18 GiB of which 1.12 GiB is free. Process 4242 has 78.04 GiB memory in use. Of the allocated memory 70.01 GiB is allocated by PyTorch, and 3.20 GiB is reserved by PyTorch but unallocated.',
    ),
  ].join('\n')}\n`;
}
