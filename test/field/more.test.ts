/** More inputs as people paste them: what each says, and what it must never say. All texts follow the programs' sources. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { finding, say } from './field.ts';

const GIB = 2 ** 30;
const folder = mkdtempSync(join(tmpdir(), 'vramscope-more-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(...lines: readonly string[]): string {
  const path = join(folder, 'pasted.txt');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

describe('out of memory', () => {
  it('beside a process that holds far more than this one: that first, and the other ranks by their looks', async () => {
    const said = await say(
      file(
        '[rank3]: torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 3 has a total capacity of 79.15 GiB of which 11.25 MiB is free. Process 40211 has 70.12 GiB memory in use. Process 51877 has 526.00 MiB memory in use. Process 51878 has 526.00 MiB memory in use. Process 51879 has 526.00 MiB memory in use. Including non-PyTorch memory, this process has 7.43 GiB memory in use. Of the allocated memory 6.51 GiB is allocated by PyTorch, and 112.93 MiB is reserved by PyTorch but unallocated.',
      ),
    );
    const { verdict, confidence, remedy } = finding(said, 'log-out-of-memory');
    expect(verdict).toMatch(/^11\.3 MiB were free; other processes hold 71\.7 GiB at least/);
    expect(verdict).toContain('3 of them of equal size (51877, 51878 and 51879) look like contexts');
    expect(verdict).toContain('113 MiB are reserved and not allocated');
    expect(confidence).toBe('medium');
    expect(remedy).toContain('move this program or them');
    expect(remedy).not.toContain('kill');
  });

  it('of XLA: temporaries are what is allocated for them, not what is lost between them', async () => {
    const said = await say(
      file(
        'jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 34359738368 bytes.',
        'BufferAssignment OOM Debugging.',
        'BufferAssignment stats:',
        '             parameter allocation:   12.02GiB',
        '              constant allocation:         0B',
        '        maybe_live_out allocation:   12.02GiB',
        '     preallocated temp allocation:   32.00GiB',
        '  preallocated temp fragmentation:    1.2KiB (0.00%)',
        '                 total allocation:   56.04GiB',
        '              total fragmentation:    2.0KiB (0.00%)',
      ),
    );
    expect(said.json.log_events[0].figures).toMatchObject({ temporaries: 32 * GIB, fragmentation: 2048 });
    expect(finding(said, 'log-out-of-memory').verdict).toContain('32 GiB temporaries');
  });

  it.each([
    ['within what it was given', 25_000_000_000, /within its own limit/, 'medium'],
    [
      'beyond what it was given',
      21_887_582_208,
      /refused it by its own limit: 17\.4 GiB were allocated, 3\.81 GiB requested/,
      'high',
    ],
  ])('of TensorFlow, %s: by the statistics of its pool', async (_what, limit, verdict, confidence) => {
    const said = await say(
      file(
        '2024-03-11 10:22:31.123456: W external/local_tsl/tsl/framework/bfc_allocator.cc:487] Allocator (GPU_0_bfc) ran out of memory trying to allocate 3.81GiB (rounded to 4096000000)requested by op Cast',
        '2024-03-11 10:22:31.124000: I external/local_tsl/tsl/framework/bfc_allocator.cc:1114] Stats: ',
        `Limit:                     ${limit}`,
        'InUse:                     18712345600',
        'MaxInUse:                  19812345600',
        'NumAllocs:                      123456',
      ),
    );
    const found = finding(said, 'log-out-of-memory');
    expect(found.verdict).toMatch(verdict);
    expect(found.confidence).toBe(confidence);
  });

  it.each([
    ['8,000,000,000', /refused it by its own limit/, 'high'],
    ['2,000,000,000', /within its own limit/, 'medium'],
  ])('of CuPy with a limit, %s bytes requested', async (requested, verdict, confidence) => {
    const said = await say(
      file(
        `cupy.cuda.memory.OutOfMemoryError: Out of memory allocating ${requested} bytes (allocated so far: 16,384,000,000 bytes, limit set to: 20,000,000,000 bytes).`,
      ),
    );
    const found = finding(said, 'log-out-of-memory');
    expect(found.verdict).toMatch(verdict);
    expect(found.confidence).toBe(confidence);
  });

  it('of NCCL', async () => {
    const said = await say(
      file(
        'torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/NCCLUtils.hpp:219, unhandled cuda error, NCCL version 2.21.5',
        'ncclUnhandledCudaError: Call to CUDA function failed.',
        'Last error:',
        'Failed to CUDA calloc async 2432 bytes',
      ),
      '--fail-on',
      'oom',
    );
    expect(said.code).toBe(1);
    const found = finding(said, 'log-out-of-memory');
    expect(found.verdict).toBe('NCCL ran out of memory: 2.38 KiB were requested.');
    expect(found.remedy).not.toContain('cuBLAS');
  });
});

describe('refusals and limits of servers', () => {
  const decode = (running: number, usage: string, waiting: number, second: number): string =>
    `[2025-07-01 10:00:${second}] Decode batch. #running-req: ${running}, #token: 120000, token usage: ${usage}, cuda graph: True, gen throughput (token/s): 1200.1, #queue-req: ${waiting}`;

  it('as many run whenever others wait and the cache has room: a limit, by its looks', async () => {
    const said = await say(
      file(decode(36, '0.60', 40, 11), decode(36, '0.62', 41, 21), decode(36, '0.63', 42, 31)),
    );
    const { confidence, title } = finding(said, 'request-limit');
    expect(title).toBe('Requests wait while the KV cache has room: 36 run, up to 42 wait');
    expect(confidence).toBe('medium');
  });

  it.each([
    ['other numbers run', [36, 35, 36], ['0.60', '0.62', '0.63']],
    ['the cache is full', [36, 36, 36], ['0.60', '0.62', '0.97']],
  ])('%s: no such limit', async (_what, running, usage) => {
    const said = await say(file(...running.map((one, i) => decode(one, usage[i], 40 + i, 11 + 10 * i))));
    expect(said.json.findings.map(({ id }) => id)).not.toContain('request-limit');
  });

  it("SGLang's last line alone is a refusal with its remedy", async () => {
    const said = await say(
      file(
        'Traceback (most recent call last):',
        '  File "/sgl-workspace/sglang/python/sglang/srt/managers/scheduler.py", line 2261, in run_scheduler_process',
        'RuntimeError: Not enough memory. Please try to increase --mem-fraction-static. Current value: self.server_args.mem_fraction_static=0.6',
      ),
    );
    expect(finding(said, 'server-refused').remedy).toContain('--mem-fraction-static');
  });

  it('of TGI: what did not fit, and its own flag', async () => {
    const said = await say(
      file(
        '2025-07-01T10:00:11.123456Z  INFO text_generation_launcher: KV-cache blocks: 21093, size: 1',
        '2025-07-01T10:00:12.123456Z ERROR warmup{max_input_length=None max_prefill_tokens=4096 max_total_tokens=None max_batch_size=None}:warmup: text_generation_router_v3::client: backends/v3/src/client/mod.rs:45: Server error: Not enough memory to handle 4096 prefill tokens. You need to decrease `--max-batch-prefill-tokens`',
      ),
    );
    const { title, confidence, remedy } = finding(said, 'server-refused');
    expect(title).toBe('A prefill of 4,096 tokens does not fit: TGI did not start');
    expect(confidence).toBe('certain');
    expect(remedy).toContain('--max-batch-prefill-tokens');
  });

  it("what cudaGetErrorString() says in other code is the driver's", async () => {
    const said = await say(
      file('Error out of memory at line 383 in file /src/csrc/pythonInterface.cpp'),
      '--fail-on',
      'oom',
    );
    expect(said.code).toBe(1);
  });

  it('gpustat without numbers of processes: users by name, and no command without a number', async () => {
    const said = await say(
      file(
        'node-7                     Tue Jul  1 10:00:01 2025  550.54.15',
        '[0] NVIDIA A100-SXM4-80GB | 41°C,  97 % | 78912 / 81920 MB | alice(61320M) bob(17000M)',
      ),
    );
    const { verdict, remedy } = finding(said, 'other-processes');
    expect(verdict).toContain(
      'Beside a process of alice with 59.9 GiB, a process of bob held up to 16.6 GiB',
    );
    expect(remedy).not.toContain('ps -fp');
  });
});

describe('tools and servers', () => {
  it("of Ollama's plan: a budget by its own words, never a total or a used figure", async () => {
    const said = await say(
      file(
        'time=2025-03-11T10:22:31.123+01:00 level=INFO source=server.go:130 msg=offload library=cuda layers.requested=-1 layers.model=33 layers.offload=20 layers.split="" memory.available="[5.6 GiB]" memory.gpu_overhead="0 B" memory.required.full="8.1 GiB" memory.required.partial="5.5 GiB" memory.required.kv="1.0 GiB" memory.required.allocations="[5.5 GiB]" memory.weights.total="4.3 GiB" memory.weights.repeating="3.9 GiB" memory.weights.nonrepeating="411.0 MiB" memory.graph.full="560.0 MiB" memory.graph.partial="677.5 MiB"',
      ),
    );
    expect(said.json.series).toEqual([]);
    const parts = said.json.budgets[0].parts.map(({ label, value }) => [
      label,
      Math.round((100 * Number(value)) / GIB),
    ]);
    expect(parts).toEqual([
      ['Free at the start', 560],
      ['Needed for all layers', 810],
      ['Needed for the layers on GPUs', 550],
      ['KV cache', 100],
      ['Weights of all layers', 430],
      ['Compute buffer', 66],
    ]);
    expect(said.text).not.toMatch(/Memory (?:total|used)/);
  });

  it.each([
    ['mem_get_info: (84934656, 25430786048)', null],
    ['cuda:1 torch.cuda.mem_get_info() = free 84934656 total 25430786048', 1],
  ])('%s: bytes free and of the whole device', async (line, device) => {
    const { json } = await say(file(line));
    const told = json.series.map((one) => [one.id, one.device, one.samples[0][1]]);
    expect(told).toContainEqual([expect.stringContaining('free'), device, 84934656]);
    expect(told).toContainEqual([expect.stringContaining('total'), device, 25430786048]);
  });

  it.each(['total consumed (from mem_get_info): 3.10 GiB', 'mem_get_info: (25430786048, 84934656)'])(
    '%s: not that',
    async (line) => {
      const { json } = await say(file(line));
      expect(json.series.filter(({ id }) => id.includes('total'))).toEqual([]);
    },
  );

  it('of TensorRT: "GPU 820" is its memory and no number of a GPU', async () => {
    const said = await say(
      file('[TRT] [I] [MemUsageChange] Init CUDA: CPU +0, GPU +420, now: CPU 512, GPU 820 (MiB)'),
    );
    expect(said.json.series.map(({ device, samples }) => [device, samples[0][1]])).toEqual([
      [null, 820 * 2 ** 20],
    ]);
  });

  it('of amd-smi: what the processor sees is no figure that nobody understood', async () => {
    const said = await say(
      file(
        'GPU: 0',
        '    MEM_USAGE:',
        '        TOTAL_VRAM: 196592 MB',
        '        USED_VRAM: 181204 MB',
        '        FREE_VRAM: 15388 MB',
        '        TOTAL_VISIBLE_VRAM: 196592 MB',
        '        USED_VISIBLE_VRAM: 181204 MB',
        '        TOTAL_GTT: 773000 MB',
      ),
    );
    expect(said.json.sources.flatMap(({ warnings }) => warnings)).toEqual([]);
    expect(said.json.series).toHaveLength(2);
  });

  it('of nvidia-smi without a process: where to look, and no word of how to record processes', async () => {
    const said = await say(
      file(
        '| NVIDIA-SMI 570.133.20             Driver Version: 570.133.20     CUDA Version: 12.8     |',
        '|   0  NVIDIA H100 80GB HBM3          On  |   00000000:19:00.0 Off |                    0 |',
        '| N/A   34C    P0            117W /  700W |   71233MiB /  81559MiB |      0%      Default |',
        '|   1  NVIDIA H100 80GB HBM3          On  |   00000000:3B:00.0 Off |                    0 |',
        '| N/A   31C    P0             72W /  700W |       4MiB /  81559MiB |      0%      Default |',
        '| Processes:                                                                              |',
        '|  No running processes found                                                             |',
      ),
    );
    const found = said.json.findings.filter(({ id }) => id === 'unlisted-memory');
    expect(found.map(({ device, title }) => [device, title])).toEqual([
      [0, '69.6 GiB of GPU 0 are in use and no process is listed'],
    ]);
    expect(found[0].verdict).toContain('In a container and in WSL2 that is the rule');
    expect(found[0].remedy).toContain('fuser -v /dev/nvidia*');
    expect(said.text).not.toContain('To record it');
  });
});
