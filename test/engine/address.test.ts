import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { openFiles } from '../diagnose/logs-for-test.ts';

const PICKLE = join(import.meta.dirname, '..', 'fixtures', 'device-side', 'process.pickle');

let engine: Engine;
const allocations: { readonly row: number; readonly address: bigint; readonly size: bigint }[] = [];
let rows = 0;

/** The row, or the code of the error. */
async function found(address: string, last = rows - 1): Promise<number | string> {
  const answer = await engine.allocationAt('1:0', address, last);
  return answer.ok ? answer.value : answer.error.code;
}

beforeAll(async () => {
  ({ engine } = await openFiles({ 'process.pickle': new Uint8Array(readFileSync(PICKLE)) }));
  for (; ; rows++) {
    const moment = await engine.moment('1:0', 'event', rows);
    if (!moment.ok || moment.value.row !== rows) break;
    const { action, address, size } = moment.value;
    if (action === 'alloc') allocations.push({ row: rows, address: BigInt(address), size: BigInt(size) });
  }
});

describe('who had an address', () => {
  it('is told of every byte of an allocation, at its first and its last, in both spellings', async () => {
    expect(allocations.length).toBeGreaterThan(3);
    for (const { row, address, size } of allocations) {
      const last = address + size - 1n;
      const asked = [`0x${address.toString(16)}`, ` ${address} `, `0X${last.toString(16).toUpperCase()}`];
      for (const text of asked) expect(await found(text.replace('0X', '0x'), row)).toBe(row);
    }
  });

  it('is the newest allocation up to the row, as walking over all of them says', async () => {
    const walked = (address: bigint, last: number): number | string =>
      allocations.findLast(
        (one) => one.row <= last && address >= one.address && address < one.address + one.size,
      )?.row ?? 'refused';
    let reused = 0;
    for (const { address, size, row } of allocations)
      for (const last of [row - 1, row, rows - 1])
        for (const at of [address - 1n, address, address + size / 2n, address + size]) {
          const told = await found(String(at), last);
          expect(told).toBe(walked(at, last));
          if (typeof told === 'number' && told > row) reused++;
        }
    expect(reused).toBeGreaterThan(0);
  });

  it('is refused for what is no address, and for one that no event allocated', async () => {
    for (const text of ['', 'tensor', '0x', '-1', '1e9', '0x7fe134000000 0x1', '99999999999999999999'])
      expect(await found(text), text).toBe('refused');
    expect(await found('0x10')).toBe('refused');
    expect(await found('0xffffffffffffffff')).toBe('refused');
    expect(await found(`0x${allocations[0].address.toString(16)}`, -1)).toBe('refused');
  });
});
