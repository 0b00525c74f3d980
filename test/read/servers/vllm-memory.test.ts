/** What vLLM prints of its own memory: strings as `repr()` of each version gives them, in logs and pasted alone. */
import { rankText } from '../../../src/base/rank.ts';
import { describe, expect, it } from 'vitest';
import { logReader } from '../../../src/read/log.ts';
import { READERS } from '../../../src/read/readers.ts';
import { chooseReader } from '../../../src/read/sniff.ts';
import { findVllmMemory } from '../../../src/read/servers/vllm-memory-text.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import type { PrintedProfiling, PrintedSnapshot } from '../../../src/trace/vllm-memory.ts';
import { inputFromBytes, readBytes } from '../open-for-test.ts';

const GIB = 2 ** 30;
const gib = (value: number): object => ({ value: Math.round(value * GIB), granularity: GIB / 100 });
const bytes = (value: number): object => ({ value, granularity: 0 });

const LINE =
  'torch_peak=1.2GiB, free_memory=78.5GiB, total_memory=79.11GiB, cuda_memory=0.61GiB, torch_memory=0.0GiB, non_torch_memory=0.61GiB, timestamp=1786000000.25, auto_measure=True';
const RESULT =
  'Memory profiling takes 3.50 seconds. Total non KV cache memory: 9.8GiB; torch peak memory increase: 1.2GiB; non-torch forward increase memory: 0.1GiB; weights memory: 8.5GiB.';

const snapshots = (text: string): Omit<PrintedSnapshot, 'rank' | 'line' | 'offset'>[] =>
  findVllmMemory(text).prints.flatMap((one) => (one.kind === 'snapshot' ? [one] : []));
const results = (text: string): Omit<PrintedProfiling, 'rank' | 'line' | 'offset'>[] =>
  findVllmMemory(text).prints.flatMap((one) => (one.kind === 'result' ? [one] : []));

describe('snapshots in a text', () => {
  it('are read as the class prints itself, in GiB to two digits, with the words before them', () => {
    const [found] = snapshots(
      `(Worker_TP0 pid=9) DEBUG 08-01 23:20:02 [gpu_worker.py:301] worker init memory snapshot: ${LINE}`,
    );
    expect(found.label).toBe('worker init memory snapshot');
    expect(found.fields).toEqual({
      torch_peak: gib(1.2),
      free_memory: gib(78.5),
      total_memory: gib(79.11),
      cuda_memory: gib(0.61),
      torch_memory: gib(0),
      non_torch_memory: gib(0.61),
    });
    expect(found.timestamp_s).toBe(1786000000.25);
  });

  it('are read as a plain dataclass prints itself, in whole bytes', () => {
    const [found] = snapshots(
      'before = MemorySnapshot(torch_peak=0, cuda_memory=524288000, torch_memory=2097152, non_torch_memory=522190848, timestamp=1.5, auto_measure=True)',
    );
    expect(found.label).toBe('before');
    expect(found.fields).toEqual({
      torch_peak: bytes(0),
      cuda_memory: bytes(524288000),
      torch_memory: bytes(2097152),
      non_torch_memory: bytes(522190848),
    });
  });

  it('are read with the names of the first versions', () => {
    const [result] = results(
      'MemoryProfilingResult(non_torch_increase_in_bytes=268435456, torch_peak_increase_in_bytes=1073741824, non_kv_cache_memory_in_bytes=2000000000, before_profile=MemorySnapshot(torch_peak_in_bytes=12, torch_memory_in_bytes=2097152, timestamp=1.5), profile_time=0.25)',
    );
    expect(result.fields).toEqual({
      non_kv_cache_memory: bytes(2e9),
      torch_peak_increase: bytes(1073741824),
      non_torch_increase: bytes(268435456),
    });
    const [inside] = snapshots(
      'before_profile=MemorySnapshot(torch_peak_in_bytes=12, torch_memory_in_bytes=2097152)',
    );
    expect(inside).toMatchObject({ label: 'before_profile', fields: { torch_memory: bytes(2097152) } });
  });

  it.each([
    ['rocm', LINE.replace('cuda_memory', 'rocm_memory')],
    ['xpu', LINE.replace('cuda_memory', 'xpu_memory')],
  ])('name the device’s memory after the platform: %s', (_name, line) => {
    expect(snapshots(line)[0].fields.cuda_memory).toEqual(gib(0.61));
  });

  it('are two where two stand on a line', () => {
    const found = snapshots(`before ${LINE}; after ${LINE.replace('1.2GiB', '3.4GiB')}`);
    expect(found.map(({ label }) => label)).toEqual(['before', 'after']);
    expect(found.map(({ fields }) => fields.torch_peak)).toEqual([gib(1.2), gib(3.4)]);
  });

  it('are read with fields of any order, other units, underscores, a device, and as vars() prints them', () => {
    const [call] = snapshots(
      "MemorySnapshot(free_memory=84_000_000_000, total_memory=80 GiB, cuda_memory=512 MiB, device=device(type='cuda', index=0), auto_measure=True)",
    );
    expect(call.fields).toEqual({
      free_memory: bytes(84e9),
      total_memory: gib(80),
      cuda_memory: { value: 512 * 2 ** 20, granularity: 2 ** 20 },
    });
    const [dict] = snapshots("{'torch_peak': 0, 'torch_allocated': 12, 'free_memory': 84125155328}");
    expect(dict.fields).toEqual({
      torch_peak: bytes(0),
      torch_allocated: bytes(12),
      free_memory: bytes(84125155328),
    });
  });

  it('are not made of source code', () => {
    for (const code of [
      'torch_peak=self.torch_peak - other.torch_peak,\n free_memory=1',
      'f"torch_peak={format_gib(self.torch_peak)}GiB, "',
      'class MemorySnapshot:\n    torch_peak: int = 0\n    free_memory: int = 0',
      'self.before_profile = MemorySnapshot(device=device, auto_measure=False)',
      'weights_memory=int(self.model_runner.model_memory_usage)',
      'weights_memory=weights_memory,',
    ]) {
      expect(findVllmMemory(code)).toEqual({ prints: [], problems: [] });
    }
  });

  it('leave out what is no figure, and say so', () => {
    const { prints, problems } = findVllmMemory(
      LINE.replace('79.11GiB', '7x.11GiB').replace('=78.5GiB', '=78.5GB').replace('=1.2GiB', '=1.2'),
    );
    expect(Object.keys(prints[0].fields)).toEqual(['cuda_memory', 'torch_memory', 'non_torch_memory']);
    expect(problems.map(({ message }) => message)).toEqual([
      'torch_peak=1.2 has no unit and is no whole number of bytes: it was left out.',
      'free_memory=78.5GB is in GB, which may be powers of 1000 or of 1024: it was left out.',
      'total_memory=7x.11GiB is no number: it was left out.',
    ]);
  });

  it('ask for a unit where bare numbers are too small for bytes', () => {
    const of = (total: string): number =>
      findVllmMemory(`MemorySnapshot(free_memory=0, total_memory=${total})`).problems.length;
    expect(of('80')).toBe(1);
    expect(of('1048575')).toBe(1);
    expect(of('1048576')).toBe(0);
    expect(of('80GiB')).toBe(0);
  });
});

describe('profiling results in a text', () => {
  it('are read as they print themselves', () => {
    const [found] = results(`DEBUG 08-01 23:20:02 [gpu_worker.py:3] ${RESULT}`);
    expect(found).toMatchObject({ profile_time_s: 3.5, label: '' });
    expect(found.fields).toEqual({
      non_kv_cache_memory: gib(9.8),
      torch_peak_increase: gib(1.2),
      non_torch_increase: gib(0.1),
      weights_memory: gib(8.5),
    });
  });

  it('are read in the newer form, which prints what was consumed', () => {
    const [found] = results(
      'Memory profiling takes 31.20 seconds. Total non KV cache memory: 63.53GiB; torch peak memory increase: 2.04GiB; total consumed (from mem_get_info): 61.49GiB; weights memory: 55.87GiB.',
    );
    expect(found.fields).toEqual({
      non_kv_cache_memory: gib(63.53),
      torch_peak_increase: gib(2.04),
      total_consumed: gib(61.49),
      weights_memory: gib(55.87),
    });
  });

  it('are read as a plain dataclass, with the snapshots that it holds', () => {
    const text =
      'MemoryProfilingResult(non_kv_cache_memory=5368709120, torch_peak_increase=2147483648, non_torch_increase=1073741824, weights_memory=2147483648.0, before_create=MemorySnapshot(torch_peak=0, cuda_memory=1073741824, torch_memory=0, non_torch_memory=1073741824, timestamp=100.0, auto_measure=True), before_profile=MemorySnapshot(torch_peak=2147483648, cuda_memory=3758096384, torch_memory=2147483648, non_torch_memory=1610612736, timestamp=101.0, auto_measure=True), after_profile=MemorySnapshot(torch_peak=4294967296, cuda_memory=5368709120, torch_memory=3221225472, non_torch_memory=2147483648, timestamp=104.5, auto_measure=True), profile_time=3.5)';
    const [result] = results(text);
    expect(result.profile_time_s).toBe(3.5);
    expect(result.fields).toEqual({
      non_kv_cache_memory: bytes(5 * GIB),
      torch_peak_increase: bytes(2 * GIB),
      non_torch_increase: bytes(GIB),
      weights_memory: bytes(2 * GIB),
    });
    const inside = snapshots(text);
    expect(inside.map(({ label }) => label)).toEqual(['before_create', 'before_profile', 'after_profile']);
    expect(inside[2]).toMatchObject({ timestamp_s: 104.5, fields: { torch_peak: bytes(4 * GIB) } });
  });
});

async function read(
  text: string,
): Promise<{ readonly data: SourceData; readonly title: string | undefined }> {
  const outcome = await readBytes(logReader, 'unknown', text);
  expect(outcome.error).toBeNull();
  return { data: outcome.data, title: outcome.as?.title };
}

describe('pasted alone', () => {
  const pasted = [
    '(Pdb) p before',
    'MemorySnapshot(torch_peak=0,',
    '               cuda_memory=524288000,',
    '               torch_memory=2097152,',
    '               non_torch_memory=522190848)',
    '',
    'after = MemorySnapshot(',
    '    torch_peak=1048576000,',
    '    cuda_memory=1572864000, torch_memory=1048576000,',
    '    non_torch_memory=524288000,',
    ')',
    'weights_memory = 1000000000',
  ].join('\n');

  it('a text of nothing else is recognised by what is in it', () => {
    for (const text of [pasted, LINE, RESULT, JSON.stringify({ torch_peak: 0, free_memory: 5e9 }, null, 2)]) {
      const { head } = inputFromBytes('pasted text', Buffer.from(text));
      expect(chooseReader(READERS, head).reader).toBe(logReader);
    }
  });

  it('goes over several lines, with the line that each begins on and the name before it', async () => {
    const { data, title } = await read(pasted);
    expect(title).toBe('vLLM memory snapshots');
    expect(data.warnings).toEqual([]);
    expect(data.notRecorded).toEqual([]);
    expect(data.readings!.budgets).toEqual([]);
    const memory = data.readings!.vllm_memory!;
    expect(memory.map(({ kind, label, line, rank }) => [kind, label, line, rankText(rank)])).toEqual([
      ['snapshot', 'before', 2, ''],
      ['snapshot', 'after', 7, ''],
      ['result', '', 12, ''],
    ]);
    expect(memory[1].fields).toMatchObject({ non_torch_memory: bytes(524288000) });
    expect(pasted.slice(memory[1].offset)).toMatch(/^after = /);
  });

  it('reads JSON of one over several lines', async () => {
    const { data } = await read(
      JSON.stringify({ torch_peak: 0, free_memory: 5e9, total_memory: 8e9 }, null, 2),
    );
    expect(data.readings!.vllm_memory).toMatchObject([
      { line: 2, fields: { torch_peak: bytes(0), free_memory: bytes(5e9), total_memory: bytes(8e9) } },
    ]);
  });

  it('ends where a line of something else begins, and is no worse for a parenthesis that never closes', async () => {
    const { data } = await read(
      `x = MemorySnapshot(torch_peak=1GiB,\nINFO 08-01 23:20:02 [a.py:1] hello\n${LINE}`,
    );
    expect(data.readings!.vllm_memory!.map(({ line }) => line)).toEqual([3]);
    const long = [
      'before = MemorySnapshot(',
      LINE,
      ...Array.from({ length: 200 }, () => 'word ('),
      LINE,
    ].join('\n');
    expect((await read(long)).data.readings!.vllm_memory).toHaveLength(2);
  });
});

it('tells the first figures that could not be read one by one, and counts the rest', async () => {
  const line = 'torch_peak=1.2GB, free_memory=78.5GiB, total_memory=79.11GiB';
  const { data } = await read(Array.from({ length: 50 }, () => line).join('\n'));
  expect(data.readings!.vllm_memory).toHaveLength(50);
  const messages = data.warnings.map(({ message }) => message);
  expect(messages.filter((message) => message.startsWith('torch_peak=1.2GB'))).toHaveLength(20);
  expect(messages.at(-1)).toBe('30 more figures of memory snapshots could not be taken as printed.');
});

describe('in a log', () => {
  const log = [
    '(APIServer pid=1) INFO 08-01 23:19:40 [api_server.py:1] vLLM API server version 0.14.0',
    `(Worker_TP0 pid=9) DEBUG 08-01 23:20:02 [gpu_worker.py:301] worker init memory snapshot: ${LINE}`,
    `(Worker_TP1 pid=10) DEBUG 08-01 23:20:02 [gpu_worker.py:301] worker init memory snapshot: ${LINE}`,
    `(Worker_TP1 pid=10) DEBUG 08-01 23:20:22 [gpu_worker.py:401] ${RESULT}`,
    `(Worker_TP0 pid=9) DEBUG 08-01 23:20:22 [gpu_worker.py:401] ${RESULT}`,
  ];

  it('belongs to the rank that prints it, beside the budget that the same lines feed', async () => {
    const { data, title } = await read(log.join('\n'));
    expect(title).toBe('vLLM log');
    expect(data.readings!.vllm_memory!.map(({ kind, rank, line }) => [kind, rankText(rank), line])).toEqual([
      ['snapshot', 'TP0', 2],
      ['snapshot', 'TP1', 3],
      ['result', 'TP1', 4],
      ['result', 'TP0', 5],
    ]);
    expect(data.readings!.budgets.map(({ rank }) => rankText(rank))).toEqual(['TP0', 'TP1']);
    const parts = data.readings!.budgets[0].parts.map(({ id }) => id);
    expect(parts.filter((id) => id === 'free_at_start')).toHaveLength(1);
  });

  it('belongs to its start where a server starts twice', async () => {
    const { data } = await read([...log, ...log].join('\n'));
    expect(new Set(data.readings!.vllm_memory!.map(({ rank }) => rankText(rank)))).toEqual(
      new Set(['TP0', 'TP1', 'TP0 (start 2)', 'TP1 (start 2)']),
    );
    expect(data.readings!.budgets.map(({ rank }) => rankText(rank))).toContain('TP0 (start 2)');
  });

  it('is no other server’s budget: a snapshot that is not the first says nothing of the start', async () => {
    const other = log[1].replace('worker init memory snapshot', 'after warm-up');
    const { data } = await read([log[0], other].join('\n'));
    expect(data.readings!.budgets).toEqual([]);
    expect(data.readings!.vllm_memory).toHaveLength(1);
  });
});
