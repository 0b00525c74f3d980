/** From where on the GPU is chosen: lines through two measured points, and what they say where they do not cross. */
import { describe, expect, it } from 'vitest';
import { crossoverOf, measureCrossovers } from '../../src/kernel/crossover.ts';
import { createCpuKernels } from '../../src/kernel/cpu-kernels.ts';
import type { Kernels } from '../../src/kernel/kernels.ts';

const SMALL = 2 ** 12;
const LARGE = 2 ** 17;
/** A cost of so many milliseconds, and so many more for each Mi of elements. */
const line = (fixed: number, perMebi: number) => ({
  small: fixed + (perMebi * SMALL) / 2 ** 20,
  large: fixed + (perMebi * LARGE) / 2 ** 20,
});

describe('crossoverOf', () => {
  it('is where both lines meet', () => {
    // 40 ms ahead, 20 ms gained with each Mi: 2 Mi.
    expect(crossoverOf(line(0, 22), line(40, 2))).toBeCloseTo(2 * 2 ** 20, -1);
  });

  it.each([
    ['a GPU that is slower from the first to the last', line(0, 1), line(40, 2), Infinity],
    ['a GPU that gains nothing', line(0, 2), line(40, 2), Infinity],
    ['a CPU whose cost does not grow', line(3, 0), line(40, 0), Infinity],
    ['a GPU that is quicker at once', line(10, 22), line(1, 2), SMALL],
    ['a GPU that is quicker at first alone', line(10, 1), line(1, 2), Infinity],
  ])('%s', (_what, cpu, gpu, from) => {
    expect(crossoverOf(cpu, gpu)).toBe(from);
  });

  it('takes a time that falls with the length for noise', () => {
    expect(crossoverOf(line(0, 22), { small: 41, large: 40 })).toBeLessThan(2 * 2 ** 20);
  });
});

describe('measureCrossovers', () => {
  it('chooses what waits for every answer never, and what answers at once always', async () => {
    const cpu = createCpuKernels();
    const late = async <T>(work: Promise<T>): Promise<T> => {
      const answer = await work;
      const until = performance.now() + 20;
      while (performance.now() < until);
      return answer;
    };
    const slow: Kernels = {
      ...cpu,
      pixelColumns: (...given) => late(cpu.pixelColumns(...given)),
      histogram: (...given) => late(cpu.histogram(...given)),
      openLives: (...given) => late(cpu.openLives(...given)),
    };
    const { curves, histogram, lives } = await measureCrossovers(cpu, slow);
    // Twenty times 20 ms more at either size: what noise gains an element makes up for that nowhere near.
    for (const from of [curves, histogram, lives]) expect(from).toBeGreaterThan(100_000);
  });
});
