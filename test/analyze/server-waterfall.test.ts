import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { podWaterfalls } from '../../src/analyze/server-waterfall-pods.ts';
import { rankWaterfall, rankWaterfalls, type RankWaterfall } from '../../src/analyze/server-waterfall.ts';
import { logReader } from '../../src/read/log.ts';
import type { BudgetPart, MemoryBudget } from '../../src/trace/readings.ts';
import { readBytes, readPath } from '../read/open-for-test.ts';

const GIB = 2 ** 30;
const gib = (value: number): number => Math.round(value * GIB);
const SEEDS = '../shared/seeds';
const PUBLIC = '../shared/public';

const LABELS: Partial<Record<BudgetPart['id'], string>> = { kv_cache: 'KV cache', weights: 'Weights' };
const part = (id: BudgetPart['id'], value: number, granularity = GIB / 100): BudgetPart => ({
  id,
  label: LABELS[id] ?? id,
  value: granularity === 0 ? value : gib(value),
  granularity,
  offset: 7,
});
const budget = (parts: readonly BudgetPart[], rank = '', producer = 'vLLM 0.10.2'): MemoryBudget => ({
  rank,
  producer,
  parts,
});
/** total x 0.95 = 89.95 = 42.59 + 2.30 + 1.42 + 43.64 */
const full = (kv = 43.64, weights = 42.59): BudgetPart[] => [
  part('total', 94.68),
  part('utilization', 0.95, 0),
  part('requested', 89.95),
  part('weights', weights),
  part('non_torch', 2.3),
  part('activation_peak', 1.42),
  part('kv_cache', kv),
];
const bytesOf = (waterfall: RankWaterfall): Record<string, number> =>
  Object.fromEntries(waterfall.steps.map(({ id, bytes }) => [id, bytes]));
/** Steps take the whole to zero, to the byte. */
function expectExact(waterfall: RankWaterfall): void {
  expect(waterfall.steps.at(-1)!.left_bytes).toBe(0);
  expect(waterfall.steps.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(waterfall.whole!.value);
}

describe('the waterfall of a rank', () => {
  it('goes from the total to zero, exactly', () => {
    const waterfall = rankWaterfall(budget(full()));
    expect(waterfall.basis).toBe('requested');
    expect(bytesOf(waterfall)).toEqual({
      not_requested: gib(94.68) - gib(89.95),
      weights: gib(42.59),
      non_torch: gib(2.3),
      activation_peak: gib(1.42),
      kv_cache: gib(43.64),
      remainder: gib(89.95) - gib(42.59) - gib(2.3) - gib(1.42) - gib(43.64),
    });
    expectExact(waterfall);
    expect(waterfall.adds_up).toBe('yes');
    expect(waterfall.statement).toContain('adds up to what the log printed');
  });

  it('adds up within half a printed digit of each figure, and no further', () => {
    // Five figures of 0.01 GiB: 0.025 GiB are open, 2.5 bytes for rounding to bytes.
    expect(rankWaterfall(budget(full(43.62))).adds_up).toBe('yes');
    const left = rankWaterfall(budget(full(43.61)));
    expect(left.adds_up).toBe('left_over');
    expect(left.remainder!.error).toBeCloseTo(5 * (GIB / 200 + 0.5), 3);
    expectExact(left);
    expect(rankWaterfall(budget(full(43.66))).adds_up).toBe('yes');
    const over = rankWaterfall(budget(full(43.67)));
    expect(over.adds_up).toBe('exceeds');
    expect(over.remainder!.value).toBeLessThan(0);
    expect(over.statement).toContain('more than that');
    expectExact(over);
  });

  it('counts CUDA graphs within what was requested where the sum says so, else on top', () => {
    const estimate = rankWaterfall(budget([...full(42.78), part('cuda_graphs_estimated', 0.86)]));
    expect(estimate.adds_up).toBe('yes');
    expect(bytesOf(estimate)['cuda_graphs']).toBe(gib(0.86));
    expect(estimate.graphs_on_top).toBeNull();
    expectExact(estimate);
    // The estimate is part of the activation peak already: not subtracted a second time.
    const counted = rankWaterfall(
      budget([...full(), part('cuda_graphs_estimated', 0.86), part('cuda_graphs', 1.02)]),
    );
    expect(counted.adds_up).toBe('yes');
    expect(bytesOf(counted)['cuda_graphs']).toBeUndefined();
    expect(counted.graphs_on_top!.value).toBe(gib(1.02));
    // The sum closes without: an estimate as small as the printed digits is not taken in.
    const small = rankWaterfall(budget([...full(), part('cuda_graphs_estimated', 0.01)]));
    expect(small.adds_up).toBe('yes');
    expect(bytesOf(small)['cuda_graphs']).toBeUndefined();
    // Neither closes: nothing is blamed.
    const neither = rankWaterfall(budget([...full(43), part('cuda_graphs_estimated', 0.2)]));
    expect(neither.adds_up).toBe('left_over');
    expect(bytesOf(neither)['cuda_graphs']).toBeUndefined();
  });

  it('names what is missing and fills nothing in', () => {
    const waterfall = rankWaterfall(budget(full().filter(({ id }) => id !== 'non_torch')));
    expect(waterfall.adds_up).toBe('cannot_tell');
    expect(waterfall.remainder).toBeNull();
    expect(waterfall.missing).toEqual(['non_torch']);
    expect(waterfall.steps.at(-1)).toMatchObject({ label: 'Not printed' });
    expect(waterfall.statement).toContain('does not print non torch');
    expectExact(waterfall);
    const lone = rankWaterfall(budget([part('weights', 2.3185)]));
    expect(lone).toMatchObject({ basis: 'none', whole: null, adds_up: 'cannot_tell' });
    expect(lone.missing).toEqual(['requested', 'non_torch', 'activation_peak', 'kv_cache']);
  });

  it('has nothing to add up where the KV cache was ordered', () => {
    const ordered = { ...part('kv_cache', 20), label: 'KV cache, as ordered' };
    const waterfall = rankWaterfall(budget([...full().filter(({ id }) => id !== 'kv_cache'), ordered]));
    expect(waterfall.adds_up).toBe('cannot_tell');
    expect(waterfall.statement).toContain('ordered');
  });

  it('takes the latest figure of a server that prints one again, all of one that prints steps', () => {
    const waterfall = rankWaterfall(budget([...full(50), part('kv_cache', gib(43.64) - 1000, 0)]));
    expect(bytesOf(waterfall)['kv_cache']).toBe(gib(43.64) - 1000);
    const sglang = rankWaterfall(
      budget(
        [
          part('total', 80, GIB / 1024),
          part('free_at_start', 78.5),
          part('weights', 30),
          part('weights', 2),
          part('kv_cache', 10.21),
          part('kv_cache', 10.21),
          part('available', 26),
        ],
        'TP0',
        'SGLang',
      ),
    );
    expect(sglang.basis).toBe('free');
    expect(sglang.steps.map(({ id }) => id)).toEqual([
      'in_use_before',
      'weights',
      'weights',
      'kv_cache',
      'kv_cache',
      'remainder',
      'available',
    ]);
    expect(sglang.adds_up).toBe('left_over');
    expect(sglang.remainder!.value).toBe(gib(78.5) - gib(26) - gib(30) - gib(2) - 2 * gib(10.21));
    expect(sglang.statement).toContain('was taken between them');
    expectExact(sglang);
  });
});

describe('the waterfall of a pod', () => {
  const of = (parts: readonly BudgetPart[][], names: readonly string[], options = {}) =>
    podWaterfalls(rankWaterfalls(parts.map((each, i) => budget(each, names[i]))), options);

  it('sums the printed ranks, and tells what all would take only where those agree', () => {
    const [pod] = of([full()], [''], { ranksPerPod: 8 });
    const steps = Object.fromEntries(pod.steps.map((step) => [step.id, step]));
    expect(steps['weights']).toMatchObject({ printed_ranks: 1, printed: { value: gib(42.59) } });
    expect(steps['weights'].all_ranks!.value).toBe(8 * gib(42.59));
    expect(steps['weights'].all_ranks!.value / GIB).toBeCloseTo(340.72, 6);
    expect(steps['kv_cache'].all_ranks!.value / GIB).toBeCloseTo(349.12, 6);
    expect(pod.statement).toContain('the other 7 are not in this log');
    const [unlike] = of([full(), full(44)], ['TP0', 'TP1'], { ranksPerPod: 8 });
    const kv = unlike.steps.find(({ id }) => id === 'kv_cache')!;
    expect(kv).toMatchObject({ printed_ranks: 2, all_ranks: null });
    expect(kv.printed.value).toBe(gib(43.64) + gib(44));
    expect(unlike.steps.find(({ id }) => id === 'weights')!.all_ranks!.value).toBe(8 * gib(42.59));
    expect(unlike.adds_up).toBe('exceeds');
  });

  it('has one pod for each host and start', () => {
    const pods = of(
      [full(), full(), full(), full()],
      ['', 'RayWorkerWrapper pid=7', 'RayWorkerWrapper pid=8, ip=10.0.0.2', '(start 2)'],
    );
    expect(pods.map(({ pod, start, ranks }) => [pod, start, ranks.length])).toEqual([
      ['', '', 2],
      ['10.0.0.2', '', 1],
      ['', 'start 2', 1],
    ]);
    expect(pods[0].adds_up).toBe('yes');
    expect(pods[0].statement).toBe('The budget of every printed rank adds up.');
  });
});

describe('the logs of two servers', () => {
  const fixture = (name: string): string =>
    readFileSync(new URL(`../fixtures/log/${name}`, import.meta.url), 'utf8');

  it('vLLM: the first of two ranks adds up, of the second only two figures are printed', async () => {
    const { data } = await readBytes(logReader, 'server.log', fixture('vllm-v1-tp2.log'));
    const [first, second] = rankWaterfalls(data.readings!.budgets);
    expect(first.adds_up).toBe('yes');
    expect(first.in_use_before!.value).toBe(gib(79.18) - gib(78.73));
    expect(first.graphs_on_top!.value).toBe(gib(0.68));
    expect(bytesOf(first)['kv_cache']).toBe(9320079294);
    expectExact(first);
    expect(second.adds_up).toBe('cannot_tell');
    const [pod] = podWaterfalls([first, second]);
    expect(pod.steps.find(({ id }) => id === 'weights')!.printed.value).toBe(2 * gib(56.93));
    expect(pod.steps.find(({ id }) => id === 'activation_peak')).toMatchObject({
      printed_ranks: 1,
      all_ranks: { value: 2 * gib(5.58) },
    });
    expect(pod.adds_up).toBe('cannot_tell');
  });

  it('SGLang: what went between the steps is the remainder', async () => {
    const { data } = await readBytes(logReader, 'server.log', fixture('sglang-tp2.log'));
    const [first] = rankWaterfalls(data.readings!.budgets);
    expect(first.adds_up).toBe('left_over');
    // 78.50 - 26.00 - 30.00 - 2 x 10.21 - 1.40
    expect(first.remainder!.value / GIB).toBeCloseTo(0.68, 6);
    expectExact(first);
  });
});

describe.skipIf(!existsSync(PUBLIC))('budgets add up to what the log printed', () => {
  const read = async (path: string): Promise<RankWaterfall[]> => {
    const { data, error } = await readPath(logReader, `${PUBLIC}/${path}`);
    expect(error).toBeNull();
    return rankWaterfalls(data.readings!.budgets);
  };

  it('vLLM 0.6.4, two ranks', async () => {
    const ranks = await read('vllm/v0.6.4.post1_V0_llama3_8b.log');
    expect(ranks.map(({ adds_up }) => adds_up)).toEqual(['yes', 'yes']);
    for (const rank of ranks) {
      expectExact(rank);
      expect(rank.graphs_on_top!.value).toBe(gib(0.23));
    }
    const [pod] = podWaterfalls(ranks);
    expect(pod.adds_up).toBe('yes');
    expect(pod.steps.find(({ id }) => id === 'kv_cache')!.printed.value).toBe(gib(30.55) + gib(31.68));
  });

  it('vLLM 0.9.0.1 and 0.25.1 print too little, and that is what is said', async () => {
    for (const path of ['vllm/v0.9.0.1_V1_llama3.2_1b.log', 'vllm/v0.25.1_V1_laguna_int4_gb10.log']) {
      const [rank] = await read(path);
      expect(rank.adds_up).toBe('cannot_tell');
      expect(rank.missing).toContain('requested');
    }
  });

  it('SGLang: 108.61 GiB of printed steps, half a GiB between them', async () => {
    const [rank] = await read('sglang/sglang_laguna_int4.log');
    expectExact(rank);
    expect(rank.remainder!.value / GIB).toBeCloseTo(0.53, 6);
    expect(rank.remainder!.error / GIB).toBeCloseTo(0.065, 3);
    expect(rank.in_use_before!.value).toBe(124546 * 2 ** 20 - gib(115.36));
  });
});

describe.skipIf(!existsSync(SEEDS))('the lines of the DeepSeek-R1 report', () => {
  it('give its sums for a pod of 8, and no KV cache from figures that were made unreadable', async () => {
    const name = readdirSync(SEEDS).find((file) => file.startsWith('000'))!;
    const { data } = await readPath(logReader, `${SEEDS}/${name}`);
    const ranks = rankWaterfalls(data.readings!.budgets);
    expect(ranks).toHaveLength(1);
    const [pod] = podWaterfalls(ranks, { ranksPerPod: 8 });
    const sums = Object.fromEntries(pod.steps.map(({ id, all_ranks }) => [id, all_ranks!.value / GIB]));
    expect(sums['weights']).toBeCloseTo(340.72, 6);
    expect(sums['non_torch']).toBeCloseTo(18.4, 6);
    expect(sums['activation_peak']).toBeCloseTo(11.36, 6);
    expect(sums).not.toHaveProperty('kv_cache');
    expect(pod.adds_up).toBe('cannot_tell');
    expect(ranks[0].missing).toContain('kv_cache');
    expect(ranks[0].utilization).toBe(0.95);
  });
});
