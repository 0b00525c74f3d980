/** What logs and monitors tell, made of code: always the same numbers. */
import { rankNamed } from '../base/rank-for-test.ts';
import type {
  BudgetPart,
  DataTable,
  Gauge,
  LogEvent,
  MemoryBudget,
  Readings,
} from '../../src/engine/protocol.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const START = 1_795_252_313_000_000_000n;
const SECOND = 1_000_000_000n;

/** 0 to 1, the same for the same place. */
function noise(a: number, b: number): number {
  let mixed = (Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 7, 0x85ebca6b)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39) >>> 0;
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
}

const gauge = (
  id: string,
  label: string,
  unit: Gauge['unit'],
  value: Float64Array,
  more: Partial<Gauge> = {},
): Gauge => ({
  id,
  label,
  unit,
  device: null,
  labels: {},
  time_ns: BigInt64Array.from(value, (_, i) => START + BigInt(i) * SECOND),
  value,
  granularity: 0,
  note: null,
  ...more,
});

const samples = (count: number, at: (i: number) => number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => at(i));

const GB = (value: number): Pick<BudgetPart, 'value' | 'granularity'> => ({
  value: Math.round(value * GIB),
  granularity: 0.01 * GIB,
});

/** As vLLM 0.10.2 prints it: 71.26 - 56.93 - 5.58 - 0.07 = 8.68 GiB. Rank 5 has another process on its GPU. */
export function budget(name: string, strange = 0): MemoryBudget {
  const part = (
    id: BudgetPart['id'],
    label: string,
    figure: Pick<BudgetPart, 'value' | 'granularity'>,
  ): BudgetPart => ({
    id,
    label,
    offset: 4096,
    ...figure,
  });
  const plain = (value: number): Pick<BudgetPart, 'value' | 'granularity'> => ({ value, granularity: 0 });
  return {
    rank: rankNamed(name),
    producer: 'vLLM 0.10.2',
    parts: [
      part('total', 'Total', GB(79.18)),
      part('utilization', 'Utilization', plain(0.9)),
      part('requested', 'Requested', GB(71.26)),
      part('free_at_start', 'Free at the start', GB(78.4 - strange)),
      part('weights', 'Weights', GB(56.93)),
      part('non_torch', 'Non-torch memory', GB(0.07)),
      part('activation_peak', 'Activation peak', GB(5.58)),
      part('cuda_graphs', 'CUDA graphs', GB(0.88)),
      part('kv_cache', 'KV cache', GB(8.68 - strange)),
      part('kv_cache_tokens', 'KV cache tokens', plain(56_896)),
      part('tokens_per_request', 'Tokens per request', plain(8192)),
      part('max_concurrency', 'Maximum concurrency', plain(6.95)),
    ],
  };
}

export const oom = (i: number): LogEvent => ({
  kind: 'oom',
  time_ns: START + BigInt(400 + 37 * i) * SECOND,
  device: i,
  text: `CUDA out of memory. Tried to allocate 2.00 GiB. GPU ${i} has a total capacity of 79.18 GiB of which 1.12 GiB is free. Process 4242 has 78.04 GiB memory in use. Of the allocated memory 70.01 GiB is allocated by PyTorch, and 3.20 GiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting PYTORCH_ALLOC_CONF=expandable_segments:True to avoid fragmentation.`,
  figures: {
    requested: 2 * GIB,
    free: 1.12 * GIB,
    total: 79.18 * GIB,
    process: 78.04 * GIB,
    allocated: 70.01 * GIB,
    reserved_unallocated: 3.2 * GIB,
  },
  offset: 1_048_576 + 700 * i,
});

export function vllmReadings(ranks: number): Readings {
  const length = 600;
  const every = (at: (i: number) => number): Float64Array => samples(length, at);
  const time_ns = BigInt64Array.from({ length }, (_, i) => START + BigInt(10 * i) * SECOND);
  const usage = (i: number): number => Math.min(0.997, 0.1 + 0.9 * (i / length) + 0.08 * noise(i, 1));
  return {
    clock: 'local',
    gauges: [
      gauge(
        'GPU KV cache usage',
        'GPU KV cache usage',
        'ratio',
        every((i) => Math.round(1000 * usage(i)) / 1000),
        {
          time_ns,
          granularity: 0.001,
          note: 'Share of the KV cache blocks in use, not memory of the GPU.',
        },
      ),
      gauge(
        'Prefix cache hit rate',
        'Prefix cache hit rate',
        'ratio',
        every((i) => 0.42 + 0.1 * noise(i, 2)),
        {
          time_ns,
          granularity: 0.001,
        },
      ),
      gauge(
        'Running',
        'Running',
        'count',
        every((i) => Math.round(60 * usage(i))),
        { time_ns },
      ),
      gauge(
        'Waiting',
        'Waiting',
        'count',
        every((i) => (i > 400 ? Math.round((i - 400) / 4) : 0)),
        { time_ns },
      ),
      gauge(
        'Avg prompt throughput',
        'Avg prompt throughput',
        'tokens_per_second',
        every((i) => 9000 * noise(i, 3)),
        {
          time_ns,
          granularity: 0.1,
        },
      ),
      gauge(
        'Avg generation throughput',
        'Avg generation throughput',
        'tokens_per_second',
        every((i) => 1500 + 900 * noise(i, 4)),
        {
          time_ns,
          granularity: 0.1,
        },
      ),
    ],
    tables: [],
    budgets: Array.from({ length: ranks }, (_, i) => budget(ranks === 1 ? '' : `TP${i}`, i === 5 ? 1.3 : 0)),
    events: [
      oom(0),
      oom(3),
      {
        ...oom(1),
        kind: 'preemption',
        text: 'Sequence group 41 is preempted by PreemptionMode.RECOMPUTE because there is not enough KV cache space.',
        figures: {},
      },
    ],
  };
}

/** 8 GPUs, one sample a second; GPU 6 is lost for a while, GPU 2 has one spike of one sample. */
export function smiReadings(): Readings {
  const length = 5000;
  const used = (gpu: number, i: number): number => {
    if (gpu === 6 && i > 1800 && i < 2600) return NaN;
    if (gpu === 2 && i === 3333) return 81_000;
    return Math.round(
      4000 + 6000 * gpu + 22_000 * (i / length) + 3000 * Math.sin(i / (90 + 20 * gpu)) + 300 * noise(i, gpu),
    );
  };
  const each = (
    id: string,
    label: string,
    unit: Gauge['unit'],
    at: (gpu: number, i: number) => number,
    more: Partial<Gauge>,
  ): Gauge[] =>
    Array.from({ length: 8 }, (_, gpu) =>
      gauge(
        id,
        label,
        unit,
        samples(length, (i) => at(gpu, i)),
        { device: gpu, ...more },
      ),
    );
  const memory = { granularity: MIB };
  return {
    clock: 'local',
    gauges: [
      ...each(
        'utilization.gpu',
        'GPU busy',
        'ratio',
        (gpu, i) => Math.round(100 * noise(i >> 4, gpu)) / 100,
        {
          granularity: 0.01,
          note: 'Time in which a kernel ran, not memory.',
        },
      ),
      ...each(
        'utilization.memory',
        'Memory bus busy',
        'ratio',
        (gpu, i) => Math.round(60 * noise(i >> 4, gpu + 9)) / 100,
        {
          granularity: 0.01,
          note: 'Time in which the memory was read or written (bandwidth), not how full it is.',
        },
      ),
      ...each('memory.used', 'Memory used', 'bytes', (gpu, i) => used(gpu, i) * MIB, memory),
      ...each('memory.free', 'Memory free', 'bytes', (gpu, i) => (81_559 - used(gpu, i)) * MIB, memory),
      ...each('memory.total', 'Memory total', 'bytes', () => 81_559 * MIB, memory),
      ...each('power.draw', 'Power', 'watts', (gpu, i) => 90 + 400 * noise(i >> 5, gpu), {
        granularity: 0.01,
      }),
      ...each(
        'temperature.gpu',
        'GPU temperature',
        'celsius',
        (gpu, i) => Math.round(40 + 30 * noise(i >> 7, gpu)),
        { granularity: 1 },
      ),
    ],
    tables: [],
    budgets: [],
    events: [],
  };
}

/** 64 GPUs by pod: more than a chart can hold. */
export function dcgmReadings(): Readings {
  const length = 720;
  const time_ns = BigInt64Array.from({ length }, (_, i) => START + BigInt(30 * i) * SECOND);
  const gauges = Array.from({ length: 64 }, (_, n) => {
    const gpu = n % 8;
    const host = `node-${n >> 3}`;
    const labels = {
      UUID: `GPU-${(0x9e3779b9 * (n + 1)).toString(16)}-4242-8842`,
      Hostname: host,
      pod: `llama-70b-${n >> 3}`,
      namespace: 'serving',
      modelName: 'NVIDIA H100 80GB HBM3',
    };
    const more = { device: gpu, labels, time_ns, granularity: MIB };
    const used = samples(
      length,
      (i) => MIB * Math.round(20_000 + 800 * n * noise(n, 3) + 9000 * Math.abs(Math.sin(i / 60 + n))),
    );
    return [
      gauge('DCGM_FI_DEV_FB_USED', 'Memory used', 'bytes', used, more),
      gauge(
        'DCGM_FI_DEV_FB_RESERVED',
        'Memory reserved by the driver',
        'bytes',
        samples(length, () => 635 * MIB),
        more,
      ),
    ];
  });
  return { clock: 'wall', gauges: gauges.flat(), tables: [], budgets: [], events: [] };
}

export function requestReadings(): Readings {
  const rows = Array.from({ length: 20_000 }, (_, i) => [
    `cmpl-${((i * 2654435761) % 2 ** 32).toString(16)}`,
    Math.round(200 + 7000 * noise(i, 1)),
    i % 97 === 0 ? null : Math.round(20 + 900 * noise(i, 2)),
    Math.round(1e8 + 4e9 * noise(i, 3)),
    100 * noise(i, 4),
    Math.round(2 ** 27 * noise(i, 5)),
  ]);
  const table: DataTable = {
    id: 'requests',
    title: 'Requests',
    note: 'One line a request, as the log prints it. Tokens are those of the tokenizer, not bytes.',
    columns: [
      { name: 'Request', unit: 'text' },
      { name: 'Input tokens', unit: 'count' },
      { name: 'Output tokens', unit: 'count' },
      { name: 'Duration', unit: 'nanoseconds' },
      { name: 'Cache hits', unit: 'percent' },
      { name: 'KV bytes', unit: 'bytes' },
    ],
    rows,
  };
  return {
    clock: 'none',
    gauges: [
      gauge(
        'allocated',
        '[tag] Allocated',
        'bytes',
        samples(40, (i) => 1e8 * (10 + i + 3 * noise(i, 6))),
        { granularity: 1e5, time_ns: BigInt64Array.from({ length: 40 }, (_, i) => BigInt(i)) },
      ),
      gauge(
        'reserved',
        '[tag] Reserved',
        'bytes',
        samples(40, (i) => 1e8 * Math.ceil(12 + i * 1.2)),
        { granularity: 1e5, time_ns: BigInt64Array.from({ length: 40 }, (_, i) => BigInt(i)) },
      ),
    ],
    tables: [table],
    budgets: [],
    events: [],
  };
}

/** A scrape: one moment. */
export function scrapeReadings(): Readings {
  const { gauges } = dcgmReadings();
  return {
    clock: 'wall',
    gauges: gauges
      .slice(0, 16)
      .map((one) => ({ ...one, time_ns: one.time_ns.slice(0, 1), value: one.value.slice(0, 1) })),
    tables: [],
    budgets: [],
    events: [],
  };
}
