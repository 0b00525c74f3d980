/** The twin of "what is open at each moment" against every life looked at for every moment, in BigInt. */
import { describe, expect, it } from 'vitest';
import { asBigUint64 } from '../../src/base/u64.ts';
import { createCpuKernels } from '../../src/kernel/cpu-kernels.ts';
import { countOpenLives } from '../../src/kernel/open-lives.cpu.ts';
import { LIVES_SHAPES, type LivesInput, makeLivesInput } from './shapes.ts';

function reference({ spans, sizes, keyOf, moments }: LivesInput, keys: number) {
  const all = asBigUint64(sizes);
  const columns = moments.length;
  const count = new Array<number>(keys * columns).fill(0);
  const bytes = new Array<bigint>(keys * columns).fill(0n);
  const largest = new Array<bigint>(columns).fill(0n);
  for (let column = 0; column < columns; column++)
    for (let life = 0; life < keyOf.length; life++) {
      const [from, to] = [spans[2 * life] | 0, spans[2 * life + 1] | 0];
      if (keyOf[life] >= keys || moments[column] < from || moments[column] >= to) continue;
      const at = keyOf[life] * columns + column;
      count[at]++;
      bytes[at] = BigInt.asUintN(64, bytes[at] + all[life]);
      if (all[life] > largest[column]) largest[column] = all[life];
    }
  return { count, bytes, largest };
}

describe('open lives on the CPU', () => {
  it.each(LIVES_SHAPES)('$name', (shape) => {
    // Every life for every moment: of the long ones a part says as much.
    const whole = makeLivesInput({ ...shape, lives: Math.min(shape.lives, 3000) });
    const { spans, sizes, keyOf, moments } = whole;
    const { count, bytes, largest } = countOpenLives(spans, sizes, keyOf, moments, shape.keys);
    expect({
      count: Array.from(count),
      bytes: Array.from(asBigUint64(bytes)),
      largest: Array.from(asBigUint64(largest)),
    }).toEqual(reference(whole, shape.keys));
  });

  it('refuses columns of other lives, and moments that go back', async () => {
    const kernels = createCpuKernels();
    const of = (length: number) => kernels.upload(new Uint32Array(length));
    const [two, one] = [await of(4), await of(2)];
    await expect(kernels.openLives(two, one, await of(2), new Int32Array(1), 1)).rejects.toThrow(RangeError);
    await expect(kernels.openLives(two, two, await of(3), new Int32Array(1), 1)).rejects.toThrow(
      'same lives',
    );
    await expect(kernels.openLives(two, two, await of(2), new Int32Array([3, 2]), 1)).rejects.toThrow(
      'Moment 1',
    );
  });
});
