import { describe, expect, it } from 'vitest';
import { findingsOf } from './logs-for-test.ts';

const snapshot = (cuda: string, name = 'before'): string =>
  `${name}: torch_peak=0.0GiB, free_memory=9.0GiB, total_memory=10.0GiB, cuda_memory=${cuda}GiB, torch_memory=0.0GiB, non_torch_memory=1.0GiB`;
const rank = (name: string): string => `(Worker_${name} pid=9) DEBUG 08-01 23:20:02 [gpu_worker.py:1]`;
const result = (total: string): string =>
  `Memory profiling takes 3.50 seconds. Total non KV cache memory: ${total}GiB; torch peak memory increase: 2.0GiB; non-torch forward increase memory: 1.0GiB; weights memory: 2.0GiB.`;

const of = (...lines: string[]): ReturnType<typeof findingsOf> =>
  findingsOf('contradiction', { 'pasted text': lines });

describe('contradiction, of figures of vLLM', () => {
  it('fires where a figure is further off than its digits leave open, and not within them', async () => {
    const [found] = await of(snapshot('1.02'));
    expect(found).toMatchObject({ severity: 'risk', gainBytes: null });
    expect(found.title).toBe("vLLM's memory figures in pasted text cannot all be right");
    expect(found.verdict).toContain('2 statements about them cannot hold');
    expect(found.evidence).toHaveLength(2);
    expect(found.evidence[0].text).toContain(
      'before: cuda_memory is not total_memory - free_memory: 20.5 MiB apart',
    );
    expect(await of(snapshot('1.01'))).toEqual([]);
  });

  it('fires where a total is not the sum of its terms, and names the rank', async () => {
    const [found] = await of(`${rank('TP1')} ${result('5.1')}`, `${rank('TP0')} ${result('5.0')}`);
    expect(found.evidence.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^TP1: Line 1: the total of what is not KV cache is not weights/) as string,
    ]);
    expect(await of(`${rank('TP1')} ${result('5.0')}`)).toEqual([]);
  });
});
