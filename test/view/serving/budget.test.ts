/** Budgets that add up, budgets that do not, and budgets of which too little was printed. */
import { rankNamed } from '../../base/rank-for-test.ts';
import { describe, expect, it } from 'vitest';
import type { BudgetPart, MemoryBudget } from '../../../src/engine/protocol.ts';
import type { BudgetBar } from '../../../src/view/serving/budget.ts';
import { budgetBars, budgetKeys, budgetVerdict, figuresOf } from '../../../src/view/serving/budget.ts';
import { budgetTable } from '../../../src/view/serving/budget-table.ts';

const GIB = 2 ** 30;
type Given = readonly (readonly [BudgetPart['id'], number, string?])[];

const budget = (parts: Given, rank = ''): MemoryBudget => ({
  rank: rankNamed(rank),
  producer: 'a server',
  parts: parts.map(([id, value, label = id]) => ({
    id,
    label,
    value: id === 'utilization' ? value : Math.round(value * GIB),
    granularity: id === 'utilization' ? 0 : 0.01 * GIB,
    offset: 7,
  })),
});
/** As vLLM 0.10.2 prints it: 71.26 - 56.93 - 5.58 - 0.07 = 8.68 GiB. `strange`: another process came in between. */
function vllm(rank: string, strange = 0): MemoryBudget {
  const told = budget(
    [
      ['total', 79.18, 'Total'],
      ['utilization', 0.9, 'Utilization'],
      ['requested', 71.26, 'Requested'],
      ['free_at_start', 78.4 - strange, 'Free at the start'],
      ['weights', 56.93, 'Weights'],
      ['non_torch', 0.07, 'Non-torch memory'],
      ['activation_peak', 5.58, 'Activation peak'],
      ['cuda_graphs', 0.88, 'CUDA graphs'],
      ['kv_cache', 8.68 - strange, 'KV cache'],
    ],
    rank,
  );
  const plain = (id: BudgetPart['id'], label: string, value: number): BudgetPart => ({
    id,
    label,
    value,
    granularity: 0,
    offset: 7,
  });
  return {
    ...told,
    parts: [
      ...told.parts,
      plain('kv_cache_tokens', 'KV cache tokens', 56_896),
      plain('tokens_per_request', 'Tokens per request', 8192),
      plain('max_concurrency', 'Maximum concurrency', 6.95),
    ],
  };
}
const bar = (given: MemoryBudget): BudgetBar => budgetBars([given], 'binary')[0];
const drawn = ({ segments }: BudgetBar): string[] =>
  segments.map(({ id, kind, bytes }) => `${kind} ${id} ${(bytes / GIB).toFixed(2)}`);

describe('what was requested', () => {
  it('is the sum of its parts; graphs captured later lie on top', () => {
    const one = bar(vllm('TP0'));
    expect(drawn(one)).toEqual([
      'part weights 56.93',
      'part non_torch 0.07',
      'part activation_peak 5.58',
      'part kv_cache 8.68',
      'outside cuda_graphs 0.88',
      'left left 7.04',
    ]);
    expect(one.apart).toBe(false);
    expect(one.sum).toBe(
      '79.2 GiB × 0.9 = 71.3 GiB requested = 56.9 GiB weights + 71.7 MiB non-torch + 5.58 GiB activation peak + 8.68 GiB KV cache',
    );
    expect(one.requestedAt).toBeCloseTo(71.26 / 79.18, 4);
    expect(budgetVerdict([one], 'binary')).toBe('The parts add up, within the printed digits.');
  });

  it('what is left over is shown as unexplained, and never spread', () => {
    const bars = budgetBars([vllm('TP0'), vllm('TP1', 1.3)], 'binary');
    expect(drawn(bars[1])).toContain('unexplained unexplained 1.30');
    expect(budgetVerdict(bars, 'binary')).toBe('Does not add up. TP1: 1.3 GiB unexplained.');
    expect(budgetKeys(bars).map(({ id }) => id)).toContain('unexplained');
  });

  it('an estimate of the graphs was set aside inside', () => {
    const one = bar(
      budget([
        ['total', 80],
        ['utilization', 0.9],
        ['requested', 72],
        ['weights', 40],
        ['non_torch', 1],
        ['activation_peak', 3],
        ['cuda_graphs_estimated', 2],
        ['cuda_graphs', 1.5],
        ['kv_cache', 26],
      ]),
    );
    expect(drawn(one)).toContain('part cuda_graphs 2.00');
    expect(one.apart).toBe(false);
  });

  it('measured graphs lie inside only where the sum closes with them', () => {
    const parts: Given = [
      ['requested', 10],
      ['weights', 5],
      ['non_torch', 1],
      ['activation_peak', 1],
      ['cuda_graphs', 1],
    ];
    expect(drawn(bar(budget([...parts, ['kv_cache', 2]])))).toContain('part cuda_graphs 1.00');
    expect(drawn(bar(budget([...parts, ['kv_cache', 3]])))).toContain('outside cuda_graphs 1.00');
  });

  it('parts that were not printed are named, and nothing is said to be unexplained', () => {
    const one = bar(
      budget([
        ['total', 80],
        ['requested', 72],
        ['weights', 40],
        ['kv_cache', 26],
      ]),
    );
    expect(one.segments.map(({ label }) => label)).toContain('Not printed: non-torch and activation peak');
    expect(one.unexplained).toBeNull();
    expect(budgetVerdict([one], 'binary')).toMatch(/does not print every part/);
  });

  it('parts that are more than was requested are drawn in full', () => {
    const one = bar(
      budget([
        ['requested', 10],
        ['weights', 8],
        ['non_torch', 1],
        ['activation_peak', 1],
        ['kv_cache', 2],
      ]),
    );
    expect(one.end).toBe(1);
    expect(one.requestedAt).toBeCloseTo(10 / 12);
    expect(one.sum).toMatch(/2 GiB more than that$/);
    expect(budgetVerdict([one], 'binary')).toBe('Does not add up. 2 GiB more than requested.');
  });
});

describe('without a request', () => {
  it('what went between free at the start and free at the end is the sum', () => {
    const one = bar(
      budget([
        ['total', 141],
        ['free_at_start', 115.36],
        ['weights', 67.56],
        ['kv_cache', 10.21, 'K'],
        ['kv_cache', 10.21, 'V'],
        ['available', 47.8, 'after weights'],
        ['available', 25, 'at the end'],
      ]),
    );
    expect(drawn(one)).toEqual([
      'before before 25.64',
      'part weights 67.56',
      'part kv_cache 20.42',
      'untold untold 2.38',
      'left left 25.00',
    ]);
    expect(one.requestedAt).toBeNull();
    // No sum is claimed, so nothing is wrong where the steps are not all of it.
    expect(one.claimed).toBe(false);
    expect(budgetVerdict([one], 'binary')).toBe(
      'What was free is printed before and after each step, and no sum of the steps: 2.38 GiB went to what no line names.',
    );
  });

  it('every line is a step of its own, also where two have the same name', () => {
    const steps = budget([
      ['free_at_start', 20],
      ['kv_cache', 4.25, 'K'],
      ['kv_cache', 2.13, 'K'],
      ['available', 13.62],
    ]);
    expect(drawn(bar(steps))).toEqual(['part kv_cache 6.38', 'left left 13.62']);
    expect(budgetTable([steps], [bar(steps)], 'binary').rows[1].cells[1].text).toBe('4.25 GiB + 2.13 GiB');
  });

  it('parts alone are drawn to their own scale', () => {
    const one = bar(
      budget([
        ['weights', 14.99],
        ['kv_cache', 54.74],
      ]),
    );
    expect(drawn(one)).toEqual(['part weights 14.99', 'part kv_cache 54.74']);
    expect(one.end).toBeCloseTo(1);
    expect(one.unexplained).toBeNull();
  });

  it('nothing at all is a bar with nothing in it', () => {
    expect(bar(budget([])).segments).toEqual([]);
  });
});

it('figures of one id: the last of each label, added up', () => {
  const given = budget([
    ['kv_cache', 1, 'K'],
    ['kv_cache', 2, 'V'],
    ['kv_cache', 3, 'V'],
  ]);
  expect(figuresOf(given, 'kv_cache')?.value).toBe(4 * GIB);
  expect(figuresOf(given, 'weights')).toBeNull();
});

describe('the table', () => {
  const texts = (budgets: readonly MemoryBudget[]): string[] =>
    budgetTable(budgets, budgetBars(budgets, 'binary'), 'binary').rows.map(({ cells }) =>
      cells.map(({ text }) => text).join(' | '),
    );

  it('has a column a rank, and says what does not add up', () => {
    const rows = texts([vllm('TP0'), vllm('TP1', 1.3)]);
    expect(rows).toContain('Utilization | 0.9 | 0.9');
    expect(rows).toContain('KV cache | 8.68 GiB | 7.38 GiB');
    expect(rows).toContain('Maximum concurrency | 6.95× | 6.95×');
    expect(rows.at(-1)).toBe('Unexplained (computed) | 0 | 1.3 GiB');
  });

  it('tells every byte, how coarsely it was printed and where', () => {
    const [total] = budgetTable([vllm('TP0')], budgetBars([vllm('TP0')], 'binary'), 'binary').rows;
    expect(total.cells[1].title).toBe('85,018,877,624 bytes, printed to 0.01 GiB, at byte 7 of the file');
  });

  it('is turned round where there are many ranks', () => {
    const many = Array.from({ length: 16 }, (_, i) => vllm(`TP${i}`));
    const table = budgetTable(many, budgetBars(many, 'binary'), 'binary');
    expect(table.rows).toHaveLength(16);
    expect(table.columns.map(({ label }) => label).slice(0, 3)).toEqual(['Rank', 'Total', 'Utilization']);
  });

  it('keeps a figure that was printed again in the title of the last', () => {
    const twice = budget([
      ['weights', 3],
      ['weights', 4],
    ]);
    const { rows } = budgetTable([twice], budgetBars([twice], 'binary'), 'binary');
    expect(rows[0].cells[1]).toMatchObject({ text: '4 GiB' });
    expect(rows[0].cells[1].title).toContain('printed before: 3 GiB');
  });
});
