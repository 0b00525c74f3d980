import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TraceError } from '../../../src/base/trace-error.ts';
import { logReaderOf } from '../../../src/read/log.ts';
import { memorySummaryScanner } from '../../../src/read/torch-text/memory-summary.ts';
import type { MemorySummary } from '../../../src/trace/capture.ts';
import { compareWithStats } from './memory-summary-oracle.ts';
import { inputFromBytes, readBytes, testContext } from '../open-for-test.ts';
import { expectLinear } from '../../work.ts';

const reader = logReaderOf([memorySummaryScanner]);
const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/memory-summary/${name}`, import.meta.url), 'utf8');
const stats = (name: string): Record<string, number> =>
  JSON.parse(fixture(`${name}.memory_stats.json`)) as Record<string, number>;

const full = fixture('train.memory_summary.txt');
const abbreviated = fixture('train.memory_summary_abbreviated.txt');
const other = fixture('churn_5.memory_summary.txt');
/** The summary without a device in its title, as lines. */
const lines = full.trimEnd().split('\n');

const read = async (text: string | Uint8Array, chunkBytes?: number) =>
  readBytes(reader, 'log.txt', text, chunkBytes === undefined ? {} : { chunkBytes });
const summariesOf = async (text: string): Promise<readonly MemorySummary[]> =>
  (await read(text)).data.summaries;
const labelsOf = async (text: string): Promise<(string | null)[]> =>
  (await summariesOf(text)).map((summary) => summary.label);

describe('figures', () => {
  it.each(['train', 'churn_5'])('of %s, in full, agree with memory_stats in every cell', async (name) => {
    const { data, error } = await read(fixture(`${name}.memory_summary.txt`));
    expect(error).toBeNull();
    expect(data.warnings).toEqual([]);
    const { agree, wrong } = compareWithStats(data.summaries[0], stats(name));
    expect(wrong).toEqual([]);
    expect(agree).toBe((9 * 3 + 2) * 4);
    expect(data.rows).toBe(9 * 3 + 2);
  });

  it.each(['train', 'churn_5'])('of %s, abbreviated, agree too', async (name) => {
    const [summary] = await summariesOf(fixture(`${name}.memory_summary_abbreviated.txt`));
    const { agree, wrong } = compareWithStats(summary, stats(name));
    expect(wrong).toEqual([]);
    expect(agree).toBe((9 + 2) * 4);
  });

  it('a comparison with other figures fails: the oracle can tell', async () => {
    const [summary] = await summariesOf(full);
    const planted = { ...stats('train') };
    planted['allocated_bytes.large_pool.peak'] += 2 ** 20;
    planted['segment.all.freed'] += 1;
    expect(compareWithStats(summary, planted).wrong).toHaveLength(2);
  });

  it('are the printed numbers times their units, with the unit as granularity', async () => {
    const [summary] = await summariesOf(full);
    expect(summary.rows['Allocated memory']['all']).toEqual({
      current: 470736 * 1024,
      peak: 3928 * 1024 ** 2,
      allocated: 96871 * 1024 ** 2,
      freed: 96411 * 1024 ** 2,
    });
    expect(summary.granularity['Allocated memory']).toEqual({
      current: 1024,
      peak: 1024 ** 2,
      allocated: 1024 ** 2,
      freed: 1024 ** 2,
    });
    expect(summary.granularity['Allocations']).toEqual({ current: 1, peak: 1, allocated: 1, freed: 1 });
  });

  it('count in K and M are decimal, and a metric of a later version is kept as printed', async () => {
    const row = '| New kind of allocs    |    1202    |    1911 K  |     982 K  |     981 M  |';
    const [summary] = await summariesOf([...lines.slice(0, -1), row, lines.at(-1)].join('\n'));
    expect(summary.rows['New kind of allocs']['all']).toEqual({
      current: 1202,
      peak: 1911e3,
      allocated: 982e3,
      freed: 981e6,
    });
    expect(summary.granularity['New kind of allocs'].freed).toBe(1e6);
  });

  it('read the retries and OOMs, and the title of every backend', async () => {
    const text = full
      .replace('OOMs: 0 ', 'OOMs: 3 ')
      .replace('retries: 0 ', 'retries: 12')
      .replace('PyTorch CUDA', 'PyTorch XPU')
      .replace('CUDA OOMs', 'XPU OOMs')
      .replace('cudaMalloc', 'xpuMalloc');
    const { data } = await read(text);
    expect(data.summaries[0]).toMatchObject({ ooms: 3, retries: 12 });
    expect(data.producer).toBe('PyTorch 2.0 or newer, memory_summary (XPU)');
  });

  it('do not depend on where chunks end', async () => {
    const text = `step 1\n${full}\nstep 2\r\n${abbreviated.replaceAll('\n', '\r\n')}`;
    const whole = (await read(text)).data.summaries;
    expect(whole).toHaveLength(2);
    for (const chunkBytes of [1, 7, 78, 100]) {
      expect((await read(text, chunkBytes)).data.summaries).toEqual(whole);
    }
  });
});

describe('labels', () => {
  it('are the last line before the summary, null where there is none', async () => {
    expect(await labelsOf(`warming up\nstep 0\n\n${full}\n\nloss 3.1\nstep 1\n${other}`)).toEqual([
      'step 0',
      'step 1',
    ]);
    expect(await labelsOf(full + other)).toEqual([null, null]);
  });

  it('head the summaries of several devices, but not two of one', async () => {
    const second = full.replace('device ID 0', 'device ID 1');
    const summaries = await summariesOf(`step 7\n${full}${second}${full}`);
    expect(summaries.map(({ device, label, step }) => [device, label, step])).toEqual([
      [0, 'step 7', 0],
      [1, 'step 7', 0],
      [0, null, 1],
    ]);
  });

  it('may stand on the line of the first border', async () => {
    expect(await labelsOf(`step 3 ${full}step 4 ${full}`)).toEqual(['step 3', 'step 4']);
  });

  it('survive tqdm, which overwrites its line with \\r', async () => {
    expect(await labelsOf(`\r 10%|#   | 1/10\r 20%|##  | 2/10\n${full}`)).toEqual(['20%|##  | 2/10']);
  });
});

describe('what loggers and launchers do to lines', () => {
  const prefixed = (prefix: string, text = full): string => text.trimEnd().replace(/^/gm, prefix) + '\n';

  it.each([
    ['spaces', '    '],
    ['a Python logger', 'INFO 03-20 19:40:50 x.py:1] '],
    ['a worker', '(Worker pid=1) '],
    ['docker compose', 'trainer-1  | '],
    ['loguru', '2026-11-20 12:00:00.000 | INFO     | __main__:<module>:1 - '],
    ['colours', '\u001b[36m(Worker_TP0 pid=7)\u001b[0;0m '],
  ])('a prefix of %s on every line', async (_name, prefix) => {
    const { data } = await read(`step 1\n${prefixed(prefix)}`);
    expect(data.warnings).toEqual([]);
    expect(data.summaries).toHaveLength(1);
    expect(compareWithStats(data.summaries[0], stats('train')).wrong).toEqual([]);
    expect(data.summaries[0].label).toBe('step 1');
  });

  it('a prefix on the first line only, and the same prefix on the label', async () => {
    const [summary] = await summariesOf(`INFO:root:${full}`);
    expect(compareWithStats(summary, stats('train')).wrong).toEqual([]);
    expect(await labelsOf(prefixed('[rank1]: ', `step 5\n${full}`))).toEqual(['step 5']);
  });

  it('colours around a line and white space after it', async () => {
    const text = lines.map((line) => `\u001b[1m${line}\u001b[0m  `).join('\r\n');
    expect(compareWithStats((await summariesOf(text))[0], stats('train')).wrong).toEqual([]);
  });

  it('two processes whose lines alternate', async () => {
    const first = prefixed('[rank0]: ', `step 5\n${full}`).trimEnd().split('\n');
    const second = prefixed('[rank1]: ', `step 6\n${other}`).trimEnd().split('\n');
    const mixed = first.flatMap((line, index) => [line, second[index]]).join('\n');
    const { data } = await read(mixed);
    expect(data.warnings).toEqual([]);
    expect(data.summaries.map((summary) => summary.label)).toEqual(['step 5', 'step 6']);
    expect(compareWithStats(data.summaries[0], stats('train')).wrong).toEqual([]);
    expect(compareWithStats(data.summaries[1], stats('churn_5')).wrong).toEqual([]);
  });

  it('a JSON log with the whole summary in one string, and a notebook with a string a line', async () => {
    const json = `{"level":"info","message":${JSON.stringify(full.trimEnd())}}\n`;
    const notebook = JSON.stringify(
      lines.map((line, index) => (index < lines.length - 1 ? `${line}\n` : line)),
      null,
      1,
    );
    for (const text of [json, notebook]) {
      const { data } = await read(text);
      expect(data.warnings).toEqual([]);
      expect(compareWithStats(data.summaries[0], stats('train')).wrong).toEqual([]);
    }
  });

  it('other lines, and other tables, in the middle of a table', async () => {
    const noisy = lines
      .flatMap((line) => [line, 'WARNING: something else', '| a | 1 | 2 | 3 | 4 |'])
      .join('\n');
    const { data } = await read(noisy);
    expect(compareWithStats(data.summaries[0], stats('train')).wrong).toEqual([]);
    expect(Object.keys(data.summaries[0].rows)).toHaveLength(11);
    expect(data.settings).toEqual([['Other lines in the text', String(2 * lines.length)]]);
  });
});

describe('damage', () => {
  it('a summary cut at the end of the text is kept as far as it goes, with a warning', async () => {
    const before = 'step 0\n';
    const cut = lines.slice(0, 12).join('\n');
    const { data, error } = await read(`${before}${full}${before}${cut}`);
    expect(error).toBeNull();
    expect(data.summaries).toHaveLength(2);
    expect(Object.keys(data.summaries[1].rows)).toEqual(['Allocated memory', 'Active memory']);
    expect(data.warnings).toHaveLength(1);
    expect(data.warnings[0].offset).toBe(2 * before.length + full.length);
    expect(data.warnings[0].message).toContain('incomplete');
  });

  it('is never met by a wrong figure, wherever a text is cut', async () => {
    const exact = stats('train');
    for (let bytes = 0; bytes < full.length; bytes += 13) {
      const { data } = await read(full.slice(0, bytes));
      for (const summary of data.summaries) {
        expect(compareWithStats(summary, { ...exact, num_ooms: 0, num_alloc_retries: 0 }).wrong).toEqual([]);
      }
    }
    expect(exact['num_ooms']).toBe(0);
  });

  it('a summary that begins within another one ends it', async () => {
    const { data } = await read([...lines.slice(0, 9), full].join('\n'));
    expect(data.summaries.map((summary) => Object.keys(summary.rows).length)).toEqual([1, 11]);
    expect(data.warnings.map((warning) => warning.offset)).toEqual([0]);
  });

  it('a row that cannot be read is left out, with a warning and its offset', async () => {
    const broken = lines.with(7, lines[7].replace('KiB', 'XiB'));
    const { data } = await read(broken.join('\n'));
    expect(data.skipped).toBeGreaterThan(0);
    expect(data.warnings[0].offset).toBe(7 * (lines[0].length + 1));
    expect(data.summaries[0].rows['Allocated memory']).toBeUndefined();
    expect(data.summaries[0].rows['Active memory']['all'].peak).toBe(3928 * 1024 ** 2);
  });

  it('sub-rows never join a metric whose own row is missing or broken', async () => {
    const [summary] = await summariesOf(lines.toSpliced(11, 1).join('\n'));
    expect(summary.rows['Active memory']).toBeUndefined();
    expect(compareWithStats(summary, stats('train')).wrong).toEqual([]);
  });

  it('many broken rows do not make many warnings', async () => {
    const rows = lines[7].replace('KiB', 'XiB');
    const { data } = await read([full, ...lines.slice(0, 7), ...Array<string>(500).fill(rows)].join('\n'));
    expect(data.skipped).toBe(500);
    expect(data.warnings.length).toBeLessThan(30);
  });

  it('a text without a summary is an error that says what was looked for', async () => {
    const { data, error } = await read('hello\nworld\n');
    expect(data.summaries).toEqual([]);
    expect(error).toBeInstanceOf(TraceError);
    expect(error).toMatchObject({ code: 'unrecognised', format: 'log' });
    expect(error?.message).toContain('2 lines');
  });

  it('a source that fails half way gives what was read, and the error', async () => {
    const input = inputFromBytes('log.txt.gz', full);
    const failing = {
      ...input,
      async *chunks() {
        yield* input.chunks();
        throw new TraceError('truncated', 'The gzip stream ends early.', { offset: 99 });
      },
    };
    const { data, error } = await reader.read(failing, testContext());
    expect(data.summaries).toHaveLength(1);
    expect(error).toMatchObject({ code: 'truncated', offset: 99 });
  });

  it('can be cancelled', async () => {
    const input = inputFromBytes('log.txt', `${'x'.repeat(63)}\n`.repeat(5 << 14), { chunkBytes: 1 << 20 });
    await expect(reader.read(input, testContext(0))).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  it('a line of bars and spaces does not take quadratic time', async () => {
    const hostile = (length: number): string =>
      `${'| a'.repeat(1000)}${' '.repeat(length)}|\n`.repeat(3) + full;
    await expectLinear((length) => read(hostile(length)), 100_000);
  });
});

describe('sniff', () => {
  const sniff = (content: string | Uint8Array) => {
    const { head } = inputFromBytes('whatever.pickle', content);
    return reader.sniff(head);
  };

  it('goes by content', () => {
    expect(sniff(full).score).toBeGreaterThan(0.9);
    expect(sniff(`${'x\n'.repeat(1000)}${full}`).score).toBeGreaterThan(0.9);
    expect(sniff('hello').score).toBe(0);
    expect(sniff(new Uint8Array([0x80, 4, 0, 1])).score).toBe(0);
    expect(sniff(new TextEncoder().encode(`${full}\0`)).score).toBe(0);
  });

  it('gives a long text a small chance: its first summary may stand beyond the head', () => {
    expect(sniff('x\n'.repeat(100_000)).score).toBeCloseTo(0.05);
  });
});
