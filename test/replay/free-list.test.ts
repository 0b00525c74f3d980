/** The free list against a plain sorted array, and the address index against a Map, under random operations. */
import { describe, expect, it } from 'vitest';
import { AddressIndex } from '../../src/replay/address-index.ts';
import { BlockTable, NO_BLOCK } from '../../src/replay/block-table.ts';
import { FreeList } from '../../src/replay/free-list.ts';
import { seeded } from '../read/snapshot/fixtures.ts';

/** A list over blocks whose sizes and addresses are drawn, and the same in a sorted array. */
class Pair {
  readonly size: Float64Array;
  readonly address: Float64Array;
  readonly list: FreeList;
  readonly naive: number[] = [];

  constructor(blocks: number, sizes: number, random: () => number) {
    this.size = Float64Array.from({ length: blocks }, () => 512 * (1 + Math.floor(random() * sizes)));
    this.address = Float64Array.from({ length: blocks }, (_, i) => 512 * ((i * 7919) % blocks));
    this.list = new FreeList(
      () => this.size,
      () => this.address,
    );
  }

  private sort(): void {
    const { size, address } = this;
    this.naive.sort((a, b) => size[a] - size[b] || address[a] - address[b]);
  }

  toggle(block: number): void {
    const at = this.naive.indexOf(block);
    if (at >= 0) {
      this.naive.splice(at, 1);
      this.list.remove(block);
    } else {
      this.naive.push(block);
      this.sort();
      this.list.insert(block);
    }
  }

  atLeast(bytes: number): number {
    return this.naive.find((block) => this.size[block] >= bytes) ?? -1;
  }
}

describe('a free list', () => {
  it.each([
    { seed: 1, blocks: 40, sizes: 8 },
    { seed: 2, blocks: 3000, sizes: 20 },
    { seed: 3, blocks: 3000, sizes: 100000 },
    { seed: 4, blocks: 2000, sizes: 1 },
  ])('$blocks blocks of $sizes sizes', ({ seed, blocks, sizes }) => {
    const random = seeded(seed);
    const pair = new Pair(blocks, sizes, random);
    for (let step = 0; step < 6000; step++) {
      pair.toggle(Math.floor(random() * blocks));
      const bytes = 512 * random() * (sizes + 2);
      if (pair.list.atLeast(bytes) !== pair.atLeast(bytes)) expect.fail(`at least ${bytes} at step ${step}`);
      const at = Math.floor(random() * pair.naive.length);
      if (pair.naive.length > 0 && pair.list.after(pair.naive[at]) !== (pair.naive[at + 1] ?? -1))
        expect.fail(`after ${pair.naive[at]} at step ${step}`);
      if (pair.list.largest() !== (pair.naive.at(-1) ?? -1)) expect.fail(`largest at step ${step}`);
      if (step % 500 === 0) expect(pair.list.blocks()).toEqual(pair.naive);
    }
    expect(pair.list.count).toBe(pair.naive.length);
    expect(pair.list.blocks()).toEqual(pair.naive);
    for (const block of [...pair.naive]) pair.toggle(block);
    expect([pair.list.count, pair.list.largest(), pair.list.atLeast(0)]).toEqual([0, -1, -1]);
  });

  it.each(['ascending', 'descending'])('%s insertions over several chunks', (order) => {
    const pair = new Pair(1200, 1, seeded(5));
    const blocks = [...pair.size.keys()].sort((a, b) => pair.address[a] - pair.address[b]);
    if (order === 'descending') blocks.reverse();
    for (const block of blocks) pair.toggle(block);
    expect(pair.list.blocks()).toEqual(pair.naive);
    for (const block of blocks.filter((_, i) => i % 3 !== 0)) pair.toggle(block);
    expect(pair.list.blocks()).toEqual(pair.naive);
  });

  it('refuses to take out what is not in it', () => {
    const pair = new Pair(10, 3, seeded(6));
    expect(() => pair.list.remove(0)).toThrow('block 0 is not in its free list');
    pair.toggle(1);
    expect(() => pair.list.remove(0)).toThrow('not in its free list');
  });
});

describe('an address index', () => {
  it.each([
    { seed: 11, addresses: 300 },
    { seed: 12, addresses: 20000 },
  ])('as a Map, over $addresses addresses', ({ seed, addresses }) => {
    const random = seeded(seed);
    const index = new AddressIndex();
    const map = new Map<number, number>();
    const base = 2 ** 46 + 2 ** 20;
    for (let step = 0; step < 60000; step++) {
      // Small blocks side by side, and segments far apart: low and high bits both tell addresses apart.
      const which = Math.floor(random() * addresses);
      const address = which % 2 === 0 ? base + 512 * which : base + 2 ** 25 * which;
      if (random() < 0.55) {
        index.set(address, step);
        map.set(address, step);
      } else {
        index.remove(address);
        map.delete(address);
      }
      const asked = base + 512 * Math.floor(random() * addresses);
      if (index.get(asked) !== (map.get(asked) ?? NO_BLOCK)) expect.fail(`step ${step}`);
    }
    expect(map.size).toBeGreaterThan(100);
    for (const [address, block] of map) if (index.get(address) !== block) expect.fail(`address ${address}`);
  });
});

describe('a block table', () => {
  it('keeps its rows when it grows, and takes dropped rows again', () => {
    const blocks = new BlockTable();
    for (let i = 0; i < 5000; i++) {
      const block = blocks.make(512 * i, 512, 1, i & 1);
      blocks.splice(block, i > 0 ? i - 1 : NO_BLOCK, NO_BLOCK);
    }
    for (let i = 0; i < 5000; i++) {
      const row = [blocks.address[i], blocks.size[i], blocks.expandable[i], blocks.prev[i], blocks.next[i]];
      const next = i < 4999 ? i + 1 : NO_BLOCK;
      if (row.join() !== [512 * i, 512, i & 1, i - 1, next].join()) expect.fail(`row ${i}: ${row.join()}`);
    }
    expect(blocks.isSplit(0)).toBe(true);
    blocks.drop(17);
    const again = blocks.make(1, 2, 3, 0);
    expect(again).toBe(17);
    expect([blocks.prev[17], blocks.next[17], blocks.isSplit(17)]).toEqual([NO_BLOCK, NO_BLOCK, false]);
  });
});
