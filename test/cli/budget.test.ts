/** Budgets of a server as the command prints them: step by step, ranks alike once, and the sums of several. */
import { describe, expect, it } from 'vitest';
import { budgetLines } from '../../src/cli/print-budget.ts';
import { sourcesAt } from '../../src/cli/node-source.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';

const GIB = 2 ** 30;

async function analyze(path: string): Promise<Analysis> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const { sources } = sourcesAt(path);
  await engine.open(0, sources[0], () => undefined);
  for (const source of sources) source.close();
  return engine.analysis();
}

describe('the budgets of a log of two ranks', () => {
  it('are steps a rank, and sums that make up their total', async () => {
    const { budget, budget_sums: sums } = await analyze('test/fixtures/log/vllm-v1-tp2.log');
    expect(budget.map(({ rank, graphs_place: place }) => [rank, place])).toEqual([
      ['DP0 TP0', 'beyond'],
      ['DP0 TP1', 'beyond'],
    ]);
    expect(budget[0].graphs_beyond_bytes).toBe(Math.round(0.68 * GIB));
    expect(sums).toHaveLength(1);
    expect(sums[0]).toMatchObject({
      source: 0,
      scope: 'server',
      pod: '',
      rank_count: 2,
      adds_up: 'cannot_tell',
    });
    const bytes = (id: string): number => sums[0].steps.find((step) => step.id === id)!.all_ranks!.bytes;
    const down = ['not_requested', 'weights', 'non_torch', 'activation_peak', 'kv_cache', 'remainder'];
    expect(down.reduce((sum, id) => sum + bytes(id), 0)).toBeCloseTo(bytes('total'), 3);
    expect(bytes('graphs_on_top')).toBe(2 * Math.round(0.68 * GIB));
  });

  it('are lines for a terminal', async () => {
    const lines = budgetLines(await analyze('test/fixtures/log/vllm-v1-tp2.log'));
    expect(lines.slice(0, 5)).toEqual([
      '',
      'Budget step by step',
      '  the whole server (2 ranks): 158 GiB',
      '    Not requested (1 - utilization)  15.8 GiB',
      '    Weights                          114 GiB',
    ]);
    expect(lines).toContain('    CUDA graphs beyond the budget    1.36 GiB');
    expect(lines).toContain('  DP0 TP0: 79.2 GiB');
    expect(lines).toContain('    Ranks that do not print a figure are taken as like those that do.');
    expect(budgetLines({ budget: [], budget_sums: [] })).toEqual([]);
  });

  it('of ranks alike are one', async () => {
    const told = await analyze('test/fixtures/log/vllm-v1-tp2.log');
    const [first] = told.budget;
    const ranks = Array.from({ length: 8 }, (_, i) => ({ ...first, rank: `TP${i}` }));
    const lines = budgetLines({ budget: ranks, budget_sums: [] });
    expect(lines[2]).toBe('  TP0, ..., TP7, each (8 ranks): 79.2 GiB');
    expect(lines.filter((line) => line.includes('Weights   '))).toHaveLength(1);
  });
});
