/** The allocator's rules one by one, on small drawn heaps: "[a2 .18]" is a segment of 20 MiB, 2 of them allocated. */
import { describe, expect, it } from 'vitest';
import { NO_BLOCK } from '../../src/replay/block-table.ts';
import { Heap, MIB } from './drawn-heap.ts';

const K = 1024;

describe('splitting', () => {
  it('small pool: splits where 512 bytes are left, not at an exact fit', () => {
    const heap = new Heap();
    const first = heap.ask(MIB);
    expect(heap.draw(first)).toBe('[a1 .1]');
    const rest = heap.ask(MIB - 512);
    expect(heap.sizeOf(rest)).toBe(MIB - 512);
    expect(heap.stats['inactive_split_bytes.small_pool.current']).toBe(512);
    const last = heap.ask(1);
    expect(heap.stats['inactive_split.all.current']).toBe(0);
    expect(heap.stats['segment.all.current']).toBe(1);
    expect(heap.stats['requested_bytes.all.current']).toBe(2 * MIB - 511);
    expect(heap.fault([first, rest, last])).toBeNull();
  });

  it('large pool: splits where more than 1 MiB is left', () => {
    const keeps = new Heap();
    expect(keeps.draw(keeps.ask(11 * MIB))).toBe('[a12]');
    expect(keeps.stats['allocated_bytes.all.current']).toBe(12 * MIB);
    const splits = new Heap();
    const block = splits.ask(11 * MIB - 512);
    expect(splits.sizeOf(block)).toBe(11 * MIB - 512);
    expect(splits.stats['inactive_split_bytes.large_pool.current']).toBe(MIB + 512);
  });

  it('max_split_size: requests from there on are not split, below they are', () => {
    const heap = new Heap({ maxSplitSize: 32 * MIB });
    const over = heap.ask(32 * MIB);
    const under = heap.ask(9 * MIB);
    expect(heap.draw(over, under)).toBe('[a32] [a9 .11]');
    expect(heap.stats['oversize_allocations.current']).toBe(1);
    expect(heap.stats['oversize_segments.current']).toBe(1);
  });

  it('expandable segments split in the large pool too, down to 512 bytes', () => {
    const heap = new Heap({ expandableSegments: true });
    const block = heap.ask(20 * MIB - 512);
    expect(heap.sizeOf(block)).toBe(20 * MIB - 512);
    expect(heap.stats['reserved_bytes.all.current']).toBe(20 * MIB);
    // Not counted in expandable segments.
    expect(heap.stats['inactive_split_bytes.all.current']).toBe(0);
  });
});

describe('best fit', () => {
  it('takes the smallest block that fits', () => {
    const heap = new Heap();
    const [a, b, c] = [heap.ask(40 * MIB), heap.ask(14 * MIB), heap.ask(30 * MIB)];
    heap.free(a, b, c);
    const taken = heap.ask(13 * MIB);
    expect(heap.draw(taken)).toBe('[.40] [a14] [.30]');
    expect(heap.draw(taken, heap.ask(15 * MIB))).toBe('[.40] [a14] [a15 .15]');
  });

  it('of equal blocks the one at the lowest address', () => {
    const heap = new Heap();
    const blocks = [1, 2, 3].map(() => heap.ask(12 * MIB));
    heap.free(blocks[2], blocks[0], blocks[1]);
    expect(heap.addressOf(heap.ask(12 * MIB))).toBe(1024 * MIB);
    expect(heap.addressOf(heap.ask(12 * MIB))).toBe(1036 * MIB);
  });

  it('never takes a block of another stream, pool or size class', () => {
    const heap = new Heap({ streams: 2, pools: 2 });
    heap.free(heap.ask(12 * MIB, 0, 0), heap.ask(512, 0, 0));
    heap.ask(12 * MIB, 1, 0);
    heap.ask(12 * MIB, 0, 1);
    expect(heap.stats['segment.large_pool.current']).toBe(3);
    heap.ask(12 * MIB, 0, 0);
    expect(heap.stats['segment.large_pool.current']).toBe(3);
    heap.ask(MIB + 1, 0, 0);
    expect(heap.stats['segment.large_pool.current']).toBe(4);
  });
});

describe('oversize blocks', () => {
  it('serve no request below max_split_size', () => {
    const heap = new Heap({ maxSplitSize: 32 * MIB });
    heap.free(heap.ask(32 * MIB));
    expect(heap.draw(heap.ask(30 * MIB))).toBe('[.32] [a30]');
  });

  it('serve a larger one where they are less than max_non_split_rounding too large', () => {
    const fits = new Heap({ maxSplitSize: 32 * MIB });
    fits.free(fits.ask(60 * MIB));
    expect(fits.draw(fits.ask(40 * MIB + 512))).toBe('[a60]');
    const not = new Heap({ maxSplitSize: 32 * MIB });
    not.free(not.ask(60 * MIB));
    expect(not.draw(not.ask(40 * MIB))).toBe('[.60] [a40]');
    const wide = new Heap({ maxSplitSize: 32 * MIB, maxNonSplitRounding: 21 * MIB });
    wide.free(wide.ask(60 * MIB));
    expect(wide.draw(wide.ask(40 * MIB))).toBe('[a60]');
  });

  it('go back, the largest first, only as many as a request needs at the limit', () => {
    const heap = new Heap({ maxSplitSize: 32 * MIB, limit: 160 * MIB });
    heap.free(heap.ask(34 * MIB), heap.ask(50 * MIB), heap.ask(60 * MIB));
    const large = heap.ask(80 * MIB);
    expect(heap.draw(large)).toBe('[.34] [a80]');
    expect(heap.stats['num_alloc_retries']).toBe(0);
    expect(heap.stats['num_device_free']).toBe(2);
    expect(heap.stats['num_sync_all_streams']).toBe(0);
  });
});

describe('at the limit', () => {
  it('a request that fits exactly is served, one that does not gives everything back and tries again', () => {
    const heap = new Heap({ limit: 40 * MIB });
    heap.free(heap.ask(20 * MIB));
    const exact = heap.ask(20 * MIB);
    heap.free(heap.ask(12 * MIB));
    expect(heap.stats['num_alloc_retries']).toBe(0);
    const again = heap.ask(16 * MIB);
    expect(heap.stats['num_alloc_retries']).toBe(1);
    expect(heap.stats['num_sync_all_streams']).toBe(1);
    expect(heap.draw(exact, again)).toBe('[a20] [a16]');
  });

  it('a retry completes pending frees', () => {
    const heap = new Heap({ limit: 40 * MIB });
    const waiting = heap.ask(30 * MIB);
    heap.model.freeRequested(waiting);
    expect(heap.draw(waiting)).toBe('[p30]');
    const block = heap.ask(24 * MIB);
    expect(heap.draw(block)).toBe('[a24]');
    expect(heap.model.isPending(waiting)).toBe(false);
    expect(heap.stats['active_bytes.all.current']).toBe(24 * MIB);
  });

  it('an out-of-memory error leaves what is allocated as it was', () => {
    const heap = new Heap({ limit: 40 * MIB });
    const held = heap.ask(30 * MIB);
    expect(heap.ask(12 * MIB)).toBe(NO_BLOCK);
    expect([heap.stats['num_alloc_retries'], heap.stats['num_ooms']]).toEqual([1, 1]);
    expect(heap.draw(held)).toBe('[a30]');
    expect(heap.fault([held])).toBeNull();
  });
});

describe('garbage collection', () => {
  const old = (settings = {}): Heap =>
    new Heap({ garbageCollectionThreshold: 0.5, limit: 100 * MIB, streams: 2, ...settings });

  /** Two free segments, the first of them older by four searches, beside a split one of another stream. */
  function twoFree(second: number): { heap: Heap; held: number } {
    const heap = old();
    const held = heap.ask(2 * MIB, 1);
    const [a, b] = [heap.ask(30 * MIB), heap.ask(second * MIB)];
    heap.free(a);
    // Searches of the pool, of whatever stream, are the clock.
    for (let i = 0; i < 4; i++) heap.free(heap.ask(3 * MIB, 1));
    heap.free(b);
    expect(heap.stats['num_device_free']).toBe(0);
    return { heap, held };
  }

  it('gives back what is at least as old as the average, and stops where that is enough', () => {
    const { heap, held } = twoFree(20);
    const block = heap.ask(31 * MIB);
    expect(heap.draw(held, block)).toBe('[a2 .18] [.20] [a32]');
    expect(heap.stats['num_device_free']).toBe(1);
    expect(heap.stats['num_alloc_retries']).toBe(0);
    expect(heap.fault([held, block])).toBeNull();
  });

  it('takes another pass over the younger ones where it is not', () => {
    const { heap, held } = twoFree(40);
    const block = heap.ask(42 * MIB);
    expect(heap.draw(held, block)).toBe('[a2 .18] [a42]');
    expect(heap.stats['num_device_free']).toBe(2);
    expect(heap.stats['num_alloc_retries']).toBe(0);
  });

  it('does nothing at or below the threshold, without a limit, or without a threshold', () => {
    for (const settings of [{ limit: 200 * MIB }, { limit: Infinity }, { garbageCollectionThreshold: 0 }]) {
      const heap = old(settings);
      heap.free(heap.ask(30 * MIB), heap.ask(28 * MIB));
      heap.ask(32 * MIB);
      expect(heap.stats['num_device_free']).toBe(0);
    }
  });

  it('never gives back small segments or split ones', () => {
    const heap = old();
    heap.free(heap.ask(512));
    const [part, whole] = [heap.ask(9 * MIB), heap.ask(42 * MIB)];
    heap.free(whole);
    const block = heap.ask(50 * MIB);
    expect(heap.draw(part, block)).toBe('[.2] [a9 .11] [a50]');
    expect(heap.stats['num_device_free']).toBe(1);
  });
});

describe('empty_cache', () => {
  it('gives back whole free segments, keeps split ones, and completes pending frees', () => {
    const heap = new Heap();
    const [part, whole, waiting] = [heap.ask(2 * MIB), heap.ask(30 * MIB), heap.ask(40 * MIB)];
    const small = heap.ask(K);
    heap.free(whole, small);
    heap.model.freeRequested(waiting);
    expect(heap.draw(part, waiting)).toContain('[p40]');
    heap.model.emptyCache();
    expect(heap.draw(part)).toBe('[a2 .18]');
    expect(heap.stats['num_sync_all_streams']).toBe(1);
    expect(heap.stats['num_device_free']).toBe(3);
  });

  it('unmaps whole free pages of expandable segments and drops empty ranges', () => {
    const heap = new Heap({ expandableSegments: true });
    const [a, b, c] = [heap.ask(30 * MIB), heap.ask(30 * MIB), heap.ask(10 * MIB)];
    expect(heap.draw(a, b, c)).toBe('[a30 a30 a10 .10 _]');
    heap.free(b);
    heap.model.emptyCache();
    // Of the free 30 to 60 MiB the page from 40 to 60 goes; the one of 60 to 80 is half in use.
    expect(heap.draw(a, c)).toBe('[a30 .10 _ a10 .10 _]');
    expect(heap.stats['reserved_bytes.all.current']).toBe(60 * MIB);
    expect(heap.fault([a, c])).toBeNull();
    heap.free(a, c);
    heap.model.emptyCache();
    expect(heap.draw()).toBe('');
    expect(heap.stats['reserved_bytes.all.current']).toBe(0);
  });
});

describe('expandable segments', () => {
  it('grow by pages: 20 MiB of the large pool, 2 MiB of the small one, each in its own range', () => {
    const heap = new Heap({ expandableSegments: true });
    const [large, small] = [heap.ask(21 * MIB), heap.ask(K)];
    expect(heap.stats['reserved_bytes.large_pool.current']).toBe(40 * MIB);
    expect(heap.stats['reserved_bytes.small_pool.current']).toBe(2 * MIB);
    expect(heap.stats['num_device_alloc']).toBe(2);
    expect(heap.stats['segment.all.current']).toBe(0);
    const more = heap.ask(30 * MIB);
    expect(heap.draw(large, small, more).split('] [')[0]).toBe('[a21 a30 .9 _');
    expect(heap.fault([large, small, more])).toBeNull();
  });

  it('fill an unmapped hole before growing at the end', () => {
    const heap = new Heap({ expandableSegments: true });
    const [a, b, c] = [heap.ask(20 * MIB), heap.ask(40 * MIB), heap.ask(20 * MIB)];
    heap.free(b);
    heap.model.emptyCache();
    expect(heap.draw(a, c)).toBe('[a20 _ a20 _]');
    const d = heap.ask(25 * MIB);
    expect(heap.draw(a, c, d)).toBe('[a20 a25 .15 a20 _]');
  });

  it('map what is missing behind a free block', () => {
    const heap = new Heap({ expandableSegments: true });
    const [a, b] = [heap.ask(30 * MIB), heap.ask(5 * MIB)];
    heap.free(b);
    const c = heap.ask(40 * MIB);
    expect(heap.draw(a, c)).toBe('[a30 a40 .10 _]');
    expect(heap.stats['num_device_alloc']).toBe(2);
    expect(heap.fault([a, c])).toBeNull();
  });

  it('a card that is full is a retry, then an error', () => {
    const heap = new Heap({ expandableSegments: true, capacity: 40 * MIB });
    const held = heap.ask(20 * MIB);
    expect(heap.ask(30 * MIB)).toBe(NO_BLOCK);
    expect(heap.stats['num_ooms']).toBe(1);
    expect(heap.fault([held])).toBeNull();
  });
});
