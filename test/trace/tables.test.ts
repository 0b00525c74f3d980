/** Growing columns and the tree of stacks, against plain arrays. */
import { describe, expect, it } from 'vitest';
import { asBigInt64, asBigUint64 } from '../../src/base/u64.ts';
import { ByteColumn, IndexColumn, NumberColumn, WordColumn } from '../../src/trace/column-builder.ts';
import { NONE } from '../../src/trace/schema.ts';
import { StackTable } from '../../src/trace/stack-table.ts';
import { seeded } from '../read/snapshot/fixtures.ts';

describe('columns', () => {
  it.each([
    ['ByteColumn', () => new ByteColumn(), 255],
    ['IndexColumn', () => new IndexColumn(), NONE],
    ['NumberColumn', () => new NumberColumn(), 2 ** 53],
  ] as const)('%s keeps what is pushed, grown', (_name, make, most) => {
    const column = make();
    const pushed = Array.from({ length: 5000 }, (_, i) => (i % 7 === 0 ? most : i % 200));
    for (const value of pushed) column.push(value);
    expect([...column.finish()]).toEqual(pushed);
    column.reserve(100_000);
    expect(column.data.length).toBeGreaterThanOrEqual(105_000);
    expect([...column.finish()]).toEqual(pushed);
  });

  it('WordColumn keeps 64 bits', () => {
    const column = new WordColumn();
    const values = [0n, 1n, -1n, 2n ** 53n, -(2n ** 53n), 2n ** 32n, -(2n ** 32n) - 7n];
    for (let round = 0; round < 400; round++) for (const value of values) column.pushInteger(Number(value));
    expect([...asBigInt64(column.finish())]).toEqual(new Array(400).fill(values).flat());
    const big = new WordColumn();
    big.pushBigInt(0xffff_ffff_ffff_fe00n);
    big.pushBigInt(-1n);
    big.pushWords(5, 6);
    expect([...asBigUint64(big.finish())]).toEqual([
      0xffff_ffff_ffff_fe00n,
      0xffff_ffff_ffff_ffffn,
      (6n << 32n) | 5n,
    ]);
  });
});

describe('StackTable', () => {
  it('gives every stack one node, the same for the same frames, and tells them back', () => {
    const table = new StackTable();
    const random = seeded(9);
    const known = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const depth = Math.floor(random() * 6);
      const lines = Array.from({ length: depth }, () => 1 + Math.floor(random() * 12));
      const frames = Uint32Array.from(lines, (line) => table.internFrame('f', 'a.py', line));
      const node = table.internStack(frames, depth);
      const before = known.get(lines.join());
      if (depth === 0) expect(node).toBe(NONE);
      else if (before !== undefined && before !== node) expect.fail(`${lines.join()}: ${before} and ${node}`);
      known.set(lines.join(), node);
    }
    expect(table.frames).toHaveLength(12);
    expect(new Set(known.values()).size).toBe(known.size);
    for (const [lines, node] of known)
      expect(
        table
          .stack(node)
          .map(({ line }) => line)
          .join(),
      ).toBe(lines);
  });

  it('shares callers: a stack costs one node more than its caller', () => {
    const table = new StackTable();
    const [inner, other, outer] = ['inner', 'other', 'outer'].map((name) =>
      table.internFrame(name, 'a.py', 1),
    );
    const first = table.internStack(Uint32Array.of(inner, outer), 2);
    const second = table.internStack(Uint32Array.of(other, outer), 2);
    expect(table.length).toBe(3);
    expect(table.parent(first)).toBe(table.parent(second));
    expect(table.frameOf(first)).toBe(inner);
    expect(table.child(table.parent(first), inner)).toBe(first);
    expect(table.parent(table.parent(first))).toBe(NONE);
  });

  it('a line that none can be is taken as not known', () => {
    const table = new StackTable();
    const unknown = table.internFrame('f', 'a', 0);
    for (const line of [-1, -5, NaN, Infinity, 1.5, 2 ** 60])
      expect(table.internFrame('f', 'a', line)).toBe(unknown);
    expect(table.internFrame('f', 'a', 1)).not.toBe(unknown);
  });

  it('frames differ by name, file or line alone', () => {
    const table = new StackTable();
    const ids = [
      table.internFrame('f', 'a', 1),
      table.internFrame('f', 'a', 2),
      table.internFrame('f', 'b', 1),
      table.internFrame('g', 'a', 1),
      table.internFrame('', 'fa', 1),
    ];
    expect(new Set(ids).size).toBe(5);
    expect(table.internFrame('f', 'a', 1)).toBe(ids[0]);
  });
});
