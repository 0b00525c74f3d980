import { describe, expect, it } from 'vitest';
import { computeRunningTotals } from '../../src/kernel/running-totals.cpu.ts';
import { asBigInt64 } from '../../src/base/u64.ts';
import { COLUMN_SHAPES, LENGTHS, createRandom, makeColumn } from './shapes.ts';

/** Plain BigInt arithmetic, modulo 2^64. */
function referenceTotals(deltas: Uint32Array, initial: bigint): bigint[] {
  let total = initial;
  return Array.from(asBigInt64(deltas), (delta) => (total = BigInt.asIntN(64, total + delta)));
}

describe('running totals on the CPU', () => {
  const initials = [0n, 1n, -1n, 2n ** 32n - 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)];
  for (const shape of COLUMN_SHAPES) {
    it.each(LENGTHS.map((length, i) => [length, initials[i % initials.length]] as const))(
      `${shape.name}: %i deltas from %i`,
      (length, initial) => {
        const deltas = shape.make(length, createRandom(length));
        const totals = computeRunningTotals(deltas, initial);
        expect(Array.from(asBigInt64(totals))).toEqual(referenceTotals(deltas, initial));
      },
    );
  }

  it.each(initials)('starts from %i', (initial) => {
    const deltas = makeColumn(3, (i) => [1n, -(2n ** 32n), 2n ** 62n][i]);
    expect(Array.from(asBigInt64(computeRunningTotals(deltas, initial)))).toEqual(
      referenceTotals(deltas, initial),
    );
  });

  it('leaves the deltas as they were', () => {
    const deltas = makeColumn(4, (i) => BigInt(i));
    computeRunningTotals(deltas, 9n);
    expect(Array.from(asBigInt64(deltas))).toEqual([0n, 1n, 2n, 3n]);
  });
});
