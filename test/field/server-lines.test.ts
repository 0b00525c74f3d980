/** SGLang: steps below zero, lines of an NPU, lines behind a progress bar (kinds 22 and 23). */
import { describe, expect, it } from 'vitest';
import { behindBar } from '../../src/read/lines/log-pass.ts';
import { say } from './field.ts';

const GIB = 2 ** 30;

describe('U30 SGLang with DP attention on NPUs', () => {
  it('reads its lines and writes sentences that hold by arithmetic', async () => {
    const said = await say('U30-sglang-dp-attention.log');
    expect(said.code).toBe(0);
    expect(said.text).not.toContain('Not understood');
    expect(said.json.sources[0].warnings).toEqual([]);
    const budget = said.json.budgets.find(({ rank }) => rank === 'DP0 TP1 EP1');
    expect(budget?.parts.find(({ id }) => id === 'non_torch')?.value).toBe(0);
    expect(budget?.parts.find(({ label }) => label === 'Planned for the KV cache')?.value).toBe(
      Math.round(14.18 * GIB),
    );
    expect(said.text).not.toMatch(/Taken between the printed steps +-/);
    expect(said.text).toContain('came free again between them');
    expect(said.text).not.toContain('CUDA graphs');
    for (const [, start, end, gone] of said.text.matchAll(
      /([\d.]+) GiB free at the start - ([\d.]+) GiB when ready = ([\d.]+) GiB gone/g,
    ))
      expect(Math.abs(Number(start) - Number(end) - Number(gone))).toBeLessThanOrEqual(0.02);
  });
});

describe('U32 a line behind a progress bar', () => {
  it('is a line of its own', async () => {
    const said = await say('U32-sglang-line-behind-progress-bar.log');
    for (const { parts } of said.json.budgets) {
      const weights = parts.filter(({ id }) => id === 'weights').reduce((sum, { value }) => sum + value, 0);
      expect(weights / GIB).toBeCloseTo(31.99, 1);
    }
    expect(said.json.findings.map(({ id }) => id)).not.toContain('tensor-parallel-misuse');
  });

  it.each([
    [
      '99% Completed | 87/88 [01:02<00:01,  1.3it/s][2026-03-30 05:59:04 DP0 TP1] Load weight end.',
      '[2026-03-30 05:59:04 DP0 TP1] Load weight end.',
    ],
    [
      '(Worker_TP0 pid=7) Capturing CUDA graphs: 100%|##| 67/67 [00:01<00:00](Worker_TP1 pid=9) INFO 08-01 10:00:00 x',
      '(Worker_TP1 pid=9) INFO 08-01 10:00:00 x',
    ],
    [
      '(Worker_TP0 pid=7) Loading: 100%|##| 67/67 [00:01<00:00]',
      '(Worker_TP0 pid=7) Loading: 100%|##| 67/67 [00:01<00:00]',
    ],
    ['[2026-03-30 05:59:04 TP1] KV usage 99% of it', '[2026-03-30 05:59:04 TP1] KV usage 99% of it'],
  ])('%s', (text, expected) => {
    expect(behindBar({ text, offset: 0 }).text).toBe(expected);
  });
});
