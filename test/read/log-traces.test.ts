/** Real logs: the recordings in ../shared/traces, others' logs in ../shared/public, the lines users wrote of. */
import { rankText } from '../../src/base/rank.ts';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { logReader, logReaderOf } from '../../src/read/log.ts';
import { memoryStatsReader } from '../../src/read/torch-text/memory-stats.ts';
import { memorySummaryScanner } from '../../src/read/torch-text/memory-summary.ts';
import { stripColours } from '../../src/read/lines/colours.ts';
import { sglangLogScanner } from '../../src/read/servers/sglang-log.ts';
import { vllmLogScanner } from '../../src/read/servers/vllm-log.ts';
import type { MemoryBudget } from '../../src/trace/readings.ts';
import { sharedTraces } from '../shared-traces.ts';
import { compareWithStats } from './torch-text/memory-summary-oracle.ts';
import { inputFromPath, readPath } from './open-for-test.ts';

const GIB = 2 ** 30;
const gib = (value: number): number => Math.round(value * GIB);
const traces = sharedTraces();
const PUBLIC = '../shared/public';
const SEEDS = '../shared/seeds';
const PATTERNS = '../shared/vllm-patterns.mjs';
const hasPublic = existsSync(PUBLIC);
const partsOf = (budget: MemoryBudget): Record<string, number> =>
  Object.fromEntries(budget.parts.map(({ id, value }) => [id, value]));

describe.skipIf(traces === null)('the recordings in ../shared/traces', () => {
  const all = traces === null ? [] : readdirSync(traces, { recursive: true, encoding: 'utf8' }).sort();

  it.each(all.filter((path) => path.endsWith('.memory_stats.json')))('%s: every figure', async (path) => {
    const file = join(traces!, path);
    const { data, error } = await readPath(memoryStatsReader, file);
    expect(error).toBeNull();
    expect(data.warnings).toEqual([]);
    const stats = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
    const { agree, wrong } = compareWithStats(data.summaries[0], stats);
    expect(wrong).toEqual([]);
    expect(agree).toBe(116);
    expect(data.rows + data.settings.length).toBe(Object.keys(stats).length);
    expect(memoryStatsReader.sniff(inputFromPath(file).head).score).toBeGreaterThan(0.9);
  });

  it.each(all.filter((path) => /memory_summary|summaries\.log/.test(path)))(
    '%s: the same through the log reader',
    async (path) => {
      const own = await readPath(logReaderOf([memorySummaryScanner]), join(traces!, path));
      const { data, error, as, also } = await readPath(logReader, join(traces!, path));
      expect(error).toBeNull();
      expect(as).toEqual({ format: 'memory-summary', title: 'PyTorch memory summary' });
      expect(also).toEqual([]);
      expect(data).toEqual(own.data);
    },
  );

  it.each(['leak/leak.report.log', 'serve/serve.report.log'])(
    '%s agrees with memory_stats at its end',
    async (path) => {
      const { data, as } = await readPath(logReader, join(traces!, path));
      expect(as?.format).toBe('memory-lines');
      const file = join(traces!, path.replace('.report.log', '.memory_stats.json'));
      const stats = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
      const [allocated, reserved] = data.readings!.gauges;
      // The last line before the recording was dumped; empty_cache() came after, the 40th tensor too.
      const at = path.startsWith('serve') ? 19 : 39;
      const apart = path.startsWith('serve') ? allocated.granularity / 2 : 40e6;
      expect(Math.abs(allocated.value[at] - stats['allocated_bytes.all.current'])).toBeLessThanOrEqual(apart);
      expect(Math.abs(reserved.value[at] - stats['reserved_bytes.all.current'])).toBeLessThanOrEqual(
        path.startsWith('serve') ? reserved.granularity / 2 : 60e6,
      );
      expect(data.notRecorded[0]).toContain('powers of 1000: in these units, and not in the others');
    },
  );
});

describe.skipIf(!hasPublic)("others' logs in ../shared/public", () => {
  it('vLLM 0.6.4: the budgets of two ranks add up to the printed KV cache', async () => {
    const { data, error, also } = await readPath(logReader, `${PUBLIC}/vllm/v0.6.4.post1_V0_llama3_8b.log`);
    expect([error, also, data.warnings]).toEqual([null, [], []]);
    expect(data.producer).toBe('vLLM 0.6.4.post1, V0 engine');
    const budgets = data.readings!.budgets;
    expect(budgets.map(({ rank }) => rankText(rank))).toEqual(['', 'VllmWorkerProcess pid=1825469']);
    for (const [budget, kv] of [
      [budgets[0], 30.55],
      [budgets[1], 31.68],
    ] as const) {
      const parts = partsOf(budget);
      expect(parts['kv_cache']).toBe(gib(kv));
      const rest = parts['requested'] - parts['weights'] - parts['activation_peak'] - parts['non_torch'];
      expect(Math.abs(rest - parts['kv_cache'])).toBeLessThan(0.015 * GIB);
      expect(parts['kv_cache_blocks']).toBe(31284);
    }
    expect(data.readings!.gauges.map(({ value }) => value.length)).toEqual(Array(7).fill(210));
  });

  it('vLLM 0.9.0.1', async () => {
    const { data } = await readPath(logReader, `${PUBLIC}/vllm/v0.9.0.1_V1_llama3.2_1b.log`);
    expect(data.warnings).toEqual([]);
    expect(partsOf(data.readings!.budgets[0])).toEqual({
      weights: gib(2.3185),
      kv_cache_tokens: 1028832,
      tokens_per_request: 131072,
      max_concurrency: 7.85,
      kv_cache_blocks: 64302,
    });
  });

  it('vLLM 0.25.1', async () => {
    const { data } = await readPath(logReader, `${PUBLIC}/vllm/v0.25.1_V1_laguna_int4_gb10.log`);
    expect(data.warnings).toEqual([]);
    expect(partsOf(data.readings!.budgets[0])).toEqual({
      utilization: 0.89,
      weights: gib(69.34),
      cuda_graphs_estimated: gib(0.86),
      kv_cache: gib(35.2),
      kv_cache_tokens: 950420,
      tokens_per_request: 65536,
      max_concurrency: 14.5,
      cuda_graphs: gib(1.02),
      // 0.86 GiB are 0.8900 - 0.8829 of it.
      total: 130070644554,
      requested: Math.round(130070644554 * 0.89),
    });
    // The model and its draft; "auto" asked for, fp8 in force.
    expect(data.settings).toEqual(
      expect.arrayContaining([
        ['Checkpoint size', '69.05 GiB'],
        ['Checkpoint sizes', '66.97 GiB + 2.08 GiB'],
        ['kv_cache_dtype', 'fp8_e4m3'],
        ['dtype', 'torch.bfloat16'],
      ]),
    );
    expect(data.readings!.gauges.map(({ value }) => value.length)).toEqual(Array(6).fill(39));
  });

  it('SGLang: caches add up to the pool, steps to what is available', async () => {
    const { data, error, also } = await readPath(logReader, `${PUBLIC}/sglang/sglang_laguna_int4.log`);
    expect([error, also, data.warnings]).toEqual([null, [], []]);
    const { parts } = data.readings!.budgets[0];
    const sum = (id: string, count: number): number =>
      parts
        .filter((part) => part.id === id)
        .slice(0, count)
        .reduce((total, { value }) => total + value, 0);
    const pool = parts.find(({ label }) => label.includes('SWAKVPool'))!;
    expect(Math.abs(sum('kv_cache', 4) - pool.value)).toBeLessThan(0.025 * GIB);
    expect(sum('weights', 1)).toBe(gib(67.56));
    expect(sum('cuda_graphs', 3)).toBe(gib(5.24) + gib(0.6) + gib(0.45));
    expect(parts.filter(({ id }) => id === 'kv_cache_tokens').map(({ value }) => value)).toEqual([185897]);
  });

  it('every line that a known pattern matches is understood', async () => {
    const { P } = (await import(pathToFileURL(PATTERNS).href)) as { P: Record<string, RegExp> };
    const missed: string[] = [];
    let matched = 0;
    for (const folder of ['vllm', 'sglang']) {
      const scanner = folder === 'vllm' ? vllmLogScanner : sglangLogScanner;
      for (const name of readdirSync(`${PUBLIC}/${folder}`)) {
        const scan = scanner.start(name);
        readFileSync(`${PUBLIC}/${folder}/${name}`, 'utf8')
          .split(/\r\n|\n|\r/)
          .forEach((line, offset) => {
            const text = stripColours(line);
            const keys = Object.keys(P).filter(
              (key) =>
                key.startsWith('sg') === (folder === 'sglang') && key !== 'sgPrefix' && P[key].test(text),
            );
            if (keys.length === 0) return;
            matched++;
            if (!scan.take({ text, offset })) missed.push(`${keys.join()}: ${text.slice(0, 120)}`);
          });
      }
    }
    expect(missed).toEqual([]);
    expect(matched).toBeGreaterThan(250);
  });
});

describe.skipIf(!existsSync(SEEDS))('the lines that users wrote of', () => {
  const seed = (start: string): string =>
    join(
      SEEDS,
      readdirSync(SEEDS).find((name) => name.startsWith(start))!,
    );

  it('eight ranks of 42.59 GiB', async () => {
    const { data } = await readPath(logReader, seed('000'));
    const parts = partsOf(data.readings!.budgets[0]);
    expect((8 * parts['weights']) / GIB).toBeCloseTo(340.72, 6);
    expect((8 * parts['non_torch']) / GIB).toBeCloseTo(18.4, 6);
    expect((8 * parts['activation_peak']) / GIB).toBeCloseTo(11.36, 6);
    expect(data.skipped).toBe(3);
  });

  it('a KV cache that fills to 99.3 %', async () => {
    const { data } = await readPath(logReader, seed('002'));
    const usage = data.readings!.gauges.find(({ id }) => id === 'GPU KV cache usage')!;
    expect([...usage.value]).toEqual([0.117, 0.246, 0.388, 0.508, 0.7, 0.949, 0.993]);
  });

  it('an out-of-memory message in two lines', async () => {
    const { data, as } = await readPath(logReader, seed('004'));
    expect(as?.format).toBe('oom-text');
    expect(data.readings!.events.map(({ figures }) => figures)).toEqual([
      { requested: 256 * 2 ** 20, total: gib(23.65), allocated: gib(22.89) },
    ]);
  });
});
