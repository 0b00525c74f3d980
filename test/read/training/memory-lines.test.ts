/** Lines of memory that training loops and trainers print, each as its program writes it, in bytes. */
import { describe, expect, it } from 'vitest';
import { logReader } from '../../../src/read/log.ts';
import { readBytes } from '../open-for-test.ts';
import { expectLinear } from '../../work.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const gib = (value: number): number => Math.round(value * GIB);
const mib = (value: number): number => Math.round(value * MIB);

type Row = Readonly<Record<string, string | number | null>>;

async function rowsOf(
  text: string,
): Promise<{ readonly rows: readonly Row[]; readonly told: readonly string[] }> {
  const { data, also = [], as } = await readBytes(logReader, 'run.log', text);
  const source =
    as?.format === 'memory-lines' ? data : also.find(({ format }) => format === 'memory-lines')?.data;
  const table = source?.readings?.tables.find(({ id }) => id === 'memory-lines');
  const rows = (table?.rows ?? []).map((row) =>
    Object.fromEntries(
      table!.columns.flatMap(({ name }, i) =>
        row[i] === null || row[i] === '' || name === 'line' ? [] : [[name, row[i]]],
      ),
    ),
  );
  return { rows, told: source?.notRecorded ?? [] };
}

/** [what prints it, the line, what it says]. */
const LINES: readonly (readonly [string, string, Row])[] = [
  [
    'Megatron-LM',
    '[Rank 0] (after 10 iterations) memory (MB) | allocated: 3270.16064453125 | max allocated: 5670.390625 | reserved: 6406.0 | max reserved: 6406.0',
    {
      tag: 'after 10 iterations',
      allocated: 3429011968,
      allocated_peak: 5945835520,
      reserved: 6717177856,
      reserved_peak: 6717177856,
      step: 10,
      rank: '0',
    },
  ],
  [
    'Megatron-LM, without a rank',
    'after 5 iterations memory (MB) | allocated: 100.5 | max allocated: 200.25 | reserved: 300.0 | max reserved: 302.0',
    {
      tag: 'after 5 iterations',
      allocated: mib(100.5),
      allocated_peak: mib(200.25),
      reserved: mib(300),
      reserved_peak: mib(302),
      step: 5,
    },
  ],
  [
    'DeepSpeed, pipeline',
    'RANK=3 MEMSTATS after fwd device=cuda:0 current alloc=12.3456GB (delta=0.1000GB max=13.0000GB) current cache=14.0000GB (delta=0.0000GB max=14.0000GB)',
    {
      tag: 'after fwd',
      allocated: gib(12.3456),
      allocated_peak: gib(13),
      reserved: gib(14),
      reserved_peak: gib(14),
      rank: '3',
    },
  ],
  [
    'torchtitan',
    '[rank0]:[titan] 2025-06-16 22:30:50,322 - root - INFO - step: 10  loss:  6.1384  grad_norm:  1.31  memory: 49.66GiB(52.27%)  tps: 5,856  tflops: 339.16  mfu: 34.29%',
    { reserved_peak: gib(49.66), step: 10, rank: '0' },
  ],
  [
    'torchtitan, the card',
    '[rank0]:[titan] 2025-06-16 22:30:10,735 - root - INFO - CUDA capacity: NVIDIA H100 with 95.00GiB memory',
    { total: gib(95), rank: '0' },
  ],
  [
    'mmengine',
    '2024/05/04 10:11:12 - mmengine - INFO - Epoch(train) [2][  50/7330]  lr: 1.9820e-03  eta: 12:10:33  time: 0.4982  data_time: 0.0070  memory: 3816  loss: 2.1021',
    { allocated_peak: mib(3816), step: 7380 },
  ],
  [
    'mmcv',
    '2021-06-01 10:00:00,000 - mmdet - INFO - Epoch [1][50/7330]\tlr: 1.978e-03, eta: 1 day, 1:00:00, time: 0.5, data_time: 0.05, memory: 3816, loss: 1.2',
    { allocated_peak: mib(3816), step: 50 },
  ],
  [
    'mmengine, scalars',
    '{"lr": 0.02, "data_time": 0.0070, "loss": 2.1, "time": 0.49, "epoch": 1, "iter": 50, "memory": 3816, "step": 50}',
    { allocated_peak: mib(3816), step: 50 },
  ],
  [
    'detectron2',
    '[09/20 12:00:00 d2.utils.events]:  eta: 0:10:00  iter: 19  total_loss: 1.2  time: 0.5  lr: 1e-5  max_mem: 4521M',
    { allocated_peak: mib(4521), step: 19 },
  ],
  [
    'MetricLogger',
    'Epoch: [0]  [  10/1251]  eta: 0:10:00  lr: 0.000100  loss: 6.9000 (6.9000)  time: 0.5  data: 0.01  max mem: 5678',
    { allocated_peak: mib(5678), step: 10 },
  ],
  [
    'Swin',
    '[2021-04-14 10:00:00 swin_tiny](main.py 212): INFO Train: [0/300][10/1251]\teta 0:10:00 lr 0.000001\ttime 0.50 (0.50)\tloss 6.9 (6.9)\tmem 10234MB',
    { allocated_peak: mib(10234), step: 10 },
  ],
  [
    'verl, by hand',
    '(WorkerDict pid=4101, ip=192.0.2.2) After update_actor, memory allocated (GB): 12.31, memory reserved (GB): 15.02, device memory used/total (GB): 17.20/79.15',
    {
      tag: 'After update_actor',
      allocated: gib(12.31),
      reserved: gib(15.02),
      device_used: gib(17.2),
      total: gib(79.15),
      process: 'WorkerDict pid=4101, ip=192.0.2.2',
    },
  ],
  [
    'verl, metrics of a step',
    'step:7 - actor/perf/max_memory_allocated_gb:45.6 - actor/perf/max_memory_reserved_gb:60.2 - perf/cpu_memory_used_gb:120.0',
    { allocated_peak: gib(45.6), reserved_peak: gib(60.2), host_used: gib(120), step: 7 },
  ],
  [
    'axolotl, metrics',
    "{'loss': 1.234, 'grad_norm': 0.5, 'memory/max_mem_active(gib)': 12.34, 'memory/max_mem_allocated(gib)': 12.35, 'memory/device_mem_reserved(gib)': 15.2, 'epoch': 0.01}",
    { active_peak: gib(12.34), allocated_peak: gib(12.35), reserved: gib(15.2) },
  ],
  [
    'axolotl, by hand',
    '[2024-01-01 10:00:00,123] [INFO] [axolotl.load_model:700] [PID:1234] [RANK:0] GPU memory usage after model load: 3.767GB (+0.155GB cache, +0.720GB misc)',
    {
      tag: 'after model load',
      allocated: gib(3.767),
      reserved: gib(3.922),
      device_used: gib(4.642),
      rank: '0',
    },
  ],
  [
    'LLaMA-Factory',
    "{'loss': 1.2, 'learning_rate': 1e-05, 'epoch': 0.1, 'vram_allocated': 12.34, 'vram_reserved': 15.2}",
    { allocated_peak: gib(12.34), reserved_peak: gib(15.2) },
  ],
  [
    'torchtune',
    'Step 12 | loss:1.58 lr:2.9e-06 tokens_per_second_per_gpu:500 peak_memory_active:20.1 peak_memory_alloc:20.2 peak_memory_reserved:21.2',
    { active_peak: gib(20.1), allocated_peak: gib(20.2), reserved_peak: gib(21.2), step: 12 },
  ],
  [
    'nanotron',
    ' Memory usage: 1234.50MiB. Peak allocated 2345.60MiB. Peak reserved: 3456.00MiB',
    { allocated: mib(1234.5), allocated_peak: mib(2345.6), reserved_peak: mib(3456) },
  ],
  [
    'ColossalAI',
    'colossalai - colossalai - INFO: step 5: GPU: allocated 123.45 MB, max allocated 200.0 MB, cached: 300.0 MB, max cached: 302.0 MB',
    {
      allocated: mib(123.45),
      allocated_peak: mib(200),
      reserved: mib(300),
      reserved_peak: mib(302),
      step: 5,
    },
  ],
  ['Composer', 'Train memory/current_allocated_mem: 12.3', { allocated: 12_300_000_000 }],
  [
    'NeMo',
    'Training epoch 0, iteration 9/99 | lr: 1.499e-07 | global_batch_size: 8 | global_step: 9 | peak_memory_usage: 20513513472 | memory_allocated: 15555000320 | reduced_train_loss: 11.03',
    { allocated_peak: 20513513472, allocated: 15555000320, step: 9 },
  ],
  [
    'Unsloth, the card',
    'GPU = Tesla T4. Max memory = 14.741 GB.',
    { tag: 'GPU = Tesla T4.', total: gib(14.741) },
  ],
  [
    'Unsloth, banner',
    '   \\\\   /|    Tesla T4. Num GPUs = 1. Max memory: 14.741 GB. Platform: Linux.',
    { total: gib(14.741) },
  ],
  ['Unsloth, before', '2.283 GB of memory reserved.', { reserved: gib(2.283) }],
  ['Unsloth, after', 'Peak reserved memory = 7.916 GB.', { reserved_peak: gib(7.916) }],
  ['litgpt', 'Memory used: 13.92 GB', { used_peak: 13_920_000_000 }],
  [
    'PEFT, TorchTracemalloc',
    'GPU Total Peak Memory consumed during the train (max): 3579',
    { allocated_peak: mib(3579) },
  ],
  [
    'fairseq',
    '2024-05-04 10:00:00 | INFO | train_inner | epoch 001:    100 / 1000 loss=10.1, ppl=900, wps=1000, gb_free=12.1, wall=30',
    { free: gib(12.1), epoch: 1 },
  ],
  ['transformers', '  before_init_mem_gpu        =      120MB', { allocated: mib(120) }],
  [
    'Ultralytics',
    '      3/100      10.6G      1.180      2.300      1.330         44        640: 100%|##########| 925/925 [03:10<00:00,  4.86it/s]',
    { reserved: gib(10.6), epoch: 3 },
  ],
  // By hand.
  ['bytes', 'torch.cuda.memory_allocated: 123456512', { allocated: 123456512 }],
  [
    'bytes, in words',
    'Memory allocated: 123456512 bytes, reserved: 125829120 bytes',
    { allocated: 123456512, reserved: 125829120 },
  ],
  [
    'a maximum in brackets',
    'GPU: ALLOCATED:  1.250GiB (max:  1.500GiB);  CACHED:  2.000GiB (max:  2.125GiB)',
    { allocated: gib(1.25), allocated_peak: gib(1.5), reserved: gib(2), reserved_peak: gib(2.125) },
  ],
  [
    'mem_get_info()',
    'cuda:0 mem_get_info: free=70.10GiB total=79.20GiB',
    { free: gib(70.1), total: gib(79.2) },
  ],
  ['used of total', 'GPU0 memory: 23.4/79.2 GiB', { used: gib(23.4), total: gib(79.2) }],
  [
    'names of functions',
    'CUDA memory: allocated=1.5GiB reserved=2.0GiB max_allocated=1.75GiB',
    { allocated: gib(1.5), reserved: gib(2), allocated_peak: gib(1.75) },
  ],
  ['a bar', 'Epoch 3: 100%|##| loss=0.1, mem=12.5GiB, lr=1e-4', { used: gib(12.5), epoch: 3 }],
];

describe('a line of', () => {
  it.each(LINES)('%s', async (_, line, expected) => {
    expect((await rowsOf(line)).rows).toEqual([expected]);
  });
});

describe('what is no level of memory', () => {
  it.each([
    'Model requires 16 GB of GPU memory',
    'Downloading model.safetensors: 4.5 GB',
    'GPU memory delta: 1.5 GiB',
    'Estimated memory needed: 12.0 GiB',
    'KV cache memory: 12.0 GiB',
    'memory bandwidth: 3.35 TB',
    'Disk usage: 12 GB',
    'GPU memory utilization: 0.95',
    'memory: 12',
  ])('%s', async (line) => {
    expect((await rowsOf(`${line}\nallocated: 1.0 GiB`)).rows).toEqual([{ allocated: GIB }]);
  });

  it('differences of a known program are counted', async () => {
    const { told } = await rowsOf(
      'before_init_mem_gpu = 120MB\ntrain_mem_gpu_alloc_delta = 1323MB\ntrain_mem_gpu_peaked_delta = 95MB',
    );
    expect(told).toContain('2 more lines hold differences or shares of memory and no level: not drawn.');
  });
});

describe('DeepSpeed', () => {
  it('names its figures in the line before', async () => {
    const { rows, told } = await rowsOf(
      [
        '[2024-03-05 10:23:35,950] [INFO] [utils.py:802:see_memory_usage] Before creating fp16 partitions',
        '[2024-03-05 10:23:35,951] [INFO] [utils.py:803:see_memory_usage] MA 26.38 GB         Max_MA 26.38 GB         CA 26.71 GB         Max_CA 27 GB ',
        '[2024-03-05 10:23:35,951] [INFO] [utils.py:810:see_memory_usage] CPU Virtual Memory:  used = 322.57 GB, percent = 17.1%',
      ].join('\n'),
    );
    expect(rows[0]).toEqual({
      tag: 'Before creating fp16 partitions',
      allocated: gib(26.38),
      allocated_peak: gib(26.38),
      reserved: gib(26.71),
      reserved_peak: 27 * GIB,
    });
    expect(rows[1]).toMatchObject({ host_used: gib(322.57) });
    expect(told[0]).toBe('"GB" was taken as 2^30 bytes, as DeepSpeed divides by powers of 1024.');
  });
});

describe('units that nobody names', () => {
  it('are told by steps of 512 bytes where allocated has enough digits', async () => {
    const line = (bytes: number): string => `memory allocated: ${(bytes / 1e6).toFixed(6)} MB`;
    const { told } = await rowsOf([512 * 20001, 512 * 30007, 512 * 40011].map(line).join('\n'));
    expect(told[0]).toContain('powers of 1000: in these units, and not in the others, all 3 allocated');
  });

  it('are said to be open where the figures do not tell', async () => {
    const { rows, told } = await rowsOf('Memory allocated: 12.3 GB');
    expect(rows).toEqual([{ allocated: 12_300_000_000 }]);
    expect(told[0]).toContain('If the program divides by 1024, every figure is 7.4 % more.');
  });
});

describe('long lines', () => {
  it.each(['1', 'a', ' ', '-', 'M', '(', '.', ',', 'memory ', '1 ', 'allocated: 1 MB ', '[', 'GPU 0: '])(
    'of %j take no longer than their length',
    async (piece) => {
      const textOf = (length: number): string => `allocated ${piece.repeat(length / piece.length)}`;
      await expectLinear(
        (length) => rowsOf(`Allocated: 1.0 GiB\n${textOf(length)}\n${textOf(length)} memory: 1 MB`),
        20_000,
      );
    },
  );
});
