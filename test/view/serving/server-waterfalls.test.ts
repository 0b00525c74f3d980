/** Budgets as waterfalls: of one rank, of ranks alike, and sums of several. */
import { rankNamed } from '../../base/rank-for-test.ts';
import { exactly } from '../../../src/base/measured.ts';
import { describe, expect, it } from 'vitest';
import type { PodStep, PodWaterfall, RankWaterfall, ServerView } from '../../../src/engine/protocol.ts';
import { waterfallModel } from '../../../src/view/serving/diagnosis-waterfall.ts';
import { podWaterfalls, rankWaterfalls } from '../../../src/view/serving/server-waterfalls.ts';
import { GIB, MIB } from '../diagnosis/diagnosis-for-test.ts';

describe('a waterfall', () => {
  it('goes down from the whole, each step from where the one before it ended', () => {
    const { rows, total } = waterfallModel(
      {
        rank: 'TP0',
        total: exactly(10 * GIB),
        steps: [
          { id: 'not_requested', label: 'Not requested', bytes: exactly(GIB) },
          { id: 'weights', label: 'Weights', bytes: { value: 6 * GIB, error: MIB } },
          { id: 'kv_cache', label: 'KV cache', bytes: exactly(4 * GIB) },
          { id: 'remainder', label: 'Remainder', bytes: exactly(-GIB) },
        ],
      },
      'binary',
    );
    expect(total).toBe('10 GiB');
    expect(rows.map(({ left, width, rest }) => [left, Number(width.toFixed(6)), rest])).toEqual([
      [0.9, 0.1, '9 GiB left'],
      [0.3, 0.6, '3 GiB left'],
      [0, 0.3, '−1 GiB left'],
      [0, 0, 'nothing left'],
    ]);
    expect(rows[1].title).toContain('± 1 MiB');
    expect(rows[3]).toMatchObject({ text: '−1 GiB', negative: true });
  });

  const step = (id: PodStep['id'], printed: number, allRanks: number | null, printedRanks = 2): PodStep => ({
    id,
    label: id,
    printedRanks,
    printed: { value: printed * GIB, error: 0 },
    allRanks: allRanks === null ? null : { value: allRanks * GIB, error: 0 },
  });
  const pod = (changes: Partial<PodWaterfall>, whole: PodWaterfall | null = null): ServerView =>
    ({
      whole,
      pods: [
        {
          pod: '',
          start: 1,
          ranks: [rankNamed('TP0'), rankNamed('TP1')],
          rankCount: 2,
          steps: [step('total', 80, 160, 1), step('weights', 114, 114), step('kv_cache', 23, 46, 1)],
          addsUp: 'yes',
          sentence: 'S.',
          ...changes,
        },
      ],
    }) as unknown as ServerView;

  it('of several ranks takes all of them, and says which figures stand for others', () => {
    const steps = [
      step('total', 80, 160, 1),
      step('weights', 114, 114),
      step('kv_cache', 22, 44, 1),
      step('remainder', 1, 2, 1),
      step('graphs_on_top', 1, 2, 1),
    ];
    const [told] = podWaterfalls(pod({ steps }));
    expect(told).toMatchObject({
      total: exactly(160 * GIB),
      addsUp: true,
      rank: 'All ranks of this host (2 ranks)',
    });
    expect(told.steps.map(({ bytes }) => bytes.value / GIB)).toEqual([114, 44, 2]);
    expect(told.beyond).toMatchObject({ bytes: exactly(2 * GIB), note: 'Printed by 1 of 2 ranks' });
    expect(told.statement).toBe('S. Not printed by every rank, and taken as alike for the others: kv_cache.');
  });

  it('never mixes what was printed with what is taken as alike', () => {
    const [told] = podWaterfalls(
      pod({ steps: [step('total', 80, null), step('weights', 57, 114, 1), step('kv_cache', 23, 46, 1)] }),
    );
    expect(told.total?.value).toBe(80 * GIB);
    expect(told.steps.map(({ bytes }) => bytes.value / GIB)).toEqual([57, 23]);
  });

  it('lets no step stand on the one before it where they do not make up the whole', () => {
    // No remainder: what all ranks leave of their total is not known.
    const [told] = podWaterfalls(pod({}));
    expect(told.addsUp).toBe(false);
    const { rows } = waterfallModel(told, 'binary');
    expect(rows.map(({ left, rest }) => [left, rest])).toEqual(rows.map(() => [0, '']));
  });

  it('draws graphs beyond the budget in what was not requested, and no step down', () => {
    const { rows } = waterfallModel(
      {
        rank: '',
        total: exactly(10 * GIB),
        steps: [
          { id: 'not_requested', label: 'Not requested', bytes: exactly(2 * GIB) },
          { id: 'kv_cache', label: 'KV cache', bytes: exactly(8 * GIB) },
        ],
        beyond: { id: 'graphs_on_top', label: 'CUDA graphs beyond the budget', bytes: exactly(GIB) },
      },
      'binary',
    );
    expect(rows.map(({ left, width, rest }) => [left, Number(width.toFixed(6)), rest])).toEqual([
      [0.8, 0.2, '8 GiB left'],
      [0, 0.8, 'nothing left'],
      [0.8, 0.1, ''],
    ]);
    expect(rows[2]).toMatchObject({ tone: 'beyond', color: 'purple' });
  });

  it('says an error that makes digits mean little, and what rounding makes of nothing', () => {
    const { rows, total } = waterfallModel(
      {
        rank: '',
        total: { value: 10 * GIB, error: 0.1 * GIB },
        steps: [
          { id: 'weights', label: 'Weights', bytes: { value: 7 * GIB, error: MIB } },
          { id: 'non_torch', label: 'Non-torch memory', bytes: { value: 100 * MIB, error: 5 * MIB } },
          { id: 'kv_cache', label: 'KV cache', bytes: { value: 3 * GIB - 98 * MIB, error: MIB } },
          { id: 'remainder', label: 'Rounding', bytes: { value: -2 * MIB, error: 8 * MIB } },
        ],
      },
      'binary',
    );
    expect(total).toBe('10 GiB ± 102 MiB');
    expect(rows.map(({ text }) => text)).toEqual(['7 GiB', '100 MiB ± 5 MiB', '2.9 GiB', '−2 MiB']);
    expect(rows.map(({ rest }) => rest)).toEqual(['3 GiB left', '2.9 GiB left', 'nothing left', '']);
    expect(rows[3]).toMatchObject({ tone: 'rounding', negative: false });
  });

  it('is no sum for a single rank', () => {
    expect(podWaterfalls(pod({ rankCount: 1 }))).toEqual([]);
  });

  it('of the whole server comes first, the last start before earlier ones', () => {
    const { pods } = pod({});
    const told = podWaterfalls({
      ...pod({}, { ...pods[0], rankCount: 16 }),
      pods: [pods[0], { ...pods[0], start: 2 }, { ...pods[0], pod: '10.0.0.2', start: 2 }],
    });
    expect(told.map(({ rank }) => rank)).toEqual([
      'The whole server, were all ranks like the 2 in this log (16 ranks)',
      'Host 10.0.0.2, start 2 (2 ranks)',
      'All ranks of this host, start 2 (2 ranks)',
      'All ranks of this host (2 ranks)',
    ]);
  });

  const rank = (name: string, weights = 57, start = 1, pod = ''): RankWaterfall =>
    ({
      rank: rankNamed(name, start, pod),
      basis: 'requested',
      total: { value: 80 * GIB, error: 0 },
      whole: { value: 80 * GIB, error: 0 },
      steps: [
        {
          id: 'weights',
          label: 'Weights',
          bytes: { value: weights * GIB, error: 0 },
          leftBytes: 0,
          offset: 7,
        },
      ],
      graphsOnTop: { value: GIB, error: 0 },
      statement: 'S.',
      graphsStatement: '',
    }) as unknown as RankWaterfall;
  const names = (ranks: readonly RankWaterfall[]): string[] =>
    rankWaterfalls({ waterfalls: ranks } as unknown as ServerView).map((one) => one.rank);

  it('is one for all ranks that print the same', () => {
    const eight = Array.from({ length: 8 }, (_, i) => rank(`TP${i}`));
    expect(names(eight)).toEqual(['TP0 to TP7, each (8 ranks)']);
    expect(names([rank('TP0'), rank('TP1', 58), rank('TP2')])).toEqual([
      'TP0 and TP2, each (2 ranks)',
      'TP1',
    ]);
    expect(names([rank(''), rank('VllmWorkerProcess pid=7', 58)])).toEqual([
      'Driver',
      'VllmWorkerProcess pid=7',
    ]);
    expect(names([rank('')])).toEqual(['']);
    expect(names([rank('TP0'), rank('TP1'), rank('TP0', 57, 2), rank('TP1', 57, 2)])).toEqual([
      'TP0 and TP1, start 2, each (2 ranks)',
      'TP0 and TP1, each (2 ranks)',
    ]);
    const far = [7, 8, 9, 12].map((pid) =>
      rank(`RayWorkerWrapper pid=${pid}, ip=10.0.0.2`, 57, 1, '10.0.0.2'),
    );
    expect(names(far)).toEqual([
      'RayWorkerWrapper pid=7, RayWorkerWrapper pid=8 and 2 more, host 10.0.0.2, each (4 ranks)',
    ]);
    const [one] = rankWaterfalls({ waterfalls: [rank('')] } as unknown as ServerView);
    expect(one).toMatchObject({
      total: exactly(80 * GIB),
      addsUp: true,
      beyond: { bytes: exactly(GIB) },
      statement: 'S.',
    });
  });

  it('of the one rank that is printed asks how many a pod has, unless that is known', () => {
    const words = (known: Partial<ServerView>): string | undefined =>
      rankWaterfalls({
        waterfalls: [rank('')],
        gpusPerPod: null,
        worldSize: null,
        ...known,
      } as unknown as ServerView)[0].statement;
    expect(words({})).toMatch(/^S\. The log names one rank\. .* how many GPUs/);
    expect(words({ worldSize: 16 })).toContain('how many GPUs');
    expect(words({ worldSize: 1 })).toBe('S.');
    expect(words({ gpusPerPod: 8 })).toBe('S.');
  });
});
