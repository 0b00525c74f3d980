import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TraceError } from '../../src/base/trace-error.ts';
import { looksLikeMemory } from '../../src/read/lines/log-pass.ts';
import { LOG_SCANNERS, logReader } from '../../src/read/log.ts';
import type { ReaderInput, ReadOutcome } from '../../src/read/reader.ts';
import { inputFromBytes, readBytes, testContext } from './open-for-test.ts';
import { expectLinear } from '../work.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8');
const vllm = fixture('log/vllm-v1-tp2.log');
const oom = fixture('log/oom.txt');
const summary = fixture('memory-summary/train.memory_summary.txt');
const mixed = [
  vllm,
  `ERROR 01-01 00:01:00 [core.py:1] ${oom}`,
  `step 4\n${summary}`,
  fixture('log/serve.report.log'),
  fixture('log/serve.requests.log'),
  'Tensor: torch.Size([4, 4]) torch.float32 cuda:0\n',
  fixture('memory-summary/train.memory_stats.json'),
  fixture('log/sglang-tp2.log'),
  '[TensorRT-LLM][INFO] [MemUsageChange] Allocated 26.91 GiB for max tokens in paged KV cache (220480).\n',
  'llama_kv_cache:      CUDA0 KV buffer size =  4096.00 MiB\n',
  '[0] NVIDIA A100-SXM4-80GB | 41 C,  97 % | 78912 / 81920 MB | ada(4M)\n',
  fixture('log/serve.nvidia-smi.log'),
].join('\n');

const read = (text: string | Uint8Array, chunkBytes = 1 << 20): Promise<ReadOutcome> =>
  readBytes(logReader, 'mixed.log', text, { chunkBytes });
const kindsOf = ({ as, also }: ReadOutcome): (string | undefined)[] => [
  as?.format,
  ...(also ?? []).map(({ format }) => format),
];
/** Everything a reader says, comparable. */
const plain = (outcome: ReadOutcome): string =>
  JSON.stringify(outcome, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    return value instanceof BigInt64Array || value instanceof Float64Array
      ? Array.from(value, String)
      : value;
  });

describe('a log of many kinds of lines', () => {
  it('is read in one pass into one source of each kind, the largest first', async () => {
    const outcome = await read(mixed);
    expect(outcome.error).toBeNull();
    // Bare pairs are read alone, and two scanners make messages of errors.
    expect([...new Set(kindsOf(outcome))].toSorted()).toEqual(
      [...new Set(LOG_SCANNERS.map(({ format }) => format))].toSorted(),
    );
    expect(outcome.as?.title).toBe('PyTorch memory_stats');
    const sources = [outcome.data, ...outcome.also!.map(({ data }) => data)];
    // The columns of the nvidia-smi lines have no names; that alone is told.
    expect(sources.flatMap(({ warnings }) => warnings).map(({ message }) => message)).toEqual([
      expect.stringContaining('nvidia-smi'),
    ]);
    expect(sources.every(({ rows }) => rows > 0)).toBe(true);
  });

  it('dates all kinds alike: the year that one line writes holds for the others', async () => {
    const outcome = await read(mixed);
    const event = outcome.also!.find(({ format }) => format === 'oom-text')!.data.readings!.events[0];
    expect(event.time_ns).toBe(BigInt(Date.UTC(2026, 0, 1, 0, 1)) * 1_000_000n);
  });

  it('does not depend on where chunks end, nor on the line ends', async () => {
    const whole = plain(await read(mixed));
    for (const chunkBytes of [1, 13, 997]) expect(plain(await read(mixed, chunkBytes))).toBe(whole);
    const kinds = kindsOf(await read(mixed)).toSorted();
    expect(kindsOf(await read(mixed.replaceAll('\n', '\r\n'))).toSorted()).toEqual(kinds);
  });

  it('splits bars that overwrite themselves', async () => {
    const bar = 'Loading: 0%| | 0/2\rLoading: 50%|# | 1/2\rLoading: 100%|##| 2/2 [1.5GB/s]\r';
    const outcome = await read(vllm.replace('(APIServer pid=10) INFO 01-01 00:00:20', `${bar}$&`));
    expect(outcome.data.warnings).toEqual([]);
    expect(outcome.data.readings!.gauges[0].value).toHaveLength(2);
  });

  it('of memory summaries alone stays what it was', async () => {
    const outcome = await read(`step 0\n${summary}step 1\n${summary}`);
    expect(kindsOf(outcome)).toEqual(['memory-summary']);
    expect(outcome.data.summaries.map(({ label }) => label)).toEqual(['step 0', 'step 1']);
    expect(outcome.data.warnings).toEqual([]);
  });
});

describe('lines that nobody understands', () => {
  it('are counted, the first twenty listed with their offsets', async () => {
    const strange = Array.from({ length: 25 }, (_unused, i) => `pool ${i} uses ${i}.5 GiB`).join('\n');
    const { data } = await read(`${vllm}${strange}`);
    expect(data.warnings).toHaveLength(21);
    expect(data.warnings[0].message).toContain('25 lines look like figures of memory');
    const [, first] = data.warnings;
    expect(first.message).toBe('Not understood: pool 0 uses 0.5 GiB');
    expect(first.offset).toBe(Buffer.byteLength(vllm));
  });

  it.each([
    ['used 5 GiB of it', true],
    ['12 MiB', true],
    ['allocating 4096 bytes', true],
    ['Device memory: 80 of them', true],
    ['KV cache usage is now 5', true],
    ['memory is plenty', false],
    ['loss 3.1 step 7', false],
    ['  File "memory.py", line 123, in memory', false],
    ['model.safetensors:  50%|## | 1.0GB/2.0GB [00:01<00:01, 900MB/s]', false],
  ])('%s: %s', (line, expected) => {
    expect(looksLikeMemory(line)).toBe(expected);
  });

  it('alone make an error that says what would be understood', async () => {
    const { error, data } = await read('pool uses 1.5 GiB\nhello');
    expect(error).toMatchObject({ code: 'unrecognised', format: 'log', file: 'mixed.log', offset: 0 });
    expect(error?.message).toContain(
      'this one looks like figures of memory, in a form that is not known: "pool uses 1.5 GiB"',
    );
    expect(error?.tried).toContain('vLLM log');
    expect(data.warnings).toHaveLength(2);
  });

  it('an overlong line is cut and told', async () => {
    const { data } = await read(`${vllm}${'x'.repeat(1 << 21)}\n`);
    expect(data.warnings.map(({ message }) => message)).toEqual([
      'A line of more than 1 MiB; its rest was left out.',
    ]);
  });
});

describe('sniffing', () => {
  const score = (text: string | Uint8Array): number =>
    logReader.sniff(inputFromBytes('unknown', text).head).score;

  it('reads on in a long log whose beginning tells nothing', () => {
    const log = Array.from(
      { length: 4000 },
      (_unused, i) => `2026-01-01 00:00:00 INFO step ${i} loss 3.1`,
    ).join('\n');
    expect(score(log)).toBe(0.5);
    expect(score(log.slice(0, 1000))).toBe(0);
  });

  it.each([
    ['nothing', ''],
    ['binary', new Uint8Array([0x80, 4, 0, 1, 2])],
    ['JSON', `{"traceEvents": [${'{"ph": "X"},'.repeat(9000)}`],
    ['CSV', 'a,b,c\n1,2,3\n'.repeat(9000)],
    ['a Git-LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n'],
    ['prose', 'The GPU has memory. '.repeat(9000)],
  ])('does not claim %s', (_name, content) => {
    expect(score(content)).toBeLessThan(0.5);
  });

  it('leaves JSON that quotes such lines to its own reader', () => {
    expect(score(JSON.stringify({ traceEvents: [], note: oom }))).toBeLessThanOrEqual(0.55);
  });
});

describe('damaged input', () => {
  /** A generator that repeats (mulberry32). */
  function random(seed: number): () => number {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  it('flipped bytes and cuts never throw and never lose the rest', async () => {
    const bytes = new TextEncoder().encode(mixed);
    for (let seed = 1; seed <= 60; seed++) {
      const next = random(seed);
      const damaged = bytes.slice(0, seed % 2 === 0 ? bytes.length : Math.floor(next() * bytes.length) + 1);
      for (let i = 0; i < 40; i++) damaged[Math.floor(next() * damaged.length)] = Math.floor(next() * 256);
      const outcome = await read(damaged);
      if (outcome.error !== null) expect(outcome.error).toBeInstanceOf(TraceError);
      for (const data of [outcome.data, ...(outcome.also ?? []).map((each) => each.data)]) {
        for (const gauge of data.readings?.gauges ?? []) {
          expect(gauge.value).toHaveLength(gauge.time_ns.length);
          expect(gauge.time_ns.every((time, i) => i === 0 || time >= gauge.time_ns[i - 1])).toBe(true);
        }
      }
    }
  });

  it('random bytes end, and throw nothing of their own', async () => {
    const next = random(7);
    const noise = Uint8Array.from({ length: 1 << 19 }, () => Math.floor(next() * 256));
    const { error } = await read(noise);
    expect(error === null || error instanceof TraceError).toBe(true);
  }, 30_000);

  it('lines made to make a search slow cost what their length does', async () => {
    const slow = (n: number): string =>
      [
        '('.repeat(30 * n),
        '(a b'.repeat(10 * n),
        `(EngineCore${' a=b'.repeat(10 * n)}`,
        'Avg prompt throughput: '.repeat(2 * n),
        `Allocated: ${'1'.repeat(20 * n)} MB`,
        'Allocated: 1 MB | '.repeat(3 * n),
        `torch.Size([${'1, '.repeat(10 * n)}`,
        'torch.Size([1]) '.repeat(3 * n),
        'input_tokens=1 '.repeat(3 * n),
        `CUDA out of memory. Tried to allocate ${'9'.repeat(10 * n)}`,
        `{${"'active.all.current': {".repeat(2 * n)}`,
        '"active.all.current": [('.repeat(2 * n),
        'INFO 01-01 '.repeat(5 * n),
        `Prefill batch. ${'#a: 1, '.repeat(5 * n)}`,
        `Capture ${'graph '.repeat(5 * n)}`,
        'memory '.repeat(10 * n),
        '1 '.repeat(30 * n),
      ].join('\n');
    await expectLinear(async (n) => {
      const { error } = await read(slow(n));
      expect(error === null || error instanceof TraceError).toBe(true);
    }, 2000);
  }, 30_000);

  it('a file that breaks off tells what it holds and why it ends', async () => {
    const whole = inputFromBytes('cut.log.gz', vllm);
    const input: ReaderInput = {
      ...whole,
      async *chunks() {
        yield* whole.chunks();
        throw new TraceError('truncated', 'The gzip stream ends early.', { file: 'cut.log.gz' });
      },
    };
    const { data, error } = await logReader.read(input, testContext());
    expect(error?.code).toBe('truncated');
    expect(data.readings!.budgets).toHaveLength(2);
  });

  it('can be cancelled', async () => {
    const long = inputFromBytes('long.log', vllm.repeat(2000));
    await expect(logReader.read(long, testContext(2))).rejects.toMatchObject({ code: 'cancelled' });
  });
});
