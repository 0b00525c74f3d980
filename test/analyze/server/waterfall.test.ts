import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { podWaterfalls, type PodWaterfall } from '../../../src/analyze/server/waterfall-pods.ts';
import { rankWaterfall, rankWaterfalls, type RankWaterfall } from '../../../src/analyze/server/waterfall.ts';
import { withAmounts } from '../../../src/base/amounts.ts';
import { rankNamed } from '../../base/rank-for-test.ts';
import type { Rank } from '../../../src/base/rank.ts';
import { logReader } from '../../../src/read/log.ts';
import type { BudgetPart, MemoryBudget } from '../../../src/trace/readings.ts';
import { readBytes, readPath } from '../../read/open-for-test.ts';

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
const budget = (
  parts: readonly BudgetPart[],
  rank: string | Rank = '',
  producer = 'vLLM 0.10.2',
): MemoryBudget => ({
  rank: typeof rank === 'string' ? rankNamed(rank) : rank,
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
  Object.fromEntries(waterfall.steps.map(({ id, bytes }) => [id, bytes.value]));
/** Steps take the whole to zero, to the byte. */
function expectExact(waterfall: RankWaterfall): void {
  expect(waterfall.steps.at(-1)!.leftBytes).toBe(0);
  expect(waterfall.steps.reduce((sum, { bytes }) => sum + bytes.value, 0)).toBe(waterfall.whole!.value);
}

/** The steps of a pod make up its total. */
function expectPodExact({ steps }: PodWaterfall): void {
  const down = steps.filter(({ id }) => !['total', 'requested', 'graphs_on_top'].includes(id));
  const total = steps.find(({ id }) => id === 'total')!.allRanks!.value;
  expect(down.reduce((sum, { allRanks }) => sum + allRanks!.value, 0)).toBeCloseTo(total, 3);
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
    expect(waterfall.addsUp).toBe('yes');
    expect(waterfall.statement).toContain('adds up to what the log printed');
  });

  it('adds up within half a printed digit of each figure, and no further', () => {
    // Five figures of 0.01 GiB: 0.025 GiB are open, 2.5 bytes for rounding to bytes.
    expect(rankWaterfall(budget(full(43.62))).addsUp).toBe('yes');
    const left = rankWaterfall(budget(full(43.61)));
    expect(left.addsUp).toBe('left_over');
    expect(left.remainder!.error).toBeCloseTo(5 * (GIB / 200 + 0.5), 3);
    expectExact(left);
    expect(rankWaterfall(budget(full(43.66))).addsUp).toBe('yes');
    const over = rankWaterfall(budget(full(43.67)));
    expect(over.addsUp).toBe('exceeds');
    expect(over.remainder!.value).toBeLessThan(0);
    expect(over.statement).toContain('more than that');
    expectExact(over);
  });

  it('counts CUDA graphs within what was requested where the sum says so, else on top', () => {
    const estimate = rankWaterfall(budget([...full(42.78), part('cuda_graphs_estimated', 0.86)]));
    expect(estimate.addsUp).toBe('yes');
    expect(bytesOf(estimate)['cuda_graphs']).toBe(gib(0.86));
    expect(estimate).toMatchObject({ graphsOnTop: null, graphsPlace: 'within' });
    expectExact(estimate);
    // The sum closes without an estimate of which the log does not say whether room was left: nothing is claimed.
    const silent = rankWaterfall(
      budget([...full(), part('cuda_graphs_estimated', 0.86), part('cuda_graphs', 1.02)]),
    );
    expect(silent.addsUp).toBe('yes');
    expect(bytesOf(silent)['cuda_graphs']).toBeUndefined();
    expect(silent).toMatchObject({ graphsOnTop: null, graphsPlace: 'cannot_tell' });
    // The sum closes without: an estimate as small as the printed digits is not taken in.
    const small = rankWaterfall(budget([...full(), part('cuda_graphs_estimated', 0.01)]));
    expect(small.addsUp).toBe('yes');
    expect(bytesOf(small)['cuda_graphs']).toBeUndefined();
    // Neither closes: nothing is blamed.
    const neither = rankWaterfall(budget([...full(43), part('cuda_graphs_estimated', 0.2)]));
    expect(neither.addsUp).toBe('left_over');
    expect(bytesOf(neither)['cuda_graphs']).toBeUndefined();
  });

  const estimated = (words: string, value = 0.86): BudgetPart => ({
    ...part('cuda_graphs_estimated', value),
    label: `CUDA graphs, estimated ${words}`,
  });

  it('counts only what graphs take beyond the room that was left for them', () => {
    const over = rankWaterfall(
      budget([...full(42.78), estimated('and set aside'), part('cuda_graphs', 1.02)]),
    );
    expect(over.graphsPlace).toBe('within');
    expect(over.graphsOnTop!.value).toBe(gib(1.02) - gib(0.86));
    expect(over.graphsStatement).toContain('lie beyond the budget');
    // Newer versions print an activation peak that holds the estimate.
    const inside = rankWaterfall(budget([...full(), estimated('and set aside'), part('cuda_graphs', 0.71)]));
    expect(inside).toMatchObject({ addsUp: 'yes', graphsPlace: 'in_activation', graphsOnTop: null });
    expect(bytesOf(inside)['cuda_graphs']).toBeUndefined();
    expect(withAmounts(inside.graphsStatement, 'binary')).toContain('154 MiB of that stay unused');
    // As much as the digits: no more, no less.
    const even = rankWaterfall(budget([...full(), estimated('and set aside'), part('cuda_graphs', 0.865)]));
    expect(even.graphsOnTop).toBeNull();
  });

  it('counts all graphs as beyond the budget where no room was left, and says so where that is not known', () => {
    const none = rankWaterfall(
      budget([...full(), estimated('and not set aside'), part('cuda_graphs', 1.02)]),
    );
    expect(none).toMatchObject({
      addsUp: 'yes',
      graphsPlace: 'beyond',
      graphsOnTop: { value: gib(1.02) },
    });
    expect(bytesOf(none)['cuda_graphs']).toBeUndefined();
    const older = rankWaterfall(budget([...full(), part('cuda_graphs', 0.68)]));
    expect(older).toMatchObject({ graphsPlace: 'beyond', graphsOnTop: { value: gib(0.68) } });
    expect(withAmounts(older.graphsStatement, 'binary')).toContain('of 4.73 GiB that were not requested');
    // The line that sums weights and non-torch is of a version that may count an estimate in.
    const summed = { ...part('other', 44.89), label: 'Weights and non-torch together' };
    const unknown = rankWaterfall(budget([...full(), summed, part('cuda_graphs', 0.68)]));
    expect(unknown).toMatchObject({ graphsPlace: 'cannot_tell', graphsOnTop: null });
    // Without the activation peak the estimate cannot be in it.
    const short = rankWaterfall(
      budget([
        ...full(42.78).filter(({ id }) => id !== 'activation_peak'),
        estimated('and set aside'),
        part('cuda_graphs', 0.86),
      ]),
    );
    expect(short).toMatchObject({ addsUp: 'cannot_tell', graphsPlace: 'within' });
    expect(bytesOf(short)['cuda_graphs']).toBe(gib(0.86));
    expectExact(short);
  });

  it('names what is missing and fills nothing in', () => {
    const waterfall = rankWaterfall(budget(full().filter(({ id }) => id !== 'non_torch')));
    expect(waterfall.addsUp).toBe('cannot_tell');
    expect(waterfall.remainder).toBeNull();
    expect(waterfall.missing).toEqual(['non_torch']);
    expect(waterfall.steps.at(-1)).toMatchObject({ label: 'Not printed' });
    expect(waterfall.statement).toContain('does not print non-torch memory');
    expectExact(waterfall);
    const lone = rankWaterfall(budget([part('weights', 2.3185)]));
    expect(lone).toMatchObject({ basis: 'none', whole: null, addsUp: 'cannot_tell' });
    expect(lone.missing).toEqual(['requested', 'non_torch', 'activation_peak', 'kv_cache']);
  });

  it('has nothing to add up where the KV cache was ordered', () => {
    const ordered = { ...part('kv_cache', 20), label: 'KV cache, as ordered' };
    const waterfall = rankWaterfall(budget([...full().filter(({ id }) => id !== 'kv_cache'), ordered]));
    expect(waterfall.addsUp).toBe('cannot_tell');
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
    expect(sglang.addsUp).toBe('left_over');
    expect(sglang.remainder!.value).toBe(gib(78.5) - gib(26) - gib(30) - gib(2) - 2 * gib(10.21));
    expect(sglang.statement).toContain('was taken between them');
    expectExact(sglang);
  });
});

describe('the waterfall of a pod', () => {
  const of = (parts: readonly BudgetPart[][], names: readonly (string | Rank)[], options = {}) =>
    podWaterfalls(rankWaterfalls(parts.map((each, i) => budget(each, names[i]))), options);

  it('sums the printed ranks, and tells what all would take only where those agree', () => {
    const [pod] = of([full()], [''], { ranksPerPod: 8 });
    const steps = Object.fromEntries(pod.steps.map((step) => [step.id, step]));
    expect(steps['weights']).toMatchObject({ printedRanks: 1, printed: { value: gib(42.59) } });
    expect(steps['weights'].allRanks!.value).toBe(8 * gib(42.59));
    expect(steps['weights'].allRanks!.value / GIB).toBeCloseTo(340.72, 6);
    expect(steps['kv_cache'].allRanks!.value / GIB).toBeCloseTo(349.12, 6);
    expect(pod.sentence).toContain('the other 7 are not in this log');
    const [unlike] = of([full(), full(44)], ['TP0', 'TP1'], { ranksPerPod: 8 });
    const kv = unlike.steps.find(({ id }) => id === 'kv_cache')!;
    expect(kv).toMatchObject({ printedRanks: 2, allRanks: null });
    expect(kv.printed.value).toBe(gib(43.64) + gib(44));
    expect(unlike.steps.find(({ id }) => id === 'weights')!.allRanks!.value).toBe(8 * gib(42.59));
    expect(unlike.addsUp).toBe('exceeds');
  });

  it('has one pod for each host and start', () => {
    const pods = of(
      [full(), full(), full(), full()],
      [
        '',
        'RayWorkerWrapper pid=7',
        rankNamed('RayWorkerWrapper pid=8, ip=10.0.0.2', 1, '10.0.0.2'),
        rankNamed('', 2),
      ],
    );
    expect(pods.map(({ pod, start, ranks }) => [pod, start, ranks.length])).toEqual([
      ['', 1, 2],
      ['10.0.0.2', 1, 1],
      ['', 2, 1],
    ]);
    expect(pods[0].addsUp).toBe('yes');
    expect(pods[0].sentence).toBe('The budget of every printed rank adds up.');
  });
});

describe('the logs of two servers', () => {
  const fixture = (name: string): string =>
    readFileSync(new URL(`../../fixtures/log/${name}`, import.meta.url), 'utf8');

  it('vLLM: the first of two ranks adds up, of the second only two figures are printed', async () => {
    const { data } = await readBytes(logReader, 'server.log', fixture('vllm-v1-tp2.log'));
    const [first, second] = rankWaterfalls(data.readings!.budgets);
    expect(first.addsUp).toBe('yes');
    expect(first.inUseBefore!.value).toBe(gib(79.18) - gib(78.73));
    expect(first.graphsOnTop!.value).toBe(gib(0.68));
    expect(bytesOf(first)['kv_cache']).toBe(9320079294);
    expectExact(first);
    expect(second.addsUp).toBe('cannot_tell');
    const [pod] = podWaterfalls([first, second]);
    expect(pod.steps.find(({ id }) => id === 'weights')!.printed.value).toBe(2 * gib(56.93));
    expect(pod.steps.find(({ id }) => id === 'activation_peak')).toMatchObject({
      printedRanks: 1,
      allRanks: { value: 2 * gib(5.58) },
    });
    expect(pod.addsUp).toBe('cannot_tell');
    // Graphs of both ranks are beyond the budget, and the steps make up the total to the byte.
    expect(second.graphsOnTop!.value).toBe(gib(0.68));
    expect(bytesOf(second)).not.toHaveProperty('cuda_graphs');
    expect(pod.steps.find(({ id }) => id === 'cuda_graphs')).toBeUndefined();
    expect(pod.steps.find(({ id }) => id === 'graphs_on_top')!.allRanks!.value).toBe(2 * gib(0.68));
    expectPodExact(pod);
    // The second rank has less KV cache: it had more of what it does not print.
    const rest = pod.steps.find(({ id }) => id === 'remainder')!;
    expect(rest.label).toBe('Not printed by every rank');
    expect(rest.allRanks!.value / GIB).toBeCloseTo(0.08, 3);
    expect(pod.sentence).toContain('DP0 TP1: The log does not print what was requested');
  });

  it('SGLang, a rank whose last line of what is available stands before its KV cache', async () => {
    const { data } = await readBytes(logReader, 'server.log', fixture('sglang-tp2.log'));
    const ranks = rankWaterfalls(data.readings!.budgets);
    expect(ranks[1]).toMatchObject({ addsUp: 'cannot_tell', remainder: null, missing: ['available'] });
    expectExact(ranks[1]);
    const [pod] = podWaterfalls(ranks);
    expect(pod.steps[0]).toMatchObject({ id: 'total', label: 'Free at the start' });
    expectPodExact(pod);
  });

  it('SGLang: what went between the steps is the remainder', async () => {
    const { data } = await readBytes(logReader, 'server.log', fixture('sglang-tp2.log'));
    const [first] = rankWaterfalls(data.readings!.budgets);
    expect(first.addsUp).toBe('left_over');
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
    expect(ranks.map(({ addsUp }) => addsUp)).toEqual(['yes', 'yes']);
    for (const rank of ranks) {
      expectExact(rank);
      expect(rank.graphsOnTop!.value).toBe(gib(0.23));
    }
    const [pod] = podWaterfalls(ranks);
    expect(pod.addsUp).toBe('yes');
    expect(pod.steps.find(({ id }) => id === 'kv_cache')!.printed.value).toBe(gib(30.55) + gib(31.68));
  });

  it('vLLM 0.9.0.1 prints too little, and that is what is said', async () => {
    const [rank] = await read('vllm/v0.9.0.1_V1_llama3.2_1b.log');
    expect(rank.addsUp).toBe('cannot_tell');
    expect(rank.missing).toContain('requested');
  });

  it('vLLM 0.25.1: the total follows from the estimate of CUDA graphs, with its error', async () => {
    const [rank] = await read('vllm/v0.25.1_V1_laguna_int4_gb10.log');
    expect(rank).toMatchObject({ addsUp: 'cannot_tell', missing: ['non_torch', 'activation_peak'] });
    // 0.86 GiB are 0.0071 of it; other logs of such a machine print 121.6 to 121.7 GiB.
    expect(Math.abs(rank.total!.value / GIB - 121.65)).toBeLessThan(rank.total!.error / GIB);
    expect(rank.total!.error / GIB).toBeCloseTo(1.57, 1);
    expect(bytesOf(rank)['cuda_graphs']).toBe(gib(0.86));
    expect(rank.graphsOnTop!.value).toBe(gib(1.02) - gib(0.86));
    expectExact(rank);
  });

  it('SGLang: 108.61 GiB of printed steps, half a GiB between them', async () => {
    const [rank] = await read('sglang/sglang_laguna_int4.log');
    expectExact(rank);
    expect(rank.remainder!.value / GIB).toBeCloseTo(0.53, 6);
    expect(rank.remainder!.error / GIB).toBeCloseTo(0.065, 3);
    expect(rank.inUseBefore!.value).toBe(124546 * 2 ** 20 - gib(115.36));
  });
});

describe.skipIf(!existsSync(SEEDS))('the lines of the DeepSeek-R1 report', () => {
  it('give its sums for a pod of 8, and no KV cache from figures that were made unreadable', async () => {
    const name = readdirSync(SEEDS).find((file) => file.startsWith('000'))!;
    const { data } = await readPath(logReader, `${SEEDS}/${name}`);
    const ranks = rankWaterfalls(data.readings!.budgets);
    expect(ranks).toHaveLength(1);
    const [pod] = podWaterfalls(ranks, { ranksPerPod: 8 });
    const sums = Object.fromEntries(pod.steps.map(({ id, allRanks }) => [id, allRanks!.value / GIB]));
    expect(sums['weights']).toBeCloseTo(340.72, 6);
    expect(sums['non_torch']).toBeCloseTo(18.4, 6);
    expect(sums['activation_peak']).toBeCloseTo(11.36, 6);
    expect(sums).not.toHaveProperty('kv_cache');
    expect(pod.addsUp).toBe('cannot_tell');
    expect(ranks[0].missing).toContain('kv_cache');
    expect(ranks[0].utilization).toBe(0.95);
  });
});
