/**
 * Random traffic under many settings: after every few steps a naive walk finds the segments tiled by their blocks, no
 * two free neighbours, and every statistic equal to the sum over the blocks.
 */
import { describe, expect, it } from 'vitest';
import { NO_BLOCK } from '../../src/replay/block-table.ts';
import { seeded } from '../read/snapshot/fixtures.ts';
import { Heap, type HeapOptions, MIB } from './drawn-heap.ts';

const CASES: readonly (HeapOptions & { readonly name: string })[] = [
  { name: 'defaults' },
  { name: 'three streams and two pools', streams: 3, pools: 2 },
  { name: 'a limit', limit: 500 * MIB, streams: 2 },
  { name: 'max_split_size', maxSplitSize: 24 * MIB },
  { name: 'max_split_size at a limit', maxSplitSize: 24 * MIB, limit: 500 * MIB },
  { name: 'rounding', roundupDivisions: new Array<number>(16).fill(4) },
  { name: 'garbage collection', garbageCollectionThreshold: 0.6, limit: 500 * MIB },
  {
    name: 'garbage collection and max_split_size',
    garbageCollectionThreshold: 0.4,
    maxSplitSize: 24 * MIB,
    limit: 600 * MIB,
    streams: 2,
  },
  { name: 'expandable segments', expandableSegments: true, streams: 2 },
  { name: 'expandable segments at a limit', expandableSegments: true, limit: 500 * MIB },
  { name: 'expandable segments on a small card', expandableSegments: true, capacity: 400 * MIB },
  { name: 'expandable segments and max_split_size', expandableSegments: true, maxSplitSize: 24 * MIB },
];

describe.each(CASES)('$name', ({ name, ...options }) => {
  it.each([1, 2])('seed %i', (seed) => {
    const random = seeded(seed * 1000 + name.length);
    const below = (n: number): number => Math.floor(random() * n);
    const heap = new Heap(options);
    const held: number[] = [];
    const pending: number[] = [];
    let failures = 0;
    for (let step = 0; step < 2000; step++) {
      const what = random();
      if (what < 0.5 || held.length < 5) {
        const bytes = 1 + below([4096, MIB, 10 * MIB, 50 * MIB][below(4)]);
        const block = heap.ask(bytes, below(options.streams ?? 1), below(options.pools ?? 1));
        if (block === NO_BLOCK) failures++;
        else held.push(block);
      } else if (what < 0.9 || pending.length > 20) {
        const [block] = held.splice(below(held.length), 1);
        heap.model.freeRequested(block);
        if (random() < 0.8) heap.model.freeCompleted(block);
        else pending.push(block);
      } else if (what < 0.995 && pending.length > 0) {
        const [block] = pending.splice(below(pending.length), 1);
        if (heap.model.isPending(block)) heap.model.freeCompleted(block);
      } else heap.model.emptyCache();
      // A retry or empty_cache completes what was pending.
      const waiting = pending.filter((block) => heap.model.isPending(block));
      pending.splice(0, pending.length, ...waiting);
      if (held.length > 60) heap.free(...held.splice(0, 30));
      const limit = Math.min(options.limit ?? Infinity, options.capacity ?? Infinity);
      if (heap.model.reserved > limit && !options.expandableSegments)
        expect.fail(`over the limit at ${step}`);
      if (step % 20 === 0) {
        const fault = heap.fault([...held, ...pending]);
        if (fault !== null) expect.fail(`step ${step}: ${fault}`);
      }
    }
    heap.free(...held);
    for (const block of pending) heap.model.freeCompleted(block);
    heap.model.emptyCache();
    expect(heap.fault([])).toBeNull();
    // empty_cache leaves private pools as they are.
    const shared = heap.model.lists.flatMap((list, at) => (heap.model.poolOf(at) === 0 ? list.blocks() : []));
    expect(shared).toEqual([]);
    if (options.pools === undefined) expect(heap.model.reserved).toBe(0);
    expect(heap.stats['num_device_alloc']).toBeGreaterThan(0);
    expect(heap.stats['num_ooms']).toBe(failures);
  });
});

it('the walk finds a planted fault', () => {
  const heap = new Heap();
  const blocks = [heap.ask(512), heap.ask(MIB), heap.ask(3 * MIB)];
  expect(heap.fault(blocks)).toBeNull();
  heap.model.blocks.size[blocks[1]] -= 512;
  expect(heap.fault(blocks)).toContain('gap');
  heap.model.blocks.size[blocks[1]] += 512;
  heap.model.stats.current[3] += 1;
  expect(heap.fault(blocks)).toContain('is');
});
