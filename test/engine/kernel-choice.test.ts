/** CPU or GPU, and why. */
import { describe, expect, it } from 'vitest';
import { chooseAll, chooseKernels, type KernelState } from '../../src/engine/kernel-choice.ts';
import { createCpuKernels } from '../../src/kernel/cpu-kernels.ts';

const cpu = createCpuKernels();
const gpu = { ...createCpuKernels(), name: 'gpu' as const, maxLength: 1000 };
const state = (more: Partial<KernelState> = {}): KernelState => ({
  cpu,
  gpu,
  status: { gpu: 'ready', adapter: 'a card', mode: 'auto' },
  crossovers: { curves: Infinity, histogram: 500, lives: 100 },
  ...more,
});
const status = (gpuStatus: KernelState['status']['gpu'], mode: KernelState['status']['mode']) => ({
  status: { gpu: gpuStatus, adapter: 'a card', mode },
});

describe('what answers', () => {
  it('is decided for each kind of question by what was measured', () => {
    const chosen = chooseAll(state(), 200);
    expect(Object.values(chosen).map(({ kernels }) => kernels.name)).toEqual(['cpu', 'cpu', 'gpu']);
    expect(chosen.curves.reason).toBe('the CPU answers sooner on this machine');
    expect(chosen.histogram.reason).toBe('200 rows: below 500 the CPU answers sooner on this machine');
    expect(chosen.lives.reason).toBe('200 rows on a card');
    expect(chooseKernels(state(), 500, 'histogram').kernels.name).toBe('gpu');
    expect(chooseKernels(state(), 499, 'histogram').kernels.name).toBe('cpu');
  });

  it.each([
    ['switched off', state(status('ready', 'off')), 900, 'cpu', 'switched off'],
    ['switched on', state(status('ready', 'on')), 1, 'gpu', 'switched on'],
    ['no adapter', state({ gpu: null, ...status('absent', 'auto') }), 900, 'cpu', 'a card'],
    ['in software', state(status('software', 'auto')), 900, 'cpu', 'slower than plain code'],
    ['too long for one binding', state(), 1001, 'cpu', 'more than this GPU binds at once (1,000)'],
  ])('%s', (_what, given, rows, name, why) => {
    const { kernels, reason } = chooseKernels(given, rows, 'lives');
    expect(kernels.name).toBe(name);
    expect(reason).toContain(why);
  });
});
