/** Out of memory under other names (kind 6), other engines' budgets (kind 8). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { finding, say } from './field.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const folder = mkdtempSync(join(tmpdir(), 'vramscope-field-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, 'message.txt');
  writeFileSync(path, `${text}\n`);
  return path;
}

describe('T05 XLA', () => {
  it('reads the message and the buffers of the program', async () => {
    const said = await say('T05-xla-resource-exhausted.txt', '--fail-on', 'oom');
    expect(said.code).toBe(1);
    const [event] = said.json.log_events;
    expect(event.kind).toBe('oom');
    expect(event.figures).toMatchObject({
      requested: 4770354232,
      parameters: Math.round(372.76 * MIB),
      constants: 48.5 * 1024,
      live_out: Math.round(9.64 * GIB),
      temporaries: Math.round(4.44 * GIB),
      program: Math.round(14.44 * GIB),
      fragmentation: Math.round(680.3 * MIB),
      'buffer 1': Math.round(4.44 * GIB),
    });
    const oom = finding(said, 'log-out-of-memory');
    expect(oom.severity).toBe('problem');
    expect(oom.verdict).toContain('One compiled program needs 14.4 GiB');
    expect(oom.verdict).toContain('9.64 GiB its results, 4.44 GiB temporaries');
    expect(oom.verdict).toContain('f32[512,128,512,36]');
    expect(oom.remedy).toContain('XLA_PYTHON_CLIENT_PREALLOCATE');
    expect(said.text).not.toContain('PYTORCH_CUDA_ALLOC_CONF');
  });
});

describe('T06 llama.cpp', () => {
  it('has a budget for each device and says what did not fit', async () => {
    const said = await say('T06-llama-cpp-oom.log', '--fail-on', 'oom');
    expect(said.code).toBe(1);
    const parts = (rank: string): readonly (readonly [string, number])[] =>
      said.json.budgets
        .find((budget) => budget.rank === rank)
        ?.parts.map(({ id, value }) => [id, value] as const) ?? [];
    expect(parts('CUDA0')).toEqual([
      ['weights', Math.round(17524.42 * MIB)],
      ['kv_cache', 4096 * MIB],
    ]);
    expect(parts('CUDA1')).toEqual([
      ['weights', Math.round(3120.1 * MIB)],
      ['kv_cache', 1024 * MIB],
    ]);
    expect(parts('CPU_Mapped (host)')).toEqual([['weights', Math.round(166.92 * MIB)]]);
    expect(said.json.log_events).toHaveLength(1);
    expect(said.json.log_events[0]).toMatchObject({
      kind: 'oom',
      device: 0,
      figures: { requested: 9_332_334_592 },
    });
    const oom = finding(said, 'log-out-of-memory');
    expect(oom.verdict).toContain('8.69 GiB did not fit on CUDA0, beside 21.1 GiB');
    expect(oom.verdict).toContain('CUDA1 holds 4.05 GiB: the split is uneven');
    for (const remedy of ['--tensor-split', '-ub', '-c', 'GGML_SCHED_MAX_COPIES=1', 'q8_0'])
      expect(oom.remedy).toContain(remedy);
  });
});

describe('T07 NPU', () => {
  it('is the same grammar with another name', async () => {
    const said = await say('T07-npu-oom.txt');
    expect(said.json.sources[0].producer).toContain('NPU');
    expect(said.json.log_events[0]).toMatchObject({
      kind: 'oom',
      device: 3,
      figures: {
        requested: Math.round(5.03 * GIB),
        total: Math.round(60.96 * GIB),
        allocated: Math.round(49.47 * GIB),
        free: Math.round(1.32 * GIB),
        reserved: Math.round(57.55 * GIB),
      },
    });
    expect(finding(said, 'log-out-of-memory').remedy).toContain(
      'PYTORCH_NPU_ALLOC_CONF=expandable_segments:True',
    );
  });
});

describe('T08 PaddlePaddle', () => {
  it('reads what was asked for, allocated and free', async () => {
    const said = await say('T08-paddle-oom.txt', '--fail-on', 'oom');
    expect(said.code).toBe(1);
    expect(said.json.log_events).toHaveLength(1);
    expect(said.json.log_events[0]).toMatchObject({
      device: 0,
      figures: {
        requested: Math.round(98.000244 * MIB),
        allocated: Math.round(14.58 * GIB),
        free: Math.round(61.25 * MIB),
      },
    });
    expect(finding(said, 'log-out-of-memory').remedy).not.toBeNull();
  });
});

describe('other messages', () => {
  it.each([
    ['RuntimeError: CUDA Error: out of memory at /workspace/csrc/cumem_allocator.cpp:62', null],
    ['RuntimeError: CUDA out of memory occurred when warming up sampler with 256 dummy requests.', null],
    ['Resource exhausted: Out of memory while trying to allocate 1073741824 bytes.', 1073741824],
    ['Out of memory while trying to allocate 1073741824 bytes.', 1073741824],
    [
      'XlaRuntimeError: RESOURCE_EXHAUSTED: Failed to allocate request for 1.00GiB (1073741824B) on device ordinal 0',
      1073741824,
    ],
    ['Allocator (GPU_0_bfc) ran out of memory trying to allocate 2.00GiB with freed_by_count=0.', 2 * GIB],
    [
      'Out of memory error on GPU 1. Cannot allocate 2.000000GB memory on GPU 1, available memory is only 61.250000MB.',
      2 * GIB,
    ],
    [
      'cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 8,000,000,000 bytes (allocated so far: 12,000 bytes).',
      8e9,
    ],
    ['onnxruntime BFCArena: Failed to allocate memory for requested buffer of size 123456789', 123456789],
    [
      'numba.cuda.cudadrv.driver.CudaAPIError: [2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY',
      null,
    ],
    ['RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`', null],
    ["NCCL WARN Cuda failure 2 'out of memory'", null],
    ['RuntimeError: Triton Error [CUDA]: out of memory', null],
    ['hipErrorOutOfMemory: out of memory', null],
    ['ggml_vulkan: Device memory allocation of size 1073741824 failed.', 1073741824],
  ])('%s', async (message, requested) => {
    const said = await say(file(message), '--fail-on', 'oom');
    expect(said.code).toBe(1);
    expect(said.json.log_events[0].kind).toBe('oom');
    expect(said.json.log_events[0].figures['requested'] ?? null).toBe(requested);
    expect(finding(said, 'log-out-of-memory').severity).toBe('problem');
  });

  it.each([
    "RuntimeError: [enforce fail at alloc_cpu.cpp:83] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 1073741824 bytes. Error code 12 (Cannot allocate memory)",
    'numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array with shape (1000000000,) and data type float64',
    '[1234.5] Out of memory: Killed process 4101 (python) total-vm:100000kB, anon-rss:65011712kB, file-rss:0kB',
    'slurmstepd: error: Detected 1 oom_kill event in StepId=123.0.',
  ])('of the machine: %s', async (message) => {
    const said = await say(file(message), '--fail-on', 'oom');
    expect(said.code).toBe(1);
    expect(finding(said, 'log-out-of-memory').title).toContain('Out of memory of the machine, not of a GPU');
    expect(said.text).not.toContain('PYTORCH_CUDA_ALLOC_CONF');
  });

  it('knows no error in words about one', async () => {
    const said = await say(
      file('step 1 loss 0.5\nno OOM so far, bloom filter ready, room for more\nallocated: 1.0 GiB'),
    );
    expect(said.json.log_events).toEqual([]);
  });
});
