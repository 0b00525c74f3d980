/**
 * Every finding has a case where it must be there and one, close to it, where it must not: a finding that no case makes,
 * or that nothing keeps from being made, is not tested. The type of the table has every id.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FINDING_IDS, type FindingId } from '../../src/diagnose/finding-ids.ts';
import { fixtureBytes, snapshotOf } from '../read/snapshot/fixtures.ts';
import { snapshotAt, truthOf, TRUTH_FOLDER } from '../replay/recordings.ts';
import {
  budgetLines,
  diagnoseFiles,
  engineLine,
  type Files,
  migTable,
  smiHeader,
  smiRow,
  statsLine,
} from './logs-for-test.ts';
import { requests, roundedUp, shiftingSizes, splitInTwo, traffic, training } from './programs.ts';
import { type Block, diagnoseData, idsOf, MIB, Recording } from './recording.ts';

type Ids = () => Promise<readonly string[]>;

interface Sides {
  readonly there: Ids;
  readonly absent: Ids;
  /** What differs between the two. */
  readonly by: string;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const ofRecording =
  (make: () => Recording, without = 0): Ids =>
  async () =>
    idsOf(await make().findings({ without }));
const ofFiles =
  (files: Files): Ids =>
  async () =>
    idsOf((await diagnoseFiles(files)).findings);
const ofTruth =
  (name: string): Ids =>
  async () =>
    idsOf(await diagnoseData(await snapshotAt(join(TRUTH_FOLDER, truthOf(name).base))));

const ofSnapshot =
  (name: string, device: number): Ids =>
  async () =>
    idsOf(await diagnoseData(await snapshotOf(fixtureBytes(name)), device));

const exported = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, `../fixtures/field/${name}.sqlite`)));

/** Two blocks, of which the first was recorded or not. */
function weights(path: string | null): Recording {
  const recording = new Recording({ conf: '' });
  recording.take(path, 70 * MIB);
  recording.touch(path, 16 * MIB);
  return recording;
}

/** Eight buffers that a side stream reads; `wait`: how many of them are never done with. */
function buffers(wait: number): Recording {
  const recording = new Recording({ conf: '' });
  for (const i of range(8)) {
    const buffer = recording.take('main:3 copy:4', 32 * MIB);
    recording.giveUp(buffer);
    if (i >= wait) recording.complete(buffer);
  }
  return recording;
}

/** A counter that lives, made while the large block is there (inside of its segment after it) or before. */
function counter(isBefore: boolean): Recording {
  const recording = new Recording({ conf: '' });
  recording.take('main:1 weights:2', 200 * MIB);
  if (isBefore) recording.take('main:3 counter:4', 2 * MIB);
  recording.drop(recording.take('main:2 logits:3', 256 * MIB));
  if (!isBefore) recording.take('main:3 counter:4', 2 * MIB);
  return recording;
}

function pool(number: number): Recording {
  const recording = new Recording({ conf: '' });
  recording.take('main:4 capture:5', 40 * MIB, { pool: number });
  return recording;
}

/** What every step adds is kept: all of it, or the last three. */
function remembering(most: number): Recording {
  const kept: Block[] = [];
  return training((recording) => {
    kept.push(recording.take('main:11 remember:9', 2 * MIB));
    if (kept.length > most) recording.drop(kept.shift()!);
  });
}

const outputs = (kept: readonly number[]): Recording =>
  training((recording, step) => {
    const output = recording.take('main:11 head:6', 4 * MIB);
    if (!kept.includes(step)) recording.drop(output);
  });

const rising = (last: number): Recording =>
  requests([20, 20, 60, 60, 100, ...new Array<number>(last).fill(100)]);

const report = (of: (i: number) => readonly [number, number]): Files => ({
  'report.log': range(24).map(
    (i) => `[request_${i}] Allocated: ${of(i)[0]}.0 MB | Reserved: ${of(i)[1]}.0 MB`,
  ),
});
const monitor = (of: (i: number) => number, count = 40): Files => ({
  'smi.csv': [smiHeader, ...range(count).map((i) => smiRow(10 * i, of(i)))],
});

const server = (...lines: readonly string[]): Files => ({ 'vllm.log': [engineLine(), ...lines] });
const filling = range(12).map((i) => statsLine(10 * i, 20 + 6.5 * i, 30, 0, 300));
const preempted = (times: number): string[] =>
  range(12).flatMap((i) => [
    statsLine(10 * i + 2, 99, 30, 5, 100),
    ...(i < times
      ? [
          statsLine(10 * i + 3, 99, 30, 5, 100).replace(
            /metrics.*$/,
            `scheduler.py:1] Sequence group ${i} is preempted by PreemptionMode.RECOMPUTE mode because there is not enough KV cache space. total_num_cumulative_preemption=${1 + 10 * i}`,
          ),
        ]
      : []),
  ]);
const concurrency = (times: string): string[] => [
  ...budgetLines(),
  'INFO 03-20 19:40:51 kv_cache_utils.py:637] GPU KV cache size: 60,000 tokens',
  `INFO 03-20 19:40:51 kv_cache_utils.py:640] Maximum concurrency for 8,192 tokens per request: ${times}x`,
];
/** Both ranks of a server with a checkpoint of 67 GiB. */
const ranks = (each: number): Files => ({
  'vllm.log': [
    engineLine('tensor_parallel_size=2, pipeline_parallel_size=1'),
    'INFO 03-20 19:40:45 weight_utils.py:1] Checkpoint size: 67 GiB. Available RAM: 400 GiB.',
    ...[0, 1]
      .map((rank) => budgetLines({ weights: each, prefix: `(VllmWorkerProcess pid=${7 + rank}) ` }))
      .flat(),
  ],
});
const oomText = (start: string): Files => ({
  'oom.txt': `${start} Tried to allocate 2 GiB. GPU 0 has a total capacity of 79.2 GiB of which 500 MiB is free. Including non-PyTorch memory, this process has 78.6 GiB memory in use. Of the allocated memory 77 GiB is allocated by PyTorch, and 200 MiB is reserved by PyTorch but unallocated.\n`,
});
const profiled = (after: string): Files => ({
  'vllm.log': [
    engineLine(),
    `ERROR 03-20 19:40:59 core.py:843] AssertionError: Error in memory profiling. Initial free memory 31.1 GiB, current free memory ${after} GiB. This happens when other processes sharing the same container release GPU memory.`,
  ],
});
const trainer = (reserved: string): string =>
  `[2025-04-23 16:15:06,826] [INFO] [utils.py:782:see_memory_usage] MA 41.54 GB         Max_MA 46.18 GB         ${reserved}         Max_CA 51 GB`;

const slept = (freed: string, inUse: string): string =>
  `INFO 03-20 19:50:00 worker.py:133] Sleep mode freed ${freed} GiB memory, ${inUse} GiB memory is still in use.`;
const admitted = (waiting: number): Files => ({
  'vllm.log': [
    engineLine('max_num_seqs=30'),
    ...range(12).map((i) => statsLine(10 * i, 60, 30, waiting, 300)),
  ],
});
const apps = (second: number): Files => ({
  'apps.csv': [
    'timestamp, gpu_uuid, pid, process_name, used_gpu_memory [MiB]',
    '2026/03/20 12:00:01.000, GPU-11111111-2222-3333-4444-555555555555, 100, python, 60000 MiB',
    '2026/03/20 12:00:02.000, GPU-11111111-2222-3333-4444-555555555555, 100, python, 60000 MiB',
    `2026/03/20 12:00:0${second}.000, GPU-11111111-2222-3333-4444-555555555555, 200, notebook, 9000 MiB`,
  ],
});
/** The table of nvidia-smi with one GPU of 70 GiB in use, and a list of processes. */
const smiTable = (process: string): Files => ({
  'smi.txt': [
    '| NVIDIA-SMI 570.133.20             Driver Version: 570.133.20     CUDA Version: 12.8     |',
    '|   0  NVIDIA H100 80GB HBM3          On  |   00000000:19:00.0 Off |                    0 |',
    '| N/A   34C    P0            117W /  700W |   71233MiB /  81559MiB |      0%      Default |',
    '| Processes:                                                                              |',
    process,
  ],
});
const slice = (used: number): Files => ({
  'smi.txt': migTable(used),
});
/** Each step uses up a part of the data; `kept`: how many results of it stay. */
function usedUp(kept: number): Recording {
  const recording = new Recording({ conf: '' });
  const data = range(40).map(() => recording.take('main:3 load:4', 4 * MIB));
  for (const part of data) {
    const results = range(2).map(() => recording.take('main:5 work:6', 3 * MIB));
    recording.drop(part, ...results.slice(kept));
    recording.touch('main:7 log:8', MIB);
  }
  return recording;
}

/** Products on so many streams in turn: the first on each makes cuBLAS's workspace. */
function streamsInTurn(streams: number): Recording {
  const recording = new Recording({ conf: '', streams });
  for (const i of range(48)) {
    const stream = i % streams;
    const y = recording.take('main:5 linear:6', MIB, { stream });
    if (i < streams) recording.take('main:5 linear:6', 32 * MIB, { stream });
    recording.drop(recording.take('main:7 relu:8', MIB, { stream }), y);
  }
  return recording;
}

/** Two monitors of one GPU whose use steps often; the second reads `more` MiB more once. */
function monitors(more: number): Files {
  let used = 4000;
  const course = range(60).map((i) => (used += i % 4 === 1 ? 40 + ((i * 37) % 211) : 0));
  const rows = (at: number): string[] => [
    smiHeader,
    ...course.map((value, i) => smiRow(2 * i, i === 30 ? value + at : value)),
  ];
  return { 'a.csv': rows(0), 'b.csv': rows(more) };
}

const titan = (of: (i: number) => number): Files => ({
  'titan.log': range(6).map(
    (i) => `[titan] step: ${10 * (i + 1)}  loss:  6.1  memory: ${of(i).toFixed(2)}GiB(52.27%)  tps: 5,856`,
  ),
});
/** A memory summary of one device that counts so many errors. */
const summaryOf = (ooms: number): Files => ({
  'summary.txt': [
    '|===========================================================================|',
    '|                  PyTorch CUDA memory summary, device ID 0                 |',
    '|---------------------------------------------------------------------------|',
    `|            CUDA OOMs: ${ooms}            |        cudaMalloc retries: 3         |`,
    '|===========================================================================|',
    '|        Metric         | Cur Usage  | Peak Usage | Tot Alloc  | Tot Freed  |',
    '|---------------------------------------------------------------------------|',
    '| Allocated memory      |   1062 MiB |   4877 MiB |  89299 MiB |  88237 MiB |',
    '|       from large pool |   1048 MiB |   4865 MiB |  89263 MiB |  88215 MiB |',
    '|       from small pool |     14 MiB |     14 MiB |     35 MiB |     21 MiB |',
    '|---------------------------------------------------------------------------|',
  ],
});

const SIDES: Readonly<Record<FindingId, Sides>> = {
  'printed-rise': {
    there: ofFiles(titan((i) => 49.66 + 2.25 * i)),
    absent: ofFiles(titan((i) => 49.66 + 2.25 * Math.min(i, 1))),
    by: 'where the rise ends',
  },
  'printed-cache': {
    there: ofFiles({ 'a.log': 'Allocated: 593.9 MB | Reserved: 26710.0 MB' }),
    absent: ofFiles({ 'a.log': 'Allocated: 593.9 MB | Reserved: 1310.0 MB' }),
    by: 'what is reserved',
  },
  'summary-out-of-memory': {
    there: ofFiles(summaryOf(1)),
    absent: ofFiles(summaryOf(0)),
    by: 'the count of errors',
  },
  'out-of-memory': {
    there: ofRecording(() => splitInTwo(300 * MIB)),
    absent: ofRecording(() => splitInTwo(80 * MIB)),
    by: 'the size of the last request',
  },
  'linear-leak': {
    there: ofRecording(() => remembering(Infinity)),
    absent: ofRecording(() => remembering(3)),
    by: 'the last three only are kept',
  },
  'pending-free': {
    there: ofRecording(() => buffers(5)),
    absent: ofRecording(() => buffers(0)),
    by: 'every free completes',
  },
  'setting-in-force': {
    there: ofRecording(() => roundedUp(40, 37 * MIB)),
    absent: ofRecording(() => roundedUp(40, 40 * MIB)),
    by: 'sizes that need no rounding',
  },
  'masked-leak': {
    there: ofRecording(() => usedUp(1)),
    absent: ofRecording(() => usedUp(0)),
    by: 'whether what is made of the data is kept',
  },
  'cublas-workspaces': {
    there: ofRecording(() => streamsInTurn(24)),
    absent: ofRecording(() => streamsInTurn(1)),
    by: 'how many streams are used',
  },
  'fragmentation-growth': {
    there: ofRecording(() => shiftingSizes(2)),
    absent: ofRecording(() => shiftingSizes(0)),
    by: 'sizes that stay',
  },
  'kept-outputs': {
    there: ofRecording(() => outputs([8, 15])),
    absent: ofRecording(() => outputs([])),
    by: 'two of 24 outputs',
  },
  'recorded-late': {
    there: ofRecording(() => weights('main:1 weights:2'), 2),
    absent: ofRecording(() => weights('main:1 weights:2')),
    by: 'the first two events',
  },
  'growth-unclear': {
    there: ofRecording(() => rising(1)),
    absent: ofRecording(() => rising(20)),
    by: 'how long the recording goes on',
  },
  'caching-allocator': {
    there: ofRecording(() => rising(20)),
    absent: ofRecording(() => requests(new Array<number>(25).fill(100))),
    by: 'requests of one size from the beginning',
  },
  'who-holds': {
    there: ofRecording(() => weights('main:1 weights:2')),
    absent: ofRecording(() => weights(null)),
    by: 'stacks',
  },
  'pinned-segments': {
    there: ofRecording(() => counter(false)),
    absent: ofRecording(() => counter(true)),
    by: 'the counter is made before the large block',
  },
  'pinned-host': {
    there: ofSnapshot('torch214.pickle', 1),
    absent: ofSnapshot('torch214.pickle', 0),
    by: 'the memory of the host, not of the GPU',
  },
  'private-pools': {
    there: ofRecording(() => pool(1)),
    absent: ofRecording(() => pool(0)),
    by: 'the pool',
  },
  'better-setting': { there: ofTruth('wide21'), absent: ofTruth('layers22'), by: 'the mix of sizes' },
  'no-setting-helps': { there: ofTruth('layers22'), absent: ofTruth('wide21'), by: 'the mix of sizes' },
  'popular-advice': {
    there: ofRecording(() => traffic({ conf: '' })),
    absent: ofRecording(() => traffic({ conf: '' }, 22)),
    by: 'no block is as large as a popular split limit',
  },
  'linear-leak-printed': {
    there: ofFiles(report((i) => [100 + 35 * i, 128 + 36 * i])),
    absent: ofFiles(report((i) => [100, 128 + 36 * i])),
    by: 'allocated is flat',
  },
  'caching-allocator-printed': {
    there: ofFiles(report((i) => [100, 200 + 100 * Math.min(i, 4)])),
    absent: ofFiles(report(() => [100, 600])),
    by: 'nothing rose',
  },
  'gauge-growth': {
    there: ofFiles(monitor((i) => 20_000 + 100 * i)),
    absent: ofFiles(monitor((i) => 20_000 + 100 * Math.min(i, 4))),
    by: 'it ends after the fifth sample',
  },
  'gauge-plateau': {
    there: ofFiles(monitor((i) => 20_000 + 100 * Math.min(i, 4))),
    absent: ofFiles(monitor((i) => 20_000 + 100 * i)),
    by: 'it does not end',
  },
  'high-usage': {
    there: ofFiles(monitor((i) => (i === 0 ? 40_000 : 75_000))),
    absent: ofFiles(monitor((i) => (i === 0 ? 40_000 : 72_500))),
    by: '92 % and 89 % of the GPU',
  },
  restarts: {
    there: ofFiles(monitor((i) => [70_000, 70_000, 500, 4, 30_000, 69_000][i], 6)),
    absent: ofFiles(monitor((i) => [70_000, 70_000, 25_000, 60_000, 70_000, 70_000][i], 6)),
    by: 'a cache that is emptied leaves the weights',
  },
  contradiction: {
    there: ofFiles(monitors(500)),
    absent: ofFiles(monitors(1)),
    by: 'one sample, by more than the printed digits leave open',
  },
  'other-processes': { there: ofFiles(apps(2)), absent: ofFiles(apps(5)), by: 'one after the other' },
  'unlisted-memory': {
    there: ofFiles(
      smiTable('|  No running processes found                                                             |'),
    ),
    absent: ofFiles(
      smiTable('|    0   N/A  N/A            4101      C   python                                71000MiB |'),
    ),
    by: 'the list has a process',
  },
  'mig-slice-too-small': {
    there: ofFiles(slice(40_000)),
    absent: ofFiles(slice(30_000)),
    by: 'how full it is',
  },
  'server-refused': {
    there: ofFiles(profiled('40.22')),
    absent: ofFiles({ 'vllm.log': [engineLine(), ...budgetLines()] }),
    by: 'what was free while it measured',
  },
  'sleep-freed-nothing': {
    there: ofFiles(server(...budgetLines(), slept('0.00', '63.15'))),
    absent: ofFiles(server(...budgetLines(), slept('62.00', '1.15'))),
    by: 'what sleep freed',
  },
  'sleep-shared': {
    there: ofFiles(server(...budgetLines(), trainer('CA 50.92 GB'), slept('19.51', '26.31'))),
    absent: ofFiles(server(...budgetLines(), slept('19.51', '26.31'))),
    by: 'a trainer that prints its memory in the same log',
  },
  'request-limit': {
    there: ofFiles(admitted(5)),
    absent: ofFiles(admitted(0)),
    by: 'whether others wait',
  },
  'log-out-of-memory': {
    there: ofFiles(oomText('torch.OutOfMemoryError: CUDA out of memory.')),
    absent: ofFiles(oomText('RuntimeError: CUDA error: device-side assert triggered.')),
    by: 'another error',
  },
  'failed-allocation': {
    there: ofFiles({ 'report.sqlite': exported('U14-cudaMalloc-failed') }),
    absent: ofFiles({ 'report.sqlite': exported('U16-option-on-no-allocation') }),
    by: 'what the call returned',
  },
  'weights-too-large': {
    there: ofFiles({ 'vllm.log': budgetLines({ total: 80, weights: 66 }) }),
    absent: ofFiles({ 'vllm.log': budgetLines({ total: 80, weights: 50 }) }),
    by: '92 % and 69 % of what the server may use',
  },
  'utilization-edge': {
    there: ofFiles({ 'vllm.log': budgetLines({ utilization: 0.95 }) }),
    absent: ofFiles({ 'vllm.log': budgetLines({ utilization: 0.9 }) }),
    by: '--gpu-memory-utilization',
  },
  'kv-cache-too-small': {
    there: ofFiles(server(...concurrency('0.80'))),
    absent: ofFiles(server(...concurrency('1.00'))),
    by: 'requests of full length that fit',
  },
  'kv-usage-expected': {
    there: ofFiles(server(...filling, ...range(10).map((i) => statsLine(120 + 10 * i, 96, 30, 0, 300)))),
    absent: ofFiles(server(...filling, ...range(10).map((i) => statsLine(120 + 10 * i, 96, 0, 9, 0)))),
    by: 'no token is made at the end',
  },
  'stuck-engine': {
    there: ofFiles(server(...filling, ...range(10).map((i) => statsLine(120 + 10 * i, 96, 0, 9, 0)))),
    absent: ofFiles(server(...filling, ...range(10).map((i) => statsLine(120 + 10 * i, 96, 30, 0, 300)))),
    by: 'tokens are made at the end',
  },
  'preemption-storm': {
    there: ofFiles(server(...preempted(12))),
    absent: ofFiles(server(...preempted(1))),
    by: 'how often',
  },
  'tensor-parallel-misuse': {
    there: ofFiles(ranks(66.97)),
    absent: ofFiles(ranks(33.5)),
    by: 'weights of a rank',
  },
};

describe('both sides of every finding', () => {
  it.each(FINDING_IDS)('%s', async (id) => {
    const { there, absent, by } = SIDES[id];
    expect(await there(), `${id} has to be there`).toContain(id);
    expect(await absent(), `${id} must not be there; what differs: ${by}`).not.toContain(id);
  });
});
