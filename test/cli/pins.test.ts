/** What the command says of free memory: who pins it, in the object and in a line; and by pool, stream and size class. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { pinLines } from '../../src/cli/print-pins.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import type { AnalysisPins } from '../../src/engine/document/pins.ts';
import { fixturePath } from '../read/snapshot/fixtures.ts';

async function run(...argv: string[]): Promise<string> {
  let out = '';
  await main(argv, { write: (text) => (out += String(text)) }, { write: () => undefined });
  return out;
}

const GRAPHS = fixturePath('graphs.pickle.gz');
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const MIB = 2 ** 20;
const pins = (changes: Partial<AnalysisPins> = {}): AnalysisPins => ({
  source: 0,
  device: 1,
  row: 99,
  pinned_bytes: 20 * MIB,
  alone_bytes: 20 * MIB,
  shared_bytes: 0,
  private_bytes: 0,
  alone: [
    {
      by: 'a',
      blocks: 9,
      block_bytes: 90 * MIB,
      released_bytes: 101 * MIB,
      unpinned_bytes: 11 * MIB,
      row: 1,
    },
    { by: 'b', blocks: 1, block_bytes: 1 * MIB, released_bytes: 10 * MIB, unpinned_bytes: 9 * MIB, row: 2 },
  ],
  alone_total: 2,
  together: [],
  ...changes,
});

describe('the line', () => {
  it('names the stack that sets more free than it takes', () => {
    expect(pinLines([pins()])).toEqual([
      '',
      'What keeps free memory from being released at the end',
      '  device 1: 20 MiB (20,971,520 B) are free and pinned by live blocks; 1 block of b (1 MiB (1,048,576 B)) keeps 9 MiB (9,437,184 B) of free memory from being released',
    ]);
  });

  it('says where no stack does, and what several hold together', () => {
    const [, , line] = pinLines([pins({ alone: pins().alone.slice(0, 1), shared_bytes: MIB })]);
    expect(line).toBe(
      '  device 1: 20 MiB (20,971,520 B) are free and pinned by live blocks, 1 MiB (1,048,576 B) of it by several stacks together; no stack alone keeps more than its own blocks take',
    );
  });

  it('is not there where nothing is pinned', () => {
    expect(pinLines([pins({ pinned_bytes: 0 })])).toEqual([]);
  });
});

describe('a recording', () => {
  it('has its pins in the object, in parts that sum', async () => {
    const { pins: told, ledger } = JSON.parse(await run('analyze', '--json', GRAPHS)) as Analysis;
    expect(told).toHaveLength(1);
    const [{ pinned_bytes: pinned, alone_bytes: alone, shared_bytes: shared, private_bytes: inPrivate }] =
      told;
    expect(alone + shared).toBe(pinned);
    expect(sum(told[0].alone.map(({ unpinned_bytes: bytes }) => bytes))).toBeGreaterThanOrEqual(alone);
    const [end] = ledger;
    expect([end.when, end.row]).toEqual(['end', told[0].row]);
    // Nothing waits for other streams at the end: what is pinned is the inactive split, of all pools.
    expect(end.parts['pending']).toBe(0);
    expect(pinned + inPrivate).toBe(end.parts['inactive_split']);
  });

  it('has its free memory by pool, stream and size class, and as each stream sees it', async () => {
    const { ledger } = JSON.parse(await run('analyze', '--json', GRAPHS)) as Analysis;
    for (const { parts, free, inactive_split_for: seen } of ledger) {
      const split = parts['inactive_split'] ?? NaN;
      expect(sum(free.map((one) => one.split_bytes + one.page_bytes))).toBe(split);
      expect(sum(free.map((one) => one.whole_bytes))).toBe(
        (parts['releasable'] ?? NaN) + (parts['private_idle'] ?? NaN),
      );
      for (const one of seen) expect(sum(Object.values(one.parts))).toBe(split);
    }
    expect(ledger[0].inactive_split_for.length).toBeGreaterThan(1);
  });

  it('has a line in the text', async () => {
    expect(await run('analyze', GRAPHS)).toMatch(
      /\n {2}device 0: [\d.]+ MiB \([\d,]+ B\) are free and pinned by live blocks.* of free memory from being released\n/,
    );
  });
});

describe('blocks without a stack', () => {
  const PROCESS = fileURLToPath(new URL('../fixtures/device-side/process.pickle', import.meta.url));

  it('are named by their size, in the object and in the lines', async () => {
    const json = await run('analyze', '--json', PROCESS);
    const [told] = (JSON.parse(json) as Analysis).pins;
    expect(told.together.flatMap(({ added }) => added)).toContain('allocations of 18 KiB without a stack');
    for (const printed of [json, await run('analyze', PROCESS)])
      expect(printed).not.toMatch(/\{(bytes|exact):/);
  });
});
